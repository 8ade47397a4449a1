/* topo_norm.c: norms of weight rows, and the penalty that keeps them. See topo.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "optim.h"
#include "topo.h"

double wb_topo_mean_norm(const float *w, size_t units, size_t fan_in) {
  double sum = 0;
  for (size_t u = 0; u < units; u++) sum += wb_norm(w + u * fan_in, fan_in);
  return sum / (double)units;
}

/* dP/dw_u = 2 / units * (||w_u|| / norm - 1) / (norm ||w_u||) * w_u */
double wb_topo_norm_penalty(float *grad, const float *w, size_t units, size_t fan_in, double norm) {
  double sum = 0;
  for (size_t u = 0; u < units; u++) {
    const float *row = w + u * fan_in;
    const double own = wb_norm(row, fan_in), off = norm > 0 ? own / norm - 1 : 0;
    const double factor = own > 0 && norm > 0 ? 2 / (double)units * off / (norm * own) : 0;
    sum += off * off;
    for (size_t i = 0; grad && i < fan_in; i++) grad[u * fan_in + i] = (float)(factor * (double)row[i]);
  }
  return sum / (double)units;
}
