/* test_inference.c: intervals, bootstrap, permutations and noise ceilings against plain code and by hand.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "distance.h"
#include "inference.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { N = 17, PAIRS = N * (N - 1) / 2, RUNS = 3, DRAWS = 40 };

static void fill(double *x, size_t count, uint64_t index) {
  wb_rng rng = wb_rng_make(5, "inference", index);
  for (size_t i = 0; i < count; i++) x[i] = 3 + wb_rng_normal(&rng);
}

/* Similarities 0.5, 0.7, 0.9 of three runs: leaving out a run leaves one pair, so the jackknife's variance is
 * 2/3 * (0.04 + 0 + 0.04), and t at 97.5% with 2 degrees of freedom is 4.302653. */
static void test_pairs(void **state) {
  const double s[] = {1, 0.5, 0.7, 0.5, 1, 0.9, 0.7, 0.9, 1}, two[] = {1, 0.3, 0.3, 1};
  (void)state;
  const wb_pair_mean m = wb_pairs_summarize(s, 3);
  assert_int_equal(m.pairs, 3);
  assert_near(m.mean, 0.7, 1e-15);
  assert_near(m.sd, 0.2, 1e-15);
  const double reach = 4.302652729911275 * sqrt(0.08 * 2 / 3);
  assert_near(m.low, 0.7 - reach, 1e-9);
  assert_near(m.high, 0.7 + reach, 1e-9);
  const wb_pair_mean pair = wb_pairs_summarize(two, 2);
  assert_near(pair.mean, 0.3, 0);
  assert_true(isnan(pair.low) && isnan(pair.sd));
  assert_true(isnan(wb_pairs_summarize(two, 1).mean));
}

/* Draws stimuli one by one, gathers the pairs of different stimuli, and compares. */
static double plain_draw(const double *rdms, wb_comparison comparison, uint64_t seed, size_t draw) {
  static double gathered[RUNS * PAIRS];
  uint32_t stimulus[N];
  double similarity[RUNS * RUNS];
  size_t count = 0;
  wb_rng rng = wb_rng_make(seed, "bootstrap-stimuli", draw);
  for (size_t i = 0; i < N; i++) stimulus[i] = wb_rng_below(&rng, N);
  for (int pass = 0; pass < 2; pass++) {
    const size_t width = count;
    count = 0;
    for (size_t i = 0; i < N; i++)
      for (size_t j = i + 1; j < N; j++) {
        const uint32_t a = stimulus[i] < stimulus[j] ? stimulus[i] : stimulus[j];
        const uint32_t b = stimulus[i] < stimulus[j] ? stimulus[j] : stimulus[i];
        if (a == b) continue;
        for (size_t r = 0; pass && r < RUNS; r++)
          gathered[r * width + count] = rdms[r * PAIRS + wb_pair_place(a, b, N)];
        count++;
      }
  }
  assert_int_equal(wb_rdm_similarities(similarity, gathered, comparison, RUNS, count, NULL), WB_OK);
  return (similarity[1] + similarity[2] + similarity[5]) / 3;
}

static void test_bootstrap(void **state) {
  static const wb_comparison kinds[] = {WB_COMPARE_PEARSON, WB_COMPARE_COSINE, WB_COMPARE_SPEARMAN};
  double rdms[RUNS * PAIRS], means[DRAWS];
  (void)state;
  fill(rdms, RUNS * PAIRS, 0);
  for (size_t i = 0; i < PAIRS; i++) rdms[PAIRS + i] += 2 * rdms[i];
  for (size_t i = 0; i < PAIRS; i++) rdms[2 * PAIRS + i] = floor(2 * rdms[2 * PAIRS + i]); // ties
  for (size_t k = 0; k < 3; k++) {
    assert_int_equal(wb_bootstrap_stimuli(means, rdms, kinds[k], RUNS, N, DRAWS, 7, NULL, NULL, NULL), WB_OK);
    for (size_t r = 0; r < DRAWS; r++) assert_near(means[r], plain_draw(rdms, kinds[k], 7, r), 1e-12);
  }
  assert_int_equal(wb_bootstrap_stimuli(means, rdms, WB_COMPARE_KENDALL, RUNS, N, DRAWS, 7, NULL, NULL, NULL),
                   WB_ARG);
}

/* Runs 0 and 2 are of group 0, run 1 of group 1: no run counts with itself. */
static void test_collapse(void **state) {
  static const double s[] = {1, 0.2, 0.8, 0.2, 1, 0.4, 0.8, 0.4, 1};
  static const uint32_t group[] = {0, 1, 0};
  double out[4];
  (void)state;
  wb_pairs_collapse(out, s, group, 3, 2);
  assert_near(out[0], 0.8, 1e-15);
  assert_near(out[1], 0.3, 1e-15);
  assert_near(out[2], 0.3, 1e-15);
  assert_true(isnan(out[3]));
}

static bool stop_now(void *context) {
  (*(int *)context)++;
  return true;
}

