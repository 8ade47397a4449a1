/* corruption_blur.c: blurs, and the filters that other corruptions use. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include <string.h>

#include "corruption_internal.h"

enum { MOST_RADIUS = 128 };

/* d c b a | a b c d | d c b a */
static int mirrored(int i, int n) {
  while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
  return i;
}

/* Without the edge pixel twice: d c b | a b c d | c b a */
static int mirrored_101(int i, int n) {
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * n - 2 - i;
  return i;
}

void wb_gaussian_plane(double *plane, double *room, int height, int width, double sigma, double truncate,
                       int reflect) {
  int radius = (int)(truncate * sigma + 0.5);
  double kernel[MOST_RADIUS + 1], sum = 0;
  if (radius > MOST_RADIUS) radius = MOST_RADIUS;
  if (radius < 1) return;
  for (int k = 0; k <= radius; k++) {
    kernel[k] = exp(-0.5 * k * k / (sigma * sigma));
    sum += k ? 2 * kernel[k] : kernel[k];
  }
  int (*const index)(int, int) = reflect ? mirrored : wb_clamp_index;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double value = 0;
      for (int k = -radius; k <= radius; k++)
        value += kernel[k < 0 ? -k : k] * plane[index(y + k, height) * width + x];
      room[y * width + x] = (value / sum);
    }
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double value = 0;
      for (int k = -radius; k <= radius; k++)
        value += kernel[k < 0 ? -k : k] * room[y * width + index(x + k, width)];
      plane[y * width + x] = (value / sum);
    }
}

/* A disk of pixels, itself blurred by a 3 x 3 Gaussian. */
void wb_defocus_blur(wb_corruptor *c, int severity) {
  enum { REACH = 3, SIDE = 2 * REACH + 1 };
  static const double radius[] = {0.3, 0.4, 0.5, 1, 1.5}, alias[] = {0.4, 0.5, 0.6, 0.2, 0.1};
  double disk[SIDE][SIDE], kernel[SIDE][SIDE] = {{0}}, sum = 0;
  const double r = radius[severity], side = exp(-0.5 / (alias[severity] * alias[severity])),
               tap[3] = {side / (1 + 2 * side), 1 / (1 + 2 * side), side / (1 + 2 * side)};
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      sum += disk[y][x] = (y - REACH) * (y - REACH) + (x - REACH) * (x - REACH) <= r * r;
  for (int y = 1; y < SIDE - 1; y++)
    for (int x = 1; x < SIDE - 1; x++)
      for (int k = 0; k < 9; k++)
        kernel[y][x] += tap[k / 3] * tap[k % 3] * disk[y + k / 3 - 1][x + k % 3 - 1] / sum;
  memcpy(c->before, c->pixels, c->area * (size_t)c->channels * sizeof(double));
  for (int plane = 0; plane < c->channels; plane++)
    for (int y = 0; y < c->height; y++)
      for (int x = 0; x < c->width; x++) {
        const double *in = c->before + (size_t)plane * c->area;
        double value = 0;
        for (int v = 0; v < SIDE; v++)
          for (int h = 0; h < SIDE; h++)
            if (kernel[v][h] > 0)
              value += kernel[v][h] * in[mirrored_101(y + v - REACH, c->height) * c->width +
                                         mirrored_101(x + h - REACH, c->width)];
        c->pixels[(size_t)plane * c->area + (size_t)(y * c->width + x)] = value;
      }
}

/* The published code means to swap two pixels, but its assignment through NumPy views copies the second over
 * the first; CIFAR-10-C was made that way, and so is this. */
void wb_glass_blur(wb_corruptor *c, int severity) {
  static const double sigma[] = {0.05, 0.25, 0.4, 0.25, 0.4};
  static const int passes[] = {1, 1, 1, 2, 2};
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area;
    wb_gaussian_plane(p, c->layer, c->height, c->width, sigma[severity], 4, 0);
    for (size_t i = 0; i < c->area; i++) p[i] = wb_level(p[i]) / 255;
  }
  for (int pass = 0; pass < passes[severity]; pass++)
    for (int y = c->height - 1; y > 1; y--)
      for (int x = c->width - 1; x > 1; x--) {
        const uint32_t bits = wb_rng_u32(&c->rng);
        const int from = (y - (int)(bits >> 31)) * c->width + x - (int)(bits >> 30 & 1);
        for (int plane = 0; plane < c->channels; plane++) {
          double *p = c->pixels + (size_t)plane * c->area;
          p[y * c->width + x] = p[from];
        }
      }
  for (int plane = 0; plane < c->channels; plane++)
    wb_gaussian_plane(c->pixels + (size_t)plane * c->area, c->layer, c->height, c->width, sigma[severity], 4,
                      0);
}

