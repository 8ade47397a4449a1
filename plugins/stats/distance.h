/* distance.h: representational dissimilarity matrices (RDMs): the distance of every pair of rows.
 *
 * All distances are functions of products of prepared rows, which are matrix products. An RDM of n rows is
 * kept condensed: the upper triangle without diagonal, row by row, as SciPy's squareform has it.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DISTANCE_H
#define WB_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum wb_distance {
  WB_DISTANCE_PEARSON,  // 1 - correlation of the two rows
  WB_DISTANCE_SPEARMAN, // 1 - correlation of their ranks
  WB_DISTANCE_COSINE,   // 1 - cosine of their angle
  WB_DISTANCE_EUCLIDEAN,
  WB_DISTANCE_MAHALANOBIS // Euclidean after wb_whiten
} wb_distance;

/* n (n - 1) / 2. */
static inline size_t wb_pair_count(size_t n) {
  return n ? n * (n - 1) / 2 : 0;
}

/* Place of the pair i < j in a condensed RDM of n rows. */
static inline size_t wb_pair_place(size_t i, size_t j, size_t n) {
  return i * n - i * (i + 1) / 2 + j - i - 1;
}

/* x (n, d) in place: its column means subtracted. */
void wb_centre_columns(double *x, size_t n, size_t d);

/* x (n, d) in place: made to what the distance is a function of; square (n): squared lengths of the prepared
 * rows. *flat: rows without a direction (constant ones under Pearson and Spearman, zero ones under cosine),
 * which get distance 1 to all others. WB_NOMEM. */
wb_status wb_distance_prepare(double *x, double *square, size_t *flat, wb_distance distance, size_t n,
                              size_t d, wb_error *err);

/* x (n, d) in place: the rows times the inverse root of the covariance within classes (labels (n)), pooled
 * over classes with divisor n and shrunk towards the identity by Ledoit and Wolf's (2004) rule; *shrinkage is
 * the weight of the identity. WB_INPUT where no class varies, or too little for an inverse; WB_NOMEM. */
wb_status wb_whiten(double *x, double *shrinkage, const int32_t *labels, size_t n, size_t d, wb_error *err);

/* Distances of rows first .. first+count-1 of prepared x (n, d) to all rows after them, as they stand in the
 * condensed RDM: out has one number for each. Near ones are recomputed from the difference of the rows: equal
 * rows are at exactly 0. WB_NOMEM. Uses OpenMP's threads. */
wb_status wb_distance_rows(double *out, const double *x, const double *square, wb_distance distance,
                           size_t first, size_t count, size_t n, size_t d, wb_error *err);

/* The whole RDM of the raw rows x (n, d), which are overwritten; out (wb_pair_count(n)). flat may be NULL. */
wb_status wb_rdm(double *out, double *x, size_t *flat, wb_distance distance, size_t n, size_t d,
                 wb_error *err);

#endif
