/* topo_balance.c: balancing a topographic loss against the task loss. See topo.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "topo.h"

double wb_balance_update(wb_balance *balance, double task_norm, double topo_norm) {
  const double ratio = balance->rho * task_norm / (topo_norm + 1e-8);
  const double target = ratio < 0 ? 0 : ratio > 1e4 ? 1e4 : ratio;
  balance->lambda = balance->started ? 0.9 * balance->lambda + 0.1 * target : target;
  balance->started = 1;
  return balance->lambda;
}
