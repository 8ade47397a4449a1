/* layers_pool.c: batch norm, ReLU and 2 x 2 max-pooling in one pass; see layers.h.
 *
 * A window's pixels are 0 1 over 2 3. The window's maximum of relu(v) is relu of its largest v, and the
 * gradient goes to the first of the largest, if that is positive. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include "layers.h"
#include "vec8.h"

typedef struct plane {
  size_t height, width, half_height, half_width;
} plane;

static inline plane make_plane(int height, int width) {
  return (plane){(size_t)height, (size_t)width, (size_t)(height / 2), (size_t)(width / 2)};
}

/* From the window at p (in pixels): y0 .. y3, v = s y + b, and where 1 beats 0, 3 beats 2, the lower row
 * beats the upper. */
#define WINDOW(p, width)                                                                                     \
  const v8 y0 = (p)[0], y1 = (p)[1], y2 = (p)[width], y3 = (p)[(width) + 1];                                 \
  const v8 v0 = s * y0 + b, v1 = s * y1 + b, v2 = s * y2 + b, v3 = s * y3 + b;                               \
  const m8 right_top = v1 > v0, right_low = v3 > v2;                                                         \
  const v8 top = V8_SELECT(right_top, v1, v0), low = V8_SELECT(right_low, v3, v2);                           \
  const m8 lower = low > top;                                                                                \
  const v8 most = V8_SELECT(lower, low, top)

WB_CLONES static void pool(float *a, const float *y, const float *scale, const float *shift, plane q) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  v8 *out = (v8 *)a;
  for (size_t r = 0; r < q.half_height; r++)
    for (size_t c = 0; c < q.half_width; c++) {
      const v8 *p = (const v8 *)y + 2 * r * q.width + 2 * c;
      WINDOW(p, q.width);
      *out++ = V8_KEEP(most > 0, most);
    }
}

WB_CLONES static void pool_sums(double *part, const float *d, const float *y, const float *scale,
                                const float *shift, plane q) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  const v8 *g = (const v8 *)d;
  for (int j = 0; j < 16; j++) part[j] = 0;
  for (size_t r = 0; r < q.half_height; r++) {
    v8 sum = {0}, product = {0};
    for (size_t c = 0; c < q.half_width; c++, g++) {
      const v8 *p = (const v8 *)y + 2 * r * q.width + 2 * c;
      WINDOW(p, q.width);
      const v8 on = V8_KEEP(most > 0, *g), y_top = V8_SELECT(right_top, y1, y0);
      const v8 y_low = V8_SELECT(right_low, y3, y2);
      sum += on;
      product += on * V8_SELECT(lower, y_low, y_top);
    }
    for (int j = 0; j < 8; j++) {
      part[j] += (double)sum[j];
      part[8 + j] += (double)product[j];
    }
  }
}

WB_CLONES static void pool_backward(float *y, const float *d, const float *scale, const float *shift,
                                    const float *k1, const float *k2, const float *k3, plane q) {
  const v8 s = *(const v8 *)scale, b = *(const v8 *)shift;
  const v8 a1 = *(const v8 *)k1, a2 = *(const v8 *)k2, a3 = *(const v8 *)k3;
  const v8 *g = (const v8 *)d;
  v8 *image = (v8 *)y;
  for (size_t r = 0; r < q.half_height; r++)
    for (size_t c = 0; c < q.half_width; c++, g++) {
      v8 *p = image + 2 * r * q.width + 2 * c;
      WINDOW(p, q.width);
      const v8 on = a1 * V8_KEEP(most > 0, *g);
      const v8 on_top = V8_KEEP(~lower, on), on_low = V8_KEEP(lower, on);
      p[0] = V8_KEEP(~right_top, on_top) + (a2 * y0 + a3);
      p[1] = V8_KEEP(right_top, on_top) + (a2 * y1 + a3);
      p[q.width] = V8_KEEP(~right_low, on_low) + (a2 * y2 + a3);
      p[q.width + 1] = V8_KEEP(right_low, on_low) + (a2 * y3 + a3);
    }
  if (q.width % 2)
    for (size_t r = 0; r < 2 * q.half_height; r++) {
      v8 *last = image + r * q.width + q.width - 1;
      *last = a2 * *last + a3;
    }
  for (size_t i = 2 * q.half_height * q.width; i < q.height * q.width; i++) image[i] = a2 * image[i] + a3;
}

void wb_norm_relu_pool(float *a, const float *y, const float *scale, const float *shift, int n, int blocks,
                       int height, int width) {
  const plane q = make_plane(height, width);
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t c = (size_t)(i % blocks) * 8;
    pool(a + (size_t)i * q.half_height * q.half_width * 8, y + (size_t)i * q.height * q.width * 8, scale + c,
         shift + c, q);
  }
}

void wb_norm_relu_pool_sums(double *sums, const float *d, const float *y, const float *scale,
                            const float *shift, int n, int blocks, int height, int width, double *work) {
  const plane q = make_plane(height, width);
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t c = (size_t)(i % blocks) * 8;
    pool_sums(work + (size_t)i * 16, d + (size_t)i * q.half_height * q.half_width * 8,
              y + (size_t)i * q.height * q.width * 8, scale + c, shift + c, q);
  }
  wb_channel_reduce(sums, work, n, blocks);
}

void wb_norm_relu_pool_backward(float *y, const float *d, const float *scale, const float *shift,
                                const float *k, int n, int blocks, int height, int width) {
  const plane q = make_plane(height, width);
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    const size_t c = (size_t)(i % blocks) * 8, channels = (size_t)blocks * 8;
    pool_backward(y + (size_t)i * q.height * q.width * 8, d + (size_t)i * q.half_height * q.half_width * 8,
                  scale + c, shift + c, k + c, k + channels + c, k + 2 * channels + c, q);
  }
}
