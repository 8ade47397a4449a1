/* seed-spread.c: how far the seeds of one condition lie apart, from what mean-activation gives for each run:
 * a metric per condition with derived inputs, and one over the whole study that compares conditions. Two
 * plugins in one file.
 *
 *     workbench run seed-spread --in runs/x.h5 --rectify
 *     workbench run condition-distance --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

typedef struct spread_params {
  int32_t rectify; // passed on to mean-activation, which declares it too
} spread_params;

static const wb_param params_table[] = {{.name = "rectify",
                                         .help = "set negative activations to zero first",
                                         .type = WB_BOOL,
                                         .default_text = "no",
                                         .offset = offsetof(spread_params, rectify)}};

static const wb_input spread_inputs[] = {{.role = "mean",
                                          .help = "of each run",
                                          .kind = WB_DERIVED,
                                          .object = "mean-activation/mean",
                                          .element = WB_F64},
                                         {.role = "units",
                                          .help = "mean of each unit",
                                          .kind = WB_DERIVED,
                                          .object = "mean-activation/units",
                                          .axes = {"unit"},
                                          .element = WB_F32,
                                          .rank = 1}};

static const wb_output spread_outputs[] = {{.name = "sd",
                                            .title = "sd over seeds",
                                            .help = "of the mean activation",
                                            .low = 0,
                                            .high = INFINITY,
                                            .reference = NAN,
                                            .shape = WB_SCALAR,
                                            .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
                                           {.name = "units",
                                            .title = "mean activation",
                                            .help = "of each unit, over seeds",
                                            .low = -INFINITY,
                                            .high = INFINITY,
                                            .reference = NAN,
                                            .shape = WB_CURVE}};

static wb_status emit_sd(const wb_host *host, uint32_t runs) {
  double sum = 0, squares = 0;
  for (uint32_t r = 0; r < runs; r++) {
    double mean;
    WB_TRY(host->read(host, "mean", r, 0, 1, &mean));
    sum += mean;
    squares += mean * mean;
  }
  if (runs < 2) return host->emit_missing(host, "sd", "there is only one seed");
  const double variance = (squares - sum * sum / runs) / (runs - 1);
  return host->emit_scalar(host, "sd", sqrt(fmax(variance, 0)));
}

static wb_status run_spread(const wb_host *host, const void *params) {
  (void)params;
  const uint32_t runs = host->run_count(host);
  if (host->condition_count(host) != 1) return host->fail(host, WB_INTERNAL, "a group has one condition");
  WB_TRY(emit_sd(host, runs));
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "units", 0, dims));
  double *mean = WB_ALLOC(host, double, dims[0]);
  if (!mean) return WB_NOMEM;
  memset(mean, 0, dims[0] * sizeof *mean);
  for (uint32_t r = 0; r < runs; r++) {
    const void *units;
    WB_TRY(host->map(host, "units", r, &units));
    for (uint64_t u = 0; u < dims[0]; u++) mean[u] += (double)((const float *)units)[u] / runs;
  }
  return host->emit_curve(host, "units", dims[0], NULL, mean);
}

static const wb_plugin spread = {WB_PLUGIN_HEAD,
                                 .kind = WB_METRIC,
                                 .scope = WB_PER_GROUP,
                                 .params_size = sizeof(spread_params),
                                 .id = "seed-spread",
                                 .version = "1.0",
                                 .title = "spread of the mean activation over seeds",
                                 .params = WB_TABLE(params_table),
                                 .inputs = WB_TABLE(spread_inputs),
                                 .outputs = WB_TABLE(spread_outputs),
                                 .run = run_spread};

static const wb_input distance_inputs[] = {{.role = "activations",
                                            .help = "embedding before ReLU",
                                            .object = "/activations/test/embedding",
                                            .axes = {"stimulus", "unit"},
                                            .element = WB_F32,
                                            .rank = 2,
                                            .shared_axes = 1u << 0},
                                           {.role = "positions",
                                            .help = "of the units",
                                            .object = "/positions",
                                            .axes = {"unit", "xy"},
                                            .element = WB_F64,
                                            .rank = 2}};

static const wb_output distance_outputs[] = {{.name = "distance",
                                              .title = "distance",
                                              .help = "root mean square difference of two runs' activations",
                                              .low = 0,
                                              .high = INFINITY,
                                              .reference = NAN,
                                              .shape = WB_MATRIX},
                                             {.name = "largest",
                                              .title = "largest distance",
                                              .help = "of any two runs",
                                              .low = 0,
                                              .high = INFINITY,
                                              .reference = NAN,
                                              .shape = WB_SCALAR,
                                              .flags = WB_OUTPUT_HEADLINE}};

static double difference(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
  return sqrt(sum / (double)count);
}

static wb_status run_distance(const wb_host *host, const void *params) {
  (void)params;
  const uint32_t runs = host->run_count(host);
  double *matrix = WB_ALLOC(host, double, (size_t)runs *runs), largest = 0;
  const char **labels = WB_ALLOC(host, const char *, runs);
  if (!matrix || !labels) return WB_NOMEM;
  for (uint32_t i = 0; i < runs; i++) {
    labels[i] = host->factor(host, i, "seed");
    if (!labels[i]) labels[i] = "?";
    if (i && host->condition(host, i) < host->condition(host, i - 1))
      return host->fail(host, WB_INTERNAL, "runs are sorted by condition");
    for (uint32_t k = 0; k <= i; k++) {
      const void *a, *b;
      uint64_t dims[WB_MAX_RANK];
      WB_TRY(host->shape(host, "activations", i, dims));
      WB_TRY(host->map(host, "activations", i, &a));
      WB_TRY(host->map(host, "activations", k, &b));
      matrix[i * runs + k] = matrix[k * runs + i] = difference(a, b, dims[0] * dims[1]);
      largest = fmax(largest, matrix[i * runs + k]);
    }
  }
  WB_TRY(host->emit_scalar(host, "largest", largest));
  return host->emit_matrix(host, "distance", runs, runs, matrix, labels, labels);
}

static const wb_plugin distance = {WB_PLUGIN_HEAD,
                                   .kind = WB_METRIC,
                                   .scope = WB_PER_STUDY,
                                   .id = "condition-distance",
                                   .version = "1.0",
                                   .title = "distance of runs within and across conditions",
                                   .inputs = WB_TABLE(distance_inputs),
                                   .outputs = WB_TABLE(distance_outputs),
                                   .run = run_distance};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  static const wb_plugin *const plugins[] = {&spread, &distance};
  (void)host_abi;
  return index < 2 ? plugins[index] : NULL;
}
