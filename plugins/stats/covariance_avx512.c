/* covariance_avx512.c: see covariance.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stimuli are turned into panels: eight units wide, stimulus after stimulus, in double and less the shift. A
 * tile of the products, eight rows by three vectors of columns, stays in registers while it runs down its
 * panels. A library's product would lay them out like this again for every tile that it is asked for.
 */
#include "covariance_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

enum {
  LANES = 8,
  ACROSS = WB_COVARIANCE_PAD / LANES, // panels side by side in a tile
  GROUP = 8,                          // panels that are filled together: 256 bytes of each stimulus
  DEPTH = 256                         // stimuli: a panel of them is half of a first-level cache
};

#define WB_INLINE static inline __attribute__((always_inline))

/* Units first .. first+LANES-1 of a stimulus, zero where there is none. */
WB_INLINE __m256 load_units(const float *row, size_t first, size_t units) {
  if (first + LANES <= units) return _mm256_loadu_ps(row + first);
  float some[LANES] = {0};
  if (first < units) memcpy(some, row + first, (units - first) * sizeof *some);
  return _mm256_loadu_ps(some);
}

/* `count` panels from unit `first` on, of p->n stimuli each; adds the units up. */
WB_INLINE void pack(double *panels, const wb_covariance *c, const wb_covariance_part *p, size_t first,
                    size_t count) {
  const __m256 least = _mm256_set1_ps(p->after_relu ? 0 : -INFINITY);
  __m512d sum[GROUP];
  for (size_t q = 0; q < count; q++) sum[q] = _mm512_setzero_pd();
  for (size_t s = 0; s < p->n; s++) {
    const float *row = p->x + (p->pick ? p->pick[s] : s) * c->units;
    for (size_t q = 0; q < count; q++) {
      const size_t unit = first + LANES * q;
      const __m256 x = _mm256_max_ps(least, load_units(row, unit, c->units)); // NAN stays
      const __m512d d = _mm512_cvtps_pd(x) - _mm512_loadu_pd(c->shift + unit);
      sum[q] += d;
      _mm512_store_pd(panels + LANES * (q * p->n + s), d);
    }
  }
  for (size_t q = 0; q < count; q++) {
    double *to = c->sum + first + LANES * q;
    _mm512_storeu_pd(to, _mm512_loadu_pd(to) + sum[q]);
  }
}

/* out (LANES, ACROSS * LANES) += rows' columns over `depth` stimuli; panels of columns are `next` apart. */
static void multiply(double *out, size_t stride, const double *rows, const double *columns, size_t next,
                     size_t depth) {
  __m512d sum[LANES][ACROSS];
  for (int i = 0; i < LANES; i++) {
    for (int a = 0; a < ACROSS; a++) sum[i][a] = _mm512_setzero_pd();
  }
  for (size_t s = 0; s < depth; s++, rows += LANES, columns += LANES) {
    const __m512d x = _mm512_load_pd(columns), y = _mm512_load_pd(columns + next),
                  z = _mm512_load_pd(columns + 2 * next);
    for (int i = 0; i < LANES; i++) {
      const __m512d r = _mm512_set1_pd(rows[i]);
      sum[i][0] += r * x;
      sum[i][1] += r * y;
      sum[i][2] += r * z;
    }
  }
  for (int i = 0; i < LANES; i++) {
    for (int a = 0; a < ACROSS; a++) {
      double *to = out + (size_t)i * stride + (size_t)a * LANES;
      _mm512_storeu_pd(to, _mm512_loadu_pd(to) + sum[i][a]);
    }
  }
}

/* Columns first .. first+23 of the lower triangle, and what lies above it in the tiles on the diagonal. */
static void multiply_column(const wb_covariance *c, const double *panels, size_t n, size_t first) {
  const size_t next = LANES * n;
  for (size_t s = 0; s < n; s += DEPTH) {
    const double *columns = panels + first * n + LANES * s;
    for (size_t row = first; row < c->stride; row += LANES)
      multiply(c->cross + row * c->stride + first, c->stride, panels + row * n + LANES * s, columns, next,
               n - s < DEPTH ? n - s : DEPTH);
  }
}

void wb_covariance_add_avx512(wb_covariance *c, const wb_covariance_part *p, double *panels) {
  const size_t wide = (size_t)LANES * GROUP;
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (size_t first = 0; first < c->stride; first += wide) {
      if (first + wide <= c->stride)
        pack(panels + first * p->n, c, p, first, GROUP);
      else
        pack(panels + first * p->n, c, p, first, (c->stride - first) / LANES);
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < c->stride; first += WB_COVARIANCE_PAD)
      multiply_column(c, panels, p->n, first);
  }
}
#endif
