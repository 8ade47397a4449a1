/* test_augment.c: augmentation against stored torchvision results (tests/reference/make_augment.py) and the
 * distributions of its draws.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "augment.h"
#include "base/rng.h"
#include "reference.h"

#define STORED REFERENCE_DIR "/augment.h5"

enum { IMAGES = 4, SIZE = 32, VALUES = 3 * SIZE * SIZE };

static const float no_mean[4] = {0, 0, 0, 0}, unit_sd[4] = {1, 1, 1, 1};

/* The draw of a stored case; parameters are in the script's order. */
static wb_augment_policy stored_draw(wb_augment_draw *draw, const char *name) {
  char object[96];
  snprintf(object, sizeof object, "/cases/%s/parameters", name);
  double *p = wb_reference(STORED, object, NULL);
  *draw = (wb_augment_draw){.top = (int)p[1],
                            .left = (int)p[2],
                            .height = (int)p[3],
                            .width = (int)p[4],
                            .flip = p[5] > 0,
                            .jitter = p[6] > 0,
                            .order = {(int)p[7], (int)p[8], (int)p[9], (int)p[10]},
                            .brightness = (float)p[11],
                            .contrast = (float)p[12],
                            .saturation = (float)p[13],
                            .hue = (float)p[14],
                            .grey = p[15] > 0,
                            .blur = p[16] > 0,
                            .sigma = (float)p[17]};
  const wb_augment_policy policy = {.resized_crop = p[0] == 0, .pad = (int)p[0]};
  free(p);
  return policy;
}

/* Mean absolute difference from a stored result, in units of 1/255. */
static double difference(const float *ours, const char *name, const char *backend) {
  char object[96];
  snprintf(object, sizeof object, "/cases/%s/%s", name, backend);
  double *stored = wb_reference(STORED, object, NULL), sum = 0;
  for (int i = 0; i < IMAGES * VALUES; i++) sum += fabs(255 * (double)ours[i] - stored[i]);
  free(stored);
  return sum / (IMAGES * VALUES);
}

static const char *const cases[] = {
    "whole",      "flip",       "crop_square", "crop_wide", "crop_tall", "crop_flip", "crop_half",
    "crop_one",   "pad_corner", "pad_other",   "pad_flip",  "darker",    "brighter",  "flatter",
    "sharper",    "paler",      "vivid",       "hue_up",    "hue_down",  "hue_far",   "grey",
    "blur_least", "blur_some",  "blur_most",   "chain_1",   "chain_2",   "chain_3",   "chain_4"};

/* torchvision's tensor backend is the definition. In turning the hue its own rounding drops a unit here and
 * there; all else is equal but for single values at the edge of a whole number. Its PIL backend rounds at
 * other places, hue even to 8-bit HSV. */
static void test_torchvision(void **state) {
  (void)state;
  float *pixels = wb_reference_floats(STORED, "images", NULL);
  uint8_t image[IMAGES * VALUES];
  for (int i = 0; i < IMAGES * VALUES; i++) image[i] = (uint8_t)pixels[i];
  float *work = malloc(wb_augment_work(3, SIZE, SIZE) * sizeof *work);
  float *out = malloc(sizeof(float) * IMAGES * VALUES);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wb_augment_draw draw;
    const wb_augment_policy policy = stored_draw(&draw, cases[i]);
    for (int n = 0; n < IMAGES; n++)
      wb_augment_apply(out + n * VALUES, image + n * VALUES, 3, SIZE, SIZE, &policy, &draw, no_mean, unit_sd,
                       work);
    const double tensor = difference(out, cases[i], "tensor"), pil = difference(out, cases[i], "pil");
    print_message("%-12s %.5f of 1/255 from tensors, %.3f from PIL\n", cases[i], tensor, pil);
    if (draw.hue == 0) {
      assert_true(tensor < 0.01);
      assert_true(pil < 1);
    } else {
      assert_true(tensor < 0.3);
    }
  }
  free(pixels);
  free(work);
  free(out);
}

/* Colour operations leave grey images grey, brightness and contrast apply. */
static void test_grey_image(void **state) {
  (void)state;
  enum { H = 28, W = 20 };
  uint8_t image[H * W];
  for (int i = 0; i < H * W; i++) image[i] = (uint8_t)(i % 200);
  float out[H * W], *work = malloc(wb_augment_work(1, H, W) * sizeof *work);
  wb_augment_draw draw = {.height = H,
                          .width = W,
                          .jitter = true,
                          .grey = true,
                          .order = {3, 2, 1, 0},
                          .brightness = 2,
                          .contrast = 1,
                          .saturation = 0,
                          .hue = 0.4f};
  wb_augment_apply(out, image, 1, H, W, wb_augment_find("none"), &draw, no_mean, unit_sd, work);
  for (int i = 0; i < H * W; i++) assert_true(fabsf(255 * out[i] - fminf(2.f * image[i], 255)) < 1e-3f);
  double mean = 0;
  for (int i = 0; i < H * W; i++) mean += image[i] / (double)(H * W);
  draw.brightness = 1;
  draw.contrast = 0;
  wb_augment_apply(out, image, 1, H, W, wb_augment_find("none"), &draw, no_mean, unit_sd, work);
  for (int i = 0; i < H * W; i++) assert_true(fabs(255 * (double)out[i] - floor(mean)) < 1e-3);
  free(work);
}

