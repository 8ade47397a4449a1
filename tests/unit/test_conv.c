/* test_conv.c: every pass of every implementation of convolution against a float64 brute force.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "conv.h"

typedef struct problem {
  wb_conv_shape shape;
  int n, out_height, out_width;
  size_t x_count, w_count, y_count;
  float *x, *w, *dy;     // plain: nchw, OIHW, nchw
  double *y, *dx, *dw;   // what is right, plain
  float *bx, *bw, *bdy;  // blocked
  float *by, *bdx, *bdw; // blocked results
  double *sums;          // (2, out_channels)
} problem;

static void *alloc(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  assert_non_null(p);
  memset(p, 0, (bytes + 63) / 64 * 64 + 64);
  return p;
}

static void randomize(float *x, size_t count, const char *stream) {
  wb_rng rng = wb_rng_make(7, stream, count);
  for (size_t i = 0; i < count; i++) x[i] = (float)wb_rng_normal(&rng);
}

/* nchw <-> nChw8c; images of a stem stay plain. */
static size_t blocked_at(size_t n, size_t c, size_t p, size_t channels, size_t pixels) {
  return channels < 8 ? (n * channels + c) * pixels + p
                      : ((n * (channels / 8) + c / 8) * pixels + p) * 8 + c % 8;
}

static void to_blocked(float *out, const float *in, size_t n, size_t channels, size_t pixels) {
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < pixels; p++)
        out[blocked_at(i, c, p, channels, pixels)] = in[(i * channels + c) * pixels + p];
}

/* Calls of the definition: y[n,o,r,c] += x[n,i,r*s+u-pad,c*s+v-pad] * w[o,i,u,v], and its two adjoints. */
static void brute_force(problem *q) {
  const wb_conv_shape *s = &q->shape;
  const int pad = s->kernel / 2, k = s->kernel;
  for (int n = 0; n < q->n; n++)
    for (int o = 0; o < s->out_channels; o++)
      for (int r = 0; r < q->out_height; r++)
        for (int c = 0; c < q->out_width; c++)
          for (int i = 0; i < s->in_channels; i++)
            for (int u = 0; u < k; u++)
              for (int v = 0; v < k; v++) {
                const int ir = r * s->stride + u - pad, ic = c * s->stride + v - pad;
                if (ir < 0 || ic < 0 || ir >= s->height || ic >= s->width) continue;
                const size_t xi = (size_t)(((n * s->in_channels + i) * s->height + ir) * s->width + ic);
                const size_t wi = (size_t)(((o * s->in_channels + i) * k + u) * k + v);
                const size_t yi =
                    (size_t)(((n * s->out_channels + o) * q->out_height + r) * q->out_width + c);
                q->y[yi] += (double)q->x[xi] * (double)q->w[wi];
                q->dx[xi] += (double)q->dy[yi] * (double)q->w[wi];
                q->dw[wi] += (double)q->x[xi] * (double)q->dy[yi];
              }
}

static problem make(wb_conv_shape shape, int n) {
  problem q = {.shape = shape, .n = n};
  q.out_height = wb_conv_out(shape.height, shape.stride);
  q.out_width = wb_conv_out(shape.width, shape.stride);
  q.x_count = (size_t)n * (size_t)shape.in_channels * (size_t)(shape.height * shape.width);
  q.y_count = (size_t)n * (size_t)shape.out_channels * (size_t)(q.out_height * q.out_width);
  q.w_count = wb_conv_weight_count(&shape);
  q.x = alloc(q.x_count * 4), q.w = alloc(q.w_count * 4), q.dy = alloc(q.y_count * 4);
  q.y = alloc(q.y_count * 8), q.dx = alloc(q.x_count * 8), q.dw = alloc(q.w_count * 8);
  q.bx = alloc(q.x_count * 4), q.bw = alloc(q.w_count * 4), q.bdy = alloc(q.y_count * 4);
  q.by = alloc(q.y_count * 4), q.bdx = alloc(q.x_count * 4), q.bdw = alloc(q.w_count * 4);
  q.sums = alloc((size_t)shape.out_channels * 16);
  randomize(q.x, q.x_count, "x");
  randomize(q.w, q.w_count, "w");
  randomize(q.dy, q.y_count, "dy");
  to_blocked(q.bx, q.x, (size_t)n, (size_t)shape.in_channels, (size_t)(shape.height * shape.width));
  to_blocked(q.bdy, q.dy, (size_t)n, (size_t)shape.out_channels, (size_t)(q.out_height * q.out_width));
  wb_conv_pack_weights(q.bw, q.w, shape.out_channels, shape.in_channels, shape.kernel);
  return q;
}

