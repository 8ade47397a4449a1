/* covariance.h: mean, covariance and correlation of units over stimuli that arrive in blocks.
 *
 * Memory is O(units^2), whatever the number of stimuli. Sums are in double of deviations from a shift near
 * the mean, so that nothing cancels; results are bit-identical for any number of threads.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_COVARIANCE_H
#define WB_COVARIANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_covariance {
  size_t units;
  uint64_t count; // stimuli so far
  double *shift;  // (units): mean of the first block, rounded to float so that a constant unit deviates by 0
  double *sum;    // (units): of x - shift
  double *cross;  // (units, units): of (x - shift)(x - shift)', lower triangle (row >= column)
} wb_covariance;

/* Bytes that one accumulator holds. */
size_t wb_covariance_bytes(size_t units);

/* An empty accumulator; WB_NOMEM. */
wb_status wb_covariance_init(wb_covariance *out, size_t units, wb_error *err);
void wb_covariance_free(wb_covariance *c); // the contents, not the struct
void wb_covariance_reset(wb_covariance *c);

/* Adds n stimuli: rows pick[0 .. n-1] of x (.., units), or rows 0 .. n-1 where pick is NULL; after_relu
 * clamps x at zero first. work holds n * units numbers. Runs on OpenMP's threads. */
void wb_covariance_add(wb_covariance *c, const float *x, const uint32_t *pick, size_t n, bool after_relu,
                       double *work);

/* mean (units). NAN without stimuli. */
void wb_covariance_mean(double *mean, const wb_covariance *c);

/* out (units, units), symmetric: the sample covariance, divided by count - 1. NAN below two stimuli. */
void wb_covariance_matrix(double *out, const wb_covariance *c);

/* r (units, units), symmetric: Pearson's r, kept within [-1, 1]; the diagonal is 1. A constant unit has r = 0
 * with all others and itself, and constant[unit] true (constant may be NULL). Returns how many are constant.
 */
size_t wb_correlation_matrix(double *r, bool *constant, const wb_covariance *c);

/* The sum of the covariance' eigenvalues (its trace) and of their squares (its squared Frobenius norm). */
void wb_covariance_spectrum(double *sum, double *square_sum, const wb_covariance *c);

#endif
