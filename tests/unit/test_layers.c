/* test_layers.c: the passes between convolutions, batch norm, linear layers and dropout against plain double
 * loops and finite differences.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <omp.h>
#include <string.h>

#include "base/rng.h"
#include "layers.h"
#include "linear.h"
#include "norm.h"
#include "reference.h"

enum { N = 3, BLOCKS = 2, CHANNELS = 16, HEIGHT = 5, WIDTH = 4, PIXELS = HEIGHT * WIDTH };
enum { COUNT = N * CHANNELS * PIXELS, POOLED = N * CHANNELS * (HEIGHT / 2) * (WIDTH / 2) };

typedef enum ending { PLAIN, POOL, RESIDUAL, SHORTCUT } ending;

/* Values of one problem: y, r, and weight and bias of the two batch norms, in this order. */
enum { AT_Y = 0, AT_R = COUNT, AT_NORM = 2 * COUNT, AT_NORM2 = AT_NORM + 2 * CHANNELS };
enum { VALUES = AT_NORM2 + 2 * CHANNELS };

typedef struct problem {
  ending kind;
  double cost[COUNT]; // the loss is sum of cost * a
} problem;

static _Alignas(64) float values[VALUES], a[COUNT], y[COUNT], r[COUNT], d[COUNT], half[COUNT];
static _Alignas(64) float scale[CHANNELS], shift[CHANNELS], scale2[CHANNELS], shift2[CHANNELS];
static _Alignas(64) float k[3 * CHANNELS], d_weight[CHANNELS], d_bias[CHANNELS];
static _Alignas(64) float running[2][CHANNELS];
static double mean[CHANNELS], rstd[CHANNELS], mean2[CHANNELS], rstd2[CHANNELS], sums[2 * CHANNELS];
static double work[N * BLOCKS * 16];

static int at(int n, int c, int p) {
  return ((n * BLOCKS + c / 8) * PIXELS + p) * 8 + c % 8;
}

static void normalize_plainly(double *out, const double *in, const double *norm) {
  for (int c = 0; c < CHANNELS; c++) {
    double m = 0, v = 0;
    for (int n = 0; n < N; n++)
      for (int p = 0; p < PIXELS; p++) m += in[at(n, c, p)] / (N * PIXELS);
    for (int n = 0; n < N; n++)
      for (int p = 0; p < PIXELS; p++) v += pow(in[at(n, c, p)] - m, 2) / (N * PIXELS);
    for (int n = 0; n < N; n++)
      for (int p = 0; p < PIXELS; p++)
        out[at(n, c, p)] = norm[c] * (in[at(n, c, p)] - m) / sqrt(v + 1e-5) + norm[CHANNELS + c];
  }
}

/* Activation as the definition has it; returns how many values. */
static int activate_plainly(double *out, const double *x, ending kind) {
  double v[COUNT], v2[COUNT];
  normalize_plainly(v, x + AT_Y, x + AT_NORM);
  if (kind == SHORTCUT) normalize_plainly(v2, x + AT_R, x + AT_NORM2);
  for (int i = 0; i < COUNT; i++) {
    if (kind == RESIDUAL) v[i] += x[AT_R + i];
    if (kind == SHORTCUT) v[i] += v2[i];
    v[i] = fmax(v[i], 0);
  }
  if (kind != POOL) {
    memcpy(out, v, sizeof v);
    return COUNT;
  }
  int i = 0;
  for (int n = 0; n < N; n++)
    for (int b = 0; b < BLOCKS; b++)
      for (int row = 0; row + 1 < HEIGHT; row += 2)
        for (int col = 0; col + 1 < WIDTH; col += 2)
          for (int j = 0; j < 8; j++) {
            const int p = row * WIDTH + col, c = b * 8 + j;
            out[i++] = fmax(fmax(v[at(n, c, p)], v[at(n, c, p + 1)]),
                            fmax(v[at(n, c, p + WIDTH)], v[at(n, c, p + WIDTH + 1)]));
          }
  return POOLED;
}

static double loss(const double *x, const void *context) {
  const problem *q = context;
  double out[COUNT], total = 0;
  const int count = activate_plainly(out, x, q->kind);
  for (int i = 0; i < count; i++) total += q->cost[i] * out[i];
  return total;
}

static wb_norm norm_at(int first) {
  return (wb_norm){values + first, values + first + CHANNELS, running[0], running[1], NULL};
}

