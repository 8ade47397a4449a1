/* conv_winograd_weights_avx2.c: the backward-weights pass by Winograd's algorithm (conv_winograd.h).
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The adjoint of the forward pass: V from x, Y from dy, D = V Y' summed over tiles, dw from D. As in the
 * other passes, not everything fits into the caches:
 *
 *   private sums  (few channels, many tiles) Each thread takes blocks of tiles and adds their V Y' to a D
 *                 of its own; in the end the threads' D are added in order.
 *   tiles first   (many channels or few tiles) V and Y of a chunk of tiles; then each thread takes parts of
 *                 D, inputs x outputs, sized for the second-level cache, and adds them to dw at once.
 *
 * Private sums are shared out statically and added in a fixed order, so that a number of threads always gives
 * the same bits; of the parts, which nobody else adds to, threads take the next when they are done with one.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include <omp.h>
#include <string.h>

#include "conv_layout.h"
#include "vector_avx2.h"
#include "winograd_gemm.h"

enum {
  PRIVATE_SUMS = 6 << 20,  // bytes of D up to which each thread has its own
  BLOCK_BYTES = 768 << 10, // of V and Y of a block, private sums, at least
  BLOCK_SHARE = 3,         // and at least this part of D's, for each block reads and writes all of D
  CHUNK_BYTES = 16 << 20,  // of V and Y of a chunk, tiles first
  BLOCK_TILES = 128,       // of a block, tiles first
  PART_IN_LEAST = 8,       // input channel blocks of a part of D, tiles first, at least
  PART_MOST = 96,          // inputs times outputs of a part, in channel blocks, at most
};

typedef struct layout {
  bool private_sums;
  int tiles, block, chunk;
  int part_in, part_out; // channel blocks of a part of D
  size_t pitch;          // floats from one channel block to the next, in V and Y
  size_t v_stride, y_stride, d_stride;
  size_t v_size, y_size, d_size;
  size_t shared, own; // floats of scratch for all threads together and for each
} layout;

typedef struct job {
  const wb_winograd *conv;
  const wb_conv_input *input;
  const float *dy;
  float *dw;
  float *scratch;
  int threads;
  layout l;
} job;

/* A rectangle of D, in channel blocks. */
typedef struct part {
  int in, in_blocks, out, out_blocks;
} part;

static layout plan(const wb_winograd *conv, int n) {
  const wb_winograd_pass *forward = &conv->form->forward;
  const int ins = conv->in.blocks, outs = conv->out.blocks, products = forward->products;
  const size_t tile_bytes = (size_t)(ins + outs) * 8 * products * sizeof(float);
  layout l = {.tiles = n * conv->in.tile_rows * conv->in.tile_columns};
  const size_t sums = (size_t)ins * outs * 64 * forward->filters * sizeof(float);
  l.private_sums = sums <= PRIVATE_SUMS && sums * conv->threads <= tile_bytes * l.tiles;
  if (l.private_sums) {
    const size_t block = sums / BLOCK_SHARE > BLOCK_BYTES ? sums / BLOCK_SHARE : BLOCK_BYTES;
    l.block = wb_block_tiles(l.tiles, (int)(block / tile_bytes), 1, conv->threads);
    l.part_in = ins;
    l.part_out = outs;
  } else {
    const int share = wb_divide_up(ins, conv->threads);
    l.block = wb_block_tiles(l.tiles, BLOCK_TILES, 1, 1);
    l.part_out = conv->gemm->group(outs);
    l.part_in = wb_smaller(share, PART_MOST / l.part_out);
    l.part_in = wb_smaller(ins, l.part_in < PART_IN_LEAST ? PART_IN_LEAST : l.part_in);
  }
  l.chunk = wb_smaller((int)(CHUNK_BYTES / tile_bytes) + 1, l.tiles);
  l.chunk = wb_divide_up(l.chunk, l.block) * l.block;
  l.pitch = wb_pitch(l.block);
  l.v_stride = l.pitch * ins + WB_LINE_FLOATS;
  l.y_stride = l.pitch * outs + WB_LINE_FLOATS;
  l.d_stride = (size_t)l.part_in * l.part_out * 64 + WB_LINE_FLOATS;
  l.v_size = wb_round_page(l.v_stride * products);
  l.y_size = wb_round_page(l.y_stride * products);
  l.d_size = wb_round_page(l.d_stride * forward->filters);
  l.shared = l.private_sums ? 0 : (l.v_size + l.y_size) * (l.chunk / l.block);
  l.own = l.private_sums ? l.d_size + l.v_size + l.y_size : l.d_size;
  return l;
}

