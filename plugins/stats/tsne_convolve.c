/* tsne_convolve.c: see tsne_convolve.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tsne_convolve.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_fft_complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t wb_convolve_side(size_t n) {
  for (size_t side = (n + 15) / 16 * 16;; side += 16) {
    size_t rest = side;
    while (rest % 2 == 0) rest /= 2;
    while (rest % 3 == 0) rest /= 3;
    while (rest % 5 == 0) rest /= 5;
    if (rest == 1) return side;
  }
}

double wb_convolve_potential(double square, int shift) {
  return (1 - shift - shift * square) / (1 + square);
}

double wb_convolve_correction(size_t k, size_t n) {
  const double symbol = (2 + cos(2 * M_PI * (double)k / (double)n)) / 3; // of 1/6, 4/6, 1/6
  return 1 / (symbol * symbol * (double)n);
}

/* ---- By GSL ---- */

/* Transforms `count` sequences of n complex numbers, `next` apart, whose elements are `stride` apart. */
static int transform(double *data, size_t n, size_t stride, size_t count, size_t next,
                     gsl_fft_direction way) {
  gsl_fft_complex_wavetable *table = gsl_fft_complex_wavetable_alloc(n);
  int failed = !table;
#pragma omp parallel reduction(| : failed)
  {
    gsl_fft_complex_workspace *work = gsl_fft_complex_workspace_alloc(n);
    failed |= !work;
#pragma omp for schedule(static)
    for (size_t i = 0; i < count; i++) {
      if (table && work) gsl_fft_complex_transform(data + 2 * i * next, stride, n, table, work, way);
    }
    if (work) gsl_fft_complex_workspace_free(work);
  }
  if (table) gsl_fft_complex_wavetable_free(table);
  return failed;
}

static int transform_both(double *data, size_t width, size_t height, size_t rows, gsl_fft_direction way) {
  if (way == gsl_fft_forward)
    return transform(data, width, 1, rows, width, way) || transform(data, height, width, width, 1, way);
  return transform(data, height, width, width, 1, way) || transform(data, width, 1, rows, width, way);
}

static wb_status prepare(wb_convolver *c, wb_error *err) {
  const size_t width = c->width, height = c->height;
  free(c->spectrum);
  free(c->transformed);
  double *data = c->transformed = malloc(2 * width * height * sizeof *data);
  double *spectrum = c->spectrum = malloc(width * height * sizeof *spectrum);
  if (!data || !spectrum) return wb_fail_nomem(err, "the grid of t-SNE", 3 * width * height * sizeof *data);
  for (size_t i = 0; i < height; i++) {
    for (size_t j = 0; j < width; j++) {
      const double y = c->spacing * (double)(i <= height / 2 ? i : height - i);
      const double x = c->spacing * (double)(j <= width / 2 ? j : width - j);
      data[2 * (i * width + j)] = wb_convolve_potential(x * x + y * y, c->shift);
      data[2 * (i * width + j) + 1] = 0;
    }
  }
  if (transform_both(data, width, height, height, gsl_fft_forward))
    return wb_fail_nomem(err, "the grid of t-SNE", width * sizeof *data);
  for (size_t i = 0; i < height; i++) {
    for (size_t j = 0; j < width; j++)
      spectrum[i * width + j] =
          data[2 * (i * width + j)] * wb_convolve_correction(i, height) * wb_convolve_correction(j, width);
  }
  return WB_OK;
}

static wb_status apply(const wb_convolver *c, float *grid, size_t rows, size_t cols, size_t stride,
                       wb_error *err) {
  const size_t width = c->width, height = c->height;
  double *data = c->transformed;
  const double *spectrum = c->spectrum;
  memset(data, 0, 2 * width * height * sizeof *data);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < cols; j++) data[2 * (i * width + j)] = (double)grid[i * stride + j];
  }
  int failed = transform_both(data, width, height, rows, gsl_fft_forward);
  for (size_t k = 0; k < width * height; k++) {
    data[2 * k] *= spectrum[k];
    data[2 * k + 1] *= spectrum[k];
  }
  failed = failed || transform_both(data, width, height, rows, gsl_fft_backward);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < cols; j++) grid[i * stride + j] = (float)data[2 * (i * width + j)];
  }
  return failed ? wb_fail_nomem(err, "the grid of t-SNE", width * sizeof *data) : WB_OK;
}

/* ---- Either ---- */

wb_status wb_convolver_prepare(wb_convolver *c, size_t width, size_t height, double spacing, int shift,
                               wb_error *err) {
  c->shift = shift;
  c->width = width;
  c->height = height;
  c->spacing = spacing;
#if defined(__x86_64__)
  if (c->avx2) return wb_convolver_prepare_avx2(c, err);
#endif
  return prepare(c, err);
}

wb_status wb_convolver_apply(const wb_convolver *c, float *grid, size_t rows, size_t cols, size_t stride,
                             wb_error *err) {
#if defined(__x86_64__)
  if (c->avx2) {
    wb_convolver_apply_avx2(c, grid, rows, cols, stride);
    return WB_OK;
  }
#endif
  return apply(c, grid, rows, cols, stride, err);
}

void wb_convolver_free(wb_convolver *c) {
  if (!c) return;
#if defined(__x86_64__)
  if (c->avx2) wb_convolver_free_avx2(c);
#endif
  free(c->spectrum);
  free(c->transformed);
  *c = (wb_convolver){0};
}
