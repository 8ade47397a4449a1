/* test_tuning.c: gratings, noise patches, and what responses to them say, by hand and against plain formulas.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tuning.h"

static const double pi = 3.14159265358979323846;

static void assert_near(double found, double expected, double tolerance) {
  if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= tolerance))
    fail_msg("%.17g, expected %.17g", found, expected);
}

/* Horizontal bars are alike along rows, vertical ones along columns, and at 45 degrees from bottom left to
 * top right; all channels are equal; mean grey without contrast. */
static void test_gratings(void **state) {
  (void)state;
  enum { H = 6, W = 8 };
  float g[2 * H * W];
  wb_grating(g, 2, H, W, 0, 2, 0.3, 1);
  assert_memory_equal(g, g + H * W, sizeof g / 2);
  for (int r = 0; r < H; r++) {
    const double d = r - (H - 1) / 2.0;
    for (int c = 0; c < W; c++)
      assert_near((double)g[r * W + c], (1 + cos(2 * pi * 2 / W * d + 0.3)) / 2, 1e-6);
  }
  wb_grating(g, 1, H, W, pi / 2, 1, 0, 0.5);
  for (int k = 0; k < H * W; k++)
    assert_near((double)g[k], (1 + 0.5 * cos(2 * pi / W * (k % W - (W - 1) / 2.0))) / 2, 1e-6);
  wb_grating(g, 1, H, W, pi / 4, 3, 1, 1);
  for (int r = 1; r < H; r++)
    for (int c = 0; c + 1 < W; c++) assert_near((double)g[(r - 1) * W + c + 1], (double)g[r * W + c], 1e-6);
  wb_grating(g, 1, H, W, 1, 3, 1, 0);
  for (int k = 0; k < H * W; k++) assert_near((double)g[k], 0.5, 0);
}

static void test_orientation(void **state) {
  (void)state;
  enum { UNITS = 5, N = 8 };
  double r[UNITS * N] = {0}, selectivity[UNITS], preferred[UNITS];
  wb_rng rng = wb_rng_make(1, "test-tuning", 0);
  r[3] = 2; // unit 0: 67.5 degrees alone
  for (int k = 0; k < N; k++) {
    r[N + k] = 1;                                   // unit 1: all alike
    r[3 * N + k] = 1 + cos(2 * (pi * k / N - 1.2)); // unit 3: cosine around 1.2 radians
    r[4 * N + k] = (double)wb_rng_uniform(&rng);    // unit 2 never responds
  }
  wb_orientation_preference(selectivity, preferred, r, UNITS, N);
  assert_near(selectivity[0], 1, 1e-15);
  assert_near(preferred[0], 67.5, 1e-12);
  assert_near(selectivity[1], 0, 1e-15);
  assert_true(isnan(preferred[1]) && isnan(selectivity[2]) && isnan(preferred[2]));
  assert_near(selectivity[3], 0.5, 1e-15);
  assert_near(preferred[3], 1.2 * 180 / pi, 1e-12);
  double complex sum = 0;
  double total = 0;
  for (int k = 0; k < N; k++) {
    sum += r[4 * N + k] * cexp(2 * I * pi * k / N);
    total += r[4 * N + k];
  }
  assert_near(selectivity[4], cabs(sum) / total, 1e-14);
  assert_near(preferred[4], fmod(carg(sum) * 90 / pi + 180, 180), 1e-12);
  /* Turning all stimuli by a step turns the preference; scaling responses changes nothing. */
  double turned[N], s2, p2;
  for (int k = 0; k < N; k++) turned[(k + 1) % N] = 7 * r[4 * N + k];
  wb_orientation_preference(&s2, &p2, turned, 1, N);
  assert_near(s2, selectivity[4], 1e-14);
  assert_near(fmod(p2 - preferred[4] + 180, 180), 22.5, 1e-11);
}

