/* tsne_convolve_avx2.c: see tsne_convolve.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rows first. Sixteen real rows become eight complex sequences: even rows are the real, odd ones the
 * imaginary part, and their spectra are told apart by symmetry. Of each row's spectrum the columns 0 ..
 * width/2 are kept, in groups of eight: element (row, column) of a group is lane `column` of the row's 16
 * floats. A group is then eight sequences along the other axis: transformed, multiplied and transformed back
 * while it is in the cache. Rows and columns of padding are never touched in memory.
 */
#include "tsne_convolve.h"

#if defined(__x86_64__)
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "fft_avx2.h"
#include "lanes_avx2.h"

enum { LANES = 8, ELEMENT = 16 }; // floats of one complex element of eight sequences

static size_t groups_of(size_t width) {
  return width / 2 / LANES + 1;
}

static float *new_floats(size_t count) {
  return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
}

/* Element k of the spectra of an even and an odd row from that of their sum row_even + i row_odd. */
WB_INLINE void split(v8 part[4], const float *z, size_t k, size_t n) {
  const float *a = z + ELEMENT * k, *b = z + ELEMENT * (k ? n - k : 0);
  const v8 half = all(0.5F);
  part[0] = half * (load(a) + load(b));
  part[1] = half * (load(a + 8) - load(b + 8));
  part[2] = half * (load(a + 8) + load(b + 8));
  part[3] = half * (load(b) - load(a));
}

/* Sixteen rows of the grid, of which cols are not zero, into the groups of columns. */
static void transform_rows(const wb_convolver *c, const float *grid, size_t block, size_t cols, size_t stride,
                           float *x, float *y) {
  const size_t n = c->width, first = ELEMENT * block;
  float *groups = c->transformed;
  for (size_t j = 0; j < cols; j += LANES) {
    for (size_t odd = 0; odd < 2; odd++) {
      v8 r[LANES];
      for (size_t l = 0; l < LANES; l++) r[l] = load(grid + (first + 2 * l + odd) * stride + j);
      transpose(r);
      for (size_t l = 0; l < LANES; l++) store(x + ELEMENT * (j + l) + 8 * odd, r[l]);
    }
  }
  const size_t filled = (cols + LANES - 1) / LANES * LANES;
  memset(x + ELEMENT * filled, 0, ELEMENT * (n - filled) * sizeof *x);
  const float *z = wb_fft_forward(c->fft_x, x, y);
  for (size_t g = 0; g < groups_of(n); g++) {
    v8 parts[4][LANES]; // even and odd rows, real and imaginary
    for (size_t l = 0; l < LANES; l++) {
      v8 part[4] = {all(0), all(0), all(0), all(0)};
      if (g * LANES + l <= n / 2) split(part, z, g * LANES + l, n);
      for (int p = 0; p < 4; p++) parts[p][l] = part[p];
    }
    for (int p = 0; p < 4; p++) transpose(parts[p]);
    float *out = groups + ELEMENT * (g * c->height + first);
    for (size_t l = 0; l < LANES; l++) {
      for (int p = 0; p < 4; p++) store(out + 2 * ELEMENT * l + (size_t)p * LANES, parts[p][l]);
    }
  }
}

/* The way back. */
static void restore_rows(const wb_convolver *c, float *grid, size_t block, size_t cols, size_t stride,
                         float *x, float *y) {
  const size_t n = c->width, first = ELEMENT * block;
  const float *groups = c->transformed;
  for (size_t g = 0; g < groups_of(n); g++) {
    const float *in = groups + ELEMENT * (g * c->height + first);
    v8 parts[4][LANES];
    for (size_t l = 0; l < LANES; l++) {
      for (int p = 0; p < 4; p++) parts[p][l] = load(in + 2 * ELEMENT * l + (size_t)p * LANES);
    }
    for (int p = 0; p < 4; p++) transpose(parts[p]);
    for (size_t l = 0; l < LANES && g * LANES + l <= n / 2; l++) {
      const size_t k = g * LANES + l;
      store(x + ELEMENT * k, parts[0][l] - parts[3][l]);
      store(x + ELEMENT * k + 8, parts[1][l] + parts[2][l]);
      if (k == 0 || k == n / 2) continue;
      store(x + ELEMENT * (n - k), parts[0][l] + parts[3][l]);
      store(x + ELEMENT * (n - k) + 8, parts[2][l] - parts[1][l]);
    }
  }
  const float *z = wb_fft_inverse(c->fft_x, x, y);
  for (size_t j = 0; j < cols; j += LANES) {
    for (size_t odd = 0; odd < 2; odd++) {
      v8 r[LANES];
      for (size_t l = 0; l < LANES; l++) r[l] = load(z + ELEMENT * (j + l) + 8 * odd);
      transpose(r);
      for (size_t l = 0; l < LANES; l++) store(grid + (first + 2 * l + odd) * stride + j, r[l]);
    }
  }
}

