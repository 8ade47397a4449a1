/* test_corruption.c: corruptions against the published formulas in NumPy, SciPy and Pillow
 * (tests/reference/make_corruption.py); random ones by their statistics; other sizes, grey, extremes.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corruption_internal.h"
#include "reference.h"

enum { SIDE = 32, AREA = SIDE * SIDE, SIZE = 3 * AREA };

#define STORED REFERENCE_DIR "/corruption.h5"

static wb_corruptor *corruptor(int channels, int height, int width) {
  wb_error err = {0};
  wb_corruptor *c = NULL;
  if (wb_corruptor_create(channels, height, width, &c, &err) != WB_OK) fail_msg("%s", err.message);
  return c;
}

static int type_of(const char *name) {
  int type = 0;
  while (strcmp(wb_corruption_names[type], name) != 0) type++;
  return type;
}

static void corrupt(wb_corruptor *c, uint8_t *out, const uint8_t *in, int type, int severity,
                    uint64_t index) {
  wb_error err = {0};
  if (wb_corrupt(c, out, in, type, severity, 5, index, &err) != WB_OK) fail_msg("%s", err.message);
}

/* To the level, but for what rounding decides: at most one level, in at most 1% of values. */
static void test_deterministic(void **state) {
  (void)state;
  static const char *const names[] = {"defocus_blur", "zoom_blur", "brightness",
                                      "contrast",     "pixelate",  "jpeg_compression"};
  static uint8_t in[SIZE], out[SIZE];
  size_t count;
  double *input = wb_reference(STORED, "/input", &count);
  assert_int_equal(count, SIZE);
  for (size_t i = 0; i < SIZE; i++) in[i] = (uint8_t)input[i];
  wb_corruptor *c = corruptor(3, SIDE, SIDE);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    char object[64];
    snprintf(object, sizeof object, "/%s", names[k]);
    double *right = wb_reference(STORED, object, &count);
    assert_int_equal(count, WB_SEVERITIES * SIZE);
    for (int severity = 1; severity <= WB_SEVERITIES; severity++) {
      int differ = 0;
      corrupt(c, out, in, type_of(names[k]), severity, 0);
      for (size_t i = 0; i < SIZE; i++) {
        const double d = fabs(out[i] - right[(size_t)(severity - 1) * SIZE + i]);
        if (d > 1) fail_msg("%s %d: value %zu differs by %g levels", names[k], severity, i, d);
        differ += d > 0;
      }
      if (differ > SIZE / 100) fail_msg("%s %d: %d values differ", names[k], severity, differ);
    }
    free(right);
  }
  wb_corruptor_free(c);
  free(input);
}

static void expect(const char *object, size_t part, const double *ours) {
  size_t count;
  double *right = wb_reference(STORED, object, &count);
  for (size_t i = 0; i < AREA; i++)
    if (!(fabs(ours[i] - right[part * AREA + i]) < 1e-6))
      fail_msg("%s %zu: value %zu is %g, not %g", object, part, i, ours[i], right[part * AREA + i]);
  free(right);
}

static void test_filters(void **state) {
  (void)state;
  static double plane[AREA], out[AREA], room[9 * (SIDE + 2) * (SIDE + 2)];
  size_t count;
  double *input = wb_reference(STORED, "/input", &count);
  for (size_t i = 0; i < AREA; i++) plane[i] = (input[i] / 255);
  wb_motion_plane(out, plane, SIDE, SIDE, 6, 1.5, -31);
  expect("/motion", 0, out);
  wb_motion_plane(out, plane, SIDE, SIDE, 9, 2.5, 44);
  expect("/motion", 1, out);
  wb_motion_plane(out, plane, SIDE, SIDE, 12, 6, -100);
  expect("/motion", 2, out);
  for (size_t k = 0; k < 3; k++) {
    wb_zoom_plane(out, plane, room, SIDE, SIDE, 1.25 + 0.5 * (double)k);
    expect("/zoomed", k, out);
  }
  memcpy(out, plane, sizeof out);
  wb_gaussian_plane(out, room, SIDE, SIDE, 0.4, 4, 0);
  expect("/gaussian_nearest", 0, out);
  memcpy(out, plane, sizeof out);
  wb_gaussian_plane(out, room, SIDE, SIDE, 6.4, 3, 1);
  expect("/gaussian_reflect", 0, out);
  free(input);
}

