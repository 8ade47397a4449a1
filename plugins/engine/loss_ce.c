/* loss_ce.c: softmax cross-entropy and accuracy. See loss.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>

#include "fastmath.h"
#include "loss.h"
#include "simd.h"

/* -log softmax(x)[label]; d (unless NULL) receives scale times its gradient, softmax(x) - onehot(label). */
WB_CLONES static double row_loss(float *d, const float *x, size_t label, size_t classes, float scale) {
  float top = x[0];
  for (size_t c = 1; c < classes; c++) top = x[c] > top ? x[c] : top;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t c = 0; c < classes; c++) sum += (double)wb_exp_negative(x[c] - top);
  if (d) {
    const float share = (float)(1 / sum);
#pragma omp simd
    for (size_t c = 0; c < classes; c++) d[c] = scale * (wb_exp_negative(x[c] - top) * share);
    d[label] -= scale;
  }
  return log(sum) - ((double)x[label] - (double)top);
}

double wb_loss_ce(float *d_logits, const float *logits, const int32_t *labels, size_t n, size_t classes) {
  double parts[WB_PARTS] = {0};
  const float scale = 1.f / (float)n;
#pragma omp parallel for schedule(static) if (n * classes > 8192)
  for (size_t k = 0; k < WB_PARTS; k++)
    for (size_t i = wb_part(k, n); i < wb_part(k + 1, n); i++)
      parts[k] += row_loss(d_logits ? d_logits + i * classes : NULL, logits + i * classes, (size_t)labels[i],
                           classes, scale);
  return wb_parts_sum(parts) / (double)n;
}

double wb_accuracy(const float *logits, const int32_t *labels, size_t n, size_t classes) {
  size_t correct = 0;
  for (size_t i = 0; i < n; i++) {
    const float *x = logits + i * classes;
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
      if (x[c] > x[best]) best = c;
    correct += best == (size_t)labels[i];
  }
  return (double)correct / (double)n;
}
