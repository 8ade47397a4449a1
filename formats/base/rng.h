/* rng.h: counter-based random numbers (Philox4x32-10, Salmon et al. 2011, from Random123).
 *
 * A number is a pure function of (seed, stream, index, position): independent of threads and of the order of
 * calls, and there is no state to save. `stream` names the purpose ("dropout", "augment", ..), `index` the
 * thing it is drawn for (epoch and sample, say). Within a wb_rng, draws are consecutive positions.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_RNG_H
#define WB_RNG_H

#include <Random123/philox.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wb_rng {
  philox4x32_key_t key;
  philox4x32_ctr_t counter; // [0] block position, [1] stream, [2..3] index
  philox4x32_ctr_t block;   // the four numbers of the block last made
  unsigned left;            // how many of them are unused
} wb_rng;

/* 32-bit FNV-1a of a stream's name. */
static inline uint32_t wb_rng_stream(const char *name) {
  uint32_t h = 2166136261u;
  for (; *name; name++) h = (h ^ (uint32_t)(unsigned char)*name) * 16777619u;
  return h;
}

static inline wb_rng wb_rng_make(uint64_t seed, const char *stream, uint64_t index) {
  wb_rng r = {.key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}},
              .counter = {{0, wb_rng_stream(stream), (uint32_t)index, (uint32_t)(index >> 32)}}};
  return r;
}

static inline uint32_t wb_rng_u32(wb_rng *r) {
  if (!r->left) {
    r->block = philox4x32(r->counter, r->key);
    r->counter.v[0]++;
    r->left = 4;
  }
  return r->block.v[4 - r->left--];
}

/* Uniform on [0, 1), 24 bits. */
static inline float wb_rng_uniform(wb_rng *r) {
  return (float)(wb_rng_u32(r) >> 8) * 0x1p-24f;
}

/* Uniform on [low, high). */
static inline float wb_rng_range(wb_rng *r, float low, float high) {
  return low + (high - low) * wb_rng_uniform(r);
}

/* Uniform on {0, .., n-1}, n > 0, without bias (Lemire 2019). */
static inline uint32_t wb_rng_below(wb_rng *r, uint32_t n) {
  uint64_t m = (uint64_t)wb_rng_u32(r) * n;
  if ((uint32_t)m < n) {
    const uint32_t threshold = (uint32_t)-n % n;
    while ((uint32_t)m < threshold) m = (uint64_t)wb_rng_u32(r) * n;
  }
  return (uint32_t)(m >> 32);
}

/* Standard normal (Box-Muller, double precision, two uniforms a draw). */
static inline double wb_rng_normal(wb_rng *r) {
  const double u = ((double)wb_rng_u32(r) + 0.5) * 0x1p-32, v = (double)wb_rng_u32(r) * 0x1p-32;
  return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* Fisher-Yates shuffle of n items. */
static inline void wb_rng_shuffle(wb_rng *r, uint32_t *items, size_t n) {
  for (size_t i = n; i > 1; i--) {
    const uint32_t j = wb_rng_below(r, (uint32_t)i), t = items[i - 1];
    items[i - 1] = items[j];
    items[j] = t;
  }
}

#endif
