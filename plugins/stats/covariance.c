/* covariance.c: see covariance.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "covariance.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 128, CHUNK = 64 }; // units

size_t wb_covariance_bytes(size_t units) {
  return (units * units + 2 * units) * sizeof(double);
}

wb_status wb_covariance_init(wb_covariance *out, size_t units, wb_error *err) {
  double *memory = calloc(units * units + 2 * units, sizeof *memory);
  *out = (wb_covariance){.units = units};
  if (!memory) return wb_fail_nomem(err, "the covariance matrix", wb_covariance_bytes(units));
  out->cross = memory;
  out->shift = memory + units * units;
  out->sum = out->shift + units;
  return WB_OK;
}

void wb_covariance_free(wb_covariance *c) {
  if (!c) return;
  free(c->cross);
  *c = (wb_covariance){0};
}

void wb_covariance_reset(wb_covariance *c) {
  c->count = 0;
  memset(c->cross, 0, wb_covariance_bytes(c->units)); // shift and sum lie behind cross
}

/* work (n, units) = the picked rows less the shift, in double. */
static void gather(double *work, const wb_covariance *c, const float *x, const uint32_t *pick, size_t n,
                   bool after_relu) {
#pragma omp parallel for schedule(static)
  for (size_t s = 0; s < n; s++) {
    const float *row = x + (pick ? pick[s] : s) * c->units;
    double *out = work + s * c->units;
    for (size_t k = 0; k < c->units; k++)
      out[k] = (after_relu && row[k] < 0 ? 0 : (double)row[k]) - c->shift[k];
  }
}

/* sum (units) += the rows of work (n, units), each column in the order of the rows. */
static void add_rows(double *sum, const double *work, size_t n, size_t units) {
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < units; first += CHUNK) {
    const size_t end = units - first < CHUNK ? units : first + CHUNK;
    for (size_t s = 0; s < n; s++) {
      for (size_t k = first; k < end; k++) sum[k] += work[s * units + k];
    }
  }
}

/* Column means of the first block, rounded to float; the shift is still zero in work. */
static void choose_shift(wb_covariance *c, double *work, size_t n) {
  add_rows(c->shift, work, n, c->units);
  for (size_t k = 0; k < c->units; k++) c->shift[k] = (double)(float)(c->shift[k] / (double)n);
#pragma omp parallel for schedule(static)
  for (size_t s = 0; s < n; s++) {
    for (size_t k = 0; k < c->units; k++) work[s * c->units + k] -= c->shift[k];
  }
}

/* Fixed tiles of the lower triangle, each by one thread: the same sums for any number of threads. */
static void accumulate(wb_covariance *c, const double *work, size_t n) {
  const size_t units = c->units, tiles = (units + TILE - 1) / TILE;
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t t = 0; t < tiles * tiles; t++) {
    const size_t i = t / tiles * TILE, j = t % tiles * TILE;
    if (j > i) continue;
    const int rows = (int)(units - i < TILE ? units - i : TILE), ld = (int)units;
    if (i == j) {
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, rows, (int)n, 1.0, work + i, ld, 1.0,
                  c->cross + i * units + j, ld);
    } else {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, TILE, (int)n, 1.0, work + i, ld, work + j,
                  ld, 1.0, c->cross + i * units + j, ld);
    }
  }
}

void wb_covariance_add(wb_covariance *c, const float *x, const uint32_t *pick, size_t n, bool after_relu,
                       double *work) {
  if (n == 0) return;
  gather(work, c, x, pick, n, after_relu);
  if (c->count == 0) choose_shift(c, work, n);
  add_rows(c->sum, work, n, c->units);
  accumulate(c, work, n);
  c->count += n;
}

void wb_covariance_mean(double *mean, const wb_covariance *c) {
  for (size_t k = 0; k < c->units; k++)
    mean[k] = c->count ? c->shift[k] + c->sum[k] / (double)c->count : (double)NAN;
}

/* Sum over stimuli of the product of two units' deviations from their means; i >= j. */
static double scatter(const wb_covariance *c, size_t i, size_t j) {
  return c->cross[i * c->units + j] - c->sum[i] * c->sum[j] / (double)c->count;
}

/* The same of one unit, 0 exactly where it is constant. */
static double square(const wb_covariance *c, size_t i) {
  return c->cross[i * c->units + i] > 0 ? fmax(scatter(c, i, i), 0) : 0;
}

void wb_covariance_matrix(double *out, const wb_covariance *c) {
  const size_t units = c->units;
  const double scale = c->count > 1 ? 1 / ((double)c->count - 1) : (double)NAN;
#pragma omp parallel for schedule(static, 16)
  for (size_t i = 0; i < units; i++) {
    for (size_t j = 0; j < i; j++) out[i * units + j] = out[j * units + i] = scale * scatter(c, i, j);
    out[i * units + i] = scale * square(c, i);
  }
}

size_t wb_correlation_matrix(double *r, bool *constant, const wb_covariance *c) {
  const size_t units = c->units;
  size_t found = 0;
  for (size_t i = 0; i < units; i++) { // 1 / length of the unit's deviations, on the diagonal for now
    const double s = square(c, i);
    r[i * units + i] = s > 0 ? 1 / sqrt(s) : 0;
    if (constant) constant[i] = !(s > 0);
    found += !(s > 0);
  }
#pragma omp parallel for schedule(static, 16)
  for (size_t i = 0; i < units; i++) {
    for (size_t j = 0; j < i; j++) {
      const double value = scatter(c, i, j) * r[i * units + i] * r[j * units + j];
      r[i * units + j] = r[j * units + i] = fmin(1, fmax(-1, value));
    }
  }
  for (size_t i = 0; i < units; i++) r[i * units + i] = r[i * units + i] > 0 ? 1 : 0;
  return found;
}

void wb_covariance_spectrum(double *sum, double *square_sum, const wb_covariance *c) {
  double trace = 0, frobenius = 0;
  for (size_t i = 0; i < c->units; i++) {
    double row = 0;
    for (size_t j = 0; j < i; j++) row += scatter(c, i, j) * scatter(c, i, j);
    const double diagonal = square(c, i);
    trace += diagonal;
    frobenius += 2 * row + diagonal * diagonal;
  }
  const double n = (double)c->count - 1;
  *sum = c->count > 1 ? trace / n : (double)NAN;
  *square_sum = c->count > 1 ? frobenius / (n * n) : (double)NAN;
}
