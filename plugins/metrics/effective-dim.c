/* effective-dim.c: how many dimensions a representation uses.
 *
 * With l the eigenvalues of the covariance matrix C of the units over stimuli, the participation ratio is
 *
 *     PR = (sum l)^2 / sum l^2 = trace(C)^2 / |C|_F^2 ,
 *
 * so that no eigenvalue is ever computed. 1: all variance lies along one direction; the number of units:
 * it is spread evenly over all directions. Given of all stimuli, of the stimuli of each class (then the mean
 * over classes), both before and after ReLU; and of the embedding layer's weight, whose rows (the units'
 * weight vectors) take the place of the stimuli.
 *
 * Gao et al. 2017; Truong & Hasson 2025. That the rows of the weight are centred is chosen by workbench.
 *
 *     workbench run effective-dim --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

#include "covariance.h"
#include "memory.h"

enum { ALL = -1, MOST_CLASSES = 100000 };
static const size_t BLOCK_BYTES = (size_t)16 << 20, SUMS_BYTES = (size_t)256 << 20;

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
    {.role = "labels",
     .help = "classes of the stimuli; negative: none",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1,
     .flags = WB_INPUT_OPTIONAL},
    {.role = "embedding_weight",
     .help = "weight of the embedding layer",
     .object = "/roles/embedding_weight",
     .axes = {"embedding_unit", "fan_in"},
     .element = WB_F32,
     .rank = 2,
     .flags = WB_INPUT_OPTIONAL},
};

#define DIMENSION(id, label, about, more)                                                                    \
  {                                                                                                          \
    .name = (id), .title = (label), .help = (about), .higher_means = "spread over more dimensions",          \
    .low = 0, .high = INFINITY, .reference = NAN, .shape = WB_SCALAR,                                        \
    .flags = WB_OUTPUT_MAY_BE_MISSING | (more)                                                               \
  }
#define OF_CLASSES(id, about)                                                                                \
  {                                                                                                          \
    .name = (id), .title = "effective dimensionality", .help = (about), .x_label = "class", .low = 0,        \
    .high = INFINITY, .reference = NAN, .shape = WB_CURVE, .plot = WB_PLOT_NONE,                             \
    .flags = WB_OUTPUT_MAY_BE_MISSING                                                                        \
  }

static const wb_output outputs_table[] = {
    DIMENSION("overall", "effective dimensionality", "participation ratio over all stimuli",
              WB_OUTPUT_HEADLINE),
    DIMENSION("within", "within-class dimensionality",
              "participation ratio over the stimuli of one class, mean over classes", WB_OUTPUT_HEADLINE),
    DIMENSION("overall-relu", "effective dimensionality after ReLU",
              "participation ratio over all stimuli, after ReLU", 0),
    DIMENSION("within-relu", "within-class dimensionality, after ReLU",
              "participation ratio over the stimuli of one class, after ReLU, mean over classes", 0),
    DIMENSION("weight", "effective dimensionality of the weight",
              "participation ratio of the embedding layer's weight vectors, one per unit", 0),
    OF_CLASSES("classes", "participation ratio over the stimuli of each class"),
    OF_CLASSES("classes-relu", "participation ratio over the stimuli of each class, after ReLU"),
};

/* Stimuli in a file, and what goes over them. */
typedef struct data {
  uint64_t n, units, block; // block: stimuli read at once
  const int32_t *labels;    // (n), or NULL
  size_t class_count;       // highest label + 1
  float *x;                 // (block, units)
  double *work;             // wb_covariance_work(units)
  uint32_t *pick;           // (block)
} data;

/* A covariance to be had: of one class or ALL, before or after ReLU. */
typedef struct task {
  int32_t class;
  bool after_relu;
  double ratio; // the result; NAN where there is no variance
} task;

static double participation_ratio(const wb_covariance *c) {
  double sum, square;
  wb_covariance_spectrum(&sum, &square, c);
  return sum > 0 ? sum * sum / square : (double)NAN;
}

static size_t pick_class(const data *d, uint64_t first, uint64_t count, int32_t class) {
  size_t picked = 0;
  for (uint32_t s = 0; s < count; s++) {
    if (d->labels[first + s] == class) d->pick[picked++] = s;
  }
  return picked;
}

