/* tsne_forces_avx2.c: see tsne_forces.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Repulsion goes once through every pair. Blocks of eight points are dealt out to CHUNKS parts, long and
 * short ones alike; each part adds up its own forces, and the parts are added in order, whichever thread made
 * them.
 */
#include "tsne_forces.h"

#if defined(__x86_64__)
#include <string.h>

#include "lanes_avx2.h"

enum { CHUNKS = WB_TSNE_CHUNKS };

static size_t padded(size_t n) {
  return (n + 15) / 16 * 16; // keeps every array on a cache line
}

/* Points a and b as x, y, x, y. */
WB_INLINE __m128 two_points(const float *xy, uint32_t a, uint32_t b) {
  const __m128 low = _mm_castpd_ps(_mm_load_sd((const double *)(const void *)(xy + 2 * (size_t)a)));
  return _mm_loadh_pi(low, (const __m64 *)(const void *)(xy + 2 * (size_t)b));
}

void wb_tsne_attract_avx2(float *attraction, const float *xy, const wb_tsne_affinity *p) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < p->n; i++) {
    const v8 xi = all(xy[2 * i]), yi = all(xy[2 * i + 1]);
    v8 fx = all(0), fy = all(0);
    for (uint64_t e = p->start[i]; e < p->start[i + 1]; e += 8) {
      const uint32_t *c = p->column + e;
      const v8 a = _mm256_set_m128(two_points(xy, c[4], c[5]), two_points(xy, c[0], c[1]));
      const v8 b = _mm256_set_m128(two_points(xy, c[6], c[7]), two_points(xy, c[2], c[3]));
      const v8 dx = xi - _mm256_shuffle_ps(a, b, 0x88), dy = yi - _mm256_shuffle_ps(a, b, 0xdd);
      const v8 pull = load(p->value + e) / (dx * dx + (dy * dy + all(1)));
      fx += pull * dx;
      fy += pull * dy;
    }
    attraction[2 * i] = sum_of(fx);
    attraction[2 * i + 1] = sum_of(fy);
  }
}

/* The pull of eight points on one, (*dx, *dy); adds their q to *z. */
WB_INLINE void interact(v8 *dx, v8 *dy, v8 *z, v8 x, v8 y, v8 other_x, v8 other_y) {
  *dx = x - other_x;
  *dy = y - other_y;
  const v8 q = all(1) / (*dx * *dx + (*dy * *dy + all(1)));
  *z += q;
  *dx *= q * q;
  *dy *= q * q;
}

/* Forces between points i, i + 1 and all from block on, added to fx, fy; returns the sum of q, each pair
 * twice. Inside the block every pair comes twice, a point with itself once. */
static float two_rows(float *fx, float *fy, const float *x, const float *y, size_t i, size_t block,
                      size_t n) {
  const v8 x0 = all(x[i]), y0 = all(y[i]), x1 = all(x[i + 1]), y1 = all(y[i + 1]);
  v8 fx0 = all(0), fy0 = all(0), fx1 = all(0), fy1 = all(0), z = all(0), dx, dy;
  for (size_t j = block + 8; j < n; j += 8) {
    const v8 xj = load(x + j), yj = load(y + j);
    v8 fxj = load(fx + j), fyj = load(fy + j);
    interact(&dx, &dy, &z, x0, y0, xj, yj);
    fx0 += dx;
    fy0 += dy;
    fxj -= dx;
    fyj -= dy;
    interact(&dx, &dy, &z, x1, y1, xj, yj);
    fx1 += dx;
    fy1 += dy;
    store(fx + j, fxj - dx);
    store(fy + j, fyj - dy);
  }
  z += z;
  const v8 xb = load(x + block), yb = load(y + block);
  interact(&dx, &dy, &z, x0, y0, xb, yb);
  fx[i] += sum_of(fx0 + dx);
  fy[i] += sum_of(fy0 + dy);
  interact(&dx, &dy, &z, x1, y1, xb, yb);
  fx[i + 1] += sum_of(fx1 + dx);
  fy[i + 1] += sum_of(fy1 + dy);
  return sum_of(z);
}

double wb_tsne_repel_avx2(float *repulsion, float *work, const float *xy, size_t n) {
  const size_t width = padded(n), blocks = width / 8;
  float *x = work, *y = x + width, *parts = y + width;
  double part_z[CHUNKS] = {0}, z = -(double)width; // every point meets itself once
  for (size_t i = 0; i < width; i++) { // what fills up the last block is far from all and each other
    x[i] = i < n ? xy[2 * i] : 1e15F * (float)(i - n + 1);
    y[i] = i < n ? xy[2 * i + 1] : 0;
  }
#pragma omp parallel
  {
#pragma omp for schedule(dynamic, 1)
    for (size_t c = 0; c < CHUNKS; c++) {
      float *fx = parts + 2 * c * width, *fy = fx + width;
      memset(fx, 0, 2 * width * sizeof *fx);
      for (size_t b = 0; b < blocks; b++) {
        const size_t turn = b % (2 * CHUNKS), owner = turn < CHUNKS ? turn : 2 * CHUNKS - 1 - turn;
        for (size_t i = 8 * b; owner == c && i < 8 * b + 8; i += 2)
          part_z[c] += (double)two_rows(fx, fy, x, y, i, 8 * b, width);
      }
    }
#pragma omp for schedule(static)
    for (size_t i = 0; i < n; i++) {
      float fx = 0, fy = 0;
      for (size_t c = 0; c < CHUNKS; c++) {
        fx += parts[2 * c * width + i];
        fy += parts[(2 * c + 1) * width + i];
      }
      repulsion[2 * i] = fx;
      repulsion[2 * i + 1] = fy;
    }
  }
  for (size_t c = 0; c < CHUNKS; c++) z += part_z[c];
  return z;
}
#endif
