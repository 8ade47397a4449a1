/* test_weight_rows.c: lengths and distances of weight vectors by hand, and the loss that training minimises.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "topo.h"
#include "weight_rows.h"

static void assert_near(double found, double expected, double tolerance) {
  if (!(fabs(found - expected) <= tolerance)) fail_msg("%.17g, expected %.17g", found, expected);
}

static void test_by_hand(void **state) {
  (void)state;
  const float w[] = {3, 4, 0, /**/ 0, 0, 0, /**/ 4, -3, 0, /**/ 6, 8, 0, /**/ 2, 2, 2};
  const double norms[] = {5, 0, 5, 10, sqrt(12)};
  double norm[5];
  wb_row_norms(norm, w, 5, 3);
  for (int u = 0; u < 5; u++) assert_near(norm[u], norms[u], 1e-15);
  assert_near(wb_row_distance_of(w, w + 6, 3, WB_ROW_L2), sqrt(50), 1e-15);
  assert_near(wb_row_distance_of(w, w + 6, 3, WB_ROW_COSINE), 1, 1e-15);
  assert_near(wb_row_distance_of(w, w + 9, 3, WB_ROW_COSINE), 0, 1e-15);
  assert_near(wb_row_distance_of(w, w + 9, 3, WB_ROW_CORRELATION), 0, 1e-15);
  assert_near(wb_row_distance_of(w, w + 3, 3, WB_ROW_COSINE), 1, 0);
  assert_near(wb_row_distance_of(w, w + 12, 3, WB_ROW_CORRELATION), 1, 0); // constant
}

/* The same loss as the engine's, for every distance and mean; scaling all weights scales the L2 loss alone.
 */
static void test_against_training(void **state) {
  (void)state;
  enum { ROWS = 4, COLS = 5, FAN_IN = 7 };
  float w[ROWS * COLS * FAN_IN], twice[ROWS * COLS * FAN_IN];
  wb_rng rng = wb_rng_make(4, "test-weights", 0);
  for (size_t k = 0; k < ROWS * COLS * FAN_IN; k++) {
    w[k] = (float)wb_rng_normal(&rng) + 0.5f;
    twice[k] = 2 * w[k];
  }
  for (int mean = 0; mean < 2; mean++) {
    wb_spatial moore;
    assert_int_equal(wb_spatial_grid(&moore, ROWS, COLS, WB_QUEEN, false, mean, NULL), WB_OK);
    for (int distance = 0; distance < 3; distance++) {
      const double sum = wb_neighbour_distance(w, FAN_IN, (wb_row_distance)distance, &moore);
      const double double_sum = wb_neighbour_distance(twice, FAN_IN, (wb_row_distance)distance, &moore);
      const double right = wb_topo_ws(NULL, w, ROWS, COLS, FAN_IN, (wb_topo_distance)distance,
                                      mean ? WB_TOPO_UNIT_SUM : WB_TOPO_PAIR_MEAN);
      assert_near(mean ? sum : sum / moore.total, right, 1e-12);
      assert_near(double_sum, distance == WB_ROW_L2 ? 2 * sum : sum, 1e-12);
    }
    wb_spatial_free(&moore);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_against_training)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
