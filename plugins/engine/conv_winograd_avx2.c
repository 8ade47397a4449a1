/* conv_winograd_avx2.c: forward and backward-data passes by Winograd's algorithm (conv_winograd.h).
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pass has four steps: inputs to V, filters to U, M = U V, M to outputs. M never exists as a whole: it is
 * made for a block of tiles and a group of output panels and turned into pixels at once. V and U do not fit
 * into the caches together, so one of them is made in pieces:
 *
 *   filters first  (few channels) All of U; then each thread takes blocks of tiles, whose V, sized for the
 *                  second-level cache, meets all panels.
 *   tiles first    (many channels) V of a chunk of tiles; then each thread takes groups of panels, whose U
 *                  meets all blocks of the chunk.
 *
 * Threads take the next block or group when they are done with one, for cores are rarely equally fast; an
 * output is the sum of the same products in the same order whoever makes it. Channel sums are those of
 * blocks, added in the blocks' order. Only the size of a block depends on the number of threads.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include <omp.h>
#include <string.h>

#include "conv_layout.h"
#include "winograd_gemm.h"

enum {
  FILTERS_FIRST = 12 << 20, // bytes of U up to which filters come first
  BLOCK_BYTES = 384 << 10,  // of V of a block, filters first
  CHUNK_BYTES = 16 << 20,   // of V of a chunk, tiles first
  BLOCK_TILES = 42,         // of a block, tiles first
};

typedef struct layout {
  bool filters_first;
  int panels, group;                   // panels of 16 outputs in all and at once
  int tiles, block, chunk;             // in all, of a block, of a chunk
  size_t pitch;                        // floats from one channel block to the next, in V and M
  size_t v_stride, m_stride, u_stride; // floats from one product or filter to the next
  size_t v_size, m_size, u_size;       // floats of V of a block, M of a group, U of a panel
  size_t sums;                         // floats before the sums of blocks, filters first
  size_t shared, own;                  // floats of scratch for all threads together and for each
} layout;

typedef struct job {
  const wb_winograd_gemm *gemm;
  const wb_winograd_pass *pass;
  const wb_maps *in, *out;
  wb_conv_input input;
  const float *w;
  const float *filters; // all of U, made before; NULL: to be made from w
  float *y;
  double *sums;                 // or NULL
  const wb_conv_finish *finish; // in evaluation, or NULL
  float *scratch;
  int threads;
  layout l;
  wb_maps streamed; // `out`, with what the number of images decides
} job;

/* Channel sums of a block: sums and sums of squares. */
static size_t sums_doubles(const wb_maps *out) {
  return 2 * 8 * (size_t)out->blocks;
}

static layout plan(const wb_winograd *conv, const wb_winograd_pass *pass, const wb_maps *in,
                   const wb_maps *out, int n) {
  const size_t tile_bytes = (size_t)in->blocks * 8 * pass->products * sizeof(float);
  layout l = {.panels = wb_divide_up(out->blocks, 2), .tiles = n * in->tile_rows * in->tile_columns};
  l.u_stride = (size_t)in->blocks * 8 * 16 + WB_LINE_FLOATS;
  l.u_size = l.u_stride * pass->filters;
  l.filters_first = l.u_size * l.panels * sizeof(float) <= FILTERS_FIRST;
  l.group = wb_smaller(l.panels, l.filters_first ? 1 : 2);
  if (l.filters_first)
    l.block = wb_block_tiles(l.tiles, (int)(BLOCK_BYTES / tile_bytes), conv->gemm->unit, conv->threads);
  else
    l.block = wb_block_tiles(l.tiles, BLOCK_TILES, conv->gemm->unit, 1);
  l.chunk = wb_smaller((int)(CHUNK_BYTES / tile_bytes) + 1, l.tiles);
  l.chunk = wb_divide_up(l.chunk, l.block) * l.block;
  l.pitch = wb_pitch(l.block);
  l.v_stride = l.pitch * in->blocks + WB_LINE_FLOATS;
  l.m_stride = l.pitch * 2 * l.group + WB_LINE_FLOATS;
  l.v_size = wb_round_page(l.v_stride * pass->products);
  l.m_size = wb_round_page(l.m_stride * pass->products);
  if (l.filters_first) {
    l.sums = wb_round_page(l.u_size * l.panels);
    l.shared = l.sums + wb_round_page(sums_doubles(out) * 2 * wb_divide_up(l.tiles, l.block));
    l.own = l.v_size + l.m_size;
  } else {
    l.shared = l.v_size * (l.chunk / l.block);
    l.own = wb_round_page(l.u_size * l.group) + l.m_size;
  }
  return l;
}