/* Mean and sd of the change of a mid-grey image: as defined, within 4 standard errors or so of 30,720 values.
 */
static void test_noise(void **state) {
  (void)state;
  static const double gaussian[] = {0.04, 0.06, 0.08, 0.09, 0.10}, photons[] = {500, 250, 100, 75, 50},
                      impulse[] = {0.01, 0.02, 0.03, 0.05, 0.07};
  static uint8_t in[SIZE], out[SIZE];
  enum { IMAGES = 10, N = IMAGES * SIZE };
  memset(in, 128, sizeof in);
  wb_corruptor *c = corruptor(3, SIDE, SIDE);
  for (int severity = 1; severity <= WB_SEVERITIES; severity++)
    for (int type = 0; type < 3; type++) {
      double sum = 0, square = 0, changed = 0, white = 0;
      for (int i = 0; i < IMAGES; i++) {
        corrupt(c, out, in, type, severity, (uint64_t)i);
        for (int k = 0; k < SIZE; k++) {
          const double d = (out[k] + 0.5) / 255 - 128.0 / 255; // levels are cut off below: half a level less
          sum += d, square += d * d, changed += out[k] != 128, white += out[k] == 255;
        }
      }
      const double mean = sum / N, sd = sqrt(square / N - mean * mean), s = impulse[severity - 1];
      if (type == 2) {
        assert_true(fabs(changed / N - s) < 4 * sqrt(s / N));
        assert_true(fabs(white / changed - 0.5) < 2 / sqrt(changed));
        continue;
      }
      const double right = type == 0 ? gaussian[severity - 1] : sqrt(128.0 / 255 / photons[severity - 1]);
      if (fabs(mean) > 1e-3 + 4 * right / sqrt(N) || fabs(sd / right - 1) > 0.02)
        fail_msg("%s %d: mean %g, sd %g, expected 0 and %g", wb_corruption_names[type], severity, mean, sd,
                 right);
    }
  wb_corruptor_free(c);
}

/* Other sizes, 1 to 4 channels, black and white: nothing breaks; the same draw twice, another for another
 * image. */
static void test_shapes(void **state) {
  (void)state;
  static const int shapes[][3] = {{1, 28, 28}, {3, 17, 40}, {4, 8, 8}, {3, 64, 64}};
  for (size_t s = 0; s < 4; s++) {
    const size_t size = (size_t)shapes[s][0] * (size_t)shapes[s][1] * (size_t)shapes[s][2];
    wb_corruptor *c = corruptor(shapes[s][0], shapes[s][1], shapes[s][2]);
    uint8_t *in = malloc(size), *out = malloc(size), *again = malloc(size);
    for (int type = 0; type < WB_CORRUPTIONS; type++)
      for (int severity = 1; severity <= WB_SEVERITIES; severity++) {
        wb_rng rng = wb_rng_make(1, "test", s);
        for (size_t i = 0; i < size; i++) in[i] = (uint8_t)wb_rng_u32(&rng);
        corrupt(c, out, in, type, severity, 3);
        corrupt(c, again, in, type, severity, 3);
        assert_memory_equal(out, again, size);
        if (memcmp(in, out, size) == 0 && shapes[s][1] > 8)
          fail_msg("%s %d changes nothing", wb_corruption_names[type], severity);
        corrupt(c, again, in, type, severity, 4);
        const int random =
            type <= 2 || (type >= 4 && type <= 9 && type != 6) || type == type_of("elastic_transform");
        if ((memcmp(out, again, size) != 0) != random)
          fail_msg("%s %d: image 4 beside image 3", wb_corruption_names[type], severity);
        memset(in, 255, size);
        corrupt(c, out, in, type, severity, 0);
        memset(in, 0, size);
        corrupt(c, out, in, type, severity, 0);
      }
    free(in), free(out), free(again);
    wb_corruptor_free(c);
  }
}

static void test_refusals(void **state) {
  (void)state;
  wb_error err = {0};
  wb_corruptor *c = NULL;
  assert_int_equal(wb_corruptor_create(3, 7, 32, &c, &err), WB_ARG);
  assert_int_equal(wb_corruptor_create(5, 32, 32, &c, &err), WB_ARG);
  assert_non_null(strstr(err.message, "8 to 1,024"));
  wb_corruptor_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_deterministic), cmocka_unit_test(test_filters),  cmocka_unit_test(test_noise),
      cmocka_unit_test(test_shapes),        cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
