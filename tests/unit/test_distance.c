/* test_distance.c: RDMs against plain loops over pairs, by hand, and under rotations and permutations.
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
#include "distance.h"
#include "rank.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { N = 430, D = 23 }; // more than two tiles of rows

static double features[N * D], work[N * D], rdm[N * N], other[N * N];

static const wb_distance plain_kinds[] = {WB_DISTANCE_PEARSON, WB_DISTANCE_SPEARMAN, WB_DISTANCE_COSINE,
                                          WB_DISTANCE_EUCLIDEAN};

/* A common offset, which costs careless code its digits, and some rows that are nearly or just the same. */
static int setup(void **state) {
  wb_rng rng = wb_rng_make(2, "distance", 0);
  (void)state;
  for (size_t i = 0; i < N * D; i++) features[i] = 30 + floor(8 * wb_rng_normal(&rng)) / 4;
  memcpy(features + 400 * D, features + 3 * D, D * sizeof(double));
  memcpy(features + 5 * D, features + 4 * D, D * sizeof(double));
  features[5 * D] += 1e-5;
  return 0;
}

static double correlation(const double *a, const double *b, size_t d, bool centred) {
  double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < d && centred; k++) {
    mean_a += a[k] / (double)d;
    mean_b += b[k] / (double)d;
  }
  for (size_t k = 0; k < d; k++) {
    ab += (a[k] - mean_a) * (b[k] - mean_b);
    aa += (a[k] - mean_a) * (a[k] - mean_a);
    bb += (b[k] - mean_b) * (b[k] - mean_b);
  }
  return ab / sqrt(aa * bb);
}

static double plain(const double *a, const double *b, size_t d, wb_distance distance) {
  double ranks_a[D], ranks_b[D], square = 0;
  if (distance == WB_DISTANCE_SPEARMAN) {
    assert_int_equal(wb_rank(ranks_a, a, d, NULL), WB_OK);
    assert_int_equal(wb_rank(ranks_b, b, d, NULL), WB_OK);
    return 1 - correlation(ranks_a, ranks_b, d, true);
  }
  if (distance <= WB_DISTANCE_COSINE) return 1 - correlation(a, b, d, distance != WB_DISTANCE_COSINE);
  for (size_t k = 0; k < d; k++) square += (a[k] - b[k]) * (a[k] - b[k]);
  return sqrt(square);
}

static void make(double *out, const double *x, wb_distance distance, size_t n, size_t d,
                 size_t flat_expected) {
  size_t flat;
  memcpy(work, x, n * d * sizeof *work);
  assert_int_equal(wb_rdm(out, work, &flat, distance, n, d, NULL), WB_OK);
  assert_int_equal(flat, flat_expected);
}

static void test_plain(void **state) {
  (void)state;
  for (size_t kind = 0; kind < 4; kind++) {
    make(rdm, features, plain_kinds[kind], N, D, 0);
    for (size_t i = 0; i < N; i++)
      for (size_t j = i + 1; j < N; j++) {
        const double right = plain(features + i * D, features + j * D, D, plain_kinds[kind]);
        assert_near(rdm[wb_pair_place(i, j, N)], right, 1e-13 + 1e-11 * right);
      }
    assert_true(rdm[wb_pair_place(3, 400, N)] == 0); // the same stimulus
    assert_true(rdm[wb_pair_place(4, 5, N)] > 0 || kind == 1);
  }
}

static void test_near(void **state) {
  (void)state;
  make(rdm, features, WB_DISTANCE_EUCLIDEAN, N, D, 0);
  assert_near(rdm[wb_pair_place(4, 5, N)] / 1e-5, 1, 1e-9);
}

/* Rows in pieces make the same RDM. */
static void test_rows(void **state) {
  double square[N];
  (void)state;
  make(rdm, features, WB_DISTANCE_PEARSON, N, D, 0);
  memcpy(work, features, sizeof features);
  assert_int_equal(wb_distance_prepare(work, square, NULL, WB_DISTANCE_PEARSON, N, D, NULL), WB_OK);
  for (size_t first = 0; first < N; first += 100) {
    const size_t count = N - first < 100 ? N - first : 100, start = wb_pair_place(first, first + 1, N);
    const size_t end =
        first + count < N ? wb_pair_place(first + count, first + count + 1, N) : wb_pair_count(N);
    assert_int_equal(wb_distance_rows(other, work, square, WB_DISTANCE_PEARSON, first, count, N, D, NULL),
                     WB_OK);
    for (size_t k = start; k < end; k++) assert_near(other[k - start], rdm[k], 1e-14);
  }
}

/* Rotating the units of two axes leaves angles and lengths; permuting stimuli permutes the RDM. */
static void test_invariance(void **state) {
  static double turned[N * D];
  (void)state;
  memcpy(turned, features, sizeof features);
  for (size_t i = 0; i < N; i++) {
    double *row = turned + i * D;
    const double a = row[2], b = row[9];
    row[2] = 0.6 * a - 0.8 * b;
    row[9] = 0.8 * a + 0.6 * b;
  }
  for (size_t kind = 2; kind < 4; kind++) {
    make(rdm, features, plain_kinds[kind], N, D, 0);
    make(other, turned, plain_kinds[kind], N, D, 0);
    for (size_t k = 0; k < wb_pair_count(N); k++) assert_near(rdm[k], other[k], 1e-6 * rdm[k] + 1e-7);
  }
  for (size_t i = 0; i < N; i++) memcpy(turned + i * D, features + (N - 1 - i) * D, D * sizeof(double));
  for (size_t kind = 0; kind < 4; kind++) {
    make(rdm, features, plain_kinds[kind], N, D, 0);
    make(other, turned, plain_kinds[kind], N, D, 0);
    for (size_t i = 0; i < N; i++)
      for (size_t j = i + 1; j < N; j++)
        assert_near(rdm[wb_pair_place(i, j, N)], other[wb_pair_place(N - 1 - j, N - 1 - i, N)], 1e-12);
  }
}

