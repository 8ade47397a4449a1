/* test_detection.c: average precision, ROC area and d' against plain loops, by hand, and under invariances.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "detection.h"

enum { N = 300, CLASSES = 4 };

static void assert_near(double found, double expected) {
  if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) < 1e-12))
    fail_msg("%.17g, expected %.17g", found, expected);
}

/* By the definitions, in whatever time it takes. */
static void plain(double *ap, double *auc, double *dprime, const wb_scored *s, int32_t class) {
  double members = 0, mean[2] = {0}, square[2] = {0}, pairs = 0, count[2] = {0};
  *ap = 0;
  for (size_t i = 0; i < N; i++) members += s[i].class == class;
  for (size_t i = 0; i < N; i++) {
    double above = 0, hits = 0, same = 0;
    for (size_t k = 0; k < N; k++) {
      above += s[k].x >= s[i].x;
      hits += s[k].x >= s[i].x && s[k].class == class;
      same += s[k].x == s[i].x;
      if (s[i].class == class && s[k].class != class)
        pairs += s[i].x > s[k].x ? 1 : s[i].x == s[k].x ? 0.5 : 0;
    }
    *ap += (s[i].class == class) * hits / above / members; // each member of a tie gains the same recall
    const int member = s[i].class == class;
    count[member]++;
    mean[member] += (double)s[i].x;
  }
  for (int m = 0; m < 2; m++) mean[m] /= count[m];
  for (size_t i = 0; i < N; i++) {
    const int m = s[i].class == class;
    square[m] += ((double)s[i].x - mean[m]) * ((double)s[i].x - mean[m]) / count[m];
  }
  *auc = pairs / (count[1] * count[0]);
  *dprime = (mean[1] - mean[0]) / sqrt((square[0] + square[1]) / 2);
}

static void draw(wb_scored *s, double levels) {
  wb_rng rng = wb_rng_make(5, "test-detection", 0);
  for (size_t i = 0; i < N; i++) {
    const int32_t class = (int32_t)wb_rng_below(&rng, CLASSES + 1) - 1; // -1: a member of none
    const double x = wb_rng_normal(&rng) + 0.5 * class;
    s[i] = (wb_scored){(float)(levels > 0 ? floor(x * levels) / levels : x), class};
  }
}

static void test_against_plain_loops(void **state) {
  (void)state;
  wb_scored s[N], sorted[N], spare[N];
  double ap[CLASSES], auc[CLASSES], dprime[CLASSES], work[WB_DETECT_WORK(CLASSES)];
  for (int ties = 0; ties < 2; ties++) {
    draw(s, ties ? 2 : 0);
    for (size_t i = 0; i < N; i++) sorted[i] = s[i];
    wb_detect(ap, auc, dprime, sorted, spare, N, CLASSES, work);
    for (int32_t c = 0; c < CLASSES; c++) {
      double right[3];
      plain(&right[0], &right[1], &right[2], s, c);
      assert_near(ap[c], right[0]);
      assert_near(auc[c], right[1]);
      assert_near(dprime[c], right[2]);
    }
    /* Growing activations keep ranks; shifting and scaling keeps d' as well. */
    double ap2[CLASSES], auc2[CLASSES], dprime2[CLASSES];
    for (size_t i = 0; i < N; i++) sorted[i].x = 4 * sorted[i].x + 64;
    wb_detect(ap2, auc2, dprime2, sorted, spare, N, CLASSES, work);
    for (int32_t c = 0; c < CLASSES; c++) {
      assert_true(fabs(ap2[c] - ap[c]) < 0.01 && fabs(auc2[c] - auc[c]) < 1e-3); // ties by float rounding
      assert_true(fabs(dprime2[c] - dprime[c]) < 1e-5);
    }
  }
}

/* Falling: b a a b. AP of a: (1/2 + 2/3) / 2; a above one of two b: AUC 1/2. */
static void test_by_hand(void **state) {
  (void)state;
  wb_scored s[] = {{1, 0}, {3, 1}, {2, 0}, {0, 1}}, spare[4];
  double ap[3], auc[3], dprime[3], work[WB_DETECT_WORK(3)];
  wb_detect(ap, auc, dprime, s, spare, 4, 3, work);
  assert_near(ap[0], (1.0 / 2 + 2.0 / 3) / 2);
  assert_near(ap[1], (1.0 + 2.0 / 4) / 2);
  assert_near(auc[0], 0.5);
  assert_near(dprime[0], 0);
  assert_true(isnan(ap[2]) && isnan(auc[2]) && isnan(dprime[2])); // no member
}

/* Signs, zeros of both kinds and numbers too small to be normal sort as numbers do, and ties stay ties. */
static void test_order(void **state) {
  (void)state;
  wb_scored s[] = {{-1e-40f, 0}, {-0.0f, 1}, {3e38f, 0}, {0.0f, 0}, {1e-40f, 1}, {-3e38f, 1}}, spare[6];
  double ap[2], auc[2], dprime[2], work[WB_DETECT_WORK(2)];
  wb_detect(ap, auc, dprime, s, spare, 6, 2, work); // falling: a, b, a and b together, a, b
  assert_near(ap[0], (1.0 / 1 + 2.0 / 4 + 3.0 / 5) / 3);
  assert_near(ap[1], (1.0 / 2 + 2.0 / 4 + 3.0 / 6) / 3);
  assert_near(auc[0], (3 + 1.5 + 1) / 9);
}

static void test_degenerate(void **state) {
  (void)state;
  double ap[2], auc[2], dprime[2], work[WB_DETECT_WORK(2)];
  wb_scored constant[] = {{0.1f, 0}, {0.1f, 0}, {0.1f, 1}, {0.1f, -1}}, spare[6];
  wb_detect(ap, auc, dprime, constant, spare, 4, 2, work);
  assert_near(ap[0], 0.5);
  assert_near(ap[1], 0.25);
  assert_near(auc[0], 0.5);
  assert_true(isnan(dprime[0]));
  wb_scored perfect[] = {{0.7f, 0}, {0.7f, 0}, {0.7f, 0}, {0.1f, 1}, {0.1f, 1}, {0.1f, 1}};
  wb_detect(ap, auc, dprime, perfect, spare, 6, 2, work);
  assert_true(ap[0] == 1 && auc[0] == 1 && auc[1] == 0 && isnan(dprime[0])); // no variance on either side
  wb_scored alone[] = {{1, 0}, {2, 0}};
  wb_detect(ap, auc, dprime, alone, spare, 2, 1, work);
  assert_true(isnan(ap[0]) && isnan(auc[0]) && isnan(dprime[0]));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_plain_loops),
                                     cmocka_unit_test(test_by_hand), cmocka_unit_test(test_order),
                                     cmocka_unit_test(test_degenerate)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
