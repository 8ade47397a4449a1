/* eccentricity.c: whether units respond more to the centre or to the border of an image.
 *
 * Small patches of uniform noise on mean grey are shown at each position of a square lattice that spans the
 * image. A unit's response r_k >= 0 at position k is its embedding after ReLU, averaged over patches; d_k is
 * the distance in pixels of the patch's centre from the image's:
 *
 *     slope        = of the least-squares line through r_k / mean(r) over d_k
 *     eccentricity = sum_k r_k d_k / sum_k r_k , the centre of mass of the response along the distance
 *
 * Negative slope: the unit prefers the centre; positive: the border; 0, and an eccentricity that equals the
 * mean distance of the positions: no preference. A unit that never responds has neither. Definition chosen by
 * workbench; every run sees the same patches.
 *
 * After Truong & Hasson.
 *
 *     workbench run eccentricity --in runs/x.h5 --lattice 7 --patch 4
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "driven.h"
#include "tuning.h"

typedef struct eccentricity_params {
  int64_t lattice, patch, patches, seed;
} eccentricity_params;

static const wb_param params_table[] = {
    {.name = "lattice",
     .help = "positions along each side of the image",
     .type = WB_INT,
     .default_text = "5",
     .min = 2,
     .max = 100,
     .offset = offsetof(eccentricity_params, lattice)},
    {.name = "patch",
     .help = "side of the noise patch",
     .unit = "pixels",
     .type = WB_INT,
     .default_text = "8",
     .min = 1,
     .max = 10000,
     .offset = offsetof(eccentricity_params, patch)},
    {.name = "patches",
     .help = "number of different patches to average over",
     .type = WB_INT,
     .default_text = "50",
     .min = 1,
     .max = 100000,
     .offset = offsetof(eccentricity_params, patches)},
    {.name = "seed",
     .help = "of the noise",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(eccentricity_params, seed)},
};

static const wb_input inputs_table[] = {WB_DRIVEN_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "slope",
     .title = "slope over eccentricity",
     .unit = "1/pixel",
     .help = "of the response relative to its mean, mean over units that respond; negative: the centre "
             "drives units more than the border",
     .higher_means = "more response to the border",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "centre-of-mass",
     .title = "eccentricity of the response",
     .unit = "pixels",
     .help = "mean distance from the centre, weighted by response; mean over units that respond",
     .higher_means = "more response to the border",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "even",
     .title = "mean eccentricity of the positions",
     .unit = "pixels",
     .help = "the eccentricity of a unit that responds everywhere alike",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "i",
     .title = "Moran's I of eccentricity",
     .help = "of the map of the units' eccentricities, rook neighbours",
     .higher_means = "smoother",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "silent",
     .title = "units without response",
     .help = "share of units that no patch drives above zero",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "profile",
     .title = "response / mean response",
     .help = "over the patch's distance from the centre, mean over units that respond",
     .x_label = "eccentricity (pixels)",
     .low = 0,
     .high = INFINITY,
     .reference = 1,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "map",
     .title = "eccentricity of the response",
     .unit = "pixels",
     .help = "centre of mass of each unit's response along the distance from the centre",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_NONFINITE_OK},
    {.name = "slopes",
     .title = "slope over eccentricity",
     .unit = "1/pixel",
     .help = "of each unit",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_DIVERGING},
    {.name = "responses",
     .title = "response",
     .help = "of each unit (row) at each position (column, row by row), mean over patches",
     .x_label = "position",
     .y_label = "unit",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE},
};

/* Offset of position k of the lattice along a side of so many pixels. */
static size_t offset(const eccentricity_params *p, size_t k, size_t pixels) {
  const double room = (double)(pixels - (size_t)p->patch);
  return (size_t)floor((double)k * room / (double)(p->lattice - 1) + 0.5);
}

/* Distance of the patch's centre from the image's, in pixels. */
static double distance(const eccentricity_params *p, const wb_driven *d, size_t position) {
  const size_t n = (size_t)p->lattice;
  const double half = (double)p->patch / 2;
  return hypot((double)offset(p, position % n, d->width) + half - (double)d->width / 2,
               (double)offset(p, position / n, d->height) + half - (double)d->height / 2);
}

/* Noise patch number `number` at a position on mean grey. */
static void draw(const eccentricity_params *p, const wb_driven *d, float *image, float *patch,
                 size_t position, size_t number) {
  const size_t side = (size_t)p->patch, n = (size_t)p->lattice;
  const size_t left = offset(p, position % n, d->width), top = offset(p, position / n, d->height);
  wb_noise_patch(patch, d->channels, side, (uint64_t)p->seed, number);
  for (size_t i = 0; i < d->pixels; i++) image[i] = 0.5f;
  for (size_t c = 0; c < d->channels; c++) {
    for (size_t row = 0; row < side; row++)
      memcpy(image + (c * d->height + top + row) * d->width + left, patch + (c * side + row) * side,
             side * sizeof *image);
  }
}

