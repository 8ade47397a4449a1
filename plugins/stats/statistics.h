/* statistics.h: means, Student t intervals and tests over runs. Pure functions on double; a NaN among the
 * inputs counts as a missing value and is left out. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_STATISTICS_H
#define WB_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* n values: mean, standard deviation with n - 1, standard error sd / sqrt(n), and the 95% interval of the
 * mean from Student's t with n - 1 degrees of freedom. What n is too small for is NaN. */
typedef struct wb_summary {
  size_t n;
  double mean, sd, sem, low, high;
} wb_summary;

wb_summary wb_summarize(const double *values, size_t n);

/* Element by element over n arrays of `size` numbers: out (size). */
void wb_summarize_arrays(wb_summary *out, const double *const *arrays, size_t n, size_t size);

/* mean(a) - mean(b), its standard error, 95% interval, t, degrees of freedom and two-sided p. With too few
 * values only the difference is known and the rest is NaN. Without any spread p is 1 for no difference and 0
 * for any other. */
typedef struct wb_contrast {
  size_t n_a, n_b; // values used
  bool paired;
  double difference, se, low, high, t, df, p;
} wb_contrast;

/* Paired t test of a[i] against b[i]; a pair with a missing value is left out. */
wb_contrast wb_contrast_paired(const double *a, const double *b, size_t n);

/* Welch's t test, with the Welch-Satterthwaite degrees of freedom. */
wb_contrast wb_contrast_welch(const double *a, size_t n_a, const double *b, size_t n_b);

/* Holm's step-down correction of n p-values, in their order; a NaN stays NaN and does not count. adjusted may
 * be p. False without memory. */
bool wb_holm(double *adjusted, const double *p, size_t n);

#endif
