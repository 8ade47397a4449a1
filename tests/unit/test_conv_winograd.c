/* test_conv_winograd.c: our own convolution kernels, each pass of each shape class against float64.
 *
 * Buffers are full of NaN before each pass, and the scratch ends in a guard: what is not written, read
 * without being written, or written beyond the end, shows. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "conv_impl.h"

#if defined(__x86_64__)

static const wb_conv_impl *const implementations[] = {&wb_conv_winograd_3x3_avx2,
                                                      &wb_conv_winograd_stride2_avx2,
                                                      &wb_conv_winograd_1x1_avx2,
                                                      &wb_conv_winograd_1x1_stride2_avx2,
                                                      &wb_conv_winograd_3x3_avx512,
                                                      &wb_conv_winograd_stride2_avx512,
                                                      &wb_conv_winograd_1x1_avx512,
                                                      &wb_conv_winograd_1x1_stride2_avx512,
                                                      &wb_conv_stem};

typedef struct problem {
  wb_conv_shape shape;
  int n, height, width; // of the output
  size_t x_count, y_count, w_count;
  double *x, *dy, *w;   // pixel-major [n][row][column][channel] and [tap][in][out]
  double *y, *dx, *dw;  // what is right, alike
  float *bx, *bdy, *bw; // blocked
} problem;

typedef struct answer {
  float *y, *dx, *dw; // blocked
  double *sums;
} answer;

static void *alloc(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  assert_non_null(p);
  memset(p, 0xff, (bytes + 127) / 64 * 64);
  return p;
}

static double *zeros(size_t count) {
  return memset(alloc(count * sizeof(double)), 0, count * sizeof(double));
}

/* Blocked position of channel c of pixel p (of all images), and of weight (tap, i, o). */
static size_t at_pixel(size_t p, size_t c, size_t channels, size_t pixels) {
  if (channels < 8) return (p / pixels * channels + c) * pixels + p % pixels;
  return ((p / pixels * (channels / 8) + c / 8) * pixels + p % pixels) * 8 + c % 8;
}

static size_t at_weight(size_t tap, size_t i, size_t o, size_t ins, size_t taps) {
  if (ins < 8) return ((o / 8 * taps + tap) * ins + i) * 8 + o % 8;
  return ((o / 8 * (ins / 8) + i / 8) * taps + tap) * 64 + i % 8 * 8 + o % 8;
}

/* Random values that are exact in float, with the mean given, in both layouts. */
static double *draw(float **blocked, const char *stream, size_t pixels_all, size_t channels, size_t pixels,
                    double mean) {
  const size_t count = pixels_all * channels;
  wb_rng rng = wb_rng_make(3, stream, count);
  double *plain = zeros(count);
  *blocked = alloc(count * sizeof(float));
  for (size_t p = 0; p < pixels_all; p++)
    for (size_t c = 0; c < channels; c++) {
      const float v = (float)(mean + wb_rng_normal(&rng));
      plain[p * channels + c] = (double)v;
      (*blocked)[at_pixel(p, c, channels, pixels)] = v;
    }
  return plain;
}

/* The definition: y[n,r,c,o] = sum over taps (u, v) and i of x[n, r s + u - pad, c s + v - pad, i]
 * w[u,v,i,o], and its two adjoints. */
static void brute_force(problem *q) {
  const wb_conv_shape *s = &q->shape;
  const int ins = s->in_channels, outs = s->out_channels, k = s->kernel;
  for (int n = 0; n < q->n; n++)
    for (int p = 0; p < q->height * q->width; p++)
      for (int tap = 0; tap < k * k; tap++) {
        const int r = p / q->width * s->stride + tap / k - k / 2,
                  c = p % q->width * s->stride + tap % k - k / 2;
        if (r < 0 || c < 0 || r >= s->height || c >= s->width) continue;
        const size_t in = ((size_t)(n * s->height + r) * (size_t)s->width + (size_t)c) * (size_t)ins;
        const size_t out = ((size_t)n * (size_t)(q->height * q->width) + (size_t)p) * (size_t)outs;
        const double *x = q->x + in, *dy = q->dy + out;
        for (int i = 0; i < ins; i++) {
          const size_t row = (size_t)(tap * ins + i) * (size_t)outs;
          const double *w = q->w + row;
          double *y = q->y + out, *dw = q->dw + row, dx = 0;
          for (int o = 0; o < outs; o++) y[o] += x[i] * w[o];
          for (int o = 0; o < outs; o++) dw[o] += x[i] * dy[o];
          for (int o = 0; o < outs; o++) dx += dy[o] * w[o];
          q->dx[in + (size_t)i] += dx;
        }
      }
}

