/* optim.c: Adam and AdamW in one fused pass. See optim.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "optim.h"

#include <math.h>

#include "fastmath.h"
#include "simd.h"

enum { BLOCK = 4096 }; // fixed, so that every element takes the same path whatever the threads

wb_adam wb_adam_default(double rate) {
  return (wb_adam){.rate = rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .decay = 0};
}

typedef struct coefficients {
  float beta1, rest1, beta2, rest2; // rest = 1 - beta
  float step;                       // rate / (1 - beta1^step)
  float root;                       // sqrt(1 - beta2^step)
  float epsilon, keep;              // keep = 1 - rate * decay
} coefficients;

WB_CLONES static void update(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                             size_t count, const coefficients *c) {
  const coefficients k = *c;
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    m[i] = k.beta1 * m[i] + k.rest1 * g[i];
    v[i] = k.beta2 * v[i] + k.rest2 * g[i] * g[i];
    w[i] = w[i] * k.keep - k.step * m[i] / (sqrtf(v[i]) / k.root + k.epsilon);
  }
}

void wb_adam_step(float *w, float *m, float *v, const float *g, size_t count, const wb_adam *adam,
                  int64_t step) {
  const coefficients c = {.beta1 = (float)adam->beta1,
                          .rest1 = (float)(1 - adam->beta1),
                          .beta2 = (float)adam->beta2,
                          .rest2 = (float)(1 - adam->beta2),
                          .step = (float)(adam->rate / (1 - pow(adam->beta1, (double)step))),
                          .root = (float)sqrt(1 - pow(adam->beta2, (double)step)),
                          .epsilon = (float)adam->epsilon,
                          .keep = (float)(1 - adam->rate * adam->decay)};
#pragma omp parallel for schedule(static) if (count > 4 * BLOCK)
  for (size_t i = 0; i < count; i += BLOCK) {
    const size_t size = count - i < BLOCK ? count - i : BLOCK;
    update(w + i, m + i, v + i, g + i, size, &c);
  }
}

WB_CLONES static double sum_of_squares(const float *g, size_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++) sum += (double)g[i] * (double)g[i];
  return sum;
}

double wb_norm(const float *g, size_t count) {
  double parts[WB_PARTS];
#pragma omp parallel for schedule(static) if (count > 4 * BLOCK)
  for (size_t k = 0; k < WB_PARTS; k++)
    parts[k] = sum_of_squares(g + wb_part(k, count), wb_part(k + 1, count) - wb_part(k, count));
  return sqrt(wb_parts_sum(parts));
}
