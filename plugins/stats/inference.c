/* inference.c: see inference.h; intervals over runs, tests between groups of them, noise ceilings.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "inference.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "rank.h"

/* Mean over the pairs of runs without run `without` (count: none is left out). */
static double pair_mean(const double *similarity, size_t count, size_t without, size_t *pairs) {
  double sum = 0;
  *pairs = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++) {
      if (i == without || k == without || isnan(similarity[i * count + k])) continue;
      sum += similarity[i * count + k];
      (*pairs)++;
    }
  return *pairs ? sum / (double)*pairs : (double)NAN;
}

wb_pair_mean wb_pairs_summarize(const double *similarity, size_t count) {
  wb_pair_mean out = {.sd = NAN, .low = NAN, .high = NAN};
  double squares = 0, jackknife = 0, mean = 0;
  size_t rest;
  out.mean = pair_mean(similarity, count, count, &out.pairs);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++) {
      const double d = similarity[i * count + k] - out.mean;
      if (!isnan(d)) squares += d * d;
    }
  if (out.pairs > 1) out.sd = sqrt(squares / (double)(out.pairs - 1));
  if (count < 3) return out;
  for (size_t s = 0; s < count; s++) mean += pair_mean(similarity, count, s, &rest) / (double)count;
  for (size_t s = 0; s < count; s++) {
    const double d = pair_mean(similarity, count, s, &rest) - mean;
    jackknife += d * d;
  }
  const double df = (double)count - 1, se = sqrt(jackknife * df / (double)count);
  const double reach = gsl_cdf_tdist_Pinv(0.975, df) * se;
  out.low = out.mean - reach;
  out.high = out.mean + reach;
  return out;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double wb_quantile(double *numbers, size_t n, double p) {
  if (!n) return NAN;
  qsort(numbers, n, sizeof *numbers, ascending);
  const double place = p * (double)(n - 1);
  const size_t below = (size_t)place;
  if (below + 1 >= n) return numbers[n - 1];
  return numbers[below] + (place - (double)below) * (numbers[below + 1] - numbers[below]);
}

/* ---- Groups ---- */

/* The statistic with the runs order[0 .. n_a-1] as the first group; NAN where it lacks pairs. */
static double statistic_of(const double *similarity, size_t count, const uint32_t *order, size_t n_a,
                           size_t n_b, wb_group_statistic statistic) {
  double sums[3] = {0}, pairs[3] = {0}; // within the first, within the second, between
  for (size_t i = 0; i < n_a + n_b; i++)
    for (size_t k = 0; k < i; k++) {
      const int kind = i < n_a ? 0 : k >= n_a ? 1 : 2;
      const double s = similarity[order[i] * count + order[k]];
      if (isnan(s)) continue;
      sums[kind] += s;
      pairs[kind]++;
    }
  if (statistic == WB_CONSISTENCY_DIFFERENCE)
    return pairs[0] > 0 && pairs[1] > 0 ? sums[0] / pairs[0] - sums[1] / pairs[1] : (double)NAN;
  const double within = pairs[0] + pairs[1];
  return within > 0 && pairs[2] > 0 ? (sums[0] + sums[1]) / within - sums[2] / pairs[2] : (double)NAN;
}

/* Ways to choose n_a of n, or `most` + 1 where there are more than that. */
static size_t ways(size_t n, size_t n_a, size_t most) {
  double count = 1;
  for (size_t k = 1; k <= n_a && count <= (double)most; k++)
    count = count * (double)(n - n_a + k) / (double)k;
  return count > (double)most ? most + 1 : (size_t)(count + 0.5);
}

/* The next choice of n_a out of n places, ascending; false after the last. */
static bool next_choice(uint32_t *chosen, size_t n_a, size_t n) {
  for (size_t k = n_a; k-- > 0;) {
    if (chosen[k] + (n_a - k) >= n) continue;
    chosen[k]++;
    for (size_t m = k + 1; m < n_a; m++) chosen[m] = chosen[m - 1] + 1;
    return true;
  }
  return false;
}

static void arrange(uint32_t *order, const uint32_t *members, const uint32_t *chosen, size_t n_a, size_t n) {
  size_t first = 0, second = n_a;
  for (uint32_t i = 0; i < n; i++)
    if (first < n_a && chosen[first] == i)
      order[first++] = members[i];
    else
      order[second++] = members[i];
}