/* One pass over the stimuli for as many tasks as there are sums. */
static wb_status pass(const wb_host *host, const data *d, task *tasks, size_t count, wb_covariance *sums,
                      double done, double total) {
  for (size_t t = 0; t < count; t++) wb_covariance_reset(&sums[t]);
  for (uint64_t first = 0; first < d->n; first += d->block) {
    const uint64_t rows = d->n - first < d->block ? d->n - first : d->block;
    WB_TRY(host->read(host, "activations", 0, first, rows, d->x));
    for (size_t t = 0; t < count; t++) {
      const bool all = tasks[t].class == ALL;
      const size_t picked = all ? rows : pick_class(d, first, rows, tasks[t].class);
      wb_covariance_add(&sums[t], d->x, all ? NULL : d->pick, picked, tasks[t].after_relu, d->work);
    }
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, done + (double)count * (double)(first + rows) / (double)d->n, total, NULL);
  }
  for (size_t t = 0; t < count; t++) tasks[t].ratio = participation_ratio(&sums[t]);
  return WB_OK;
}

static void release_sum(void *sum) {
  wb_covariance_free(sum);
}

/* As many covariances at once as fit in SUMS_BYTES, at least one. */
static size_t sums_at_once(size_t units, size_t wanted) {
  const size_t room = SUMS_BYTES / wb_covariance_bytes(units);
  return room < 1 ? 1 : room < wanted ? room : wanted;
}

static wb_status new_sums(const wb_host *host, size_t units, size_t wanted, wb_covariance **out,
                          size_t *count) {
  *count = sums_at_once(units, wanted);
  *out = WB_ALLOC(host, wb_covariance, *count);
  if (!*out) return WB_NOMEM;
  for (size_t k = 0; k < *count; k++) {
    wb_error err = {0};
    if (wb_covariance_init(*out + k, units, &err) != WB_OK) return host->fail(host, err.status, err.message);
    WB_TRY(host->defer(host, release_sum, *out + k));
  }
  return WB_OK;
}

static wb_status compute(const wb_host *host, const data *d, task *tasks, size_t count) {
  wb_covariance *sums;
  size_t at_once;
  WB_TRY(new_sums(host, d->units, count, &sums, &at_once));
  for (size_t t = 0; t < count; t += at_once)
    WB_TRY(
        pass(host, d, tasks + t, count - t < at_once ? count - t : at_once, sums, (double)t, (double)count));
  return WB_OK;
}

static wb_status emit_ratio(const wb_host *host, const char *name, double ratio, const char *why) {
  return wb_host_emit_or_missing(host, name, ratio, why);
}

/* Of each class and their mean; classes without variance are left out. */
static wb_status emit_within(const wb_host *host, const task *tasks, size_t count, const char *mean_name,
                             const char *curve_name, const char *why) {
  double *x = WB_ALLOC(host, double, count), *y = WB_ALLOC(host, double, count), sum = 0;
  if (!x || !y) return WB_NOMEM;
  size_t kept = 0;
  for (size_t t = 0; t < count; t++) {
    if (isnan(tasks[t].ratio)) continue;
    x[kept] = tasks[t].class;
    y[kept++] = tasks[t].ratio;
    sum += tasks[t].ratio;
  }
  WB_TRY(emit_ratio(host, mean_name, kept ? sum / (double)kept : (double)NAN, why));
  return kept ? host->emit_curve(host, curve_name, kept, x, y) : host->emit_missing(host, curve_name, why);
}

static wb_status emit_weight(const wb_host *host) {
  uint64_t dims[WB_MAX_RANK];
  const void *weight;
  wb_covariance *sum;
  size_t one;
  if (!host->has(host, "embedding_weight", 0))
    return host->emit_missing(host, "weight", "the file has no weight of the embedding layer");
  WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  if (dims[0] < 2 || dims[1] < 1)
    return host->emit_missing(host, "weight", "the weight has fewer than two units");
  WB_TRY(host->map(host, "embedding_weight", 0, &weight));
  WB_TRY(new_sums(host, dims[1], 1, &sum, &one));
  double *work = WB_ALLOC(host, double, wb_covariance_work(dims[1]));
  if (!work) return WB_NOMEM;
  wb_covariance_add(sum, weight, NULL, dims[0], false, work);
  return emit_ratio(host, "weight", participation_ratio(sum), "all units have the same weights");
}

