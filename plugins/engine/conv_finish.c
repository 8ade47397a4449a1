/* conv_finish.c: see conv_finish.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "conv_finish.h"

#include <math.h>

#include "vec8.h"

/* max(y + bias [+ what y holds], least) */
WB_CLONES static void plain(float *y, const float *from, const float *bias, bool add, float least,
                            size_t pixels) {
  const v8 b = *(const v8 *)bias, low = {least, least, least, least, least, least, least, least};
  v8 *out = (v8 *)y;
  for (size_t i = 0; i < pixels; i++) {
    v8 v = ((const v8 *)from)[i] + b;
    if (add) v += out[i];
    out[i] = V8_SELECT(v > low, v, low);
  }
}

/* The same, of the largest of each window of 2 x 2. */
WB_CLONES static void pooled(float *y, const float *from, const float *bias, float least, size_t height,
                             size_t width) {
  const v8 b = *(const v8 *)bias, low = {least, least, least, least, least, least, least, least};
  v8 *out = (v8 *)y;
  for (size_t r = 0; r + 1 < height; r += 2)
    for (size_t c = 0; c + 1 < width; c += 2) {
      const v8 *p = (const v8 *)from + r * width + c, *q = p + width;
      const v8 top = V8_SELECT(p[1] > p[0], p[1], p[0]), under = V8_SELECT(q[1] > q[0], q[1], q[0]);
      const v8 v = V8_SELECT(under > top, under, top) + b;
      *out++ = V8_SELECT(v > low, v, low);
    }
}

void wb_finish_plane(float *y, const float *from, const float *bias, const wb_conv_finish *finish, int height,
                     int width) {
  const float least = finish->relu ? 0 : -INFINITY;
  if (finish->pool)
    pooled(y, from, bias, least, (size_t)height, (size_t)width);
  else
    plain(y, from, bias, finish->add, least, (size_t)height * (size_t)width);
}

void wb_finish_planes(float *y, const float *from, const wb_conv_finish *finish, int n, int blocks,
                      int height, int width) {
  const size_t from_size = 8 * (size_t)height * (size_t)width;
  const size_t y_size = finish->pool ? 8 * (size_t)(height / 2) * (size_t)(width / 2) : from_size;
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++)
    wb_finish_plane(y + (size_t)i * y_size, from + (size_t)i * from_size,
                    finish->bias + (size_t)(i % blocks) * 8, finish, height, width);
}