static problem make(wb_conv_shape s, int n, double mean) {
  problem q = {
      .shape = s, .n = n, .height = wb_conv_out(s.height, s.stride), .width = wb_conv_out(s.width, s.stride)};
  const size_t pixels = (size_t)(s.height * s.width), out_pixels = (size_t)(q.height * q.width);
  const size_t ins = (size_t)s.in_channels, outs = (size_t)s.out_channels,
               taps = (size_t)(s.kernel * s.kernel);
  q.x_count = (size_t)n * pixels * ins, q.y_count = (size_t)n * out_pixels * outs,
  q.w_count = taps * ins * outs;
  q.x = draw(&q.bx, "x", (size_t)n * pixels, ins, pixels, mean);
  q.dy = draw(&q.bdy, "dy", (size_t)n * out_pixels, outs, out_pixels, 0);
  q.w = zeros(q.w_count), q.bw = alloc(q.w_count * sizeof(float));
  wb_rng rng = wb_rng_make(3, "w", 0);
  for (size_t tap = 0; tap < taps; tap++)
    for (size_t i = 0; i < ins; i++)
      for (size_t o = 0; o < outs; o++) {
        const float v = (float)(wb_rng_normal(&rng) / sqrt((double)(taps * ins)));
        q.w[(tap * ins + i) * outs + o] = (double)v;
        q.bw[at_weight(tap, i, o, ins, taps)] = v;
      }
  q.y = zeros(q.y_count), q.dx = zeros(q.x_count), q.dw = zeros(q.w_count);
  brute_force(&q);
  return q;
}

static void drop(problem *q) {
  void *all[] = {q->x, q->dy, q->w, q->y, q->dx, q->dw, q->bx, q->bdy, q->bw};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void drop_answer(answer *a) {
  free(a->y);
  free(a->dx);
  free(a->dw);
  free(a->sums);
}

/* All passes. Prepared for `threads` threads, run by `running`. */
static answer solve_input(const wb_conv_impl *impl, const problem *q, const wb_conv_input *input, int threads,
                          int running) {
  answer a = {alloc(q->y_count * 4), alloc(q->x_count * 4), alloc(q->w_count * 4),
              alloc((size_t)q->shape.out_channels * 16)};
  const int before = omp_get_max_threads();
  wb_error err = {0};
  void *state = NULL;
  omp_set_num_threads(threads);
  assert_int_equal(impl->create(&q->shape, &state, &err), WB_OK);
  const size_t bytes = impl->scratch(state), guard = 64;
  unsigned char *scratch = alloc(bytes + guard);
  omp_set_num_threads(running);
  assert_int_equal(impl->forward(state, q->n, input, q->bw, a.y, a.sums, scratch, &err), WB_OK);
  memset(scratch, 0xff, bytes);
  if (q->shape.in_channels >= 8)
    assert_int_equal(impl->backward_data(state, q->n, q->bdy, q->bw, a.dx, scratch, &err), WB_OK);
  memset(scratch, 0xff, bytes);
  assert_int_equal(impl->backward_weights(state, q->n, input, q->bdy, a.dw, scratch, &err), WB_OK);
  for (size_t i = 0; i < guard; i++) assert_int_equal(scratch[bytes + i], 0xff);
  omp_set_num_threads(before);
  impl->destroy(state);
  free(scratch);
  return a;
}

static answer solve(const wb_conv_impl *impl, const problem *q, int threads, int running) {
  return solve_input(impl, q, &(wb_conv_input){.x = q->bx}, threads, running);
}

/* Root mean square of the error over that of what is right; NaN if anything is. */
static double error_pixels(const float *got, const double *right, size_t count, size_t channels,
                           size_t pixels) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    const double d = (double)got[at_pixel(i / channels, i % channels, channels, pixels)] - right[i];
    error += d * d;
    norm += right[i] * right[i];
  }
  return sqrt(error / norm);
}