/* Convolves one group of columns along the other axis. */
static void convolve_group(const wb_convolver *c, size_t g, size_t rows, float *x, float *y) {
  const size_t n = c->height;
  float *group = (float *)c->transformed + ELEMENT * g * n;
  const float *spectrum = (const float *)c->spectrum + (size_t)LANES * g * n;
  memcpy(x, group, ELEMENT * rows * sizeof *x);
  memset(x + ELEMENT * rows, 0, ELEMENT * (n - rows) * sizeof *x);
  float *z = wb_fft_forward(c->fft_y, x, y);
  for (size_t k = 0; k < n; k++) {
    const v8 s = load(spectrum + LANES * k);
    store(z + ELEMENT * k, s * load(z + ELEMENT * k));
    store(z + ELEMENT * k + 8, s * load(z + ELEMENT * k + 8));
  }
  memcpy(group, wb_fft_inverse(c->fft_y, z, z == x ? y : x), ELEMENT * rows * sizeof *x);
}

/* The potential's spectrum is real, for it is even. */
static void spectrum_group(const wb_convolver *c, size_t g, float *x, float *y) {
  const size_t n = c->height;
  float *spectrum = (float *)c->spectrum + (size_t)LANES * g * n;
  memcpy(x, (const float *)c->transformed + ELEMENT * g * n, ELEMENT * n * sizeof *x);
  const float *z = wb_fft_forward(c->fft_y, x, y);
  for (size_t l = 0; l < LANES; l++) {
    const double along = wb_convolve_correction(g * LANES + l, c->width);
    for (size_t k = 0; k < n; k++) spectrum[LANES * k + l] = (float)((double)z[ELEMENT * k + l] * along);
  }
  for (size_t k = 0; k < n; k++) {
    const v8 across = all((float)wb_convolve_correction(k, n));
    store(spectrum + LANES * k, across * load(spectrum + LANES * k));
  }
}

static void fill_potential(float *grid, const wb_convolver *c) {
  const size_t width = c->width, height = c->height;
  const double square = c->spacing * c->spacing;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < height; i++) {
    const double y = (double)(i <= height / 2 ? i : height - i);
    for (size_t j = 0; j < width; j++) {
      const double x = (double)(j <= width / 2 ? j : width - j);
      grid[i * width + j] = (float)wb_convolve_potential(square * (x * x + y * y), c->shift);
    }
  }
}

static int make_memory(wb_convolver *c) {
  const size_t threads = (size_t)omp_get_max_threads(), need = groups_of(c->width) * c->height;
  if (need > c->capacity) { // with room to grow: the points spread out slowly
    free(c->spectrum);
    free(c->transformed);
    c->capacity = need + need / 4;
    c->spectrum = new_floats(LANES * c->capacity);
    c->transformed = new_floats(ELEMENT * c->capacity);
  }
  if (!c->fft_x || c->fft_x->n != c->width) {
    wb_fft_free(c->fft_x);
    c->fft_x = wb_fft_new(c->width);
  }
  if (!c->fft_y || c->fft_y->n != c->height) {
    wb_fft_free(c->fft_y);
    c->fft_y = wb_fft_new(c->height);
  }
  if (c->scratch_count < threads) {
    float **scratch = realloc(c->scratch, threads * sizeof *scratch);
    if (!scratch) return 0;
    c->scratch = scratch;
    while (c->scratch_count < threads) {
      float *one = new_floats(2 * (size_t)ELEMENT * WB_CONVOLVE_MOST);
      if (!one) return 0;
      c->scratch[c->scratch_count++] = one;
    }
  }
  return c->spectrum && c->transformed && c->fft_x && c->fft_y;
}

/* The calling thread's two buffers. */
static float *own_scratch(const wb_convolver *c, float **second) {
  float *first = c->scratch[omp_get_thread_num()];
  *second = first + (size_t)ELEMENT * WB_CONVOLVE_MOST;
  return first;
}

wb_status wb_convolver_prepare_avx2(wb_convolver *c, wb_error *err) {
  const size_t width = c->width, height = c->height;
  float *grid = new_floats(width * height);
  if (!grid || !make_memory(c)) {
    free(grid);
    return wb_fail_nomem(err, "the grid of t-SNE", 14 * width * height);
  }
  fill_potential(grid, c);
#pragma omp parallel
  {
    float *y, *x = own_scratch(c, &y);
#pragma omp for schedule(static)
    for (size_t b = 0; b < height / ELEMENT; b++) transform_rows(c, grid, b, width, width, x, y);
#pragma omp for schedule(static)
    for (size_t g = 0; g < groups_of(width); g++) spectrum_group(c, g, x, y);
  }
  free(grid);
  return WB_OK;
}

void wb_convolver_apply_avx2(const wb_convolver *c, float *grid, size_t rows, size_t cols, size_t stride) {
#pragma omp parallel
  {
    float *y, *x = own_scratch(c, &y);
#pragma omp for schedule(static)
    for (size_t b = 0; b < rows / ELEMENT; b++) transform_rows(c, grid, b, cols, stride, x, y);
#pragma omp for schedule(static)
    for (size_t g = 0; g < groups_of(c->width); g++) convolve_group(c, g, rows, x, y);
#pragma omp for schedule(static)
    for (size_t b = 0; b < rows / ELEMENT; b++) restore_rows(c, grid, b, cols, stride, x, y);
  }
}

void wb_convolver_free_avx2(wb_convolver *c) {
  wb_fft_free(c->fft_x);
  wb_fft_free(c->fft_y);
  for (size_t k = 0; k < c->scratch_count; k++) free(c->scratch[k]);
  free(c->scratch);
}
#endif
