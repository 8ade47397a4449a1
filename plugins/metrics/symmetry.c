/* symmetry.c: whether units respond alike to an image and to its mirror images and its rotation.
 *
 * For each unit, over test images: Pearson's r between its embedding of the images and of the same images
 * flipped left to right, flipped up to down, and turned by 90 degrees counter-clockwise.
 *
 * 1: the unit does not see the difference (of a flip that training used to augment, say); 0: the responses
 * have nothing to do with each other. A unit that is constant over either set has no r. Definition chosen by
 * workbench; by default the embedding before ReLU.
 *
 * After Truong & Hasson.
 *
 *     workbench run symmetry --in runs/x.h5 --images 500
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "driven.h"
#include "tuning.h"

enum { LEFT_RIGHT, UP_DOWN, ROTATED, VERSIONS };

typedef struct symmetry_params {
  int64_t images;
  int32_t after_relu;
} symmetry_params;

static const wb_param params_table[] = {
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "2000",
     .max = 100000000,
     .offset = offsetof(symmetry_params, images)},
    {.name = "after-relu",
     .help = "set negative responses to zero first",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(symmetry_params, after_relu)},
};

static const wb_input inputs_table[] = {
    WB_DRIVEN_INPUTS,
    {.role = "images", .help = "test images", .kind = WB_IMAGES},
};

static const wb_output outputs_table[] = {
    {.name = "left-right",
     .title = "left-right symmetry",
     .help = "Pearson r of a unit's responses to images and their left-right mirror images, mean over units",
     .higher_means = "more symmetric",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "up-down",
     .title = "up-down symmetry",
     .help = "Pearson r of a unit's responses to images and their up-down mirror images, mean over units",
     .higher_means = "more symmetric",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "rotated",
     .title = "90-degree symmetry",
     .help = "Pearson r of a unit's responses to images and the same turned by 90 degrees, mean over units",
     .higher_means = "more symmetric",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "map",
     .title = "Pearson r",
     .help =
         "of each unit's responses to images and to their transformed versions; blank for a constant unit",
     .higher_means = "more symmetric",
     .y_label = "version",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_NONFINITE_OK},
    {.name = "constant",
     .title = "constant units",
     .help = "units without a value for at least one version",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

static const char *const versions[VERSIONS] = {"left-right", "up-down", "rotated"};

/* One plane of side x side or height x width pixels, transformed. */
static void transform(float *out, const float *in, size_t height, size_t width, int version) {
  for (size_t row = 0; row < height; row++) {
    for (size_t col = 0; col < width; col++) {
      const size_t from = version == LEFT_RIGHT ? row * width + (width - 1 - col)
                          : version == UP_DOWN  ? (height - 1 - row) * width + col
                                                : col * width + (width - 1 - row);
      out[row * width + col] = in[from];
    }
  }
}

/* The test images of one run and what has been gathered of them. */
typedef struct session {
  const symmetry_params *params;
  wb_driven d;
  wb_imageset *images;
  uint64_t n;
  uint8_t *bytes; // (WB_DRIVEN_BATCH, image)
  float *plain;   // (WB_DRIVEN_BATCH, image)
  float *before;  // (WB_DRIVEN_BATCH, units): responses to them
  wb_twins twins[VERSIONS];
} session;

static wb_status open(const wb_host *host, session *s) {
  uint64_t count;
  uint32_t image[3];
  WB_TRY(wb_driven_open(host, &s->d));
  WB_TRY(s->d.engine->images(host, "images", 0, "test", &s->images));
  s->d.engine->images_shape(s->images, &count, image);
  if (image[0] != s->d.channels || image[1] != s->d.height || image[2] != s->d.width)
    return wb_host_fail(host, WB_INPUT,
                        "%s takes images of %u x %u x %u (channels, height, width); the data set has "
                        "%u x %u x %u",
                        host->run_path(host, 0), s->d.channels, s->d.height, s->d.width, image[0], image[1],
                        image[2]);
  s->n = s->params->images > 0 && (uint64_t)s->params->images < count ? (uint64_t)s->params->images : count;
  if (s->n < 2) return wb_host_fail(host, WB_INPUT, "correlations need at least 2 images; there is 1");
  s->bytes = WB_ALLOC(host, uint8_t, WB_DRIVEN_BATCH * s->d.pixels);
  s->plain = WB_ALLOC(host, float, WB_DRIVEN_BATCH * s->d.pixels);
  s->before = WB_ALLOC(host, float, (size_t)WB_DRIVEN_BATCH * s->d.units);
  if (!s->bytes || !s->plain || !s->before) return WB_NOMEM;
  for (int v = 0; v < VERSIONS; v++) {
    s->twins[v] = (wb_twins){.units = s->d.units,
                             .first = WB_ALLOC(host, double, 2 * (size_t)s->d.units),
                             .moments = WB_ALLOC(host, double, 5 * (size_t)s->d.units)};
    if (!s->twins[v].first || !s->twins[v].moments) return WB_NOMEM;
  }
  return WB_OK;
}

