/* unit-correlation.c: how the correlations of unit pairs are distributed.
 *
 * Pearson's r over stimuli of every pair of units, and of pairs that are neighbours on the unit grid: their
 * histogram, mean and share with |r| >= 0.9, and two measures of whether they have one mode or two. Sarle's
 *
 *     b = (skewness^2 + 1) / kurtosis      (with sample corrections)
 *
 * is 1/3 for a normal, 5/9 for a uniform distribution, and towards 1 for two modes, but passes on skew alone.
 * Hartigan's dip D, the distance from the nearest unimodal distribution, does not: 0, unimodal; up to 1/4,
 * two point masses. Its p-value takes pairs as independent draws. They share units, so a small p says that
 * the histogram has two modes, not that another network of the kind would have them: compare seeds for that.
 * A constant unit has no correlation: its pairs are left out (chosen by workbench) and it is counted.
 *
 * Truong & Hasson 2025; Sarle in SAS Institute 1990; Hartigan & Hartigan 1985.
 *
 *     workbench run unit-correlation --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <workbench/plugin_util.h>

#include "bimodality.h"
#include "covariance.h"
#include "memory.h"
#include "spatial.h"

enum { BINS = 80 };
static const size_t BLOCK_BYTES = (size_t)16 << 20;
static const double STRONG = 0.9;

typedef struct correlation_params {
  int32_t neighbours, torus, after_relu;
  int64_t simulations, seed;
} correlation_params;

static const char *const neighbours_choices[] = {"rook", "queen", NULL};

static const wb_param params_table[] = {
    {.name = "neighbours",
     .help = "cells that count as adjacent: sharing an edge, or also a corner",
     .type = WB_CHOICE,
     .choices = neighbours_choices,
     .default_text = "rook",
     .offset = offsetof(correlation_params, neighbours)},
    {.name = "torus",
     .help = "opposite borders of the grid are adjacent",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(correlation_params, torus)},
    {.name = "after-relu",
     .help = "set negative activations to zero first",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(correlation_params, after_relu)},
    {.name = "simulations",
     .help = "uniform samples that the dip is compared with; 0: no p-value",
     .type = WB_INT,
     .default_text = "999",
     .max = 100000,
     .offset = offsetof(correlation_params, simulations)},
    {.name = "seed",
     .help = "of the simulations",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(correlation_params, seed)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
};

#define SCALAR(id, label, about, least, most, more)                                                          \
  {                                                                                                          \
    .name = (id), .title = (label), .help = (about), .low = (least), .high = (most), .reference = NAN,       \
    .shape = WB_SCALAR, .flags = WB_OUTPUT_MAY_BE_MISSING | (more)                                           \
  }
#define P_VALUE(id, about)                                                                                   \
  {                                                                                                          \
    .name = (id), .title = "p (dip test)", .help = (about), .low = 0, .high = 1, .reference = NAN,           \
    .shape = WB_SCALAR, .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_MAY_BE_MISSING                              \
  }
#define DISTRIBUTION(id, about, more)                                                                        \
  {                                                                                                          \
    .name = (id), .title = "unit pairs", .help = (about),                                                    \
    .x_label = "correlation of two units (Pearson's r)", .low = 0, .high = INFINITY, .reference = NAN,       \
    .shape = WB_HISTOGRAM, .flags = WB_OUTPUT_MAY_BE_MISSING | (more)                                        \
  }

static const wb_output outputs_table[] = {
    DISTRIBUTION("pairs", "r of all unit pairs", WB_OUTPUT_HEADLINE),
    DISTRIBUTION("neighbours", "r of neighbouring units", 0),
    SCALAR("strong", "share of pairs with |r| >= 0.9", "share of unit pairs whose |r| is at least 0.9", 0, 1,
           WB_OUTPUT_HEADLINE),
    SCALAR("dip", "dip of the correlations", "Hartigan's dip over all pairs: 0 one mode, 0.25 two", 0, 0.25,
           WB_OUTPUT_HEADLINE),
    P_VALUE("dip-p", "of the dip over all pairs, taken as independent, against a uniform distribution"),
    SCALAR("bimodality", "bimodality coefficient", "Sarle's, over all pairs; above 5/9: two modes or skew", 0,
           INFINITY, WB_OUTPUT_HEADLINE),
    SCALAR("mean", "mean correlation", "mean r over all pairs", -1, 1, 0),
    SCALAR("strong-neighbours", "share of neighbours with |r| >= 0.9",
           "share of neighbouring units whose |r| is at least 0.9", 0, 1, 0),
    SCALAR("dip-neighbours", "dip of neighbours' correlations", "Hartigan's dip over neighbouring units", 0,
           0.25, 0),
    P_VALUE("dip-p-neighbours", "of the dip over neighbouring units"),
    SCALAR("bimodality-neighbours", "bimodality coefficient of neighbours",
           "Sarle's, over neighbouring units", 0, INFINITY, 0),
    SCALAR("mean-neighbours", "mean correlation of neighbours", "mean r over neighbouring units", -1, 1, 0),
    {.name = "constant",
     .title = "constant units",
     .help = "units that do not vary; their pairs are left out",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

/* Where the values of one set of pairs go. */
typedef struct names {
  const char *strong, *dip, *p, *bimodality, *mean, *histogram;
} names;

