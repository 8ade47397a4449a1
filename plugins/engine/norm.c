/* norm.c: the per-channel arithmetic of batch norm. SPDX-License-Identifier: GPL-3.0-or-later */
#include "norm.h"

#include <math.h>

static const double momentum = 0.1, epsilon = 1e-5;

static float average(float running, double now) {
  return (float)((1 - momentum) * (double)running + momentum * now);
}

void wb_norm_train(float *scale, float *shift, double *mean, double *rstd, const wb_norm *norm,
                   const double *sums, double count, int channels) {
  for (int c = 0; c < channels; c++) {
    const double m = sums[c] / count, variance = fmax(sums[channels + c] / count - m * m, 0);
    const double r = 1 / sqrt(variance + epsilon), s = (double)norm->weight[c] * r;
    mean[c] = m;
    rstd[c] = r;
    scale[c] = (float)s;
    shift[c] = (float)((double)norm->bias[c] - m * s);
    const double input_bias = norm->input_bias ? (double)norm->input_bias[c] : 0;
    norm->running_mean[c] = average(norm->running_mean[c], m + input_bias);
    norm->running_var[c] = average(norm->running_var[c], variance * count / (count - 1));
  }
}

void wb_norm_eval(float *scale, float *shift, const wb_norm *norm, int channels) {
  for (int c = 0; c < channels; c++) {
    const double s = (double)norm->weight[c] / sqrt((double)norm->running_var[c] + epsilon);
    const double input_bias = norm->input_bias ? (double)norm->input_bias[c] : 0;
    scale[c] = (float)s;
    shift[c] = (float)((double)norm->bias[c] + (input_bias - (double)norm->running_mean[c]) * s);
  }
}

/* With x = (y - mean) rstd: d_bias = sum g, d_weight = sum g x, dy = weight rstd (g - mean(g) - x mean(g x)).
 */
void wb_norm_gradients(float *k, float *d_weight, float *d_bias, const wb_norm *norm, const double *sums,
                       const double *mean, const double *rstd, double count, int channels) {
  for (int c = 0; c < channels; c++) {
    const double g = sums[c], gx = rstd[c] * (sums[channels + c] - mean[c] * g);
    const double k1 = (double)norm->weight[c] * rstd[c], slope = k1 * rstd[c] * gx / count;
    d_weight[c] = (float)gx;
    d_bias[c] = (float)g;
    k[c] = (float)k1;
    k[channels + c] = (float)-slope;
    k[2 * channels + c] = (float)(slope * mean[c] - k1 * g / count);
  }
}