static double error_weights(const float *got, const problem *q) {
  const size_t ins = (size_t)q->shape.in_channels, outs = (size_t)q->shape.out_channels;
  double error = 0, norm = 0;
  for (size_t i = 0; i < q->w_count; i++) {
    const size_t at = at_weight(i / outs / ins, i / outs % ins, i % outs, ins, q->w_count / ins / outs);
    const double d = (double)got[at] - q->dw[i];
    error += d * d;
    norm += q->dw[i] * q->dw[i];
  }
  return sqrt(error / norm);
}

static void check_errors(const wb_conv_impl *impl, const problem *q, const answer *a, double most) {
  const wb_conv_shape *s = &q->shape;
  const bool stem = s->in_channels < 8;
  const size_t ins = (size_t)s->in_channels, outs = (size_t)s->out_channels;
  const double y = error_pixels(a->y, q->y, q->y_count, outs, (size_t)(q->height * q->width));
  const double x = stem ? 0 : error_pixels(a->dx, q->dx, q->x_count, ins, (size_t)(s->height * s->width));
  const double w = error_weights(a->dw, q);
  if (!(y <= most && x <= most && w <= most))
    fail_msg("%s %d->%d %dx%d n %d of %d: relative errors y %g dx %g dw %g", impl->name, s->in_channels,
             s->out_channels, s->height, s->width, q->n, s->batch, y, x, w);
}

/* <y, dy> = <dx, x> = <dw, w>: each pass is the exact adjoint of the others. */
static void check_adjoint(const problem *q, const answer *a) {
  double forward = 0, data = 0, weights = 0, size = 0;
  for (size_t i = 0; i < q->y_count; i++) {
    const double term = (double)a->y[i] * (double)q->bdy[i];
    forward += term;
    size += term * term;
  }
  for (size_t i = 0; i < q->w_count; i++) weights += (double)a->dw[i] * (double)q->bw[i];
  assert_true(fabs(forward - weights) <= 1e-5 * sqrt(size));
  if (q->shape.in_channels < 8) return;
  for (size_t i = 0; i < q->x_count; i++) data += (double)a->dx[i] * (double)q->bx[i];
  assert_true(fabs(forward - data) <= 1e-5 * sqrt(size));
}

/* The variance that batch norm takes from the sums, against that of the exact outputs. */
static void check_sums(const problem *q, const answer *a) {
  const size_t outs = (size_t)q->shape.out_channels, count = q->y_count / outs;
  for (size_t c = 0; c < outs; c++) {
    double mean = 0, variance = 0;
    for (size_t p = 0; p < count; p++) mean += q->y[p * outs + c] / (double)count;
    for (size_t p = 0; p < count; p++) variance += pow(q->y[p * outs + c] - mean, 2) / (double)count;
    const double got_mean = a->sums[c] / (double)count, got_square = a->sums[outs + c] / (double)count;
    const double scale = sqrt(variance + mean * mean);
    assert_true(fabs(got_mean - mean) <= 3e-6 * scale); // as accurate as the outputs themselves
    /* With one pixel there is no variance, only what is left of rounding the squares. */
    assert_true(fabs(got_square - got_mean * got_mean - variance) <=
                (count > 1 ? 1e-5 : 1e-6) * scale * scale);
  }
}

static void assert_same(const answer *a, const answer *b, const problem *q, bool all) {
  assert_memory_equal(a->y, b->y, q->y_count * 4);
  if (q->shape.in_channels >= 8) assert_memory_equal(a->dx, b->dx, q->x_count * 4);
  if (!all) return;
  assert_memory_equal(a->dw, b->dw, q->w_count * 4);
  assert_memory_equal(a->sums, b->sums, (size_t)q->shape.out_channels * 16);
}

