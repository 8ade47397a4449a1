/* colocalization.c: whether units that respond alike lie close together.
 *
 * For each threshold t, over all unordered pairs of units with Pearson's r >= t over the test stimuli:
 *
 *     distance(t) = mean of |p_i - p_j| ,   p = position on the grid, in grid cells
 *
 * Far below the mean over all pairs (8.3 on 16 x 16): correlated units are neighbours; equal to it: position
 * tells nothing about response. A constant unit has r = 0. Where no pair reaches a threshold the distance is
 * missing, and `pairs` says 0.
 *
 * Sander & Hasson, Fig. 5.
 *
 *     workbench run colocalization --in runs/x.h5 --thresholds 0.2,0.5,0.9
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "colocalization.h"

#include "covariance.h"
#include "memory.h"
#include "unit_map.h"

enum { BLOCK = 1024 };

typedef struct colocalization_params {
  wb_float_list thresholds;
  int32_t after_relu;
} colocalization_params;

static const wb_param params_table[] = {
    {.name = "thresholds",
     .help = "correlations from which on a pair counts",
     .type = WB_FLOAT_LIST,
     .default_text = "0.1,0.3,0.5,0.6,0.7,0.8",
     .min = -1,
     .max = 1,
     .offset = offsetof(colocalization_params, thresholds)},
    {.name = "after-relu",
     .help = "set negative activations to zero first",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(colocalization_params, after_relu)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
    WB_POSITIONS_INPUT,
};

static const wb_output outputs_table[] = {
    {.name = "distance",
     .title = "mean grid distance",
     .unit = "grid cells",
     .help = "of pairs of units that correlate by at least r; missing where there is none",
     .higher_means = "correlated units farther apart",
     .x_label = "r \xe2\x89\xa5",
     .beside = "all-pairs",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_CURVE,
     .plot = WB_PLOT_LINES,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_HEADLINE},
    {.name = "pairs",
     .title = "pairs of units",
     .help = "that correlate by at least r",
     .x_label = "r \xe2\x89\xa5",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_CURVE,
     .plot = WB_PLOT_NONE},
    {.name = "all-pairs",
     .title = "mean grid distance of all pairs",
     .unit = "grid cells",
     .help = "the distance where position and response have nothing to do with each other",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "constant",
     .title = "constant units",
     .help = "units that never change; their r is 0",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

/* Reads the stimuli in blocks. */
static wb_status gather(const wb_host *host, wb_covariance *c, uint64_t n, bool after_relu) {
  float *x = WB_ALLOC(host, float, BLOCK * c->units);
  double *work = WB_ALLOC(host, double, wb_covariance_work(c->units));
  if (!x || !work) return WB_NOMEM;
  for (uint64_t first = 0; first < n; first += BLOCK) {
    const uint64_t count = n - first < BLOCK ? n - first : BLOCK;
    WB_TRY(host->read(host, "activations", 0, first, count, x));
    wb_covariance_add(c, x, NULL, count, after_relu, work);
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)n, NULL);
  }
  return WB_OK;
}

static wb_status emit(const wb_host *host, const wb_covariance *c, const wb_float_list *thresholds) {
  const size_t units = c->units, count = thresholds->count;
  double *r = WB_ALLOC(host, double, units *units), *distance = WB_ALLOC(host, double, 2 * count);
  size_t *pairs = WB_ALLOC(host, size_t, count);
  double *positions = WB_ALLOC(host, double, 2 * units), all;
  if (!r || !distance || !pairs || !positions) return WB_NOMEM;
  WB_TRY(wb_unit_positions(host, units, positions));
  const size_t constant = wb_correlation_matrix(r, NULL, c);
  wb_colocalization(distance, pairs, &all, r, positions, units, thresholds->items, count);
  for (size_t t = 0; t < count; t++) distance[count + t] = (double)pairs[t];
  WB_TRY(host->emit_curve(host, "distance", count, thresholds->items, distance));
  WB_TRY(host->emit_curve(host, "pairs", count, thresholds->items, distance + count));
  WB_TRY(host->emit_scalar(host, "all-pairs", all));
  return host->emit_scalar(host, "constant", (double)constant);
}

static wb_status check(const wb_host *host, const void *params) {
  const colocalization_params *p = params;
  if (p->thresholds.count > 0) return WB_OK;
  return host->fail(host, WB_ARG, "--thresholds is empty; name at least one correlation, such as 0.5");
}

static wb_status run(const wb_host *host, const void *params) {
  const colocalization_params *p = params;
  wb_error err = {0};
  wb_covariance c;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  if (dims[0] < 2 || dims[1] < 2)
    return wb_host_fail(
        host, WB_INPUT,
        "%s has activations [%llu stimuli, %llu units]; correlations of units need at least 2 of "
        "each",
        host->run_path(host, 0), (unsigned long long)dims[0], (unsigned long long)dims[1]);
  const double units = (double)dims[1]; // sums and r of each pair, and a block of stimuli
  WB_TRY(wb_check_units(host,
                        16 * units * units + 4 * BLOCK * units + 8 * (double)wb_covariance_work(dims[1]),
                        "the correlations of", dims[1]));
  if (wb_covariance_init(&c, dims[1], &err) != WB_OK) return host->fail(host, err.status, err.message);
  wb_status status = gather(host, &c, dims[0], p->after_relu);
  if (status == WB_OK) status = emit(host, &c, &p->thresholds);
  wb_covariance_free(&c);
  return status;
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(colocalization_params),
    .id = "colocalization",
    .version = "1.0",
    .title = "grid distance of correlated units",
    .summary =
        "Mean distance on the unit grid of pairs of units whose responses to the test stimuli correlate "
        "by at least a threshold. Well below the mean over all pairs: units that respond alike lie close "
        "together. Near it: where a unit lies says nothing about how it responds.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 5",
    .example = "workbench run colocalization --in runs/*.h5",
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
