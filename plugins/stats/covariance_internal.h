/* covariance_internal.h: what the implementations of covariance.h share.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_COVARIANCE_INTERNAL_H
#define WB_COVARIANCE_INTERNAL_H

#include "covariance.h"

enum { WB_COVARIANCE_PAD = 24 }; // the stride of cross is a multiple of it

/* Stimuli to add: rows pick[0 .. n-1] of x, or 0 .. n-1 where pick is NULL, clamped at zero if after_relu. */
typedef struct wb_covariance_part {
  const float *x; // (.., units)
  const uint32_t *pick;
  size_t n;
  bool after_relu;
} wb_covariance_part;

/* Adds to c->sum and c->cross, but not to c->count. panels (n, stride), 64-byte aligned, is scratch. For CPUs
 * with AVX-512. */
void wb_covariance_add_avx512(wb_covariance *c, const wb_covariance_part *p, double *panels);

#endif
