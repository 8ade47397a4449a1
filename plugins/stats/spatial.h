/* spatial.h: which units count as neighbours, as a list of weighted pairs.
 *
 * Units lie row-major on a rows x cols grid, or at positions in the plane. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_SPATIAL_H
#define WB_SPATIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_pair {
  uint32_t i, j;  // i < j
  double weight;  // w_ij + w_ji
  double forward; // w_ij alone
} wb_pair;

typedef struct wb_spatial {
  size_t units, count;
  wb_pair *pairs;  // (count)
  double *row_sum; // (units): sum over j of w_ij
  double total;    // W: sum over all ordered pairs of w_ij
} wb_spatial;

typedef enum wb_neighbours { WB_ROOK, WB_QUEEN } wb_neighbours;

/* Binary weights between cells that share an edge (rook), or an edge or a corner (queen); on a torus opposite
 * borders touch. row_standardised divides each unit's weights by their sum. WB_INPUT where no two cells are
 * neighbours. */
wb_status wb_spatial_grid(wb_spatial *out, size_t rows, size_t cols, wb_neighbours neighbours, bool torus,
                          bool row_standardised, wb_error *err);

/* w_ij = 1 / d_ij between units at most `radius` apart; positions (units, 2); radius 0: all pairs. Units in
 * one place have no weight. WB_INPUT where no pair is left. */
wb_status wb_spatial_distance(wb_spatial *out, const double *positions, size_t units, double radius,
                              bool row_standardised, wb_error *err);

void wb_spatial_free(wb_spatial *spatial); // the contents, not the struct

#endif
