/* winograd_finish_avx2.h: from products to what a layer hands on in evaluation (wb_conv_finish in conv.h).
 *
 * The transform of winograd_tiles_avx2.h, but a tile's pixels get their bias, are added to what is there, cut
 * at zero and pooled in registers. Tiles begin at even rows and columns, so that no pooling window lies in
 * two. To be included by *_avx2.c only. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WINOGRAD_FINISH_AVX2_H
#define WB_WINOGRAD_FINISH_AVX2_H

#include <math.h>

#include "winograd_tiles_avx2.h"

/* Bias and lower bound, the same in all tiles of a channel block. */
typedef struct wb_finish_values {
  v8 bias, least;
} wb_finish_values;

WB_INLINE wb_finish_values wb_finish_values_of(const wb_conv_finish *finish, int block) {
  const float least = finish->relu ? 0 : -INFINITY;
  return (wb_finish_values){load(finish->bias + 8 * block), broadcast(&least)};
}

/* A tile of size x size pixels, rows `pitch` pixels apart. */
WB_INLINE void wb_finish_tile(float *pixels, int pitch, const float *from, size_t stride,
                              const wb_finish_values *values, bool add, wb_line *line, int size,
                              int products) {
  const v8 bias = values->bias, least = values->least;
  v8 lines[WB_LINE_MOST][WB_LINE_MOST];
  wb_columns_in(lines, from, stride, line, size, products);
  ROLLED for (int i = 0; i < size; i++, pixels += 8 * (ptrdiff_t)pitch) {
    v8 row[WB_LINE_MOST];
    line(row, lines[i]);
    for (int j = 0; j < size; j++) {
      v8 v = row[j] + bias;
      if (add) v = v + load(pixels + 8 * j);
      store(pixels + 8 * j, larger(v, least));
    }
  }
}

/* The same with pooling: half as many rows and columns. */
WB_INLINE void wb_finish_pooled(float *pixels, int pitch, const float *from, size_t stride,
                                const wb_finish_values *values, wb_line *line, int size, int products) {
  const v8 bias = values->bias, least = values->least;
  v8 lines[WB_LINE_MOST][WB_LINE_MOST];
  wb_columns_in(lines, from, stride, line, size, products);
  ROLLED for (int i = 0; i < size; i += 2, pixels += 8 * (ptrdiff_t)pitch) {
    v8 top[WB_LINE_MOST], under[WB_LINE_MOST];
    line(top, lines[i]);
    line(under, lines[i + 1]);
    for (int j = 0; j < size; j += 2) {
      const v8 most = larger(larger(top[j], top[j + 1]), larger(under[j], under[j + 1]));
      store(pixels + 4 * j, larger(most + bias, least));
    }
  }
}

/* The part of a tile that lies in the image, by way of a whole one. */
WB_INLINE void wb_finish_part(float *pixels, int pitch, const float *from, size_t stride,
                              const wb_finish_values *values, const wb_conv_finish *finish, int rows,
                              int columns, wb_line *line, int size, int products) {
  _Alignas(32) float whole[8 * WB_LINE_MOST * WB_LINE_MOST];
  if (finish->pool) {
    wb_finish_pooled(whole, size / 2, from, stride, values, line, size, products);
    wb_copy_part(pixels, pitch, whole, size / 2, rows / 2, columns / 2, NULL, NULL);
    return;
  }
  for (int i = 0; i < rows && finish->add; i++)
    for (int j = 0; j < columns; j++)
      store(whole + 8 * (size * i + j), load(pixels + 8 * ((ptrdiff_t)pitch * i + j)));
  if (finish->add)
    wb_finish_tile(whole, size, from, stride, values, true, line, size, products);
  else
    wb_finish_tile(whole, size, from, stride, values, false, line, size, products);
  wb_copy_part(pixels, pitch, whole, size, rows, columns, NULL, NULL);
}

/* wb_winograd_to_finished for tiles of size x size pixels without overlap. */
WB_INLINE void wb_products_to_finished(float *y, const float *from, size_t stride, const wb_maps *maps,
                                       int block, int first, int count, const wb_conv_finish *finish,
                                       wb_line *line, int size, int products) {
  const wb_finish_values values = wb_finish_values_of(finish, block);
  const int scale = finish->pool ? 2 : 1, step = size / scale;
  wb_maps to_maps = *maps;
  to_maps.height /= scale;
  to_maps.width /= scale;
  const int width = to_maps.width;
  wb_tile t = wb_tile_at(maps, first);
  for (int i = 0; i < count; i++, from += 8, wb_tile_next(maps, &t)) {
    const int rows = wb_smaller(maps->height - size * t.row, size);
    const int columns = wb_smaller(maps->width - size * t.column, size);
    float *plane = y + wb_maps_plane(&to_maps, t.image, block);
    float *to = plane + 8 * ((ptrdiff_t)step * t.row * width + step * t.column);
    wb_prefetch_next(plane, &to_maps, t, step);
    if (rows < size || columns < size)
      wb_finish_part(to, width, from, stride, &values, finish, rows, columns, line, size, products);
    else if (finish->pool)
      wb_finish_pooled(to, width, from, stride, &values, line, size, products);
    else if (finish->add)
      wb_finish_tile(to, width, from, stride, &values, true, line, size, products);
    else
      wb_finish_tile(to, width, from, stride, &values, false, line, size, products);
  }
}

#endif