static void forward(ending kind) {
  const wb_norm norm = norm_at(AT_NORM), norm2 = norm_at(AT_NORM2);
  wb_channel_sums(sums, y, N, BLOCKS, PIXELS, work);
  wb_norm_train(scale, shift, mean, rstd, &norm, sums, N * PIXELS, CHANNELS);
  if (kind == SHORTCUT) {
    wb_channel_sums(sums, r, N, BLOCKS, PIXELS, work);
    wb_norm_train(scale2, shift2, mean2, rstd2, &norm2, sums, N * PIXELS, CHANNELS);
    wb_norm_add_relu(a, y, scale, shift, r, scale2, shift2, N, BLOCKS, PIXELS);
  } else if (kind == RESIDUAL) {
    wb_norm_add_relu(a, y, scale, shift, r, NULL, NULL, N, BLOCKS, PIXELS);
  } else if (kind == POOL) {
    wb_norm_relu_pool(a, y, scale, shift, N, BLOCKS, HEIGHT, WIDTH);
  } else {
    wb_norm_relu(a, y, scale, shift, N, BLOCKS, PIXELS);
  }
}

static void differentiate(int first, const double *m, const double *rs) {
  const wb_norm norm = norm_at(first);
  wb_norm_gradients(k, d_weight, d_bias, &norm, sums, m, rs, N * PIXELS, CHANNELS);
}

static void expect_close(const char *what, const float *ours, const double *right, int count) {
  const double deviation = wb_deviation(ours, right, (size_t)count);
  if (!(deviation < 2e-5)) fail_msg("%s: deviation %.3g", what, deviation);
}

/* Leaves dy in y and, with a shortcut, dr in r; with a residual g in d. Checks the norms' gradients. */
static void backward(ending kind, const double *right) {
  if (kind == POOL) {
    wb_norm_relu_pool_sums(sums, d, y, scale, shift, N, BLOCKS, HEIGHT, WIDTH, work);
    differentiate(AT_NORM, mean, rstd);
    wb_norm_relu_pool_backward(y, d, scale, shift, k, N, BLOCKS, HEIGHT, WIDTH);
  } else if (kind == PLAIN) {
    wb_norm_relu_sums(sums, d, y, scale, shift, N, BLOCKS, PIXELS, work);
    differentiate(AT_NORM, mean, rstd);
    wb_norm_relu_backward(y, d, scale, shift, k, N, BLOCKS, PIXELS);
  } else {
    for (int i = 0; i < COUNT; i++) { // in two parts
      half[i] = 0.25f * d[i];
      d[i] *= 0.75f;
    }
    wb_relu_merge_sums(sums, d, half, a, y, N, BLOCKS, PIXELS, work);
    differentiate(AT_NORM, mean, rstd);
    wb_norm_backward(y, d, k, N, BLOCKS, PIXELS);
  }
  expect_close("weight", d_weight, right + AT_NORM, CHANNELS);
  expect_close("bias", d_bias, right + AT_NORM + CHANNELS, CHANNELS);
  if (kind != SHORTCUT) return;
  wb_channel_products(sums, d, r, N, BLOCKS, PIXELS, work);
  differentiate(AT_NORM2, mean2, rstd2);
  wb_norm_backward(r, d, k, N, BLOCKS, PIXELS);
  expect_close("shortcut's weight", d_weight, right + AT_NORM2, CHANNELS);
  expect_close("shortcut's bias", d_bias, right + AT_NORM2 + CHANNELS, CHANNELS);
}

static void check_kind(ending kind) {
  problem q = {.kind = kind};
  wb_rng rng = wb_rng_make(3, "layers", kind);
  for (int i = 0; i < VALUES; i++) values[i] = (float)(0.3 + wb_rng_normal(&rng));
  for (int i = 0; i < COUNT; i++) q.cost[i] = (double)(d[i] = (float)wb_rng_normal(&rng));
  memcpy(y, values + AT_Y, sizeof y);
  memcpy(r, values + AT_R, sizeof r);

  double x[VALUES], right[COUNT];
  for (int i = 0; i < VALUES; i++) x[i] = (double)values[i];
  const int count = activate_plainly(right, x, kind);
  forward(kind);
  expect_close("activation", a, right, count);

  double *gradient = wb_differences(loss, &q, values, VALUES);
  backward(kind, gradient);
  expect_close("dy", y, gradient + AT_Y, COUNT);
  if (kind == RESIDUAL) expect_close("dr", d, gradient + AT_R, COUNT);
  if (kind == SHORTCUT) expect_close("dr", r, gradient + AT_R, COUNT);
  free(gradient);
}

static void test_against_differences(void **state) {
  (void)state;
  for (int i = PLAIN; i <= SHORTCUT; i++) check_kind((ending)i);
}

