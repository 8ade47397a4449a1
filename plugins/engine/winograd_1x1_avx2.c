/* winograd_1x1_avx2.c: 1x1 convolutions, stride 1 and 2. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * There is nothing to save in y[k] = sum_c w[k][c] x[c]. It is the trivial form of the algorithm: tiles of
 * one output with one product. The transforms pick every stride-th pixel into panels and put results back.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include "conv_layout.h"
#include "winograd_finish_avx2.h"

WB_INLINE void same(v8 *to, const v8 *from) {
  to[0] = from[0];
}

/* Pixels of a row, `step` apart, beside each other. */
WB_INLINE void gather(float *to, const float *x, const wb_maps *maps, int block, int first, int count,
                      int step) {
  wb_tile t = wb_tile_at(maps, first);
  for (int left = count; left > 0;) {
    const int run = wb_smaller(maps->tile_columns - t.column, left);
    const float *from =
        x + wb_maps_plane(maps, t.image, block) + 8 * step * ((ptrdiff_t)t.row * maps->width + t.column);
    for (int i = 0; i < run; i++) store(to + 8 * i, load(from + 8 * step * i));
    to += 8 * run;
    left -= run;
    t.column += run - 1;
    wb_tile_next(maps, &t);
  }
}

static void pick(float *to, size_t stride, const float *x, const wb_maps *maps, int block, int first,
                 int count) {
  (void)stride; // of products: there is one
  gather(to, x, maps, block, first, count, 1);
}

static void pick_second(float *to, size_t stride, const float *x, const wb_maps *maps, int block, int first,
                        int count) {
  (void)stride;
  gather(to, x, maps, block, first, count, 2);
}

static void put(float *y, const float *from, size_t stride, const wb_maps *maps, int block, int first,
                int count, float *sums) {
  (void)stride;
  wb_tile t = wb_tile_at(maps, first);
  v8 sum = zero(), squares = zero();
  for (int left = count; left > 0;) {
    const int run = wb_smaller(maps->tile_columns - t.column, left);
    float *to = y + wb_maps_plane(maps, t.image, block) + 8 * ((ptrdiff_t)t.row * maps->width + t.column);
    v8 row_sum = zero(), row_squares = zero(); // short sums, that round little
    for (int i = 0; i < run; i++) {
      const v8 pixel = load(from + 8 * i);
      store(to + 8 * i, pixel);
      row_sum = row_sum + pixel;
      row_squares = row_squares + pixel * pixel;
    }
    sum = sum + row_sum;
    squares = squares + row_squares;
    from += 8 * run;
    left -= run;
    t.column += run - 1;
    wb_tile_next(maps, &t);
  }
  if (!sums) return;
  store(sums, sum);
  store(sums + 8, squares);
}

static void put_finished(float *y, const float *from, size_t stride, const wb_maps *maps, int block,
                         int first, int count, const wb_conv_finish *finish) {
  (void)stride;
  const wb_finish_values values = wb_finish_values_of(finish, block);
  wb_tile t = wb_tile_at(maps, first);
  for (int left = count; left > 0;) {
    const int run = wb_smaller(maps->tile_columns - t.column, left);
    float *to = y + wb_maps_plane(maps, t.image, block) + 8 * ((ptrdiff_t)t.row * maps->width + t.column);
    for (int i = 0; i < run; i++) {
      v8 v = load(from + 8 * i) + values.bias;
      if (finish->add) v = v + load(to + 8 * i);
      store(to + 8 * i, larger(v, values.least));
    }
    from += 8 * run;
    left -= run;
    t.column += run - 1;
    wb_tile_next(maps, &t);
  }
}

/* Backward-data of stride 2: pixels that no output saw have gradient zero. */
static void put_second(float *dx, const float *from, size_t stride, const wb_maps *maps, int block, int first,
                       int count, float *sums) {
  (void)stride;
  (void)sums; // of forward passes only
  wb_tile t = wb_tile_at(maps, first);
  for (int i = 0; i < count; i++, from += 8, wb_tile_next(maps, &t)) {
    const int row = 2 * t.row, column = 2 * t.column;
    float *to = dx + wb_maps_plane(maps, t.image, block) + 8 * ((ptrdiff_t)row * maps->width + column);
    const bool right = column + 1 < maps->width, below = row + 1 < maps->height;
    emit(to, load(from), maps->stream);
    if (right) emit(to + 8, zero(), maps->stream);
    if (below) emit(to + 8 * maps->width, zero(), maps->stream);
    if (right && below) emit(to + 8 * maps->width + 8, zero(), maps->stream);
  }
  if (maps->stream) _mm_sfence();
}

static void filter(float *u, size_t stride, const float *w, int in_blocks, int out_blocks, int panel) {
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, false, same, 1, 1);
}

static void back_filter(float *u, size_t stride, const float *w, int in_blocks, int out_blocks, int panel) {
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, true, same, 1, 1);
}

static void weights(float *dw, const float *d, size_t stride, size_t row, bool add) {
  wb_products_to_weights(dw, d, stride, row, add, same, 1, 1);
}

const wb_winograd_form wb_winograd_1x1_avx2 = {
    .kernel = 1,
    .stride = 1,
    .tile = 1,
    .forward = {1, 1, NULL, 1, pick, NULL, filter, put, put_finished},
    .backward_data = {1, 1, NULL, 1, pick, NULL, back_filter, put, NULL},
    .gradient = pick,
    .weights = weights,
};

const wb_winograd_form wb_winograd_1x1_stride2_avx2 = {
    .kernel = 1,
    .stride = 2,
    .tile = 1,
    .forward = {1, 1, NULL, 1, pick_second, NULL, filter, put, put_finished},
    .backward_data = {1, 1, NULL, 1, pick, NULL, back_filter, put_second, NULL},
    .gradient = pick,
    .weights = weights,
};

#endif