wb_status wb_groups_test(wb_group_test *out, const double *similarity, size_t count, const uint32_t *members,
                         size_t n_a, size_t n_b, wb_group_statistic statistic, size_t permutations,
                         uint64_t seed, wb_error *err) {
  const size_t n = n_a + n_b, least = statistic == WB_CONSISTENCY_DIFFERENCE ? 2 : 1;
  *out = (wb_group_test){.difference = NAN, .p = NAN};
  if (n_a < least || n_b < least || n < 3) return WB_OK;
  uint32_t *order = malloc(2 * n * sizeof *order), *chosen = order ? order + n : NULL;
  if (!order) return wb_fail_nomem(err, "an order of runs", 2 * n * sizeof *order);
  out->difference = statistic_of(similarity, count, members, n_a, n_b, statistic);
  const double observed = fabs(out->difference) - 1e-12; // a split that only mirrors the observed one counts
  const size_t splits = ways(n, n_a, permutations);
  size_t extreme = 0, defined = 0;
  out->exact = splits <= permutations;
  if (permutations && !isnan(out->difference)) {
    for (uint32_t k = 0; k < n_a; k++) chosen[k] = k;
    for (size_t r = 0; r < (out->exact ? splits : permutations); r++) {
      if (out->exact) {
        arrange(order, members, chosen, n_a, n);
        next_choice(chosen, n_a, n);
      } else {
        wb_rng rng = wb_rng_make(seed, "group-permutation", r);
        memcpy(order, members, n * sizeof *order);
        wb_rng_shuffle(&rng, order, n);
      }
      const double value = statistic_of(similarity, count, order, n_a, n_b, statistic);
      defined += !isnan(value);
      extreme += fabs(value) >= observed;
    }
    out->p = out->exact ? (double)extreme / (double)defined : ((double)extreme + 1) / ((double)defined + 1);
  }
  free(order);
  return WB_OK;
}

/* ---- Groups ---- */

void wb_pairs_collapse(double *out, const double *similarity, const uint32_t *group, size_t runs,
                       size_t groups) {
  for (size_t a = 0; a < groups; a++)
    for (size_t b = 0; b < groups; b++) {
      double sum = 0, count = 0;
      for (size_t i = 0; i < runs; i++)
        for (size_t k = 0; k < runs; k++) {
          if (i == k || group[i] != a || group[k] != b) continue;
          sum += similarity[i * runs + k];
          count++;
        }
      out[a * groups + b] = count > 0 ? sum / count : (double)NAN;
    }
}

/* ---- Noise ceilings ---- */

/* Similarity of subject s to `sum`, or to what is left of it without the subject's own pooled RDM. */
static wb_status against(double *out, const double *rdm, const double *sum, bool without, double *scratch,
                         wb_comparison comparison, size_t pairs, wb_error *err) {
  double similarity[4], *own = scratch, *others = scratch + pairs;
  memcpy(own, rdm, pairs * sizeof *own);
  for (size_t i = 0; i < pairs; i++) others[i] = sum[i] - (without ? rdm[i] : 0);
  const wb_status status = wb_rdm_similarities(similarity, scratch, comparison, 2, pairs, err);
  *out = similarity[1];
  return status;
}

wb_status wb_noise_ceiling(double *lower, double *upper, double *rdms, wb_comparison comparison,
                           size_t subjects, size_t pairs, wb_error *err) {
  *lower = *upper = NAN;
  if (subjects < 2) return WB_OK;
  double *sum = calloc(3 * pairs + 1, sizeof *sum), low = 0, high = 0;
  wb_status status = sum ? WB_OK : wb_fail_nomem(err, "the mean RDM of subjects", 3 * pairs * sizeof *sum);
  for (size_t s = 0; s < subjects && status == WB_OK; s++) {
    double *rdm = rdms + s * pairs;
    const bool ranked = comparison == WB_COMPARE_KENDALL || comparison == WB_COMPARE_SPEARMAN;
    status = ranked ? wb_rank(rdm, rdm, pairs, err) // whole ranks: equal sums stay ties
                    : wb_rdm_normalise(rdm, comparison, pairs, err);
    for (size_t i = 0; i < pairs; i++) sum[i] += rdm[i];
  }
  for (size_t s = 0; s < subjects && status == WB_OK; s++) {
    double with, without = NAN;
    status = against(&with, rdms + s * pairs, sum, false, sum + pairs, comparison, pairs, err);
    if (status == WB_OK)
      status = against(&without, rdms + s * pairs, sum, true, sum + pairs, comparison, pairs, err);
    high += with / (double)subjects;
    low += without / (double)subjects;
  }
  free(sum);
  if (status != WB_OK) return status;
  *lower = low;
  *upper = high;
  return WB_OK;
}
