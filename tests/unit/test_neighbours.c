/* test_neighbours.c: nearest neighbours and principal components against plain searches.
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
#include "neighbours.h"
#include "neighbours_internal.h"
#include "pca.h"

enum { N = 1100, D = 17, K = 30 }; // more than a block of rows and of columns

static float x[N * D], square[N * K], other_square[N * K];
static uint32_t neighbour[N * K], other[N * K];

static void make_points(float step) {
  wb_rng rng = wb_rng_make(1, "test-neighbours", 0);
  for (size_t k = 0; k < N * D; k++) {
    const float value = (float)wb_rng_normal(&rng) * (k % D ? 1 : 4);
    x[k] = step > 0 ? step * rintf(value / step) : value;
  }
}

static double distance(size_t i, size_t j) {
  double sum = 0;
  for (size_t k = 0; k < D; k++) sum += pow((double)x[i * D + k] - (double)x[j * D + k], 2);
  return sum;
}

/* Each list must ascend, and no point outside may be nearer than the last in it. */
static void check_lists(double tolerance) {
  for (size_t i = 0; i < N; i++) {
    const uint32_t *mine = neighbour + i * K;
    size_t nearer = 0;
    for (size_t k = 0; k < K; k++) {
      assert_true(mine[k] < N && mine[k] != i);
      assert_true(fabs((double)square[i * K + k] - distance(i, mine[k])) < tolerance);
      if (k) assert_true(square[i * K + k] >= square[i * K + k - 1]);
      if (k && square[i * K + k] == square[i * K + k - 1]) assert_true(mine[k] > mine[k - 1]);
    }
    for (size_t j = 0; j < N; j++)
      nearer += j != i && distance(i, j) < (double)square[i * K + K - 1] - tolerance;
    assert_true(nearer < K);
  }
}

static void test_against_plain_search(void **state) {
  (void)state;
  make_points(0);
  assert_int_equal(wb_neighbours(neighbour, square, x, N, D, K, NULL), WB_OK);
  check_lists(1e-4);
}

/* Points on a coarse lattice: many equal distances and duplicates, all exact in float. Ties go by index. */
static void test_ties(void **state) {
  (void)state;
  make_points(2);
  assert_int_equal(wb_neighbours(neighbour, square, x, N, D, K, NULL), WB_OK);
  check_lists(0.5);
  for (size_t i = 0; i < N; i++) {
    size_t k = 0; // of all points as near as the last, the list holds those of lowest index
    const double last = (double)square[i * K + K - 1];
    for (size_t j = 0; j < N; j++) {
      if (j == i || distance(i, j) != last) continue;
      while (k < K && (double)square[i * K + k] < last) k++;
      if (k < K) assert_int_equal(neighbour[i * K + k++], j);
    }
  }
}

static void test_threads(void **state) {
  (void)state;
  make_points(0);
  const int threads = omp_get_max_threads();
  for (int t = 1; t <= 4; t++) {
    omp_set_num_threads(t);
    assert_int_equal(
        wb_neighbours(t == 1 ? other : neighbour, t == 1 ? other_square : square, x, N, D, K, NULL), WB_OK);
  }
  omp_set_num_threads(threads);
  assert_memory_equal(neighbour, other, sizeof other);
  assert_memory_equal(square, other_square, sizeof square);
  uint32_t all_others[4];
  float squares[4];
  assert_int_equal(wb_neighbours(all_others, squares, x, 2, D, 1, NULL), WB_OK); // two points
  assert_true(all_others[0] == 1 && all_others[1] == 0 && squares[0] == squares[1]);
}

#if defined(__x86_64__)
/* The AVX2 kernel finds what the plain loop finds, with the same squares, whatever the length and the limits.
 */
