/* mean-activation.c: the mean activation of a run, of each of its units, and of each class: a metric per run
 * that uses every service a simple metric needs. A third party's plugin looks like this.
 *
 *     workbench run mean-activation --in runs/x.h5 --rectify
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

typedef struct mean_params {
  int32_t rectify, statistic;
  double scale;
  wb_int_list skip;
  const char *name;
} mean_params;

enum { MEAN, MAXIMUM };
static const char *const statistics[] = {"mean", "maximum", NULL};

static const wb_param params_table[] = {
    {.name = "rectify",
     .help = "set negative activations to zero first",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(mean_params, rectify)},
    {.name = "statistic",
     .help = "over the units",
     .type = WB_CHOICE,
     .choices = statistics,
     .default_text = "mean",
     .offset = offsetof(mean_params, statistic)},
    {.name = "scale",
     .help = "factor of every activation",
     .type = WB_FLOAT,
     .default_text = "1",
     .min = 0,
     .max = 1000,
     .offset = offsetof(mean_params, scale)},
    {.name = "skip",
     .help = "units to leave out",
     .type = WB_INT_LIST,
     .min = 0,
     .max = 65535,
     .flags = WB_PARAM_ADVANCED,
     .offset = offsetof(mean_params, skip)},
    {.name = "name",
     .help = "shown in the log",
     .type = WB_STRING,
     .flags = WB_PARAM_ADVANCED | WB_PARAM_NOT_IDENTITY,
     .offset = offsetof(mean_params, name)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F64,
     .rank = 2},
    {.role = "labels",
     .help = "class of each stimulus",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1,
     .flags = WB_INPUT_OPTIONAL},
};

static const wb_output outputs_table[] = {
    {.name = "mean",
     .title = "mean activation",
     .help = "over stimuli and units",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "units",
     .title = "mean activation",
     .help = "of each unit",
     .x_label = "unit",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_CURVE},
    {.name = "classes",
     .title = "mean activation",
     .help = "of each class",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
};

/* Means of each unit over the stimuli; x (n, d). */
static void unit_means(double *means, const double *x, size_t n, size_t d, const mean_params *p) {
  memset(means, 0, d * sizeof *means);
  for (size_t s = 0; s < n; s++)
    for (size_t u = 0; u < d; u++) means[u] += p->rectify && x[s * d + u] < 0 ? 0 : p->scale * x[s * d + u];
  for (size_t u = 0; u < d; u++) means[u] /= (double)n;
}

static int skipped(const mean_params *p, size_t unit) {
  for (size_t i = 0; i < p->skip.count; i++)
    if (p->skip.items[i] == (int64_t)unit) return 1;
  return 0;
}

static double summarise(const double *means, size_t d, const mean_params *p) {
  double sum = 0, maximum = -INFINITY;
  size_t count = 0;
  for (size_t u = 0; u < d; u++) {
    if (skipped(p, u)) continue;
    sum += means[u];
    maximum = fmax(maximum, means[u]);
    count++;
  }
  return p->statistic == MAXIMUM ? maximum : sum / (double)count;
}

static wb_status emit_classes(const wb_host *host, const double *x, size_t n, size_t d) {
  if (!host->has(host, "labels", 0)) return host->emit_missing(host, "classes", "the file has no labels");
  const void *labels;
  const char *const *names;
  uint32_t classes;
  WB_TRY(host->map(host, "labels", 0, &labels));
  WB_TRY(host->names(host, 0, "class", &names, &classes));
  if (!classes) return host->emit_missing(host, "classes", "the labels have no names");
  double *sums = WB_ALLOC(host, double, classes), *counts = WB_ALLOC(host, double, classes);
  if (!sums || !counts) return WB_NOMEM;
  for (uint32_t c = 0; c < classes; c++) sums[c] = counts[c] = 0;
  for (size_t s = 0; s < n; s++) {
    const uint32_t c = (uint32_t)((const int32_t *)labels)[s] % classes;
    for (size_t u = 0; u < d; u++) sums[c] += x[s * d + u];
    counts[c] += (double)d;
  }
  for (uint32_t c = 0; c < classes; c++) sums[c] = counts[c] > 0 ? sums[c] / counts[c] : 0;
  return host->emit_matrix(host, "classes", 1, classes, sums, NULL, names);
}

static wb_status check(const wb_host *host, const void *params) {
  const mean_params *p = params;
  if (p->scale == 0 && p->statistic == MAXIMUM)
    return host->fail(host, WB_ARG, "with --scale 0 every maximum is 0; choose another --statistic");
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  const mean_params *p = params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  const size_t n = dims[0], d = dims[1];
  double *x = WB_ALLOC(host, double, n *d), *means = WB_ALLOC(host, double, d);
  if (!x || !means) return WB_NOMEM;
  WB_TRY(host->read(host, "activations", 0, 0, n, x));
  unit_means(means, x, n, d, p);
  wb_host_log(host, WB_DEBUG, "%s: %s has %zu stimuli", p->name ? p->name : "mean-activation",
              host->run_path(host, 0), n);
  WB_TRY(host->emit_scalar(host, "mean", summarise(means, d, p)));
  WB_TRY(host->emit_curve(host, "units", d, NULL, means));
  return emit_classes(host, x, n, d);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .params_size = sizeof(mean_params),
    .id = "mean-activation",
    .version = "1.0",
    .title = "mean activation of units and classes",
    .summary = "The mean activation over stimuli and units.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .example = "workbench run mean-activation --in runs/*.h5 --rectify",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
