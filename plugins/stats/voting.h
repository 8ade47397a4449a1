/* voting.h: what several classifiers answer together, and how much they differ.
 *
 * p: softmax of a member's logits; its answer: the lowest class with the largest logit; its confidence: the
 * largest of p. Ties go to the lowest class everywhere.
 *
 *   soft       class with the largest mean of p
 *   logits     class with the largest mean logit
 *   majority   class that most members answer
 *   confident  answer of the member with the largest confidence (the first of equals)
 *   weighted   class with the largest mean of p weighted by confidence, normalised over members
 *
 * Diversity of two members, from the shares of images that both have right (a), only the first (b), only the
 * second (c), none (d) (Kuncheva & Whitaker 2003):
 *
 *   error correlation (a d - b c) / sqrt((a + b)(c + d)(a + c)(b + d))   1: the same errors; 0: independent
 *   disagreement      b + c                                              0: the same errors
 *   Q                 (a d - b c) / (a d + b c)                          1: the same errors; 0: independent
 *   double fault      d
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_VOTING_H
#define WB_VOTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum wb_vote_scheme {
  WB_VOTE_SOFT = 0,
  WB_VOTE_LOGITS = 1,
  WB_VOTE_MAJORITY = 2,
  WB_VOTE_CONFIDENT = 3,
  WB_VOTE_WEIGHTED = 4,
  WB_VOTE_SCHEMES = 5
} wb_vote_scheme;

extern const char *const wb_vote_names[WB_VOTE_SCHEMES];

/* What the members say about n images. */
typedef struct wb_ballots {
  size_t members, n, classes;
  const float *logits;   // (members, n, classes)
  double *probabilities; // (members, n, classes)
  double *confidence;    // (members, n)
  int32_t *answers;      // (members, n)
} wb_ballots;

/* Fills all but the logits. */
void wb_ballots_fill(wb_ballots *ballots);

/* answers (n): of the members whose numbers are in chosen (count > 0). scratch (classes). */
void wb_vote(int32_t *answers, double *scratch, const wb_ballots *ballots, wb_vote_scheme scheme,
             const uint32_t *chosen, size_t count);

/* Adds to counts (members, members, 4), for each pair j < k: images that both have right, only the first,
 * only the second, none. */
void wb_agreement_add(double *counts, const wb_ballots *ballots, const int32_t *labels);

/* Means over the pairs of members; a pair without the measure (a member that is always right, say) is left
 * out, and NAN where all are. */
typedef struct wb_diversity {
  double error_correlation, disagreement, q, double_fault;
} wb_diversity;

wb_diversity wb_agreement_diversity(const double *counts, size_t members);

/* Subsets of every size 1 .. members: all of a size, or `most` drawn from a seeded stream where there are
 * more. items: the subsets one after another, each of its size; counts (members): how many there are of each
 * size. malloc'ed. WB_NOMEM. */
wb_status wb_subsets(uint32_t **items, size_t **counts, size_t members, size_t most, uint64_t seed,
                     wb_error *err);

/* means (draws, rows): mean of each row of x (rows, n) over n columns drawn with replacement; the same
 * columns for all rows, a function of seed and draw. WB_NOMEM. */
wb_status wb_resample_means(double *means, const double *x, size_t rows, size_t n, size_t draws,
                            uint64_t seed, wb_error *err);

#endif
