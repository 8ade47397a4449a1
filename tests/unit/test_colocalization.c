/* test_colocalization.c: distances of correlated units, by hand and under a change of threshold or place.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "colocalization.h"

/* Units at 0, 3 and 4i: distances 3, 4, 5 with r 0.9, 0.5, -1. */
static void test_by_hand(void **state) {
  (void)state;
  const double positions[6] = {0, 0, 3, 0, 0, 4}, thresholds[4] = {0.9, 0.95, 0.5, -1};
  const double r[9] = {1, 0.9, 0.5, 0.9, 1, -1, 0.5, -1, 1};
  const double right[4] = {3, NAN, 3.5, 4};
  double distance[4], all;
  size_t pairs[4];
  wb_colocalization(distance, pairs, &all, r, positions, 3, thresholds, 4);
  assert_true(all == 4);
  for (int t = 0; t < 4; t++) assert_true(isnan(right[t]) ? isnan(distance[t]) : distance[t] == right[t]);
  assert_true(pairs[0] == 1 && pairs[1] == 0 && pairs[2] == 2 && pairs[3] == 3);
  wb_colocalization(distance, pairs, &all, r, positions, 1, thresholds, 4);
  assert_true(isnan(all) && isnan(distance[3]) && pairs[3] == 0);
}

enum { SIDE = 16, UNITS = SIDE * SIDE };

static void place(double *positions) {
  for (size_t u = 0; u < UNITS; u++) {
    positions[2 * u] = (double)(u % SIDE);
    positions[2 * u + 1] = (double)(u / SIDE);
  }
}

/* Moving and turning the grid changes nothing; below every r all pairs count; the baseline of 16 x 16
 * is 8.36. */
static void test_invariance(void **state) {
  (void)state;
  static double r[UNITS * UNITS], positions[2 * UNITS], moved[2 * UNITS];
  const double thresholds[2] = {-1, 0.2};
  double here[2], there[2], all, other;
  size_t pairs[2], same[2];
  wb_rng rng = wb_rng_make(3, "test-r", 0);
  place(positions);
  for (size_t i = 0; i < UNITS; i++) {
    for (size_t j = 0; j <= i; j++)
      r[i * UNITS + j] = r[j * UNITS + i] = 2 * (double)wb_rng_uniform(&rng) - 1;
    moved[2 * i] = 5 + 0.6 * positions[2 * i] - 0.8 * positions[2 * i + 1];
    moved[2 * i + 1] = -3 + 0.8 * positions[2 * i] + 0.6 * positions[2 * i + 1];
  }
  wb_colocalization(here, pairs, &all, r, positions, UNITS, thresholds, 2);
  wb_colocalization(there, same, &other, r, moved, UNITS, thresholds, 2);
  assert_true(pairs[0] == UNITS * (UNITS - 1) / 2 && pairs[1] == same[1]);
  assert_true(here[0] == all && fabs(all - 8.3595) < 1e-3);
  assert_true(fabs(there[1] - here[1]) < 1e-10 && fabs(all - other) < 1e-10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_invariance)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
