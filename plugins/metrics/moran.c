/* moran.c: spatial autocorrelation of activation maps.
 *
 * For the map x of one stimulus on the units' grid, with z = x - mean(x):
 *
 *     I = (N / W) sum_ij w_ij z_i z_j / sum_i z_i^2 ,   W = sum_ij w_ij
 *
 * +1: neighbours respond alike (a smooth map); -1/(N-1), about 0: no spatial order; negative: neighbours
 * respond oppositely. The figure of a run is the mean over its test stimuli; a constant map has I = 0.
 *
 * Moran 1950; Sander & Hasson, Fig. 4a (rook neighbours); Geary 1954; Anselin 1995 (local).
 *
 *     workbench run moran --in runs/x.h5 --neighbours queen
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <omp.h>
#include <string.h>
#include <workbench/plugin_util.h>

#include "memory.h"
#include "unit_map.h"

enum { NEIGHBOURS_ROOK, NEIGHBOURS_QUEEN, NEIGHBOURS_DISTANCE };
enum { MAP_EACH, MAP_MEAN };
enum { BINS = 50, BLOCK = 1024, BATCH = 256, MOST_LAGS = 1000 };

typedef struct moran_params {
  int32_t neighbours, torus, row_standardised, after_relu, map;
  double radius;
  int64_t permutations, seed;
} moran_params;

static const char *const neighbours_choices[] = {"rook", "queen", "distance", NULL};
static const char *const map_choices[] = {"each", "mean", NULL};

static const wb_param params_table[] = {
    {.name = "neighbours",
     .help = "cells that count as adjacent: sharing an edge, also a corner, or all by inverse distance",
     .type = WB_CHOICE,
     .choices = neighbours_choices,
     .default_text = "rook",
     .offset = offsetof(moran_params, neighbours)},
    {.name = "radius",
     .help = "with --neighbours distance: the farthest unit that counts; 0 for no limit",
     .unit = "grid cells",
     .type = WB_FLOAT,
     .default_text = "0",
     .max = 1e6,
     .offset = offsetof(moran_params, radius)},
    {.name = "row-standardised",
     .help = "divide each unit's weights by their sum",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(moran_params, row_standardised)},
    {.name = "torus",
     .help = "opposite borders of the grid are adjacent",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(moran_params, torus)},
    {.name = "map",
     .help = "of each stimulus' map, then the mean; or of the mean map over stimuli",
     .type = WB_CHOICE,
     .choices = map_choices,
     .default_text = "each",
     .offset = offsetof(moran_params, map)},
    {.name = "after-relu",
     .help = "set negative activations to zero first",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(moran_params, after_relu)},
    {.name = "permutations",
     .help = "random unit positions for the p-value",
     .type = WB_INT,
     .default_text = "999",
     .max = 1000000,
     .offset = offsetof(moran_params, permutations)},
    {.name = "seed",
     .help = "of the permutations",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(moran_params, seed)},
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
    {.name = "i",
     .title = "Moran's I",
     .help = "mean over stimuli",
     .higher_means = "smoother",
     .low = -INFINITY, // the bound of an unstandardised I depends on the weights and may pass 1
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "p",
     .title = "p (permutation)",
     .help = "two-sided, against random unit positions",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "z",
     .title = "z-score of Moran's I",
     .help = "distance from the mean of the permutations, in their standard deviations",
     .higher_means = "smoother",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "expected",
     .title = "E[I]",
     .help = "-1/(N-1): the mean without spatial order",
     .low = -1,
     .high = 0,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "geary",
     .title = "Geary's C",
     .help = "mean over stimuli; 1 without spatial order, below 1 smooth",
     .higher_means = "rougher",
     .low = 0,
     .high = INFINITY,
     .reference = 1,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "constant",
     .title = "constant maps",
     .help = "stimuli whose map is constant; their I is 0",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "local",
     .title = "local Moran's I",
     .help = "mean over stimuli; the units' sum is W times I",
     .higher_means = "more like its neighbours",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_DIVERGING},
    {.name = "correlogram",
     .title = "Moran's I",
     .help = "of unit pairs at each grid distance",
     .x_label = "grid distance",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "distribution",
     .title = "stimuli",
     .help = "Moran's I of single stimuli",
     .x_label = "Moran's I",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_HISTOGRAM},
};

/* What is gathered from the stimuli of one run. */
typedef struct maps {
  const moran_params *params;
  wb_spatial spatial;
  uint64_t n, units;
  size_t constant, count; // maps that entered, and how many of them are constant
  double *gram, *each;    // (units, units); (n) or (1)
} maps;

