/* winograd_gemm.h: the two matrix products inside our convolutions, for each instruction set. Private to the
 * engine. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WINOGRAD_GEMM_H
#define WB_WINOGRAD_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* The matrices of one product of all tiles of a block. `pitch`, the number of floats from one channel block
 * to the next, is a multiple of 8, at least 8 * tiles, and best an odd number of cache lines. */

/* Forward and backward-data, for one panel of 16 outputs: m[k][t] = sum over c of u[c][k] v[c][t].
 * m (2, pitch/8, 8), u (8 * in_blocks, 16), v (in_blocks, pitch/8, 8). */
typedef void wb_winograd_multiply(float *m, const float *v, const float *u, size_t pitch, int in_blocks,
                                  int tiles);

/* What backward-weights sums up for one filter: products that lie v_step and y_step floats apart. */
typedef struct wb_winograd_operands {
  const float *v, *y; // (in_blocks, pitch/8, 8), (out_blocks, pitch/8, 8) of the first product
  size_t pitch;
  int products;
  ptrdiff_t v_step, y_step;
  int in_blocks, out_blocks, tiles;
} wb_winograd_operands;

/* Backward-weights: d[c][k] = sum over products and t of v[c][t] y[k][t], added to d where `add`. Columns of
 * d are kept in groups of w blocks of 8, w = group(blocks left): for each group in turn (8 * in_blocks,
 * 8 * w). */
typedef void wb_winograd_correlate(float *d, const wb_winograd_operands *operands, bool add);

/* Number of output blocks that `correlate` multiplies at once when so many are left. */
typedef int wb_winograd_group(int blocks_left);

/* The kernels of an instruction set. */
typedef struct wb_winograd_gemm {
  int unit; // blocks of tiles are multiples of it, so that `multiply` has few remainders
  wb_winograd_multiply *multiply;
  wb_winograd_correlate *correlate;
  wb_winograd_group *group;
} wb_winograd_gemm;

extern const wb_winograd_gemm wb_winograd_gemm_avx2, wb_winograd_gemm_avx512;

#endif
