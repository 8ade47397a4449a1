/* test_covariance.c: streamed covariance and correlation against plain loops, by hand, and under invariances.
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
#include "covariance.h"

enum { N = 137, UNITS = 150 }; // more than a tile

static float x[N * UNITS];
static double *work, got[UNITS * UNITS], other[UNITS * UNITS];

/* Correlated units with means far from zero; unit 3 is constant. */
static void make_data(void) {
  wb_rng rng = wb_rng_make(1, "test-covariance", 0);
  for (size_t s = 0; s < N; s++) {
    const double common = wb_rng_normal(&rng);
    for (size_t k = 0; k < UNITS; k++)
      x[s * UNITS + k] = k == 3 ? 0.1f : (float)(wb_rng_normal(&rng) + 0.5 * common + 10 * (double)(k % 7));
  }
}

static double value(size_t s, size_t k, bool relu) {
  const double v = (double)x[s * UNITS + k];
  return relu && v < 0 ? 0 : v;
}

/* Sample covariance by its definition, two passes, in long double. */
static double plain(size_t i, size_t j, bool relu) {
  long double a = 0, b = 0, sum = 0;
  for (size_t s = 0; s < N; s++) {
    a += (long double)value(s, i, relu) / N;
    b += (long double)value(s, j, relu) / N;
  }
  for (size_t s = 0; s < N; s++)
    sum += ((long double)value(s, i, relu) - a) * ((long double)value(s, j, relu) - b);
  return (double)(sum / (N - 1));
}

/* Feeds all stimuli in blocks of `block`. */
static void feed(wb_covariance *c, size_t block, bool relu) {
  wb_covariance_reset(c);
  for (size_t s = 0; s < N; s += block)
    wb_covariance_add(c, x + s * UNITS, NULL, N - s < block ? N - s : block, relu, work);
}

static void test_against_plain_loops(void **state) {
  (void)state;
  make_data();
  wb_covariance c;
  assert_int_equal(wb_covariance_init(&c, UNITS, NULL), WB_OK);
  for (int way = 0; way < 4; way++) { // the second time without AVX-512
    const bool relu = way % 2;
    c.plain |= way > 1;
    feed(&c, 50, relu);
    assert_int_equal(c.count, N);
    double mean[UNITS], trace = 0, frobenius = 0, sum, square;
    wb_covariance_mean(mean, &c);
    wb_covariance_matrix(got, &c);
    for (size_t i = 0; i < UNITS; i++) {
      double right = 0;
      for (size_t s = 0; s < N; s++) right += value(s, i, relu) / N;
      assert_true(fabs(mean[i] - right) < 1e-12 * (1 + fabs(right)));
      trace += plain(i, i, relu);
      for (size_t j = 0; j < UNITS; j++) {
        const double p = plain(i, j, relu);
        frobenius += p * p;
        assert_true(fabs(got[i * UNITS + j] - p) <
                    1e-13 * sqrt(plain(i, i, relu) * plain(j, j, relu)) + 1e-30);
      }
    }
    wb_covariance_spectrum(&sum, &square, &c);
    assert_true(fabs(sum / trace - 1) < 1e-12 && fabs(square / frobenius - 1) < 1e-12);
  }
  wb_covariance_free(&c);
}

static void test_correlation(void **state) {
  (void)state;
  make_data();
  for (size_t s = 0; s < N; s++) x[s * UNITS + 5] = -2 * x[s * UNITS + 4]; // exactly opposite
  bool constant[UNITS];
  for (int slow = 0; slow < 2; slow++) {
    wb_covariance c;
    assert_int_equal(wb_covariance_init(&c, UNITS, NULL), WB_OK);
    c.plain |= slow;
    feed(&c, 16, false);
    assert_int_equal(wb_correlation_matrix(got, constant, &c), 1);
    for (size_t i = 0; i < UNITS; i++) {
      assert_int_equal(constant[i], i == 3);
      for (size_t j = 0; j < UNITS; j++) {
        const double p = plain(i, j, false) / sqrt(plain(i, i, false) * plain(j, j, false));
        const double right = i == 3 || j == 3 ? 0 : p;
        assert_true(fabs(got[i * UNITS + j] - right) < 1e-13);
        assert_true(fabs(got[i * UNITS + j]) <= 1);
      }
    }
    assert_true(fabs(got[4 * UNITS + 5] + 1) < 1e-14);
    assert_true(got[0] == 1 && got[3 * UNITS + 3] == 0);
    wb_covariance_free(&c);
  }
}

