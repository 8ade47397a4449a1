/* winograd_gemm_avx2.c: see winograd_gemm.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both kernels keep 12 accumulators in the 16 vector registers. A fused multiply-add takes four cycles and
 * two start in each, so 8 would hide its latency; 12 also let 7 or 8 loads, two a cycle, feed 12
 * multiply-adds.
 *
 *   multiply    6 tiles x 16 outputs: for each channel, two vectors of U times six broadcast values of V
 *   correlate   4 channels x 24 outputs: for each tile, three vectors of Y times four broadcast values of V
 *
 * The compiler would keep an array of accumulators in memory, so each has a name, made by macros: TILES3(OP)
 * stands for OP(0) OP(1) OP(2).
 */
#include "winograd_gemm.h"

#if defined(__x86_64__)
#include "vector_avx2.h"

#define TILES1(OP) OP(0)
#define TILES2(OP) TILES1(OP) OP(1)
#define TILES3(OP) TILES2(OP) OP(2)
#define TILES4(OP) TILES3(OP) OP(3)
#define TILES5(OP) TILES4(OP) OP(4)
#define TILES6(OP) TILES5(OP) OP(5)

/* Tile t: outputs 0-7 in low##t, 8-15 in high##t. */
#define CLEAR_TILE(t) v8 low##t = zero(), high##t = zero();
#define MULTIPLY_TILE(t)                                                                                     \
  {                                                                                                          \
    const v8 x = broadcast(v + 8 * (t) + c);                                                                 \
    low##t = low##t + x * u_low;                                                                             \
    high##t = high##t + x * u_high;                                                                          \
  }
#define STORE_TILE(t)                                                                                        \
  store(m + 8 * (t), low##t);                                                                                \
  store(m + pitch + 8 * (t), high##t);

/* A channel block holds 6 tiles in three cache lines; the next call will want the three after them. */
#define MULTIPLY(tiles)                                                                                      \
  static __attribute__((noinline)) void multiply##tiles(float *m, const float *v, const float *u,            \
                                                        size_t pitch, int in_blocks) {                       \
    TILES##tiles(CLEAR_TILE);                                                                                \
    for (int b = 0; b < in_blocks; b++, v += pitch) {                                                        \
      prefetch(v + 48);                                                                                      \
      prefetch(v + 64);                                                                                      \
      prefetch(v + 80);                                                                                      \
      for (int c = 0; c < 8; c++, u += 16) {                                                                 \
        const v8 u_low = load(u), u_high = load(u + 8);                                                      \
        TILES##tiles(MULTIPLY_TILE)                                                                          \
      }                                                                                                      \
    }                                                                                                        \
    TILES##tiles(STORE_TILE);                                                                                \
  }

MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)

static void multiply(float *m, const float *v, const float *u, size_t pitch, int in_blocks, int tiles) {
  for (; tiles >= 6; tiles -= 6, v += 48, m += 48) multiply6(m, v, u, pitch, in_blocks);
  if (tiles == 1) multiply1(m, v, u, pitch, in_blocks);
  if (tiles == 2) multiply2(m, v, u, pitch, in_blocks);
  if (tiles == 3) multiply3(m, v, u, pitch, in_blocks);
  if (tiles == 4) multiply4(m, v, u, pitch, in_blocks);
  if (tiles == 5) multiply5(m, v, u, pitch, in_blocks);
}

#define CHANNELS(OP, width)   OP(0, width) OP(1, width) OP(2, width) OP(3, width)
#define BLOCKS1(OP, c, width) OP(c, 0, width)
#define BLOCKS2(OP, c, width) BLOCKS1(OP, c, width) OP(c, 1, width)
#define BLOCKS3(OP, c, width) BLOCKS2(OP, c, width) OP(c, 2, width)

/* Channel c and output block k: sum##c##k. */
#define CLEAR(c, k, width)        v8 sum##c##k = zero();
#define MULTIPLY_ADD(c, k, width) sum##c##k = sum##c##k + x##c * y##k;
#define ADD(c, k, width)          sum##c##k = sum##c##k + load(d + 8 * ((width) * (c) + (k)));
#define STORE(c, k, width)        store(d + 8 * ((width) * (c) + (k)), sum##c##k);

#define CLEAR_ROW(c, width) BLOCKS##width(CLEAR, c, width)
#define ADD_ROW(c, width)   BLOCKS##width(ADD, c, width)
#define STORE_ROW(c, width) BLOCKS##width(STORE, c, width)
#define MULTIPLY_ADD_ROW(c, width)                                                                           \
  {                                                                                                          \
    const v8 x##c = broadcast(v + (c));                                                                      \
    BLOCKS##width(MULTIPLY_ADD, c, width)                                                                    \
  }
#define LOAD_Y1 const v8 y0 = load(y);
#define LOAD_Y2 LOAD_Y1 const v8 y1 = load(y + pitch);
#define LOAD_Y3 LOAD_Y2 const v8 y2 = load(y + 2 * pitch);

/* The sum over a block's tiles begins at zero and is then added to d: rounding errors grow with the tiles of
 * a block plus the number of blocks, not with all tiles. */
#define CORRELATE(width)                                                                                     \
  static __attribute__((noinline)) void correlate##width(float *d, const float *v, const float *y,           \
                                                         const wb_winograd_operands *o, bool add) {          \
    const size_t pitch = o->pitch;                                                                           \
    const ptrdiff_t v_rest = o->v_step - 8 * o->tiles, y_rest = o->y_step - 8 * o->tiles;                    \
    (void)pitch;                                                                                             \
    CHANNELS(CLEAR_ROW, width);                                                                              \
    for (int p = 0; p < o->products; p++, v += v_rest, y += y_rest)                                          \
      for (int t = 0; t < o->tiles; t++, v += 8, y += 8) {                                                   \
        LOAD_Y##width CHANNELS(MULTIPLY_ADD_ROW, width)                                                      \
      }                                                                                                      \
    if (add) {                                                                                               \
      CHANNELS(ADD_ROW, width)                                                                               \
    }                                                                                                        \
    CHANNELS(STORE_ROW, width)                                                                               \
  }

CORRELATE(1)
CORRELATE(2)
CORRELATE(3)

/* Three blocks at once, or less at the end. */
static int group(int blocks_left) {
  return blocks_left == 4 ? 2 : blocks_left < 3 ? blocks_left : 3;
}

static void correlate(float *d, const wb_winograd_operands *o, bool add) {
  for (int k = 0; k < o->out_blocks;) {
    const int width = group(o->out_blocks - k);
    for (int c = 0; c < 2 * o->in_blocks; c++, d += 4 * 8 * width) {
      const float *half = o->v + (c / 2) * o->pitch + (c % 2) * 4, *outputs = o->y + k * o->pitch;
      if (width == 3) correlate3(d, half, outputs, o, add);
      if (width == 2) correlate2(d, half, outputs, o, add);
      if (width == 1) correlate1(d, half, outputs, o, add);
    }
    k += width;
  }
}

const wb_winograd_gemm wb_winograd_gemm_avx2 = {
    .unit = 6, .multiply = multiply, .correlate = correlate, .group = group};

#endif
