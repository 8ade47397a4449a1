/* winograd_gemm_avx2.h: the two matrix products inside our convolutions. Private to the engine.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WINOGRAD_GEMM_AVX2_H
#define WB_WINOGRAD_GEMM_AVX2_H

#include <stdbool.h>
#include <stddef.h>

/* The matrices of one product of all tiles of a block. `pitch`, the number of floats from one channel block
 * to the next, is a multiple of 8, at least 8 * tiles, and best an odd number of cache lines. */

/* Forward and backward-data, for one panel of 16 outputs: m[k][t] = sum over c of u[c][k] v[c][t].
 * m (2, pitch/8, 8), u (8 * in_blocks, 16), v (in_blocks, pitch/8, 8). */
void wb_winograd_multiply_avx2(float *m, const float *v, const float *u, size_t pitch, int in_blocks,
                               int tiles);

/* Backward-weights: d[c][k] = sum over t of v[c][t] y[k][t], added to d where `add`.
 * v (in_blocks, pitch/8, 8), y (out_blocks, pitch/8, 8). Columns of d are kept in groups of w blocks of 8, w
 * = wb_winograd_group(blocks left): for each group in turn (8 * in_blocks, 8 * w). */
void wb_winograd_correlate_avx2(float *d, const float *v, const float *y, size_t pitch, int in_blocks,
                                int out_blocks, int tiles, bool add);

/* Number of output blocks that are multiplied at once when so many are left: 3, or less at the end. */
static inline int wb_winograd_group(int blocks_left) {
  return blocks_left == 4 ? 2 : blocks_left < 3 ? blocks_left : 3;
}

#endif