static void test_scans(void **state) {
  (void)state;
  if (!__builtin_cpu_supports("avx2")) skip();
  enum { MOST = 256 };
  float norms[MOST], limits[MOST], plain[MOST], fast[MOST];
  uint16_t plain_hits[MOST], fast_hits[MOST];
  wb_rng rng = wb_rng_make(3, "test-neighbours", 0);
  for (size_t n = 0; n <= MOST; n += n < 20 ? 1 : 59) {
    for (size_t j = 0; j < n; j++) {
      norms[j] = wb_rng_range(&rng, 0, 2);
      plain[j] = fast[j] = wb_rng_range(&rng, -3, 1);
      limits[j] = j % 7 ? wb_rng_range(&rng, 0, 2) : INFINITY;
    }
    const float limit = n % 3 ? 0.5F : 0;
    const size_t count = wb_neighbours_scan_plain(plain_hits, plain, norms, 1, limits, limit, n);
    assert_int_equal(wb_neighbours_scan_avx2(fast_hits, fast, norms, 1, limits, limit, n), count);
    if (n) assert_memory_equal(plain, fast, n * sizeof *fast);
    if (count) assert_memory_equal(plain_hits, fast_hits, count * sizeof *fast_hits);
    if (n > 100) assert_true(count > 20 && count < n); // neither all nor none
  }
}
#endif

/* Scores are centred, uncorrelated, of falling variance; and no direction at all has more than the first. */
static void test_components(void **state) {
  (void)state;
  make_points(0);
  static double scores[N * 2], again[N * 2];
  double sums[2] = {0}, products[3] = {0};
  assert_int_equal(wb_pca(scores, x, N, D, 2, NULL), WB_OK);
  for (size_t i = 0; i < N; i++) {
    const double a = scores[2 * i], b = scores[2 * i + 1];
    sums[0] += a / N;
    sums[1] += b / N;
    products[0] += a * a / N;
    products[1] += a * b / N;
    products[2] += b * b / N;
  }
  assert_true(fabs(sums[0]) < 1e-10 && fabs(sums[1]) < 1e-10 && fabs(products[1]) < 1e-10);
  assert_true(products[0] > products[2]);
  wb_rng rng = wb_rng_make(2, "test-neighbours", 0);
  for (int trial = 0; trial < 50; trial++) {
    double direction[D], length = 0, mean = 0, variance = 0;
    for (size_t k = 0; k < D; k++) {
      direction[k] = wb_rng_normal(&rng) + (k ? 0 : 5); // near the widest axis, which is the first
      length += direction[k] * direction[k];
    }
    for (int pass = 0; pass < 2; pass++) {
      for (size_t i = 0; i < N; i++) {
        double score = 0;
        for (size_t k = 0; k < D; k++) score += (double)x[i * D + k] * direction[k] / sqrt(length);
        if (pass)
          variance += (score - mean) * (score - mean) / N;
        else
          mean += score / N;
      }
    }
    assert_true(variance <= products[0] * (1 + 1e-12));
  }
  const int threads = omp_get_max_threads();
  omp_set_num_threads(3);
  assert_int_equal(wb_pca(again, x, N, D, 2, NULL), WB_OK);
  omp_set_num_threads(threads);
  assert_memory_equal(scores, again, sizeof scores);
}

/* Points on the line (3, 4) t have scores 5 t about their mean, and nothing along the second direction. */
static void test_components_by_hand(void **state) {
  (void)state;
  const float line[8] = {3, 4, 6, 8, 9, 12, 30, 40};
  const double t[4] = {1, 2, 3, 10};
  double scores[8];
  assert_int_equal(wb_pca(scores, line, 4, 2, 2, NULL), WB_OK);
  for (size_t i = 0; i < 4; i++) {
    assert_true(fabs(scores[2 * i] - 5 * (t[i] - 4)) < 1e-12);
    assert_true(fabs(scores[2 * i + 1]) < 1e-12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_against_plain_search),
    cmocka_unit_test(test_ties),
    cmocka_unit_test(test_threads),
#if defined(__x86_64__)
    cmocka_unit_test(test_scans),
#endif
    cmocka_unit_test(test_components),
    cmocka_unit_test(test_components_by_hand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
