/* neighbours_internal.h: what the implementations of neighbours.h share. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_NEIGHBOURS_INTERNAL_H
#define WB_NEIGHBOURS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* The squared distances of one point to a block of n others, squares[j] = max(norm + norms[j] + product[j],
 * 0), in place of the products. hits: those that do not exceed `limit`, the point's own, or limits[j], the
 * other's. Returns how many. */
size_t wb_neighbours_scan_plain(uint16_t *hits, float *product, const float *norms, float norm,
                                const float *limits, float limit, size_t n);
size_t wb_neighbours_scan_avx2(uint16_t *hits, float *product, const float *norms, float norm,
                               const float *limits, float limit, size_t n);

#endif
