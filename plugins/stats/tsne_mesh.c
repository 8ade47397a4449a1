/* tsne_mesh.c: see tsne_mesh.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Points are sorted into strips of eight grid rows. A point touches four rows, so that all even strips, and
 * then all odd ones, can be filled at the same time, each in the order of its points.
 */
#include "tsne_mesh.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tsne_convolve.h"

enum {
  ORDER = 4,        // of the B-splines: nodes that a point touches in each direction
  MARGIN = 2,       // nodes before the first point
  STRIP = 8,        // rows
  SUM = 256,        // points whose potential is added up before it enters the total
  LEAST_CELLS = 48, // along the longer side
  MOST_CELLS = 900, // likewise: then the grid gets coarser
  MOST_STRIPS = WB_CONVOLVE_MOST / STRIP
};
static const double SPACING = 0.25;

/* Four floats that need not be aligned, in the compilers' portable arithmetic. */
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

struct wb_tsne_mesh {
  size_t n;
  wb_convolver convolver;
  double x, y;              // the first point on each axis, MARGIN nodes from the grid's corner
  double spacing, per_unit; // and its inverse
  size_t rows, cols, stride;
  float *grid; // (rows, stride)
  size_t grid_room;
  uint32_t *order, *strip_of;            // (n): points by strip, and the strip of each
  uint32_t strip_start[MOST_STRIPS + 2]; // into order
  size_t strips;
  double *sums; // (n / SUM + 1)
};

wb_status wb_tsne_mesh_new(wb_tsne_mesh **out, size_t n, bool avx2, wb_error *err) {
  wb_tsne_mesh *m = *out = calloc(1, sizeof *m);
  if (!m) return wb_fail_nomem(err, "t-SNE", sizeof *m);
  m->n = n;
  m->convolver.avx2 = avx2;
  m->order = malloc(n * sizeof *m->order);
  m->strip_of = malloc(n * sizeof *m->strip_of);
  m->sums = malloc((n / SUM + 1) * sizeof *m->sums);
  if (m->order && m->strip_of && m->sums) return WB_OK;
  wb_tsne_mesh_free(m);
  *out = NULL;
  return wb_fail_nomem(err, "t-SNE", n * 8);
}

void wb_tsne_mesh_free(wb_tsne_mesh *m) {
  if (!m) return;
  wb_convolver_free(&m->convolver);
  free(m->grid);
  free(m->order);
  free(m->strip_of);
  free(m->sums);
  free(m);
}

/* A power of the square root of 2, so that it seldom changes: it costs a new spectrum. */
static double choose_spacing(double extent) {
  double h = SPACING;
  if (extent < LEAST_CELLS * SPACING) h = fmin(h, exp2(ceil(2 * log2(fmax(extent / LEAST_CELLS, 1e-7))) / 2));
  while (extent / h > MOST_CELLS) h *= M_SQRT2;
  return h;
}

/* Lays the grid over the points. */
static wb_status lay_grid(wb_tsne_mesh *m, const float *xy, wb_error *err) {
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (size_t i = 0; i < m->n; i++) {
    for (int a = 0; a < 2; a++) {
      low[a] = xy[2 * i + a] < low[a] ? xy[2 * i + a] : low[a];
      high[a] = xy[2 * i + a] > high[a] ? xy[2 * i + a] : high[a];
    }
  }
  const double width = (double)high[0] - (double)low[0], height = (double)high[1] - (double)low[1];
  m->spacing = choose_spacing(fmax(width, height));
  m->per_unit = 1 / m->spacing;
  m->x = (double)low[0];
  m->y = (double)low[1];
  m->cols = ((size_t)(width / m->spacing) + ORDER + 3 + 7) / 8 * 8;
  m->rows = ((size_t)(height / m->spacing) + ORDER + 3 + 15) / 16 * 16;
  m->strips = m->rows / STRIP;
  m->stride = m->cols + 8;
  const size_t room = (m->rows + ORDER) * m->stride;
  if (room > m->grid_room) {
    free(m->grid);
    m->grid_room = room + room / 4;
    m->grid = aligned_alloc(64, (m->grid_room * sizeof *m->grid + 63) / 64 * 64);
    if (!m->grid) return wb_fail_nomem(err, "the grid of t-SNE", m->grid_room * sizeof *m->grid);
  }
  const wb_convolver *c = &m->convolver;
  const size_t x = wb_convolve_side(2 * m->cols), y = wb_convolve_side(2 * m->rows);
  const bool fits = c->spacing == m->spacing && x <= c->width && y <= c->height &&
                    (double)x > 0.6 * (double)c->width && (double)y > 0.6 * (double)c->height;
  return fits ? WB_OK : wb_convolver_prepare(&m->convolver, x, y, m->spacing, m->spacing < SPACING, err);
}

