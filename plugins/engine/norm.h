/* norm.h: the per-channel arithmetic of batch norm, as PyTorch does it (momentum 0.1, epsilon 1e-5).
 *
 * The passes over activations are in layers.h; they need scale and shift forward and k backward. Pure
 * functions on arrays of `channels`. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_NORM_H
#define WB_NORM_H

/* The parameters of one batch norm. */
typedef struct wb_norm {
  const float *weight, *bias;
  float *running_mean, *running_var;
  const float *input_bias; // added to what is normalised, but not by its convolution; NULL: none
} wb_norm;

/* Training: scale and shift, mean and 1/sd from sums (2, channels) of `count` > 1 values a channel; updates
 * the running statistics (with the unbiased variance, as PyTorch). A bias of the input cancels except in the
 * running mean. */
void wb_norm_train(float *scale, float *shift, double *mean, double *rstd, const wb_norm *norm,
                   const double *sums, double count, int channels);

/* Evaluation: scale and shift from the running statistics. */
void wb_norm_eval(float *scale, float *shift, const wb_norm *norm, int channels);

/* Backward: k (3, channels) of dy = k1 g + k2 y + k3, and the gradients of weight and bias, from the sums
 * (2, channels) of g and g * y. */
void wb_norm_gradients(float *k, float *d_weight, float *d_bias, const wb_norm *norm, const double *sums,
                       const double *mean, const double *rstd, double count, int channels);

#endif
