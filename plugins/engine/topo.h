/* topo.h: topographic losses on a rows x cols grid of units, their analytic gradients, and their balancing
 * against the task loss. Formulas and sources: DEFINITIONS.md, "Topographic losses", "Balancing". Pure
 * functions; double sums. Units lie row-major on the grid; neighbours are Moore's (up to 8), without wrap.
 * OpenMP inside; bit-identical for a given number of threads.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TOPO_H
#define WB_TOPO_H

#include <stddef.h>
#include <stdint.h>

typedef enum wb_topo_distance { WB_TOPO_L2, WB_TOPO_COSINE, WB_TOPO_CORRELATION } wb_topo_distance;
typedef enum wb_topo_mean { WB_TOPO_PAIR_MEAN, WB_TOPO_UNIT_SUM } wb_topo_mean;

/* Weight similarity of the embedding layer's rows w (rows*cols, fan_in). Overwrites grad (same shape; may be
 * NULL) and returns the loss. The gradient at distance zero, and of a zero or constant row under cosine or
 * correlation, is zero. */
double wb_topo_ws(float *grad, const float *w, size_t rows, size_t cols, size_t fan_in,
                  wb_topo_distance distance, wb_topo_mean mean);

/* Activation similarity: mean over neighbour pairs of 1 - Pearson r over the batch; e (n, rows*cols). A
 * constant unit has r = 0 and no gradient. grad as e, overwritten, may be NULL; `work` holds
 * wb_topo_work(n, rows*cols) floats. */
double wb_topo_as(float *grad, const float *e, size_t n, size_t rows, size_t cols, float *work);

/* Global: mean over unordered unit pairs of (cos(e_i, e_j) - 1/(D_ij + 1))^2, coordinates scaled to [0, 1].
 * The cosine of a unit that is zero all over the batch is 0, without gradient. Otherwise as wb_topo_as. */
double wb_topo_global(float *grad, const float *e, size_t n, size_t rows, size_t cols, float *work);
size_t wb_topo_work(size_t n, size_t units);

/* Mean Euclidean norm of the rows of w (units, fan_in). */
double wb_topo_mean_norm(const float *w, size_t units, size_t fan_in);

/* Keeps the norms of rows near `norm`, against the collapse that ws invites:
 *   P = mean over rows of (||w_u|| / norm - 1)^2
 * (definition chosen by workbench). A zero row has no gradient; norm 0: P is 0. grad as w, overwritten, may
 * be NULL. */
double wb_topo_norm_penalty(float *grad, const float *w, size_t units, size_t fan_in, double norm);

/* Gradient-norm matching (Eq. 2-3 of Sander & Hasson): lambda is an exponential moving average. */
typedef struct wb_balance {
  double rho;
  double lambda;   // the average so far
  int32_t started; // 0 before the first step
} wb_balance;

/* target = clamp(rho * task / (topo + 1e-8), 0, 1e4); lambda <- 0.9 lambda + 0.1 target, the first step takes
 * the target itself. Returns lambda. */
double wb_balance_update(wb_balance *balance, double task_norm, double topo_norm);

/* The divisor pair rows <= cols of `units` closest to a square. */
void wb_grid_for_units(size_t units, size_t *rows, size_t *cols);

#endif