static wb_status neighbours(const wb_host *host, const moran_params *p, size_t units, const double *positions,
                            wb_spatial *out) {
  wb_error err = {0};
  wb_status status;
  if (p->neighbours == NEIGHBOURS_DISTANCE) {
    status = wb_spatial_distance(out, positions, units, p->radius, p->row_standardised, &err);
  } else {
    uint32_t rows, cols;
    WB_TRY(host->grid(host, 0, &rows, &cols));
    status = wb_spatial_grid(out, rows, cols, p->neighbours == NEIGHBOURS_QUEEN ? WB_QUEEN : WB_ROOK,
                             p->torus, p->row_standardised, &err);
  }
  return status == WB_OK ? WB_OK : host->fail(host, status, err.message);
}

/* Reads the stimuli in blocks; x (BLOCK, units), u (BLOCK, units). */
static wb_status gather(const wb_host *host, maps *m, float *x, double *u) {
  const bool of_mean = m->params->map == MAP_MEAN;
  double *sum = WB_ALLOC(host, double, m->units);
  if (!sum) return WB_NOMEM;
  memset(sum, 0, m->units * sizeof *sum);
  for (uint64_t first = 0; first < m->n; first += BLOCK) {
    const uint64_t count = m->n - first < BLOCK ? m->n - first : BLOCK;
    WB_TRY(host->read(host, "activations", 0, first, count, x));
    for (uint64_t k = 0; of_mean && k < count * m->units; k++) {
      sum[k % m->units] += m->params->after_relu && x[k] < 0 ? 0 : (double)x[k];
    }
    if (!of_mean) {
      m->constant += wb_maps_normalise(u, x, m->params->after_relu, count, m->units);
      wb_maps_accumulate(m->gram, u, count, m->units);
      wb_moran_each(m->each + first, u, count, &m->spatial);
    }
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)m->n, NULL);
  }
  m->count = of_mean ? 1 : m->n;
  if (of_mean) {
    for (uint64_t k = 0; k < m->units; k++) u[k] = sum[k] / (double)m->n;
    m->constant = wb_maps_centre(u, 1, m->units);
    wb_maps_accumulate(m->gram, u, 1, m->units);
    wb_moran_each(m->each, u, 1, &m->spatial);
  }
  return WB_OK;
}

/* drawn (permutations): the mean I at random unit positions. */
static wb_status permute(const wb_host *host, const maps *m, double *drawn) {
  const size_t permutations = (size_t)m->params->permutations;
  uint32_t *orders = WB_ALLOC(host, uint32_t, (size_t)omp_get_max_threads() * m->units);
  if (!orders) return WB_NOMEM;
  for (size_t first = 0; first < permutations; first += BATCH) {
    const size_t count = permutations - first < BATCH ? permutations - first : BATCH;
    wb_moran_permute(drawn + first, m->gram, m->count, &m->spatial, (uint64_t)m->params->seed, first, count,
                     orders);
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)permutations, "permutations");
  }
  return WB_OK;
}

static wb_status emit_test(const wb_host *host, const maps *m, double i) {
  const size_t permutations = (size_t)m->params->permutations;
  if (permutations == 0 || m->constant == m->count) {
    const char *why = permutations ? "every map is constant" : "no permutations were asked for";
    WB_TRY(host->emit_missing(host, "p", why));
    return host->emit_missing(host, "z", why);
  }
  double *drawn = WB_ALLOC(host, double, permutations);
  if (!drawn) return WB_NOMEM;
  WB_TRY(permute(host, m, drawn));
  const wb_permutation test = wb_moran_test(drawn, permutations, i, m->units);
  WB_TRY(host->emit_scalar(host, "p", test.p));
  return test.sd > 0 ? host->emit_scalar(host, "z", (i - test.mean) / test.sd)
                     : host->emit_missing(host, "z", "all permutations gave the same value");
}

static wb_status emit_distribution(const wb_host *host, const maps *m) {
  double edges[BINS + 1], counts[BINS] = {0}, low = m->each[0], high = m->each[0];
  for (size_t s = 0; s < m->count; s++) {
    low = fmin(low, m->each[s]);
    high = fmax(high, m->each[s]);
  }
  low = fmin(low, -0.25); // a common range, so that runs can be compared, unless the data leave it
  high = fmax(high, 1);
  for (int b = 0; b <= BINS; b++) edges[b] = low + (high - low) * b / BINS;
  for (size_t s = 0; s < m->count; s++) {
    const int b = (int)((m->each[s] - low) / (high - low) * BINS);
    counts[b < BINS ? b : BINS - 1]++;
  }
  return host->emit_histogram(host, "distribution", BINS, edges, counts);
}

/* The longer side of the box around the units. */
static double farther_side(const double *positions, uint64_t units) {
  double side = 0;
  for (int axis = 0; axis < 2; axis++) {
    double low = positions[axis], high = low;
    for (uint64_t k = 1; k < units; k++) {
      low = fmin(low, positions[2 * k + axis]);
      high = fmax(high, positions[2 * k + axis]);
    }
    side = fmax(side, high - low);
  }
  return side;
}

