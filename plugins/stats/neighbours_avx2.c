/* neighbours_avx2.c: see neighbours_internal.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "neighbours_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

size_t wb_neighbours_scan_avx2(uint16_t *hits, float *product, const float *norms, float norm,
                               const float *limits, float limit, size_t n) {
  const __m256 own = _mm256_set1_ps(norm), bound = _mm256_set1_ps(limit), zero = _mm256_setzero_ps();
  size_t count = 0, j = 0;
  for (; j + 8 <= n; j += 8) {
    const __m256 square =
        _mm256_max_ps(own + _mm256_loadu_ps(norms + j) + _mm256_loadu_ps(product + j), zero);
    const __m256 most = _mm256_max_ps(bound, _mm256_loadu_ps(limits + j));
    _mm256_storeu_ps(product + j, square);
    for (int mask = _mm256_movemask_ps(_mm256_cmp_ps(square, most, _CMP_LE_OQ)); mask; mask &= mask - 1)
      hits[count++] = (uint16_t)(j + (size_t)__builtin_ctz((unsigned)mask));
  }
  for (; j < n; j++) {
    const float square = norm + norms[j] + product[j];
    product[j] = square > 0 ? square : 0;
    if (product[j] <= limit || product[j] <= limits[j]) hits[count++] = (uint16_t)j;
  }
  return count;
}
#endif