/* A whole batch of the shape, inputs of the mean given. */
static void check_shape(const wb_conv_impl *impl, wb_conv_shape shape, double mean) {
  if (!impl->supports(&shape)) return;
  problem q = make(shape, shape.batch, mean);
  answer two = solve(impl, &q, 2, 2), again = solve(impl, &q, 2, 2), one = solve(impl, &q, 1, 1);
  check_errors(impl, &q, &two, 3e-6);
  check_errors(impl, &q, &one, 3e-6);
  check_adjoint(&q, &two);
  check_sums(&q, &two);
  check_sums(&q, &one);
  assert_same(&two, &again, &q, true);
  /* No output depends on how the work was shared out. */
  assert_same(&two, &one, &q, false);
  drop_answer(&two);
  drop_answer(&again);
  drop_answer(&one);
  drop(&q);
}

/* batch, in, out, height, width; kernel and stride come from the implementation. */
static const int shapes[][5] = {
    {3, 32, 64, 16, 16}, {5, 64, 128, 8, 8},  {7, 128, 256, 4, 4}, {2, 64, 64, 32, 32}, {2, 128, 128, 16, 16},
    {3, 256, 256, 8, 8}, {5, 512, 512, 4, 4}, {3, 8, 8, 32, 32},   {3, 24, 40, 14, 14}, {2, 16, 8, 28, 28},
    {9, 40, 24, 7, 7},   {13, 8, 24, 3, 3},   {4, 16, 16, 5, 9},   {4, 8, 16, 9, 5},    {1, 8, 8, 1, 1},
    {5, 16, 8, 2, 6},    {3, 8, 16, 1, 10},   {2, 16, 72, 6, 11},
};

static void check_all(int kernel, int stride) {
  for (size_t i = 0; i < sizeof implementations / sizeof *implementations; i++)
    for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
      const int *s = shapes[j];
      check_shape(implementations[i], (wb_conv_shape){s[0], s[1], s[2], s[3], s[4], kernel, stride}, 0.5);
    }
}

static void test_3x3(void **state) {
  (void)state;
  check_all(3, 1);
}

static void test_3x3_stride2(void **state) {
  (void)state;
  check_all(3, 2);
}

static void test_1x1(void **state) {
  (void)state;
  check_all(1, 1);
}

static void test_1x1_stride2(void **state) {
  (void)state;
  check_all(1, 2);
}

static void test_stem(void **state) {
  (void)state;
  static const int stems[][5] = {{3, 3, 64, 32, 32}, {5, 1, 32, 28, 28}, {4, 2, 8, 9, 6},
                                 {2, 3, 24, 7, 7},   {2, 1, 56, 3, 5},   {1, 3, 8, 1, 1},
                                 {3, 2, 40, 1, 9},   {1, 1, 16, 40, 150}};
  for (size_t j = 0; j < sizeof stems / sizeof *stems; j++) {
    const int *s = stems[j];
    const wb_conv_shape shape = {s[0], s[1], s[2], s[3], s[4], 3, 1};
    assert_true(wb_conv_stem.supports(&shape));
    check_shape(&wb_conv_stem, shape, 0.5);
  }
}

/* Fewer images than prepared for; more threads than blocks; a smaller team than prepared for. */
static void check_uneven(const wb_conv_impl *impl, wb_conv_shape s, int n) {
  if (!impl->supports(&s)) return;
  problem q = make(s, n, 0.5);
  answer five = solve(impl, &q, 5, 5), fewer = solve(impl, &q, 5, 2);
  check_errors(impl, &q, &five, 3e-6);
  check_errors(impl, &q, &fewer, 3e-6);
  check_sums(&q, &five);
  check_sums(&q, &fewer);
  drop_answer(&five);
  drop_answer(&fewer);
  drop(&q);
}

