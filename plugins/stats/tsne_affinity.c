/* tsne_affinity.c: see tsne_affinity.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tsne_affinity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 100 };

/* Fills p with exp(-beta d), d = square - square[0]; returns the entropy and its derivative by log(beta). */
static double entropy_of(double *p, double *derivative, const float *square, size_t k, double beta) {
  double sum = 0, first = 0, second = 0; // moments of d under p
  for (size_t j = 0; j < k; j++) {
    const double d = (double)square[j] - (double)square[0];
    p[j] = exp(-beta * d);
    sum += p[j];
    first += p[j] * d;
    second += p[j] * d * d;
  }
  for (size_t j = 0; j < k; j++) p[j] /= sum;
  first /= sum;
  second /= sum;
  *derivative = -beta * beta * (second - first * first);
  return log(sum) + beta * first;
}

/* Newton's method in log(beta), by bisection wherever it would leave the bracket. */
void wb_tsne_calibrate(double *p, const float *square, size_t k, double perplexity) {
  const double target = log(perplexity);
  double spread = 0, derivative;
  for (size_t j = 0; j < k; j++) spread += ((double)square[j] - (double)square[0]) / (double)k;
  if (!(spread > 0)) {
    for (size_t j = 0; j < k; j++) p[j] = 1 / (double)k;
    return;
  }
  double at = -log(spread), low = at - 60, high = at + 60; // log(beta)
  for (int step = 0; step < MOST_STEPS; step++) {
    const double excess = entropy_of(p, &derivative, square, k, exp(at)) - target;
    if (fabs(excess) < 1e-9) return;
    *(excess > 0 ? &low : &high) = at;
    const double newton = at - excess / derivative;
    at = derivative < 0 && newton > low && newton < high ? newton : (low + high) / 2;
  }
}

/* How many times each point is a neighbour, and by whom: listed[begin[j] ..] holds positions in index. */
static void transpose(uint64_t *begin, uint64_t *listed, const uint32_t *index, size_t n, size_t k) {
  memset(begin, 0, (n + 1) * sizeof *begin);
  for (size_t e = 0; e < n * k; e++) begin[index[e] + 1]++;
  for (size_t i = 0; i < n; i++) begin[i + 1] += begin[i];
  for (size_t e = 0; e < n * k; e++) listed[begin[index[e]]++] = e;
  for (size_t i = n; i > 0; i--) begin[i] = begin[i - 1];
  begin[0] = 0;
}

typedef struct conditional {
  const uint32_t *index;          // (n, k)
  const float *p;                 // (n, k)
  const uint64_t *begin, *listed; // see transpose
  size_t n, k;
} conditional;

/* Row i of the symmetric matrix: i's neighbours, then those that have i as a neighbour. place (n) holds
 * UINT32_MAX throughout, before and after. Returns how many there are. */
static size_t merge_row(uint32_t *column, double *value, uint32_t *place, const conditional *c, size_t i) {
  size_t count = 0;
  for (size_t j = 0; j < c->k; j++) {
    column[count] = c->index[i * c->k + j];
    value[count] = (double)c->p[i * c->k + j];
    place[column[count]] = (uint32_t)count;
    count++;
  }
  for (uint64_t e = c->begin[i]; e < c->begin[i + 1]; e++) {
    const uint32_t other = (uint32_t)(c->listed[e] / c->k);
    const double p = (double)c->p[c->listed[e]];
    if (place[other] != UINT32_MAX) {
      value[place[other]] += p;
    } else {
      column[count] = other;
      value[count++] = p;
    }
  }
  for (size_t j = 0; j < c->k; j++) place[column[j]] = UINT32_MAX;
  return count;
}

/* Counts the rows' lengths (out->column NULL), or fills them. */
static int fill(wb_tsne_affinity *out, const conditional *c) {
  int failed = 0;
  const double scale = 1 / (2 * (double)c->n);
#pragma omp parallel reduction(| : failed)
  {
    uint32_t *place = malloc(c->n * sizeof *place), *column = malloc((c->n + c->k) * sizeof *column);
    double *value = malloc((c->n + c->k) * sizeof *value);
    failed |= !place || !column || !value;
    if (place) memset(place, 0xff, c->n * sizeof *place);
#pragma omp for schedule(dynamic, 64)
    for (size_t i = 0; i < c->n; i++) {
      if (failed) continue;
      const size_t count = merge_row(column, value, place, c, i);
      if (!out->column) {
        out->start[i + 1] = (count + 7) / 8 * 8;
        continue;
      }
      const uint64_t first = out->start[i], room = out->start[i + 1] - first;
      for (size_t k = 0; k < room; k++) {
        out->column[first + k] = k < count ? column[k] : (uint32_t)i;
        out->value[first + k] = k < count ? (float)(scale * value[k]) : 0;
      }
    }
    free(place);
    free(column);
    free(value);
  }
  return failed;
}

/* p (n, k) from the squared distances. */
static int calibrate_all(float *p, const float *square, size_t n, size_t k, double perplexity) {
  int failed = 0;
#pragma omp parallel reduction(| : failed)
  {
    double *row = malloc(k * sizeof *row);
    failed |= !row;
#pragma omp for schedule(static)
    for (size_t i = 0; i < n; i++) {
      if (!row) continue;
      wb_tsne_calibrate(row, square + i * k, k, perplexity);
      for (size_t j = 0; j < k; j++) p[i * k + j] = (float)row[j];
    }
    free(row);
  }
  return failed;
}

/* Finds the lengths of the rows, then makes and fills them. */
static int assemble(wb_tsne_affinity *out, const conditional *c) {
  if (fill(out, c)) return 1;
  for (size_t i = 0; i < c->n; i++) out->start[i + 1] += out->start[i];
  const size_t bytes = (out->start[c->n] * sizeof(float) + 63) / 64 * 64;
  out->column = aligned_alloc(64, bytes);
  out->value = aligned_alloc(64, bytes);
  return !out->column || !out->value || fill(out, c);
}

wb_status wb_tsne_affinity_new(wb_tsne_affinity *out, const uint32_t *index, const float *square, size_t n,
                               size_t k, double perplexity, wb_error *err) {
  *out = (wb_tsne_affinity){.n = n, .start = calloc(n + 1, sizeof *out->start)};
  float *p = malloc(n * k * sizeof *p);
  uint64_t *begin = malloc((n + 1) * sizeof *begin), *listed = calloc(n * k, sizeof *listed);
  const conditional c = {index, p, begin, listed, n, k};
  int failed = !out->start || !p || !begin || !listed || calibrate_all(p, square, n, k, perplexity);
  if (!failed) {
    transpose(begin, listed, index, n, k);
    failed = assemble(out, &c);
  }
  free(p);
  free(begin);
  free(listed);
  if (!failed) return WB_OK;
  wb_tsne_affinity_free(out);
  return wb_fail_nomem(err, "the attractions of t-SNE", 16 * n * k);
}

void wb_tsne_affinity_free(wb_tsne_affinity *a) {
  if (!a) return;
  free(a->start);
  free(a->column);
  free(a->value);
  *a = (wb_tsne_affinity){0};
}
