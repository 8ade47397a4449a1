/* tsne_forces.c: see tsne_forces.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tsne_forces.h"

#include <stdlib.h>

bool wb_stats_has_avx2(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

void wb_tsne_attract_plain(float *attraction, const float *xy, const wb_tsne_affinity *p) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < p->n; i++) {
    float fx = 0, fy = 0;
    for (uint64_t e = p->start[i]; e < p->start[i + 1]; e++) {
      const float *other = xy + 2 * (size_t)p->column[e];
      const float dx = xy[2 * i] - other[0], dy = xy[2 * i + 1] - other[1];
      const float pull = p->value[e] / (1 + dx * dx + dy * dy);
      fx += pull * dx;
      fy += pull * dy;
    }
    attraction[2 * i] = fx;
    attraction[2 * i + 1] = fy;
  }
}

enum { ROWS = 256 }; // points whose Z is summed before it enters the total, in a fixed order

double wb_tsne_repel_plain(float *repulsion, const float *xy, size_t n) {
  double z = 0;
#pragma omp parallel for schedule(static, 1) ordered
  for (size_t first = 0; first < n; first += ROWS) {
    const size_t end = n - first < ROWS ? n : first + ROWS;
    double part = 0;
    for (size_t i = first; i < end; i++) {
      float fx = 0, fy = 0, sum = 0;
      for (size_t j = 0; j < n; j++) {
        const float dx = xy[2 * i] - xy[2 * j], dy = xy[2 * i + 1] - xy[2 * j + 1];
        const float q = 1 / (1 + dx * dx + dy * dy);
        sum += q;
        fx += q * q * dx;
        fy += q * q * dy;
      }
      repulsion[2 * i] = fx;
      repulsion[2 * i + 1] = fy;
      part += (double)sum - 1; // without i itself
    }
#pragma omp ordered
    z += part;
  }
  return z;
}

size_t wb_tsne_repel_work(size_t n) {
  return (2 + 2 * WB_TSNE_CHUNKS) * ((n + 15) / 16 * 16);
}

void wb_tsne_attract(float *attraction, const float *xy, const wb_tsne_affinity *p) {
#if defined(__x86_64__)
  if (wb_stats_has_avx2()) {
    wb_tsne_attract_avx2(attraction, xy, p);
    return;
  }
#endif
  wb_tsne_attract_plain(attraction, xy, p);
}

double wb_tsne_repel(float *repulsion, float *work, const float *xy, size_t n) {
#if defined(__x86_64__)
  if (wb_stats_has_avx2()) return wb_tsne_repel_avx2(repulsion, work, xy, n);
#endif
  (void)work;
  return wb_tsne_repel_plain(repulsion, xy, n);
}
