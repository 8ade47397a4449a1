/* conv_winograd.h: convolution by Winograd's minimal filtering, the parts inside. Private to the engine.
 *
 * Outputs are cut into square tiles. A *form* of the algorithm turns the input under a tile into `products`
 * numbers a channel (V = B'xB) and each filter into `filters` numbers (U = G w G'), multiplies, sums over
 * channels, and turns the sums into the outputs of the tile (y = A'MA):
 *
 *   M_p[k][t] = sum_c U_f[k][c] V_p[c][t],   f = f(p) the filter of p     k output, c input channel, t tile
 *
 * These are `products` matrix products. Backward-data has the same shape with the roles of input and output
 * changed. Backward-weights is the exact adjoint of forward with respect to w:
 *
 *   D_f[c][k] = sum over p with f(p) = f, and over t, of V_p[c][t] Y_p[k][t],     Y = A dy A',  dw = G'DG
 *
 * Layouts (floats; strides between products, filters and channel blocks are padded against cache conflicts):
 *   V, M, Y   [product][channels/8][tile][8]        U   [panel of 16 outputs][filter][in][16]
 * so that transforms and matrix products read and write contiguously.
 *
 * What to do with which form is written once (conv_winograd_avx2.c, conv_winograd_weights_avx2.c); forms are
 * winograd_3x3_avx2.c and its neighbours. The matrix products, most of the work, are written for AVX-512 as
 * well (winograd_gemm.h).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_WINOGRAD_H
#define WB_CONV_WINOGRAD_H

#include "conv.h"
#include "winograd_gemm.h"

/* Feature maps of a batch, blocked [n][blocks][height][width][8], and how they are cut into tiles. */
typedef struct wb_maps {
  int blocks, height, width;
  int tile_rows, tile_columns; // of one image
  bool stream;                 // written past the caches
} wb_maps;

/* Where tile number t lies. */
typedef struct wb_tile {
  int image, row, column;
} wb_tile;

static inline wb_tile wb_tile_at(const wb_maps *maps, int t) {
  const int each = maps->tile_rows * maps->tile_columns;
  return (wb_tile){t / each, t % each / maps->tile_columns, t % maps->tile_columns};
}

static inline void wb_tile_next(const wb_maps *maps, wb_tile *t) {
  if (++t->column < maps->tile_columns) return;
  t->column = 0;
  if (++t->row < maps->tile_rows) return;
  t->row = 0;
  t->image++;
}

/* First pixel of channel block `block` of an image. */
static inline size_t wb_maps_plane(const wb_maps *maps, int image, int block) {
  return ((size_t)image * maps->blocks + block) * maps->height * maps->width * 8;
}

/* A transform of `count` tiles from number `first` on, of one channel block of the maps: product p of tile
 * first + i is to[p * stride + 8 * i], eight channels. */
typedef void wb_winograd_to_products(float *to, size_t stride, const float *pixels, const wb_maps *maps,
                                     int block, int first, int count);

/* The same of an input that has a scale. */
typedef void wb_winograd_to_normed_products(float *to, size_t stride, const wb_conv_input *input,
                                            const wb_maps *maps, int block, int first, int count);

/* And back. Unless `sums` is NULL it receives the sums [0..7] and sums of squares [8..15] of the pixels. */
typedef void wb_winograd_to_pixels(float *pixels, const float *from, size_t stride, const wb_maps *maps,
                                   int block, int first, int count, float *sums);

/* The same in evaluation, with what follows. */
typedef void wb_winograd_to_finished(float *pixels, const float *from, size_t stride, const wb_maps *maps,
                                     int block, int first, int count, const wb_conv_finish *finish);

/* The panel of filters for outputs 16 * panel .. of all inputs: u[f * stride + 16 * in + out]. Outputs that
 * do not exist are zero. The blocks are those of the pass, so that backward-data has the filter's in_blocks
 * as out_blocks. */