static void test_merge_of_one(void **state) {
  (void)state;
  double right[COUNT], sum[2 * CHANNELS] = {0};
  wb_rng rng = wb_rng_make(3, "merge", 0);
  for (int i = 0; i < COUNT; i++) {
    a[i] = fmaxf((float)wb_rng_normal(&rng), 0);
    d[i] = (float)wb_rng_normal(&rng);
    y[i] = (float)wb_rng_normal(&rng);
    right[i] = a[i] > 0 ? (double)d[i] : 0;
  }
  for (int n = 0; n < N; n++)
    for (int c = 0; c < CHANNELS; c++)
      for (int p = 0; p < PIXELS; p++) {
        sum[c] += right[at(n, c, p)];
        sum[CHANNELS + c] += right[at(n, c, p)] * (double)y[at(n, c, p)];
      }
  wb_relu_merge_sums(sums, d, NULL, a, y, N, BLOCKS, PIXELS, work);
  for (int i = 0; i < COUNT; i++) assert_true((double)d[i] == right[i]);
  for (int c = 0; c < 2 * CHANNELS; c++) assert_true(fabs(sums[c] - sum[c]) < 1e-5);
}

/* Of equal values the first takes the gradient; what no window holds gets none. */
static void test_ties(void **state) {
  (void)state;
  for (int i = 0; i < COUNT; i++) y[i] = 1, d[i] = 2;
  for (int c = 0; c < CHANNELS; c++)
    scale[c] = 1, shift[c] = 0, k[c] = 1, k[CHANNELS + c] = k[2 * CHANNELS + c] = 0;
  wb_norm_relu_pool_backward(y, d, scale, shift, k, N, BLOCKS, HEIGHT, WIDTH);
  for (int n = 0; n < N; n++)
    for (int c = 0; c < CHANNELS; c++)
      for (int p = 0; p < PIXELS; p++) {
        const int row = p / WIDTH, col = p % WIDTH;
        const bool first = row % 2 == 0 && col % 2 == 0 && row + 1 < HEIGHT;
        assert_true(y[at(n, c, p)] == (first ? 2.0f : 0.0f));
      }
}

static void test_mean_pixels(void **state) {
  (void)state;
  wb_rng rng = wb_rng_make(3, "pixels", 0);
  float f[N * CHANNELS];
  for (int i = 0; i < COUNT; i++) a[i] = (float)wb_rng_normal(&rng);
  wb_mean_pixels(f, a, N, BLOCKS, PIXELS);
  for (int n = 0; n < N; n++)
    for (int c = 0; c < CHANNELS; c++) {
      double m = 0;
      for (int p = 0; p < PIXELS; p++) m += (double)a[at(n, c, p)] / PIXELS;
      assert_true(fabs((double)f[n * CHANNELS + c] - m) < 1e-6);
    }
  _Alignas(64) float df[N * CHANNELS];
  memcpy(df, f, sizeof f);
  wb_mean_pixels_backward(d, df, N, BLOCKS, PIXELS);
  for (int n = 0; n < N; n++)
    for (int c = 0; c < CHANNELS; c++)
      for (int p = 0; p < PIXELS; p++)
        assert_true(fabsf(d[at(n, c, p)] - df[n * CHANNELS + c] / PIXELS) < 1e-7f);
}

static void test_running_statistics(void **state) {
  (void)state;
  /* Values 1 .. 4: mean 2.5, variance 1.25, unbiased 5/3. */
  const double s[2] = {10, 30};
  const float weight = 2, bias = 0.5f, input_bias = 10;
  float rm = 1, rv = 3, sc, sh;
  double m, rs;
  const wb_norm norm = {&weight, &bias, &rm, &rv, &input_bias};
  wb_norm_train(&sc, &sh, &m, &rs, &norm, s, 4, 1);
  assert_true(fabs(m - 2.5) < 1e-12 && fabs(rs - 1 / sqrt(1.25001)) < 1e-12);
  assert_true(fabs((double)sc - 2 / sqrt(1.25001)) < 1e-6);
  assert_true(fabs((double)sh - (0.5 - 5 / sqrt(1.25001))) < 1e-6);
  assert_true(fabs((double)rm - (0.9 + 0.1 * 12.5)) < 1e-6);
  assert_true(fabs((double)rv - (0.9 * 3 + 0.1 * 5 / 3)) < 1e-6);
  /* Evaluation sees the input without its bias. */
  rm = 12, rv = 4;
  wb_norm_eval(&sc, &sh, &norm, 1);
  assert_true(fabs((double)(sc * 2 + sh) - 0.5) < 1e-5);
  assert_true(fabs((double)sc - 2 / sqrt(4.00001)) < 1e-6);
  /* A constant channel: no variance below zero. */
  const double constant[2] = {4 * 0.1, 4 * 0.1 * 0.1 * (1 - 1e-15)};
  wb_norm_train(&sc, &sh, &m, &rs, &norm, constant, 4, 1);
  assert_true(fabs(rs - 1 / sqrt(1e-5)) < 1e-3);
}

