/* bimodality.c: see bimodality.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bimodality.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

enum { LARGEST_SAMPLE = 4096 };

double wb_bimodality_coefficient(const double *x, size_t n) {
  if (n < 4) return NAN;
  const double count = (double)n;
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  for (size_t i = 0; i < n; i++) mean += x[i] / count;
  for (size_t i = 0; i < n; i++) {
    const double d = x[i] - mean;
    m2 += d * d / count;
    m3 += d * d * d / count;
    m4 += d * d * d * d / count;
  }
  if (!(m2 > 1e-24 * mean * mean)) return NAN; // a constant, but for rounding
  const double skew = sqrt(count * (count - 1)) / (count - 2) * m3 / pow(m2, 1.5);
  const double excess = ((count + 1) * (m4 / (m2 * m2) - 3) + 6) * (count - 1) / ((count - 2) * (count - 3));
  return (skew * skew + 1) / (excess + 3 * (count - 1) * (count - 1) / ((count - 2) * (count - 3)));
}

/* ---- The dip: Hartigan 1985, Applied Statistics algorithm 217, with Maechler's corrections ---- */

/* Of the distribution function through (x[i], i): for each i the previous corner of the greatest convex
 * minorant of points 0 .. i, and the next corner of the least concave majorant of points i .. n-1. */
static void find_corners(uint32_t *previous, uint32_t *next, const double *x, size_t n) {
  previous[0] = 0;
  for (uint32_t j = 1; j < n; j++) {
    uint32_t k = j - 1;
    while (k != 0) {
      const uint32_t l = previous[k];
      if ((x[j] - x[k]) * (k - l) < (x[k] - x[l]) * (j - k)) break;
      k = l;
    }
    previous[j] = k;
  }
  next[n - 1] = (uint32_t)n - 1;
  for (uint32_t j = (uint32_t)n - 1; j-- > 0;) {
    uint32_t k = j + 1;
    while (k != n - 1) {
      const uint32_t l = next[k];
      if ((x[k] - x[j]) * (l - k) < (x[l] - x[k]) * (k - j)) break;
      k = l;
    }
    next[j] = k;
  }
}

/* Corners of the minorant, from `high` down, and of the majorant, from `low` up, over points low .. high. */
typedef struct hull {
  uint32_t *minorant, *majorant;
  size_t minorant_count, majorant_count;
} hull;

static void list_corners(hull *h, const uint32_t *previous, const uint32_t *next, uint32_t low,
                         uint32_t high) {
  h->minorant_count = h->majorant_count = 0;
  for (uint32_t i = high;; i = previous[i]) {
    h->minorant[h->minorant_count++] = i;
    if (i <= low) break;
  }
  for (uint32_t i = low;; i = next[i]) {
    h->majorant[h->majorant_count++] = i;
    if (i >= high) break;
  }
}

/* The largest distance between majorant and minorant, in counts, at the corners *g and *l of them. */
static double widest_gap(const hull *h, const double *x, size_t *g, size_t *l) {
  double gap = 0;
  size_t ix = h->minorant_count - 2, iv = 1; // both walk towards higher x
  *g = h->minorant_count - 1;
  *l = h->majorant_count - 1;
  if (h->minorant_count == 2 && h->majorant_count == 2) return 1;
  for (;;) {
    const uint32_t lower = h->minorant[ix], upper = h->majorant[iv];
    if (lower > upper) { // the next corner is one of the majorant
      const uint32_t from = h->minorant[ix + 1];
      const double distance =
          (double)upper - from + 1 - (x[upper] - x[from]) * (lower - from) / (x[lower] - x[from]);
      if (distance >= gap) {
        gap = distance;
        *g = ix + 1;
        *l = iv;
      }
      iv++;
    } else {
      const uint32_t from = h->majorant[iv - 1];
      const double distance =
          (x[lower] - x[from]) * (upper - from) / (x[upper] - x[from]) - ((double)lower - from - 1);
      if (distance >= gap) {
        gap = distance;
        *g = ix;
        *l = iv;
      }
      if (ix > 0) ix--;
    }
    if (iv > h->majorant_count - 1) iv = h->majorant_count - 1;
    if (h->minorant[ix] == h->majorant[iv]) return gap;
  }
}

/* How far the points between two corners rise above (side 1) or fall below (side -1) the straight line. */
static double bulge(const double *x, uint32_t begin, uint32_t end, int side) {
  double most = 1;
  if (end - begin <= 1 || !(x[end] > x[begin])) return most;
  const double slope = (end - begin) / (x[end] - x[begin]);
  for (uint32_t i = begin; i <= end; i++)
    most = fmax(most, side * ((i - begin) - (x[i] - x[begin]) * slope) + 1);
  return most;
}

double wb_dip(const double *x, size_t n, uint32_t *work) {
  if (n == 0) return NAN;
  double dip = 1; // in units of 1 / (2 n)
  uint32_t *previous = work, *next = work + n, low = 0, high = (uint32_t)n - 1;
  hull h = {.minorant = work + 2 * n, .majorant = work + 3 * n};
  if (n < 2 || !(x[high] > x[low])) return dip / (2 * (double)n);
  find_corners(previous, next, x, n);
  for (;;) { // the modal interval low .. high shrinks
    size_t g, l;
    list_corners(&h, previous, next, low, high);
    const double gap = widest_gap(&h, x, &g, &l);
    if (gap < dip) break;
    for (size_t j = g; j + 1 < h.minorant_count; j++)
      dip = fmax(dip, bulge(x, h.minorant[j + 1], h.minorant[j], 1));
    for (size_t j = l; j + 1 < h.majorant_count; j++)
      dip = fmax(dip, bulge(x, h.majorant[j], h.majorant[j + 1], -1));
    if (low == h.minorant[g] && high == h.majorant[l]) break;
    low = h.minorant[g];
    high = h.majorant[l];
  }
  return dip / (2 * (double)n);
}

/* Order statistics of uniform draws, up to scale and shift: sums of exponential gaps. */
static void draw_sorted(double *x, size_t n, uint64_t seed, uint64_t index) {
  wb_rng rng = wb_rng_make(seed, "dip", index);
  double sum = 0;
  for (size_t i = 0; i < n; i++) x[i] = sum -= log(((double)wb_rng_u32(&rng) + 0.5) * 0x1p-32);
}

wb_status wb_dip_p(double *p, double dip, size_t n, size_t simulations, uint64_t seed, wb_error *err) {
  const size_t m = n < LARGEST_SAMPLE ? n : LARGEST_SAMPLE;
  const double least = dip * sqrt((double)n / (double)m) * (1 - 1e-12); // equal dips count despite rounding
  size_t larger = 0, failed = 0;
#pragma omp parallel reduction(+ : larger, failed)
  {
    double *x = malloc((m + 1) * sizeof *x);
    uint32_t *work = malloc((4 * m + 1) * sizeof *work);
    failed += !x || !work;
#pragma omp for schedule(static)
    for (size_t r = 0; r < simulations; r++) {
      if (!x || !work) continue;
      draw_sorted(x, m, seed, r);
      larger += wb_dip(x, m, work) >= least;
    }
    free(x);
    free(work);
  }
  if (failed)
    return wb_fail_nomem(err, "the dip test's samples", m * (sizeof(double) + 4 * sizeof(uint32_t)));
  *p = (1 + (double)larger) / (1 + (double)simulations);
  return WB_OK;
}
