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
#include <omp.h>

enum {
  LANES = 8,
  ACROSS = WB_COVARIANCE_PAD / LANES, // panels side by side in a tile
  GROUP = 8,                          // panels that are filled together: 256 bytes of each stimulus
  DEPTH = 192                         // stimuli: 256 units of them are less than half of a second-level cache
};

#define WB_INLINE static inline __attribute__((always_inline))

/* `count` panels from unit `first` on, of p->n stimuli, zeros where there is no unit; adds the units up. */
WB_INLINE void pack(double *panels, const wb_covariance *c, const wb_covariance_part *p, size_t first,
                    size_t count) {
  const __m256 least = _mm256_set1_ps(p->after_relu ? 0 : -INFINITY);
  __m512d sum[GROUP], shift[GROUP];
  __mmask8 there[GROUP];
  for (size_t q = 0; q < count; q++) {
    const size_t unit = first + LANES * q, left = unit < c->units ? c->units - unit : 0;
    there[q] = left < LANES ? (__mmask8)((1U << left) - 1) : 0xff;
    shift[q] = _mm512_loadu_pd(c->shift + unit);
    sum[q] = _mm512_setzero_pd();
  }
  for (size_t s = 0; s < p->n; s++) {
    const float *row = p->x + (p->pick ? p->pick[s] : s) * c->units + first;
    for (size_t q = 0; q < count; q++) {
      const __m256 x = _mm256_max_ps(least, _mm256_maskz_loadu_ps(there[q], row + LANES * q)); // NAN stays
      const __m512d d = _mm512_cvtps_pd(x) - shift[q];
      sum[q] += d;
      _mm512_store_pd(panels + LANES * (q * p->n + s), d);
    }
  }
  for (size_t q = 0; q < count; q++) {
    double *to = c->sum + first + LANES * q;
    _mm512_storeu_pd(to, _mm512_loadu_pd(to) + sum[q]);
  }
}

/* out (LANES, across * LANES) += rows' columns over `depth` stimuli; panels of columns are `next` apart. */
WB_INLINE void multiply(double *out, size_t stride, const double *rows, const double *columns, size_t next,
                        size_t depth, int across) {
  __m512d sum[LANES][ACROSS];
  for (int i = 0; i < LANES; i++) {
    for (int a = 0; a < across; a++) {
      sum[i][a] = _mm512_setzero_pd();
      _mm_prefetch(out + (size_t)i * stride + (size_t)a * LANES, _MM_HINT_T0);
    }
  }
  for (size_t s = 0; s < depth; s++, rows += LANES, columns += LANES) {
    __m512d column[ACROSS];
    for (int a = 0; a < across; a++) column[a] = _mm512_load_pd(columns + (size_t)a * next);
    for (int i = 0; i < LANES; i++) {
      const __m512d row = _mm512_set1_pd(rows[i]);
      for (int a = 0; a < across; a++) sum[i][a] += row * column[a];
    }
  }
  for (int i = 0; i < LANES; i++) {
    for (int a = 0; a < across; a++) {
      double *to = out + (size_t)i * stride + (size_t)a * LANES;
      _mm512_storeu_pd(to, _mm512_loadu_pd(to) + sum[i][a]);
    }
  }
}

/* The same of a tile that begins `below` units below the diagonal, without panels of columns that lie above
 * it. */
static void multiply_tile(double *out, size_t stride, const double *rows, const double *columns, size_t next,
                          size_t depth, size_t below) {
  if (below == 0)
    multiply(out, stride, rows, columns, next, depth, 1);
  else if (below == LANES)
    multiply(out, stride, rows, columns, next, depth, 2);
  else
    multiply(out, stride, rows, columns, next, depth, ACROSS);
}

/* ---- The tiles of the lower triangle ----
 *
 * They are numbered down the columns of tiles, from the left; a thread has a run of them. */

typedef struct tile {
  size_t row, column; // its first
} tile;

/* Rows of tiles: those with a unit. */
static size_t row_tiles(const wb_covariance *c) {
  return (c->units + LANES - 1) / LANES;
}

static size_t count_tiles(const wb_covariance *c) {
  size_t count = 0;
  for (size_t first = 0; first < row_tiles(c); first += ACROSS) count += row_tiles(c) - first;
  return count;
}

static tile tile_at(const wb_covariance *c, size_t index) {
  size_t first = 0;
  for (; index >= row_tiles(c) - first; first += ACROSS) index -= row_tiles(c) - first;
  return (tile){(first + index) * LANES, first * LANES};
}

static tile next_tile(const wb_covariance *c, tile t) {
  t.row += LANES;
  if (t.row >= row_tiles(c) * LANES) t.row = t.column += WB_COVARIANCE_PAD;
  return t;
}

/* `count` tiles from `t` on. The stimuli are the outer loop: a block of all panels stays in the second-level
 * cache. */
static void multiply_tiles(const wb_covariance *c, const double *panels, size_t n, const tile first,
                           size_t count) {
  for (size_t s = 0; s < n; s += DEPTH) {
    tile t = first;
    for (size_t k = 0; k < count; k++, t = next_tile(c, t))
      multiply_tile(c->cross + t.row * c->stride + t.column, c->stride, panels + t.row * n + LANES * s,
                    panels + t.column * n + LANES * s, LANES * n, n - s < DEPTH ? n - s : DEPTH,
                    t.row - t.column);
  }
}

void wb_covariance_add_avx512(wb_covariance *c, const wb_covariance_part *p, double *panels) {
  const size_t wide = (size_t)LANES * GROUP, tiles = count_tiles(c);
#pragma omp parallel
  {
#pragma omp for schedule(dynamic)
    for (size_t first = 0; first < c->stride; first += wide) {
      if (first + wide <= c->stride)
        pack(panels + first * p->n, c, p, first, GROUP);
      else
        pack(panels + first * p->n, c, p, first, (c->stride - first) / LANES);
    }
    const size_t threads = (size_t)omp_get_num_threads(), thread = (size_t)omp_get_thread_num();
    const size_t begin = tiles * thread / threads, end = tiles * (thread + 1) / threads;
    if (begin < end) multiply_tiles(c, panels, p->n, tile_at(c, begin), end - begin);
  }
}
#endif