static void test_noise_patch(void **state) {
  (void)state;
  enum { SIDE = 32 };
  float a[3 * SIDE * SIDE], b[3 * SIDE * SIDE];
  double mean = 0, square = 0;
  wb_noise_patch(a, 3, SIDE, 7, 4);
  wb_noise_patch(b, 3, SIDE, 7, 4);
  assert_memory_equal(a, b, sizeof a);
  wb_noise_patch(b, 3, SIDE, 7, 5);
  for (int k = 0; k < 3 * SIDE * SIDE; k++) {
    assert_true(a[k] >= 0 && a[k] < 1);
    mean += (double)a[k] / (3 * SIDE * SIDE);
    square += ((double)a[k] - 0.5) * ((double)b[k] - 0.5) / (3 * SIDE * SIDE);
  }
  assert_near(mean, 0.5, 0.02);
  assert_near(square, 0, 0.01);
}

/* Positions 0, 1, 2 pixels away: r = 3, 2, 1 falls by half its mean a pixel. */
static void test_eccentricity(void **state) {
  (void)state;
  const double r[12] = {3, 2, 1, 5, 5, 5, 0, 0, 0, 0, 0, 4}, d[3] = {0, 1, 2}, same[3] = {1, 1, 1};
  double slope[4], centre[4];
  wb_eccentricity_preference(slope, centre, r, d, 4, 3);
  assert_near(slope[0], -0.5, 1e-15);
  assert_near(centre[0], 4.0 / 6, 1e-15);
  assert_near(slope[1], 0, 1e-15);
  assert_near(centre[1], 1, 1e-15);
  assert_true(isnan(slope[2]) && isnan(centre[2]));
  assert_near(slope[3], 1.5, 1e-15);
  assert_near(centre[3], 2, 1e-15);
  wb_eccentricity_preference(slope, centre, r, same, 4, 3);
  assert_true(isnan(slope[0]) && centre[0] == 1);
}

/* Two-pass Pearson correlation. */
static double plain_r(const float *a, const float *b, size_t n, size_t units, size_t u) {
  double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
  for (size_t s = 0; s < n; s++) {
    ma += (double)a[s * units + u] / (double)n;
    mb += (double)b[s * units + u] / (double)n;
  }
  for (size_t s = 0; s < n; s++) {
    const double x = (double)a[s * units + u] - ma, y = (double)b[s * units + u] - mb;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return ab / sqrt(aa * bb);
}

static void test_twins(void **state) {
  (void)state;
  enum { UNITS = 6, N = 200 };
  float a[N * UNITS], b[N * UNITS];
  double r[UNITS], first[2 * UNITS], moments[5 * UNITS];
  wb_rng rng = wb_rng_make(2, "test-tuning", 0);
  for (int k = 0; k < N * UNITS; k++) {
    a[k] = (float)wb_rng_normal(&rng) + 100;
    b[k] = k % UNITS == 0 ? -2 * a[k] : a[k] + (float)(k % UNITS) * (float)wb_rng_normal(&rng);
    if (k % UNITS == 4) b[k] = 0.1f;
    if (k % UNITS == 5) a[k] = b[k] = -0.7f;
  }
  wb_twins twins = {.units = UNITS, .first = first, .moments = moments};
  wb_twins_add(&twins, a, b, N / 3); // in two blocks
  wb_twins_add(&twins, a + N / 3 * UNITS, b + N / 3 * UNITS, N - N / 3);
  assert_int_equal(wb_twins_correlation(r, &twins), 2);
  assert_near(r[0], -1, 1e-12);
  for (size_t u = 1; u < 4; u++) assert_near(r[u], plain_r(a, b, N, UNITS, u), 1e-12);
  assert_true(isnan(r[4]) && isnan(r[5]));
  wb_twins none = {.units = UNITS, .first = first, .moments = moments};
  assert_int_equal(wb_twins_correlation(r, &none), UNITS);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_gratings), cmocka_unit_test(test_orientation),
                                     cmocka_unit_test(test_noise_patch), cmocka_unit_test(test_eccentricity),
                                     cmocka_unit_test(test_twins)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
