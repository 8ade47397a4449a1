/* orientation-tuning.c: which orientation of a grating each unit prefers, and how strongly.
 *
 * Full-field gratings at every orientation theta, spatial frequency and phase are shown to the network. A
 * unit's response r(theta) >= 0 is its embedding after ReLU, the largest over phases, averaged over
 * frequencies:
 *
 *     selectivity = |sum r e^(2i theta)| / sum r ,   preferred orientation = half the argument of that sum
 *
 * 0: all orientations alike; 1: only one drives the unit. Orientation is of the bars, counter-clockwise from
 * horizontal. Moran's I of the map is of e^(2i preferred), so that 0 and 180 degrees are the same. A unit
 * that never responds has neither. Definition chosen by workbench.
 *
 * After Truong & Hasson; the vector measure: Swindale 1998.
 *
 *     workbench run orientation-tuning --in runs/x.h5 --frequencies 2,4,8
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "driven.h"
#include "tuning.h"

#define PI 3.14159265358979323846

enum { BINS = 20 };

typedef struct orientation_params {
  int64_t orientations, phases;
  wb_float_list frequencies;
  double contrast;
} orientation_params;

static const wb_param params_table[] = {
    {.name = "orientations",
     .help = "number of orientations, in equal steps over 180 degrees",
     .type = WB_INT,
     .default_text = "8",
     .min = 3,
     .max = 180,
     .offset = offsetof(orientation_params, orientations)},
    {.name = "frequencies",
     .help = "spatial frequencies",
     .unit = "cycles per image width",
     .type = WB_FLOAT_LIST,
     .default_text = "1,2,3,4,5,6,7,8",
     .min = 0.01,
     .max = 1000,
     .offset = offsetof(orientation_params, frequencies)},
    {.name = "phases",
     .help = "number of phases, in equal steps over a cycle",
     .type = WB_INT,
     .default_text = "5",
     .min = 1,
     .max = 360,
     .offset = offsetof(orientation_params, phases)},
    {.name = "contrast",
     .help = "of the gratings around mean grey; 1 spans black to white",
     .type = WB_FLOAT,
     .default_text = "1",
     .min = 0,
     .max = 1,
     .offset = offsetof(orientation_params, contrast)},
};

static const wb_input inputs_table[] = {WB_DRIVEN_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "selectivity",
     .title = "orientation selectivity",
     .help = "mean over units that respond; 0 all orientations alike, 1 a single one",
     .higher_means = "more selective",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "i",
     .title = "Moran's I of preferred orientation",
     .help = "of the map of preferred orientations (on the doubled angle), rook neighbours",
     .higher_means = "smoother",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "silent",
     .title = "units without response",
     .help = "share of units that no grating drives above zero",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "preferred",
     .title = "preferred orientation",
     .unit = "degrees",
     .help = "of the bars, counter-clockwise from horizontal; blank where no grating drives the unit",
     .low = 0,
     .high = 180,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_CIRCULAR | WB_OUTPUT_NONFINITE_OK},
    {.name = "selectivity-map",
     .title = "orientation selectivity",
     .help = "of each unit",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_NONFINITE_OK},
    {.name = "orientations",
     .title = "units",
     .help = "by preferred orientation",
     .x_label = "preferred orientation (degrees)",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_HISTOGRAM},
    {.name = "selectivities",
     .title = "units",
     .help = "by orientation selectivity",
     .x_label = "orientation selectivity",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_HISTOGRAM},
    {.name = "tuning",
     .title = "response",
     .help = "of each unit (row) to each orientation (column, in degrees)",
     .x_label = "orientation",
     .y_label = "unit",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE},
};

/* The grating number g: orientation outermost, then frequency, then phase. */
static void draw(const orientation_params *p, const wb_driven *d, float *image, size_t g) {
  const size_t phases = (size_t)p->phases, frequencies = p->frequencies.count;
  const double orientation = PI * (double)(g / phases / frequencies) / (double)p->orientations;
  wb_grating(image, d->channels, d->height, d->width, orientation,
             p->frequencies.items[g / phases % frequencies], 2 * PI * (double)(g % phases) / (double)phases,
             p->contrast);
}

/* tuning (units, orientations): the mean over frequencies of the largest response over phases. */
static wb_status measure(const wb_host *host, const orientation_params *p, wb_driven *d, double *tuning) {
  const size_t phases = (size_t)p->phases, frequencies = p->frequencies.count,
               angles = (size_t)p->orientations;
  const size_t total = angles * frequencies * phases;
  double *largest = WB_ALLOC(host, double, d->units);
  if (!largest) return WB_NOMEM;
  memset(tuning, 0, d->units * angles * sizeof *tuning);
  for (size_t first = 0; first < total; first += WB_DRIVEN_BATCH) {
    const size_t count = total - first < WB_DRIVEN_BATCH ? total - first : WB_DRIVEN_BATCH;
    for (size_t k = 0; k < count; k++) draw(p, d, d->images + k * d->pixels, first + k);
    WB_TRY(wb_driven_show(host, d, (uint32_t)count));
    for (size_t k = 0; k < count; k++) {
      const size_t g = first + k;
      for (size_t u = 0; u < d->units; u++) {
        const double r = fmax(0, (double)d->response[k * d->units + u]);
        largest[u] = g % phases == 0 ? r : fmax(largest[u], r);
        if (g % phases == phases - 1)
          tuning[u * angles + g / phases / frequencies] += largest[u] / (double)frequencies;
      }
    }
    host->progress(host, (double)(first + count), (double)total, NULL);
  }
  return WB_OK;
}

