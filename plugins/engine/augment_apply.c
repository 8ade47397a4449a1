/* augment_apply.c: applies an augmentation draw to the pixels of an image. See augment.h.
 *
 * Follows torchvision on 8-bit tensors: every operation leaves whole numbers 0..255, resizing and blurring
 * round to the nearest, colour operations drop the fraction. The values are kept as float planes, whose loops
 * vectorise.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "augment.h"

#include <math.h>
#include <string.h>

#include "fastmath.h"
#include "simd.h"

typedef struct shape {
  int channels, height, width;
} shape;

static inline float clamp_drop_fraction(float x) {
  const int whole = (int)x, positive = whole > 0 ? whole : 0;
  return (float)(positive < 255 ? positive : 255);
}

static inline float grey_of(float r, float g, float b) {
  return (float)(int)(0.2989f * r + 0.587f * g + 0.114f * b);
}

/* Source position of each target pixel along an axis of `out` pixels onto `in`, pixel centres aligned, held
 * within the source: the integer part is the left neighbour, the fraction the weight of the right one. As a
 * crop is never larger than the image it came from, this is what antialiased resizing comes to. */
static void axis(float *position, int out, int in, bool reversed) {
  const float scale = (float)in / (float)out;
  for (int i = 0; i < out; i++) {
    float p = ((float)i + 0.5f) * scale - 0.5f;
    if (p < 0) p = 0;
    if (p > (float)(in - 1)) p = (float)(in - 1);
    position[reversed ? out - 1 - i : i] = p;
  }
}

WB_CLONES static void widen(float *out, const uint8_t *in, int n) {
  for (int i = 0; i < n; i++) out[i] = (float)in[i];
}

/* out[x] = row at position[x]; row has a further value behind its last. */
WB_CLONES static void interpolate_row(float *out, const float *row, const float *position, int n) {
#pragma omp simd
  for (int x = 0; x < n; x++) {
    const int i = (int)position[x];
    const float f = position[x] - (float)i;
    out[x] = row[i] * (1 - f) + row[i + 1] * f;
  }
}

WB_CLONES static void mix_rows(float *out, const float *above, const float *below, float weight, int n) {
#pragma omp simd
  for (int x = 0; x < n; x++) out[x] = wb_round_even(above[x] * (1 - weight) + below[x] * weight);
}

/* Crops and resizes to the size of the image. work: (height + 2, width) and one value. */
static void resized_crop(float *out, const uint8_t *image, const shape *s, const wb_augment_draw *draw,
                         float *work) {
  const int width = s->width;
  float *position = work, *row = work + width, *stretched = row + width + 1;
  axis(position, width, draw->width, draw->flip);
  for (int c = 0; c < s->channels; c++) {
    const uint8_t *box = image + ((size_t)c * s->height + draw->top) * width + draw->left;
    for (int y = 0; y < draw->height; y++) {
      widen(row, box + (size_t)y * width, draw->width);
      row[draw->width] = row[draw->width - 1];
      interpolate_row(stretched + (size_t)y * width, row, position, width);
    }
    const float scale = (float)draw->height / (float)s->height;
    for (int y = 0; y < s->height; y++, out += width) {
      float p = ((float)y + 0.5f) * scale - 0.5f;
      p = p < 0 ? 0 : p > (float)(draw->height - 1) ? (float)(draw->height - 1) : p;
      const int above = (int)p, below = above + 1 < draw->height ? above + 1 : above;
      mix_rows(out, stretched + (size_t)above * width, stretched + (size_t)below * width, p - (float)above,
               width);
    }
  }
}