void wb_motion_plane(double *out, const double *in, int height, int width, int radius, double sigma,
                     double degrees) {
  const double down = sin(degrees * 3.141592653589793 / 180), right = cos(degrees * 3.141592653589793 / 180);
  const int taps = 2 * radius + 1;
  double sum = 0;
  for (int k = 0; k < taps; k++) sum += exp(-0.5 * k * k / (sigma * sigma));
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double value = 0;
      for (int k = 0; k < taps; k++) {
        const int v = wb_clamp_index(y + (int)ceil(k * down - 0.5), height);
        const int h = wb_clamp_index(x + (int)ceil(k * right - 0.5), width);
        value += exp(-0.5 * k * k / (sigma * sigma)) * in[v * width + h];
      }
      out[y * width + x] = (value / sum);
    }
}

void wb_motion_blur(wb_corruptor *c, int severity) {
  static const int radius[] = {6, 6, 6, 8, 9};
  static const double sigma[] = {1, 1.5, 2, 2, 2.5};
  const double degrees = (double)wb_rng_range(&c->rng, -45, 45);
  memcpy(c->before, c->pixels, c->area * (size_t)c->channels * sizeof(double));
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area;
    wb_motion_plane(p, c->before + (size_t)plane * c->area, c->height, c->width, radius[severity],
                    sigma[severity], degrees);
    for (size_t i = 0; i < c->area; i++) p[i] = round(p[i] * 255) / 255; // to whole levels, not cut off
  }
}

/* The middle ceil(n / factor) pixels of a side, and how many they become. */
static void zoom_side(int n, double factor, int *first, int *count, int *larger) {
  *count = (int)ceil(n / factor);
  *first = (n - *count) / 2;
  *larger = (int)nearbyint(*count * factor);
}

void wb_zoom_plane(double *out, const double *in, double *zoomed, int height, int width, double factor) {
  int top, rows, larger_rows, left, cols, larger_cols;
  zoom_side(height, factor, &top, &rows, &larger_rows);
  zoom_side(width, factor, &left, &cols, &larger_cols);
  for (int y = 0; y < larger_rows; y++) {
    const double v = larger_rows > 1 ? (double)y * (rows - 1) / (larger_rows - 1) : 0;
    const int v0 = wb_clamp_index((int)v, rows), v1 = wb_clamp_index(v0 + 1, rows);
    for (int x = 0; x < larger_cols; x++) {
      const double h = larger_cols > 1 ? (double)x * (cols - 1) / (larger_cols - 1) : 0;
      const int h0 = wb_clamp_index((int)h, cols), h1 = wb_clamp_index(h0 + 1, cols);
      const double *a = in + (top + v0) * width + left, *b = in + (top + v1) * width + left;
      const double upper = a[h0] + (h - h0) * (a[h1] - a[h0]);
      const double lower = b[h0] + (h - h0) * (b[h1] - b[h0]);
      zoomed[y * larger_cols + x] = (upper + (v - v0) * (lower - upper));
    }
  }
  const int trim_top = (larger_rows - height) / 2, trim_left = (larger_cols - width) / 2;
  for (int y = 0; y < height; y++)
    memcpy(out + y * width, zoomed + (y + trim_top) * larger_cols + trim_left, (size_t)width * sizeof *out);
}

/* Mean of the image and of it magnified by 1, 1.01, 1.02, ..: as NumPy's arange gives them, since rounding
 * decides how many pixels 1.25 makes of 26. */
void wb_zoom_blur(wb_corruptor *c, int severity) {
  static const int steps[] = {7, 12, 16, 21, 26};
  for (int plane = 0; plane < c->channels; plane++) {
    double *p = c->pixels + (size_t)plane * c->area, *in = c->before;
    memcpy(in, p, c->area * sizeof *in);
    for (int k = 0; k < steps[severity]; k++) {
      wb_zoom_plane(c->layer, in, c->zoomed, c->height, c->width, 1 + k * (1.01 - 1));
      for (size_t i = 0; i < c->area; i++) p[i] += c->layer[i];
    }
    for (size_t i = 0; i < c->area; i++) p[i] /= steps[severity] + 1;
  }
}
