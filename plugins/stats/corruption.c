/* corruption.c: see corruption.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "corruption_internal.h"

const char *const wb_corruption_names[WB_CORRUPTIONS + 1] = {
    "gaussian_noise",    "shot_noise", "impulse_noise",   "defocus_blur", "glass_blur", "motion_blur",
    "zoom_blur",         "snow",       "frost",           "fog",          "brightness", "contrast",
    "elastic_transform", "pixelate",   "jpeg_compression"};

/* NULL: JPEG, which works on bytes. */
static void (*const functions[WB_CORRUPTIONS])(wb_corruptor *, int) = {wb_gaussian_noise,
                                                                       wb_shot_noise,
                                                                       wb_impulse_noise,
                                                                       wb_defocus_blur,
                                                                       wb_glass_blur,
                                                                       wb_motion_blur,
                                                                       wb_zoom_blur,
                                                                       wb_snow,
                                                                       wb_frost,
                                                                       wb_fog,
                                                                       wb_brightness,
                                                                       wb_contrast,
                                                                       wb_elastic_transform,
                                                                       wb_pixelate,
                                                                       NULL};

wb_status wb_corruptor_create(int channels, int height, int width, wb_corruptor **out, wb_error *err) {
  if (channels < 1 || channels > 4 || height < 8 || height > 1024 || width < 8 || width > 1024)
    return wb_fail(
        err, WB_ARG,
        "images of %d x %d x %d (channels, height, width) cannot be corrupted; sides of 8 to 1,024 "
        "pixels and 1 to 4 channels can",
        channels, height, width);
  wb_corruptor *c = calloc(1, sizeof *c);
  if (!c) return wb_fail_nomem(err, "corruption", sizeof *c);
  *c = (wb_corruptor){.channels = channels, .height = height, .width = width, .map_side = 8};
  while (c->map_side < height || c->map_side < width) c->map_side *= 2;
  c->area = (size_t)height * (size_t)width;
  const size_t side = (size_t)c->map_side, pixels = c->area * (size_t)channels;
  c->pixels = malloc(pixels * sizeof(double));
  c->before = malloc(pixels * sizeof(double));
  c->layer = malloc(c->area * sizeof(double));
  c->layer2 = malloc(c->area * sizeof(double));
  c->zoomed = malloc(9 * (size_t)(height + 2) * (size_t)(width + 2) * sizeof(double));
  c->map = malloc(side * side * sizeof(double));
  if (!c->pixels || !c->before || !c->layer || !c->layer2 || !c->zoomed || !c->map) {
    wb_corruptor_free(c);
    return wb_fail_nomem(err, "corruption", side * side * sizeof(double));
  }
  *out = c;
  return WB_OK;
}

void wb_corruptor_free(wb_corruptor *c) {
  if (!c) return;
  free(c->pixels);
  free(c->before);
  free(c->layer);
  free(c->layer2);
  free(c->zoomed);
  free(c->map);
  free(c);
}

wb_status wb_corrupt(wb_corruptor *c, uint8_t *out, const uint8_t *in, int type, int severity, uint64_t seed,
                     uint64_t index, wb_error *err) {
  const size_t pixels = c->area * (size_t)c->channels;
  if (!functions[type]) return wb_jpeg_compression(c, out, in, severity - 1, err);
  c->rng = wb_rng_make(seed, wb_corruption_names[type], index * WB_SEVERITIES + (uint64_t)severity - 1);
  for (size_t i = 0; i < pixels; i++) c->pixels[i] = (double)in[i] / 255;
  functions[type](c, severity - 1);
  for (size_t i = 0; i < pixels; i++) out[i] = (uint8_t)wb_level(c->pixels[i]);
  return WB_OK;
}
