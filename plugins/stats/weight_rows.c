/* weight_rows.c: see weight_rows.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "weight_rows.h"

#include <math.h>

void wb_row_norms(double *norm, const float *w, size_t units, size_t fan_in) {
  for (size_t i = 0; i < units; i++) {
    double square = 0;
    for (size_t k = 0; k < fan_in; k++) square += (double)w[i * fan_in + k] * (double)w[i * fan_in + k];
    norm[i] = sqrt(square);
  }
}

static double l2(const float *a, const float *b, size_t n) {
  double square = 0;
  for (size_t k = 0; k < n; k++) {
    const double difference = (double)a[k] - (double)b[k];
    square += difference * difference;
  }
  return sqrt(square);
}

/* The mean relative to the first value, which leaves no rounding of equal ones. */
static double mean_of(const float *a, size_t n) {
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += (double)a[k] - (double)a[0];
  return (double)a[0] + sum / (double)n;
}

double wb_row_distance_of(const float *a, const float *b, size_t n, wb_row_distance distance) {
  if (distance == WB_ROW_L2) return l2(a, b, n);
  const bool centred = distance == WB_ROW_CORRELATION;
  const double a0 = centred ? mean_of(a, n) : 0, b0 = centred ? mean_of(b, n) : 0;
  double aa = 0, bb = 0, ab = 0;
  for (size_t k = 0; k < n; k++) {
    const double x = (double)a[k] - a0, y = (double)b[k] - b0;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return aa > 0 && bb > 0 ? 1 - ab / sqrt(aa * bb) : 1;
}

double wb_neighbour_distance(const float *w, size_t fan_in, wb_row_distance distance,
                             const wb_spatial *spatial) {
  double sum = 0;
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    sum += p->weight * wb_row_distance_of(w + p->i * fan_in, w + p->j * fan_in, fan_in, distance);
  }
  return sum;
}
