/* inference.h: how sure one can be of comparisons of RDMs: over seeds, over stimuli, between conditions, and
 * how well any model could do. Holm's correction is in statistics.h. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_INFERENCE_H
#define WB_INFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "comparison.h"

/* Mean similarity over the pairs of `count` runs; sd of the pairs (n - 1); and a 95% interval that treats
 * runs, not pairs, as independent: each run is left out in turn (jackknife), Student's t with count - 1
 * degrees of freedom. NAN is what there are too few runs for: mean 2, interval 3. */
typedef struct wb_pair_mean {
  size_t pairs;
  double mean, sd, low, high;
} wb_pair_mean;

/* similarity (count, count), symmetric; pairs that are NAN are left out. */
wb_pair_mean wb_pairs_summarize(const double *similarity, size_t count);

/* out (groups, groups): means of similarity (runs, runs) over the pairs of different runs of two groups; NAN
 * where there is none. group (runs): of each run. */
void wb_pairs_collapse(double *out, const double *similarity, const uint32_t *group, size_t runs,
                       size_t groups);

/* means (draw_count): mean over pairs of runs of the Pearson, Spearman or cosine comparison of their RDMs,
 * over stimuli drawn with replacement; pairs of copies of one stimulus are dropped. rdms (count, pairs of n),
 * condensed. A pair of stimuli drawn a and b times counts a b times, so that all draws are matrix products
 * (of ranks, under Spearman). NAN where a draw has no pairs that differ. WB_ARG for Kendall: each draw would
 * count discordant pairs of pairs anew. WB_NOMEM, WB_CANCELLED when stop(context) says so. */
wb_status wb_bootstrap_stimuli(double *means, const double *rdms, wb_comparison comparison, size_t count,
                               size_t n, size_t draw_count, uint64_t seed, bool (*stop)(void *context),
                               void *context, wb_error *err);

/* The p-quantile of n numbers, which are sorted in place; linear between them. NAN for none. */
double wb_quantile(double *numbers, size_t n, double p);

typedef enum wb_group_statistic {
  WB_CONSISTENCY_DIFFERENCE, // mean within the first group minus mean within the second
  WB_GEOMETRY_DIFFERENCE     // mean within the groups minus mean between them
} wb_group_statistic;

typedef struct wb_group_test {
  double difference, p; // NAN where a group is too small
  bool exact;           // all ways to split the runs were tried
} wb_group_test;

/* Tests two groups of runs by exchanging runs between them; two-sided. members: the runs of the first group
 * (n_a), then those of the second (n_b), as rows of similarity (count, count). Pairs that are NAN count
 * nowhere, nor do splits that leave the statistic without pairs. With at most `permutations` splits all are
 * tried and p is the share with at least the observed size; otherwise so many random ones are drawn and p =
 * (M + 1) / (permutations + 1). WB_NOMEM. */
wb_status wb_groups_test(wb_group_test *out, const double *similarity, size_t count, const uint32_t *members,
                         size_t n_a, size_t n_b, wb_group_statistic statistic, size_t permutations,
                         uint64_t seed, wb_error *err);

/* Two-sided permutation p of the product of two RDMs (pairs of n), both normalised, when the stimuli of the
 * first are put in random order (Mantel 1967): the share of orders whose product is at least as far from the
 * mean over orders, p = (M + 1) / (permutations + 1). WB_NOMEM, WB_CANCELLED when stop(context) says so. */
wb_status wb_stimuli_test(double *p, const double *a, const double *b, size_t n, size_t permutations,
                          uint64_t seed, bool (*stop)(void *context), void *context, wb_error *err);

/* Nili et al. (2014): how alike the RDMs of subjects (subjects, pairs) are to their mean, after each was
 * normalised (Pearson, cosine) or ranked: *upper with the subject in the mean, *lower without. Means over
 * subjects. NAN for fewer than 2. The RDMs are overwritten. WB_NOMEM. */
wb_status wb_noise_ceiling(double *lower, double *upper, double *rdms, wb_comparison comparison,
                           size_t subjects, size_t pairs, wb_error *err);

#endif
