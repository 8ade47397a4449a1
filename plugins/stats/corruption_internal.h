/* corruption_internal.h: the families of corruptions; see corruption.h. Private to them and their test.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CORRUPTION_INTERNAL_H
#define WB_CORRUPTION_INTERNAL_H

#include "base/rng.h"
#include "corruption.h"

struct wb_corruptor {
  int channels, height, width;
  size_t area;             // height x width
  int map_side;            // power of two, at least as long as either side
  double *pixels, *before; // (channels, height, width) in [0, 1]: the image; room for one more
  double *layer, *layer2;  // (height, width)
  double *zoomed;          // (3 (height + 2), 3 (width + 2)): an image of one channel, magnified
  double *map;             // (map_side, map_side)
  wb_rng rng;
};

/* Each changes c->pixels; what leaves [0, 1] is clipped afterwards. severity 0 to 4. */
void wb_gaussian_noise(wb_corruptor *c, int severity);
void wb_shot_noise(wb_corruptor *c, int severity);
void wb_impulse_noise(wb_corruptor *c, int severity);
void wb_defocus_blur(wb_corruptor *c, int severity);
void wb_glass_blur(wb_corruptor *c, int severity);
void wb_motion_blur(wb_corruptor *c, int severity);
void wb_zoom_blur(wb_corruptor *c, int severity);
void wb_snow(wb_corruptor *c, int severity);
void wb_frost(wb_corruptor *c, int severity);
void wb_fog(wb_corruptor *c, int severity);
void wb_brightness(wb_corruptor *c, int severity);
void wb_contrast(wb_corruptor *c, int severity);
void wb_elastic_transform(wb_corruptor *c, int severity);
void wb_pixelate(wb_corruptor *c, int severity);
wb_status wb_jpeg_compression(wb_corruptor *c, uint8_t *out, const uint8_t *in, int severity, wb_error *err);

/* ---- What they share; planes are (height, width) ---- */

static inline int wb_clamp_index(int i, int n) {
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* As bytes and back, cut off below as the published code does; what rounding lost is given back first. */
static inline double wb_level(double x) {
  const double level = floor(x * 255 + 1e-9);
  return level < 0 ? 0 : level > 255 ? 255 : level;
}

/* Gaussian of `sigma` up to `truncate` sigmas; edge pixels repeat, or with `reflect` the image is mirrored.
 * room (height, width). */
void wb_gaussian_plane(double *plane, double *room, int height, int width, double sigma, double truncate,
                       int reflect);
/* Motion blur of ImageMagick: along `degrees`, from each pixel one way. out and in apart. */
void wb_motion_plane(double *out, const double *in, int height, int width, int radius, double sigma,
                     double degrees);
/* The middle of a plane, magnified by `factor` (1 to 3), bilinear; zoomed: room as above. */
void wb_zoom_plane(double *out, const double *in, double *zoomed, int height, int width, double factor);

#endif
