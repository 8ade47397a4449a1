/* vector_avx2.h: the few vector operations that our AVX2 kernels share.
 *
 * A v8 holds eight channels of one pixel. The compilers' vector arithmetic is used as it is: `c + a * b`
 * becomes one fused multiply-add. To be included by *_avx2.c only. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_VECTOR_AVX2_H
#define WB_VECTOR_AVX2_H

#include <immintrin.h>
#include <stdbool.h>

#define WB_INLINE static inline __attribute__((always_inline))

typedef __m256 v8;

WB_INLINE v8 load(const float *p) {
  return _mm256_load_ps(p);
}

WB_INLINE void store(float *p, v8 a) {
  _mm256_store_ps(p, a);
}

/* Stores, past the caches where `stream`: another thread sees it after a fence only. */
WB_INLINE void emit(float *p, v8 a, bool stream) {
  if (stream)
    _mm256_stream_ps(p, a);
  else
    _mm256_store_ps(p, a);
}

WB_INLINE v8 zero(void) {
  return _mm256_setzero_ps();
}

/* The larger of each pair; b where a is not a number. */
WB_INLINE v8 larger(v8 a, v8 b) {
  return _mm256_max_ps(a, b);
}

WB_INLINE v8 broadcast(const float *p) {
  return _mm256_broadcast_ss(p);
}

/* Brings the cache line of `p` closer, for reading or writing; any address will do. */
WB_INLINE void prefetch(const float *p) {
  _mm_prefetch((const char *)p, _MM_HINT_T0);
}

WB_INLINE void prefetch_write(const float *p) {
  __builtin_prefetch(p, 1);
}

/* Transposes the 8x8 matrix whose rows are r[0..7]. */
WB_INLINE void transpose(v8 r[8]) {
  v8 pairs[8], fours[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      fours[i + 2 * j] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], 0x44);
      fours[i + 2 * j + 1] = _mm256_shuffle_ps(pairs[i + j], pairs[i + 2 + j], 0xee);
    }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
  }
}

#endif
