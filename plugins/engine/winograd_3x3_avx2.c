/* winograd_3x3_avx2.c: F(4x4, 3x3), stride 1. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Four outputs of a 3-tap filter, y[i] = sum_j g[j] d[i + j], take six products instead of twelve,
 * y = A'[(G g) . (B'd)], by evaluating polynomials at six points (Winograd 1980; Lavin and Gray 2016); in two
 * dimensions 36 for 16 outputs instead of 144. With the points p = 0, a, -a, b, -b and infinity:
 *
 *   row i of B'     coefficients of prod_{j != i} (x - p_j), lowest first;   infinity: of prod_j (x - p_j)
 *   row i of G      (1, p_i, p_i^2) / prod_{j != i} (p_i - p_j);             infinity: (0, 0, 1)
 *   column i of A'  (1, p_i, p_i^2, p_i^3);                                  infinity: (0, 0, 0, 1)
 *
 * Rows for p and -p share their even and odd parts. a = 5/8 and b = 3/2 round two to four times less than the
 * customary 1 and 2, and their powers are exact.
 *
 * Backward-data is the same convolution of dy with the filters turned by 180 degrees and transposed.
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include "winograd_finish_avx2.h"

enum { TILE = 4, TAPS = 3, PRODUCTS = 6, ALL = PRODUCTS * PRODUCTS };

#define A  0.625
#define B  1.5
#define A2 (A * A)
#define B2 (B * B)

/* B'd */
WB_INLINE void input_line(v8 *to, const v8 *d) {
  const float a = A, b = B, a2 = A2, b2 = B2, product = A2 * B2, sum = A2 + B2;
  const v8 even_a = d[4] - b2 * d[2], odd_a = d[3] - b2 * d[1];
  const v8 even_b = d[4] - a2 * d[2], odd_b = d[3] - a2 * d[1];
  to[0] = d[4] - sum * d[2] + product * d[0];
  to[1] = even_a + a * odd_a;
  to[2] = even_a - a * odd_a;
  to[3] = even_b + b * odd_b;
  to[4] = even_b - b * odd_b;
  to[5] = d[5] - sum * d[3] + product * d[1];
}

/* A'm */
WB_INLINE void output_line(v8 *y, const v8 *m) {
  const float a = A, b = B, a2 = A2, b2 = B2, a3 = A2 * A, b3 = B2 * B;
  const v8 even_a = m[1] + m[2], odd_a = m[1] - m[2];
  const v8 even_b = m[3] + m[4], odd_b = m[3] - m[4];
  y[0] = m[0] + (even_a + even_b);
  y[1] = a * odd_a + b * odd_b;
  y[2] = a2 * even_a + b2 * even_b;
  y[3] = m[5] + a3 * odd_a + b3 * odd_b;
}

/* A y, the adjoint of output_line */
WB_INLINE void gradient_line(v8 *to, const v8 *y) {
  const float a = A, b = B, a2 = A2, b2 = B2, a3 = A2 * A, b3 = B2 * B;
  const v8 even_a = y[0] + a2 * y[2], odd_a = a * y[1] + a3 * y[3];
  const v8 even_b = y[0] + b2 * y[2], odd_b = b * y[1] + b3 * y[3];
  to[0] = y[0];
  to[1] = even_a + odd_a;
  to[2] = even_a - odd_a;
  to[3] = even_b + odd_b;
  to[4] = even_b - odd_b;
  to[5] = y[3];
}

/* What the rows of G are divided by, inverted: at 0, at +-a, at +-b; and times powers of the point.
 */
#define AT_0 (1 / (A2 * B2))
#define AT_A (1 / (2 * A2 * (A2 - B2)))
#define AT_B (1 / (2 * B2 * (B2 - A2)))
static const float at_0 = (float)AT_0, at_a[3] = {(float)AT_A, (float)(AT_A *A), (float)(AT_A *A2)},
                   at_b[3] = {(float)AT_B, (float)(AT_B *B), (float)(AT_B *B2)};

/* G g */
WB_INLINE void filter_line(v8 *to, const v8 *g) {
  const v8 even_a = at_a[0] * g[0] + at_a[2] * g[2], odd_a = at_a[1] * g[1];
  const v8 even_b = at_b[0] * g[0] + at_b[2] * g[2], odd_b = at_b[1] * g[1];
  to[0] = at_0 * g[0];
  to[1] = even_a + odd_a;
  to[2] = even_a - odd_a;
  to[3] = even_b + odd_b;
  to[4] = even_b - odd_b;
  to[5] = g[2];
}

WB_INLINE void turned_filter_line(v8 *to, const v8 *g) {
  const v8 turned[TAPS] = {g[2], g[1], g[0]};
  filter_line(to, turned);
}

/* G'd, the adjoint of filter_line */
WB_INLINE void weights_line(v8 *g, const v8 *d) {
  const v8 even_a = d[1] + d[2], odd_a = d[1] - d[2];
  const v8 even_b = d[3] + d[4], odd_b = d[3] - d[4];
  g[0] = at_0 * d[0] + at_a[0] * even_a + at_b[0] * even_b;
  g[1] = at_a[1] * odd_a + at_b[1] * odd_b;
  g[2] = d[5] + at_a[2] * even_a + at_b[2] * even_b;
}

static void input(float *to, size_t stride, const float *x, const wb_maps *maps, int block, int first,
                  int count) {
  wb_pixels_to_products(to, stride, x, NULL, maps, block, first, count, input_line, PRODUCTS, PRODUCTS, TILE,
                        -1);
}

static void normed_input(float *to, size_t stride, const wb_conv_input *in, const wb_maps *maps, int block,
                         int first, int count) {
  const wb_tile_norm norm = {load(in->scale + 8 * block), load(in->shift + 8 * block)};
  wb_pixels_to_products(to, stride, in->x, &norm, maps, block, first, count, input_line, PRODUCTS, PRODUCTS,
                        TILE, -1);
}

static void output(float *y, const float *from, size_t stride, const wb_maps *maps, int block, int first,
                   int count, float *sums) {
  wb_products_to_pixels(y, from, stride, maps, block, first, count, sums, output_line, TILE, PRODUCTS);
}

static void finished(float *y, const float *from, size_t stride, const wb_maps *maps, int block, int first,
                     int count, const wb_conv_finish *finish) {
  wb_products_to_finished(y, from, stride, maps, block, first, count, finish, output_line, TILE, PRODUCTS);
}

static void gradient(float *to, size_t stride, const float *dy, const wb_maps *maps, int block, int first,
                     int count) {
  wb_pixels_to_products(to, stride, dy, NULL, maps, block, first, count, gradient_line, TILE, PRODUCTS, TILE,
                        0);
}

static void filter(float *u, size_t stride, const float *w, int in_blocks, int out_blocks, int panel) {
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, false, filter_line, TAPS, PRODUCTS);
}

static void turned_filter(float *u, size_t stride, const float *w, int in_blocks, int out_blocks, int panel) {
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, true, turned_filter_line, TAPS, PRODUCTS);
}

static void weights(float *dw, const float *d, size_t stride, size_t row, bool add) {
  wb_products_to_weights(dw, d, stride, row, add, weights_line, TAPS, PRODUCTS);
}

const wb_winograd_form wb_winograd_3x3_avx2 = {
    .kernel = 3,
    .stride = 1,
    .tile = TILE,
    .forward = {ALL, ALL, NULL, ALL, input, normed_input, filter, output, finished},
    .backward_data = {ALL, ALL, NULL, ALL, input, NULL, turned_filter, output, NULL},
    .gradient = gradient,
    .weights = weights,
};

#endif