/* More stimuli and units than are added at once, of scales from 1e-6 to 1e6, far from zero. */
static void test_parts(void **state) {
  (void)state;
  enum { MANY = 30000, FEW = 27 };
  float *y = malloc(sizeof *y * MANY * FEW);
  assert_non_null(y);
  assert_true(wb_covariance_work(FEW) < (size_t)MANY * FEW);
  wb_rng rng = wb_rng_make(2, "test-covariance", 0);
  for (size_t k = 0; k < (size_t)MANY * FEW; k++)
    y[k] = (float)(pow(10, (double)(k % FEW % 13) - 6) * (wb_rng_normal(&rng) + 100));
  for (int slow = 0; slow < 2; slow++) {
    wb_covariance c;
    assert_int_equal(wb_covariance_init(&c, FEW, NULL), WB_OK);
    c.plain |= slow;
    wb_covariance_add(&c, y, NULL, MANY, false, work);
    wb_covariance_matrix(got, &c);
    for (size_t i = 0; i < FEW; i++) {
      for (size_t j = 0; j <= i; j++) {
        long double a = 0, b = 0, sum = 0;
        for (size_t s = 0; s < MANY; s++) {
          a += (long double)y[s * FEW + i] / MANY;
          b += (long double)y[s * FEW + j] / MANY;
        }
        for (size_t s = 0; s < MANY; s++)
          sum += ((long double)y[s * FEW + i] - a) * ((long double)y[s * FEW + j] - b);
        const double right = (double)(sum / (MANY - 1)), scale = sqrt(got[i * FEW + i] * got[j * FEW + j]);
        assert_true(fabs(got[i * FEW + j] - right) < 1e-12 * scale);
      }
    }
    wb_covariance_free(&c);
  }
  free(y);
}

/* Units (1, 2, 3), (2, 4, 9) have means 2, 5, variances 1, 13, covariance 3.5. */
static void test_by_hand(void **state) {
  (void)state;
  const float rows[6] = {1, 2, 2, 4, 3, 9};
  double m[4];
  wb_covariance c;
  assert_int_equal(wb_covariance_init(&c, 2, NULL), WB_OK);
  wb_covariance_add(&c, rows, NULL, 3, false, work);
  wb_covariance_matrix(m, &c);
  assert_true(m[0] == 1 && m[1] == 3.5 && m[2] == 3.5 && m[3] == 13);
  wb_correlation_matrix(m, NULL, &c);
  assert_true(fabs(m[1] - 3.5 / sqrt(13)) < 1e-15);
  const uint32_t pick[2] = {0, 2}; // two of the three: variances 2, 24.5, covariance 7
  wb_covariance_reset(&c);
  wb_covariance_add(&c, rows, pick, 2, false, work);
  wb_covariance_matrix(m, &c);
  assert_true(m[0] == 2 && m[1] == 7 && m[3] == 24.5);
  wb_covariance_free(&c);
}

/* A large common offset costs nothing; neither blocks nor threads matter. */
static void test_invariance(void **state) {
  (void)state;
  make_data();
  for (size_t k = 0; k < N * UNITS; k++) x[k] = rintf(x[k] * 16) / 16; // exact with the offset added
  wb_covariance c;
  assert_int_equal(wb_covariance_init(&c, UNITS, NULL), WB_OK);
  feed(&c, N, false);
  wb_correlation_matrix(got, NULL, &c);
  for (size_t k = 0; k < N * UNITS; k++) x[k] += 65536;
  feed(&c, 10, false);
  wb_correlation_matrix(other, NULL, &c);
  for (size_t k = 0; k < UNITS * UNITS; k++) assert_true(fabs(got[k] - other[k]) < 1e-12);

  const int threads = omp_get_max_threads();
  for (int slow = 0; slow < 2; slow++) {
    c.plain |= slow;
    for (int t = 1; t <= 4; t++) {
      omp_set_num_threads(t);
      feed(&c, 10, false);
      wb_correlation_matrix(t == 1 ? other : got, NULL, &c);
      if (t > 1) assert_memory_equal(got, other, sizeof got);
    }
  }
  omp_set_num_threads(threads);
  wb_covariance_free(&c);
}

static void test_degenerate(void **state) {
  (void)state;
  make_data();
  wb_covariance c;
  double sum, square;
  assert_int_equal(wb_covariance_init(&c, UNITS, NULL), WB_OK);
  wb_covariance_mean(got, &c);
  assert_true(isnan(got[0]));
  wb_covariance_add(&c, x, NULL, 0, false, work);
  assert_int_equal(c.count, 0);
  wb_covariance_add(&c, x, NULL, 1, false, work); // one stimulus: every unit is constant
  assert_int_equal(wb_correlation_matrix(got, NULL, &c), UNITS);
  for (size_t k = 0; k < UNITS * UNITS; k++) assert_true(got[k] == 0);
  wb_covariance_matrix(got, &c);
  wb_covariance_spectrum(&sum, &square, &c);
  assert_true(isnan(got[0]) && isnan(sum) && isnan(square));
  wb_covariance_free(&c);
  wb_covariance_free(NULL);
  wb_error err = {0};
  assert_int_equal(wb_covariance_init(&c, (size_t)1 << 28, &err), WB_NOMEM);
  assert_non_null(strstr(err.message, "covariance"));
  wb_covariance_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_correlation),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_invariance),
      cmocka_unit_test(test_degenerate),
  };
  work = malloc(wb_covariance_work(UNITS) * sizeof *work);
  if (!work) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  free(work);
  return failed;
}
