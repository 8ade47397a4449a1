/* corruption_digital.c: contrast, elastic transform, pixelation, JPEG. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> // after stdio.h and stdlib.h, which it needs

#include "corruption_internal.h"

void wb_contrast(wb_corruptor *c, int severity) {
  static const double factor[] = {0.75, 0.5, 0.4, 0.3, 0.15};
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area;
    double sum = 0;
    for (size_t i = 0; i < c->area; i++) sum += p[i];
    const double mean = sum / (double)c->area;
    for (size_t i = 0; i < c->area; i++) p[i] = (p[i] - mean) * factor[severity] + mean;
  }
}

/* ---- Elastic transform ---- */

/* Bilinear; beyond its edges the image is mirrored, with the edge pixel twice or (`once`) not. */
static double sample(const double *in, int height, int width, double y, double x, int once) {
  const int top = (int)floor(y), left = (int)floor(x);
  double value = 0;
  for (int k = 0; k < 4; k++) {
    int v = top + k / 2, h = left + k % 2;
    while (v < 0 || v >= height) v = v < 0 ? once - 1 - v : 2 * height - 1 - once - v;
    while (h < 0 || h >= width) h = h < 0 ? once - 1 - h : 2 * width - 1 - once - h;
    value += (k / 2 ? y - top : 1 - y + top) * (k % 2 ? x - left : 1 - x + left) * in[v * width + h];
  }
  return value;
}

/* Row (a, b, d) with a x + b y + d = value at three points. */
static void solve(double row[3], double xy[3][2], const double value[3]) {
  const double x1 = xy[1][0] - xy[0][0], y1 = xy[1][1] - xy[0][1], x2 = xy[2][0] - xy[0][0],
               y2 = xy[2][1] - xy[0][1], v1 = value[1] - value[0], v2 = value[2] - value[0];
  const double determinant = x1 * y2 - x2 * y1;
  row[0] = (v1 * y2 - v2 * y1) / determinant;
  row[1] = (x1 * v2 - x2 * v1) / determinant;
  row[2] = value[0] - row[0] * xy[0][0] - row[1] * xy[0][1];
}

/* Where each pixel comes from, when three points of the image move by up to `reach` pixels. */
static void make_affine(wb_corruptor *c, double x_from[3], double y_from[3], double reach) {
  const int shorter = c->height < c->width ? c->height : c->width;
  const double middle[2] = {c->width / 2, c->height / 2}, side = shorter / 3;
  const double offsets[3][2] = {{side, side}, {side, -side}, {-side, -side}};
  double moved[3][2], x[3], y[3];
  for (int k = 0; k < 3; k++) {
    x[k] = middle[0] + offsets[k][0];
    y[k] = middle[1] + offsets[k][1];
    moved[k][0] = x[k] + reach * (2 * wb_rng_uniform(&c->rng) - 1);
    moved[k][1] = y[k] + reach * (2 * wb_rng_uniform(&c->rng) - 1);
  }
  solve(x_from, moved, x);
  solve(y_from, moved, y);
}

static void make_shift(wb_corruptor *c, double *shift, double sigma, double amount) {
  for (size_t i = 0; i < c->area; i++) shift[i] = wb_rng_range(&c->rng, -1, 1);
  wb_gaussian_plane(shift, c->zoomed, c->height, c->width, sigma, 3, 1);
  for (size_t i = 0; i < c->area; i++) shift[i] *= amount;
}

void wb_elastic_transform(wb_corruptor *c, int severity) {
  static const double amount[] = {0, 0.05, 0.08, 0.1, 0.1}, sigma[] = {0, 0.2, 0.06, 0.04, 0.03},
                      reach[] = {0.08, 0.07, 0.06, 0.05, 0.03}; // of the shorter side
  const double side = c->height < c->width ? c->height : c->width;
  double x_from[3], y_from[3];
  make_affine(c, x_from, y_from, reach[severity] * side);
  make_shift(c, c->layer, sigma[severity] * side, amount[severity] * side);
  make_shift(c, c->layer2, sigma[severity] * side, amount[severity] * side);
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area;
    for (int y = 0; y < c->height; y++)
      for (int x = 0; x < c->width; x++)
        c->before[y * c->width + x] =
            sample(p, c->height, c->width, y_from[0] * x + y_from[1] * y + y_from[2],
                   x_from[0] * x + x_from[1] * y + x_from[2], 1);
    for (int y = 0; y < c->height; y++)
      for (int x = 0; x < c->width; x++) {
        const int i = y * c->width + x;
        p[i] = sample(c->before, c->height, c->width, y + c->layer2[i], x + c->layer[i], 0);
      }
  }
}

