/* spatial.c: see spatial.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "spatial.h"

#include <math.h>
#include <stdlib.h>

/* Appends the pair {a, b}; symmetric weight, so w_ij + w_ji = 2 weight. */
static wb_status add(wb_spatial *s, size_t *capacity, size_t a, size_t b, double weight, wb_error *err) {
  if (s->count == *capacity) {
    const size_t grown = *capacity ? *capacity * 2 : 1024;
    wb_pair *pairs = realloc(s->pairs, grown * sizeof *pairs);
    if (!pairs) return wb_fail_nomem(err, "the list of neighbours", grown * sizeof *pairs);
    s->pairs = pairs;
    *capacity = grown;
  }
  s->pairs[s->count++] = (wb_pair){(uint32_t)(a < b ? a : b), (uint32_t)(a < b ? b : a), 2 * weight, weight};
  s->row_sum[a] += weight;
  s->row_sum[b] += weight;
  return WB_OK;
}

/* Divides w_ij by the sum over j, and sums everything up. */
static wb_status finish(wb_spatial *s, bool row_standardised, wb_error *err) {
  if (s->count == 0) return wb_fail(err, WB_INPUT, "no two of the %zu units are neighbours", s->units);
  for (size_t k = 0; row_standardised && k < s->count; k++) {
    wb_pair *p = &s->pairs[k];
    const double w = p->forward;
    p->forward = w / s->row_sum[p->i];
    p->weight = p->forward + w / s->row_sum[p->j];
  }
  for (size_t i = 0; row_standardised && i < s->units; i++) s->row_sum[i] = s->row_sum[i] > 0 ? 1 : 0;
  s->total = 0;
  for (size_t i = 0; i < s->units; i++) s->total += s->row_sum[i];
  return WB_OK;
}

static wb_status start(wb_spatial *s, size_t units, wb_error *err) {
  *s = (wb_spatial){.units = units, .row_sum = calloc(units ? units : 1, sizeof(double))};
  return s->row_sum ? WB_OK : wb_fail_nomem(err, "the sums of weights", units * sizeof(double));
}

wb_status wb_spatial_grid(wb_spatial *out, size_t rows, size_t cols, wb_neighbours neighbours, bool torus,
                          bool row_standardised, wb_error *err) {
  static const int step[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}}; // half of the neighbours: each pair once
  const int steps = neighbours == WB_QUEEN ? 4 : 2;
  const long h = (long)rows, w = (long)cols;
  size_t capacity = 0;
  wb_status status = start(out, rows * cols, err);
  for (long r = 0; status == WB_OK && r < h; r++) {
    for (long c = 0; c < w; c++) {
      for (int k = 0; k < steps && status == WB_OK; k++) {
        long r2 = r + step[k][0], c2 = c + step[k][1];
        // Around a torus of one or two cells the way back is the way there: no pair may count twice.
        if (r2 >= h && (!torus || h < 3)) continue;
        if ((c2 < 0 || c2 >= w) && (!torus || w < 3)) continue;
        r2 = (r2 + h) % h;
        c2 = (c2 + w) % w;
        status = add(out, &capacity, (size_t)(r * w + c), (size_t)(r2 * w + c2), 1.0, err);
      }
    }
  }
  if (status == WB_OK) status = finish(out, row_standardised, err);
  if (status != WB_OK) wb_spatial_free(out);
  return status;
}

wb_status wb_spatial_distance(wb_spatial *out, const double *positions, size_t units, double radius,
                              bool row_standardised, wb_error *err) {
  size_t capacity = 0;
  wb_status status = start(out, units, err);
  for (size_t i = 0; i < units && status == WB_OK; i++) {
    for (size_t j = i + 1; j < units && status == WB_OK; j++) {
      const double d =
          hypot(positions[2 * i] - positions[2 * j], positions[2 * i + 1] - positions[2 * j + 1]);
      if (d > 0 && (radius <= 0 || d <= radius)) status = add(out, &capacity, i, j, 1 / d, err);
    }
  }
  if (status == WB_OK) status = finish(out, row_standardised, err);
  if (status != WB_OK) wb_spatial_free(out);
  return status;
}

void wb_spatial_free(wb_spatial *spatial) {
  if (!spatial) return;
  free(spatial->pairs);
  free(spatial->row_sum);
  *spatial = (wb_spatial){0};
}
