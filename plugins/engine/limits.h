/* limits.h: what this machine can do at most, measured on the spot. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_LIMITS_H
#define WB_LIMITS_H

typedef struct wb_limits {
  int threads;   // of OpenMP, that both were measured with
  double flops;  // float32 operations a second: multiply-adds of eight at a time, in registers, two each
  double memory; // bytes a second: a[i] = b[i] + s c[i], arrays beyond the caches, three numbers each
} wb_limits;

/* Takes about a fifth of a second and 100 MB. Zeros where there is no memory. */
wb_limits wb_limits_measure(void);

#endif
