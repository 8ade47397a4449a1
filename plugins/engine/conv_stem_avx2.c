/* conv_stem_avx2.c: see conv_stem.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * With so few input channels there is nothing for Winograd's algorithm to save: its transforms would cost
 * more than the products. Both passes are the definition,
 *
 *   y[o][p] = sum over i, u, v of w[o][i][u][v] x[i][p + (u, v)]
 *   dw[o][i][u][v] = sum over p of dy[o][p] x[i][p + (u, v)]
 *
 * on a copy of the image with a border of zeros that all outputs share, small enough for the first-level
 * cache.
 *
 *   forward   4 pixels x 16 outputs: for each tap, two vectors of weights times four broadcast pixels
 *   weights   3 taps of a row x 32 outputs: for each pixel, four vectors of dy times three broadcast pixels;
 *             a band of rows of dy stays in the first-level cache for the 3 * channels rows of taps
 *
 * Each thread takes a run of images. Sums go over an image in float and over images in double, thread by
 * thread: a number of threads gives the same bits always.
 */
#include "conv_stem.h"

#if defined(__x86_64__)
#include <omp.h>
#include <string.h>

#include "conv_finish.h"
#include "conv_layout.h"
#include "vector_avx2.h"

enum {
  PIXELS = 4,
  BAND_BYTES = 16 << 10, // of dy for 32 outputs
};

typedef struct layout {
  int channels, height, width, blocks; // blocks of 8 outputs
  int panels;                          // of 16 outputs
  size_t pitch;                        // floats of a padded row, with room for a whole group of pixels
  size_t image, weights;               // floats of a padded image, of all weights
  size_t sums, shared, own;            // floats of sums in double, of scratch for all threads and for each
  bool stream;                         // the forward pass writes past the caches
} layout;

static layout plan(const wb_conv_shape *s) {
  layout l = {
      .channels = s->in_channels, .height = s->height, .width = s->width, .blocks = s->out_channels / 8};
  l.panels = wb_divide_up(l.blocks, 2);
  l.pitch = (size_t)wb_divide_up(l.width + 2 + PIXELS - 1, 8) * 8;
  l.image = wb_round_page((size_t)l.channels * (l.height + 2) * l.pitch);
  l.weights = wb_conv_weight_count(s);
  /* Channel sums in the forward pass, weight gradients in the other. */
  const size_t doubles = l.weights > 2 * (size_t)s->out_channels ? l.weights : 2 * (size_t)s->out_channels;
  l.sums = wb_round_page(doubles * sizeof(double) / sizeof(float));
  l.shared = wb_round_page((size_t)l.panels * l.channels * 9 * 16);
  /* Behind the image: sums and an image's weight gradients, or a pair of rows of a panel. */
  const size_t sums = l.sums + wb_round_page(l.weights), rows = wb_round_page((size_t)2 * l.width * 16);
  l.own = l.image + (sums > rows ? sums : rows);
  return l;
}

/* An image with a border of zeros. */
static void pad(float *to, const float *x, const layout *l) {
  memset(to, 0, l->image * sizeof *to);
  for (int c = 0; c < l->channels; c++)
    for (int r = 0; r < l->height; r++, x += l->width)
      memcpy(to + ((size_t)c * (l->height + 2) + r + 1) * l->pitch + 1, x, l->width * sizeof *x);
}

/* Weights [o/8][u][v][i][8] as panels [o/16][i][u][v][16]; outputs that do not exist are zero. */
static void pack(float *panels, const float *w, const layout *l) {
  for (int p = 0; p < l->panels; p++)
    for (int i = 0; i < l->channels; i++)
      for (int tap = 0; tap < 9; tap++)
        for (int half = 0; half < 2; half++, panels += 8) {
          const int o = 2 * p + half;
          store(panels, o < l->blocks ? load(w + 8 * (((size_t)o * 9 + tap) * l->channels + i)) : zero());
        }
}

#define EACH_PIXEL(OP) OP(0) OP(1) OP(2) OP(3)
#define CLEAR(t)       v8 low##t = zero(), high##t = zero();
#define MULTIPLY(t)                                                                                          \
  {                                                                                                          \
    const v8 pixel = broadcast(from + v + (t));                                                              \
    low##t = low##t + pixel * w_low;                                                                         \
    high##t = high##t + pixel * w_high;                                                                      \
  }
