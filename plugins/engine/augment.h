/* augment.h: image augmentation, as torchvision does it on 8-bit images, and normalisation.
 *
 * Sampling and applying are apart: a wb_augment_draw holds everything random about one view of one image, a
 * pure function of (seed, epoch, sample, view). Operations, in this order: resized crop (bilinear,
 * antialiased) or padded crop, flip, colour jitter in its drawn order, greyscale, 3x3 Gaussian blur; then (x
 * - mean) / sd. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_AUGMENT_H
#define WB_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wb_augment_policy {
  bool resized_crop;
  float scale[2], ratio[2];                    // area share and aspect ratio of the crop
  int pad;                                     // > 0: random crop after this much zero padding
  float flip;                                  // probability of a left-right flip
  float jitter;                                // probability of colour jitter
  float brightness, contrast, saturation, hue; // its strengths
  float grey;                                  // probability of greyscale
  float blur;                                  // probability of 3x3 Gaussian blur
  float sigma[2];                              // its sigma, uniform
} wb_augment_policy;

/* "none", "crop" (resized crop 0.2-1 + flip), "contrastive" (crop + jitter 0.4, 0.4, 0.4, 0.1 at p 0.8, grey
 * 0.2, blur 0.5), "validation" (resized crop 0.5-1 + flip), "pad" (crop with padding 4 + flip). NULL for
 * another name. On greyscale images jitter's saturation and hue and grey do nothing. */
const wb_augment_policy *wb_augment_find(const char *name);

typedef struct wb_augment_draw {
  int top, left, height, width; // crop box in the (padded) image
  bool flip, jitter, grey, blur;
  int order[4]; // of brightness 0, contrast 1, saturation 2, hue 3
  float brightness, contrast, saturation, hue, sigma;
} wb_augment_draw;

void wb_augment_sample(wb_augment_draw *draw, const wb_augment_policy *policy, int height, int width,
                       uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t view);

/* out (channels, height, width) float32, normalised, from image (channels, height, width) uint8. `work` holds
 * wb_augment_work(channels, height, width) floats. */
void wb_augment_apply(float *out, const uint8_t *image, int channels, int height, int width,
                      const wb_augment_policy *policy, const wb_augment_draw *draw, const float *mean,
                      const float *sd, float *work);
size_t wb_augment_work(int channels, int height, int width);

/* Without augmentation: (x / 255 - mean) / sd for n images. */
void wb_normalize_images(float *out, const uint8_t *images, size_t n, int channels, int height, int width,
                         const float *mean, const float *sd);

#endif