/* M of a group of panels and a block of tiles. */
static void multiply(const job *j, float *m, const float *v, const float *u, int panels, int tiles) {
  const layout *l = &j->l;
  for (int r = 0; r < j->pass->runs; r++) {
    const wb_winograd_run run = wb_winograd_run_at(j->pass, r);
    for (int p = run.first, left = run.count; left > 0; left--, p += run.step)
      for (int i = 0; i < panels; i++)
        j->gemm->multiply(m + p * l->m_stride + 2 * i * l->pitch, v + p * l->v_stride,
                          u + i * l->u_size + run.filter * l->u_stride, l->pitch, j->in->blocks, tiles);
  }
}

/* The pixels of that M, and their sums. */
static void output(const job *j, const float *m, int panel, int panels, int first, int tiles, double *sums) {
  const int begin = 2 * panel, end = wb_smaller(2 * (panel + panels), j->out->blocks);
  for (int b = begin; b < end; b++) {
    _Alignas(32) float part[16];
    if (j->finish) {
      j->pass->finished(j->y, m + (b - begin) * j->l.pitch, j->l.m_stride, j->out, b, first, tiles,
                        j->finish);
      continue;
    }
    j->pass->output(j->y, m + (b - begin) * j->l.pitch, j->l.m_stride, j->out, b, first, tiles,
                    sums ? part : NULL);
    if (!sums) continue;
    for (int i = 0; i < 8; i++) {
      sums[8 * b + i] += (double)part[i];
      sums[8 * (j->out->blocks + b) + i] += (double)part[8 + i];
    }
  }
}

/* Sums of the blocks, added in their order. */
static void add_sums(const job *j) {
  const size_t count = sums_doubles(j->out);
  const double *block = (const double *)(j->scratch + j->l.sums);
  memset(j->sums, 0, count * sizeof *j->sums);
  for (int first = 0; first < j->l.tiles; first += j->l.block, block += count)
    for (size_t i = 0; i < count; i++) j->sums[i] += block[i];
}

static void filters_first(const job *j) {
  const layout *l = &j->l;
  const float *u = j->filters ? j->filters : j->scratch;
  const size_t count = sums_doubles(j->out);
#pragma omp parallel num_threads(j->threads)
  {
    float *v = j->scratch + l->shared + omp_get_thread_num() * l->own, *m = v + l->v_size;
    if (!j->filters) {
#pragma omp for schedule(static)
      for (int p = 0; p < l->panels; p++)
        j->pass->filter(j->scratch + p * l->u_size, l->u_stride, j->w, j->in->blocks, j->out->blocks, p);
    }
#pragma omp for schedule(dynamic)
    for (int first = 0; first < l->tiles; first += l->block) {
      const int tiles = wb_smaller(l->block, l->tiles - first);
      double *sums = NULL;
      if (j->sums) {
        sums = (double *)(j->scratch + l->sums) + first / l->block * count;
        memset(sums, 0, count * sizeof *sums);
      }
      for (int b = 0; b < j->in->blocks; b++)
        wb_winograd_transform(j->pass, v + b * l->pitch, l->v_stride, &j->input, j->in, b, first, tiles);
      for (int p = 0; p < l->panels; p += l->group) {
        const int panels = wb_smaller(l->group, l->panels - p);
        multiply(j, m, v, u + p * l->u_size, panels, tiles);
        output(j, m, p, panels, first, tiles, sums);
      }
    }
  }
  if (j->sums) add_sums(j);
}

