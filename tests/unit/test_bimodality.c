/* test_bimodality.c: the dip against a plain search over modal intervals, known values, and invariances.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "bimodality.h"

enum { MOST = 3000 };

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double sorted_dip(double *x, size_t n) {
  static uint32_t work[4 * MOST];
  qsort(x, n, sizeof *x, compare);
  return wb_dip(x, n, work);
}

/* The least value at x[m-1] of a rising convex function within [upper[i] - d, lower[i] + d] at all x[0 ..
 * m-1]; INFINITY where there is none: where a lower bound lies above the chord of two upper bounds. */
static double least_end(const double *x, const double *lower, const double *upper, size_t m, double d) {
  double least = 0, end = 0;
  for (size_t i = 0; i < m; i++) {
    least = fmax(least, upper[i] - d);
    if (least > lower[i] + d) return INFINITY;
    for (size_t j = 0; j < i; j++) {
      const double slope = (upper[i] - d - lower[j] - d) / (x[i] - x[j]); // at least, from i on
      for (size_t k = i + 1; k < m; k++) {
        const double there = upper[i] - d + slope * (x[k] - x[i]);
        if (there > lower[k] + d) return INFINITY;
        if (k == m - 1) end = fmax(end, there);
      }
    }
  }
  return fmax(end, least);
}

/* The dip by its definition, for distinct x: the least d for which, for some mode, the empirical distribution
 * function (from i/n below x[i] to (i+1)/n at it) has a convex function within d to the left and a concave
 * one to the right. Right is left, turned. */
static double plain_dip(const double *x, size_t n) {
  double lower[32], upper[32], turned[32], low = 0.5 / (double)n, high = 0.5;
  for (size_t i = 0; i < n; i++) {
    lower[i] = (double)i / (double)n;
    upper[i] = (double)(i + 1) / (double)n;
    turned[n - 1 - i] = -x[i];
  }
  for (int step = 0; step < 40; step++) {
    const double d = (low + high) / 2;
    int fits = 0;
    for (size_t mode = 0; mode < n && !fits; mode++) { // at the mode F may step: only one bound on each side
      double left[32], right[32];
      memcpy(left, upper, sizeof left);
      memcpy(right, upper, sizeof right);
      left[mode] = lower[mode];
      right[n - 1 - mode] = lower[n - 1 - mode];
      fits = least_end(x, lower, left, mode + 1, d) + least_end(turned, lower, right, n - mode, d) <= 1;
    }
    *(fits ? &high : &low) = d;
  }
  return high;
}

static void test_against_plain_search(void **state) {
  (void)state;
  for (uint64_t trial = 0; trial < 60; trial++) {
    const size_t n = 4 + trial % 11;
    wb_rng rng = wb_rng_make(1, "test-dip", trial);
    double x[32];
    for (size_t i = 0; i < n; i++)
      x[i] = trial % 3 == 0 ? wb_rng_normal(&rng) + 6 * (double)(i % 2) : wb_rng_normal(&rng);
    const double dip = sorted_dip(x, n);
    assert_true(fabs(dip - plain_dip(x, n)) < 1e-9);
  }
}

static void test_known(void **state) {
  (void)state;
  double x[MOST];
  for (size_t i = 0; i < 100; i++) x[i] = (double)i; // evenly spaced: as unimodal as 100 points can be
  assert_true(fabs(sorted_dip(x, 100) - 0.005) < 1e-15);
  for (size_t i = 0; i < 100; i++) x[i] = (double)(i % 2); // two points: the largest dip there is
  assert_true(fabs(sorted_dip(x, 100) - 0.25) < 1e-15);
  for (size_t i = 0; i < 4; i++) x[i] = i < 2 ? 0.001 * (double)i : 1 + 0.001 * (double)i;
  assert_true(fabs(sorted_dip(x, 4) - plain_dip(x, 4)) < 1e-9);
  for (size_t i = 0; i < 10; i++) x[i] = 3; // a constant
  assert_true(sorted_dip(x, 10) == 0.05);
  assert_true(sorted_dip(x, 1) == 0.5 && isnan(sorted_dip(x, 0)));
}

static void test_invariance(void **state) {
  (void)state;
  wb_rng rng = wb_rng_make(2, "test-dip", 0);
  double x[MOST], y[MOST];
  for (size_t i = 0; i < MOST; i++) {
    x[i] = wb_rng_normal(&rng) + (i % 3 ? 4 : 0);
    y[i] = -x[i] * 7 + 100;
  }
  assert_true(fabs(wb_bimodality_coefficient(x, MOST) - wb_bimodality_coefficient(y, MOST)) < 1e-12);
  assert_true(fabs(sorted_dip(x, MOST) - sorted_dip(y, MOST)) < 1e-12);
}

/* Of 0, 0, 1, 1: m2 = 1/4, m3 = 0, m4 = 1/16, excess kurtosis -6: b = 1 / (-6 + 13.5). */
static void test_coefficient(void **state) {
  (void)state;
  const double two[4] = {0, 0, 1, 1}, constant[5] = {0.1, 0.1, 0.1, 0.1, 0.1};
  assert_true(fabs(wb_bimodality_coefficient(two, 4) - 1 / 7.5) < 1e-14);
  assert_true(isnan(wb_bimodality_coefficient(constant, 5)));
  assert_true(isnan(wb_bimodality_coefficient(two, 3)));
  wb_rng rng = wb_rng_make(3, "test-dip", 0);
  static double normal[100000], uniform[100000];
  for (size_t i = 0; i < 100000; i++) {
    normal[i] = wb_rng_normal(&rng);
    uniform[i] = (double)wb_rng_uniform(&rng);
  }
  assert_true(fabs(wb_bimodality_coefficient(normal, 100000) - 1.0 / 3) < 0.01);
  assert_true(fabs(wb_bimodality_coefficient(uniform, 100000) - 5.0 / 9) < 0.01);
}

/* p of uniform samples is uniform; the 95% quantile of the dip of 50 uniform draws is 0.0702 (Hartigan 1985).
 */
static void test_p(void **state) {
  (void)state;
  double p, q, x[200];
  assert_int_equal(wb_dip_p(&p, 0.0702, 50, 4000, 1, NULL), WB_OK);
  assert_true(fabs(p - 0.05) < 0.015);
  assert_int_equal(wb_dip_p(&p, 0.0702 / 20, 20000, 300, 1, NULL), WB_OK); // sqrt(n) dip as before
  assert_true(p > 0.02 && p < 0.12);
  size_t small = 0;
  for (uint64_t trial = 0; trial < 60; trial++) {
    wb_rng rng = wb_rng_make(4, "test-dip", trial);
    for (size_t i = 0; i < 200; i++) x[i] = (double)wb_rng_uniform(&rng);
    assert_int_equal(wb_dip_p(&p, sorted_dip(x, 200), 200, 200, 2, NULL), WB_OK);
    small += p < 0.5;
  }
  assert_true(small > 15 && small < 45); // 30 expected, sd 3.9
  const int threads = omp_get_max_threads();
  omp_set_num_threads(3);
  assert_int_equal(wb_dip_p(&q, sorted_dip(x, 200), 200, 200, 2, NULL), WB_OK);
  omp_set_num_threads(threads);
  assert_true(p == q);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_search),
      cmocka_unit_test(test_known),
      cmocka_unit_test(test_invariance),
      cmocka_unit_test(test_coefficient),
      cmocka_unit_test(test_p),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