/* Refuses what would not fit: the sums of `tasks` covariances, and then that of the weight. */
static wb_status check_size(const wb_host *host, const data *d, size_t tasks) {
  const double each = (double)wb_covariance_bytes(d->units);
  const double sums = each * (double)sums_at_once(d->units, tasks),
               blocks = 4 * (double)(d->block * d->units) + 8 * (double)wb_covariance_work(d->units);
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(wb_check_units(host, sums + blocks, "the covariance of", d->units));
  if (!host->has(host, "embedding_weight", 0)) return WB_OK;
  WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  const double weight = (double)wb_covariance_bytes(dims[1]) + 4 * (double)(dims[0] * dims[1]) +
                        8 * (double)wb_covariance_work(dims[1]);
  char what[1024];
  snprintf(what, sizeof what, "%s: the covariance of weights with a fan-in of %llu", host->run_path(host, 0),
           (unsigned long long)dims[1]);
  return wb_check_memory(host, sums + blocks + weight, what,
                         "--object embedding_weight=/PATH measures another weight");
}

static wb_status open_data(const wb_host *host, data *d) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  d->n = dims[0];
  d->units = dims[1];
  if (d->n < 2 || d->units < 1) {
    return wb_host_fail(host, WB_INPUT,
                        "%s has activations [%llu stimuli, %llu units]; a covariance needs at least 2 and 1",
                        host->run_path(host, 0), (unsigned long long)d->n, (unsigned long long)d->units);
  }
  const uint64_t fit = BLOCK_BYTES / (d->units * sizeof *d->x) + 1;
  d->block = fit < d->n ? fit : d->n;
  if (!host->has(host, "labels", 0)) return WB_OK;
  const void *labels;
  WB_TRY(host->map(host, "labels", 0, &labels));
  d->labels = labels;
  for (uint64_t s = 0; s < d->n; s++) {
    if (d->labels[s] >= MOST_CLASSES) {
      return wb_host_fail(host, WB_INPUT, "%s has label %d at stimulus %llu; labels go up to %d",
                          host->run_path(host, 0), d->labels[s], (unsigned long long)s, MOST_CLASSES - 1);
    }
    if (d->labels[s] >= 0 && (size_t)d->labels[s] >= d->class_count)
      d->class_count = (size_t)d->labels[s] + 1;
  }
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  data d = {0};
  WB_TRY(open_data(host, &d));
  const size_t count = 1 + d.class_count;
  WB_TRY(check_size(host, &d, 2 * count));
  d.x = WB_ALLOC(host, float, d.block *d.units);
  d.work = WB_ALLOC(host, double, wb_covariance_work(d.units));
  d.pick = WB_ALLOC(host, uint32_t, d.block);
  if (!d.x || !d.work || !d.pick) return WB_NOMEM;
  task *tasks = WB_ALLOC(host, task, 2 * count);
  if (!tasks) return WB_NOMEM;
  for (size_t t = 0; t < 2 * count; t++) // all and then each class; before, then after ReLU
    tasks[t] = (task){.class = (int32_t)(t < count ? t : t - count) + ALL, .after_relu = t >= count};
  WB_TRY(compute(host, &d, tasks, 2 * count));

  const char *why = "no unit varies over the stimuli";
  WB_TRY(emit_ratio(host, "overall", tasks[0].ratio, why));
  WB_TRY(emit_ratio(host, "overall-relu", tasks[count].ratio, why));
  why = d.labels ? "no class has two different stimuli" : "the file has no labels";
  WB_TRY(emit_within(host, tasks + 1, d.class_count, "within", "classes", why));
  WB_TRY(emit_within(host, tasks + count + 1, d.class_count, "within-relu", "classes-relu", why));
  return emit_weight(host);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .id = "effective-dim",
    .version = "1.0",
    .title = "effective dimensionality of the embedding",
    .summary =
        "How many dimensions the units' activity uses: the participation ratio of the covariance' "
        "eigenvalues, over all stimuli and within classes, before and after ReLU, and of the embedding "
        "layer's weight. 1: all activity lies along one direction; the number of units: it is spread "
        "evenly over all. That the weight vectors are centred is a definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Gao et al. 2017, bioRxiv 214262; Truong & Hasson, arXiv 2508.00043",
    .example = "workbench run effective-dim --in runs/*.h5",
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
