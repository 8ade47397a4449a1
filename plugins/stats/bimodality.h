/* bimodality.h: does a sample have one mode or two?
 *
 * Sarle's coefficient looks at skewness and kurtosis alone and is fooled by skew; Hartigan's dip is the
 * distance of the sample's distribution from the nearest unimodal one. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_BIMODALITY_H
#define WB_BIMODALITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* (skewness^2 + 1) / (kurtosis), with sample corrections: SAS' (g1^2 + 1) / (g2 + 3 (n-1)^2 / ((n-2)(n-3))).
 * 1/3 for a normal, 5/9 for a uniform, up to 1 for two-valued samples. NAN for n < 4 or a constant sample. */
double wb_bimodality_coefficient(const double *x, size_t n);

/* Hartigan & Hartigan 1985: the largest difference between the empirical distribution function of x (n,
 * ascending) and the unimodal distribution function for which it is least; between 1/(2n) and 1/4. work holds
 * 4 n numbers. NAN for n = 0. n < 2^32. */
double wb_dip(const double *x, size_t n, uint32_t *work);

/* The probability that the dip of n independent draws from a uniform distribution is at least `dip`: the
 * least favourable unimodal case. (1 + number of so large dips) / (1 + simulations), from seeded samples of
 * min(n, 4096) draws: beyond that sqrt(n) dip has, within 2%, its limiting distribution. WB_NOMEM. */
wb_status wb_dip_p(double *p, double dip, size_t n, size_t simulations, uint64_t seed, wb_error *err);

#endif
