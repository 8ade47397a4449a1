/* covariance.h: mean, covariance and correlation of units over stimuli that arrive in blocks.
 *
 * Memory is O(units^2), whatever the number of stimuli. Sums are in double of deviations from a shift near
 * the mean, so that nothing cancels; results are bit-identical for any number of threads on one kind of CPU.
 * With AVX-512 by products of our own, else by OpenBLAS.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_COVARIANCE_H
#define WB_COVARIANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_covariance {
  size_t units, stride; // stride: units and a few zeros
  uint64_t count;       // stimuli so far
  bool plain;           // without AVX-512 even where the CPU has it; may be set before the first stimulus
  double *shift; // (stride): mean of the first ones, rounded to float so that a constant unit deviates by 0
  double *sum;   // (stride): of x - shift
  double *cross; // (stride, stride): of (x - shift)(x - shift)', lower triangle (row >= column)
} wb_covariance;

/* Bytes that one accumulator holds. */
size_t wb_covariance_bytes(size_t units);

/* An empty accumulator; WB_NOMEM. */
wb_status wb_covariance_init(wb_covariance *out, size_t units, wb_error *err);
void wb_covariance_free(wb_covariance *c); // the contents, not the struct
void wb_covariance_reset(wb_covariance *c);

/* How many numbers the scratch memory for that many units holds. */
size_t wb_covariance_work(size_t units);

/* Adds n stimuli: rows pick[0 .. n-1] of x (.., units), or rows 0 .. n-1 where pick is NULL; after_relu
 * clamps x at zero first. work (wb_covariance_work) is scratch. Runs on OpenMP's threads. */
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
