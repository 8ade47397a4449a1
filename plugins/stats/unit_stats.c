/* unit_stats.c: see unit_stats.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit_stats.h"

#include <math.h>

enum { CHUNK = 64 }; // units that one thread takes at a time

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* The sums of one chunk, each kind beside its own, so that units are added up several at a time. */
typedef struct chunk_sums {
  double shift[CHUNK], sum[CHUNK], square[CHUNK], r_sum[CHUNK], r_square[CHUNK], r_low[CHUNK], r_high[CHUNK];
} chunk_sums;

static void add_row(chunk_sums *c, const float *x, size_t count) {
#pragma omp simd
  for (size_t u = 0; u < count; u++) {
    const double value = (double)x[u], d = value - c->shift[u], r = value > 0 ? value : 0;
    c->sum[u] += d;
    c->square[u] += d * d;
    c->r_sum[u] += r;
    c->r_square[u] += r * r;
    c->r_low[u] = r < c->r_low[u] ? r : c->r_low[u];
    c->r_high[u] = r > c->r_high[u] ? r : c->r_high[u];
  }
}

void wb_unit_sums_add(wb_unit_sums *sums, const float *x, uint64_t before, size_t n, size_t units) {
  if (before == 0 && n > 0) {
    for (size_t u = 0; u < units; u++) {
      const double r = fmax((double)x[u], 0);
      sums[u] = (wb_unit_sums){.shift = (double)x[u], .r_low = r, .r_high = r};
    }
  }
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < units; first += CHUNK) {
    const size_t count = smaller(CHUNK, units - first);
    wb_unit_sums *own = sums + first;
    chunk_sums c;
    for (size_t u = 0; u < count; u++) {
      c.shift[u] = own[u].shift;
      c.sum[u] = own[u].sum;
      c.square[u] = own[u].square;
      c.r_sum[u] = own[u].r_sum;
      c.r_square[u] = own[u].r_square;
      c.r_low[u] = own[u].r_low;
      c.r_high[u] = own[u].r_high;
    }
    for (size_t s = 0; s < n; s++) add_row(&c, x + s * units + first, count);
    for (size_t u = 0; u < count; u++)
      own[u] = (wb_unit_sums){c.shift[u],    c.sum[u],   c.square[u], c.r_sum[u],
                              c.r_square[u], c.r_low[u], c.r_high[u]};
  }
}

void wb_unit_histograms_add(uint64_t *counts, const wb_unit_sums *sums, const float *x, size_t n,
                            size_t units) {
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < units; first += CHUNK) {
    const size_t count = smaller(CHUNK, units - first);
    uint64_t *own = counts + first * WB_ENTROPY_BINS;
    double low[CHUNK], scale[CHUNK];
    int bin[CHUNK];
    for (size_t u = 0; u < count; u++) {
      const double range = sums[first + u].r_high - sums[first + u].r_low;
      low[u] = sums[first + u].r_low;
      scale[u] = range > 0 ? WB_ENTROPY_BINS / range : 0;
    }
    for (size_t s = 0; s < n; s++) {
      const float *row = x + s * units + first;
#pragma omp simd
      for (size_t u = 0; u < count; u++) {
        const double value = (double)row[u], r = value > 0 ? value : 0;
        const int b = (int)((r - low[u]) * scale[u]);
        bin[u] = b < WB_ENTROPY_BINS ? b : WB_ENTROPY_BINS - 1;
      }
      for (size_t u = 0; u < count; u++) own[u * WB_ENTROPY_BINS + (size_t)bin[u]]++;
    }
  }
}

double wb_unit_variance(const wb_unit_sums *sums, uint64_t n) {
  const double count = (double)n;
  return n < 2 ? (double)NAN : fmax(0, sums->square - sums->sum * sums->sum / count) / (count - 1);
}

double wb_entropy_bits(const uint64_t *counts, size_t bins) {
  double total = 0, sum = 0;
  for (size_t b = 0; b < bins; b++) total += (double)counts[b];
  for (size_t b = 0; b < bins; b++) {
    if (counts[b]) sum -= (double)counts[b] / total * log2((double)counts[b] / total);
  }
  return total > 0 ? fmax(sum, 0) : (double)NAN;
}

double wb_sparseness_of(double sum, double square, uint64_t n, wb_sparseness kind) {
  const double count = (double)n;
  if (n < 2 || !(square > 0)) return NAN;
  const double s = kind == WB_HOYER ? (sqrt(count) - sum / sqrt(square)) / (sqrt(count) - 1)
                                    : (1 - sum * sum / (count * square)) / (1 - 1 / count);
  return fmin(1, fmax(0, s)); // but for rounding it is
}

void wb_population_sparseness(double *each, const float *x, size_t n, size_t units, wb_sparseness kind) {
#pragma omp parallel for schedule(static)
  for (size_t s = 0; s < n; s++) {
    double sum = 0, square = 0;
#pragma omp simd reduction(+ : sum, square)
    for (size_t u = 0; u < units; u++) {
      const double r = x[s * units + u] > 0 ? (double)x[s * units + u] : 0;
      sum += r;
      square += r * r;
    }
    each[s] = wb_sparseness_of(sum, square, units, kind);
  }
}
