/* conv_impl.h: what one implementation of convolution provides to conv.c. Private to the engine.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_IMPL_H
#define WB_CONV_IMPL_H

#include "conv.h"

/* All passes as in conv.h, for 1 to batch images; backward_data is not asked of stems. `state` is the
 * implementation's own, made by `create`. */
typedef struct wb_conv_impl {
  const char *name;
  bool (*supports)(const wb_conv_shape *shape); // shape and CPU
  wb_status (*create)(const wb_conv_shape *shape, void **state, wb_error *err);
  void (*destroy)(void *state); // NULL is fine
  size_t (*scratch)(const void *state);
  bool takes_norm; // inputs may have a scale
  wb_status (*forward)(void *state, int n, const wb_conv_input *input, const float *w, float *y, double *sums,
                       void *scratch, wb_error *err);
  wb_status (*backward_data)(void *state, int n, const float *dy, const float *w, float *dx, void *scratch,
                             wb_error *err);
  wb_status (*backward_weights)(void *state, int n, const wb_conv_input *input, const float *dy, float *dw,
                                void *scratch, wb_error *err);
  size_t (*filter_count)(const void *state); // NULL with `prepare`: filters are the weights as they are
  void (*prepare)(const void *state, float *filters, const float *w);
  wb_status (*infer)(void *state, int n, const float *x, const float *filters, const wb_conv_finish *finish,
                     float *y, void *scratch, wb_error *err);
} wb_conv_impl;

extern const wb_conv_impl wb_conv_onednn;

#if defined(__x86_64__)
/* Our own kernels, for CPUs with AVX2 and FMA, or AVX-512 (F, DQ, VL): conv_winograd.c, conv_stem.c. */
extern const wb_conv_impl wb_conv_winograd_3x3_avx2, wb_conv_winograd_stride2_avx2, wb_conv_winograd_1x1_avx2,
    wb_conv_winograd_1x1_stride2_avx2, wb_conv_winograd_3x3_avx512, wb_conv_winograd_stride2_avx512,
    wb_conv_winograd_1x1_avx512, wb_conv_winograd_1x1_stride2_avx512, wb_conv_stem;
#endif

enum { WB_STEM_CHANNELS = 3 }; // the most input channels of a stem

/* backward_data of stems, whatever the implementation. */
void wb_conv_stem_backward_data(const wb_conv_shape *shape, int n, const float *dy, const float *w,
                                float *dx);

#endif
