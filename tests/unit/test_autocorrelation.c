/* test_autocorrelation.c: Moran's I and its relatives against plain loops, by hand, and under invariances.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include "autocorrelation.h"
#include "base/rng.h"

enum { ROWS = 5, COLS = 7, UNITS = ROWS * COLS, MAPS = 40 };

/* w_ij by the definition, no list of pairs. */
static double weight(size_t i, size_t j, bool queen, bool torus) {
  long dr = labs((long)(i / COLS) - (long)(j / COLS)), dc = labs((long)(i % COLS) - (long)(j % COLS));
  if (torus && dr == ROWS - 1) dr = 1;
  if (torus && dc == COLS - 1) dc = 1;
  if (i == j) return 0;
  return queen ? dr <= 1 && dc <= 1 : dr + dc == 1;
}

/* Moran's I of one map straight from its formula; rows of w divided by their sums where `standardise`. */
static double plain_moran(const double *x, const double *w) {
  double mean = 0, square = 0, cross = 0, total = 0;
  for (size_t i = 0; i < UNITS; i++) mean += x[i] / UNITS;
  for (size_t i = 0; i < UNITS; i++) {
    square += (x[i] - mean) * (x[i] - mean);
    for (size_t j = 0; j < UNITS; j++) {
      total += w[i * UNITS + j];
      cross += w[i * UNITS + j] * (x[i] - mean) * (x[j] - mean);
    }
  }
  return square > 0 ? UNITS / total * cross / square : 0;
}

static double plain_geary(const double *x, const double *w) {
  double mean = 0, square = 0, cross = 0, total = 0;
  for (size_t i = 0; i < UNITS; i++) mean += x[i] / UNITS;
  for (size_t i = 0; i < UNITS; i++) {
    square += (x[i] - mean) * (x[i] - mean);
    for (size_t j = 0; j < UNITS; j++) {
      total += w[i * UNITS + j];
      cross += w[i * UNITS + j] * (x[i] - x[j]) * (x[i] - x[j]);
    }
  }
  return (UNITS - 1) / (2 * total) * cross / square;
}

static void standardise(double *w) {
  for (size_t i = 0; i < UNITS; i++) {
    double sum = 0;
    for (size_t j = 0; j < UNITS; j++) sum += w[i * UNITS + j];
    for (size_t j = 0; j < UNITS; j++) w[i * UNITS + j] /= sum;
  }
}

static void random_maps(float *x, uint64_t seed) {
  wb_rng rng = wb_rng_make(seed, "test-maps", 0);
  for (size_t k = 0; k < MAPS * UNITS; k++)
    x[k] = (float)(wb_rng_normal(&rng) + 0.1 * (double)(k % COLS) + 3);
}

/* Everything that is computed from normalised maps. */
typedef struct computed {
  double u[MAPS * UNITS], gram[UNITS * UNITS], each[MAPS], local[UNITS];
  size_t constant;
} computed;

static void compute(computed *c, const float *x, bool relu, const wb_spatial *s) {
  memset(c->gram, 0, sizeof c->gram);
  c->constant = wb_maps_normalise(c->u, x, relu, MAPS, UNITS);
  wb_maps_accumulate(c->gram, c->u, MAPS / 2, UNITS); // in two blocks, as from a file
  wb_maps_accumulate(c->gram, c->u + MAPS / 2 * UNITS, MAPS - MAPS / 2, UNITS);
  wb_moran_each(c->each, c->u, MAPS, s);
  wb_moran_local(c->local, c->gram, MAPS, s);
}

