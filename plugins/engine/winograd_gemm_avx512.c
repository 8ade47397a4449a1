/* winograd_gemm_avx512.c: see winograd_gemm.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Of the 32 vector registers of 16 floats up to 24 are accumulators. CPUs that do one multiply-add of this
 * width in a cycle have hidden its latency with four of them; the more, the less is loaded:
 *
 *   multiply    up to 14 tiles x 16 outputs: for each channel, one vector of U times a value of V per tile,
 *               which the multiply-add itself reads and broadcasts. Remainders are shared out evenly, 16
 * tiles being 8 and 8. correlate   8 channels x 48, 32 or 16 outputs: for each tile, three to one vectors of
 * Y times eight values of V. A last block of 8 outputs is done with vectors of 8.
 *
 * The compiler would keep an array of accumulators in memory, so each has a name, made by macros: TILES3(OP)
 * stands for OP(0) OP(1) OP(2).
 */
#include "winograd_gemm.h"

#if defined(__x86_64__)
#include "conv_layout.h"
#include "vector_avx2.h"

typedef __m512 v16;

#define TILES1(OP)  OP(0)
#define TILES2(OP)  TILES1(OP) OP(1)
#define TILES3(OP)  TILES2(OP) OP(2)
#define TILES4(OP)  TILES3(OP) OP(3)
#define TILES5(OP)  TILES4(OP) OP(4)
#define TILES6(OP)  TILES5(OP) OP(5)
#define TILES7(OP)  TILES6(OP) OP(6)
#define TILES8(OP)  TILES7(OP) OP(7)
#define TILES9(OP)  TILES8(OP) OP(8)
#define TILES10(OP) TILES9(OP) OP(9)
#define TILES11(OP) TILES10(OP) OP(10)
#define TILES12(OP) TILES11(OP) OP(11)
#define TILES13(OP) TILES12(OP) OP(12)
#define TILES14(OP) TILES13(OP) OP(13)

