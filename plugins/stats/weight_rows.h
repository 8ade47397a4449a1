/* weight_rows.h: lengths of weight vectors, and how alike those of neighbouring units are.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WEIGHT_ROWS_H
#define WB_WEIGHT_ROWS_H

#include "spatial.h"

/* norm (units): L2 norms of the rows of w (units, fan_in). */
void wb_row_norms(double *norm, const float *w, size_t units, size_t fan_in);

typedef enum wb_row_distance { WB_ROW_L2, WB_ROW_COSINE, WB_ROW_CORRELATION } wb_row_distance;

/* Distance of two vectors a, b (n): the L2 norm of a - b, 1 - cosine, or 1 - Pearson r; the latter two are 1
 * where a vector is zero or constant. */
double wb_row_distance_of(const float *a, const float *b, size_t n, wb_row_distance distance);

/* Sum over the pairs of neighbours of weight * distance between their rows of w (units, fan_in). */
double wb_neighbour_distance(const float *w, size_t fan_in, wb_row_distance distance,
                             const wb_spatial *spatial);

#endif
