/* optim.h: optimisers over flat arenas, one fused pass. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OPTIM_H
#define WB_OPTIM_H

#include <stddef.h>
#include <stdint.h>

typedef struct wb_adam {
  double rate, beta1, beta2, epsilon;
  double decay; // decoupled weight decay (AdamW); 0 for Adam
} wb_adam;

/* PyTorch's defaults but the rate: betas 0.9, 0.999, epsilon 1e-8, no decay. */
wb_adam wb_adam_default(double rate);

/* One step, `step` counting from 1, as torch.optim.Adam(W) does it. w, m, v, g (count). OpenMP; element-wise,
 * so the result does not depend on the threads. */
void wb_adam_step(float *w, float *m, float *v, const float *g, size_t count, const wb_adam *adam,
                  int64_t step);

/* Euclidean norm of g (count), double sums in a fixed order. */
double wb_norm(const float *g, size_t count);

#endif