/* Responses of the images in place. */
static wb_status respond(const wb_host *host, session *s, uint32_t n) {
  WB_TRY(wb_driven_show(host, &s->d, n));
  for (size_t k = 0; s->params->after_relu && k < (size_t)n * s->d.units; k++)
    s->d.response[k] = fmaxf(s->d.response[k], 0);
  return WB_OK;
}

static wb_status gather(const wb_host *host, session *s) {
  wb_driven *d = &s->d;
  const size_t area = (size_t)d->height * d->width;
  const int turns = d->height == d->width ? VERSIONS : ROTATED;
  for (uint64_t first = 0; first < s->n; first += WB_DRIVEN_BATCH) {
    const uint32_t n = s->n - first < WB_DRIVEN_BATCH ? (uint32_t)(s->n - first) : WB_DRIVEN_BATCH;
    WB_TRY(d->engine->images_read(host, s->images, first, n, s->bytes, NULL));
    for (size_t i = 0; i < n * d->pixels; i++) s->plain[i] = d->images[i] = (float)s->bytes[i] / 255;
    WB_TRY(respond(host, s, n));
    memcpy(s->before, d->response, (size_t)n * d->units * sizeof *s->before);
    for (int v = 0; v < turns; v++) {
      for (size_t k = 0; k < (size_t)n * d->channels; k++)
        transform(d->images + k * area, s->plain + k * area, d->height, d->width, v);
      WB_TRY(respond(host, s, n));
      wb_twins_add(&s->twins[v], s->before, d->response, n);
    }
    host->progress(host, (double)(first + n), (double)s->n, NULL);
  }
  return WB_OK;
}

static wb_status emit(const wb_host *host, const session *s) {
  const size_t units = s->d.units;
  double *r = WB_ALLOC(host, double, VERSIONS *units);
  size_t constant = 0;
  if (!r) return WB_NOMEM;
  for (int v = 0; v < VERSIONS; v++) {
    double sum = 0;
    const size_t known = units - wb_twins_correlation(r + (size_t)v * units, &s->twins[v]);
    for (size_t u = 0; u < units; u++) sum += isnan(r[(size_t)v * units + u]) ? 0 : r[(size_t)v * units + u];
    const char *why = s->twins[v].count ? "every unit is constant" : "the images are not square";
    WB_TRY(known ? host->emit_scalar(host, versions[v], sum / (double)known)
                 : host->emit_missing(host, versions[v], why));
  }
  for (size_t u = 0; u < units; u++) {
    bool all = true;
    for (size_t v = 0; v < VERSIONS; v++) all = all && (s->twins[v].count == 0 || !isnan(r[v * units + u]));
    constant += !all;
  }
  WB_TRY(host->emit_scalar(host, "constant", (double)constant));
  return host->emit_matrix(host, "map", VERSIONS, units, r, versions, NULL);
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.params = params};
  WB_TRY(open(host, &s));
  WB_TRY(gather(host, &s));
  return emit(host, &s);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED,
    .params_size = sizeof(symmetry_params),
    .id = "symmetry",
    .version = "1.0",
    .title = "likeness of responses to mirrored and turned images",
    .summary = "Correlates each unit's responses to test images with its responses to the same images "
               "mirrored left to "
               "right, mirrored up to down, and turned by 90 degrees. 1: the unit does not see the "
               "difference; 0: its "
               "responses have nothing to do with each other. Definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Truong & Hasson (2025); definition chosen by workbench",
    .example = "workbench run symmetry --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