static void drop(problem *q) {
  void *all[] = {q->x, q->w, q->dy, q->y, q->dx, q->dw, q->bx, q->bw, q->bdy, q->by, q->bdx, q->bdw, q->sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Root mean square error relative to the root mean square of what is right. */
static double error_blocked(const float *got, const double *right, size_t n, size_t channels, size_t pixels) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < pixels; p++) {
        const double r = right[(i * channels + c) * pixels + p];
        const double d = (double)got[blocked_at(i, c, p, channels, pixels)] - r;
        error += d * d;
        norm += r * r;
      }
  return sqrt(error / norm);
}

static double error_weights(const problem *q) {
  float *plain = alloc(q->w_count * 4);
  wb_conv_unpack_weights(plain, q->bdw, q->shape.out_channels, q->shape.in_channels, q->shape.kernel);
  double error = 0, norm = 0;
  for (size_t i = 0; i < q->w_count; i++) {
    const double d = (double)plain[i] - q->dw[i];
    error += d * d;
    norm += q->dw[i] * q->dw[i];
  }
  free(plain);
  return sqrt(error / norm);
}

static void check_sums(const problem *q) {
  const size_t outs = (size_t)q->shape.out_channels, pixels = (size_t)(q->out_height * q->out_width);
  for (size_t c = 0; c < outs; c++) {
    double sum = 0, square = 0, size = 0;
    for (size_t i = 0; i < (size_t)q->n; i++)
      for (size_t p = 0; p < pixels; p++) {
        const double v = (double)q->by[blocked_at(i, c, p, outs, pixels)];
        sum += v;
        square += v * v;
        size += fabs(v);
      }
    assert_true(fabs(q->sums[c] - sum) <= 1e-6 * size);
    assert_true(fabs(q->sums[outs + c] - square) <= 1e-6 * square);
  }
}

static void run_all(wb_conv *conv, problem *q, void *scratch) {
  wb_error err = {0};
  const wb_conv_input x = {.x = q->bx};
  assert_int_equal(wb_conv_forward(conv, q->n, &x, q->bw, q->by, q->sums, scratch, &err), WB_OK);
  assert_int_equal(wb_conv_backward_data(conv, q->n, q->bdy, q->bw, q->bdx, scratch, &err), WB_OK);
  assert_int_equal(wb_conv_backward_weights(conv, q->n, &x, q->bdy, q->bdw, scratch, &err), WB_OK);
}

/* What wb_conv_infer should leave at (n, c, r, column) of y, from the right convolution and y as it was. */
static double finished(const problem *q, const wb_conv_finish *f, double before, int n, int c, int r,
                       int column) {
  const size_t plane = (size_t)(n * q->shape.out_channels + c) * (size_t)(q->out_height * q->out_width);
  double most = -INFINITY;
  for (int i = 0; i < (f->pool ? 4 : 1); i++) {
    const int row = f->pool ? 2 * r + i / 2 : r, col = f->pool ? 2 * column + i % 2 : column;
    most = fmax(most, q->y[plane + (size_t)(row * q->out_width + col)]);
  }
  const double v = most + (double)f->bias[c] + (f->add ? before : 0);
  return f->relu && v < 0 ? 0 : v;
}

static void check_finish(wb_conv *conv, const problem *q, wb_conv_finish f, void *scratch) {
  const wb_conv_shape *s = &q->shape;
  const int height = f.pool ? q->out_height / 2 : q->out_height,
            width = f.pool ? q->out_width / 2 : q->out_width;
  const size_t pixels = (size_t)(height * width), count = (size_t)(q->n * s->out_channels) * pixels,
               past = 16;
  float *bias = alloc((size_t)s->out_channels * 4), *filters = alloc(wb_conv_filter_count(conv) * 4);
  float *y = alloc((count + past) * 4), *before = alloc((count + past) * 4);
  randomize(bias, (size_t)s->out_channels, "bias");
  randomize(before, count + past, "before");
  memcpy(y, before, (count + past) * 4);
  f.bias = bias;
  wb_conv_prepare(conv, filters, q->bw);
  assert_int_equal(wb_conv_infer(conv, q->n, q->bx, filters, &f, y, scratch, NULL), WB_OK);
  assert_memory_equal(y + count, before + count, past * 4);
  double error = 0, norm = 1e-30;
  for (int n = 0; n < q->n; n++)
    for (int c = 0; c < s->out_channels; c++)
      for (int p = 0; p < height * width; p++) {
        const size_t at = blocked_at((size_t)n, (size_t)c, (size_t)p, (size_t)s->out_channels, pixels);
        const double right = finished(q, &f, (double)before[at], n, c, p / width, p % width);
        error += ((double)y[at] - right) * ((double)y[at] - right);
        norm += right * right;
      }
  if (sqrt(error / norm) > 4e-6)
    fail_msg("%s %d->%d k%d s%d %dx%d, add %d, relu %d, pool %d: relative error %g", wb_conv_name(conv),
             s->in_channels, s->out_channels, s->kernel, s->stride, s->height, s->width, f.add, f.relu,
             f.pool, sqrt(error / norm));
  free(bias);
  free(filters);
  free(y);
  free(before);
}