/* The smallest and oddest shapes stay within their arrays (the sanitizers watch) and keep a flat image flat.
 */
static void test_odd_shapes(void **state) {
  (void)state;
  const int shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {2, 2}, {5, 33}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const int h = shapes[i][0], w = shapes[i][1];
    uint8_t *image = malloc((size_t)(3 * h * w));
    memset(image, 100, (size_t)(3 * h * w));
    float *out = malloc((size_t)(3 * h * w) * sizeof *out),
          *work = malloc(wb_augment_work(3, h, w) * sizeof *work);
    for (uint64_t epoch = 0; epoch < 50; epoch++) {
      wb_augment_draw draw;
      wb_augment_sample(&draw, wb_augment_find("contrastive"), h, w, 1, epoch, 0, 0);
      draw.blur = true;
      draw.jitter = draw.grey = false;
      wb_augment_apply(out, image, 3, h, w, wb_augment_find("contrastive"), &draw, no_mean, unit_sd, work);
      for (int k = 0; k < 3 * h * w; k++) assert_true(fabsf(255 * out[k] - 100) < 1e-3f);
      wb_augment_sample(&draw, wb_augment_find("pad"), h, w, 1, epoch, 0, 0);
      wb_augment_apply(out, image, 3, h, w, wb_augment_find("pad"), &draw, no_mean, unit_sd, work);
    }
    free(image);
    free(out);
    free(work);
  }
}

static void test_normalization(void **state) {
  (void)state;
  enum { N = 70, H = 5, W = 3 };
  const float mean[3] = {0.4914f, 0.4822f, 0.4465f}, sd[3] = {0.2023f, 0.1994f, 0.2010f};
  uint8_t images[N * 3 * H * W];
  for (size_t i = 0; i < sizeof images; i++) images[i] = (uint8_t)(i * 37 % 256);
  float *out = malloc(sizeof images * sizeof *out), one[3 * H * W];
  float *work = malloc(wb_augment_work(3, H, W) * sizeof *work);
  wb_normalize_images(out, images, N, 3, H, W, mean, sd);
  for (size_t i = 0; i < sizeof images; i++) {
    const size_t c = i / (H * W) % 3;
    const double expected = ((double)images[i] / 255 - (double)mean[c]) / (double)sd[c];
    assert_true(fabs((double)out[i] - expected) < 1e-6);
  }
  wb_augment_draw draw;
  wb_augment_sample(&draw, wb_augment_find("none"), H, W, 1, 2, 3, 0);
  for (size_t n = 0; n < N; n++) {
    wb_augment_apply(one, images + n * 3 * H * W, 3, H, W, wb_augment_find("none"), &draw, mean, sd, work);
    assert_memory_equal(one, out + n * 3 * H * W, sizeof one);
  }
  free(out);
  free(work);
}

static void test_find(void **state) {
  (void)state;
  assert_null(wb_augment_find("crops"));
  assert_null(wb_augment_find(""));
  const wb_augment_policy *p = wb_augment_find("contrastive");
  assert_true(p->resized_crop && p->jitter == 0.8f && p->hue == 0.1f && p->grey == 0.2f && p->blur == 0.5f);
  assert_int_equal(wb_augment_find("pad")->pad, 4);
}

/* Share of probability by which our boxes differ from torchvision's: two samples of the same distribution
 * with n draws over k boxes lie about sqrt(k / (pi n)) apart. */
static void assert_same_boxes(const char *policy, const char *object) {
  enum { DRAWS = 200000 };
  size_t cells;
  double *stored = wb_reference(STORED, object, &cells), apart = 0, total = 0, boxes = 0;
  double *counts = calloc(cells, sizeof *counts), corner[2] = {0};
  assert_int_equal(cells, (SIZE + 1) * (SIZE + 1));
  for (uint64_t i = 0; i < DRAWS; i++) {
    wb_augment_draw d;
    wb_augment_sample(&d, wb_augment_find(policy), SIZE, SIZE, 1, i / 1000, i % 1000, 0);
    counts[d.height * (SIZE + 1) + d.width]++;
    assert_true(d.top >= 0 && d.left >= 0 && d.top + d.height <= SIZE && d.left + d.width <= SIZE);
    corner[0] += (d.top + 0.5) / (SIZE - d.height + 1) / DRAWS;
    corner[1] += (d.left + 0.5) / (SIZE - d.width + 1) / DRAWS;
  }
  for (size_t i = 0; i < cells; i++) total += stored[i];
  for (size_t i = 0; i < cells; i++) {
    apart += 0.5 * fabs(counts[i] / DRAWS - stored[i] / total);
    boxes += stored[i] > 0;
  }
  print_message("%s: %.4f apart over %g boxes\n", policy, apart, boxes);
  assert_true(apart < 1.5 * sqrt(boxes / (M_PI * DRAWS)));
  assert_true(fabs(corner[0] - 0.5) < 0.003 && fabs(corner[1] - 0.5) < 0.003); // uniform places: sd 0.0006
  free(stored);
  free(counts);
}