typedef void wb_winograd_to_filters(float *u, size_t stride, const float *w, int in_blocks, int out_blocks,
                                    int panel);

/* dw of 8 inputs x 8 outputs [kh][kw][8][8], from d[f * stride + in * row + out]; added where `add`. */
typedef void wb_winograd_to_weights(float *dw, const float *d, size_t stride, size_t row, bool add);

/* `count` products, `step` apart from `first` on, that use the same filter. */
typedef struct wb_winograd_run {
  unsigned char filter, first, count, step;
} wb_winograd_run;

typedef struct wb_winograd_pass {
  int products, filters;
  const wb_winograd_run *run; // (runs), all products; NULL: product p uses filter p
  int runs;
  wb_winograd_to_products *input;
  wb_winograd_to_normed_products *normed_input; // NULL: inputs have no scale
  wb_winograd_to_filters *filter;
  wb_winograd_to_pixels *output;
  wb_winograd_to_finished *finished; // of forward passes
} wb_winograd_pass;

static inline void wb_winograd_transform(const wb_winograd_pass *pass, float *to, size_t stride,
                                         const wb_conv_input *input, const wb_maps *maps, int block,
                                         int first, int count) {
  if (input->scale)
    pass->normed_input(to, stride, input, maps, block, first, count);
  else
    pass->input(to, stride, input->x, maps, block, first, count);
}

static inline wb_winograd_run wb_winograd_run_at(const wb_winograd_pass *pass, int i) {
  return pass->run ? pass->run[i] : (wb_winograd_run){(unsigned char)i, (unsigned char)i, 1, 0};
}

typedef struct wb_winograd_form {
  int kernel, stride, tile; // tile: outputs of the forward pass on its side
  wb_winograd_pass forward, backward_data;
  wb_winograd_to_products *gradient; // Y from dy
  wb_winograd_to_weights *weights;
} wb_winograd_form;

extern const wb_winograd_form wb_winograd_3x3_avx2, wb_winograd_stride2_avx2, wb_winograd_1x1_avx2,
    wb_winograd_1x1_stride2_avx2;

/* One convolution. Immutable once made. */
typedef struct wb_winograd {
  const wb_winograd_form *form;
  const wb_winograd_gemm *gemm;
  wb_conv_shape shape;
  wb_maps in, out;
  int threads; // the most that will work at it: scratch is sized for them
} wb_winograd;

/* Bytes of scratch that the three passes of up to shape.batch images need. */
size_t wb_winograd_scratch_avx2(const wb_winograd *conv);
size_t wb_winograd_weights_scratch_avx2(const wb_winograd *conv);

/* As in conv.h; they cannot fail. */
void wb_winograd_forward_avx2(const wb_winograd *conv, int n, const wb_conv_input *input, const float *w,
                              float *y, double *sums, float *scratch);
void wb_winograd_backward_data_avx2(const wb_winograd *conv, int n, const float *dy, const float *w,
                                    float *dx, float *scratch);
void wb_winograd_backward_weights_avx2(const wb_winograd *conv, int n, const wb_conv_input *input,
                                       const float *dy, float *dw, float *scratch);

/* Evaluation, in conv_winograd_infer_avx2.c but for wb_winograd_infer_avx2, which chooses the way. */
size_t wb_winograd_filter_count_avx2(const wb_winograd *conv);
void wb_winograd_prepare_avx2(const wb_winograd *conv, float *filters, const float *w);
void wb_winograd_infer_avx2(const wb_winograd *conv, int n, const float *x, const float *filters,
                            const wb_conv_finish *finish, float *y, float *scratch);
void wb_winograd_infer_products_avx2(const wb_winograd *conv, int n, const float *x, const float *filters,
                                     const wb_conv_finish *finish, float *y, float *scratch);
size_t wb_winograd_infer_scratch_avx2(const wb_winograd *conv);

#endif