static const names all_pairs = {"strong", "dip", "dip-p", "bimodality", "mean", "pairs"};
static const names neighbour_pairs = {"strong-neighbours",     "dip-neighbours",  "dip-p-neighbours",
                                      "bimodality-neighbours", "mean-neighbours", "neighbours"};

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static wb_status emit_histogram(const wb_host *host, const char *name, const double *r, size_t n) {
  double edges[BINS + 1], counts[BINS] = {0};
  for (int b = 0; b <= BINS; b++) edges[b] = 2.0 * b / BINS - 1;
  for (size_t i = 0; i < n; i++) {
    const int b = (int)((r[i] + 1) / 2 * BINS);
    counts[b < BINS ? b : BINS - 1]++;
  }
  return host->emit_histogram(host, name, BINS, edges, counts);
}

static wb_status emit_dip(const wb_host *host, const correlation_params *p, const names *to, const double *r,
                          size_t n) {
  if (n < 4) {
    WB_TRY(host->emit_missing(host, to->dip, "it needs four pairs"));
    return host->emit_missing(host, to->p, "it needs four pairs");
  }
  uint32_t *work = WB_ALLOC(host, uint32_t, 4 * n);
  if (!work) return WB_NOMEM;
  const double dip = wb_dip(r, n, work);
  WB_TRY(host->emit_scalar(host, to->dip, dip));
  if (p->simulations == 0) return host->emit_missing(host, to->p, "no simulations were asked for");
  double probability;
  wb_error err = {0};
  if (wb_dip_p(&probability, dip, n, (size_t)p->simulations, (uint64_t)p->seed, &err) != WB_OK)
    return host->fail(host, err.status, err.message);
  return host->emit_scalar(host, to->p, probability);
}

/* Everything about one set of pairs; sorts r (n). */
static wb_status emit_pairs(const wb_host *host, const correlation_params *p, const names *to, double *r,
                            size_t n) {
  if (n == 0) {
    const char *const all[] = {to->strong, to->dip, to->p, to->bimodality, to->mean, to->histogram};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      WB_TRY(host->emit_missing(host, all[k], "there is no such pair of units that both vary"));
    return WB_OK;
  }
  double sum = 0, strong = 0;
  for (size_t i = 0; i < n; i++) {
    sum += r[i];
    strong += fabs(r[i]) >= STRONG;
  }
  WB_TRY(host->emit_scalar(host, to->mean, fmin(1, fmax(-1, sum / (double)n))));
  WB_TRY(host->emit_scalar(host, to->strong, strong / (double)n));
  WB_TRY(emit_histogram(host, to->histogram, r, n));
  const double bimodality = wb_bimodality_coefficient(r, n);
  WB_TRY(wb_host_emit_or_missing(host, to->bimodality, bimodality,
                                 "it needs four pairs that are not all alike"));
  qsort(r, n, sizeof *r, compare);
  return emit_dip(host, p, to, r, n);
}