static void test_against_plain_loops(void **state) {
  (void)state;
  static float x[MAPS * UNITS];
  static computed c;
  random_maps(x, 1);
  for (int k = 0; k < 8; k++) {
    const bool queen = k & 1, torus = k & 2, rows = k & 4;
    double w[UNITS * UNITS];
    for (size_t i = 0; i < UNITS; i++) {
      for (size_t j = 0; j < UNITS; j++) w[i * UNITS + j] = weight(i, j, queen, torus);
    }
    if (rows) standardise(w);
    wb_spatial s;
    assert_int_equal(wb_spatial_grid(&s, ROWS, COLS, queen ? WB_QUEEN : WB_ROOK, torus, rows, NULL), WB_OK);
    compute(&c, x, false, &s);
    double moran = 0, geary = 0, local = 0;
    for (size_t m = 0; m < MAPS; m++) {
      double map[UNITS];
      for (size_t i = 0; i < UNITS; i++) map[i] = (double)x[m * UNITS + i];
      const double i = plain_moran(map, w);
      assert_true(fabs(i - c.each[m]) < 1e-12);
      moran += i / MAPS;
      geary += plain_geary(map, w) / MAPS;
    }
    assert_true(fabs(wb_moran_mean(c.gram, MAPS, &s, NULL) - moran) < 1e-12);
    assert_true(fabs(wb_geary_mean(c.gram, MAPS, 0, &s) - geary) < 1e-12);
    for (size_t i = 0; i < UNITS; i++) local += c.local[i];
    assert_true(fabs(local - s.total * moran) < 1e-10);
    wb_spatial_free(&s);
  }
}

/* A 2 x 2 checkerboard has I = -1, and the rows [0 0; 1 1] have I = 0 under rook neighbours. */
static void test_by_hand(void **state) {
  (void)state;
  const float x[8] = {1, 0, 0, 1, 0, 0, 1, 1};
  double u[8], each[2];
  wb_spatial s;
  assert_int_equal(wb_spatial_grid(&s, 2, 2, WB_ROOK, false, false, NULL), WB_OK);
  assert_int_equal(s.count, 4);
  assert_true(s.total == 8);
  assert_int_equal(wb_maps_normalise(u, x, false, 2, 4), 0);
  wb_moran_each(each, u, 2, &s);
  assert_true(fabs(each[0] + 1) < 1e-15);
  assert_true(fabs(each[1]) < 1e-15);
  wb_spatial_free(&s);
}

static void test_affine_invariance(void **state) {
  (void)state;
  static float x[MAPS * UNITS], y[MAPS * UNITS];
  static computed a, b;
  random_maps(x, 2);
  for (size_t k = 0; k < MAPS * UNITS; k++) y[k] = -4 * x[k] + 16; // exact in binary but for the last bits
  wb_spatial s;
  assert_int_equal(wb_spatial_grid(&s, ROWS, COLS, WB_QUEEN, false, false, NULL), WB_OK);
  compute(&a, x, false, &s);
  compute(&b, y, false, &s);
  for (size_t m = 0; m < MAPS; m++) assert_true(fabs(a.each[m] - b.each[m]) < 1e-5);
  wb_spatial_free(&s);
}

static void test_constant_maps(void **state) {
  (void)state;
  static float x[MAPS * UNITS];
  static computed c;
  random_maps(x, 3);
  for (size_t i = 0; i < UNITS; i++) x[i] = 0.1f;                           // constant
  for (size_t i = 0; i < UNITS; i++) x[UNITS + i] = -1.0f * (float)(i + 1); // constant after ReLU
  wb_spatial s;
  assert_int_equal(wb_spatial_grid(&s, ROWS, COLS, WB_ROOK, false, false, NULL), WB_OK);
  compute(&c, x, false, &s);
  assert_int_equal(c.constant, 1);
  assert_true(c.each[0] == 0);
  compute(&c, x, true, &s);
  assert_int_equal(c.constant, 2);
  for (size_t k = 0; k < MAPS * UNITS; k++) x[k] = 2;
  compute(&c, x, false, &s);
  assert_int_equal(c.constant, MAPS);
  assert_true(wb_moran_mean(c.gram, MAPS, &s, NULL) == 0);
  assert_true(isnan(wb_geary_mean(c.gram, MAPS, c.constant, &s)));
  wb_spatial_free(&s);
}