static void tiles_first(const job *j) {
  const layout *l = &j->l;
  float *v = j->scratch;
  if (j->sums) memset(j->sums, 0, sums_doubles(j->out) * sizeof *j->sums);
#pragma omp parallel num_threads(j->threads)
  {
    float *u = v + l->shared + omp_get_thread_num() * l->own, *m = u + wb_round_page(l->u_size * l->group);
    for (int chunk = 0; chunk < l->tiles; chunk += l->chunk) {
      const int end = wb_smaller(chunk + l->chunk, l->tiles);
#pragma omp for collapse(2) schedule(dynamic)
      for (int first = chunk; first < end; first += l->block)
        for (int b = 0; b < j->in->blocks; b++)
          wb_winograd_transform(j->pass, v + (first - chunk) / l->block * l->v_size + b * l->pitch,
                                l->v_stride, &j->input, j->in, b, first, wb_smaller(l->block, end - first));
#pragma omp for schedule(dynamic)
      for (int p = 0; p < l->panels; p += l->group) {
        const int panels = wb_smaller(l->group, l->panels - p);
        for (int i = 0; i < panels; i++)
          j->pass->filter(u + i * l->u_size, l->u_stride, j->w, j->in->blocks, j->out->blocks, p + i);
        for (int first = chunk; first < end; first += l->block) {
          const int tiles = wb_smaller(l->block, end - first);
          multiply(j, m, v + (first - chunk) / l->block * l->v_size, u, panels, tiles);
          output(j, m, p, panels, first, tiles, j->sums);
        }
      }
    }
  }
}

static void run(job *j, const wb_winograd *conv, int n) {
  j->threads = wb_smaller(conv->threads, omp_get_max_threads());
  j->gemm = conv->gemm;
  j->l = plan(conv, j->pass, j->in, j->out, n);
  j->streamed = *j->out;
  j->streamed.stream = wb_maps_plane(j->out, n, 0) * sizeof(float) >= WB_STREAM_BYTES;
  j->out = &j->streamed;
  if (j->l.filters_first)
    filters_first(j);
  else
    tiles_first(j);
}

void wb_winograd_forward_avx2(const wb_winograd *conv, int n, const wb_conv_input *input, const float *w,
                              float *y, double *sums, float *scratch) {
  run(&(job){.pass = &conv->form->forward,
             .in = &conv->in,
             .out = &conv->out,
             .input = *input,
             .w = w,
             .y = y,
             .sums = sums,
             .scratch = scratch},
      conv, n);
}

void wb_winograd_backward_data_avx2(const wb_winograd *conv, int n, const float *dy, const float *w,
                                    float *dx, float *scratch) {
  run(&(job){.pass = &conv->form->backward_data,
             .in = &conv->out,
             .out = &conv->in,
             .input = {.x = dy},
             .w = w,
             .y = dx,
             .scratch = scratch},
      conv, n);
}

void wb_winograd_infer_avx2(const wb_winograd *conv, int n, const float *x, const float *filters,
                            const wb_conv_finish *finish, float *y, float *scratch) {
  const layout l = plan(conv, &conv->form->forward, &conv->in, &conv->out, n);
  if (!l.filters_first) {
    wb_winograd_infer_products_avx2(conv, n, x, filters, finish, y, scratch);
    return;
  }
  run(&(job){.pass = &conv->form->forward,
             .in = &conv->in,
             .out = &conv->out,
             .input = {.x = x},
             .filters = filters,
             .y = y,
             .finish = finish,
             .scratch = scratch},
      conv, n);
}

static size_t bytes(const wb_winograd *conv, const wb_winograd_pass *pass, const wb_maps *in,
                    const wb_maps *out) {
  size_t most = 0;
  for (int n = 1; n <= conv->shape.batch; n++) { // fewer images may be cut into larger blocks
    const layout l = plan(conv, pass, in, out, n);
    const size_t size = (l.shared + l.own * conv->threads) * sizeof(float);
    if (size > most) most = size;
  }
  return most;
}

size_t wb_winograd_scratch_avx2(const wb_winograd *conv) {
  const size_t forward = bytes(conv, &conv->form->forward, &conv->in, &conv->out);
  const size_t backward = bytes(conv, &conv->form->backward_data, &conv->out, &conv->in);
  return forward > backward ? forward : backward;
}

#endif
