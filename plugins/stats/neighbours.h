/* neighbours.h: exact nearest neighbours by blocked matrix products. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_NEIGHBOURS_H
#define WB_NEIGHBOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* For each of n points x (n, d) its k < n nearest others by Euclidean distance, nearest first: index and
 * squared distance (n, k). Equally near points come by index. Squares are |a|^2 + |b|^2 - 2 ab in float: give
 * centred points. Bit-identical for any number of threads on one kind of CPU. Takes some 12 k bytes a point
 * while it works. WB_NOMEM. */
wb_status wb_neighbours(uint32_t *index, float *square, const float *x, size_t n, size_t d, size_t k,
                        wb_error *err);

#endif