/* The look-ups in the gram matrix equal recomputing Moran's I of every permuted map. */
static void test_permutation(void **state) {
  (void)state;
  static float x[MAPS * UNITS];
  static computed c;
  enum { R = 50 };
  random_maps(x, 4);
  wb_spatial s;
  uint32_t order[UNITS];
  assert_int_equal(wb_spatial_grid(&s, ROWS, COLS, WB_ROOK, false, false, NULL), WB_OK);
  compute(&c, x, false, &s);
  const double observed = wb_moran_mean(c.gram, MAPS, &s, NULL), expected = -1.0 / (UNITS - 1);
  double w[UNITS * UNITS], sum = 0;
  for (size_t i = 0; i < UNITS * UNITS; i++) w[i] = weight(i / UNITS, i % UNITS, false, false);
  int extreme = 0;
  for (uint64_t r = 0; r < R; r++) {
    wb_rng rng = wb_rng_make(9, "moran-permutation", r);
    for (uint32_t k = 0; k < UNITS; k++) order[k] = k;
    wb_rng_shuffle(&rng, order, UNITS);
    double mean = 0;
    for (size_t m = 0; m < MAPS; m++) {
      double map[UNITS];
      for (size_t i = 0; i < UNITS; i++) map[i] = (double)x[m * UNITS + order[i]];
      mean += plain_moran(map, w) / MAPS;
    }
    extreme += fabs(mean - expected) >= fabs(observed - expected);
    sum += mean;
  }
  double drawn[R], single[R];
  uint32_t *orders = malloc((size_t)omp_get_max_threads() * sizeof order);
  assert_non_null(orders);
  wb_moran_permute(drawn, c.gram, MAPS, &s, 9, 0, R / 3,
                   orders); // in two parts, as between looks at the user
  wb_moran_permute(drawn + R / 3, c.gram, MAPS, &s, 9, R / 3, R - R / 3, orders);
  omp_set_num_threads(1);
  wb_moran_permute(single, c.gram, MAPS, &s, 9, 0, R, orders);
  omp_set_num_threads(omp_get_num_procs());
  assert_memory_equal(drawn, single, sizeof drawn);
  free(orders);
  const wb_permutation test = wb_moran_test(drawn, R, observed, UNITS);
  assert_true(fabs(test.mean - sum / R) < 1e-12);
  assert_true(fabs(test.p - (extreme + 1.0) / (R + 1.0)) < 1e-15);
  assert_true(test.sd > 0);
  wb_spatial_free(&s);
}

static void test_distance_and_correlogram(void **state) {
  (void)state;
  static float x[MAPS * UNITS];
  static computed c;
  double positions[2 * UNITS], near[2], w[UNITS * UNITS];
  random_maps(x, 5);
  for (size_t i = 0; i < UNITS; i++) {
    positions[2 * i] = (double)(i % COLS);
    positions[2 * i + 1] = (double)(i / COLS);
  }
  for (size_t i = 0; i < UNITS; i++) {
    for (size_t j = 0; j < UNITS; j++) {
      const double d =
          hypot(positions[2 * i] - positions[2 * j], positions[2 * i + 1] - positions[2 * j + 1]);
      w[i * UNITS + j] = i != j && d <= 2.5 ? 1 / d : 0;
    }
  }
  wb_spatial s;
  assert_int_equal(wb_spatial_distance(&s, positions, UNITS, 2.5, false, NULL), WB_OK);
  compute(&c, x, false, &s);
  double moran = 0, lag1 = 0;
  for (size_t m = 0; m < MAPS; m++) {
    double map[UNITS];
    for (size_t i = 0; i < UNITS; i++) map[i] = (double)x[m * UNITS + i];
    moran += plain_moran(map, w) / MAPS;
    double one[UNITS * UNITS]; // distances 1 and sqrt 2 are the first lag: the queen's neighbours
    for (size_t i = 0; i < UNITS * UNITS; i++) one[i] = weight(i / UNITS, i % UNITS, true, false);
    lag1 += plain_moran(map, one) / MAPS;
  }
  assert_true(fabs(wb_moran_mean(c.gram, MAPS, &s, NULL) - moran) < 1e-12);
  size_t pairs[2];
  wb_moran_correlogram(near, pairs, c.gram, MAPS, positions, UNITS, 2);
  assert_int_equal(pairs[0], ROWS * (COLS - 1) + (ROWS - 1) * COLS + 2 * (ROWS - 1) * (COLS - 1));
  assert_true(fabs(near[0] - lag1) < 1e-12);
  wb_spatial_free(&s);
}

