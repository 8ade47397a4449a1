/* comparison.h: how alike two representations are: from their RDMs, or from the patterns themselves. In all
 * of them higher is more alike, and 1 is the same. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_COMPARISON_H
#define WB_COMPARISON_H

#include <stddef.h>

#include "base/error.h"

typedef enum wb_comparison {
  WB_COMPARE_PEARSON,  // [-1, 1]
  WB_COMPARE_SPEARMAN, // [-1, 1], ties share ranks
  WB_COMPARE_KENDALL,  // tau-a, [-1, 1]; below 1 where there are ties
  WB_COMPARE_COSINE    // [-1, 1]
} wb_comparison;

/* One condensed RDM (pairs), in place, so that the comparison of two is the product of what comes out:
 * centred (ranks under Spearman; not centred under cosine) and of unit length. Of a constant RDM (a zero one
 * under cosine) NAN. Not for Kendall. WB_NOMEM. */
wb_status wb_rdm_normalise(double *rdm, wb_comparison comparison, size_t pairs, wb_error *err);

/* similarity (count, count) of all pairs of RDMs (count, pairs), which are overwritten; NAN beside an RDM
 * that cannot be compared, 1 on the rest of the diagonal (under Kendall tau-a of the RDM with itself).
 * WB_NOMEM. */
wb_status wb_rdm_similarities(double *similarity, double *rdms, wb_comparison comparison, size_t count,
                              size_t pairs, wb_error *err);

/* Whitened cosine of two condensed RDMs of n class means (Diedrichsen et al. 2021): cosine under the inverse
 * of the covariance that distances get from sharing a class, V = (C C')^2 elementwise with C the differences
 * of classes. NAN where one is zero. Closed form: V = 2 I + B B', B = which pair has which class. */
double wb_rdm_whitened_cosine(const double *a, const double *b, size_t n);

/* Linear CKA of centred x (n, p) and y (n, q): |y'x|^2 / (|x'x| |y'y|), Frobenius norms; in [0, 1]. NAN where
 * one is zero. Kornblith et al. 2019. WB_NOMEM. */
wb_status wb_cka(double *cka, const double *x, const double *y, size_t n, size_t p, size_t q, wb_error *err);

/* Orthogonal Procrustes similarity of centred x (n, p) and y (n, q), each scaled to norm 1: the sum of the
 * singular values of y'x, in [0, 1]; the distance left after the best rotation has square 2 (1 - that). NAN
 * where one is zero. WB_NOMEM; WB_NUMERIC where the singular values do not converge. */
wb_status wb_procrustes(double *similarity, const double *x, const double *y, size_t n, size_t p, size_t q,
                        wb_error *err);

#endif
