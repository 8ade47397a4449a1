/* layers.h: what lies between convolutions, on nChw8c activations, each in one pass over memory.
 *
 * A normalised layer is a = relu(scale * y + shift), y the convolution's output and scale, shift (channels)
 * from batch norm (norm.h). Backward, masks are recomputed rather than stored: g, the gradient before ReLU
 * and pooling, is summed up first (sum of g and of g * y per channel), then dy = k1 g + k2 y + k3 replaces y.
 *
 * Sizes: n images, blocks = channels / 8, pixels = height * width of y. sums are (2, channels) doubles, as
 * conv.h has them. `work` holds wb_channel_sums_work(n, blocks) doubles. Sums are taken per image and added
 * in the images' order, so nothing depends on the number of threads. Arrays are 32-byte aligned.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_LAYERS_H
#define WB_LAYERS_H

#include <stddef.h>

/* Doubles of scratch for the functions that fill `sums`. */
size_t wb_channel_sums_work(int n, int blocks);
/* sums from the images' sums part (n, blocks, 2, 8), added in order. */
void wb_channel_reduce(double *sums, const double *part, int n, int blocks);

/* Per channel the sum of y and of y^2. */
void wb_channel_sums(double *sums, const float *y, int n, int blocks, size_t pixels, double *work);
/* Per channel the sum of g and of g * y. */
void wb_channel_products(double *sums, const float *g, const float *y, int n, int blocks, size_t pixels,
                         double *work);

/* a = relu(scale * y + shift); a may be y. */
void wb_norm_relu(float *a, const float *y, const float *scale, const float *shift, int n, int blocks,
                  size_t pixels);
/* The same, then the maximum of each 2 x 2 window: a (n, blocks, height / 2, width / 2, 8). An odd last row
 * or column is left out. */
void wb_norm_relu_pool(float *a, const float *y, const float *scale, const float *shift, int n, int blocks,
                       int height, int width);
/* a = relu(scale * y + shift + r_scale * r + r_shift), the end of a residual block; a may be y. r_scale and
 * r_shift are NULL where r is added as it is. */
void wb_norm_add_relu(float *a, const float *y, const float *scale, const float *shift, const float *r,
                      const float *r_scale, const float *r_shift, int n, int blocks, size_t pixels);

/* sums of wb_norm_relu's g from the gradient d of a. */
void wb_norm_relu_sums(double *sums, const float *d, const float *y, const float *scale, const float *shift,
                       int n, int blocks, size_t pixels, double *work);
/* dy over y, from the same. k (3, channels). */
void wb_norm_relu_backward(float *y, const float *d, const float *scale, const float *shift, const float *k,
                           int n, int blocks, size_t pixels);
/* Both for wb_norm_relu_pool; d as a. Of equal values in a window the first, row by row, takes the gradient.
 */
void wb_norm_relu_pool_sums(double *sums, const float *d, const float *y, const float *scale,
                            const float *shift, int n, int blocks, int height, int width, double *work);
void wb_norm_relu_pool_backward(float *y, const float *d, const float *scale, const float *shift,
                                const float *k, int n, int blocks, int height, int width);
/* Where the gradient of a comes in two parts or goes on through a residual: g = (d + d2) where a > 0, written
 * over d, and its sums with y. d2 may be NULL. */
void wb_relu_merge_sums(double *sums, float *d, const float *d2, const float *a, const float *y, int n,
                        int blocks, size_t pixels, double *work);
/* dy over y from g itself. */
void wb_norm_backward(float *y, const float *g, const float *k, int n, int blocks, size_t pixels);

/* Global average pooling: f (n, channels) from a, and back. */
void wb_mean_pixels(float *f, const float *a, int n, int blocks, size_t pixels);
/* f from the y that wb_norm_relu would make a from. */
void wb_norm_relu_mean(float *f, const float *y, const float *scale, const float *shift, int n, int blocks,
                       size_t pixels);
void wb_mean_pixels_backward(float *da, const float *df, int n, int blocks, size_t pixels);
/* The same added to da. */
void wb_mean_pixels_backward_add(float *da, const float *df, int n, int blocks, size_t pixels);

#endif