/* Stopped at once; two stimuli are one pair or none; and an RDM agrees with itself, and no more than that. */
static void test_bootstrap_degenerate(void **state) {
  static const wb_comparison kinds[] = {WB_COMPARE_PEARSON, WB_COMPARE_SPEARMAN};
  double rdms[2 * PAIRS], means[DRAWS];
  (void)state;
  for (size_t k = 0; k < 2; k++) {
    int asked = 0;
    fill(rdms, 2 * PAIRS, 1);
    assert_int_equal(wb_bootstrap_stimuli(means, rdms, kinds[k], 2, N, DRAWS, 0, stop_now, &asked, NULL),
                     WB_CANCELLED);
    assert_int_equal(asked, 1);
    assert_int_equal(wb_bootstrap_stimuli(means, rdms, kinds[k], 2, 2, DRAWS, 0, NULL, NULL, NULL), WB_OK);
    for (size_t r = 0; r < DRAWS; r++) assert_true(isnan(means[r]));
    memcpy(rdms + PAIRS, rdms, PAIRS * sizeof *rdms);
    assert_int_equal(wb_bootstrap_stimuli(means, rdms, kinds[k], 2, N, DRAWS, 0, NULL, NULL, NULL), WB_OK);
    for (size_t r = 0; r < DRAWS; r++) assert_true(means[r] <= 1 && means[r] > 1 - 1e-12);
  }
}

static void test_quantile(void **state) {
  double x[] = {4, 1, 3, 2};
  (void)state;
  assert_near(wb_quantile(x, 4, 0.5), 2.5, 1e-15);
  assert_near(wb_quantile(x, 4, 0), 1, 0);
  assert_near(wb_quantile(x, 4, 1), 4, 0);
  assert_near(wb_quantile(x, 4, 0.1), 1.3, 1e-15);
  assert_true(isnan(wb_quantile(x, 0, 0.5)));
}

static void put(double *s, size_t n, size_t i, size_t k, double value) {
  s[i * n + k] = s[k * n + i] = value;
}

/* Runs 0 to 2 agree by 0.9, runs 3 to 5 by 0.5, others by 0.1: only the split as it is and its mirror image
 * reach the observed difference, 2 of 20. */
static void test_groups(void **state) {
  static const uint32_t members[] = {0, 1, 2, 3, 4, 5};
  double s[36];
  wb_group_test t;
  (void)state;
  for (size_t i = 0; i < 6; i++)
    for (size_t k = 0; k < i; k++) put(s, 6, i, k, i < 3 ? 0.9 : k >= 3 ? 0.5 : 0.1);
  assert_int_equal(wb_groups_test(&t, s, 6, members, 3, 3, WB_CONSISTENCY_DIFFERENCE, 1000, 1, NULL), WB_OK);
  assert_true(t.exact);
  assert_near(t.difference, 0.4, 1e-14);
  assert_near(t.p, 0.1, 1e-14);
  assert_int_equal(wb_groups_test(&t, s, 6, members, 3, 3, WB_GEOMETRY_DIFFERENCE, 1000, 1, NULL), WB_OK);
  assert_near(t.difference, 0.6, 1e-14);
  assert_near(t.p, 0.1, 1e-14);
  assert_int_equal(wb_groups_test(&t, s, 6, members, 3, 3, WB_GEOMETRY_DIFFERENCE, 19, 1, NULL), WB_OK);
  assert_false(t.exact);
  assert_true(t.p >= 0.05 && t.p <= 0.5);
  assert_int_equal(wb_groups_test(&t, s, 6, members, 1, 5, WB_CONSISTENCY_DIFFERENCE, 99, 1, NULL), WB_OK);
  assert_true(isnan(t.difference) && isnan(t.p));
  assert_int_equal(wb_groups_test(&t, s, 6, members, 3, 3, WB_GEOMETRY_DIFFERENCE, 0, 1, NULL), WB_OK);
  assert_true(isnan(t.p) && !isnan(t.difference));
}

/* Pairs 0-2 and 1-3 are left out. The split 0-2, 1-3 has no pairs within; 0-3, 1-2 mirrors the observed one.
 */
static void test_left_out(void **state) {
  static const uint32_t members[] = {0, 1, 2, 3};
  double s[16];
  wb_group_test t;
  (void)state;
  put(s, 4, 0, 1, 0.8);
  put(s, 4, 2, 3, 0.6);
  put(s, 4, 0, 3, 0.1);
  put(s, 4, 1, 2, 0.3);
  put(s, 4, 0, 2, NAN);
  put(s, 4, 1, 3, NAN);
  assert_int_equal(wb_groups_test(&t, s, 4, members, 2, 2, WB_GEOMETRY_DIFFERENCE, 99, 1, NULL), WB_OK);
  assert_near(t.difference, 0.5, 1e-14);
  assert_near(t.p, 1, 1e-14);
  put(s, 4, 0, 3, 0.9);
  assert_int_equal(wb_groups_test(&t, s, 4, members, 2, 2, WB_CONSISTENCY_DIFFERENCE, 99, 1, NULL), WB_OK);
  assert_near(t.difference, 0.2, 1e-14);
  assert_near(t.p, 1, 1e-14); // 0.2, -0.2, 0.6 and -0.6
}

