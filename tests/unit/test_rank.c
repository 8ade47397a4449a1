/* test_rank.c: ranks and Kendall's tau-a against counting all pairs, and by hand.
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
#include "rank.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { N = 700 };

/* Half of them whole numbers, so that there are ties. */
static void fill(double *x, uint64_t index) {
  wb_rng rng = wb_rng_make(1, "rank", index);
  for (size_t i = 0; i < N; i++) x[i] = i % 2 ? floor(20 * wb_rng_normal(&rng)) : 1e3 * wb_rng_normal(&rng);
}

static double sign(double x) {
  return (x > 0) - (x < 0);
}

static double plain_tau(const double *x, const double *y, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < i; k++) sum += sign(x[i] - x[k]) * sign(y[i] - y[k]);
  return sum / ((double)n * (double)(n - 1) / 2);
}

static void test_ranks(void **state) {
  double x[N], ranks[N];
  (void)state;
  fill(x, 0);
  assert_int_equal(wb_rank(ranks, x, N, NULL), WB_OK);
  for (size_t i = 0; i < N; i++) {
    double below = 0, equal = 0;
    for (size_t k = 0; k < N; k++) {
      below += x[k] < x[i];
      equal += x[k] == x[i];
    }
    assert_near(ranks[i], below + (equal + 1) / 2, 0);
  }
}

static void test_by_hand(void **state) {
  double x[] = {3, -0.0, 1e300, 0.0, -2, 3, 3}, tau;
  static const double right[] = {5, 2.5, 7, 2.5, 1, 5, 5};
  static const double a[] = {1, 2, 3, 4}, b[] = {1, 3, 2, 4}, c[] = {1, 1, 2, 2};
  (void)state;
  assert_int_equal(wb_rank(x, x, 7, NULL), WB_OK); // in place
  for (size_t i = 0; i < 7; i++) assert_near(x[i], right[i], 0);
  assert_int_equal(wb_kendall(&tau, a, b, 4, NULL), WB_OK); // 5 concordant, 1 discordant of 6
  assert_near(tau, 4.0 / 6, 1e-15);
  assert_int_equal(wb_kendall(&tau, a, c, 4, NULL), WB_OK); // 4 concordant, 2 tied
  assert_near(tau, 4.0 / 6, 1e-15);
  assert_int_equal(wb_kendall(&tau, c, c, 4, NULL), WB_OK);
  assert_near(tau, 4.0 / 6, 1e-15);
}

static void test_kendall(void **state) {
  double x[N], y[N], tau, back;
  (void)state;
  for (uint64_t trial = 0; trial < 5; trial++) {
    const size_t n = trial ? N - 100 * trial : 2;
    fill(x, trial);
    fill(y, trial + 100);
    for (size_t i = 0; i < n; i += 3) y[i] = floor(x[i]);
    assert_int_equal(wb_kendall(&tau, x, y, n, NULL), WB_OK);
    assert_near(tau, plain_tau(x, y, n), 1e-14);
    for (size_t i = 0; i < n; i++) x[i] = exp(x[i] / 1e4); // any rising map leaves it as it is
    assert_int_equal(wb_kendall(&back, y, x, n, NULL), WB_OK);
    assert_near(back, tau, 1e-14);
  }
}

static void test_degenerate(void **state) {
  static const double flat[] = {2, 2, 2}, up[] = {1, 2, 3};
  double ranks[3], tau;
  (void)state;
  assert_int_equal(wb_rank(ranks, flat, 3, NULL), WB_OK);
  assert_near(ranks[0] + ranks[1] + ranks[2], 6, 0);
  assert_near(ranks[0], 2, 0);
  assert_int_equal(wb_rank(ranks, flat, 0, NULL), WB_OK);
  assert_int_equal(wb_kendall(&tau, flat, up, 3, NULL), WB_OK);
  assert_near(tau, 0, 0);
  assert_int_equal(wb_kendall(&tau, up, up, 1, NULL), WB_OK);
  assert_true(isnan(tau));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranks),
      cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_kendall),
      cmocka_unit_test(test_degenerate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