static wb_status emit_spatial(const wb_host *host, const maps *m, const double *positions) {
  double *local = WB_ALLOC(host, double, m->units);
  if (!local) return WB_NOMEM;
  wb_moran_local(local, m->gram, m->count, &m->spatial);
  WB_TRY(host->emit_matrix(host, "local", 1, m->units, local, NULL, NULL));

  const size_t lags = (size_t)fmin(fmax(farther_side(positions, m->units), 1), MOST_LAGS);
  double *lag = WB_ALLOC(host, double, lags), *mean = WB_ALLOC(host, double, lags);
  size_t *pairs = WB_ALLOC(host, size_t, lags);
  if (!lag || !mean || !pairs) return WB_NOMEM;
  wb_moran_correlogram(mean, pairs, m->gram, m->count, positions, m->units, lags);
  size_t kept = 0;
  for (size_t k = 0; k < lags; k++) {
    if (isnan(mean[k])) continue;
    lag[kept] = (double)k + 1;
    mean[kept++] = mean[k];
  }
  return kept ? host->emit_curve(host, "correlogram", kept, lag, mean)
              : host->emit_missing(host, "correlogram", "no two units are about a whole distance apart");
}

static wb_status measure(const wb_host *host, maps *m, const double *positions) {
  float *x = WB_ALLOC(host, float, BLOCK * m->units);
  double *u = WB_ALLOC(host, double, BLOCK * m->units);
  m->gram = WB_ALLOC(host, double, m->units * m->units);
  m->each = WB_ALLOC(host, double, m->n);
  if (!x || !u || !m->gram || !m->each) return WB_NOMEM;
  memset(m->gram, 0, m->units * m->units * sizeof *m->gram);
  WB_TRY(gather(host, m, x, u));

  double i = 0;
  for (size_t s = 0; s < m->count; s++) i += m->each[s];
  i /= (double)m->count;
  WB_TRY(host->emit_scalar(host, "i", i));
  WB_TRY(emit_test(host, m, i));
  WB_TRY(host->emit_scalar(host, "expected", -1 / ((double)m->units - 1)));
  const double geary = wb_geary_mean(m->gram, m->count, m->constant, &m->spatial);
  WB_TRY(wb_host_emit_or_missing(host, "geary", geary, "every map is constant"));
  WB_TRY(host->emit_scalar(host, "constant", (double)m->constant));
  WB_TRY(emit_distribution(host, m));
  return emit_spatial(host, m, positions);
}

/* Refuses what would not fit: products of units, a block of maps, and lists of pairs that grow by copying. */
static wb_status check_size(const wb_host *host, const maps *m) {
  const double units = (double)m->units, pairs = units * (units - 1) / 2;
  const double all = 8 * (units * units + (double)m->n) + 12 * BLOCK * units;
  if (m->params->neighbours != NEIGHBOURS_DISTANCE || m->params->radius > 0)
    return wb_check_units(host, all, "Moran's I of", m->units);
  char what[1024];
  snprintf(what, sizeof what, "%s: Moran's I over all pairs of %llu units", host->run_path(host, 0),
           (unsigned long long)m->units);
  return wb_check_memory(host, all + 3 * sizeof(wb_pair) * pairs, what, "--radius takes fewer pairs");
}

static wb_status check(const wb_host *host, const void *params) {
  const moran_params *p = params;
  const bool distance = p->neighbours == NEIGHBOURS_DISTANCE;
  if (distance && p->torus)
    return host->fail(host, WB_ARG, "--torus goes with --neighbours rook or queen: distances do not wrap");
  if (!distance && p->radius > 0) return host->fail(host, WB_ARG, "--radius goes with --neighbours distance");
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  maps m = {.params = params};
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  m.n = dims[0];
  m.units = dims[1];
  if (m.n < 1 || m.units < 2) {
    return wb_host_fail(host, WB_INPUT,
                        "%s has activations [%llu stimuli, %llu units]; Moran's I needs at least 1 and 2",
                        host->run_path(host, 0), (unsigned long long)m.n, (unsigned long long)m.units);
  }
  WB_TRY(check_size(host, &m));
  double *positions = WB_ALLOC(host, double, 2 * m.units);
  if (!positions) return WB_NOMEM;
  WB_TRY(wb_unit_positions(host, m.units, positions));
  WB_TRY(neighbours(host, m.params, m.units, positions, &m.spatial));
  const wb_status status = measure(host, &m, positions);
  wb_spatial_free(&m.spatial);
  return status;
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(moran_params),
    .id = "moran",
    .version = "1.0",
    .title = "spatial autocorrelation of activation maps",
    .summary = "Spatial autocorrelation (Moran's I) of each stimulus' activation map on the unit grid, mean "
               "over stimuli. "
               "+1: a smooth map; about 0 (exactly -1/(n-1)): no spatial order; negative: a checkerboard.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Moran 1950; Geary 1954; Anselin 1995; Sander & Hasson, Fig. 4a",
    .example = "workbench run moran --in runs/*.h5 --neighbours queen",
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