/* The box of the image's own size at (top, left) of the image padded by `pad` zeros. */
static void padded_crop(float *out, const uint8_t *image, const shape *s, int pad,
                        const wb_augment_draw *draw) {
  const int down = draw->top - pad, right = draw->left - pad;
  const int from = right < 0 ? -right : 0, to = right > 0 ? s->width - right : s->width;
  for (int c = 0; c < s->channels; c++)
    for (int y = 0; y < s->height; y++, out += s->width) {
      const int source = y + down;
      memset(out, 0, (size_t)s->width * sizeof *out);
      if (source < 0 || source >= s->height || to <= from) continue;
      widen(out + from, image + ((size_t)c * s->height + source) * s->width + from + right, to - from);
    }
}

static void flip_rows(float *x, size_t rows, int width) {
  for (size_t r = 0; r < rows; r++, x += width)
    for (int i = 0, j = width - 1; i < j; i++, j--) {
      const float t = x[i];
      x[i] = x[j];
      x[j] = t;
    }
}

/* x <- factor x + rest */
WB_CLONES static void scale_values(float *x, float factor, float rest, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) x[i] = clamp_drop_fraction(factor * x[i] + rest);
}

WB_CLONES static float mean_grey(const float *x, size_t n, int channels) {
  int64_t sum = 0;
  if (channels == 3)
    for (size_t i = 0; i < n; i++) sum += (int)grey_of(x[i], x[n + i], x[2 * n + i]);
  else
    for (size_t i = 0; i < n * (size_t)channels; i++) sum += (int)x[i];
  return (float)((double)sum / (double)(channels == 3 ? n : n * (size_t)channels));
}

/* Mixes a colour image with its greyscale; factor 0 is the greyscale itself. */
WB_CLONES static void saturate(float *restrict x, float factor, size_t n) {
  float *restrict g = x + n, *restrict b = x + 2 * n;
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const float rest = (1 - factor) * grey_of(x[i], g[i], b[i]);
    x[i] = clamp_drop_fraction(factor * x[i] + rest);
    g[i] = clamp_drop_fraction(factor * g[i] + rest);
    b[i] = clamp_drop_fraction(factor * b[i] + rest);
  }
}

/* Red, green, blue at sector + 5, 3, 1 on the colour circle of circumference 6. */
static inline float on_circle(float largest, float chroma, float sector) {
  const float k = sector - 6 * (float)(int)(sector * (1.f / 6));
  const float rising = k < 4 - k ? k : 4 - k;
  const float share = rising < 0 ? 0 : rising > 1 ? 1 : rising;
  return (float)(int)(largest - chroma * share + 1e-3f); // a whole number stays one
}

/* Turns the hue by `turn` of a full circle. */
WB_CLONES static void rotate_hue(float *restrict x, float turn, size_t n) {
  float *restrict y = x + n, *restrict z = x + 2 * n;
  const float shift = 6 * turn + 12; // keeps sectors positive
#pragma omp simd
  for (size_t i = 0; i < n; i++) {
    const float r = x[i], g = y[i], b = z[i];
    const float most = r > g ? r : g, least = r < g ? r : g;
    const float largest = b > most ? b : most, chroma = largest - (b < least ? b : least);
    const float from_green = 2 * chroma + (b - r), from_blue = 4 * chroma + (r - g);
    const float steps = largest == r ? g - b : largest == g ? from_green : from_blue;
    const float sector = steps / (chroma > 0 ? chroma : 1) + shift;
    x[i] = on_circle(largest, chroma, sector + 5);
    y[i] = on_circle(largest, chroma, sector + 3);
    z[i] = on_circle(largest, chroma, sector + 1);
  }
}

static void jitter(float *x, const shape *s, const wb_augment_draw *draw) {
  const size_t plane = (size_t)s->height * s->width, values = plane * s->channels;
  for (int i = 0; i < 4; i++) switch (draw->order[i]) {
    case 0:
      scale_values(x, draw->brightness, 0, values);
      break;
    case 1:
      scale_values(x, draw->contrast, (1 - draw->contrast) * mean_grey(x, plane, s->channels), values);
      break;
    case 2:
      if (s->channels == 3) saturate(x, draw->saturation, plane);
      break;
    default:
      if (s->channels == 3) rotate_hue(x, draw->hue, plane);
    }
}