/* The covariance that Ledoit and Wolf shrink, by loops; distances by solving with it. */
static void test_mahalanobis(void **state) {
  enum { n = 40, d = 3 };
  static const double mixing[d][d] = {{2, 0, 0}, {1, 0.5, 0}, {0, 3, 1}};
  double x[n * d], white[n * d], c[d][d] = {{0}}, weight;
  int32_t labels[n];
  wb_rng rng = wb_rng_make(4, "distance", 0);
  (void)state;
  memset(x, 0, sizeof x);
  for (size_t i = 0; i < n; i++) {
    labels[i] = (int32_t)(i % 3) - 1;
    for (size_t k = 0; k < d; k++) {
      const double draw = wb_rng_normal(&rng);
      for (size_t m = 0; m < d; m++) x[i * d + m] += draw * mixing[k][m];
    }
  }
  double residual[n][d], mean[3][d] = {{0}}, count[3] = {0};
  for (size_t i = 0; i < n; i++) {
    count[i % 3]++;
    for (size_t k = 0; k < d; k++) mean[i % 3][k] += x[i * d + k];
  }
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) residual[i][k] = x[i * d + k] - mean[i % 3][k] / count[i % 3];
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < d; b++) c[a][b] += residual[i][a] * residual[i][b] / n;
  double noise = 0, spread = 0;
  const double mu = (c[0][0] + c[1][1] + c[2][2]) / d;
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b < d; b++) {
      spread += (c[a][b] - (a == b ? mu : 0)) * (c[a][b] - (a == b ? mu : 0));
      for (size_t i = 0; i < n; i++)
        noise += pow(residual[i][a] * residual[i][b] - c[a][b], 2) / ((double)n * n);
    }
  memcpy(white, x, sizeof x);
  assert_int_equal(wb_whiten(white, &weight, labels, n, d, NULL), WB_OK);
  assert_true(noise < spread);
  assert_near(weight, noise / spread, 1e-12);
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b < d; b++) c[a][b] = (1 - weight) * c[a][b] + (a == b ? weight * mu : 0);
  make(rdm, white, WB_DISTANCE_MAHALANOBIS, n, d, 0);
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      double u[d], det = 0, inverse[d][d], square = 0;
      for (size_t k = 0; k < d; k++) u[k] = x[i * d + k] - x[j * d + k];
      for (size_t k = 0; k < d; k++)
        det += c[0][k] * (c[1][(k + 1) % 3] * c[2][(k + 2) % 3] - c[1][(k + 2) % 3] * c[2][(k + 1) % 3]);
      for (size_t a = 0; a < d; a++)
        for (size_t b = 0; b < d; b++)
          inverse[b][a] = (c[(a + 1) % 3][(b + 1) % 3] * c[(a + 2) % 3][(b + 2) % 3] -
                           c[(a + 1) % 3][(b + 2) % 3] * c[(a + 2) % 3][(b + 1) % 3]) /
                          det;
      for (size_t a = 0; a < d; a++)
        for (size_t b = 0; b < d; b++) square += u[a] * inverse[a][b] * u[b];
      assert_near(rdm[wb_pair_place(i, j, n)], sqrt(square), 1e-10);
    }
}

static void test_by_hand(void **state) {
  static const double x[] = {1, 0, 0, 1, 3, 4};
  (void)state;
  make(rdm, x, WB_DISTANCE_EUCLIDEAN, 3, 2, 0);
  assert_near(rdm[0], sqrt(2), 1e-15);
  assert_near(rdm[1], sqrt(20), 1e-14);
  assert_near(rdm[2], sqrt(18), 1e-14);
  make(rdm, x, WB_DISTANCE_COSINE, 3, 2, 0);
  assert_near(rdm[0], 1, 1e-15);
  assert_near(rdm[1], 0.4, 1e-15);
  make(rdm, x, WB_DISTANCE_PEARSON, 3, 2, 0);
  assert_near(rdm[0], 2, 1e-15);
  assert_near(rdm[2], 0, 1e-15);
}

/* Rows without a direction, huge and tiny numbers, one row, two rows, nothing that varies within classes. */
static void test_degenerate(void **state) {
  static const double x[] = {0.1, 0.1, 0.1, 1e200, 2e200, -1e200, 1e-200, 2e-200, -1e-200, 0, 0, 0};
  static const int32_t own[] = {0, 1, 2, 3};
  double copy[12], shrinkage;
  (void)state;
  make(rdm, x, WB_DISTANCE_PEARSON, 4, 3, 2);
  assert_true(rdm[0] == 1 && rdm[2] == 1);
  assert_near(rdm[wb_pair_place(1, 2, 4)], 0, 1e-15);
  make(rdm, x, WB_DISTANCE_COSINE, 4, 3, 1);
  make(rdm, x, WB_DISTANCE_PEARSON, 1, 3, 1);
  make(rdm, x, WB_DISTANCE_EUCLIDEAN, 2, 3, 0);
  assert_true(rdm[0] > 2e200);
  memcpy(copy, x, sizeof x);
  wb_error err = {0};
  assert_int_equal(wb_whiten(copy, &shrinkage, own, 4, 3, &err), WB_INPUT);
  assert_non_null(strstr(err.message, "within any class"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),      cmocka_unit_test(test_near),    cmocka_unit_test(test_rows),
      cmocka_unit_test(test_invariance), cmocka_unit_test(test_by_hand), cmocka_unit_test(test_mahalanobis),
      cmocka_unit_test(test_degenerate),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
