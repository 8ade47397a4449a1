/* winograd_stride2_avx2.c: 3x3 with stride 2 by F(4, 2). SPDX-License-Identifier: GPL-3.0-or-later
 *
 * With stride 2 the taps 0 and 2 meet only odd pixels and tap 1 only even ones:
 *
 *   y[i] = g0 x[2i-1] + g1 x[2i] + g2 x[2i+1]
 *
 * The odd pixels see a 2-tap filter of stride 1, four outputs of which take 5 products instead of 8; the even
 * ones take one product each. In two dimensions that is 81 products for 16 outputs instead of 144. The 4 x 4
 * products of even pixels share one filter, and so on: the products of a line use filters 0 1 2 3 4 5 5 5 5.
 *
 * F(4, 2) with the points a, -a, b, -b and infinity, as in winograd_3x3_avx2.c:
 *
 *   row i of B'     coefficients of prod_{j != i} (x - p_j), lowest first;   infinity: of prod_j (x - p_j)
 *   row i of G      (1, p_i) / prod_{j != i} (p_i - p_j);                    infinity: (0, 1)
 *   column i of A'  (1, p_i, p_i^2, p_i^3);                                  infinity: (0, 0, 0, 1)
 *
 * a = 1/2 and b = 5/4 round the least of all the pairs of eighths tried, and their powers are exact.
 *
 * Backward-data comes apart in the same way: even pixels of dx take one product each, odd ones two taps,
 *
 *   dx[2i] = g1 dy[i],   dx[2i+1] = g2 dy[i] + g0 dy[i+1].
 */
#include "conv_winograd.h"

#if defined(__x86_64__)
#include "winograd_finish_avx2.h"

enum {
  TILE = 4,
  TAPS = 3,
  POINTS = 5,
  PRODUCTS = POINTS + TILE, // of a line: those of the odd pixels, then the even pixels
  FILTERS = POINTS + 1,
  ALL_PRODUCTS = PRODUCTS * PRODUCTS,
  ALL_FILTERS = FILTERS * FILTERS
};

#define A  0.5
#define B  1.25
#define A2 (A * A)
#define B2 (B * B)

/* B'd of five pixels */
WB_INLINE void odd_input(v8 *to, const v8 *d) {
  const float a = A, b = B, a2 = A2, b2 = B2, product = A2 * B2, sum = A2 + B2;
  const v8 odd_a = d[3] - b2 * d[1], even_a = d[2] - b2 * d[0];
  const v8 odd_b = d[3] - a2 * d[1], even_b = d[2] - a2 * d[0];
  to[0] = odd_a + a * even_a;
  to[1] = odd_a - a * even_a;
  to[2] = odd_b + b * even_b;
  to[3] = odd_b - b * even_b;
  to[4] = d[4] - sum * d[2] + product * d[0];
}

/* A'm */
WB_INLINE void odd_output(v8 *y, const v8 *m) {
  const float a = A, b = B, a2 = A2, b2 = B2, a3 = A2 * A, b3 = B2 * B;
  const v8 even_a = m[0] + m[1], odd_a = m[0] - m[1];
  const v8 even_b = m[2] + m[3], odd_b = m[2] - m[3];
  y[0] = even_a + even_b;
  y[1] = a * odd_a + b * odd_b;
  y[2] = a2 * even_a + b2 * even_b;
  y[3] = m[4] + a3 * odd_a + b3 * odd_b;
}

/* A y, the adjoint of odd_output */
WB_INLINE void odd_gradient(v8 *to, const v8 *y) {
  const float a = A, b = B, a2 = A2, b2 = B2, a3 = A2 * A, b3 = B2 * B;
  const v8 even_a = y[0] + a2 * y[2], odd_a = a * y[1] + a3 * y[3];
  const v8 even_b = y[0] + b2 * y[2], odd_b = b * y[1] + b3 * y[3];
  to[0] = even_a + odd_a;
  to[1] = even_a - odd_a;
  to[2] = even_b + odd_b;
  to[3] = even_b - odd_b;
  to[4] = y[3];
}

/* What the rows of G are divided by, inverted: at a and b, the opposite at -a and -b; then times the point.
 */
#define AT_A   (1 / (2 * A * (A2 - B2)))
#define AT_B   (1 / (2 * B * (B2 - A2)))
#define AT_A_1 (AT_A * A)
#define AT_B_1 (AT_B * B)
static const float at_a[2] = {(float)AT_A, (float)AT_A_1}, at_b[2] = {(float)AT_B, (float)AT_B_1};

/* G g of the taps g0 and g1 */
WB_INLINE void odd_filter(v8 *to, v8 g0, v8 g1) {
  const v8 even_a = at_a[0] * g0, odd_a = at_a[1] * g1;
  const v8 even_b = at_b[0] * g0, odd_b = at_b[1] * g1;
  to[0] = odd_a + even_a;
  to[1] = odd_a - even_a;
  to[2] = odd_b + even_b;
  to[3] = odd_b - even_b;
  to[4] = g1;
}