#define CLEAR_TILE(t)    v16 sum##t = _mm512_setzero_ps();
#define MULTIPLY_TILE(t) sum##t = _mm512_fmadd_ps(_mm512_set1_ps(v[8 * (t) + c]), outputs, sum##t);
#define STORE_TILE(t)                                                                                        \
  store(m + 8 * (t), _mm512_castps512_ps256(sum##t));                                                        \
  store(m + pitch + 8 * (t), _mm512_extractf32x8_ps(sum##t, 1));

#define MULTIPLY(tiles)                                                                                      \
  static void multiply##tiles(float *m, const float *v, const float *u, size_t pitch, int in_blocks) {       \
    TILES##tiles(CLEAR_TILE);                                                                                \
    for (int b = 0; b < in_blocks; b++, v += pitch)                                                          \
      for (int c = 0; c < 8; c++, u += 16) {                                                                 \
        const v16 outputs = _mm512_load_ps(u);                                                               \
        TILES##tiles(MULTIPLY_TILE)                                                                          \
      }                                                                                                      \
    TILES##tiles(STORE_TILE);                                                                                \
  }

MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(3)
MULTIPLY(4)
MULTIPLY(5)
MULTIPLY(6)
MULTIPLY(7)
MULTIPLY(8)
MULTIPLY(9)
MULTIPLY(10)
MULTIPLY(11)
MULTIPLY(12)
MULTIPLY(13)
MULTIPLY(14)

static void (*const multiply_tiles[])(float *, const float *, const float *, size_t, int) = {
    NULL,      multiply1, multiply2,  multiply3,  multiply4,  multiply5,  multiply6, multiply7,
    multiply8, multiply9, multiply10, multiply11, multiply12, multiply13, multiply14};
enum { MOST_TILES = 14 };

static void multiply(float *m, const float *v, const float *u, size_t pitch, int in_blocks, int tiles) {
  for (int parts = wb_divide_up(tiles, MOST_TILES); parts > 0; parts--) {
    const int count = wb_divide_up(tiles, parts);
    multiply_tiles[count](m, v, u, pitch, in_blocks);
    m += 8 * count, v += 8 * count, tiles -= count;
  }
}

#define CHANNELS(OP, width)                                                                                  \
  OP(0, width) OP(1, width) OP(2, width) OP(3, width) OP(4, width) OP(5, width) OP(6, width) OP(7, width)
#define PAIRS1(OP, c, width) OP(c, 0, width)
#define PAIRS2(OP, c, width) PAIRS1(OP, c, width) OP(c, 1, width)
#define PAIRS3(OP, c, width) PAIRS2(OP, c, width) OP(c, 2, width)

/* Channel c and pair k of output blocks: sum##c##k. */
#define CLEAR(c, k, width)        v16 sum##c##k = _mm512_setzero_ps();
#define MULTIPLY_ADD(c, k, width) sum##c##k = _mm512_fmadd_ps(x, y##k, sum##c##k);
#define ADD(c, k, width)          sum##c##k = sum##c##k + _mm512_load_ps(d + 16 * ((width) * (c) + (k)));
#define STORE(c, k, width)        _mm512_store_ps(d + 16 * ((width) * (c) + (k)), sum##c##k);

#define CLEAR_ROW(c, width) PAIRS##width(CLEAR, c, width)
#define ADD_ROW(c, width)   PAIRS##width(ADD, c, width)
#define STORE_ROW(c, width) PAIRS##width(STORE, c, width)
#define MULTIPLY_ADD_ROW(c, width)                                                                           \
  {                                                                                                          \
    const v16 x = _mm512_set1_ps(v[c]);                                                                      \
    PAIRS##width(MULTIPLY_ADD, c, width)                                                                     \
  }

/* One tile of the two channel blocks at y and y + pitch. */
WB_INLINE v16 load_pair(const float *y, size_t pitch) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(load(y)), load(y + pitch), 1);
}

#define LOAD_Y1 const v16 y0 = load_pair(y, pitch);
#define LOAD_Y2 LOAD_Y1 const v16 y1 = load_pair(y + 2 * pitch, pitch);
#define LOAD_Y3 LOAD_Y2 const v16 y2 = load_pair(y + 4 * pitch, pitch);

/* The sum over a block's tiles begins at zero and is then added to d: rounding errors grow with the tiles of
 * a block plus the number of blocks, not with all tiles. */
#define CORRELATE(width)                                                                                     \
  static void correlate_pairs##width(float *d, const float *v, const float *y,                               \
                                     const wb_winograd_operands *o, bool add) {                              \
    const size_t pitch = o->pitch;                                                                           \
    const ptrdiff_t v_rest = o->v_step - 8 * o->tiles, y_rest = o->y_step - 8 * o->tiles;                    \
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

/* The same with a single block of outputs. */
static void correlate_single(float *d, const float *v, const float *y, const wb_winograd_operands *o,
                             bool add) {
  const ptrdiff_t v_rest = o->v_step - 8 * o->tiles, y_rest = o->y_step - 8 * o->tiles;
  v8 sum[8];
  for (int c = 0; c < 8; c++) sum[c] = zero();
  for (int p = 0; p < o->products; p++, v += v_rest, y += y_rest)
    for (int t = 0; t < o->tiles; t++, v += 8, y += 8) {
      const v8 outputs = load(y);
      for (int c = 0; c < 8; c++) sum[c] = sum[c] + broadcast(v + c) * outputs;
    }
  for (int c = 0; c < 8; c++) {
    if (add) sum[c] = sum[c] + load(d + 8 * c);
    store(d + 8 * c, sum[c]);
  }
}

/* Three pairs at once, or less at the end. */
static int group(int blocks_left) {
  return blocks_left >= 6 ? 6 : blocks_left > 1 ? blocks_left / 2 * 2 : 1;
}

static void correlate(float *d, const wb_winograd_operands *o, bool add) {
  for (int k = 0; k < o->out_blocks;) {
    const int width = group(o->out_blocks - k);
    for (int c = 0; c < o->in_blocks; c++, d += 8 * 8 * width) {
      const float *inputs = o->v + c * o->pitch, *outputs = o->y + k * o->pitch;
      if (width == 6) correlate_pairs3(d, inputs, outputs, o, add);
      if (width == 4) correlate_pairs2(d, inputs, outputs, o, add);
      if (width == 2) correlate_pairs1(d, inputs, outputs, o, add);
      if (width == 1) correlate_single(d, inputs, outputs, o, add);
    }
    k += width;
  }
}

const wb_winograd_gemm wb_winograd_gemm_avx512 = {
    .unit = 2, .multiply = multiply, .correlate = correlate, .group = group};

#endif
