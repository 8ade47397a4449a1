/* test_unit_stats.c: streamed variance, entropy and sparseness against plain loops and by hand.
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
#include "unit_stats.h"

enum { N = 201, UNITS = 130, BINS = WB_ENTROPY_BINS };

static float x[N * UNITS];
static wb_unit_sums sums[UNITS];
static uint64_t counts[UNITS * BINS];

static void feed(size_t block) {
  memset(counts, 0, sizeof counts);
  for (size_t s = 0; s < N; s += block)
    wb_unit_sums_add(sums, x + s * UNITS, s, N - s < block ? N - s : block, UNITS);
  for (size_t s = 0; s < N; s += block)
    wb_unit_histograms_add(counts, sums, x + s * UNITS, N - s < block ? N - s : block, UNITS);
}

static void make_data(void) {
  wb_rng rng = wb_rng_make(1, "test-unit-stats", 0);
  for (size_t k = 0; k < N * UNITS; k++) x[k] = (float)(wb_rng_normal(&rng) + 0.02 * (double)(k % UNITS));
  for (size_t s = 0; s < N; s++) {
    x[s * UNITS + 2] = -1;   // dead
    x[s * UNITS + 4] = 0.7f; // constant
  }
}

static void test_against_plain_loops(void **state) {
  (void)state;
  make_data();
  feed(50);
  for (size_t u = 0; u < UNITS; u++) {
    double mean = 0, variance = 0, r_mean = 0, r_square = 0, high = 0, low = 1e9, bits = 0;
    for (size_t s = 0; s < N; s++) {
      const double v = (double)x[s * UNITS + u], r = fmax(v, 0);
      mean += v / N;
      r_mean += r / N;
      r_square += r * r / N;
      high = fmax(high, r);
      low = fmin(low, r);
    }
    for (size_t s = 0; s < N; s++) variance += pow((double)x[s * UNITS + u] - mean, 2) / (N - 1);
    for (int b = 0; b < BINS; b++) {
      double share = 0;
      for (size_t s = 0; s < N; s++) {
        const double at = (fmax((double)x[s * UNITS + u], 0) - low) / (high - low) * BINS;
        share += (high > low ? fmin(floor(at), BINS - 1) : 0) == b ? 1.0 / N : 0;
      }
      bits -= share > 0 ? share * log2(share) : 0;
    }
    assert_true(fabs(wb_unit_variance(&sums[u], N) - variance) < 1e-12 * (1 + variance));
    assert_true(fabs(wb_entropy_bits(counts + u * BINS, BINS) - bits) < 1e-10);
    const double lifetime = wb_sparseness_of(sums[u].r_sum, sums[u].r_square, N, WB_TREVES_ROLLS);
    const double hoyer = wb_sparseness_of(sums[u].r_sum, sums[u].r_square, N, WB_HOYER);
    if (u == 2) {
      assert_true(isnan(lifetime) && isnan(hoyer));
      continue;
    }
    assert_true(fabs(lifetime - (1 - r_mean * r_mean / r_square) / (1 - 1.0 / N)) < 1e-12);
    assert_true(fabs(hoyer - (sqrt(N) - sqrt(N) * r_mean / sqrt(r_square)) / (sqrt(N) - 1)) < 1e-12);
  }
  assert_true(wb_unit_variance(&sums[4], N) == 0); // exactly
}

static void test_by_hand(void **state) {
  (void)state;
  assert_true(wb_sparseness_of(3, 9, 4, WB_TREVES_ROLLS) == 1); // 0, 0, 3, 0
  assert_true(wb_sparseness_of(3, 9, 4, WB_HOYER) == 1);
  assert_true(wb_sparseness_of(8, 16, 4, WB_TREVES_ROLLS) == 0); // 2, 2, 2, 2
  assert_true(wb_sparseness_of(8, 16, 4, WB_HOYER) == 0);
  const uint64_t even[4] = {5, 5, 5, 5}, one[4] = {0, 9, 0, 0}, none[4] = {0};
  assert_true(wb_entropy_bits(even, 4) == 2 && wb_entropy_bits(one, 4) == 0 &&
              isnan(wb_entropy_bits(none, 4)));
  const float stimuli[6] = {1, 0, -5, -1, 0, -2};
  double each[2];
  wb_population_sparseness(each, stimuli, 2, 3, WB_TREVES_ROLLS);
  assert_true(each[0] == 1 && isnan(each[1]));
  assert_true(isnan(wb_sparseness_of(1, 1, 1, WB_HOYER)));
  assert_true(isnan(wb_unit_variance(&sums[0], 1)));
}

/* Neither blocks nor threads change a bit; scaling changes neither entropy nor sparseness. */
static void test_invariance(void **state) {
  (void)state;
  static wb_unit_sums first[UNITS];
  static uint64_t first_counts[UNITS * BINS];
  make_data();
  feed(N);
  memcpy(first, sums, sizeof first);
  memcpy(first_counts, counts, sizeof first_counts);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(3);
  feed(7);
  omp_set_num_threads(threads);
  assert_memory_equal(first, sums, sizeof first);
  assert_memory_equal(first_counts, counts, sizeof first_counts);
  for (size_t k = 0; k < N * UNITS; k++) x[k] *= 4;
  feed(N);
  assert_memory_equal(first_counts, counts, sizeof first_counts);
  for (size_t u = 0; u < UNITS; u++) {
    if (u == 2) continue;
    assert_true(wb_sparseness_of(sums[u].r_sum, sums[u].r_square, N, WB_TREVES_ROLLS) ==
                wb_sparseness_of(first[u].r_sum, first[u].r_square, N, WB_TREVES_ROLLS));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_invariance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
