/* linear.c: fully connected layers and dropout. SPDX-License-Identifier: GPL-3.0-or-later */
#include "linear.h"
#include "base/rng.h"
#include "simd.h"

#include <cblas.h>
#include <string.h>

void wb_linear_forward(float *y, const float *x, const float *w, const float *b, int n, int ins, int outs) {
  for (int i = 0; i < n; i++) memcpy(y + (size_t)i * (size_t)outs, b, (size_t)outs * sizeof *b);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, outs, ins, 1, x, ins, w, ins, 1, y, outs);
}

/* y (outs) of one row, sixteen partial sums a product. */
WB_CLONES static void row_products(float *y, const float *x, const float *w, const float *b, int ins,
                                   int outs) {
  enum { LANES = 16 };
  for (int o = 0; o < outs; o++, w += ins) {
    float part[LANES] = {0}, sum = b[o];
    int i = 0;
    for (; i + LANES <= ins; i += LANES)
      for (int j = 0; j < LANES; j++) part[j] += x[i + j] * w[i + j];
    for (; i < ins; i++) sum += x[i] * w[i];
    for (int j = 0; j < LANES; j++) sum += part[j];
    y[o] = sum;
  }
}

void wb_linear_rows(float *y, const float *x, const float *w, const float *b, int n, int ins, int outs) {
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++)
    row_products(y + (size_t)i * (size_t)outs, x + (size_t)i * (size_t)ins, w, b, ins, outs);
}

static void column_sums(float *db, const float *dy, int n, int outs) {
#pragma omp parallel for schedule(static)
  for (int j = 0; j < outs; j++) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)dy[(size_t)i * (size_t)outs + (size_t)j];
    db[j] = (float)sum;
  }
}

void wb_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
                        int n, int ins, int outs) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outs, ins, n, 1, dy, outs, x, ins, 0, dw, ins);
  column_sums(db, dy, n, outs);
  if (dx)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, ins, outs, 1, dy, outs, w, ins, 0, dx, ins);
}

void wb_dropout_factors(float *factors, int n, int units, float p, uint64_t seed, uint64_t step) {
  const size_t count = (size_t)n * (size_t)units, blocks = (count + 3) / 4;
  const float kept = 1 / (1 - p);
  const wb_rng first = wb_rng_make(seed, "dropout", step);
#pragma omp parallel for schedule(static)
  for (size_t b = 0; b < blocks; b++) {
    wb_rng rng = first;
    rng.counter.v[0] = (uint32_t)b;
    for (size_t i = 4 * b; i < 4 * b + 4 && i < count; i++) factors[i] = wb_rng_uniform(&rng) < p ? 0 : kept;
  }
}
