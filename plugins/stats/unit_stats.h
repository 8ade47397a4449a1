/* unit_stats.h: variance, entropy and sparseness of units over stimuli that arrive in blocks.
 *
 * Two passes: the first finds range and moments, the second fills histograms between them. Bit-identical for
 * any number of threads. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_UNIT_STATS_H
#define WB_UNIT_STATS_H

#include <stddef.h>
#include <stdint.h>

enum { WB_ENTROPY_BINS = 32 };

typedef enum wb_sparseness { WB_TREVES_ROLLS, WB_HOYER } wb_sparseness;

/* Sums over stimuli of one unit's activation x and of r = max(x, 0). Start with all zero. */
typedef struct wb_unit_sums {
  double shift, sum, square; // of x - shift; shift is the first x, so that a constant unit has square 0
  double r_sum, r_square, r_low, r_high;
} wb_unit_sums;

/* Adds n stimuli x (n, units) to sums (units), of which `before` came earlier. */
void wb_unit_sums_add(wb_unit_sums *sums, const float *x, uint64_t before, size_t n, size_t units);

/* Counts r of n stimuli into counts (units, WB_ENTROPY_BINS): equal bins from r_low to r_high, both included.
 * A constant unit has all in the first bin. */
void wb_unit_histograms_add(uint64_t *counts, const wb_unit_sums *sums, const float *x, size_t n,
                            size_t units);

/* Sample variance of n stimuli (divided by n - 1); NAN for n < 2. */
double wb_unit_variance(const wb_unit_sums *sums, uint64_t n);

/* Shannon entropy of a histogram in bits; 0 where everything is in one bin; NAN where it is empty. */
double wb_entropy_bits(const uint64_t *counts, size_t bins);

/* 1 where one of n non-negative values carries all, 0 where all are equal. From their sum and sum of squares:
 * Treves-Rolls (1 - mean^2 / mean of squares) / (1 - 1/n), Hoyer (sqrt(n) - sum / sqrt(squares)) / (sqrt(n) -
 * 1). NAN where all are zero or n < 2. */
double wb_sparseness_of(double sum, double square, uint64_t n, wb_sparseness kind);

/* each (n) = sparseness of r over the units of each of n stimuli x (n, units). */
void wb_population_sparseness(double *each, const float *x, size_t n, size_t units, wb_sparseness kind);

#endif