WB_INLINE void input_line(v8 *to, const v8 *x) {
  const v8 odd[POINTS] = {x[0], x[2], x[4], x[6], x[8]};
  odd_input(to, odd);
  for (int i = 0; i < TILE; i++) to[POINTS + i] = x[2 * i + 1];
}

WB_INLINE void output_line(v8 *y, const v8 *m) {
  odd_output(y, m);
  for (int i = 0; i < TILE; i++) y[i] = y[i] + m[POINTS + i];
}

WB_INLINE void gradient_line(v8 *to, const v8 *dy) {
  odd_gradient(to, dy);
  for (int i = 0; i < TILE; i++) to[POINTS + i] = dy[i];
}

WB_INLINE void filter_line(v8 *to, const v8 *g) {
  odd_filter(to, g[0], g[2]);
  to[POINTS] = g[1];
}

/* The adjoint of filter_line */
WB_INLINE void weights_line(v8 *g, const v8 *d) {
  g[0] = at_a[0] * (d[0] - d[1]) + at_b[0] * (d[2] - d[3]);
  g[1] = d[POINTS];
  g[2] = d[4] + at_a[1] * (d[0] + d[1]) + at_b[1] * (d[2] + d[3]);
}

/* Of backward-data: from five pixels of dy to eight of dx. */
WB_INLINE void back_input_line(v8 *to, const v8 *dy) {
  odd_input(to, dy);
  for (int i = 0; i < TILE; i++) to[POINTS + i] = dy[i];
}

WB_INLINE void back_output_line(v8 *dx, const v8 *m) {
  v8 odd[TILE];
  odd_output(odd, m);
  for (int i = 0; i < TILE; i++) {
    dx[2 * i] = m[POINTS + i];
    dx[2 * i + 1] = odd[i];
  }
}

WB_INLINE void back_filter_line(v8 *to, const v8 *g) {
  odd_filter(to, g[2], g[0]);
  to[POINTS] = g[1];
}

static void input(float *to, size_t stride, const float *x, const wb_maps *maps, int block, int first,
                  int count) {
  wb_pixels_to_products(to, stride, x, NULL, maps, block, first, count, input_line, 2 * TILE + 1, PRODUCTS,
                        2 * TILE, -1);
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
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, false, filter_line, TAPS, FILTERS);
}

static void back_input(float *to, size_t stride, const float *dy, const wb_maps *maps, int block, int first,
                       int count) {
  wb_pixels_to_products(to, stride, dy, NULL, maps, block, first, count, back_input_line, TILE + 1, PRODUCTS,
                        TILE, 0);
}

static void back_output(float *dx, const float *from, size_t stride, const wb_maps *maps, int block,
                        int first, int count, float *sums) {
  wb_products_to_pixels(dx, from, stride, maps, block, first, count, sums, back_output_line, 2 * TILE,
                        PRODUCTS);
}

static void back_filter(float *u, size_t stride, const float *w, int in_blocks, int out_blocks, int panel) {
  wb_weights_to_filters(u, stride, w, in_blocks, out_blocks, panel, true, back_filter_line, TAPS, FILTERS);
}

static void weights(float *dw, const float *d, size_t stride, size_t row, bool add) {
  wb_products_to_weights(dw, d, stride, row, add, weights_line, TAPS, FILTERS);
}

/* Product (i, j), row-major, uses filter (min(i, 5), min(j, 5)). */
#define ONE(i, j)                                                                                            \
  { 6 * (i) + (j), 9 * (i) + (j), 1, 1 }
#define FOUR(f, p, s)                                                                                        \
  { f, p, 4, s }
#define ROW(i) ONE(i, 0), ONE(i, 1), ONE(i, 2), ONE(i, 3), ONE(i, 4), FOUR(6 * (i) + 5, 9 * (i) + 5, 1)
static const wb_winograd_run run[] = {
    ROW(0),          ROW(1),          ROW(2),          ROW(3),          ROW(4),
    FOUR(30, 45, 9), FOUR(31, 46, 9), FOUR(32, 47, 9), FOUR(33, 48, 9), FOUR(34, 49, 9),
    FOUR(35, 50, 1), FOUR(35, 59, 1), FOUR(35, 68, 1), FOUR(35, 77, 1),
};
enum { RUNS = sizeof run / sizeof *run };

const wb_winograd_form wb_winograd_stride2_avx2 = {
    .kernel = 3,
    .stride = 2,
    .tile = TILE,
    .forward = {ALL_PRODUCTS, ALL_FILTERS, run, RUNS, input, NULL, filter, output, finished},
    .backward_data = {ALL_PRODUCTS, ALL_FILTERS, run, RUNS, back_input, NULL, back_filter, back_output, NULL},
    .gradient = gradient,
    .weights = weights,
};

#endif
