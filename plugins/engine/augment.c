/* augment.c: augmentation policies and their random draws. See augment.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "augment.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

static const struct {
  const char *name;
  wb_augment_policy policy;
} policies[] = {
    {"none", {0}},
    {"crop", {.resized_crop = true, .scale = {0.2f, 1}, .ratio = {3.f / 4, 4.f / 3}, .flip = 0.5f}},
    {"contrastive",
     {.resized_crop = true,
      .scale = {0.2f, 1},
      .ratio = {3.f / 4, 4.f / 3},
      .flip = 0.5f,
      .jitter = 0.8f,
      .brightness = 0.4f,
      .contrast = 0.4f,
      .saturation = 0.4f,
      .hue = 0.1f,
      .grey = 0.2f,
      .blur = 0.5f,
      .sigma = {0.1f, 2}}},
    {"validation", {.resized_crop = true, .scale = {0.5f, 1}, .ratio = {3.f / 4, 4.f / 3}, .flip = 0.5f}},
    {"pad", {.pad = 4, .flip = 0.5f}},
};

const wb_augment_policy *wb_augment_find(const char *name) {
  for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
    if (strcmp(policies[i].name, name) == 0) return &policies[i].policy;
  return NULL;
}

/* torchvision's RandomResizedCrop.get_params: ten tries, then the largest central box of an allowed ratio. */
static void sample_box(wb_augment_draw *draw, const wb_augment_policy *policy, int height, int width,
                       wb_rng *rng) {
  const double area = (double)height * (double)width;
  const double low = (double)policy->ratio[0], high = (double)policy->ratio[1];
  const float log_low = logf(policy->ratio[0]), log_high = logf(policy->ratio[1]);
  for (int i = 0; i < 10; i++) {
    const double target = area * (double)wb_rng_range(rng, policy->scale[0], policy->scale[1]);
    const double ratio = exp((double)wb_rng_range(rng, log_low, log_high));
    draw->width = (int)rint(sqrt(target * ratio));
    draw->height = (int)rint(sqrt(target / ratio));
    if (draw->width > 0 && draw->width <= width && draw->height > 0 && draw->height <= height) {
      draw->top = (int)wb_rng_below(rng, (uint32_t)(height - draw->height + 1));
      draw->left = (int)wb_rng_below(rng, (uint32_t)(width - draw->width + 1));
      return;
    }
  }
  const double shape = (double)width / (double)height;
  draw->height = shape < low ? (int)rint(width / low) : height;
  draw->width = shape > high ? (int)rint(height * high) : width;
  draw->top = (height - draw->height) / 2;
  draw->left = (width - draw->width) / 2;
}

static float sample_factor(wb_rng *rng, float strength) {
  return wb_rng_range(rng, strength > 1 ? 0 : 1 - strength, 1 + strength);
}

void wb_augment_sample(wb_augment_draw *draw, const wb_augment_policy *policy, int height, int width,
                       uint64_t seed, uint64_t epoch, uint64_t sample, uint32_t view) {
  wb_rng rng = wb_rng_make(seed, "augment", epoch << 34 ^ sample << 2 ^ view);
  *draw = (wb_augment_draw){.height = height, .width = width, .order = {0, 1, 2, 3}};
  if (policy->resized_crop) {
    sample_box(draw, policy, height, width, &rng);
  } else if (policy->pad > 0) {
    draw->top = (int)wb_rng_below(&rng, 2 * (uint32_t)policy->pad + 1);
    draw->left = (int)wb_rng_below(&rng, 2 * (uint32_t)policy->pad + 1);
  }
  draw->flip = wb_rng_uniform(&rng) < policy->flip;
  draw->jitter = wb_rng_uniform(&rng) < policy->jitter;
  uint32_t order[4] = {0, 1, 2, 3};
  wb_rng_shuffle(&rng, order, 4);
  for (int i = 0; i < 4; i++) draw->order[i] = (int)order[i];
  draw->brightness = sample_factor(&rng, policy->brightness);
  draw->contrast = sample_factor(&rng, policy->contrast);
  draw->saturation = sample_factor(&rng, policy->saturation);
  draw->hue = wb_rng_range(&rng, -policy->hue, policy->hue);
  draw->grey = wb_rng_uniform(&rng) < policy->grey;
  draw->blur = wb_rng_uniform(&rng) < policy->blur;
  draw->sigma = wb_rng_range(&rng, policy->sigma[0], policy->sigma[1]);
}
