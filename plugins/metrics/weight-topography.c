/* weight-topography.c: whether neighbouring units have like weights, or merely short ones.
 *
 * Over pairs of Moore neighbours p, q on the grid, w_p = row p of the embedding layer's weight:
 *
 *     loss     = mean of |w_p - w_q|         what training minimises: low where neighbours are alike, and
 * also where all weights are small relative = loss / mean over units |w_p|            free of that: sqrt 2
 * for unrelated weights, 0 for equal cosine   = mean of cos(w_p, w_q)                   likewise: 0
 * unrelated, 1 equal direction i        = mean over the weight's columns of Moran's I of the column as a map
 * of units: 1 smooth, about 0 unordered
 *
 * Low loss with a cosine and an I near 0 is norm collapse, not topography. A zero row has cosine 0 with all.
 *
 * Sander & Hasson; Moran 1950.
 *
 *     workbench run weight-topography --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "unit_map.h"
#include "weight_rows.h"

enum { MEAN_PAIRS, MEAN_UNIT_SUM };

typedef struct topography_params {
  int32_t distance, mean, neighbours;
} topography_params;

static const char *const distance_choices[] = {"l2", "cosine", "correlation", NULL}; // as wb_row_distance
static const char *const mean_choices[] = {"pair-mean", "unit-sum", NULL};
static const char *const neighbours_choices[] = {"rook", "queen", NULL}; // as wb_neighbours

static const wb_param params_table[] = {
    {.name = "topo-distance",
     .help = "between two units' weights, for the loss",
     .type = WB_CHOICE,
     .choices = distance_choices,
     .default_text = "l2",
     .offset = offsetof(topography_params, distance)},
    {.name = "topo-mean",
     .help = "of the loss: mean over neighbour pairs, or sum over units of the mean over their neighbours",
     .type = WB_CHOICE,
     .choices = mean_choices,
     .default_text = "pair-mean",
     .offset = offsetof(topography_params, mean)},
    {.name = "neighbours",
     .help = "cells that count as adjacent for Moran's I: sharing an edge, or also a corner",
     .type = WB_CHOICE,
     .choices = neighbours_choices,
     .default_text = "rook",
     .offset = offsetof(topography_params, neighbours)},
};

static const wb_input inputs_table[] = {
    {.role = "embedding_weight",
     .help = "weight of the embedding layer",
     .object = "/roles/embedding_weight",
     .axes = {"unit", "fan_in"},
     .element = WB_F32,
     .rank = 2},
};

static const wb_output outputs_table[] = {
    {.name = "loss",
     .title = "topographic loss",
     .help = "distance between neighbours' weights, after training",
     .higher_means = "less alike, or longer, weights of neighbours",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "relative",
     .title = "topographic loss / mean weight norm",
     .help = "the loss without the effect of short weights",
     .higher_means = "less alike weights of neighbours",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "cosine",
     .title = "cosine of neighbours' weights",
     .help = "mean over pairs of neighbours; about 0 for unrelated weights, 1 for equal directions",
     .higher_means = "smoother",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "i",
     .title = "Moran's I of weights",
     .help = "of each column of the weight as a map of units, mean over columns",
     .higher_means = "smoother",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
};

typedef struct weights {
  float *w; // (units, fan_in)
  size_t units, fan_in;
} weights;

static wb_status emit_loss(const wb_host *host, const topography_params *p, const weights *m) {
  double *norm = WB_ALLOC(host, double, m->units), mean = 0;
  wb_error err = {0};
  uint32_t rows, cols;
  wb_spatial moore;
  if (!norm) return WB_NOMEM;
  WB_TRY(host->grid(host, 0, &rows, &cols));
  if (wb_spatial_grid(&moore, rows, cols, WB_QUEEN, false, p->mean == MEAN_UNIT_SUM, &err) != WB_OK)
    return host->fail(host, err.status, err.message);
  double loss = wb_neighbour_distance(m->w, m->fan_in, (wb_row_distance)p->distance, &moore);
  if (p->mean == MEAN_PAIRS) loss /= moore.total; // a pair has weight 2, the total counts it twice
  wb_spatial_free(&moore);
  WB_TRY(wb_unit_neighbours(host, WB_QUEEN, &moore));
  const double cosine = 1 - wb_neighbour_distance(m->w, m->fan_in, WB_ROW_COSINE, &moore) / moore.total;
  wb_spatial_free(&moore);
  wb_row_norms(norm, m->w, m->units, m->fan_in);
  for (size_t u = 0; u < m->units; u++) mean += norm[u] / (double)m->units;
  WB_TRY(host->emit_scalar(host, "loss", loss));
  WB_TRY(mean > 0 ? host->emit_scalar(host, "relative", loss / mean)
                  : host->emit_missing(host, "relative", "all weights are zero"));
  return host->emit_scalar(host, "cosine", cosine);
}

/* Each column of the weight is a map of the units. */
static wb_status emit_moran(const wb_host *host, const topography_params *p, const weights *m) {
  double *maps = WB_ALLOC(host, double, m->fan_in * m->units), *each = WB_ALLOC(host, double, m->fan_in);
  wb_spatial spatial;
  if (!maps || !each) return WB_NOMEM;
  for (size_t u = 0; u < m->units; u++) {
    for (size_t k = 0; k < m->fan_in; k++) maps[k * m->units + u] = (double)m->w[u * m->fan_in + k];
  }
  const size_t constant = wb_maps_centre(maps, m->fan_in, m->units);
  if (constant == m->fan_in) return host->emit_missing(host, "i", "all units have the same weights");
  WB_TRY(wb_unit_neighbours(host, (wb_neighbours)p->neighbours, &spatial));
  wb_moran_each(each, maps, m->fan_in, &spatial);
  wb_spatial_free(&spatial);
  double sum = 0;
  for (size_t k = 0; k < m->fan_in; k++) sum += each[k];
  return host->emit_scalar(host, "i", sum / (double)m->fan_in);
}

static wb_status run(const wb_host *host, const void *params) {
  const topography_params *p = params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  weights m = {.units = dims[0], .fan_in = dims[1]};
  if (m.units < 2 || m.fan_in == 0)
    return wb_host_fail(
        host, WB_INPUT,
        "%s has an embedding weight [%zu units, %zu inputs]; neighbours need at least 2 and 1",
        host->run_path(host, 0), m.units, m.fan_in);
  m.w = WB_ALLOC(host, float, m.units *m.fan_in);
  if (!m.w) return WB_NOMEM;
  WB_TRY(host->read(host, "embedding_weight", 0, 0, m.units, m.w));
  WB_TRY(emit_loss(host, p, &m));
  return emit_moran(host, p, &m);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .params_size = sizeof(topography_params),
    .id = "weight-topography",
    .version = "1.0",
    .title = "likeness of neighbouring units' weights",
    .summary =
        "How alike the weights of neighbouring units are: the topographic loss after training, the same "
        "relative to the weights' length, the cosine between neighbours, and Moran's I of the weights. High "
        "cosine and I: a smooth map. Low loss with cosine and I near 0: the weights have shrunk, and there "
        "is no map.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson; Moran 1950",
    .example = "workbench run weight-topography --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
