/* test_pruning.c: order of magnitudes, counts and drops by hand. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "pruning.h"

static void test_order(void **state) {
  (void)state;
  const float w[] = {-3, 0.5f, -0.5f, 0, 1e-30f, 2, -0.0f};
  const uint32_t right[] = {3, 6, 4, 1, 2, 5, 0};
  uint64_t order[7];
  wb_magnitude_order(order, w, 7);
  for (int i = 0; i < 7; i++) assert_int_equal((uint32_t)order[i], right[i]);
  wb_magnitude_order(order, w, 0);
}

/* Each weight's place is how many are smaller, or equal and before it. */
static void test_random(void **state) {
  (void)state;
  enum { N = 500 };
  float w[N];
  uint64_t order[N];
  wb_rng rng = wb_rng_make(2, "test", 0);
  for (int i = 0; i < N; i++) w[i] = roundf(20 * wb_rng_range(&rng, -1, 1)) / 20;
  wb_magnitude_order(order, w, N);
  for (uint32_t i = 0; i < N; i++) {
    size_t place = 0;
    for (uint32_t j = 0; j < N; j++)
      place += fabsf(w[j]) < fabsf(w[i]) || (fabsf(w[j]) == fabsf(w[i]) && j < i);
    assert_int_equal((uint32_t)order[place], i);
  }
}

static void test_counts(void **state) {
  (void)state;
  assert_int_equal(wb_pruned_count(0, 7), 0);
  assert_int_equal(wb_pruned_count(0.1, 10), 1);
  assert_int_equal(wb_pruned_count(0.99, 10), 10);
  assert_int_equal(wb_pruned_count(1, 7), 7);
}

static void test_drop(void **state) {
  (void)state;
  const double x[] = {0, 0.1, 0.5, 0.9}, y[] = {0.8, 0.81, 0.79, 0.71};
  assert_true(fabs(wb_share_of_drop(x, y, 0.01, 4) - 0.5) < 1e-12);
  assert_true(fabs(wb_share_of_drop(x, y, 0.05, 4) - 0.7) < 1e-12);
  assert_true(isnan(wb_share_of_drop(x, y, 0.2, 4)));
  assert_true(isnan(wb_share_of_drop(x, y, 0.01, 1)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_random),
      cmocka_unit_test(test_counts),
      cmocka_unit_test(test_drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
