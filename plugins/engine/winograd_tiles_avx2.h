/* winograd_tiles_avx2.h: from one-dimensional transforms to those of whole tiles.
 *
 * A form of the algorithm (conv_winograd.h) is given by what it does to a line of pixels, taps or products.
 * Every two-dimensional transform is that, applied to all rows of a tile and then to all columns of the
 * result. These functions do so for runs of tiles, eight channels at a time. They are inlined with constant
 * sizes and a constant `line`, so that the loops along a line unroll. To be included by *_avx2.c only.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WINOGRAD_TILES_AVX2_H
#define WB_WINOGRAD_TILES_AVX2_H

#include "conv_layout.h"
#include "conv_winograd.h"
#include "vector_avx2.h"

enum { WB_LINE_MOST = 9 }; // pixels or products of a line

/* Loops over the lines of a tile stay loops: unrolled, a tile would have far more values than there are
 * registers. */
#define ROLLED _Pragma("GCC unroll 1")

typedef void wb_line(v8 *to, const v8 *from);

/* Passes go from one channel block to the next: brings a tile's share of the latter's pixels closer, size x
 * size of them, in the order of memory, which caches follow best. */
WB_INLINE void wb_prefetch_next(const float *plane, const wb_maps *maps, wb_tile t, int size) {
  const ptrdiff_t tile = (ptrdiff_t)t.row * maps->tile_columns + t.column;
  const float *next = plane + 8 * ((ptrdiff_t)maps->height * maps->width + size * size * tile);
  for (int i = 0; i < 8 * size * size; i += WB_LINE_FLOATS) prefetch(next + i);
}

/* Columns of lines[rows][products] to to[(i * products + j) * stride]. */
WB_INLINE void wb_columns_out(float *to, size_t stride, v8 lines[][WB_LINE_MOST], wb_line *line, int rows,
                              int products) {
  ROLLED for (int j = 0; j < products; j++) {
    v8 column[WB_LINE_MOST], result[WB_LINE_MOST];
    for (int i = 0; i < rows; i++) column[i] = lines[i][j];
    line(result, column);
    for (int i = 0; i < products; i++) store(to + (i * products + j) * stride, result[i]);
  }
}

/* Columns of from[(i * products + j) * stride] to lines[rows][products]. */
WB_INLINE void wb_columns_in(v8 lines[][WB_LINE_MOST], const float *from, size_t stride, wb_line *line,
                             int rows, int products) {
  ROLLED for (int j = 0; j < products; j++) {
    v8 column[WB_LINE_MOST], result[WB_LINE_MOST];
    for (int i = 0; i < products; i++) column[i] = load(from + (i * products + j) * stride);
    line(result, column);
    for (int i = 0; i < rows; i++) lines[i][j] = result[i];
  }
}

/* Batch norm and ReLU of an input's eight channels, or NULL for the input as it is. */
typedef struct wb_tile_norm {
  v8 scale, shift;
} wb_tile_norm;

WB_INLINE v8 wb_load_pixel(const float *pixel, const wb_tile_norm *norm) {
  return norm ? larger(norm->scale * load(pixel) + norm->shift, zero()) : load(pixel);
}

/* Products of the size x size pixels from (row, column) on, whose columns first .. last-1 are in the image.
 */
WB_INLINE void wb_tile_to_products(float *to, size_t stride, const float *plane, const wb_tile_norm *norm,
                                   const wb_maps *maps, int row, int column, int first, int last,
                                   wb_line *line, int size, int products) {
  v8 lines[WB_LINE_MOST][WB_LINE_MOST];
  ROLLED for (int i = 0; i < size; i++) {
    v8 pixels[WB_LINE_MOST];
    const int r = row + i;
    if (r < 0 || r >= maps->height) {
      for (int j = 0; j < products; j++) lines[i][j] = zero();
      continue;
    }
    const ptrdiff_t at = (ptrdiff_t)r * maps->width + column;
    for (int j = 0; j < size; j++)
      pixels[j] = j >= first && j < last ? wb_load_pixel(plane + 8 * (at + j), norm) : zero();
    line(lines[i], pixels);
  }
  wb_columns_out(to, stride, lines, line, size, products);
}