static void check_inference(wb_conv *conv, const problem *q, void *scratch) {
  check_finish(conv, q, (wb_conv_finish){0}, scratch);
  check_finish(conv, q, (wb_conv_finish){.relu = true}, scratch);
  check_finish(conv, q, (wb_conv_finish){.add = true, .relu = true}, scratch);
  wb_conv_finish pooled = {.relu = true, .pool = true};
  if (q->shape.kernel == 3) {
    check_finish(conv, q, pooled, scratch);
    pooled.add = true;
  }
  float none[8] = {0};
  wb_error err = {0};
  assert_int_equal(wb_conv_infer(conv, q->n, q->bx, none, &pooled, none, scratch, &err), WB_INTERNAL);
}

static void check_once(wb_conv *conv, wb_conv_shape shape, int n, void *scratch) {
  problem q = make(shape, n);
  brute_force(&q);
  run_all(conv, &q, scratch);
  const size_t ins = (size_t)shape.in_channels, outs = (size_t)shape.out_channels;
  const size_t out_pixels = (size_t)(q.out_height * q.out_width);
  const double y = error_blocked(q.by, q.y, (size_t)n, outs, out_pixels), w = error_weights(&q);
  const double x = error_blocked(q.bdx, q.dx, (size_t)n, ins, (size_t)(shape.height * shape.width));
  if (y > 4e-6 || x > 4e-6 || w > 4e-6)
    fail_msg("%s %d->%d k%d s%d %dx%d n %d: relative errors %g %g %g", wb_conv_name(conv), shape.in_channels,
             shape.out_channels, shape.kernel, shape.stride, shape.height, shape.width, n, y, x, w);
  check_sums(&q);
  check_inference(conv, &q, scratch);

  problem again = make(shape, n);
  run_all(conv, &again, scratch);
  assert_true(!memcmp(q.by, again.by, q.y_count * 4));
  assert_true(!memcmp(q.bdx, again.bdx, q.x_count * 4));
  assert_true(!memcmp(q.bdw, again.bdw, q.w_count * 4));
  assert_true(!memcmp(q.sums, again.sums, (size_t)shape.out_channels * 16));
  drop(&again);
  drop(&q);
}

/* Full batch, smaller ones in turn (each its own primitive), full batch again. */
static void check_shape(wb_conv_shape shape, wb_conv_choice choice) {
  wb_conv *conv = NULL;
  wb_error err = {0};
  const wb_status status = wb_conv_create(&shape, choice, &conv, &err);
  if (status == WB_UNSUPPORTED) return;
  assert_int_equal(status, WB_OK);
  void *scratch = alloc(wb_conv_scratch(conv));
  check_once(conv, shape, shape.batch, scratch);
  if (shape.batch > 1) check_once(conv, shape, 1, scratch);
  if (shape.batch > 3) check_once(conv, shape, 3, scratch);
  check_once(conv, shape, shape.batch, scratch);
  free(scratch);
  wb_conv_free(conv);
}