static void test_uneven(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof implementations / sizeof *implementations; i++)
    for (int kernel = 1; kernel <= 3; kernel += 2)
      for (int stride = 1; stride <= 2; stride++) {
        check_uneven(implementations[i], (wb_conv_shape){40, 256, 256, 6, 6, kernel, stride}, 3);
        for (int n = 1; n <= 40; n += 3)
          check_uneven(implementations[i], (wb_conv_shape){40, 16, 24, 6, 6, kernel, stride}, n);
      }
}

/* An input normalised while it is read gives the bits of one that was normalised before. */
static void check_norm(const wb_conv_impl *impl, wb_conv_shape shape) {
  if (!impl->supports(&shape) || !impl->takes_norm) return;
  const size_t ins = (size_t)shape.in_channels, pixels = (size_t)(shape.height * shape.width);
  problem q = make(shape, shape.batch, 0.5);
  float *scale = alloc(ins * 4), *shift = alloc(ins * 4), *plain = alloc(q.x_count * 4);
  wb_rng rng = wb_rng_make(3, "norm", 0);
  for (size_t c = 0; c < ins; c++) {
    scale[c] = (float)wb_rng_normal(&rng);
    shift[c] = (float)wb_rng_normal(&rng);
  }
  for (size_t i = 0; i < q.x_count; i++) {
    const size_t c = i / 8 / pixels % (ins / 8) * 8 + i % 8;
    plain[i] = fmaxf(fmaf(scale[c], q.bx[i], shift[c]), 0);
  }
  answer before = solve_input(impl, &q, &(wb_conv_input){.x = plain}, 2, 2);
  answer within = solve_input(impl, &q, &(wb_conv_input){q.bx, scale, shift}, 2, 2);
  assert_same(&before, &within, &q, true);
  drop_answer(&before);
  drop_answer(&within);
  drop(&q);
  free(scale);
  free(shift);
  free(plain);
}

static void test_norm(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof implementations / sizeof *implementations; i++)
    for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
      const int *s = shapes[j];
      check_norm(implementations[i], (wb_conv_shape){s[0], s[1], s[2], s[3], s[4], 3, 1});
    }
  const wb_conv_shape three = {1, 8, 8, 8, 8, 3, 1};
  assert_true(wb_conv_winograd_3x3_avx2.supports(&three) && wb_conv_winograd_3x3_avx2.takes_norm);
}

/* So many channels that the tiles of the batch go through the scratch in more than one chunk. */
static void test_chunks(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof implementations / sizeof *implementations; i++)
    for (int stride = 1; stride <= 2; stride++)
      check_shape(implementations[i], (wb_conv_shape){240, 1024, 128, 2, 1, 3, stride}, 0);
}

/* Results so large that they are written past the caches, with parts of tiles that are not. */
static void test_streamed(void **state) {
  (void)state;
  check_shape(&wb_conv_winograd_3x3_avx2, (wb_conv_shape){69, 8, 8, 62, 62, 3, 1}, 0.5);
  check_shape(&wb_conv_winograd_stride2_avx2, (wb_conv_shape){35, 8, 8, 62, 124, 3, 2}, 0.5);
  check_shape(&wb_conv_winograd_1x1_stride2_avx2, (wb_conv_shape){18, 8, 8, 124, 124, 1, 2}, 0.5);
  check_shape(&wb_conv_stem, (wb_conv_shape){35, 1, 16, 62, 62, 3, 1}, 0.5);
}

int main(void) {
  const wb_conv_shape any = {1, 8, 8, 8, 8, 3, 1};
  if (!wb_conv_winograd_3x3_avx2.supports(&any)) return 77;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_3x3),         cmocka_unit_test(test_3x3_stride2), cmocka_unit_test(test_1x1),
      cmocka_unit_test(test_1x1_stride2), cmocka_unit_test(test_stem),        cmocka_unit_test(test_uneven),
      cmocka_unit_test(test_chunks),      cmocka_unit_test(test_streamed),    cmocka_unit_test(test_norm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void) {
  return 77;
}

#endif
