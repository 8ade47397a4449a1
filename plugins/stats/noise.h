/* noise.h: noise on images in [0, 1]: white, pink, salt and pepper.
 *
 *   white        x + s N(0, 1) for each pixel and channel
 *   pink         x + s P: P is N(0, 1) for each pixel, filtered in each channel by 1 / f^exponent of
 * amplitude (f: cycles per pixel, sqrt(fx^2 + fy^2); 1 at f = 0), then made zero-mean and of unit population
 * sd over the channel; 0 where the sd is 0 (an image of one pixel) salt-pepper  int(s height width) pixels
 * drawn with replacement become 0 or 1 in all channels, with equal odds; the last draw of a pixel counts
 *
 * White and pink are then clamped to [0, 1]. Level 0 leaves an image as it is. The draw is a function of
 * seed, kind, level and the image's index alone, whatever the order and the threads. Both exponents filter
 * the same white noise. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_NOISE_H
#define WB_NOISE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

typedef enum wb_noise_kind {
  WB_NOISE_NONE = 0,
  WB_NOISE_WHITE = 1,
  WB_NOISE_PINK = 2,
  WB_NOISE_SALT_PEPPER = 3
} wb_noise_kind;

/* What one kind needs for images of one shape. Read-only once made: threads may share it. */
typedef struct wb_noise wb_noise;

/* `exponent` is of amplitude (1, or 1/2 for 1/f power) and counts for pink alone. WB_ARG for an image without
 * pixels, WB_NOMEM. */
wb_status wb_noise_make(wb_noise **out, wb_noise_kind kind, double exponent, size_t channels, size_t height,
                        size_t width, wb_error *err);
void wb_noise_free(wb_noise *noise); // NULL is fine

/* Numbers of scratch that one thread needs for wb_noise_apply and wb_noise_filter. */
size_t wb_noise_scratch(const wb_noise *noise);

/* out (channels, height, width): the image with noise of that level (sd; share of pixels). May be image. */
void wb_noise_apply(float *out, const float *image, const wb_noise *noise, double level, uint64_t seed,
                    uint64_t index, double *scratch);

/* The parts of it. z (n): standard normal numbers, Box-Muller's both of every two. */
void wb_noise_normals(double *z, size_t n, wb_rng *rng);
/* z (channels, height, width), white, becomes pink: zero mean, unit sd in each channel. */
void wb_noise_filter(double *z, const wb_noise *noise, double *scratch);

#endif