static const wb_conv_shape shapes[] = {
    {4, 3, 16, 32, 32, 3, 1},  {3, 1, 16, 28, 28, 3, 1}, {2, 2, 8, 9, 6, 3, 1},     {2, 3, 8, 7, 7, 3, 2},
    {4, 16, 24, 14, 14, 3, 1}, {2, 24, 16, 7, 7, 3, 1},  {5, 8, 16, 3, 3, 3, 1},    {3, 16, 8, 5, 7, 3, 1},
    {2, 64, 64, 8, 8, 3, 1},   {3, 32, 64, 4, 4, 3, 1},  {2, 128, 128, 4, 4, 3, 1}, {4, 16, 32, 16, 16, 3, 2},
    {3, 16, 32, 7, 7, 3, 2},   {2, 8, 8, 5, 3, 3, 2},    {4, 16, 32, 16, 16, 1, 2}, {3, 16, 32, 7, 5, 1, 2},
    {3, 24, 16, 14, 14, 1, 1}, {1, 8, 8, 1, 1, 3, 1},    {1, 8, 8, 2, 2, 3, 2},     {2, 256, 256, 4, 4, 3, 1},
};

static void test_onednn(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(shapes[i], WB_CONV_ONEDNN);
}

static void test_auto(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(shapes[i], WB_CONV_AUTO);
}

/* <y, conv x> = <conv^T y, x> = <dw(x, y), w>, on a shape too large for the brute force. */
static void test_adjoint(void **state) {
  (void)state;
  const wb_conv_shape large[] = {{8, 64, 64, 32, 32, 3, 1},
                                 {8, 64, 128, 32, 32, 3, 2},
                                 {8, 64, 128, 32, 32, 1, 2},
                                 {8, 3, 64, 32, 32, 3, 1}};
  for (size_t k = 0; k < sizeof large / sizeof *large; k++) {
    wb_conv *conv = NULL;
    assert_int_equal(wb_conv_create(&large[k], WB_CONV_AUTO, &conv, NULL), WB_OK);
    void *scratch = alloc(wb_conv_scratch(conv));
    problem q = make(large[k], 8);
    run_all(conv, &q, scratch);
    double forward = 0, data = 0, weights = 0, size = 0;
    for (size_t i = 0; i < q.y_count; i++) {
      forward += (double)q.by[i] * (double)q.bdy[i];
      size += pow((double)q.by[i] * (double)q.bdy[i], 2);
    }
    for (size_t i = 0; i < q.x_count; i++) data += (double)q.bdx[i] * (double)q.bx[i];
    for (size_t i = 0; i < q.w_count; i++) weights += (double)q.bdw[i] * (double)q.bw[i];
    assert_true(fabs(forward - data) < 1e-5 * sqrt(size));
    assert_true(fabs(forward - weights) < 1e-5 * sqrt(size));
    drop(&q);
    free(scratch);
    wb_conv_free(conv);
  }
}

static void test_pack(void **state) {
  (void)state;
  float plain[16 * 8 * 9], blocked[16 * 8 * 9], back[16 * 8 * 9];
  for (int i = 0; i < 16 * 8 * 9; i++) plain[i] = (float)i;
  wb_conv_pack_weights(blocked, plain, 16, 8, 3);
  /* o = 9, i = 2, tap = 4: block 1 of outputs, tap 4, row 2, column 1. */
  assert_true(blocked[1 * 576 + 4 * 64 + 2 * 8 + 1] == plain[(9 * 8 + 2) * 9 + 4]);
  wb_conv_unpack_weights(back, blocked, 16, 8, 3);
  assert_memory_equal(plain, back, sizeof plain);
  wb_conv_pack_weights(blocked, plain, 16, 3, 3);
  assert_true(blocked[((1 * 9 + 4) * 3 + 2) * 8 + 1] == plain[(9 * 3 + 2) * 9 + 4]);
  wb_conv_unpack_weights(back, blocked, 16, 3, 3);
  assert_memory_equal(plain, back, 16 * 27 * sizeof *plain);
}

static void test_refusals(void **state) {
  (void)state;
  const wb_conv_shape wrong[] = {{0, 8, 8, 4, 4, 3, 1},  {1, 8, 8, 4, 4, 5, 1},  {1, 8, 8, 4, 4, 3, 3},
                                 {1, 8, 12, 4, 4, 3, 1}, {1, 12, 8, 4, 4, 3, 1}, {1, 4, 8, 4, 4, 3, 1},
                                 {1, 8, 8, 0, 4, 3, 1}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    wb_conv *conv = NULL;
    wb_error err = {0};
    assert_int_equal(wb_conv_create(&wrong[i], WB_CONV_AUTO, &conv, &err), WB_ARG);
    assert_null(conv);
    assert_true(err.message[0]);
  }
  wb_conv_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pack), cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_onednn), cmocka_unit_test(test_auto),
                                     cmocka_unit_test(test_adjoint)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