/* Where there is no difference, small p are as rare as they should be, and random draws agree with all. */
static void test_level(void **state) {
  static const uint32_t members[] = {5, 2, 7, 0, 1, 3, 4, 6};
  double s[64], sum = 0;
  size_t small = 0;
  (void)state;
  for (uint64_t trial = 0; trial < 200; trial++) {
    wb_rng rng = wb_rng_make(trial, "level", 0);
    wb_group_test all, some;
    for (size_t i = 0; i < 8; i++)
      for (size_t k = 0; k < i; k++) put(s, 8, i, k, wb_rng_normal(&rng));
    assert_int_equal(wb_groups_test(&all, s, 8, members, 4, 4, WB_CONSISTENCY_DIFFERENCE, 70, 1, NULL),
                     WB_OK);
    assert_true(all.exact);
    small += all.p <= 0.1;
    if (trial % 20) continue;
    assert_int_equal(wb_groups_test(&some, s, 8, members, 3, 5, WB_GEOMETRY_DIFFERENCE, 56, 1, NULL), WB_OK);
    assert_true(some.exact);
    const double p = some.p;
    assert_int_equal(wb_groups_test(&some, s, 8, members, 3, 5, WB_GEOMETRY_DIFFERENCE, 55, 1, NULL), WB_OK);
    assert_false(some.exact);
    sum += (some.p - p) / 10;
  }
  assert_true(small >= 5 && small <= 35); // 20 expected, sd 4.2
  assert_true(fabs(sum) < 0.08);
}

/* Four stimuli of which two pairs are near: 8 of 24 orders keep them, p near 1/3; an RDM that is the same in
 * every order has p 1; a large one against itself the smallest p there is. */
static void test_orders(void **state) {
  static const double two[] = {1, 0, 0, 0, 0, 1}, flat[] = {1, 1, 1, 1, 1, 1};
  double a[PAIRS], p;
  (void)state;
  assert_int_equal(wb_stimuli_test(&p, two, two, 4, 9999, 1, NULL, NULL, NULL), WB_OK);
  assert_near(p, 1.0 / 3, 0.02);
  assert_int_equal(wb_stimuli_test(&p, flat, two, 4, 99, 1, NULL, NULL, NULL), WB_OK);
  assert_near(p, 1, 0);
  fill(a, PAIRS, 9);
  assert_int_equal(wb_rdm_normalise(a, WB_COMPARE_PEARSON, PAIRS, NULL), WB_OK);
  assert_int_equal(wb_stimuli_test(&p, a, a, N, 499, 1, NULL, NULL, NULL), WB_OK);
  assert_near(p, 1.0 / 500, 1e-15);
}

/* Two subjects: without itself each one's ceiling is the other; with itself it is a mean that both share. */
static void test_ceiling(void **state) {
  double rdms[2 * PAIRS], work[2 * PAIRS], s[4], lower, upper;
  (void)state;
  fill(rdms, 2 * PAIRS, 3);
  for (size_t i = 0; i < PAIRS; i++) rdms[PAIRS + i] += rdms[i];
  memcpy(work, rdms, sizeof rdms);
  assert_int_equal(wb_rdm_similarities(s, work, WB_COMPARE_PEARSON, 2, PAIRS, NULL), WB_OK);
  memcpy(work, rdms, sizeof rdms);
  assert_int_equal(wb_noise_ceiling(&lower, &upper, work, WB_COMPARE_PEARSON, 2, PAIRS, NULL), WB_OK);
  assert_near(lower, s[1], 1e-13);
  assert_near(upper, sqrt((1 + s[1]) / 2), 1e-13); // cosine of half the angle
  for (wb_comparison kind = WB_COMPARE_PEARSON; kind <= WB_COMPARE_COSINE; kind++) {
    memcpy(work, rdms, PAIRS * sizeof *rdms);
    memcpy(work + PAIRS, rdms, PAIRS * sizeof *rdms);
    assert_int_equal(wb_noise_ceiling(&lower, &upper, work, kind, 2, PAIRS, NULL), WB_OK);
    assert_near(lower, 1, 1e-13);
    assert_near(upper, 1, 1e-13);
  }
  assert_int_equal(wb_noise_ceiling(&lower, &upper, work, WB_COMPARE_COSINE, 1, PAIRS, NULL), WB_OK);
  assert_true(isnan(lower) && isnan(upper));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pairs),
      cmocka_unit_test(test_bootstrap),
      cmocka_unit_test(test_bootstrap_degenerate),
      cmocka_unit_test(test_collapse),
      cmocka_unit_test(test_quantile),
      cmocka_unit_test(test_groups),
      cmocka_unit_test(test_level),
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_left_out),
      cmocka_unit_test(test_ceiling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