/* wb_winograd_to_products for tiles of size x size pixels, each `step` after its neighbour, the first at
 * (offset, offset). Most tiles lie inside the image, and code without edges serves them. */
WB_INLINE void wb_pixels_to_products(float *to, size_t stride, const float *x, const wb_tile_norm *norm,
                                     const wb_maps *maps, int block, int first, int count, wb_line *line,
                                     int size, int products, int step, int offset) {
  wb_tile t = wb_tile_at(maps, first);
  for (int i = 0; i < count; i++, to += 8, wb_tile_next(maps, &t)) {
    const float *plane = x + wb_maps_plane(maps, t.image, block);
    const int row = step * t.row + offset, column = step * t.column + offset, inside = maps->width - column;
    wb_prefetch_next(plane, maps, t, step);
    if (column >= 0 && inside >= size)
      wb_tile_to_products(to, stride, plane, norm, maps, row, column, 0, size, line, size, products);
    else
      wb_tile_to_products(to, stride, plane, norm, maps, row, column, column < 0, inside, line, size,
                          products);
  }
}

/* The size x size pixels of a tile, rows `pitch` pixels apart, stored or streamed. Adds them and their
 * squares to *sum and *squares, if any. */
WB_INLINE void wb_tile_to_pixels(float *pixels, int pitch, bool stream, const float *from, size_t stride,
                                 v8 *sum, v8 *squares, wb_line *line, int size, int products) {
  v8 lines[WB_LINE_MOST][WB_LINE_MOST];
  v8 tile_sum = zero(), tile_squares = zero(); // short sums, that round little
  wb_columns_in(lines, from, stride, line, size, products);
  ROLLED for (int i = 0; i < size; i++, pixels += 8 * (ptrdiff_t)pitch) {
    v8 row[WB_LINE_MOST];
    line(row, lines[i]);
    for (int j = 0; j < size; j++) emit(pixels + 8 * j, row[j], stream);
    if (!sum) continue;
    v8 row_sum = row[0], row_squares = row[0] * row[0];
    for (int j = 1; j < size; j++) {
      row_sum = row_sum + row[j];
      row_squares = row_squares + row[j] * row[j];
    }
    tile_sum = tile_sum + row_sum;
    tile_squares = tile_squares + row_squares;
  }
  if (!sum) return;
  *sum = *sum + tile_sum;
  *squares = *squares + tile_squares;
}

/* Copies the part of a tile that lies in the image. */
static inline void wb_copy_part(float *to, int to_pitch, const float *from, int from_pitch, int rows,
                                int columns, v8 *sum, v8 *squares) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const v8 pixel = load(from + 8 * (i * from_pitch + j));
      store(to + 8 * ((ptrdiff_t)i * to_pitch + j), pixel);
      if (!sum) continue;
      *sum = *sum + pixel;
      *squares = *squares + pixel * pixel;
    }
}

WB_INLINE void wb_tiles_to_pixels(float *y, const float *from, size_t stride, const wb_maps *maps, int block,
                                  int first, int count, v8 *sum, v8 *squares, wb_line *line, int size,
                                  int products) {
  wb_tile t = wb_tile_at(maps, first);
  for (int i = 0; i < count; i++, from += 8, wb_tile_next(maps, &t)) {
    const int row = size * t.row, column = size * t.column;
    const int rows = wb_smaller(maps->height - row, size), columns = wb_smaller(maps->width - column, size);
    float *plane = y + wb_maps_plane(maps, t.image, block);
    float *to = plane + 8 * ((ptrdiff_t)row * maps->width + column);
    if (!maps->stream) wb_prefetch_next(plane, maps, t, size);
    if (rows == size && columns == size) {
      wb_tile_to_pixels(to, maps->width, maps->stream, from, stride, sum, squares, line, size, products);
    } else {
      _Alignas(32) float whole[8 * WB_LINE_MOST * WB_LINE_MOST];
      wb_tile_to_pixels(whole, size, false, from, stride, NULL, NULL, line, size, products);
      wb_copy_part(to, maps->width, whole, size, rows, columns, sum, squares);
    }
  }
  if (maps->stream) _mm_sfence();
}

