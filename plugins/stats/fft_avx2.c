/* fft_avx2.c: see fft_avx2.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stockham's algorithm: each pass goes from one buffer to the other with a butterfly of radix 4, 5, 3 or 2,
 * and the result comes out in order. An inverse transform is a forward one with real and imaginary parts
 * exchanged at every load and store: `swap` is 0 or 8, the offset of what counts as the real part.
 */
#include "fft_avx2.h"

#if defined(__x86_64__)
#include <math.h>
#include <stdlib.h>

#include "lanes_avx2.h"

typedef struct complex8 {
  v8 re, im;
} complex8;

WB_INLINE complex8 get(const float *p, int swap) {
  return (complex8){load(p + swap), load(p + (8 ^ swap))};
}

WB_INLINE void put(float *p, int swap, complex8 a) {
  store(p + swap, a.re);
  store(p + (8 ^ swap), a.im);
}

WB_INLINE complex8 add(complex8 a, complex8 b) {
  return (complex8){a.re + b.re, a.im + b.im};
}

WB_INLINE complex8 sub(complex8 a, complex8 b) {
  return (complex8){a.re - b.re, a.im - b.im};
}

/* a + s b */
WB_INLINE complex8 add_scaled(complex8 a, float s, complex8 b) {
  return (complex8){a.re + all(s) * b.re, a.im + all(s) * b.im};
}

WB_INLINE complex8 scaled(float s, complex8 a) {
  return (complex8){all(s) * a.re, all(s) * a.im};
}

/* a - i b, a + i b */
WB_INLINE complex8 sub_i(complex8 a, complex8 b) {
  return (complex8){a.re + b.im, a.im - b.re};
}

WB_INLINE complex8 add_i(complex8 a, complex8 b) {
  return (complex8){a.re - b.im, a.im + b.re};
}

/* a times the twiddle factor (w[0], w[1]) */
WB_INLINE complex8 turned(complex8 a, const float *w) {
  const v8 c = _mm256_broadcast_ss(w), s = _mm256_broadcast_ss(w + 1);
  return (complex8){a.re * c - a.im * s, a.re * s + a.im * c};
}

/* One butterfly: radix inputs `from` apart, outputs `to` apart. */
WB_INLINE void butterfly2(const float *x, float *y, size_t from, size_t to, const float *w, int swap) {
  const complex8 a = get(x, swap), b = get(x + from, swap);
  put(y, swap, add(a, b));
  put(y + to, swap, turned(sub(a, b), w));
}

WB_INLINE void butterfly3(const float *x, float *y, size_t from, size_t to, const float *w, int swap) {
  const complex8 a = get(x, swap), b = get(x + from, swap), c = get(x + 2 * from, swap);
  const complex8 s = add(b, c), d = scaled(0.866025404F, sub(b, c)), h = add_scaled(a, -0.5F, s);
  put(y, swap, add(a, s));
  put(y + to, swap, turned(sub_i(h, d), w));
  put(y + 2 * to, swap, turned(add_i(h, d), w + 2));
}

WB_INLINE void butterfly4(const float *x, float *y, size_t from, size_t to, const float *w, int swap) {
  const complex8 a = get(x, swap), b = get(x + from, swap), c = get(x + 2 * from, swap),
                 d = get(x + 3 * from, swap);
  const complex8 t0 = add(a, c), t1 = sub(a, c), t2 = add(b, d), t3 = sub(b, d);
  put(y, swap, add(t0, t2));
  put(y + to, swap, turned(sub_i(t1, t3), w));
  put(y + 2 * to, swap, turned(sub(t0, t2), w + 2));
  put(y + 3 * to, swap, turned(add_i(t1, t3), w + 4));
}

WB_INLINE void butterfly5(const float *x, float *y, size_t from, size_t to, const float *w, int swap) {
  const float c1 = 0.309016994F, c2 = -0.809016994F, s1 = 0.951056516F,
              s2 = 0.587785252F; // of 72 and 144 degrees
  const complex8 a = get(x, swap), b = get(x + from, swap), c = get(x + 2 * from, swap),
                 d = get(x + 3 * from, swap), e = get(x + 4 * from, swap);
  const complex8 be = add(b, e), cd = add(c, d), b_e = sub(b, e), c_d = sub(c, d);
  const complex8 m1 = add_scaled(add_scaled(a, c2, cd), c1, be),
                 m2 = add_scaled(add_scaled(a, c1, cd), c2, be);
  const complex8 u1 = add_scaled(scaled(s2, c_d), s1, b_e), u2 = add_scaled(scaled(-s1, c_d), s2, b_e);
  put(y, swap, add(a, add(be, cd)));
  put(y + to, swap, turned(sub_i(m1, u1), w));
  put(y + 2 * to, swap, turned(sub_i(m2, u2), w + 2));
  put(y + 3 * to, swap, turned(add_i(m2, u2), w + 4));
  put(y + 4 * to, swap, turned(add_i(m1, u1), w + 6));
}

/* A pass over sequences of `length` = radix * m, `step` of them interleaved. */
#define PASS(radix)                                                                                          \
  static void pass##radix(const float *x, float *y, size_t m, size_t step, const float *w, int swap) {       \
    for (size_t p = 0; p < m; p++, w += 2 * ((radix)-1)) {                                                   \
      for (size_t q = 0; q < step; q++)                                                                      \
        butterfly##radix(x + 16 * (q + step * p), y + 16 * (q + (radix)*step * p), 16 * step * m, 16 * step, \
                         w, swap);                                                                           \
    }                                                                                                        \
  }

PASS(2)
PASS(3)
PASS(4)
PASS(5)

WB_INLINE float *transform(const wb_fft *f, float *x, float *y, int swap) {
  size_t length = f->n, step = 1;
  for (int k = 0; k < f->passes; k++) {
    const size_t radix = (size_t)f->radix[k], m = length / radix;
    (radix == 4   ? pass4
     : radix == 2 ? pass2
     : radix == 3 ? pass3
                  : pass5)(x, y, m, step, f->twiddles[k], swap);
    length = m;
    step *= radix;
    float *t = x;
    x = y;
    y = t;
  }
  return x;
}

float *wb_fft_forward(const wb_fft *f, float *x, float *y) {
  return transform(f, x, y, 0);
}

float *wb_fft_inverse(const wb_fft *f, float *x, float *y) {
  return transform(f, x, y, 8);
}

wb_fft *wb_fft_new(size_t n) {
  wb_fft *f = calloc(1, sizeof *f);
  if (!f) return NULL;
  f->n = n;
  for (size_t length = n; length > 1;) {
    const size_t radix = length % 4 == 0 ? 4 : length % 5 == 0 ? 5 : length % 3 == 0 ? 3 : 2;
    const size_t m = length / radix;
    float *w = malloc(2 * (radix - 1) * m * sizeof *w);
    f->radix[f->passes] = (int)radix;
    f->twiddles[f->passes++] = w;
    if (!w) {
      wb_fft_free(f);
      return NULL;
    }
    for (size_t p = 0; p < m; p++) {
      for (size_t k = 1; k < radix; k++) {
        const double angle = -2 * M_PI * (double)(p * k) / (double)length;
        *w++ = (float)cos(angle);
        *w++ = (float)sin(angle);
      }
    }
    length = m;
  }
  return f;
}

void wb_fft_free(wb_fft *f) {
  if (!f) return;
  for (int k = 0; k < f->passes; k++) free(f->twiddles[k]);
  free(f);
}
#endif
