/* fft_avx2.h: complex Fourier transforms of eight sequences at once. To be included by *_avx2.c only.
 *
 * Element k of the eight sequences is 16 floats: eight real parts, eight imaginary ones.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_FFT_AVX2_H
#define WB_FFT_AVX2_H

#include <stddef.h>

enum { WB_FFT_MOST_PASSES = 16 };

typedef struct wb_fft {
  size_t n; // 2^a 3^b 5^c
  int passes;
  int radix[WB_FFT_MOST_PASSES];
  float *twiddles[WB_FFT_MOST_PASSES]; // cos, sin of the radix - 1 factors of each butterfly
} wb_fft;

wb_fft *wb_fft_new(size_t n); // NULL without memory
void wb_fft_free(wb_fft *f);

/* Transforms x (n, 16), using y (n, 16) of the same size; both are overwritten. Returns the one that holds
 * the result. The inverse is not scaled. */
float *wb_fft_forward(const wb_fft *f, float *x, float *y);
float *wb_fft_inverse(const wb_fft *f, float *x, float *y);

#endif
