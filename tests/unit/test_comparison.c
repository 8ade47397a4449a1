/* test_comparison.c: comparisons of RDMs and patterns against plain code, by hand, and under invariances.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "comparison.h"
#include "distance.h"
#include "rank.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { N = 12, PAIRS = N * (N - 1) / 2, RUNS = 4, ROWS = 50, P = 7, Q = 5 };

static void fill(double *x, size_t count, uint64_t index) {
  wb_rng rng = wb_rng_make(3, "comparison", index);
  for (size_t i = 0; i < count; i++) x[i] = 2 + wb_rng_normal(&rng);
}

static double plain(const double *a, const double *b, wb_comparison comparison) {
  double x[PAIRS], y[PAIRS], tau, mean_x = 0, mean_y = 0, xy = 0, xx = 0, yy = 0;
  memcpy(x, a, sizeof x);
  memcpy(y, b, sizeof y);
  if (comparison == WB_COMPARE_KENDALL) {
    assert_int_equal(wb_kendall(&tau, a, b, PAIRS, NULL), WB_OK);
    return tau;
  }
  if (comparison == WB_COMPARE_SPEARMAN) {
    assert_int_equal(wb_rank(x, a, PAIRS, NULL), WB_OK);
    assert_int_equal(wb_rank(y, b, PAIRS, NULL), WB_OK);
  }
  for (size_t i = 0; i < PAIRS && comparison != WB_COMPARE_COSINE; i++) {
    mean_x += x[i] / PAIRS;
    mean_y += y[i] / PAIRS;
  }
  for (size_t i = 0; i < PAIRS; i++) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xy / sqrt(xx * yy);
}

static void test_rdms(void **state) {
  double rdms[RUNS * PAIRS], work[RUNS * PAIRS], similarity[RUNS * RUNS];
  (void)state;
  fill(rdms, RUNS * PAIRS, 0);
  memcpy(rdms + 3 * PAIRS, rdms, PAIRS * sizeof *rdms); // d(X, X) = 0
  for (wb_comparison kind = WB_COMPARE_PEARSON; kind <= WB_COMPARE_COSINE; kind++) {
    memcpy(work, rdms, sizeof rdms);
    assert_int_equal(wb_rdm_similarities(similarity, work, kind, RUNS, PAIRS, NULL), WB_OK);
    for (size_t i = 0; i < RUNS; i++)
      for (size_t k = 0; k < RUNS; k++)
        assert_near(similarity[i * RUNS + k], plain(rdms + i * PAIRS, rdms + k * PAIRS, kind), 1e-13);
    assert_near(similarity[3], 1, 1e-14);
    assert_true(similarity[5] == 1);
  }
}

static void test_constant(void **state) {
  double rdms[3 * PAIRS], similarity[9];
  (void)state;
  for (wb_comparison kind = WB_COMPARE_PEARSON; kind <= WB_COMPARE_COSINE; kind++) {
    fill(rdms, 3 * PAIRS, 1);
    for (size_t i = 0; i < PAIRS; i++) rdms[PAIRS + i] = kind == WB_COMPARE_COSINE ? 0 : 0.1;
    assert_int_equal(wb_rdm_similarities(similarity, rdms, kind, 3, PAIRS, NULL), WB_OK);
    if (kind == WB_COMPARE_KENDALL) {
      assert_near(similarity[1], 0, 0);
      continue;
    }
    assert_true(isnan(similarity[1]) && isnan(similarity[4]) && isnan(similarity[5]));
    assert_false(isnan(similarity[2]));
  }
}

/* Solves v x = b for one right side by elimination. */
static void solve(double *x, const double *v, const double *b, size_t n) {
  static double m[PAIRS][PAIRS + 1];
  for (size_t i = 0; i < n; i++) {
    memcpy(m[i], v + i * n, n * sizeof(double));
    m[i][n] = b[i];
  }
  for (size_t k = 0; k < n; k++)
    for (size_t i = 0; i < n; i++) {
      if (i == k) continue;
      const double f = m[i][k] / m[k][k];
      for (size_t j = k; j <= n; j++) m[i][j] -= f * m[k][j];
    }
  for (size_t i = 0; i < n; i++) x[i] = m[i][n] / m[i][i];
}