/* D of a part = V Y' of a block of tiles, added where `add`. */
static void correlate(const job *j, float *d, const float *v, const float *y, part p, int tiles, bool add) {
  const layout *l = &j->l;
  const wb_winograd_pass *forward = &j->conv->form->forward;
  uint64_t begun = 0; // filters whose first run is done
  for (int r = 0; r < forward->runs; r++) {
    const wb_winograd_run run = wb_winograd_run_at(forward, r);
    const wb_winograd_operands operands = {.v = v + run.first * l->v_stride + p.in * l->pitch,
                                           .y = y + run.first * l->y_stride + p.out * l->pitch,
                                           .pitch = l->pitch,
                                           .products = run.count,
                                           .v_step = run.step * (ptrdiff_t)l->v_stride,
                                           .y_step = run.step * (ptrdiff_t)l->y_stride,
                                           .in_blocks = p.in_blocks,
                                           .out_blocks = p.out_blocks,
                                           .tiles = tiles};
    j->conv->gemm->correlate(d + run.filter * l->d_stride, &operands, add || (begun >> run.filter & 1));
    begun |= UINT64_C(1) << run.filter;
  }
}

/* dw of a part from its D; of input blocks `begin` to `end` of the part only. */
static void weights(const job *j, const float *d, part p, int begin, int end, bool add) {
  const size_t taps = (size_t)j->conv->form->kernel * j->conv->form->kernel;
  for (int k = 0; k < p.out_blocks;) {
    const int width = j->conv->gemm->group(p.out_blocks - k);
    const float *group = d + (size_t)k * 64 * p.in_blocks;
    for (int c = begin; c < end; c++)
      for (int i = 0; i < width; i++) {
        const size_t at = (size_t)(p.out + k + i) * j->conv->in.blocks + p.in + c;
        j->conv->form->weights(j->dw + at * taps * 64, group + 8 * (8 * c * width + i), j->l.d_stride,
                               8 * width, add);
      }
    k += width;
  }
}

/* Adds the other threads' D to the first one's: inputs begin .. end - 1 of each group of outputs. */
static void merge(const job *j, int begin, int end, int threads) {
  const int ins = j->conv->in.blocks, outs = j->conv->out.blocks;
  for (int f = 0; f < j->conv->form->forward.filters; f++)
    for (int k = 0; k < outs;) {
      const int width = j->conv->gemm->group(outs - k);
      float *to = j->scratch + f * j->l.d_stride + 64 * ((size_t)k * ins + (size_t)begin * width);
      for (int t = 1; t < threads; t++)
        for (int i = 0; i < 64 * (end - begin) * width; i += 8)
          store(to + i, load(to + i) + load(to + t * j->l.own + i));
      k += width;
    }
}