/* Around a torus of two rows every cell has two neighbours in its row and three in the other. */
static void test_flat_torus(void **state) {
  (void)state;
  wb_spatial s;
  assert_int_equal(wb_spatial_grid(&s, 2, 8, WB_QUEEN, true, false, NULL), WB_OK);
  assert_int_equal(s.count, 40);
  for (size_t i = 0; i < 16; i++) assert_true(s.row_sum[i] == 5);
  bool seen[16][16] = {{false}};
  for (size_t k = 0; k < s.count; k++) {
    assert_false(seen[s.pairs[k].i][s.pairs[k].j]);
    seen[s.pairs[k].i][s.pairs[k].j] = true;
  }
  wb_spatial_free(&s);
}

static void test_no_neighbours(void **state) {
  (void)state;
  wb_spatial s;
  wb_error err = {0};
  assert_int_equal(wb_spatial_grid(&s, 1, 1, WB_ROOK, true, false, &err), WB_INPUT);
  const double same[4] = {1, 1, 1, 1};
  assert_int_equal(wb_spatial_distance(&s, same, 2, 0, false, NULL), WB_INPUT);
  assert_int_equal(wb_spatial_grid(&s, 1, 2, WB_QUEEN, true, false, NULL),
                   WB_OK); // no way around a torus of two
  assert_int_equal(s.count, 1);
  wb_spatial_free(&s);
}

/* One map: as plain_moran. Two coordinates: the sums of both. Units without a value: as if they were not
 * there. */
static void test_map(void **state) {
  (void)state;
  double x[UNITS], xy[2 * UNITS], w[UNITS * UNITS];
  wb_rng rng = wb_rng_make(6, "test-maps", 0);
  wb_spatial s;
  assert_int_equal(wb_spatial_grid(&s, ROWS, COLS, WB_ROOK, false, false, NULL), WB_OK);
  for (size_t i = 0; i < UNITS; i++) {
    x[i] = wb_rng_normal(&rng) + (double)(i % COLS);
    xy[2 * i] = 2 * x[i] + 5;
    xy[2 * i + 1] = -x[i];
    for (size_t j = 0; j < UNITS; j++) w[i * UNITS + j] = weight(i, j, false, false);
  }
  assert_true(fabs(wb_moran_map(x, 1, &s) - plain_moran(x, w)) < 1e-12);
  assert_true(fabs(wb_moran_map(xy, 2, &s) - plain_moran(x, w)) < 1e-12);
  wb_spatial_free(&s);

  /* Rows 1 2 . 8 and 1 3 9 9: 7 pairs; mean 33/7 over 7 units. */
  const double hole[8] = {1, 2, NAN, 8, 1, 3, 9, 9};
  const double m = 33.0 / 7, z[8] = {1 - m, 2 - m, 0, 8 - m, 1 - m, 3 - m, 9 - m, 9 - m};
  const double cross =
      z[0] * z[1] + z[4] * z[5] + z[5] * z[6] + z[6] * z[7] + z[0] * z[4] + z[1] * z[5] + z[3] * z[7];
  double square = 0;
  for (size_t k = 0; k < 8; k++) square += z[k] * z[k];
  assert_int_equal(wb_spatial_grid(&s, 2, 4, WB_ROOK, false, false, NULL), WB_OK);
  assert_true(fabs(wb_moran_map(hole, 1, &s) - 7.0 / 7 * cross / square) < 1e-12);
  const double same[8] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
  assert_true(isnan(wb_moran_map(same, 1, &s)));
  const double apart[8] = {1, NAN, 2, NAN, NAN, 4, NAN, 8};
  assert_true(isnan(wb_moran_map(apart, 1, &s)));
  wb_spatial_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops), cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_affine_invariance),   cmocka_unit_test(test_constant_maps),
      cmocka_unit_test(test_permutation),         cmocka_unit_test(test_distance_and_correlogram),
      cmocka_unit_test(test_flat_torus),          cmocka_unit_test(test_map),
      cmocka_unit_test(test_no_neighbours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
