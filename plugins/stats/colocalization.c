/* colocalization.c: see colocalization.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "colocalization.h"

#include <math.h>

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
      for (size_t t = 0; t < count; t++) {
        if (!(r[i * units + j] >= thresholds[t])) continue;
        distance[t] += d;
        pairs[t]++;
      }
    }
  }
  for (size_t t = 0; t < count; t++) distance[t] = pairs[t] ? distance[t] / (double)pairs[t] : (double)NAN;
  *all = units > 1 ? everything / ((double)units * ((double)units - 1) / 2) : (double)NAN;
}
