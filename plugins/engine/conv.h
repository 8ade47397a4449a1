/* conv.h: 2-D convolution in three passes on blocked layouts, behind one interface.
 *
 * Layouts are oneDNN's own, whatever the implementation, so that implementations mix freely:
 *   activations  nChw8c    [n][channels/8][height][width][8]
 *   weights      OIhw8i8o  [out/8][in/8][kh][kw][8 in][8 out]
 * A stem, that is fewer than 8 input channels (1 or 3), reads plain nchw images and has weights
 *   Ohwi8o [out/8][kh][kw][in][8 out].
 * Out channels, and in channels unless a stem, are multiples of 8. Padding is kernel/2; there is no bias (a
 * following batch norm or bias pass adds it). All arrays are 64-byte aligned float32.
 *
 * The implementation is a rule of shape and instruction set, never a timing: see wb_conv_create in conv.c.
 * One wb_conv is used by one thread at a time; inside, passes run on OpenMP threads with static schedules, so
 * results are bit-identical for a given number of threads. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_H
#define WB_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_conv_shape {
  int batch; // the most images in one call
  int in_channels, out_channels;
  int height, width;  // of the input
  int kernel, stride; // 1 or 3; 1 or 2
} wb_conv_shape;

typedef enum wb_conv_choice { WB_CONV_AUTO, WB_CONV_ONEDNN, WB_CONV_WINOGRAD } wb_conv_choice;

typedef struct wb_conv wb_conv;

static inline int wb_conv_out(int size, int stride) {
  return (size - 1) / stride + 1;
}

/* Number of floats of the weights: out * in * kernel * kernel. */
static inline size_t wb_conv_weight_count(const wb_conv_shape *s) {
  return (size_t)s->out_channels * (size_t)s->in_channels * (size_t)s->kernel * (size_t)s->kernel;
}

/* Prepares a convolution. WB_ARG for a shape outside the above, WB_UNSUPPORTED where `choice` names an
 * implementation that cannot do it on this CPU, WB_NOMEM. Free with wb_conv_free. */
wb_status wb_conv_create(const wb_conv_shape *shape, wb_conv_choice choice, wb_conv **out, wb_error *err);
void wb_conv_free(wb_conv *conv);

/* The implementation's name, for the record: "onednn", "winograd-f4x4-avx2", .. Static. */
const char *wb_conv_name(const wb_conv *conv);

/* Bytes of scratch (64-byte aligned, contents irrelevant) that any pass may need; one buffer can serve all
 * layers. */
size_t wb_conv_scratch(const wb_conv *conv);

/* What is convolved: x, or relu(scale * x + shift), batch norm and ReLU of the layer before, which then never
 * exist in memory; padding is zero after that. */
typedef struct wb_conv_input {
  const float *x;
  const float *scale, *shift; // (in_channels); NULL: x as it is
} wb_conv_input;

/* Whether training passes take inputs with a scale. */
bool wb_conv_takes_norm(const wb_conv *conv);

/* y = input * w for the first n <= batch images. Where `sums` is not NULL it receives, in double, per output
 * channel the sum of y and the sum of y^2: sums[2][out_channels]. The status is WB_OK or what the library
 * below failed with. */
wb_status wb_conv_forward(wb_conv *conv, int n, const wb_conv_input *input, const float *w, float *y,
                          double *sums, void *scratch, wb_error *err);

/* dx = gradient of the loss with respect to x, overwritten. */
wb_status wb_conv_backward_data(wb_conv *conv, int n, const float *dy, const float *w, float *dx,
                                void *scratch, wb_error *err);

/* dw = gradient with respect to the weights, overwritten. */
wb_status wb_conv_backward_weights(wb_conv *conv, int n, const wb_conv_input *input, const float *dy,
                                   float *dw, void *scratch, wb_error *err);

/* What follows a convolution in evaluation. y = the convolution + bias, added to what y holds (`add`, the end
 * of a residual block), cut at zero (`relu`), and the maximum of each 2 x 2 window (`pool`; an odd last row
 * or column is left out). Not both `add` and `pool`, and `pool` after kernel 3 only. */
typedef struct wb_conv_finish {
  const float *bias; // (out_channels)
  bool add, relu, pool;
} wb_conv_finish;

/* The forward pass of evaluation, with all that follows it. It reads weights as wb_conv_prepare leaves them:
 * wb_conv_filter_count floats, made once and good until the weights change. */
size_t wb_conv_filter_count(const wb_conv *conv);
void wb_conv_prepare(const wb_conv *conv, float *filters, const float *w);
wb_status wb_conv_infer(wb_conv *conv, int n, const float *x, const float *filters,
                        const wb_conv_finish *finish, float *y, void *scratch, wb_error *err);

/* Weights between PyTorch's plain OIHW and the layout above. */
void wb_conv_pack_weights(float *blocked, const float *plain, int out_channels, int in_channels, int kernel);
void wb_conv_unpack_weights(float *plain, const float *blocked, int out_channels, int in_channels,
                            int kernel);

#endif
