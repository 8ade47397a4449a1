/* corruption_error.c: see corruption_error.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "corruption_error.h"

#include <math.h>

/* Shares are multiples of one image in fewer than 1e9: a smaller sum is 0 but for rounding. */
static const double least = 1e-9;

static double excess(const double *errors, double clean, size_t severities) {
  double sum = 0;
  for (size_t s = 0; s < severities; s++) sum += errors[s] - clean;
  return sum;
}

double wb_corruption_error(double *ratio, const double *errors, double clean, const double *baseline,
                           double baseline_clean, size_t types, size_t severities) {
  double sum = 0;
  for (size_t t = 0; t < types; t++) {
    const double own = excess(errors + t * severities, clean, severities);
    const double base = excess(baseline + t * severities, baseline_clean, severities);
    ratio[t] = base > least ? 100 * own / base : NAN;
    sum += ratio[t];
  }
  return sum / (double)types;
}
