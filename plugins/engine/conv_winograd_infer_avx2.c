/* conv_winograd_infer_avx2.c: the forward pass of evaluation by Winograd's algorithm (conv_winograd.h).
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Filters are there already, the panels of U as conv_winograd_avx2.c has them. Where that would take filters
 * first, its way is best in evaluation, too: blocks of tiles, each through all products and outputs. Where
 * filters are more than that (512 channels), products come first instead of tiles:
 *
 *   V of a chunk of tiles, all products; M = U V, product by product; M to finished outputs
 *
 * with V and M of a chunk together small enough for the third-level cache. One product's V, which fits into
 * the second level, meets each of its filters once, in panels that fit into the first: filters pass from
 * memory once in a chunk, where the training pass makes them and V passes once for every two panels.
 *
 * Work is shared out as threads come free; an output is the sum of the same products in the same order
 * whoever makes it.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include <omp.h>

#include "conv_layout.h"
#include "winograd_gemm.h"

enum {
  CHUNK_BYTES = 16 << 20, // of V and M
  MOST_PRODUCTS = 81,
};

typedef struct layout {
  int panels, tiles, chunk;            // panels of 16 outputs; tiles in all, of a chunk
  size_t pitch;                        // floats from one channel block to the next, in V and M
  size_t v_stride, m_stride, u_stride; // floats from one product or filter to the next
  size_t v_size, m_size, u_size;       // floats of V and M of a chunk, U of a panel
} layout;

static layout plan(const wb_winograd *conv, int n) {
  const wb_winograd_pass *pass = &conv->form->forward;
  layout l = {.panels = wb_divide_up(conv->out.blocks, 2),
              .tiles = n * conv->in.tile_rows * conv->in.tile_columns};
  const size_t tile_bytes =
      ((size_t)conv->in.blocks + 2 * (size_t)l.panels) * 8 * pass->products * sizeof(float);
  l.chunk = wb_block_tiles(l.tiles, (int)(CHUNK_BYTES / tile_bytes), conv->gemm->unit, 1);
  l.pitch = wb_pitch(l.chunk);
  l.u_stride = (size_t)conv->in.blocks * 8 * 16 + WB_LINE_FLOATS;
  l.v_stride = l.pitch * conv->in.blocks + WB_LINE_FLOATS;
  l.m_stride = l.pitch * 2 * l.panels + WB_LINE_FLOATS;
  l.u_size = l.u_stride * pass->filters;
  l.v_size = wb_round_page(l.v_stride * pass->products);
  l.m_size = wb_round_page(l.m_stride * pass->products);
  return l;
}

size_t wb_winograd_filter_count_avx2(const wb_winograd *conv) {
  const layout l = plan(conv, 1);
  return l.u_size * l.panels;
}

void wb_winograd_prepare_avx2(const wb_winograd *conv, float *filters, const float *w) {
  const layout l = plan(conv, 1);
#pragma omp parallel for schedule(static)
  for (int p = 0; p < l.panels; p++)
    conv->form->forward.filter(filters + p * l.u_size, l.u_stride, w, conv->in.blocks, conv->out.blocks, p);
}

/* The filter of each product. */
static void list_filters(unsigned char *filters, const wb_winograd_pass *pass) {
  for (int r = 0; r < pass->runs; r++) {
    const wb_winograd_run run = wb_winograd_run_at(pass, r);
    for (int i = 0; i < run.count; i++) filters[run.first + i * run.step] = run.filter;
  }
}

void wb_winograd_infer_products_avx2(const wb_winograd *conv, int n, const float *x, const float *filters,
                                     const wb_conv_finish *finish, float *y, float *scratch) {
  const wb_winograd_pass *pass = &conv->form->forward;
  const wb_maps *in = &conv->in, *out = &conv->out;
  const layout l = plan(conv, n);
  float *v = scratch, *m = v + l.v_size;
  unsigned char filter[MOST_PRODUCTS];
  list_filters(filter, pass);
#pragma omp parallel num_threads(wb_smaller(conv->threads, omp_get_max_threads()))
  for (int first = 0; first < l.tiles; first += l.chunk) {
    const int tiles = wb_smaller(l.chunk, l.tiles - first);
#pragma omp for schedule(dynamic)
    for (int b = 0; b < in->blocks; b++) pass->input(v + b * l.pitch, l.v_stride, x, in, b, first, tiles);
#pragma omp for schedule(dynamic)
    for (int p = 0; p < pass->products; p++)
      for (int i = 0; i < l.panels; i++)
        conv->gemm->multiply(m + p * l.m_stride + 2 * i * l.pitch, v + p * l.v_stride,
                             filters + i * l.u_size + filter[p] * l.u_stride, l.pitch, in->blocks, tiles);
#pragma omp for schedule(dynamic)
    for (int b = 0; b < out->blocks; b++)
      pass->finished(y, m + b * l.pitch, l.m_stride, out, b, first, tiles, finish);
  }
}

size_t wb_winograd_infer_scratch_avx2(const wb_winograd *conv) {
  size_t most = 0;
  for (int n = 1; n <= conv->shape.batch; n++) { // fewer images may be cut into larger chunks
    const layout l = plan(conv, n);
    if (l.v_size + l.m_size > most) most = l.v_size + l.m_size;
  }
  return most * sizeof(float);
}

#endif
