/* fastmath.h: small inline numerics that the compiler can vectorise, and sums that do not depend on threads.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_FASTMATH_H
#define WB_FASTMATH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 0 (in fact up to 88) within 2 units in the last place; 0 below -87, where float32 becomes
 * subnormal. NaN stays NaN. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor series to r^7. */
static inline float wb_exp_negative(float x) {
  const float magic = 0x1.8p23f; // adding it leaves the rounded integer in the low bits
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.f / 5040;
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000u; // 2^n
  float power;
  memcpy(&power, &bits, sizeof power);
  return x < -87.f ? 0.f : p * power;
}

/* Rounds to the nearest integer, ties to even, for |x| < 2^22. */
static inline float wb_round_even(float x) {
  return (x + 0x1.8p23f) - 0x1.8p23f;
}

/* A sum over n items runs in WB_PARTS parts, each from wb_part(k, n) to wb_part(k + 1, n), whatever the
 * number of threads; the parts are then added in order. */
enum { WB_PARTS = 64 };

static inline size_t wb_part(size_t k, size_t n) {
  return k * n / WB_PARTS;
}

static inline double wb_parts_sum(const double parts[WB_PARTS]) {
  double sum = 0;
  for (int k = 0; k < WB_PARTS; k++) sum += parts[k];
  return sum;
}

#endif
