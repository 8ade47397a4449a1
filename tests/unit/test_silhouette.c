/* test_silhouette.c: against plain loops, by hand, and degenerate. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "silhouette.h"

enum { N = 700, D = 3, CLASSES = 5 };

static void test_against_plain_loops(void **state) {
  (void)state;
  static float x[N * D];
  static int32_t classes[N];
  wb_rng rng = wb_rng_make(1, "test-silhouette", 0);
  for (size_t i = 0; i < N; i++) {
    classes[i] = (int32_t)wb_rng_below(&rng, CLASSES) * 3 - 3; // class -3 is none
    for (size_t k = 0; k < D; k++) x[i * D + k] = (float)(wb_rng_normal(&rng) + 50 + classes[i] * (k == 0));
  }
  classes[9] = 100; // alone
  double right = 0, got;
  size_t counted = 0;
  for (size_t i = 0; i < N; i++) {
    double sum[101] = {0}, count[101] = {0}, b = INFINITY;
    if (classes[i] < 0) continue;
    counted++;
    for (size_t j = 0; j < N; j++) {
      if (classes[j] < 0 || j == i) continue;
      double square = 0;
      for (size_t k = 0; k < D; k++) square += pow((double)x[i * D + k] - (double)x[j * D + k], 2);
      sum[classes[j]] += sqrt(square);
      count[classes[j]]++;
    }
    for (int c = 0; c <= 100; c++) {
      if (c != classes[i] && count[c] > 0) b = fmin(b, sum[c] / count[c]);
    }
    const double a = count[classes[i]] > 0 ? sum[classes[i]] / count[classes[i]] : b; // alone: 0
    right += (b - a) / fmax(a, b);
  }
  assert_int_equal(wb_silhouette(&got, x, classes, N, D, NULL), WB_OK);
  assert_true(fabs(got - right / (double)counted) < 1e-9);
}

/* 0, 1 against 10, 11: a = 1; b = 10.5 for the outer and 9.5 for the inner points. */
static void test_by_hand(void **state) {
  (void)state;
  const float x[4] = {0, 1, 10, 11};
  const int32_t two[4] = {0, 0, 7, 7}, one[4] = {2, 2, 2, 2}, none[4] = {-1, -1, -1, -1},
                each[4] = {0, 1, 2, 3};
  double s;
  assert_int_equal(wb_silhouette(&s, x, two, 4, 1, NULL), WB_OK);
  assert_true(fabs(s - (9.5 / 10.5 + 8.5 / 9.5) / 2) < 1e-12);
  assert_int_equal(wb_silhouette(&s, x, one, 4, 1, NULL), WB_OK);
  assert_true(isnan(s));
  assert_int_equal(wb_silhouette(&s, x, none, 4, 1, NULL), WB_OK);
  assert_true(isnan(s));
  assert_int_equal(wb_silhouette(&s, x, each, 4, 1, NULL), WB_OK);
  assert_true(s == 0);
  const float same[4] = {5, 5, 5, 5};
  assert_int_equal(wb_silhouette(&s, same, two, 4, 1, NULL), WB_OK);
  assert_true(s == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