/* ---- Pixelation ---- */

/* Box filter along lines of `from` values (`step` apart) to `to` values, to whole levels as Pillow does. */
static void box(double *out, const double *in, int from, int to, int step) {
  const double scale = (double)from / to, support = scale > 1 ? scale / 2 : 0.5;
  for (int i = 0; i < to; i++) {
    const double centre = (i + 0.5) * scale;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5), count = 0;
    double sum = 0;
    first = first < 0 ? 0 : first;
    end = end > from ? from : end;
    for (int k = first; k < end; k++) {
      const double place = (k - centre + 0.5) / (scale > 1 ? scale : 1);
      if (!(place > -0.5 && place <= 0.5)) continue;
      sum += nearbyint(in[k * step] * 255); // whole levels, so that halves are exact
      count++;
    }
    out[i * step] = floor(sum / count + 0.5) / 255;
  }
}

void wb_pixelate(wb_corruptor *c, int severity) {
  static const double share[] = {0.95, 0.9, 0.85, 0.75, 0.65};
  const int rows = (int)(c->height * share[severity]), cols = (int)(c->width * share[severity]);
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area;
    const int w = c->width;
    for (int y = 0; y < c->height; y++) box(c->layer + y * w, p + y * w, w, cols, 1);
    for (int x = 0; x < cols; x++) box(c->layer2 + x, c->layer + x, c->height, rows, w);
    for (int y = 0; y < rows; y++) box(c->layer + y * w, c->layer2 + y * w, cols, w, 1);
    for (int x = 0; x < w; x++) box(p + x, c->layer + x, rows, c->height, w);
  }
}

/* ---- JPEG ---- */

typedef struct failure {
  struct jpeg_error_mgr manager; // first: what the library knows
  jmp_buf back;
} failure;

static void give_up(j_common_ptr info) {
  longjmp(((failure *)(void *)info->err)->back, 1);
}

static void be_silent(j_common_ptr info, int level) {
  (void)info;
  (void)level;
}

/* Interleaved rows of 3 channels, or of 1, compressed into memory of the library's malloc. */
static bool compress(const uint8_t *rows, const wb_corruptor *c, int channels, int quality,
                     unsigned char **bytes, unsigned long *size) {
  struct jpeg_compress_struct info;
  failure f;
  info.err = jpeg_std_error(&f.manager);
  f.manager.error_exit = give_up;
  f.manager.emit_message = be_silent;
  if (setjmp(f.back)) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = (JDIMENSION)c->width;
  info.image_height = (JDIMENSION)c->height;
  info.input_components = channels;
  info.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row =
        (JSAMPROW)(uintptr_t)(rows + (size_t)info.next_scanline * (size_t)c->width * (size_t)channels);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

static bool decompress(uint8_t *rows, const wb_corruptor *c, int channels, const unsigned char *bytes,
                       unsigned long size) {
  struct jpeg_decompress_struct info;
  failure f;
  info.err = jpeg_std_error(&f.manager);
  f.manager.error_exit = give_up;
  f.manager.emit_message = be_silent;
  if (setjmp(f.back)) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, size);
  jpeg_read_header(&info, TRUE);
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = rows + (size_t)info.output_scanline * (size_t)c->width * (size_t)channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

/* Colour images as a whole; of others each channel as a grey one. */
wb_status wb_jpeg_compression(wb_corruptor *c, uint8_t *out, const uint8_t *in, int severity, wb_error *err) {
  static const int quality[] = {80, 65, 58, 50, 40};
  const int together = c->channels == 3 ? 3 : 1;
  const size_t step = (size_t)together;
  uint8_t *rows = (uint8_t *)(void *)c->before; // (height, width, together)
  for (int plane = 0; plane < c->channels; plane += together) {
    const uint8_t *from = in + (size_t)plane * c->area;
    uint8_t *to = out + (size_t)plane * c->area;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    for (size_t i = 0; i < c->area * step; i++) rows[i] = from[i % step * c->area + i / step];
    const bool done = compress(rows, c, together, quality[severity], &bytes, &size) &&
                      decompress(rows, c, together, bytes, size);
    free(bytes);
    if (!done) return wb_fail_nomem(err, "JPEG compression", c->area * step);
    for (size_t i = 0; i < c->area * step; i++) to[i % step * c->area + i / step] = rows[i];
  }
  return WB_OK;
}