#define STORE(t)                                                                                             \
  if ((t) < count) {                                                                                         \
    emit(y + 8 * (t), low##t, l->stream);                                                                    \
    sums[0] = sums[0] + low##t;                                                                              \
    sums[1] = sums[1] + low##t * low##t;                                                                     \
    if (both) {                                                                                              \
      emit(y + plane + 8 * (t), high##t, l->stream);                                                         \
      sums[2] = sums[2] + high##t;                                                                           \
      sums[3] = sums[3] + high##t * high##t;                                                                 \
    }                                                                                                        \
  }

/* `count` pixels of a row, of one panel or, unless `both`, of its lower half; the upper half goes `plane`
 * floats on. `padded` is the pixel above and to the left of the first. Adds to the sums and sums of squares.
 */
WB_INLINE void pixels(float *y, size_t plane, v8 sums[4], const float *padded, const float *panel,
                      const layout *l, int count, bool both) {
  EACH_PIXEL(CLEAR)
  for (int i = 0; i < l->channels; i++)
    for (int u = 0; u < 3; u++) {
      const float *from = padded + ((size_t)i * (l->height + 2) + u) * l->pitch;
      for (int v = 0; v < 3; v++, panel += 16) {
        const v8 w_low = load(panel), w_high = load(panel + 8);
        EACH_PIXEL(MULTIPLY)
      }
    }
  EACH_PIXEL(STORE)
}

/* One panel of an image; adds its channel sums to sums[16] and sums of squares to squares[16]. */
WB_INLINE void forward_panel(float *y, double *sums, double *squares, const float *padded, const float *panel,
                             const layout *l, bool both) {
  const size_t plane = 8 * (size_t)l->height * l->width;
  for (int r = 0; r < l->height; r++) {
    v8 part[4] = {zero(), zero(), zero(), zero()};
    for (int c = 0; c < l->width; c += PIXELS) {
      float *to = y + 8 * ((size_t)r * l->width + c);
      const float *from = padded + r * l->pitch + c;
      if (c + PIXELS <= l->width)
        pixels(to, plane, part, from, panel, l, PIXELS, both);
      else
        pixels(to, plane, part, from, panel, l, l->width - c, both);
    }
    for (int half = 0; half < 1 + both; half++)
      for (int i = 0; i < 8; i++) {
        sums[8 * half + i] += (double)part[2 * half][i];
        squares[8 * half + i] += (double)part[2 * half + 1][i];
      }
  }
}

void wb_stem_forward_avx2(const wb_stem *stem, int n, const float *x, const float *w, float *y, double *sums,
                          float *scratch) {
  layout l = plan(&stem->shape);
  const int outs = 8 * l.blocks;
  const size_t area = (size_t)l.height * l.width;
  l.stream = n * area * outs * sizeof *y >= WB_STREAM_BYTES;
  pack(scratch, w, &l);
#pragma omp parallel num_threads(wb_smaller(stem->threads, omp_get_max_threads()))
  {
    float *padded = scratch + l.shared + omp_get_thread_num() * l.own;
    double *own = (double *)(padded + l.image);
    memset(own, 0, 2 * outs * sizeof *own);
#pragma omp for schedule(static)
    for (int i = 0; i < n; i++) {
      pad(padded, x + i * area * l.channels, &l);
      for (int p = 0; p < l.panels; p++) {
        const float *panel = scratch + (size_t)p * l.channels * 9 * 16;
        float *to = y + ((size_t)i * l.blocks + 2 * p) * area * 8;
        if (2 * p + 1 < l.blocks)
          forward_panel(to, own + 16 * p, own + outs + 16 * p, padded, panel, &l, true);
        else
          forward_panel(to, own + 16 * p, own + outs + 16 * p, padded, panel, &l, false);
      }
    }
    if (l.stream) _mm_sfence();
    if (sums) {
#pragma omp for schedule(static)
      for (int i = 0; i < 2 * outs; i++) {
        sums[i] = 0;
        for (int t = 0; t < omp_get_num_threads(); t++)
          sums[i] += ((const double *)(scratch + l.shared + t * l.own + l.image))[i];
      }
    }
  }
}

/* Rows r .. r + rows - 1 of one panel: to (2, rows, width, 8). */
WB_INLINE void infer_rows(float *to, const float *padded, const float *panel, const layout *l, int r,
                          int rows) {
  const size_t plane = 8 * (size_t)rows * l->width;
  v8 unused[4] = {zero(), zero(), zero(), zero()};
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < l->width; c += PIXELS)
      pixels(to + 8 * ((size_t)i * l->width + c), plane, unused, padded + (r + i) * l->pitch + c, panel, l,
             wb_smaller(PIXELS, l->width - c), true);
}

void wb_stem_infer_avx2(const wb_stem *stem, int n, const float *x, const float *w,
                        const wb_conv_finish *finish, float *y, float *scratch) {
  const layout l = plan(&stem->shape);
  const size_t area = (size_t)l.height * l.width;
  const size_t width = finish->pool ? l.width / 2 : l.width;
  const size_t plane = 8 * width * (finish->pool ? l.height / 2 : l.height);
  pack(scratch, w, &l);
#pragma omp parallel num_threads(wb_smaller(stem->threads, omp_get_max_threads()))
  {
    float *padded = scratch + l.shared + omp_get_thread_num() * l.own, *pair = padded + l.image;
#pragma omp for schedule(static)
    for (int i = 0; i < n; i++) {
      pad(padded, x + i * area * l.channels, &l);
      for (int p = 0; p < l.panels; p++)
        for (int r = 0; r < l.height; r += 2) {
          const int rows = wb_smaller(2, l.height - r);
          infer_rows(pair, padded, scratch + (size_t)p * l.channels * 9 * 16, &l, r, rows);
          for (int b = 2 * p; b < wb_smaller(2 * p + 2, l.blocks); b++)
            wb_finish_plane(y + ((size_t)i * l.blocks + b) * plane + 8 * width * (finish->pool ? r / 2 : r),
                            pair + (b - 2 * p) * 8 * (size_t)rows * l.width, finish->bias + 8 * b, finish,
                            rows, l.width);
        }
    }
  }
}

/* Output block k and tap v of a row of three: sum##k##v. */
#define TAPS(OP, k)     OP(k, 0) OP(k, 1) OP(k, 2)
#define BLOCKS1(OP)     TAPS(OP, 0)
#define BLOCKS2(OP)     BLOCKS1(OP) TAPS(OP, 1)
#define BLOCKS3(OP)     BLOCKS2(OP) TAPS(OP, 2)
#define BLOCKS4(OP)     BLOCKS3(OP) TAPS(OP, 3)
#define READ_SUM(k, v)  v8 sum##k##v = load(dw + (k)*block + 8 * (v));
#define WRITE_SUM(k, v) store(dw + (k)*block + 8 * (v), sum##k##v);
#define ADD(k, v)       sum##k##v = sum##k##v + x##v * load(dy + (k)*plane + 8 * c);

/* Adds the products of `rows` rows to the three taps of a row for some blocks of outputs: dw (blocks.., 3,
 * 8). */
#define CORRELATE(blocks)                                                                                    \
  static void correlate##blocks(float *dw, size_t block, const float *x, size_t pitch, const float *dy,      \
                                size_t plane, int rows, int width) {                                         \
    (void)block, (void)plane;                                                                                \
    BLOCKS##blocks(READ_SUM);                                                                                \
    for (int r = 0; r < rows; r++, x += pitch, dy += 8 * width)                                              \
      for (int c = 0; c < width; c++) {                                                                      \
        const v8 x0 = broadcast(x + c), x1 = broadcast(x + c + 1), x2 = broadcast(x + c + 2);                \
        BLOCKS##blocks(ADD)                                                                                  \
      }                                                                                                      \
    BLOCKS##blocks(WRITE_SUM);                                                                               \
  }