/* Reads the stimuli in blocks; r (units, units). */
static wb_status correlate(const wb_host *host, const correlation_params *p, uint64_t n, wb_covariance *c) {
  const uint64_t fit = BLOCK_BYTES / (c->units * sizeof(float)) + 1, block = fit < n ? fit : n;
  float *x = WB_ALLOC(host, float, block * c->units);
  double *work = WB_ALLOC(host, double, wb_covariance_work(c->units));
  if (!x || !work) return WB_NOMEM;
  for (uint64_t first = 0; first < n; first += block) {
    const uint64_t count = n - first < block ? n - first : block;
    WB_TRY(host->read(host, "activations", 0, first, count, x));
    wb_covariance_add(c, x, NULL, count, p->after_relu, work);
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)n, NULL);
  }
  return WB_OK;
}

/* Both sets of pairs from r (units, units). */
static wb_status measure(const wb_host *host, const correlation_params *p, const double *r,
                         const bool *constant, size_t units) {
  double *pairs = WB_ALLOC(host, double, units *(units - 1) / 2);
  if (!pairs) return WB_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < units; i++) {
    for (size_t j = 0; j < i; j++) {
      if (!constant[i] && !constant[j]) pairs[n++] = r[i * units + j];
    }
  }
  WB_TRY(emit_pairs(host, p, &all_pairs, pairs, n));

  uint32_t rows, cols;
  WB_TRY(host->grid(host, 0, &rows, &cols));
  wb_spatial spatial;
  wb_error err = {0};
  if (wb_spatial_grid(&spatial, rows, cols, p->neighbours ? WB_QUEEN : WB_ROOK, p->torus, false, &err) !=
      WB_OK)
    return host->fail(host, err.status, err.message);
  n = 0;
  for (size_t k = 0; k < spatial.count; k++) {
    const size_t i = spatial.pairs[k].i, j = spatial.pairs[k].j;
    if (!constant[i] && !constant[j]) pairs[n++] = r[i * units + j];
  }
  wb_spatial_free(&spatial);
  return emit_pairs(host, p, &neighbour_pairs, pairs, n);
}

static void release(void *c) {
  wb_covariance_free(c);
}

static wb_status run(const wb_host *host, const void *params) {
  const correlation_params *p = params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  const size_t units = dims[1];
  if (dims[0] < 2 || units < 2) {
    return wb_host_fail(host, WB_INPUT,
                        "%s has activations [%llu stimuli, %llu units]; correlations need at least 2 and 2",
                        host->run_path(host, 0), (unsigned long long)dims[0], (unsigned long long)units);
  }
  const double square = (double)units * (double)units; // sums, r, and r and the dip's work of each pair
  const double work = (double)BLOCK_BYTES + 8 * (double)wb_covariance_work(units);
  WB_TRY(wb_check_units(host, 28 * square + work, "the correlations of", units));
  wb_covariance *c = WB_ALLOC(host, wb_covariance, 1);
  wb_error err = {0};
  if (!c) return WB_NOMEM;
  if (wb_covariance_init(c, units, &err) != WB_OK) return host->fail(host, err.status, err.message);
  WB_TRY(host->defer(host, release, c));
  WB_TRY(correlate(host, p, dims[0], c));
  double *r = WB_ALLOC(host, double, units *units);
  bool *constant = WB_ALLOC(host, bool, units);
  if (!r || !constant) return WB_NOMEM;
  WB_TRY(host->emit_scalar(host, "constant", (double)wb_correlation_matrix(r, constant, c)));
  return measure(host, p, r, constant, units);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(correlation_params),
    .id = "unit-correlation",
    .version = "1.0",
    .title = "distribution of correlations between units",
    .summary =
        "Pearson's r over stimuli of all pairs of units, and of neighbours on the unit grid: histogram, "
        "mean, "
        "share with |r| of at least 0.9, and whether there are two modes. Hartigan's dip is 0 for one mode "
        "and "
        "0.25 for two points; Sarle's bimodality coefficient is above 5/9 for two modes, but also for skew. "
        "The p-value of the dip takes pairs as independent, which they are not: compare seeds. Leaving out "
        "constant units is a definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Truong & Hasson, arXiv 2508.00043; Hartigan & Hartigan 1985; Sarle in SAS/STAT 1990",
    .example = "workbench run unit-correlation --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