WB_CLONES static void blur_row(float *out, const float *above, const float *here, const float *below,
                               float *row, float side, float centre, int n) {
#pragma omp simd
  for (int x = 0; x < n; x++) row[x + 1] = side * (above[x] + below[x]) + centre * here[x];
  row[0] = row[n > 1 ? 2 : 1]; // reflected without repeating the border
  row[n + 1] = row[n > 1 ? n - 1 : n];
#pragma omp simd
  for (int x = 0; x < n; x++) out[x] = wb_round_even(side * (row[x] + row[x + 2]) + centre * row[x + 1]);
}

/* 3x3 Gaussian. work: (height + 1, width) and two values. */
static void blur(float *x, const shape *s, float sigma, float *work) {
  const double ratio = exp(-0.5 / ((double)sigma * (double)sigma));
  const float centre = (float)(1 / (1 + 2 * ratio)), side = (float)(ratio / (1 + 2 * ratio));
  const int height = s->height, width = s->width;
  float *copy = work + width + 2;
  for (int c = 0; c < s->channels; c++, x += (size_t)height * width) {
    memcpy(copy, x, (size_t)height * width * sizeof *x);
    for (int y = 0; y < height; y++) {
      const int above = y > 0 ? y - 1 : height > 1,
                below = y + 1 < height ? y + 1 : height - 1 - (height > 1);
      blur_row(x + (size_t)y * width, copy + (size_t)above * width, copy + (size_t)y * width,
               copy + (size_t)below * width, work, side, centre, width);
    }
  }
}

/* (x / 255 - mean) / sd as factor x + offset. */
static void normalization(float *factor, float *offset, float mean, float sd) {
  *factor = (float)(1 / (255 * (double)sd));
  *offset = (float)(-(double)mean / (double)sd);
}

WB_CLONES static void normalize_floats(float *x, float factor, float offset, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) x[i] = factor * x[i] + offset;
}

WB_CLONES static void normalize_bytes(float *out, const uint8_t *x, float factor, float offset, size_t n) {
#pragma omp simd
  for (size_t i = 0; i < n; i++) out[i] = factor * (float)x[i] + offset;
}

size_t wb_augment_work(int channels, int height, int width) {
  (void)channels; // one plane at a time
  return ((size_t)height + 2) * width + 2;
}

void wb_augment_apply(float *out, const uint8_t *image, int channels, int height, int width,
                      const wb_augment_policy *policy, const wb_augment_draw *draw, const float *mean,
                      const float *sd, float *work) {
  const shape s = {channels, height, width};
  const size_t plane = (size_t)height * width;
  if (policy->resized_crop) {
    resized_crop(out, image, &s, draw, work);
  } else {
    padded_crop(out, image, &s, policy->pad, draw);
    if (draw->flip) flip_rows(out, (size_t)channels * height, width);
  }
  if (draw->jitter) jitter(out, &s, draw);
  if (draw->grey && channels == 3) saturate(out, 0, plane);
  if (draw->blur) blur(out, &s, draw->sigma, work);
  for (int c = 0; c < channels; c++) {
    float factor, offset;
    normalization(&factor, &offset, mean[c], sd[c]);
    normalize_floats(out + c * plane, factor, offset, plane);
  }
}

void wb_normalize_images(float *out, const uint8_t *images, size_t n, int channels, int height, int width,
                         const float *mean, const float *sd) {
  const size_t plane = (size_t)height * width;
#pragma omp parallel for schedule(static) if (n > 64)
  for (size_t i = 0; i < n; i++)
    for (int c = 0; c < channels; c++) {
      const size_t at = (i * (size_t)channels + (size_t)c) * plane;
      float factor, offset;
      normalization(&factor, &offset, mean[c], sd[c]);
      normalize_bytes(out + at, images + at, factor, offset, plane);
    }
}