static void test_linear(void **state) {
  (void)state;
  enum { ROWS = 7, INS = 45, OUTS = 5 };
  float x[ROWS * INS], w[OUTS * INS], b[OUTS], out[ROWS * OUTS], dy[ROWS * OUTS];
  float dx[ROWS * INS], dw[OUTS * INS], db[OUTS];
  double rx[ROWS * INS] = {0}, rw[OUTS * INS] = {0}, rb[OUTS] = {0}, rout[ROWS * OUTS];
  wb_rng rng = wb_rng_make(3, "linear", 0);
  for (int i = 0; i < ROWS * INS; i++) x[i] = (float)wb_rng_normal(&rng);
  for (int i = 0; i < OUTS * INS; i++) w[i] = (float)wb_rng_normal(&rng);
  for (int i = 0; i < OUTS; i++) b[i] = (float)wb_rng_normal(&rng);
  for (int i = 0; i < ROWS * OUTS; i++) dy[i] = (float)wb_rng_normal(&rng);
  for (int n = 0; n < ROWS; n++)
    for (int o = 0; o < OUTS; o++) {
      const double g = (double)dy[n * OUTS + o];
      double sum = (double)b[o];
      rb[o] += g;
      for (int i = 0; i < INS; i++) {
        sum += (double)x[n * INS + i] * (double)w[o * INS + i];
        rw[o * INS + i] += g * (double)x[n * INS + i];
        rx[n * INS + i] += g * (double)w[o * INS + i];
      }
      rout[n * OUTS + o] = sum;
    }
  wb_linear_forward(out, x, w, b, ROWS, INS, OUTS);
  wb_linear_backward(dx, dw, db, dy, x, w, ROWS, INS, OUTS);
  expect_close("linear", out, rout, ROWS * OUTS);
  wb_linear_rows(out, x, w, b, ROWS, INS, OUTS);
  expect_close("linear by rows", out, rout, ROWS * OUTS);
  expect_close("linear dx", dx, rx, ROWS * INS);
  expect_close("linear dw", dw, rw, OUTS * INS);
  expect_close("linear db", db, rb, OUTS);
}

static void test_dropout(void **state) {
  (void)state;
  enum { ROWS = 101, UNITS = 99 };
  static float f[ROWS * UNITS], again[ROWS * UNITS];
  wb_dropout_factors(f, ROWS, UNITS, 0.25f, 5, 9);
  wb_rng rng = wb_rng_make(5, "dropout", 9);
  int kept = 0;
  for (int i = 0; i < ROWS * UNITS; i++) {
    const float right = wb_rng_uniform(&rng) < 0.25f ? 0 : 1 / 0.75f;
    assert_true(f[i] == right);
    kept += right > 0;
  }
  assert_true(abs(kept - (int)(0.75 * ROWS * UNITS)) < 5 * 43); // five standard deviations
  wb_dropout_factors(again, ROWS, UNITS, 0.25f, 5, 10);
  assert_true(memcmp(f, again, sizeof f));
  wb_dropout_factors(again, ROWS, UNITS, 0, 5, 9);
  for (int i = 0; i < ROWS * UNITS; i++) assert_true(again[i] == 1);
}

static void test_threads(void **state) {
  (void)state;
  double first[2 * CHANNELS];
  float first_y[COUNT];
  const int threads = omp_get_max_threads();
  for (int t = 1; t <= 3; t++) {
    omp_set_num_threads(t);
    wb_rng rng = wb_rng_make(3, "threads", 0);
    for (int i = 0; i < COUNT; i++) y[i] = (float)wb_rng_normal(&rng), d[i] = (float)wb_rng_normal(&rng);
    wb_norm_relu_pool_sums(sums, d, y, scale, shift, N, BLOCKS, HEIGHT, WIDTH, work);
    wb_norm_relu_pool_backward(y, d, scale, shift, k, N, BLOCKS, HEIGHT, WIDTH);
    if (t == 1) {
      memcpy(first, sums, sizeof first);
      memcpy(first_y, y, sizeof first_y);
    }
    assert_memory_equal(first, sums, sizeof first);
    assert_memory_equal(first_y, y, sizeof first_y);
  }
  omp_set_num_threads(threads);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_differences),
      cmocka_unit_test(test_merge_of_one),
      cmocka_unit_test(test_ties),
      cmocka_unit_test(test_mean_pixels),
      cmocka_unit_test(test_running_statistics),
      cmocka_unit_test(test_linear),
      cmocka_unit_test(test_dropout),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