CORRELATE(1)
CORRELATE(2)
CORRELATE(3)
CORRELATE(4)

/* dw (blocks, channels, 3, 3, 8) of one image, from nothing. */
static void image_weights(float *dw, const float *padded, const float *dy, const layout *l) {
  const size_t plane = 8 * (size_t)l->height * l->width, block = (size_t)l->channels * 9 * 8;
  int band = BAND_BYTES / (l->width * 32 * (int)sizeof *dy);
  if (band < 1) band = 1;
  memset(dw, 0, l->weights * sizeof *dw);
  for (int k = 0; k < l->blocks; k += 4)
    for (int r = 0; r < l->height; r += band)
      for (int line = 0; line < 3 * l->channels; line++) {
        float *to = dw + k * block + 24 * line;
        const float *x = padded + ((size_t)(line / 3) * (l->height + 2) + r + line % 3) * l->pitch;
        const float *from = dy + k * plane + 8 * (size_t)r * l->width;
        const int rows = wb_smaller(band, l->height - r);
        const int blocks = l->blocks - k;
        if (blocks == 1) correlate1(to, block, x, l->pitch, from, plane, rows, l->width);
        if (blocks == 2) correlate2(to, block, x, l->pitch, from, plane, rows, l->width);
        if (blocks == 3) correlate3(to, block, x, l->pitch, from, plane, rows, l->width);
        if (blocks >= 4) correlate4(to, block, x, l->pitch, from, plane, rows, l->width);
      }
}

void wb_stem_backward_weights_avx2(const wb_stem *stem, int n, const float *x, const float *dy, float *dw,
                                   float *scratch) {
  const layout l = plan(&stem->shape);
  const size_t area = (size_t)l.height * l.width;
#pragma omp parallel num_threads(wb_smaller(stem->threads, omp_get_max_threads()))
  {
    float *padded = scratch + l.shared + omp_get_thread_num() * l.own, *part = padded + l.image + l.sums;
    double *own = (double *)(padded + l.image);
    memset(own, 0, l.weights * sizeof *own);
#pragma omp for schedule(static)
    for (int i = 0; i < n; i++) {
      pad(padded, x + i * area * l.channels, &l);
      image_weights(part, padded, dy + i * area * l.blocks * 8, &l);
      for (size_t k = 0; k < l.weights; k++) own[k] += (double)part[k];
    }
    /* From [o/8][i][u][v][8] to [o/8][u][v][i][8]. */
#pragma omp for schedule(static)
    for (size_t k = 0; k < l.weights; k++) {
      const size_t tap = k / 8 % 9, i = k / 72 % l.channels, o = k / 72 / l.channels;
      double sum = 0;
      for (int t = 0; t < omp_get_num_threads(); t++)
        sum += ((const double *)(scratch + l.shared + t * l.own + l.image))[k];
      dw[((o * 9 + tap) * l.channels + i) * 8 + k % 8] = (float)sum;
    }
  }
}

size_t wb_stem_scratch_avx2(const wb_stem *stem) {
  const layout l = plan(&stem->shape);
  return (l.shared + l.own * stem->threads) * sizeof(float);
}

#endif
