/* unit_stats.c: see unit_stats.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit_stats.h"

#include <math.h>

enum { CHUNK = 64 }; // units that one thread takes at a time

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
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
    const size_t end = smaller(first + CHUNK, units);
    for (size_t s = 0; s < n; s++) {
      for (size_t u = first; u < end; u++) {
        const double value = (double)x[s * units + u], d = value - sums[u].shift, r = value > 0 ? value : 0;
        sums[u].sum += d;
        sums[u].square += d * d;
        sums[u].r_sum += r;
        sums[u].r_square += r * r;
        sums[u].r_low = r < sums[u].r_low ? r : sums[u].r_low;
        sums[u].r_high = r > sums[u].r_high ? r : sums[u].r_high;
      }
    }
  }
}

void wb_unit_histograms_add(uint64_t *counts, const wb_unit_sums *sums, const float *x, size_t n,
                            size_t units) {
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < units; first += CHUNK) {
    const size_t end = smaller(first + CHUNK, units);
    double scale[CHUNK];
    for (size_t u = first; u < end; u++) {
      const double range = sums[u].r_high - sums[u].r_low;
      scale[u - first] = range > 0 ? WB_ENTROPY_BINS / range : 0;
    }
    for (size_t s = 0; s < n; s++) {
      for (size_t u = first; u < end; u++) {
        const double value = (double)x[s * units + u], r = value > 0 ? value : 0;
        const int bin = (int)((r - sums[u].r_low) * scale[u - first]);
        counts[u * WB_ENTROPY_BINS + (size_t)(bin < WB_ENTROPY_BINS ? bin : WB_ENTROPY_BINS - 1)]++;
      }
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
    for (size_t u = 0; u < units; u++) {
      const double r = x[s * units + u] > 0 ? (double)x[s * units + u] : 0;
      sum += r;
      square += r * r;
    }
    each[s] = wb_sparseness_of(sum, square, units, kind);
  }
}
