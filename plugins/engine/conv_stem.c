/* conv_stem.c: the gradient of a stem's images, for every implementation: plain nchw images from blocked
 * gradients, which the libraries below have no fast path for. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "conv_stem.h"

#include <omp.h>
#include <stdlib.h>

#include "conv_impl.h"
#include "vec8.h"

/* Position in the output that tap `tap` of input position `at` belongs to, or -1. */
static inline int source(int at, int tap, int kernel, int stride, int size) {
  const int stepped = at + kernel / 2 - tap;
  return stepped >= 0 && stepped % stride == 0 && stepped / stride < size ? stepped / stride : -1;
}

/* dx (in, height, width) of one image: dx[i,r,c] = sum over outputs o and taps u, v of dy[o, .., ..]
 * w[o,i,u,v], eight outputs at a time. */
WB_CLONES static void image(float *dx, const float *dy, const float *w, const wb_conv_shape *s) {
  const int rows = wb_conv_out(s->height, s->stride), cols = wb_conv_out(s->width, s->stride);
  const int ins = s->in_channels, k = s->kernel, blocks = s->out_channels / 8;
  for (int r = 0; r < s->height; r++)
    for (int c = 0; c < s->width; c++) {
      v8 sum[WB_STEM_CHANNELS] = {0};
      for (int tap = 0; tap < k * k; tap++) {
        const int from_row = source(r, tap / k, k, s->stride, rows);
        const int from_col = source(c, tap % k, k, s->stride, cols);
        if (from_row < 0 || from_col < 0) continue;
        for (int b = 0; b < blocks; b++) {
          const v8 *g =
              (const v8 *)dy + ((size_t)b * (size_t)rows + (size_t)from_row) * (size_t)cols + from_col;
          const v8 *weights = (const v8 *)w + ((size_t)b * (size_t)(k * k) + (size_t)tap) * (size_t)ins;
          for (int i = 0; i < ins; i++) sum[i] += *g * weights[i];
        }
      }
      for (int i = 0; i < ins; i++) {
        float total = 0;
        for (int j = 0; j < 8; j++) total += sum[i][j];
        dx[((size_t)i * (size_t)s->height + (size_t)r) * (size_t)s->width + (size_t)c] = total;
      }
    }
}

void wb_conv_stem_backward_data(const wb_conv_shape *shape, int n, const float *dy, const float *w,
                                float *dx) {
  const size_t x_size = (size_t)shape->in_channels * (size_t)shape->height * (size_t)shape->width;
  const size_t y_size = (size_t)shape->out_channels * (size_t)wb_conv_out(shape->height, shape->stride) *
                        (size_t)wb_conv_out(shape->width, shape->stride);
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) image(dx + (size_t)i * x_size, dy + (size_t)i * y_size, w, shape);
}

#if defined(__x86_64__)

static bool supports(const wb_conv_shape *s) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         s->in_channels <= WB_STEM_CHANNELS && s->kernel == 3 && s->stride == 1;
}

static wb_status create(const wb_conv_shape *shape, void **state, wb_error *err) {
  wb_stem *stem = malloc(sizeof *stem);
  if (!stem) return wb_fail_nomem(err, "a convolution", sizeof *stem);
  *stem = (wb_stem){*shape, omp_get_max_threads()};
  *state = stem;
  return WB_OK;
}

static size_t scratch_size(const void *state) {
  return wb_stem_scratch_avx2(state);
}

static wb_status forward(void *state, int n, const wb_conv_input *input, const float *w, float *y,
                         double *sums, void *scratch, wb_error *err) {
  (void)err;
  wb_stem_forward_avx2(state, n, input->x, w, y, sums, scratch);
  return WB_OK;
}

static wb_status backward_weights(void *state, int n, const wb_conv_input *input, const float *dy, float *dw,
                                  void *scratch, wb_error *err) {
  (void)err;
  wb_stem_backward_weights_avx2(state, n, input->x, dy, dw, scratch);
  return WB_OK;
}

static wb_status infer(void *state, int n, const float *x, const float *filters, const wb_conv_finish *finish,
                       float *y, void *scratch, wb_error *err) {
  (void)err;
  wb_stem_infer_avx2(state, n, x, filters, finish, y, scratch);
  return WB_OK;
}

const wb_conv_impl wb_conv_stem = {
    .name = "stem-avx2",
    .supports = supports,
    .create = create,
    .destroy = free,
    .scratch = scratch_size,
    .forward = forward,
    .backward_weights = backward_weights,
    .infer = infer,
};

#endif
