/* colocalization.c: see colocalization.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "colocalization.h"

#include <math.h>
#include <stdbool.h>

/* Adds a pair to the thresholds that its r reaches, without branches: nobody can foretell those. */
static inline void add_pair(double *restrict distance, size_t *restrict pairs,
                            const double *restrict thresholds, size_t count, double r, double d) {
  for (size_t t = 0; t < count; t++) {
    const bool reached = r >= thresholds[t];
    distance[t] += d * reached;
    pairs[t] += reached;
  }
}

void wb_colocalization(double *distance, size_t *pairs, double *all, const double *r, const double *positions,
                       size_t units, const double *thresholds, size_t count) {
  double everything = 0;
  for (size_t t = 0; t < count; t++) {
    distance[t] = 0;
    pairs[t] = 0;
  }
  for (size_t i = 0; i < units; i++) {
    for (size_t j = 0; j < i; j++) {
      const double dx = positions[2 * i] - positions[2 * j], dy = positions[2 * i + 1] - positions[2 * j + 1];
      const double d = sqrt(dx * dx + dy * dy);
      everything += d;
      add_pair(distance, pairs, thresholds, count, r[i * units + j], d);
    }
  }
  for (size_t t = 0; t < count; t++) distance[t] = pairs[t] ? distance[t] / (double)pairs[t] : (double)NAN;
  *all = units > 1 ? everything / ((double)units * ((double)units - 1) / 2) : (double)NAN;
}
