/* conv_winograd.c: convolution by Winograd's minimal filtering as implementations of conv_impl.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * This file is compiled for any x86-64 and asks the CPU; the passes themselves are in conv_winograd_avx2.c
 * and conv_winograd_weights_avx2.c.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "conv_impl.h"
#include "conv_layout.h"

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* WORKBENCH_ISA=avx2 keeps AVX-512 from being used, for comparisons. */
static bool has_avx512(void) {
  const char *isa = getenv("WORKBENCH_ISA");
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && !(isa && strcmp(isa, "avx2") == 0);
}

static bool supports(const wb_winograd_form *form, const wb_conv_shape *s) {
  return s->kernel == form->kernel && s->stride == form->stride && s->in_channels % 8 == 0 &&
         s->out_channels % 8 == 0;
}

static wb_status create(const wb_winograd_form *form, const wb_winograd_gemm *gemm, const wb_conv_shape *s,
                        void **state, wb_error *err) {
  wb_winograd *conv = malloc(sizeof *conv);
  if (!conv) return wb_fail_nomem(err, "a convolution", sizeof *conv);
  const int height = wb_conv_out(s->height, s->stride), width = wb_conv_out(s->width, s->stride);
  const int rows = wb_divide_up(height, form->tile), columns = wb_divide_up(width, form->tile);
  *conv = (wb_winograd){.form = form,
                        .gemm = gemm,
                        .shape = *s,
                        .in = {s->in_channels / 8, s->height, s->width, rows, columns},
                        .out = {s->out_channels / 8, height, width, rows, columns},
                        .threads = omp_get_max_threads()};
  *state = conv;
  return WB_OK;
}

static size_t scratch_size(const void *state) {
  const size_t passes = wb_winograd_scratch_avx2(state), weights = wb_winograd_weights_scratch_avx2(state);
  const size_t most = passes > weights ? passes : weights, infer = wb_winograd_infer_scratch_avx2(state);
  return most > infer ? most : infer;
}

static wb_status forward(void *state, int n, const wb_conv_input *input, const float *w, float *y,
                         double *sums, void *scratch, wb_error *err) {
  (void)err;
  wb_winograd_forward_avx2(state, n, input, w, y, sums, scratch);
  return WB_OK;
}

static wb_status backward_data(void *state, int n, const float *dy, const float *w, float *dx, void *scratch,
                               wb_error *err) {
  (void)err;
  wb_winograd_backward_data_avx2(state, n, dy, w, dx, scratch);
  return WB_OK;
}

static wb_status backward_weights(void *state, int n, const wb_conv_input *input, const float *dy, float *dw,
                                  void *scratch, wb_error *err) {
  (void)err;
  wb_winograd_backward_weights_avx2(state, n, input, dy, dw, scratch);
  return WB_OK;
}

static size_t filter_count(const void *state) {
  return wb_winograd_filter_count_avx2(state);
}

static void prepare(const void *state, float *filters, const float *w) {
  wb_winograd_prepare_avx2(state, filters, w);
}

static wb_status infer(void *state, int n, const float *x, const float *filters, const wb_conv_finish *finish,
                       float *y, void *scratch, wb_error *err) {
  (void)err;
  wb_winograd_infer_avx2(state, n, x, filters, finish, y, scratch);
  return WB_OK;
}

/* One implementation for each form and instruction set: names are what run files record. */
#define IMPLEMENTATION(form, isa, label, norm)                                                               \
  static bool supports_##form##_##isa(const wb_conv_shape *s) {                                              \
    return has_##isa() && supports(&wb_winograd_##form##_avx2, s);                                           \
  }                                                                                                          \
  static wb_status create_##form##_##isa(const wb_conv_shape *s, void **state, wb_error *err) {              \
    return create(&wb_winograd_##form##_avx2, &wb_winograd_gemm_##isa, s, state, err);                       \
  }                                                                                                          \
  const wb_conv_impl wb_conv_winograd_##form##_##isa = {                                                     \
      .name = label "-" #isa,                                                                                \
      .supports = supports_##form##_##isa,                                                                   \
      .create = create_##form##_##isa,                                                                       \
      .destroy = free,                                                                                       \
      .scratch = scratch_size,                                                                               \
      .takes_norm = (norm),                                                                                  \
      .forward = forward,                                                                                    \
      .backward_data = backward_data,                                                                        \
      .backward_weights = backward_weights,                                                                  \
      .filter_count = filter_count,                                                                          \
      .prepare = prepare,                                                                                    \
      .infer = infer,                                                                                        \
  };
#define IMPLEMENTATIONS(isa)                                                                                 \
  IMPLEMENTATION(3x3, isa, "winograd-f4x4", true)                                                            \
  IMPLEMENTATION(stride2, isa, "winograd-f4x4-stride2", false)                                               \
  IMPLEMENTATION(1x1, isa, "panels-1x1", false)                                                              \
  IMPLEMENTATION(1x1_stride2, isa, "panels-1x1-stride2", false)

IMPLEMENTATIONS(avx2)
IMPLEMENTATIONS(avx512)

#endif
