/* test_corruption_error.c: ratios to a baseline by hand. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corruption_error.h"

static void assert_near(double got, double right) {
  assert_true(fabs(got - right) < 1e-10);
}

/* Two types, three severities: sums 0.6 and 1.5 against 1.2 and 1.0. */
static const double own[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, base[] = {0.2, 0.4, 0.6, 0.2, 0.3, 0.5};

static void test_absolute(void **state) {
  (void)state;
  double ratio[2];
  assert_near(wb_corruption_error(ratio, own, 0, base, 0, 2, 3), 100);
  assert_near(ratio[0], 50);
  assert_near(ratio[1], 150);
}

/* Less 3 x 0.05 and 3 x 0.2: 0.45 and 1.35 against 0.6 and 0.4. */
static void test_relative(void **state) {
  (void)state;
  double ratio[2];
  assert_near(wb_corruption_error(ratio, own, 0.05, base, 0.2, 2, 3), (75 + 337.5) / 2);
  assert_near(ratio[0], 75);
  assert_near(ratio[1], 337.5);
  wb_corruption_error(ratio, own, 0.4, base, 0.2, 2, 3); // less 1.2: better than clean
  assert_near(ratio[0], -100);
}

static void test_itself(void **state) {
  (void)state;
  double ratio[2];
  assert_near(wb_corruption_error(ratio, base, 0, base, 0, 2, 3), 100);
  assert_near(wb_corruption_error(ratio, base, 0.1, base, 0.1, 2, 3), 100);
}

/* Nothing to divide by: the sum is 0, 0 but for rounding (0.3 - 0.1 - 0.1 - 0.1), or below. */
static void test_undefined(void **state) {
  (void)state;
  const double flat[] = {0, 0, 0, 0.1, 0.1, 0.1};
  double ratio[2];
  assert_true(isnan(wb_corruption_error(ratio, own, 0, flat, 0, 2, 3)));
  assert_true(isnan(ratio[0]));
  assert_near(ratio[1], 500);
  const double rounded[] = {0, 0, 0.3};
  assert_true(isnan(wb_corruption_error(ratio, own, 0, rounded, 0.1, 1, 3)));
  assert_true(isnan(wb_corruption_error(ratio, own, 0, base, 0.5, 1, 3)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_absolute),
      cmocka_unit_test(test_relative),
      cmocka_unit_test(test_itself),
      cmocka_unit_test(test_undefined),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