static wb_status emit_tuning(const wb_host *host, const double *tuning, size_t units, size_t angles) {
  char *text = WB_ALLOC(host, char, 16 * angles);
  const char **labels = WB_ALLOC(host, const char *, angles);
  if (!text || !labels) return WB_NOMEM;
  for (size_t k = 0; k < angles; k++) {
    snprintf(text + 16 * k, 16, "%.4g", 180.0 * (double)k / (double)angles);
    labels[k] = text + 16 * k;
  }
  return host->emit_matrix(host, "tuning", units, angles, tuning, NULL, labels);
}

/* Counts of x in equal bins from 0 to `high`. */
static wb_status emit_counts(const wb_host *host, const char *name, const double *x, size_t n, double high,
                             size_t bins) {
  double *edges = WB_ALLOC(host, double, bins + 1), *counts = WB_ALLOC(host, double, bins);
  if (!edges || !counts) return WB_NOMEM;
  memset(counts, 0, bins * sizeof *counts);
  for (size_t b = 0; b <= bins; b++) edges[b] = high * (double)b / (double)bins;
  for (size_t k = 0; k < n; k++) {
    if (isnan(x[k])) continue;
    const size_t b = (size_t)(x[k] / high * (double)bins);
    counts[b < bins ? b : bins - 1]++;
  }
  return host->emit_histogram(host, name, bins, edges, counts);
}

/* Moran's I of the preferred orientations as unit vectors of twice the angle. */
static wb_status emit_moran(const wb_host *host, const double *preferred, size_t units) {
  double *vectors = WB_ALLOC(host, double, 2 * units);
  if (!vectors) return WB_NOMEM;
  for (size_t u = 0; u < units; u++) {
    vectors[2 * u] = cos(preferred[u] * PI / 90);
    vectors[2 * u + 1] = sin(preferred[u] * PI / 90);
  }
  return wb_unit_map_moran(host, "i", vectors, 2);
}

static wb_status emit(const wb_host *host, const double *tuning, size_t units, size_t angles) {
  double *selectivity = WB_ALLOC(host, double, units), *preferred = WB_ALLOC(host, double, units), sum = 0;
  size_t responding = 0;
  if (!selectivity || !preferred) return WB_NOMEM;
  wb_orientation_preference(selectivity, preferred, tuning, units, angles);
  for (size_t u = 0; u < units; u++) {
    if (isnan(selectivity[u])) continue;
    sum += selectivity[u];
    responding++;
  }
  WB_TRY(responding ? host->emit_scalar(host, "selectivity", sum / (double)responding)
                    : host->emit_missing(host, "selectivity", "no grating drives any unit above zero"));
  WB_TRY(host->emit_scalar(host, "silent", 1 - (double)responding / (double)units));
  WB_TRY(emit_moran(host, preferred, units));
  WB_TRY(host->emit_matrix(host, "preferred", 1, units, preferred, NULL, NULL));
  WB_TRY(host->emit_matrix(host, "selectivity-map", 1, units, selectivity, NULL, NULL));
  WB_TRY(emit_counts(host, "orientations", preferred, units, 180, angles));
  WB_TRY(emit_counts(host, "selectivities", selectivity, units, 1, BINS));
  return emit_tuning(host, tuning, units, angles);
}

static wb_status check(const wb_host *host, const void *params) {
  const orientation_params *p = params;
  if (p->frequencies.count > 0) return WB_OK;
  return host->fail(host, WB_ARG, "--frequencies is empty; name at least one, in cycles per image width");
}

static wb_status run(const wb_host *host, const void *params) {
  const orientation_params *p = params;
  wb_driven d;
  WB_TRY(wb_driven_open(host, &d));
  double *tuning = WB_ALLOC(host, double, (size_t)d.units *(size_t)p->orientations);
  if (!tuning) return WB_NOMEM;
  WB_TRY(measure(host, p, &d, tuning));
  return emit(host, tuning, d.units, (size_t)p->orientations);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED,
    .params_size = sizeof(orientation_params),
    .id = "orientation-tuning",
    .version = "1.0",
    .title = "preferred orientation of gratings",
    .summary =
        "Shows gratings to the network and asks which orientation each unit prefers, how strongly, and "
        "whether "
        "neighbours prefer the same. Selectivity 0: all orientations alike, 1: a single one. Moran's I about "
        "0: preferences are scattered, towards 1: they change smoothly over the grid, as in visual cortex. "
        "Definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Truong & Hasson (2025); Swindale 1998; definition chosen by workbench",
    .example = "workbench run orientation-tuning --in runs/*.h5",
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
