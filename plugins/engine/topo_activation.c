/* topo_activation.c: topographic losses over the activations of a batch. See topo.h.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <cblas.h>
#include <math.h>

#include "fastmath.h"
#include "topo.h"

size_t wb_topo_work(size_t n, size_t units) {
  const size_t activation = 2 * n * units, global = units * units + units;
  return activation > global ? activation : global;
}

static void transpose(float *out, const float *in, size_t rows, size_t cols) {
#pragma omp parallel for schedule(static) if (rows * cols > 16384)
  for (size_t c = 0; c < cols; c++)
    for (size_t r = 0; r < rows; r++) out[c * rows + r] = in[r * cols + c];
}

double wb_topo_as(float *grad, const float *e, size_t n, size_t rows, size_t cols, float *work) {
  const size_t units = rows * cols;
  float *across = work, *d_across = grad ? work + n * units : NULL; // (units, n)
  transpose(across, e, n, units);
  const double loss = wb_topo_ws(d_across, across, rows, cols, n, WB_TOPO_CORRELATION, WB_TOPO_PAIR_MEAN);
  if (grad) transpose(grad, d_across, units, n);
  return loss;
}

typedef struct plane {
  size_t rows, cols;
  double high, wide; // what coordinates are divided by
} plane;

static double target(const plane *g, size_t i, size_t j) {
  const double y = ((double)(i / g->cols) - (double)(j / g->cols)) / g->high;
  const double x = ((double)(i % g->cols) - (double)(j % g->cols)) / g->wide;
  return 1 / (sqrt(x * x + y * y) + 1);
}

/* Sum over j != i of (cos_ij - target_ij)^2. Row i of G = E'E becomes that of B, with d E = E B:
 * B_ij = a_ij / (n_i n_j), B_ii = -sum_j a_ij cos_ij / n_i^2, a_ij = 2 (cos_ij - target_ij). */
static double unit_global(float *row, const float *norms, const plane *g, size_t i) {
  const double own = (double)norms[i];
  double loss = 0, along = 0;
  for (size_t j = 0; j < g->rows * g->cols; j++) {
    if (j == i) continue;
    const double product = own * (double)norms[j];
    const double cosine = product > 0 ? (double)row[j] / product : 0;
    const double error = cosine - target(g, i, j);
    loss += error * error;
    along += 2 * error * cosine;
    row[j] = product > 0 ? (float)(2 * error / product) : 0.f;
  }
  row[i] = own > 0 ? (float)(-along / (own * own)) : 0.f;
  return loss;
}

double wb_topo_global(float *grad, const float *e, size_t n, size_t rows, size_t cols, float *work) {
  const size_t units = rows * cols;
  const plane g = {rows, cols, rows > 1 ? (double)(rows - 1) : 1, cols > 1 ? (double)(cols - 1) : 1};
  const double pairs = units > 1 ? (double)units * (double)(units - 1) / 2 : 1;
  float *product = work, *norms = work + units * units;
  const int width = (int)units, size = (int)n;
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, width, width, size, 1, e, width, e, width, 0, product,
              width);
  for (size_t i = 0; i < units; i++) norms[i] = sqrtf(product[i * units + i]);
  double parts[WB_PARTS] = {0};
#pragma omp parallel for schedule(static) if (units > 32)
  for (size_t k = 0; k < WB_PARTS; k++)
    for (size_t i = wb_part(k, units); i < wb_part(k + 1, units); i++)
      parts[k] += unit_global(product + i * units, norms, &g, i);
  if (grad)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, width, width, (float)(1 / pairs), e, width,
                product, width, 0, grad, width);
  return wb_parts_sum(parts) / 2 / pairs;
}