/* With V from its definition and a linear solver. */
static void test_whitened(void **state) {
  static double v[PAIRS * PAIRS];
  double rdms[2 * PAIRS], x[2][PAIRS], products[3] = {0};
  size_t pairs[PAIRS][2], count = 0;
  (void)state;
  for (size_t i = 0; i < N; i++)
    for (size_t j = i + 1; j < N; j++) {
      pairs[count][0] = i;
      pairs[count++][1] = j;
    }
  for (size_t a = 0; a < PAIRS; a++)
    for (size_t b = 0; b < PAIRS; b++) {
      double xi = 0;
      for (size_t s = 0; s < 2; s++)
        for (size_t t = 0; t < 2; t++) xi += pairs[a][s] == pairs[b][t] ? (s == t ? 1 : -1) : 0;
      v[a * PAIRS + b] = xi * xi;
    }
  fill(rdms, 2 * PAIRS, 2);
  for (size_t r = 0; r < 2; r++) solve(x[r], v, rdms + r * PAIRS, PAIRS);
  for (size_t i = 0; i < PAIRS; i++) {
    products[0] += rdms[i] * x[0][i];
    products[1] += rdms[i] * x[1][i];
    products[2] += rdms[PAIRS + i] * x[1][i];
  }
  assert_near(wb_rdm_whitened_cosine(rdms, rdms + PAIRS, N), products[1] / sqrt(products[0] * products[2]),
              1e-12);
  assert_near(wb_rdm_whitened_cosine(rdms, rdms, N), 1, 1e-14);
  memset(rdms, 0, PAIRS * sizeof *rdms);
  assert_true(isnan(wb_rdm_whitened_cosine(rdms, rdms + PAIRS, N)));
}

/* CKA through the stimuli x stimuli matrices that it is defined by. */
static double plain_cka(const double *x, const double *y) {
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < ROWS; i++)
    for (size_t k = 0; k < ROWS; k++) {
      double a = 0, b = 0;
      for (size_t u = 0; u < P; u++) a += x[i * P + u] * x[k * P + u];
      for (size_t u = 0; u < Q; u++) b += y[i * Q + u] * y[k * Q + u];
      xy += a * b;
      xx += a * a;
      yy += b * b;
    }
  return xy / sqrt(xx * yy);
}

static void test_patterns(void **state) {
  double x[ROWS * P], y[ROWS * Q], turned[ROWS * P], value;
  (void)state;
  fill(x, ROWS * P, 3);
  fill(y, ROWS * Q, 4);
  for (size_t i = 0; i < ROWS; i++) y[i * Q] = x[i * P] + x[i * P + 1];
  wb_centre_columns(x, ROWS, P);
  wb_centre_columns(y, ROWS, Q);
  assert_int_equal(wb_cka(&value, x, y, ROWS, P, Q, NULL), WB_OK);
  assert_near(value, plain_cka(x, y), 1e-13);
  assert_true(value > 0.05 && value < 0.95);
  for (size_t i = 0; i < ROWS; i++) { // a rotation and a scale are no difference
    memcpy(turned + i * P, x + i * P, P * sizeof *x);
    turned[i * P] = 0.6 * x[i * P] - 0.8 * x[i * P + 3];
    turned[i * P + 3] = 0.8 * x[i * P] + 0.6 * x[i * P + 3];
    for (size_t k = 0; k < P; k++) turned[i * P + k] *= 5;
  }
  assert_int_equal(wb_cka(&value, x, turned, ROWS, P, P, NULL), WB_OK);
  assert_near(value, 1, 1e-13);
  assert_int_equal(wb_procrustes(&value, x, turned, ROWS, P, P, NULL), WB_OK);
  assert_near(value, 1, 1e-13);
}

/* With one unit each the only singular value is the covariance; with two, sum^2 = |m|^2 + 2 |det m|. */
static void test_procrustes(void **state) {
  double x[ROWS * 2], y[ROWS * 2], m[2][2] = {{0}}, xx = 0, yy = 0, xy = 0, value;
  (void)state;
  fill(x, ROWS * 2, 5);
  fill(y, ROWS * 2, 6);
  for (size_t i = 0; i < ROWS; i++) {
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    yy += y[i] * y[i];
  }
  assert_int_equal(wb_procrustes(&value, x, y, ROWS, 1, 1, NULL), WB_OK);
  assert_near(value, fabs(xy) / sqrt(xx * yy), 1e-14);
  xx = yy = 0;
  for (size_t i = 0; i < ROWS; i++)
    for (size_t a = 0; a < 2; a++) {
      xx += x[2 * i + a] * x[2 * i + a];
      yy += y[2 * i + a] * y[2 * i + a];
      for (size_t b = 0; b < 2; b++) m[a][b] += x[2 * i + a] * y[2 * i + b];
    }
  const double square = m[0][0] * m[0][0] + m[0][1] * m[0][1] + m[1][0] * m[1][0] + m[1][1] * m[1][1];
  const double sum = sqrt(square + 2 * fabs(m[0][0] * m[1][1] - m[0][1] * m[1][0]));
  assert_int_equal(wb_procrustes(&value, x, y, ROWS, 2, 2, NULL), WB_OK);
  assert_near(value, sum / sqrt(xx * yy), 1e-14);
  memset(x, 0, sizeof x);
  assert_int_equal(wb_procrustes(&value, x, y, ROWS, 2, 2, NULL), WB_OK);
  assert_true(isnan(value));
  assert_int_equal(wb_cka(&value, x, y, ROWS, 2, 2, NULL), WB_OK);
  assert_true(isnan(value));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rdms),     cmocka_unit_test(test_constant),   cmocka_unit_test(test_whitened),
      cmocka_unit_test(test_patterns), cmocka_unit_test(test_procrustes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
