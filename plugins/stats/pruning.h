/* pruning.h: weights by magnitude; pure numerics. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PRUNING_H
#define WB_PRUNING_H

#include <stddef.h>
#include <stdint.h>

/* Positions of the n < 2^32 weights from the smallest magnitude to the largest, equal ones by position, in
 * the low 32 bits of order (n); the high ones are for sorting. */
void wb_magnitude_order(uint64_t *order, const float *weights, size_t n);

/* How many of n weights a share of 0 to 1 is: to the nearest. */
size_t wb_pruned_count(double share, size_t n);

/* The x where a curve y (n), from its first value on, has first fallen by `drop`, between points linearly;
 * NAN where it never does. x (n) ascending. */
double wb_share_of_drop(const double *x, const double *y, double drop, size_t n);

#endif
