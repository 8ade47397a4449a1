/* covariance.c: see covariance.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "covariance_internal.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 128, CHUNK = 64, ALIGN = 64 / sizeof(double) };
enum { LEAST_PART = 256, PART_ROOM = 1 << 18 }; // stimuli at once; numbers, 2 MB: they stay in the cache

static bool has_avx512(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

static size_t stride_of(size_t units) {
  return (units + WB_COVARIANCE_PAD - 1) / WB_COVARIANCE_PAD * WB_COVARIANCE_PAD;
}

size_t wb_covariance_bytes(size_t units) {
  return (stride_of(units) + 2) * stride_of(units) * sizeof(double);
}

/* How many stimuli are added at once. */
static size_t part_of(size_t stride) {
  return PART_ROOM / stride > LEAST_PART ? PART_ROOM / stride : LEAST_PART;
}

size_t wb_covariance_work(size_t units) {
  return part_of(stride_of(units)) * stride_of(units) + ALIGN;
}

wb_status wb_covariance_init(wb_covariance *out, size_t units, wb_error *err) {
  const size_t stride = stride_of(units);
  double *memory = calloc(stride + 2, stride * sizeof *memory);
  *out = (wb_covariance){.units = units, .stride = stride, .plain = !has_avx512()};
  if (!memory) return wb_fail_nomem(err, "the covariance matrix", wb_covariance_bytes(units));
  out->cross = memory;
  out->shift = memory + stride * stride;
  out->sum = out->shift + stride;
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

static const float *row_of(const wb_covariance *c, const wb_covariance_part *p, size_t s) {
  return p->x + (p->pick ? p->pick[s] : s) * c->units;
}

/* Column means, rounded to float. */
static void choose_shift(wb_covariance *c, const wb_covariance_part *p) {
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < c->units; first += CHUNK) {
    const size_t end = c->units - first < CHUNK ? c->units : first + CHUNK;
    for (size_t s = 0; s < p->n; s++) {
      const float *row = row_of(c, p, s);
      for (size_t k = first; k < end; k++) c->shift[k] += p->after_relu && row[k] < 0 ? 0 : (double)row[k];
    }
    for (size_t k = first; k < end; k++) c->shift[k] = (double)(float)(c->shift[k] / (double)p->n);
  }
}

/* work (n, units) = the stimuli less the shift, added up in order. */
static void gather(double *work, wb_covariance *c, const wb_covariance_part *p) {
#pragma omp parallel for schedule(static)
  for (size_t first = 0; first < c->units; first += CHUNK) {
    const size_t end = c->units - first < CHUNK ? c->units : first + CHUNK;
    for (size_t s = 0; s < p->n; s++) {
      const float *row = row_of(c, p, s);
      double *out = work + s * c->units;
      for (size_t k = first; k < end; k++) {
        out[k] = (p->after_relu && row[k] < 0 ? 0 : (double)row[k]) - c->shift[k];
        c->sum[k] += out[k];
      }
    }
  }
}

/* Fixed tiles of the lower triangle, each by one thread: the same sums for any number of threads. */
static void multiply(wb_covariance *c, const double *work, size_t n) {
  const size_t units = c->units, tiles = (units + TILE - 1) / TILE;
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t t = 0; t < tiles * tiles; t++) {
    const size_t i = t / tiles * TILE, j = t % tiles * TILE;
    if (j > i) continue;
    const int rows = (int)(units - i < TILE ? units - i : TILE), ld = (int)units, stride = (int)c->stride;
    double *out = c->cross + i * c->stride + j;
    if (i == j) {
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, rows, (int)n, 1.0, work + i, ld, 1.0, out, stride);
    } else {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, TILE, (int)n, 1.0, work + i, ld, work + j,
                  ld, 1.0, out, stride);
    }
  }
}

static void add_part(wb_covariance *c, const wb_covariance_part *p, double *work) {
  if (c->count == 0) choose_shift(c, p);
  c->count += p->n;
#if defined(__x86_64__)
  if (!c->plain) {
    wb_covariance_add_avx512(c, p, work);
    return;
  }
#endif
  gather(work, c, p);
  multiply(c, work, p->n);
}

void wb_covariance_add(wb_covariance *c, const float *x, const uint32_t *pick, size_t n, bool after_relu,
                       double *work) {
  work += (ALIGN - (uintptr_t)work / sizeof *work % ALIGN) % ALIGN;
  const size_t part = part_of(c->stride);
  for (size_t s = 0; s < n; s += part) {
    const size_t count = n - s < part ? n - s : part;
    add_part(c, &(wb_covariance_part){pick ? x : x + s * c->units, pick ? pick + s : NULL, count, after_relu},
             work);
  }
}

void wb_covariance_mean(double *mean, const wb_covariance *c) {
  for (size_t k = 0; k < c->units; k++)
    mean[k] = c->count ? c->shift[k] + c->sum[k] / (double)c->count : (double)NAN;
}

/* Sum over stimuli of the product of two units' deviations from their means; i >= j. */
static double scatter(const wb_covariance *c, size_t i, size_t j) {
  return c->cross[i * c->stride + j] - c->sum[i] * c->sum[j] / (double)c->count;
}

/* The same of one unit, 0 exactly where it is constant. */
static double square(const wb_covariance *c, size_t i) {
  return c->cross[i * c->stride + i] > 0 ? fmax(scatter(c, i, i), 0) : 0;
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
