/* conv_layout.h: arithmetic of blocks and strides, shared by our own convolutions. Private to the engine.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_LAYOUT_H
#define WB_CONV_LAYOUT_H

#include <stddef.h>

enum { WB_LINE_FLOATS = 16 }; // floats of a cache line

/* Results of so many bytes and more are written past the caches, in which they would not stay until they are
 * read: what they replace there need not be read from memory first. */
enum { WB_STREAM_BYTES = 8 << 20 };

static inline int wb_smaller(int a, int b) {
  return a < b ? a : b;
}

static inline int wb_divide_up(int a, int b) {
  return (a + b - 1) / b;
}

/* A whole number of pages, so that each part of the scratch begins on its own. */
static inline size_t wb_round_page(size_t floats) {
  return (floats + 1023) / 1024 * 1024;
}

/* Floats between channel blocks of so many tiles: an odd number of cache lines, for powers of two collide. */
static inline size_t wb_pitch(int tiles) {
  return (size_t)((tiles + 1) / 2 | 1) * WB_LINE_FLOATS;
}

/* Tiles of a block: at most `most`, a multiple of `unit`, and such that each thread gets as many blocks. */
static inline int wb_block_tiles(int tiles, int most, int unit, int threads) {
  most = most < unit ? unit : most / unit * unit;
  const int blocks = wb_divide_up(wb_divide_up(tiles, most), threads) * threads;
  return wb_smaller(most, wb_divide_up(wb_divide_up(tiles, blocks), unit) * unit);
}

#endif
