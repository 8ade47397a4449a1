/* tsne_mesh.h: the repulsion of t-SNE through a grid, in O(n log n).
 *
 * A particle mesh with one kind of charge: the points spread unit charges over a grid with cubic B-splines,
 * one convolution with K(r) = 1/(1 + r^2) makes their potential, and its value and gradient are read at the
 * points:
 *
 *     Z = sum_i potential(y_i) - n        K^2 (y_i - y_j) = -1/2 grad K        so that repulsion = -1/2 grad
 * potential
 *
 * The spacing is 1/4, less while the points are close together, more where they pass 225 units. Forces are
 * off by some 1e-3 of their root mean square. Bit-identical for any number of threads.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSNE_MESH_H
#define WB_TSNE_MESH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct wb_tsne_mesh wb_tsne_mesh;

/* For n points; avx2: with the kernels for such CPUs. WB_NOMEM. */
wb_status wb_tsne_mesh_new(wb_tsne_mesh **out, size_t n, bool avx2, wb_error *err);
void wb_tsne_mesh_free(wb_tsne_mesh *m);

/* repulsion (n, 2) at the points xy (n, 2), and Z in *z. WB_NOMEM. */
wb_status wb_tsne_mesh_repel(float *repulsion, double *z, wb_tsne_mesh *m, const float *xy, wb_error *err);

#endif
