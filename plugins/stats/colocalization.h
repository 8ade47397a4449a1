/* colocalization.h: how far apart correlated units lie. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_COLOCALIZATION_H
#define WB_COLOCALIZATION_H

#include <stddef.h>

/* For each of `count` thresholds: pairs (count), how many unordered pairs of units have r >= threshold, and
 * distance (count), their mean Euclidean distance, NAN where there is none. r (units, units) symmetric, of
 * which the lower triangle is used; positions (units, 2). *all: the mean distance of all pairs, NAN below two
 * units. The same bits for any number of threads. */
void wb_colocalization(double *distance, size_t *pairs, double *all, const double *r, const double *positions,
                       size_t units, const double *thresholds, size_t count);

#endif
