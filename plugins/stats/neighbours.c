/* neighbours.c: see neighbours.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The distances of two blocks of points come from one matrix product and serve the lists of both. In a round
 * every block meets another one, so that no list is written by two threads; the rounds are those of a
 * tournament.
 */
#include "neighbours.h"
#include "neighbours_internal.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 }; // points

/* A candidate's squared distance (its bits: they order non-negative floats) above its index: one number that
 * orders all candidates, so that the result does not depend on the order in which they come. */
typedef uint64_t candidate;

static candidate make_candidate(float square, size_t index) {
  uint32_t bits;
  memcpy(&bits, &square, sizeof bits);
  return (candidate)bits << 32 | (uint32_t)index;
}

static float square_of(candidate c) {
  const uint32_t bits = (uint32_t)(c >> 32);
  float square;
  memcpy(&square, &bits, sizeof square);
  return square;
}

/* Moves the k least of n candidates to the front (Hoare's quickselect). */
static void keep_least(candidate *c, size_t n, size_t k) {
  ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, last = (ptrdiff_t)k - 1;
  while (low < high) {
    const candidate pivot = c[(low + high) / 2];
    ptrdiff_t i = low, j = high;
    while (i <= j) {
      while (c[i] < pivot) i++;
      while (c[j] > pivot) j--;
      if (i > j) break;
      const candidate t = c[i];
      c[i++] = c[j];
      c[j--] = t;
    }
    if (last <= j)
      high = j;
    else if (last >= i)
      low = i;
    else
      return;
  }
}

static int compare(const void *a, const void *b) {
  const candidate x = *(const candidate *)a, y = *(const candidate *)b;
  return (x > y) - (x < y);
}

typedef struct search {
  const float *x; // (n, d)
  float *norms;   // (n): squared lengths
  size_t n, d, k, room, blocks;
  candidate *items; // (n, room): of each point
  uint32_t *counts; // (n): how many
  float *limits;    // (n): the square that a further one must not exceed
} search;

size_t wb_neighbours_scan_plain(uint16_t *hits, float *product, const float *norms, float norm,
                                const float *limits, float limit, size_t n) {
  size_t count = 0;
  for (size_t j = 0; j < n; j++) {
    const float square = norm + norms[j] + product[j];
    product[j] = square > 0 ? square : 0;
    if (product[j] <= limit || product[j] <= limits[j]) hits[count++] = (uint16_t)j;
  }
  return count;
}

static size_t scan(uint16_t *hits, float *product, const float *norms, float norm, const float *limits,
                   float limit, size_t n) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2"))
    return wb_neighbours_scan_avx2(hits, product, norms, norm, limits, limit, n);
#endif
  return wb_neighbours_scan_plain(hits, product, norms, norm, limits, limit, n);
}

static void offer(const search *s, size_t point, size_t other, float square) {
  if (square > s->limits[point]) return;
  candidate *items = s->items + point * s->room;
  items[s->counts[point]++] = make_candidate(square, other);
  if (s->counts[point] < s->room) return;
  keep_least(items, s->room, s->k);
  s->counts[point] = (uint32_t)s->k;
  s->limits[point] = square_of(items[s->k - 1]);
}

/* All pairs of two blocks, or of one. product (BLOCK, BLOCK) is scratch. */
static void meet(const search *s, size_t a, size_t b, float *product) {
  const size_t first = a * BLOCK, second = b * BLOCK;
  const size_t rows = s->n - first < BLOCK ? s->n - first : BLOCK,
               cols = s->n - second < BLOCK ? s->n - second : BLOCK;
  uint16_t hits[BLOCK];
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)s->d, -2.0F,
              s->x + first * s->d, (int)s->d, s->x + second * s->d, (int)s->d, 0.0F, product, BLOCK);
  for (size_t i = 0; i < rows; i++) {
    const size_t point = first + i, skip = a == b ? i + 1 : 0; // a pair once, a point not with itself
    float *squares = product + i * BLOCK + skip;
    const size_t count = scan(hits, squares, s->norms + second + skip, s->norms[point],
                              s->limits + second + skip, s->limits[point], cols - skip);
    for (size_t h = 0; h < count; h++) {
      const size_t other = second + skip + hits[h];
      offer(s, point, other, squares[hits[h]]);
      offer(s, other, point, squares[hits[h]]);
    }
  }
}

/* Pair number `pair` of a round among an even number of blocks (the circle method); one that is not there is
 * past the last. */
static void pair_of(size_t *a, size_t *b, size_t even, size_t round, size_t pair) {
  const size_t circle = even - 1;
  *a = pair ? (round + pair) % circle : circle;
  *b = (round + circle - pair) % circle;
}

static void list_neighbours(uint32_t *index, float *square, const search *s, size_t point) {
  candidate *items = s->items + point * s->room;
  keep_least(items, s->counts[point], s->k);
  qsort(items, s->k, sizeof *items, compare);
  for (size_t k = 0; k < s->k; k++) {
    index[k] = (uint32_t)items[k];
    square[k] = square_of(items[k]);
  }
}

/* In all threads of a parallel region. */
static void search_all(uint32_t *index, float *square, const search *s, float *product) {
  const size_t even = s->blocks + s->blocks % 2;
#pragma omp for schedule(static)
  for (size_t i = 0; i < s->n; i++) {
    double sum = 0;
    for (size_t j = 0; j < s->d; j++) sum += (double)s->x[i * s->d + j] * (double)s->x[i * s->d + j];
    s->norms[i] = (float)sum;
    s->limits[i] = INFINITY;
  }
#pragma omp for schedule(dynamic, 1)
  for (size_t a = 0; a < s->blocks; a++) meet(s, a, a, product);
  for (size_t round = 0; round + 1 < even; round++) {
#pragma omp for schedule(dynamic, 1)
    for (size_t pair = 0; pair < even / 2; pair++) {
      size_t a, b;
      pair_of(&a, &b, even, round, pair);
      if (a < s->blocks && b < s->blocks) meet(s, a, b, product);
    }
  }
#pragma omp for schedule(static)
  for (size_t i = 0; i < s->n; i++) list_neighbours(index + i * s->k, square + i * s->k, s, i);
}

wb_status wb_neighbours(uint32_t *index, float *square, const float *x, size_t n, size_t d, size_t k,
                        wb_error *err) {
  const size_t room = k + (k > 64 ? k / 2 : 32);
  search s = {.x = x, .n = n, .d = d, .k = k, .room = room, .blocks = (n + BLOCK - 1) / BLOCK};
  s.norms = malloc(2 * n * sizeof *s.norms);
  s.items = malloc(n * room * sizeof *s.items);
  s.counts = calloc(n, sizeof *s.counts);
  const size_t threads = (size_t)omp_get_max_threads(), tile = (size_t)BLOCK * BLOCK;
  float *products = malloc(threads * tile * sizeof *products);
  const bool fits = s.norms && s.items && s.counts && products;
  if (fits) {
    s.limits = s.norms + n;
#pragma omp parallel num_threads((int)threads)
    search_all(index, square, &s, products + (size_t)omp_get_thread_num() * tile);
  }
  free(s.norms);
  free(s.items);
  free(s.counts);
  free(products);
  return fits ? WB_OK : wb_fail_nomem(err, "the nearest neighbours", n * room * sizeof(candidate));
}
