/* lanes_avx2.h: eight floats at a time, for the AVX2 kernels of this folder. To be included by *_avx2.c only.
 *
 * The compilers' vector arithmetic is used as it is: `c + a * b` becomes one fused multiply-add.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_LANES_AVX2_H
#define WB_LANES_AVX2_H

#include <immintrin.h>
#include <stddef.h>

#define WB_INLINE static inline __attribute__((always_inline))

typedef __m256 v8;

WB_INLINE v8 load(const float *p) { // aligned to 32 bytes
  return _mm256_load_ps(p);
}

WB_INLINE void store(float *p, v8 a) {
  _mm256_store_ps(p, a);
}

WB_INLINE v8 all(float a) {
  return _mm256_set1_ps(a);
}

/* Sum of the eight, in a fixed order. */
WB_INLINE float sum_of(v8 a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* Transposes the 8x8 matrix whose rows are r[0..7]. */
WB_INLINE void transpose(v8 r[8]) {
  v8 pairs[8], fours[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; j++) {
      fours[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], 0x44);
      fours[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], 0xee);
    }
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
  }
}

#endif
