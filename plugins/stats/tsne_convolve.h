/* tsne_convolve.h: convolution of charges on a grid with the potential 1 / (1 + r^2), by Fourier transforms.
 *
 * Or with 1 / (1 + r^2) - 1: while all charges are near each other, rounding of the common 1 would hide the
 * rest.
 *
 * For charges spread, and a potential read, with cubic B-splines: the spectrum is divided by the squared
 * symbol of the B-spline, which makes the pair interpolate. On CPUs with AVX2 and FMA in float by our own
 * transform, else in double by GSL's. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSNE_CONVOLVE_H
#define WB_TSNE_CONVOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { WB_CONVOLVE_MOST = 2048 }; // the largest side

typedef struct wb_convolver {
  bool avx2;
  size_t width, height; // of the periodic grid
  double spacing;       // of its points
  int shift;            // 0, or 1: subtracted from the potential of each charge
  void *spectrum;       // of the potential, in the implementation's own layout
  void *transformed;    // of the charges
  size_t capacity, scratch_count;
  struct wb_fft *fft_x, *fft_y; // AVX2 only
  float **scratch;              // AVX2 only: one for each thread
} wb_convolver;

/* The least multiple of 16 with no prime factors but 2, 3, 5 that is at least n. */
size_t wb_convolve_side(size_t n);

/* The spectrum of the potential, less `shift`, on a periodic grid of width x height (from wb_convolve_side,
 * at most WB_CONVOLVE_MOST) points `spacing` apart. Start with c zero but for avx2. WB_NOMEM. */
wb_status wb_convolver_prepare(wb_convolver *c, size_t width, size_t height, double spacing, int shift,
                               wb_error *err);

/* grid (rows, stride): charges in the first cols columns, zero from there to the next multiple of 8, become
 * the potential. cols is at most half of the width, rows at most half of the height and then a multiple of 16
 * (zero rows below the charges). grid is 32-byte aligned, stride a multiple of 8. WB_NOMEM. */
wb_status wb_convolver_apply(const wb_convolver *c, float *grid, size_t rows, size_t cols, size_t stride,
                             wb_error *err);

void wb_convolver_free(wb_convolver *c); // the contents, not the struct

/* Private: what the two implementations share. */

/* 1 / (1 + square) - shift, without cancellation. */
double wb_convolve_potential(double square, int shift);

/* 1 / (squared symbol of the cubic B-spline * n) at frequency k of n. */
double wb_convolve_correction(size_t k, size_t n);
wb_status wb_convolver_prepare_avx2(wb_convolver *c, wb_error *err);
void wb_convolver_apply_avx2(const wb_convolver *c, float *grid, size_t rows, size_t cols, size_t stride);
void wb_convolver_free_avx2(wb_convolver *c);

#endif
