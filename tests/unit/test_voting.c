/* test_voting.c: voting schemes and diversity by hand and against plain formulas; subsets and resampling by
 * counting. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "voting.h"

static void assert_near(double found, double expected, double tolerance) {
  if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= tolerance))
    fail_msg("%.17g, expected %.17g", found, expected);
}

enum { MOST = 400 };
static double probabilities[MOST], confidence[MOST];
static int32_t answers[MOST];

static wb_ballots fill(const float *logits, size_t members, size_t n, size_t classes) {
  wb_ballots b = {.members = members,
                  .n = n,
                  .classes = classes,
                  .logits = logits,
                  .probabilities = probabilities,
                  .confidence = confidence,
                  .answers = answers};
  wb_ballots_fill(&b);
  return b;
}

static int32_t vote(const wb_ballots *b, wb_vote_scheme scheme, size_t image) {
  static const uint32_t all[] = {0, 1, 2, 3, 4};
  int32_t out[MOST];
  double scratch[16];
  wb_vote(out, scratch, b, scheme, all, b->members);
  return out[image];
}

/* One image, three members, three classes, where the schemes disagree:
 * p = (.6 .4 0), (.6 .4 0), (0 .9 .1) nearly: soft 1 (.4 .57 .03), majority 0, confident 1. */
static void test_schemes(void **state) {
  (void)state;
  const float logits[] = {logf(0.6F), logf(0.4F), -50,        logf(0.6F), logf(0.4F),
                          -50,        -50,        logf(0.9F), logf(0.1F)};
  const wb_ballots b = fill(logits, 3, 1, 3);
  assert_near(b.probabilities[0], 0.6, 1e-6);
  assert_near(b.confidence[2], 0.9, 1e-6);
  assert_int_equal(vote(&b, WB_VOTE_SOFT, 0), 1);
  assert_int_equal(vote(&b, WB_VOTE_MAJORITY, 0), 0);
  assert_int_equal(vote(&b, WB_VOTE_CONFIDENT, 0), 1);
  assert_int_equal(vote(&b, WB_VOTE_WEIGHTED, 0), 1);
  assert_int_equal(vote(&b, WB_VOTE_LOGITS, 0), 1); // log .4 + log .4 + log .9 against -50 twice
  const uint32_t first[] = {0, 1};
  int32_t out;
  double scratch[3];
  wb_vote(&out, scratch, &b, WB_VOTE_SOFT, first, 2);
  assert_int_equal(out, 0);
}

/* Weights change the vote: (.5 .3 .2) twice and (.2 .75 .05): means .4, .45, and by confidence .5 .5 .75. */
static void test_weights(void **state) {
  (void)state;
  const double p[] = {0.52, 0.3, 0.18, 0.52, 0.3, 0.18, 0.2, 0.62, 0.18};
  float logits[9];
  for (int i = 0; i < 9; i++) logits[i] = (float)log(p[i]);
  const wb_ballots b = fill(logits, 3, 1, 3);
  double soft[2] = {0}, weighted[2] = {0};
  static const double weights[] = {0.52, 0.52, 0.62};
  for (int m = 0; m < 3; m++)
    for (int c = 0; c < 2; c++) {
      soft[c] += p[3 * m + c];
      weighted[c] += weights[m] * p[3 * m + c];
    }
  assert_int_equal(vote(&b, WB_VOTE_SOFT, 0), soft[1] > soft[0]);
  assert_int_equal(vote(&b, WB_VOTE_WEIGHTED, 0), weighted[1] > weighted[0]);
}

/* Ties go to the lowest class; one member is its own ensemble; huge logits stay finite. */
static void test_ties(void **state) {
  (void)state;
  const float tied[] = {0, 5, 5, 5, 0, 0, 1, 1, 1}; // answers 1, 0, 0; one image: 2 votes for 0
  wb_ballots b = fill(tied, 3, 1, 3);
  assert_int_equal(b.answers[0], 1);
  assert_int_equal(b.answers[2], 0);
  assert_int_equal(vote(&b, WB_VOTE_MAJORITY, 0), 0);
  const float split[] = {0, 9, 9, 0}; // one vote each for 1 and 0
  b = fill(split, 2, 1, 2);
  for (int scheme = 0; scheme < WB_VOTE_WEIGHTED;
       scheme++) // products with weights may round, and tie no more
    assert_int_equal(vote(&b, (wb_vote_scheme)scheme, 0), scheme == WB_VOTE_CONFIDENT ? 1 : 0);
  const float huge[] = {1000, -1000, 3};
  b = fill(huge, 1, 1, 3);
  for (int scheme = 0; scheme < WB_VOTE_SCHEMES; scheme++)
    assert_int_equal(vote(&b, (wb_vote_scheme)scheme, 0), 0);
  assert_near(b.probabilities[0], 1, 0);
}