/* wb_winograd_to_pixels for tiles of size x size pixels without overlap. */
WB_INLINE void wb_products_to_pixels(float *y, const float *from, size_t stride, const wb_maps *maps,
                                     int block, int first, int count, float *sums, wb_line *line, int size,
                                     int products) {
  if (!sums) {
    wb_tiles_to_pixels(y, from, stride, maps, block, first, count, NULL, NULL, line, size, products);
    return;
  }
  v8 sum = zero(), squares = zero();
  wb_tiles_to_pixels(y, from, stride, maps, block, first, count, &sum, &squares, line, size, products);
  store(sums, sum);
  store(sums + 8, squares);
}

/* The filters of eight outputs and one input from their taps. */
WB_INLINE void wb_taps_to_products(float *u, size_t stride, const v8 *taps, wb_line *line, int kernel,
                                   int products) {
  v8 lines[WB_LINE_MOST][WB_LINE_MOST];
  for (int i = 0; i < kernel; i++) line(lines[i], taps + kernel * i);
  wb_columns_out(u, stride, lines, line, kernel, products);
}

/* Taps [tap][in] of a block of weights w[tap][8][8], its two channels exchanged where `transposed`. */
WB_INLINE void wb_load_taps(v8 taps[8][WB_LINE_MOST], const float *w, bool transposed, int count) {
  for (int k = 0; k < count; k++) {
    v8 rows[8];
    for (int c = 0; c < 8; c++) rows[c] = load(w + 64 * k + 8 * c);
    if (transposed) transpose(rows);
    for (int c = 0; c < 8; c++) taps[c][k] = rows[c];
  }
}

/* wb_winograd_to_filters. Both halves of a panel are written together, whole cache lines, in more places than
 * a CPU foresees: lines are brought in two inputs ahead. */
WB_INLINE void wb_weights_to_filters(float *u, size_t stride, const float *w, int in_blocks, int out_blocks,
                                     int panel, bool transposed, wb_line *line, int kernel, int products) {
  const int area = kernel * kernel;
  v8 taps[2][8][WB_LINE_MOST];
  for (int c = 0; c < 8; c++)
    for (int k = 0; k < area; k++) taps[1][c][k] = zero();
  for (int in = 0; in < in_blocks; in++) {
    for (int out = 2 * panel; out < 2 * panel + 2 && out < out_blocks; out++) {
      const size_t block = transposed ? (size_t)in * out_blocks + out : (size_t)out * in_blocks + in;
      wb_load_taps(taps[out % 2], w + block * area * 64, transposed, area);
    }
    for (int c = 0; c < 8; c++, u += 16) {
      for (int p = 0; p < products * products; p++) prefetch_write(u + p * stride + 2 * 16);
      for (int half = 0; half < 2; half++)
        wb_taps_to_products(u + 8 * half, stride, taps[half][c], line, kernel, products);
    }
  }
}

/* wb_winograd_to_weights. */
WB_INLINE void wb_products_to_weights(float *dw, const float *d, size_t stride, size_t row, bool add,
                                      wb_line *line, int kernel, int products) {
  for (int c = 0; c < 8; c++, d += row, dw += 8) {
    v8 lines[WB_LINE_MOST][WB_LINE_MOST];
    wb_columns_in(lines, d, stride, line, kernel, products);
    for (int i = 0; i < kernel; i++) {
      v8 taps[WB_LINE_MOST];
      line(taps, lines[i]);
      for (int j = 0; j < kernel; j++) {
        float *to = dw + 64 * (kernel * i + j);
        if (add) taps[j] = taps[j] + load(to);
        store(to, taps[j]);
      }
    }
  }
}

#endif