/* responses (units, positions): the mean over patches of the embedding after ReLU. */
static wb_status measure(const wb_host *host, const eccentricity_params *p, wb_driven *d, double *responses) {
  const size_t positions = (size_t)(p->lattice * p->lattice), patches = (size_t)p->patches;
  const size_t total = positions * patches;
  float *patch = WB_ALLOC(host, float, (size_t)d->channels *(size_t)(p->patch * p->patch));
  if (!patch) return WB_NOMEM;
  memset(responses, 0, d->units * positions * sizeof *responses);
  for (size_t first = 0; first < total; first += WB_DRIVEN_BATCH) {
    const size_t count = total - first < WB_DRIVEN_BATCH ? total - first : WB_DRIVEN_BATCH;
    for (size_t k = 0; k < count; k++)
      draw(p, d, d->images + k * d->pixels, patch, (first + k) / patches, (first + k) % patches);
    WB_TRY(wb_driven_show(host, d, (uint32_t)count));
    for (size_t k = 0; k < count; k++)
      for (size_t u = 0; u < d->units; u++)
        responses[u * positions + (first + k) / patches] +=
            fmax(0, (double)d->response[k * d->units + u]) / (double)patches;
    host->progress(host, (double)(first + count), (double)total, NULL);
  }
  return WB_OK;
}

static wb_status emit_mean(const wb_host *host, const char *name, const double *x, size_t n) {
  double sum = 0;
  size_t known = 0;
  for (size_t k = 0; k < n; k++) {
    if (isnan(x[k])) continue;
    sum += x[k];
    known++;
  }
  return known ? host->emit_scalar(host, name, sum / (double)known)
               : host->emit_missing(host, name, "no patch drives any unit above zero");
}

/* relative (n): response at each position over the unit's mean, mean over units that respond. Returns their
 * number. */
static size_t relative_response(double *relative, const double *r, size_t units, size_t n) {
  size_t responding = 0;
  memset(relative, 0, n * sizeof *relative);
  for (size_t u = 0; u < units; u++) {
    double mean = 0;
    for (size_t k = 0; k < n; k++) mean += r[u * n + k] / (double)n;
    responding += mean > 0;
    for (size_t k = 0; k < n && mean > 0; k++) relative[k] += r[u * n + k] / mean;
  }
  for (size_t k = 0; k < n && responding; k++) relative[k] /= (double)responding;
  return responding;
}

/* Means over the positions at equal distance, from the centre outwards. */
static wb_status emit_profile(const wb_host *host, const double *r, const double *d, size_t units, size_t n) {
  const double same = 1e-9; // pixels
  double *relative = WB_ALLOC(host, double, n), *x = WB_ALLOC(host, double, n),
         *y = WB_ALLOC(host, double, n);
  size_t count = 0;
  if (!relative || !x || !y) return WB_NOMEM;
  if (!relative_response(relative, r, units, n))
    return host->emit_missing(host, "profile", "no patch drives any unit above zero");
  for (double next = 0; !isinf(next); count++) {
    const double last = count ? x[count - 1] : -1;
    double sum = 0, positions = 0;
    next = INFINITY;
    for (size_t k = 0; k < n; k++)
      if (d[k] > last + same) next = fmin(next, d[k]);
    if (isinf(next)) break;
    for (size_t k = 0; k < n; k++) {
      if (fabs(d[k] - next) > same) continue;
      sum += relative[k];
      positions++;
    }
    x[count] = next;
    y[count] = sum / positions;
  }
  return host->emit_curve(host, "profile", count, x, y);
}

static wb_status emit(const wb_host *host, const double *responses, const double *d, size_t units, size_t n) {
  double *slope = WB_ALLOC(host, double, units), *centre = WB_ALLOC(host, double, units), even = 0;
  size_t silent = 0;
  if (!slope || !centre) return WB_NOMEM;
  wb_eccentricity_preference(slope, centre, responses, d, units, n);
  for (size_t u = 0; u < units; u++) silent += isnan(centre[u]);
  for (size_t k = 0; k < n; k++) even += d[k] / (double)n;
  WB_TRY(emit_mean(host, "slope", slope, units));
  WB_TRY(emit_mean(host, "centre-of-mass", centre, units));
  WB_TRY(host->emit_scalar(host, "even", even));
  WB_TRY(wb_unit_map_moran(host, "i", centre, 1));
  WB_TRY(host->emit_scalar(host, "silent", (double)silent / (double)units));
  WB_TRY(emit_profile(host, responses, d, units, n));
  WB_TRY(host->emit_matrix(host, "map", 1, units, centre, NULL, NULL));
  WB_TRY(host->emit_matrix(host, "slopes", 1, units, slope, NULL, NULL));
  return host->emit_matrix(host, "responses", units, n, responses, NULL, NULL);
}

static wb_status run(const wb_host *host, const void *params) {
  const eccentricity_params *p = params;
  const size_t positions = (size_t)(p->lattice * p->lattice);
  wb_driven d;
  WB_TRY(wb_driven_open(host, &d));
  const uint32_t shorter = d.height < d.width ? d.height : d.width;
  if (p->patch >= shorter)
    return wb_host_fail(host, WB_INPUT,
                        "--patch %lld does not move within images of %u x %u pixels; take a smaller one",
                        (long long)p->patch, d.height, d.width);
  double *responses = WB_ALLOC(host, double, d.units *positions), *from = WB_ALLOC(host, double, positions);
  if (!responses || !from) return WB_NOMEM;
  for (size_t k = 0; k < positions; k++) from[k] = distance(p, &d, k);
  WB_TRY(measure(host, p, &d, responses));
  return emit(host, responses, from, d.units, positions);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED,
    .params_size = sizeof(eccentricity_params),
    .id = "eccentricity",
    .version = "1.0",
    .title = "response to the centre and the border of an image",
    .summary = "Shows a small patch of noise at each position of a lattice and asks where in the image it "
               "drives each "
               "unit most. Negative slope: the centre; positive: the border; 0: nowhere more than elsewhere. "
               "Definition "
               "chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Truong & Hasson (2025); definition chosen by workbench",
    .example = "workbench run eccentricity --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