static void private_sums(const job *j) {
  const layout *l = &j->l;
  const wb_winograd *c = j->conv;
  const part all = {0, c->in.blocks, 0, c->out.blocks};
#pragma omp parallel num_threads(j->threads)
  {
    float *d = j->scratch + omp_get_thread_num() * l->own, *v = d + l->d_size, *y = v + l->v_size;
    bool begun = false;
#pragma omp for schedule(static)
    for (int first = 0; first < l->tiles; first += l->block) {
      const int tiles = wb_smaller(l->block, l->tiles - first);
      for (int b = 0; b < c->in.blocks; b++)
        wb_winograd_transform(&c->form->forward, v + b * l->pitch, l->v_stride, j->input, &c->in, b, first,
                              tiles);
      for (int b = 0; b < c->out.blocks; b++)
        c->form->gradient(y + b * l->pitch, l->y_stride, j->dy, &c->out, b, first, tiles);
      correlate(j, d, v, y, all, tiles, begun);
      begun = true;
    }
    if (!begun) memset(d, 0, l->d_size * sizeof *d);
#pragma omp barrier
#pragma omp for schedule(static)
    for (int b = 0; b < c->in.blocks; b++) {
      merge(j, b, b + 1, omp_get_num_threads());
      weights(j, j->scratch, all, b, b + 1, false);
    }
  }
}

/* V and Y of the chunk's tiles, by all threads. */
static void transform_chunk(const job *j, float *v, float *y, int chunk, int end) {
  const layout *l = &j->l;
  const wb_winograd *c = j->conv;
#pragma omp for collapse(2) schedule(dynamic)
  for (int first = chunk; first < end; first += l->block)
    for (int b = 0; b < c->in.blocks + c->out.blocks; b++) {
      const int tiles = wb_smaller(l->block, end - first), i = (first - chunk) / l->block;
      const int k = b - c->in.blocks; // of dy, after those of x
      if (k < 0)
        wb_winograd_transform(&c->form->forward, v + i * l->v_size + b * l->pitch, l->v_stride, j->input,
                              &c->in, b, first, tiles);
      else
        c->form->gradient(y + i * l->y_size + k * l->pitch, l->y_stride, j->dy, &c->out, k, first, tiles);
    }
}

static void tiles_first(const job *j) {
  const layout *l = &j->l;
  const int ins = j->conv->in.blocks, outs = j->conv->out.blocks;
  float *v = j->scratch, *y = v + l->v_size * (l->chunk / l->block);
#pragma omp parallel num_threads(j->threads)
  {
    float *d = j->scratch + l->shared + omp_get_thread_num() * l->own;
    for (int chunk = 0; chunk < l->tiles; chunk += l->chunk) {
      const int end = wb_smaller(chunk + l->chunk, l->tiles);
      transform_chunk(j, v, y, chunk, end);
#pragma omp for collapse(2) schedule(dynamic)
      for (int in = 0; in < ins; in += l->part_in)
        for (int out = 0; out < outs; out += l->part_out) {
          const part p = {in, wb_smaller(l->part_in, ins - in), out, wb_smaller(l->part_out, outs - out)};
          for (int first = chunk, i = 0; first < end; first += l->block, i++)
            correlate(j, d, v + i * l->v_size, y + i * l->y_size, p, wb_smaller(l->block, end - first),
                      i > 0);
          weights(j, d, p, 0, p.in_blocks, chunk > 0);
        }
    }
  }
}

void wb_winograd_backward_weights_avx2(const wb_winograd *conv, int n, const wb_conv_input *input,
                                       const float *dy, float *dw, float *scratch) {
  const job j = {.conv = conv,
                 .input = input,
                 .dy = dy,
                 .dw = dw,
                 .scratch = scratch,
                 .threads = wb_smaller(conv->threads, omp_get_max_threads()),
                 .l = plan(conv, n)};
  if (j.l.private_sums)
    private_sums(&j);
  else
    tiles_first(&j);
}

size_t wb_winograd_weights_scratch_avx2(const wb_winograd *conv) {
  size_t most = 0;
  for (int n = 1; n <= conv->shape.batch; n++) { // fewer images may be cut into larger blocks
    const layout l = plan(conv, n);
    const size_t bytes = (l.shared + l.own * conv->threads) * sizeof(float);
    if (bytes > most) most = bytes;
  }
  return most;
}

#endif
