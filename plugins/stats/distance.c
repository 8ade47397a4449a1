/* distance.c: see distance.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "distance.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rank.h"

enum { TILE = 192 };

/* Where a squared distance is so small a part of the squared lengths, their difference has lost digits. */
static const double NEAR = 1e-3;

static bool is_angular(wb_distance distance) {
  return distance <= WB_DISTANCE_COSINE;
}

static double product(const double *a, const double *b, size_t d) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

static double difference(const double *a, const double *b, size_t d) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

static void centre(double *row, size_t d) {
  double mean = 0;
  for (size_t k = 0; k < d; k++) mean += row[k];
  mean /= (double)d;
  for (size_t k = 0; k < d; k++) row[k] -= mean;
}

static bool is_constant(const double *row, size_t d) {
  for (size_t k = 1; k < d; k++)
    if (row[k] != row[0]) return false;
  return true;
}

/* Centred (but under cosine) and of unit length; all zero and false where it has no direction. */
static bool make_unit(double *row, bool centred, size_t d) {
  const bool constant = is_constant(row, d);
  if (centred) centre(row, d);
  double largest = 0;
  for (size_t k = 0; k < d; k++) largest = fmax(largest, fabs(row[k]));
  if (largest == 0 || (centred && constant)) { // of equal numbers the mean may be off by rounding
    memset(row, 0, d * sizeof *row);
    return false;
  }
  for (size_t k = 0; k < d; k++) row[k] /= largest; // its squares neither overflow nor vanish
  const double scale = 1 / sqrt(product(row, row, d));
  for (size_t k = 0; k < d; k++) row[k] *= scale;
  return true;
}

void wb_centre_columns(double *x, size_t n, size_t d) {
#pragma omp parallel for schedule(static)
  for (size_t k = 0; k < d; k++) {
    double mean = 0;
    bool constant = true;
    for (size_t i = 0; i < n; i++) {
      mean += x[i * d + k];
      constant = constant && x[i * d + k] == x[k];
    }
    mean = constant && n ? x[k] : mean / (double)n; // nothing is left of what does not vary
    for (size_t i = 0; i < n; i++) x[i * d + k] -= mean;
  }
}

wb_status wb_distance_prepare(double *x, double *square, size_t *flat, wb_distance distance, size_t n,
                              size_t d, wb_error *err) {
  size_t without = 0;
  if (!is_angular(distance)) wb_centre_columns(x, n, d); // shorter rows: less rounding, the same distances
  bool failed = false;
#pragma omp parallel for schedule(static) reduction(+ : without) reduction(|| : failed)
  for (size_t i = 0; i < n; i++) {
    double *row = x + i * d;
    if (distance == WB_DISTANCE_SPEARMAN && wb_rank(row, row, d, NULL) != WB_OK) failed = true;
    if (is_angular(distance)) without += !make_unit(row, distance != WB_DISTANCE_COSINE, d);
    square[i] = product(row, row, d);
  }
  if (flat) *flat = without;
  return failed ? wb_fail_nomem(err, "ranks of a row", d * sizeof(double)) : WB_OK;
}

/* The products of two blocks of rows as distances, into the condensed segment; products (rows, TILE). */
static void put_tile(double *out, const double *products, const double *x, const double *square,
                     wb_distance distance, size_t start, size_t i0, size_t rows, size_t j0, size_t cols,
                     size_t n, size_t d) {
  for (size_t r = 0; r < rows; r++) {
    const size_t i = i0 + r, skip = j0 > i ? 0 : i + 1 - j0;
    if (skip >= cols) continue;
    double *to = out + wb_pair_place(i, j0 + skip, n) - start;
    const double *p = products + r * TILE + skip;
    const size_t count = cols - skip, first = j0 + skip;
    double least = INFINITY;
    if (is_angular(distance)) {
      for (size_t k = 0; k < count; k++) {
        to[k] = 1 - p[k];
        least = to[k] < least ? to[k] : least;
      }
      for (size_t k = 0; least < NEAR && k < count; k++)
        if (to[k] < NEAR) to[k] = difference(x + i * d, x + (first + k) * d, d) / 2;
    } else {
      for (size_t k = 0; k < count; k++) {
        const double both = square[i] + square[first + k], apart = both - 2 * p[k];
        to[k] = sqrt(apart > NEAR * both ? apart : difference(x + i * d, x + (first + k) * d, d));
      }
    }
  }
}

wb_status wb_distance_rows(double *out, const double *x, const double *square, wb_distance distance,
                           size_t first, size_t count, size_t n, size_t d, wb_error *err) {
  const size_t end = first + count, start = first + 1 < n ? wb_pair_place(first, first + 1, n) : 0;
  const size_t strips = (count + TILE - 1) / TILE, tiles = (n + TILE - 1) / TILE;
  bool failed = false;
#pragma omp parallel reduction(|| : failed)
  {
    double *products = aligned_alloc(64, sizeof(double) * TILE * TILE);
    failed = !products;
#pragma omp for schedule(dynamic) collapse(2)
    for (size_t strip = 0; strip < strips; strip++)
      for (size_t tile = 0; tile < tiles; tile++) {
        const size_t i0 = first + strip * TILE, j0 = tile * TILE;
        const size_t rows = end - i0 < TILE ? end - i0 : TILE, cols = n - j0 < TILE ? n - j0 : TILE;
        if (!products || j0 + cols <= i0 + 1) continue; // all on or below the diagonal
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)d, 1, x + i0 * d,
                    (int)d, x + j0 * d, (int)d, 0, products, TILE);
        put_tile(out, products, x, square, distance, start, i0, rows, j0, cols, n, d);
      }
    free(products);
  }
  return failed ? wb_fail_nomem(err, "a tile of distances", sizeof(double) * TILE * TILE) : WB_OK;
}

wb_status wb_rdm(double *out, double *x, size_t *flat, wb_distance distance, size_t n, size_t d,
                 wb_error *err) {
  double *square = malloc((n + 1) * sizeof *square);
  if (!square) return wb_fail_nomem(err, "squared lengths", (n + 1) * sizeof *square);
  wb_status status = wb_distance_prepare(x, square, flat, distance, n, d, err);
  if (status == WB_OK) status = wb_distance_rows(out, x, square, distance, 0, n, n, d, err);
  free(square);
  return status;
}
