/* topo.c: topographic losses and their gradients. See topo.h.
 *
 * Every term is a weighted sum over neighbours (p, q) of a distance d(p, q), whose gradient by row p is
 *   l2           (p - q) / d
 *   cosine       (p r |q| / |p| - q) / (|p| |q|),  r = p.q / (|p| |q|),  d = 1 - r
 *   correlation  the same of centred rows
 * that is, c ((q - mean q) - ratio (p - mean p)) with c < 0. Each unit visits all its neighbours, so every
 * pair is met twice, once from either side, and no two threads write the same row.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "topo.h"

#include <math.h>
#include <string.h>

#include "fastmath.h"
#include "simd.h"

enum { NEIGHBOURS = 8 };

typedef struct grid {
  const float *w; // (rows * cols, fan_in)
  size_t rows, cols, fan_in;
  wb_topo_distance distance;
  wb_topo_mean mean;
  double pairs; // unordered neighbour pairs
} grid;

typedef struct pull {
  double loss;  // d(p, q)
  double c;     // the gradient by p is c ((q - shift) - ratio (p - own_shift))
  double ratio; // of the projection of q on p to p
  double shift, own_shift;
} pull;

typedef struct moments {
  double p, q, pp, qq, pq; // sums
} moments;

static size_t neighbours(size_t near[NEIGHBOURS], const grid *g, size_t unit) {
  const size_t row = unit / g->cols, col = unit % g->cols;
  size_t count = 0;
  for (size_t r = row ? row - 1 : 0; r <= row + 1 && r < g->rows; r++)
    for (size_t c = col ? col - 1 : 0; c <= col + 1 && c < g->cols; c++)
      if (r != row || c != col) near[count++] = r * g->cols + c;
  return count;
}

WB_CLONES static double squared_distance(const float *p, const float *q, size_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t k = 0; k < n; k++) {
    const double d = (double)p[k] - (double)q[k];
    sum += d * d;
  }
  return sum;
}

/* Sums over p - p0 and q - q0. */
WB_CLONES static void sum_moments(moments *out, const float *p, const float *q, double p0, double q0,
                                  size_t n) {
  double sp = 0, sq = 0, spp = 0, sqq = 0, spq = 0;
#pragma omp simd reduction(+ : sp, sq, spp, sqq, spq)
  for (size_t k = 0; k < n; k++) {
    const double a = (double)p[k] - p0, b = (double)q[k] - q0;
    sp += a;
    sq += b;
    spp += a * a;
    sqq += b * b;
    spq += a * b;
  }
  *out = (moments){sp, sq, spp, sqq, spq};
}

static pull l2(const float *p, const float *q, size_t n) {
  const double d = sqrt(squared_distance(p, q, n));
  return (pull){.loss = d, .c = d > 0 ? -1 / d : 0, .ratio = 1};
}

/* Centred rows are taken relative to their first value, which is exact: a constant row has variance 0. */
static pull cosine(const float *p, const float *q, size_t n, int centred) {
  const double p0 = centred ? (double)p[0] : 0, q0 = centred ? (double)q[0] : 0, size = (double)n;
  moments m;
  sum_moments(&m, p, q, p0, q0, n);
  pull out = {.loss = 1};
  if (centred) {
    m.pp -= m.p * m.p / size;
    m.qq -= m.q * m.q / size;
    m.pq -= m.p * m.q / size;
    out.own_shift = p0 + m.p / size;
    out.shift = q0 + m.q / size;
  }
  if (!(m.pp > 0 && m.qq > 0)) return out;
  const double product = sqrt(m.pp * m.qq);
  out.loss = 1 - m.pq / product;
  out.c = -1 / product;
  out.ratio = m.pq / m.pp;
  return out;
}

/* grad[k] = sum_j c_j ((q_j[k] - shift_j) - ratio_j (p[k] - own_shift_j)) */
WB_CLONES static void add_pulls(float *grad, const float *p, const float *const q[NEIGHBOURS],
                                const pull pulls[NEIGHBOURS], size_t n) {
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    double sum = 0;
    for (int j = 0; j < NEIGHBOURS; j++)
      sum += pulls[j].c *
             (((double)q[j][k] - pulls[j].shift) - pulls[j].ratio * ((double)p[k] - pulls[j].own_shift));
    grad[k] = (float)sum;
  }
}

/* Share of the loss that unit p's side of its pairs makes, and the gradient by its row. */
static double unit_loss(float *grad, const grid *g, size_t p) {
  size_t near[NEIGHBOURS], other[NEIGHBOURS];
  const size_t count = neighbours(near, g, p);
  const float *own = g->w + p * g->fan_in, *q[NEIGHBOURS];
  pull pulls[NEIGHBOURS] = {0};
  double loss = 0;
  for (size_t j = 0; j < NEIGHBOURS; j++) {
    q[j] = own;
    if (j >= count) continue;
    q[j] = g->w + near[j] * g->fan_in;
    pulls[j] = g->distance == WB_TOPO_L2 ? l2(own, q[j], g->fan_in)
                                         : cosine(own, q[j], g->fan_in, g->distance == WB_TOPO_CORRELATION);
    double here = 0.5 / g->pairs, there = here; // weight of the pair as p and as q sees it
    if (g->mean == WB_TOPO_UNIT_SUM) {
      here = 1 / (double)count;
      there = 1 / (double)neighbours(other, g, near[j]);
    }
    loss += here * pulls[j].loss;
    pulls[j].c *= here + there;
  }
  if (grad) add_pulls(grad + p * g->fan_in, own, q, pulls, g->fan_in);
  return loss;
}

double wb_topo_ws(float *grad, const float *w, size_t rows, size_t cols, size_t fan_in,
                  wb_topo_distance distance, wb_topo_mean mean) {
  const size_t units = rows * cols;
  const size_t pairs = rows * (cols - 1) + (rows - 1) * cols + 2 * (rows - 1) * (cols - 1);
  const grid g = {w, rows, cols, fan_in, distance, mean, (double)(pairs ? pairs : 1)};
  double parts[WB_PARTS] = {0};
#pragma omp parallel for schedule(static) if (units * fan_in > 4096)
  for (size_t k = 0; k < WB_PARTS; k++)
    for (size_t p = wb_part(k, units); p < wb_part(k + 1, units); p++) parts[k] += unit_loss(grad, &g, p);
  return wb_parts_sum(parts);
}

void wb_grid_for_units(size_t units, size_t *rows, size_t *cols) {
  *rows = 1;
  for (size_t r = 1; r <= units / r; r++)
    if (units % r == 0) *rows = r;
  *cols = units / *rows;
}
