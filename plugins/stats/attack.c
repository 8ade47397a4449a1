/* attack.c: see attack.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "attack.h"

#include <math.h>

#include "base/rng.h"

static float within(float x, float low, float high) {
  return x < low ? low : x > high ? high : x;
}

void wb_attack_start(float *x, const float *clean, float epsilon, uint64_t seed, uint64_t index, size_t n) {
  wb_rng rng = wb_rng_make(seed, "attack", index);
  for (size_t i = 0; i < n; i++) x[i] = within(clean[i] + wb_rng_range(&rng, -epsilon, epsilon), 0, 1);
}

void wb_attack_step(float *x, const float *gradient, const float *clean, float step, float epsilon,
                    size_t n) {
#pragma omp parallel for schedule(static) if (n > 65536)
  for (size_t i = 0; i < n; i++) {
    const float sign = (float)((gradient[i] > 0) - (gradient[i] < 0));
    x[i] = within(within(x[i] + step * sign, clean[i] - epsilon, clean[i] + epsilon), 0, 1);
  }
}

double wb_attack_excess(const float *x, const float *clean, float epsilon, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) {
    const double value = (double)x[i];
    const double outside = fmax(fabs(value - (double)clean[i]) - (double)epsilon, fmax(-value, value - 1));
    if (isnan(value)) return INFINITY;
    worst = fmax(worst, outside);
  }
  return worst;
}

double wb_attack_loss(const float *logits, size_t label, size_t classes) {
  double top = (double)logits[0], sum = 0;
  for (size_t c = 1; c < classes; c++) top = fmax(top, (double)logits[c]);
  for (size_t c = 0; c < classes; c++) sum += exp((double)logits[c] - top);
  return log(sum) + top - (double)logits[label];
}