/* Members right on (1 1 0 0 1), (1 0 1 0 1), (1 1 1 1 1). */
static void test_diversity(void **state) {
  (void)state;
  const int right[3][5] = {{1, 1, 0, 0, 1}, {1, 0, 1, 0, 1}, {1, 1, 1, 1, 1}};
  const int32_t labels[5] = {0, 1, 0, 1, 0};
  float logits[3 * 5 * 2];
  double counts[3 * 3 * 4] = {0};
  for (int m = 0; m < 3; m++)
    for (int i = 0; i < 5; i++)
      for (int c = 0; c < 2; c++) logits[(m * 5 + i) * 2 + c] = (c == labels[i]) == right[m][i] ? 1 : 0;
  const wb_ballots b = fill(logits, 3, 5, 2);
  wb_agreement_add(counts, &b, labels);
  const double *pair = counts + 4;
  assert_true(pair[0] == 2 && pair[1] == 1 && pair[2] == 1 && pair[3] == 1);
  const wb_diversity d = wb_agreement_diversity(counts, 3);
  assert_near(d.disagreement, (0.4 + 0.4 + 0.4) / 3, 1e-15);
  assert_near(d.double_fault, 0.2 / 3, 1e-15);
  assert_near(d.q, (2 - 1) / 3.0, 1e-15); // the other pairs have a member that is always right
  assert_near(d.error_correlation, (0.4 * 0.2 - 0.04) / (0.6 * 0.4), 1e-15);
  const wb_diversity none = wb_agreement_diversity(counts + 3 * 3 * 4, 1);
  assert_near(none.q, NAN, 0);
}

/* All subsets in order where there are few; distinct members, ascending, where they are drawn. */
static void test_subsets(void **state) {
  (void)state;
  uint32_t *items;
  size_t *counts;
  wb_error err = {0};
  assert_int_equal(wb_subsets(&items, &counts, 4, 6, 0, &err), WB_OK);
  static const size_t all[] = {4, 6, 4, 1};
  static const uint32_t pairs[] = {0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3};
  assert_memory_equal(counts, all, sizeof all);
  assert_memory_equal(items + 4, pairs, sizeof pairs);
  free(items);
  free(counts);
  assert_int_equal(wb_subsets(&items, &counts, 9, 20, 3, &err), WB_OK);
  const uint32_t *subset = items;
  for (size_t size = 1; size <= 9; size++) {
    assert_int_equal(counts[size - 1], size == 1 || size == 8 ? 9 : size == 9 ? 1 : 20);
    for (size_t s = 0; s < counts[size - 1]; s++, subset += size)
      for (size_t k = 0; k < size; k++) assert_true(subset[k] < 9 && (!k || subset[k] > subset[k - 1]));
  }
  free(items);
  free(counts);
}

/* The same columns for all rows; mean and variance of a mean of n; a constant row stays. */
static void test_resample(void **state) {
  (void)state;
  enum { N = 50, DRAWS = 2000 };
  double x[3 * N], *means = malloc(3 * DRAWS * sizeof *means), mean = 0, square = 0;
  wb_error err = {0};
  for (int i = 0; i < N; i++) {
    x[i] = i % 7;
    x[N + i] = 2 * x[i] - 1;
    x[2 * N + i] = 0.25;
  }
  assert_int_equal(wb_resample_means(means, x, 3, N, DRAWS, 1, &err), WB_OK);
  double all = 0, spread = 0;
  for (int i = 0; i < N; i++) all += x[i] / N;
  for (int i = 0; i < N; i++) spread += (x[i] - all) * (x[i] - all) / N;
  for (int d = 0; d < DRAWS; d++) {
    assert_near(means[3 * d + 1], 2 * means[3 * d] - 1, 1e-12);
    assert_near(means[3 * d + 2], 0.25, 1e-12);
    mean += means[3 * d] / DRAWS;
    square += (means[3 * d] - all) * (means[3 * d] - all) / DRAWS;
  }
  assert_near(mean, all, 4 * sqrt(spread / N / DRAWS));
  assert_near(square / (spread / N), 1, 0.15);
  free(means);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_schemes), cmocka_unit_test(test_weights),
                                     cmocka_unit_test(test_ties),    cmocka_unit_test(test_diversity),
                                     cmocka_unit_test(test_subsets), cmocka_unit_test(test_resample)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
