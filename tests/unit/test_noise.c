/* test_noise.c: noise on images: against a plain Fourier transform, by its statistics, and where there is
 * nothing to add. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"

static const double pi = 3.14159265358979323846;

static void assert_near(double found, double expected, double tolerance) {
  if (!(fabs(found - expected) <= tolerance))
    fail_msg("%.17g, expected %.17g within %g", found, expected, tolerance);
}

static wb_noise *make(wb_noise_kind kind, double exponent, size_t channels, size_t height, size_t width) {
  wb_noise *noise;
  wb_error err = {0};
  assert_int_equal(wb_noise_make(&noise, kind, exponent, channels, height, width, &err), WB_OK);
  return noise;
}

static void apply(float *out, const float *image, const wb_noise *noise, double level, uint64_t seed,
                  uint64_t index) {
  double *scratch = malloc(wb_noise_scratch(noise) * sizeof *scratch);
  wb_noise_apply(out, image, noise, level, seed, index, scratch);
  free(scratch);
}

/* ---- The filter, by a plain transform ---- */

enum { H = 5, W = 6, C = 3 };

static double along(int k, int n) { // frequencies as numpy.fft.fftfreq gives them
  return (double)(k < (n + 1) / 2 ? k : k - n) / n;
}

/* One channel: to frequencies, times 1 / f^exponent, back, zero mean and unit sd. */
static void plain_filter(double *z, double exponent) {
  double complex spectrum[H * W];
  double out[H * W], mean = 0, square = 0;
  for (int v = 0; v < H; v++)
    for (int u = 0; u < W; u++) {
      const double f = sqrt(along(v, H) * along(v, H) + along(u, W) * along(u, W));
      spectrum[v * W + u] = 0;
      for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
          spectrum[v * W + u] +=
              z[y * W + x] * cexp(-2 * pi * I * ((double)(v * y) / H + (double)(u * x) / W));
      spectrum[v * W + u] *= f > 0 ? pow(f, -exponent) : 1;
    }
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      double complex sum = 0;
      for (int v = 0; v < H; v++)
        for (int u = 0; u < W; u++)
          sum += spectrum[v * W + u] * cexp(2 * pi * I * ((double)(v * y) / H + (double)(u * x) / W));
      assert_near(cimag(sum), 0, 1e-9);
      out[y * W + x] = creal(sum) / (H * W);
    }
  for (int i = 0; i < H * W; i++) mean += out[i] / (H * W);
  for (int i = 0; i < H * W; i++) square += (out[i] - mean) * (out[i] - mean) / (H * W);
  for (int i = 0; i < H * W; i++) z[i] = (out[i] - mean) / sqrt(square);
}

static void test_filter(void **state) {
  (void)state;
  static const double exponents[] = {1, 0.5};
  for (int e = 0; e < 2; e++) {
    wb_noise *noise = make(WB_NOISE_PINK, exponents[e], C, H, W);
    double z[C * H * W], expected[C * H * W], *scratch = malloc(wb_noise_scratch(noise) * sizeof *scratch);
    wb_rng rng = wb_rng_make(3, "test-noise", 0);
    wb_noise_normals(z, C * H * W, &rng);
    memcpy(expected, z, sizeof z);
    for (int c = 0; c < C; c++) plain_filter(expected + c * H * W, exponents[e]);
    wb_noise_filter(z, noise, scratch);
    for (int i = 0; i < C * H * W; i++) assert_near(z[i], expected[i], 1e-12);
    free(scratch);
    wb_noise_free(noise);
  }
}

/* ---- Values by hand ---- */

/* The normal numbers are those of the stream "KIND LEVEL", in order; sums are clamped. */
static void test_values(void **state) {
  (void)state;
  float image[C * H * W], out[C * H * W];
  double z[C * H * W];
  int clamped = 0;
  for (int i = 0; i < C * H * W; i++) image[i] = (float)i / (C * H * W - 1);
  wb_noise *white = make(WB_NOISE_WHITE, 1, C, H, W);
  apply(out, image, white, 0.25, 7, 11);
  wb_rng rng = wb_rng_make(7, "white 0.25", 11);
  wb_noise_normals(z, C * H * W, &rng);
  for (int i = 0; i < C * H * W; i++) {
    const double sum = (double)image[i] + 0.25 * z[i];
    clamped += sum < 0 || sum > 1;
    assert_near((double)out[i], sum < 0 ? 0 : sum > 1 ? 1 : sum, 1e-7);
  }
  assert_in_range(clamped, 5, C * H * W / 2);
  wb_rng pairs = wb_rng_make(7, "white 0.25", 11);
  const double u = (wb_rng_u32(&pairs) + 0.5) / 4294967296.0, v = wb_rng_u32(&pairs) / 4294967296.0;
  assert_near(z[0], sqrt(-2 * log(u)) * cos(2 * pi * v), 1e-12);
  assert_near(z[1], sqrt(-2 * log(u)) * sin(2 * pi * v), 1e-12);
  wb_noise_free(white);
}

/* int(0.15 * 5 * 6) = 4 draws of pixels, all channels alike, black or white. */
static void test_salt_pepper(void **state) {
  (void)state;
  float image[C * H * W], out[C * H * W];
  size_t changed = 0, salt = 0, most = 0;
  wb_noise *noise = make(WB_NOISE_SALT_PEPPER, 1, C, H, W);
  for (int i = 0; i < C * H * W; i++) image[i] = 0.25F;
  for (uint64_t index = 0; index < 2000; index++) {
    size_t here = 0;
    apply(out, image, noise, 0.15, 1, index);
    for (int i = 0; i < H * W; i++) {
      assert_true(out[i] == out[H * W + i] && out[i] == out[2 * H * W + i]);
      assert_true(out[i] == 0.25F || out[i] == 0 || out[i] == 1);
      here += out[i] != 0.25F;
      salt += out[i] == 1;
    }
    changed += here;
    most = here > most ? here : most;
  }
  assert_int_equal(most, 4);
  const double expected = H * W * (1 - pow(1 - 1.0 / (H * W), 4)); // with replacement
  assert_near((double)changed / 2000, expected, 0.05);
  assert_near((double)salt / (double)changed, 0.5, 0.03);
  wb_noise_free(noise);
}