static void test_crop_boxes(void **state) {
  (void)state;
  assert_same_boxes("crop", "crops/crop");
  assert_same_boxes("validation", "crops/validation");
  /* a strip on which no box of area 1 and an allowed ratio fits: the central one of ratio 4/3, 8 x 11 */
  wb_augment_policy whole = *wb_augment_find("crop");
  whole.scale[0] = 1;
  wb_augment_draw d;
  wb_augment_sample(&d, &whole, 8, 32, 1, 0, 0, 0);
  assert_true(d.height == 8 && d.width == 11 && d.top == 0 && d.left == 10);
  wb_augment_sample(&d, &whole, 32, 8, 1, 0, 0, 0);
  assert_true(d.height == 11 && d.width == 8 && d.top == 10 && d.left == 0);
}

/* Mean and share of draws; n draws of probability p have sd sqrt(p (1 - p) / n) < 0.0016. */
static void test_distributions(void **state) {
  (void)state;
  enum { DRAWS = 100000 };
  double flip = 0, jitter = 0, grey = 0, blur = 0, mean[4] = {0}, square[4] = {0}, sigma = 0,
         orders[256] = {0};
  for (uint64_t i = 0; i < DRAWS; i++) {
    wb_augment_draw d;
    wb_augment_sample(&d, wb_augment_find("contrastive"), SIZE, SIZE, 3, 0, i, 1);
    const float factor[4] = {d.brightness - 1, d.contrast - 1, d.saturation - 1, 4 * d.hue};
    for (int k = 0; k < 4; k++) {
      assert_true(fabsf(factor[k]) <= 0.4001f);
      mean[k] += (double)factor[k] / DRAWS;
      square[k] += (double)(factor[k] * factor[k]) / DRAWS;
    }
    assert_true(d.sigma >= 0.1f && d.sigma <= 2);
    sigma += (double)d.sigma / DRAWS;
    flip += d.flip;
    jitter += d.jitter;
    grey += d.grey;
    blur += d.blur;
    orders[d.order[0] << 6 | d.order[1] << 4 | d.order[2] << 2 | d.order[3]]++;
  }
  assert_true(fabs(flip / DRAWS - 0.5) < 0.008 && fabs(jitter / DRAWS - 0.8) < 0.008);
  assert_true(fabs(grey / DRAWS - 0.2) < 0.008 && fabs(blur / DRAWS - 0.5) < 0.008);
  for (int k = 0; k < 4; k++) // uniform on [-0.4, 0.4]: variance 0.64 / 12
    assert_true(fabs(mean[k]) < 0.004 && fabs(square[k] - 0.64 / 12) < 0.001);
  assert_true(fabs(sigma - 1.05) < 0.01);
  int seen = 0;
  for (int i = 0; i < 256; i++)
    if (orders[i] > 0) {
      assert_true(fabs(orders[i] / DRAWS - 1.0 / 24) < 0.004);
      seen++;
    }
  assert_int_equal(seen, 24);
}

/* A draw is a function of seed, epoch, sample and view, and each of them changes it. */
static void test_draws_are_functions(void **state) {
  (void)state;
  wb_augment_draw d[6];
  const uint64_t at[6][4] = {{1, 2, 3, 0}, {1, 2, 3, 0}, {2, 2, 3, 0},
                             {1, 3, 3, 0}, {1, 2, 4, 0}, {1, 2, 3, 1}};
  for (int i = 0; i < 6; i++)
    wb_augment_sample(&d[i], wb_augment_find("contrastive"), SIZE, SIZE, at[i][0], at[i][1], at[i][2],
                      (uint32_t)at[i][3]);
  assert_true(d[0].brightness == d[1].brightness && d[0].sigma == d[1].sigma && d[0].top == d[1].top);
  for (int i = 1; i < 6; i++)
    for (int j = i + 1; j < 6; j++) assert_true(d[i].brightness != d[j].brightness);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_torchvision),   cmocka_unit_test(test_grey_image),
      cmocka_unit_test(test_odd_shapes),    cmocka_unit_test(test_normalization),
      cmocka_unit_test(test_find),          cmocka_unit_test(test_crop_boxes),
      cmocka_unit_test(test_distributions), cmocka_unit_test(test_draws_are_functions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