/* A point on the grid: the first of its 4 x 4 nodes, the B-splines' values there and their derivatives. */
typedef struct footprint {
  size_t node;
  v4 x, y, dx, dy;
} footprint;

static void spline(v4 *value, v4 *derivative, float u) {
  const float v = 1 - u, u2 = u * u, v2 = v * v;
  *value = (v4){v * v2 * (1 / 6.0F), 2 / 3.0F - u2 * (1 - 0.5F * u), 2 / 3.0F - v2 * (1 - 0.5F * v),
                u * u2 * (1 / 6.0F)};
  *derivative = (v4){-0.5F * v2, u * (1.5F * u - 2), -v * (1.5F * v - 2), 0.5F * u2};
}

/* Place on the grid, in nodes. */
static float place(double origin, double per_unit, float at) {
  return (float)(((double)at - origin) * per_unit) + MARGIN;
}

static footprint footprint_of(const wb_tsne_mesh *m, const float *point) {
  const float u = place(m->x, m->per_unit, point[0]), v = place(m->y, m->per_unit, point[1]);
  const size_t col = (size_t)u, row = (size_t)v;
  footprint f = {.node = (row - 1) * m->stride + col - 1};
  spline(&f.x, &f.dx, u - (float)col);
  spline(&f.y, &f.dy, v - (float)row);
  return f;
}

/* Counting sort, so that a strip's points keep their order. */
static void sort_points(wb_tsne_mesh *m, const float *xy) {
  memset(m->strip_start, 0, sizeof m->strip_start);
  for (size_t i = 0; i < m->n; i++) {
    m->strip_of[i] = (uint32_t)place(m->y, m->per_unit, xy[2 * i + 1]) / STRIP;
    m->strip_start[m->strip_of[i] + 2]++;
  }
  for (size_t s = 0; s < m->strips; s++) m->strip_start[s + 2] += m->strip_start[s + 1];
  for (size_t i = 0; i < m->n; i++) m->order[m->strip_start[m->strip_of[i] + 1]++] = (uint32_t)i;
}

static void spread(wb_tsne_mesh *m, const float *xy) {
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (size_t r = 0; r < m->rows + ORDER; r++)
      memset(m->grid + r * m->stride, 0, m->stride * sizeof *m->grid);
    for (size_t odd = 0; odd < 2; odd++) {
#pragma omp for schedule(dynamic, 1)
      for (size_t s = odd; s < m->strips; s += 2) {
        for (uint32_t k = m->strip_start[s]; k < m->strip_start[s + 1]; k++) {
          const footprint f = footprint_of(m, xy + 2 * (size_t)m->order[k]);
          for (size_t a = 0; a < ORDER; a++) {
            v4 *nodes = (v4 *)(void *)(m->grid + f.node + a * m->stride);
            *nodes += f.x * f.y[a];
          }
        }
      }
    }
  }
}

/* The force on one point; returns the potential. */
static float read_force(float *force, const wb_tsne_mesh *m, const float *point) {
  const footprint f = footprint_of(m, point);
  v4 along = {0}, across = {0};
  for (size_t a = 0; a < ORDER; a++) {
    const v4 nodes = *(const v4 *)(const void *)(m->grid + f.node + a * m->stride);
    along += nodes * f.y[a];
    across += nodes * f.dy[a];
  }
  const v4 p = along * f.x, x = along * f.dx, y = across * f.x;
  const float scale = (float)(-0.5 / m->spacing);
  force[0] = scale * ((x[0] + x[1]) + (x[2] + x[3]));
  force[1] = scale * ((y[0] + y[1]) + (y[2] + y[3]));
  return (p[0] + p[1]) + (p[2] + p[3]);
}

/* In the order of the strips, which is kind to the cache. */
static double interpolate(float *repulsion, const wb_tsne_mesh *m, const float *xy) {
  const size_t parts = (m->n + SUM - 1) / SUM;
  const double n = (double)m->n;
  double z = m->convolver.shift * n * n - n; // without each point's own potential
#pragma omp parallel for schedule(static)
  for (size_t b = 0; b < parts; b++) {
    double sum = 0;
    for (size_t k = b * SUM; k < m->n && k < (b + 1) * SUM; k++) {
      const size_t i = m->order[k];
      sum += (double)read_force(repulsion + 2 * i, m, xy + 2 * i);
    }
    m->sums[b] = sum;
  }
  for (size_t b = 0; b < parts; b++) z += m->sums[b];
  return z;
}

wb_status wb_tsne_mesh_repel(float *repulsion, double *z, wb_tsne_mesh *m, const float *xy, wb_error *err) {
  wb_status status = lay_grid(m, xy, err);
  if (status != WB_OK) return status;
  sort_points(m, xy);
  spread(m, xy);
  status = wb_convolver_apply(&m->convolver, m->grid, m->rows, m->cols, m->stride, err);
  if (status == WB_OK) *z = interpolate(repulsion, m, xy);
  return status;
}
