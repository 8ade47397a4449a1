/* layers.c: passes between convolutions. Kernels work on one image and one block of eight channels.
 *
 * Sums run in float over at most 16 pixels and go on in double: the passes are as fast as memory, and the
 * rounding stays below that of y itself. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "vec8.h"

enum { RUN = 16 };

size_t wb_channel_sums_work(int n, int blocks) {
  return (size_t)n * (size_t)blocks * 16;
}

void wb_channel_reduce(double *sums, const double *part, int n, int blocks) {
  const int channels = 8 * blocks;
#pragma omp parallel for schedule(static)
  for (int b = 0; b < blocks; b++)
    for (int k = 0; k < 2; k++) {
      double *s = sums + k * channels + 8 * b;
      for (int j = 0; j < 8; j++) s[j] = 0;
      for (int i = 0; i < n; i++)
        for (int j = 0; j < 8; j++) s[j] += part[((size_t)i * (size_t)blocks + (size_t)b) * 16 + k * 8 + j];
    }
}

static inline void flush(double *part, const v8 *s, const v8 *t) {
  for (int j = 0; j < 8; j++) {
    part[j] += (double)(*s)[j];
    part[8 + j] += (double)(*t)[j];
  }
}

static inline void zero(double *part) {
  for (int j = 0; j < 16; j++) part[j] = 0;
}

static inline size_t run_end(size_t i, size_t pixels) {
  return i + RUN < pixels ? i + RUN : pixels;
}

WB_CLONES static void products(double *part, const float *g, const float *y, size_t pixels) {
  const v8 *gv = (const v8 *)g, *yv = (const v8 *)y;
  zero(part);
  for (size_t i = 0; i < pixels;) {
    v8 s = {0}, t = {0};
    for (const size_t end = run_end(i, pixels); i < end; i++) {
      s += gv[i];
      t += gv[i] * yv[i];
    }
    flush(part, &s, &t);
  }
}

WB_CLONES static void relu(float *a, const float *y, const float *scale, const float *shift, size_t pixels) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  for (size_t i = 0; i < pixels; i++) {
    const v8 v = s * ((const v8 *)y)[i] + b;
    ((v8 *)a)[i] = V8_KEEP(v > 0, v);
  }
}

WB_CLONES static void add_relu(float *a, const float *y, const float *scale, const float *shift,
                               const float *r, const float *r_scale, const float *r_shift, size_t pixels) {
  const v8 one = {1, 1, 1, 1, 1, 1, 1, 1}, none = {0};
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  const v8 rs = r_scale ? *(const v8 *)r_scale : one, rb = r_shift ? *(const v8 *)r_shift : none;
  for (size_t i = 0; i < pixels; i++) {
    const v8 v = (s * ((const v8 *)y)[i] + b) + (rs * ((const v8 *)r)[i] + rb);
    ((v8 *)a)[i] = V8_KEEP(v > 0, v);
  }
}

WB_CLONES static void relu_sums(double *part, const float *d, const float *y, const float *scale,
                                const float *shift, size_t pixels) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  zero(part);
  for (size_t i = 0; i < pixels;) {
    v8 sum = {0}, product = {0};
    for (const size_t end = run_end(i, pixels); i < end; i++) {
      const v8 v = ((const v8 *)y)[i], g = V8_KEEP(s * v + b > 0, ((const v8 *)d)[i]);
      sum += g;
      product += g * v;
    }
    flush(part, &sum, &product);
  }
}

WB_CLONES static void relu_backward(float *y, const float *d, const float *scale, const float *shift,
                                    const float *k1, const float *k2, const float *k3, size_t pixels) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  const v8 a1 = *(const v8 *)k1, a2 = *(const v8 *)k2, a3 = *(const v8 *)k3;
  for (size_t i = 0; i < pixels; i++) {
    const v8 v = ((const v8 *)y)[i], g = V8_KEEP(s * v + b > 0, ((const v8 *)d)[i]);
    ((v8 *)y)[i] = a1 * g + (a2 * v + a3);
  }
}

WB_CLONES static void merge_sums(double *part, float *d, const float *d2, const float *a, const float *y,
                                 size_t pixels) {
  zero(part);
  for (size_t i = 0; i < pixels;) {
    v8 sum = {0}, product = {0};
    for (const size_t end = run_end(i, pixels); i < end; i++) {
      v8 g = ((v8 *)d)[i];
      if (d2) g += ((const v8 *)d2)[i];
      g = V8_KEEP(((const v8 *)a)[i] > 0, g);
      ((v8 *)d)[i] = g;
      sum += g;
      product += g * ((const v8 *)y)[i];
    }
    flush(part, &sum, &product);
  }
}

WB_CLONES static void backward(float *y, const float *g, const float *k1, const float *k2, const float *k3,
                               size_t pixels) {
  const v8 a1 = *(const v8 *)k1, a2 = *(const v8 *)k2, a3 = *(const v8 *)k3;
  for (size_t i = 0; i < pixels; i++) ((v8 *)y)[i] = a1 * ((const v8 *)g)[i] + (a2 * ((const v8 *)y)[i] + a3);
}

WB_CLONES static void mean(float *f, const float *a, size_t pixels) {
  double part[16];
  zero(part);
  for (size_t i = 0; i < pixels;) {
    v8 s = {0};
    const v8 none = {0};
    for (const size_t end = run_end(i, pixels); i < end; i++) s += ((const v8 *)a)[i];
    flush(part, &s, &none);
  }
  for (int j = 0; j < 8; j++) f[j] = (float)(part[j] / (double)pixels);
}

WB_CLONES static void relu_mean(float *f, const float *y, const float *scale, const float *shift,
                                size_t pixels) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  double part[16];
  zero(part);
  for (size_t i = 0; i < pixels;) {
    v8 sum = {0};
    const v8 none = {0};
    for (const size_t end = run_end(i, pixels); i < end; i++) {
      const v8 v = s * ((const v8 *)y)[i] + b;
      sum += V8_KEEP(v > 0, v);
    }
    flush(part, &sum, &none);
  }
  for (int j = 0; j < 8; j++) f[j] = (float)(part[j] / (double)pixels);
}

WB_CLONES static void spread(float *da, const float *df, size_t pixels) {
  const float share = 1.0f / (float)pixels;
  const v8 g = *(const v8 *)df * share;
  for (size_t i = 0; i < pixels; i++) ((v8 *)da)[i] = g;
}

void wb_channel_products(double *sums, const float *g, const float *y, int n, int blocks, size_t pixels,
                         double *work) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8;
    products(work + (size_t)i * 16, g + at, y + at, pixels);
  }
  wb_channel_reduce(sums, work, n, blocks);
}

void wb_channel_sums(double *sums, const float *y, int n, int blocks, size_t pixels, double *work) {
  wb_channel_products(sums, y, y, n, blocks, pixels, work);
}

void wb_norm_relu(float *a, const float *y, const float *scale, const float *shift, int n, int blocks,
                  size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8, c = (size_t)(i % blocks) * 8;
    relu(a + at, y + at, scale + c, shift + c, pixels);
  }
}

void wb_norm_add_relu(float *a, const float *y, const float *scale, const float *shift, const float *r,
                      const float *r_scale, const float *r_shift, int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8, c = (size_t)(i % blocks) * 8;
    add_relu(a + at, y + at, scale + c, shift + c, r + at, r_scale ? r_scale + c : NULL,
             r_shift ? r_shift + c : NULL, pixels);
  }
}

void wb_norm_relu_sums(double *sums, const float *d, const float *y, const float *scale, const float *shift,
                       int n, int blocks, size_t pixels, double *work) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8, c = (size_t)(i % blocks) * 8;
    relu_sums(work + (size_t)i * 16, d + at, y + at, scale + c, shift + c, pixels);
  }
  wb_channel_reduce(sums, work, n, blocks);
}

void wb_norm_relu_backward(float *y, const float *d, const float *scale, const float *shift, const float *k,
                           int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8, c = (size_t)(i % blocks) * 8, channels = (size_t)blocks * 8;
    relu_backward(y + at, d + at, scale + c, shift + c, k + c, k + channels + c, k + 2 * channels + c,
                  pixels);
  }
}

void wb_relu_merge_sums(double *sums, float *d, const float *d2, const float *a, const float *y, int n,
                        int blocks, size_t pixels, double *work) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8;
    merge_sums(work + (size_t)i * 16, d + at, d2 ? d2 + at : NULL, a + at, y + at, pixels);
  }
  wb_channel_reduce(sums, work, n, blocks);
}

void wb_norm_backward(float *y, const float *g, const float *k, int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t at = (size_t)i * pixels * 8, c = (size_t)(i % blocks) * 8, channels = (size_t)blocks * 8;
    backward(y + at, g + at, k + c, k + channels + c, k + 2 * channels + c, pixels);
  }
}

void wb_mean_pixels(float *f, const float *a, int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) mean(f + (size_t)i * 8, a + (size_t)i * pixels * 8, pixels);
}

void wb_norm_relu_mean(float *f, const float *y, const float *scale, const float *shift, int n, int blocks,
                       size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t c = (size_t)(i % blocks) * 8;
    relu_mean(f + (size_t)i * 8, y + (size_t)i * pixels * 8, scale + c, shift + c, pixels);
  }
}

void wb_mean_pixels_backward(float *da, const float *df, int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) spread(da + (size_t)i * pixels * 8, df + (size_t)i * 8, pixels);
}

void wb_mean_pixels_backward_add(float *da, const float *df, int n, int blocks, size_t pixels) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++)
    for (size_t p = 0; p < pixels; p++)
      for (size_t c = 0; c < 8; c++)
        da[((size_t)i * pixels + p) * 8 + c] += df[(size_t)i * 8 + c] / (float)pixels;
}