/* ---- Statistics ---- */

enum { SIDE = 32, IMAGES = 120 };

/* Least-squares slope of log power against log frequency, along both axes. */
static double spectrum_slope(const double *power) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  const int n = SIDE / 2 - 1;
  for (int k = 1; k <= n; k++) {
    const double x = log((double)k / SIDE), y = log(power[k]);
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

static void add_power(double *power, const float *noise) {
  for (int turn = 0; turn < 2; turn++) {
    double profile[SIDE] = {0};
    for (int a = 0; a < SIDE; a++)
      for (int b = 0; b < SIDE; b++) profile[a] += (double)noise[turn ? a * SIDE + b : b * SIDE + a];
    for (int k = 1; k < SIDE / 2; k++) {
      double complex sum = 0;
      for (int a = 0; a < SIDE; a++) sum += profile[a] * cexp(-2 * pi * I * k * a / SIDE);
      power[k] += creal(sum) * creal(sum) + cimag(sum) * cimag(sum);
    }
  }
}

/* Mean, sd and slope of what is added to mean grey, where nothing is clamped. */
static void measure(wb_noise_kind kind, double exponent, double slope, double sd_tolerance) {
  const double level = 0.08;
  const size_t area = SIDE * SIDE, n = IMAGES * C * area;
  float grey[C * SIDE * SIDE], out[C * SIDE * SIDE];
  double mean = 0, square = 0, power[SIDE / 2] = {0};
  wb_noise *noise = make(kind, exponent, C, SIDE, SIDE);
  for (size_t i = 0; i < C * area; i++) grey[i] = 0.5F;
  for (uint64_t index = 0; index < IMAGES; index++) {
    apply(out, grey, noise, level, 5, index);
    for (size_t i = 0; i < C * area; i++) {
      out[i] -= 0.5F;
      mean += (double)out[i] / (double)n;
      square += (double)out[i] * (double)out[i] / (double)n;
    }
    for (size_t c = 0; c < C; c++) add_power(power, out + c * area);
  }
  assert_near(mean, 0, 5 * level / sqrt((double)n));
  assert_near(sqrt(square) / level, 1, sd_tolerance);
  assert_near(spectrum_slope(power), slope, 0.12);
  wb_noise_free(noise);
}

static void test_statistics(void **state) {
  (void)state;
  measure(WB_NOISE_WHITE, 1, 0, 0.01);
  measure(WB_NOISE_PINK, 1, -2, 1e-5); // of power: twice that of amplitude; the sd is exact
  measure(WB_NOISE_PINK, 0.5, -1, 1e-5);
}

/* ---- Which draw ---- */

static void test_draws(void **state) {
  (void)state;
  float grey[C * H * W], first[C * H * W], again[C * H * W], other[C * H * W];
  for (int i = 0; i < C * H * W; i++) grey[i] = 0.5F;
  for (int kind = WB_NOISE_WHITE; kind <= WB_NOISE_SALT_PEPPER; kind++) {
    wb_noise *noise = make((wb_noise_kind)kind, 1, C, H, W);
    apply(first, grey, noise, 0.2, 1, 3);
    apply(other, grey, noise, 0.2, 1, 4); // something between
    apply(again, grey, noise, 0.2, 1, 3);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    apply(other, grey, noise, 0.2, 2, 3);
    assert_memory_not_equal(first, other, sizeof first);
    apply(other, grey, noise, 0.21, 1, 3);
    assert_memory_not_equal(first, other, sizeof first);
    memcpy(again, grey, sizeof grey);
    apply(again, again, noise, 0.2, 1, 3); // in place
    assert_memory_equal(first, again, sizeof first);
    wb_noise_free(noise);
  }
}

/* Level 0 and no noise leave the image bit by bit; a single pixel has no spectrum; no pixels are refused. */
static void test_nothing(void **state) {
  (void)state;
  float image[C * H * W], out[C * H * W];
  for (int i = 0; i < C * H * W; i++) image[i] = (float)(i % 256) / 255;
  for (int kind = WB_NOISE_NONE; kind <= WB_NOISE_SALT_PEPPER; kind++) {
    wb_noise *noise = make((wb_noise_kind)kind, 1, C, H, W);
    apply(out, image, noise, 0, 1, 3);
    assert_memory_equal(out, image, sizeof image);
    wb_noise_free(noise);
  }
  wb_noise *none = make(WB_NOISE_NONE, 1, C, H, W);
  apply(out, image, none, 0.5, 1, 3);
  assert_memory_equal(out, image, sizeof image);
  wb_noise_free(none);
  wb_noise *single = make(WB_NOISE_PINK, 1, 1, 1, 1);
  apply(out, image + 7, single, 0.5, 1, 3);
  assert_true(out[0] == image[7]);
  wb_noise_free(single);
  wb_error err = {0};
  wb_noise *refused = NULL;
  assert_int_equal(wb_noise_make(&refused, WB_NOISE_PINK, 1, 3, 0, 4, &err), WB_ARG);
  assert_null(refused);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter),      cmocka_unit_test(test_values),
                                     cmocka_unit_test(test_salt_pepper), cmocka_unit_test(test_statistics),
                                     cmocka_unit_test(test_draws),       cmocka_unit_test(test_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
