/* pruning.c: see pruning.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "pruning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The bits of floats without a sign are ordered like the floats. */
void wb_magnitude_order(uint64_t *order, const float *weights, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const float magnitude = fabsf(weights[i]);
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    order[i] = (uint64_t)bits << 32 | i;
  }
  qsort(order, n, sizeof *order, ascending);
}

size_t wb_pruned_count(double share, size_t n) {
  return (size_t)llround(share * (double)n);
}

double wb_share_of_drop(const double *x, const double *y, double drop, size_t n) {
  const double level = y[0] - drop;
  for (size_t i = 1; i < n; i++)
    if (y[i] <= level) return x[i - 1] + (x[i] - x[i - 1]) * (y[i - 1] - level) / (y[i - 1] - y[i]);
  return NAN;
}
