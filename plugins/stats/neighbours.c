/* neighbours.c: see neighbours.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "neighbours.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 192, COLS = 1024, GROUP = 16 };

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

/* The candidates of one point, and the square that a further one must not exceed. */
typedef struct list {
  candidate *items; // (room)
  size_t count;
  float limit;
} list;

/* Offers the points first .. first+n-1, whose squared distances are norm + norms[j] + product[j]. */
static void offer(list *l, const float *product, const float *norms, float norm, size_t self, size_t first,
                  size_t n, size_t k, size_t room) {
  float square[GROUP];
  for (size_t j = 0; j < n; j += GROUP) {
    const size_t count = n - j < GROUP ? n - j : GROUP;
    int any = 0;
    for (size_t g = 0; g < count; g++) {
      const float s = norm + norms[j + g] + product[j + g];
      square[g] = s > 0 ? s : 0;
      any |= square[g] <= l->limit;
    }
    if (!any) continue;
    for (size_t g = 0; g < count; g++) {
      if (square[g] <= l->limit && first + j + g != self)
        l->items[l->count++] = make_candidate(square[g], first + j + g);
    }
    if (l->count + GROUP > room) {
      keep_least(l->items, l->count, k);
      l->count = k;
      l->limit = square_of(l->items[k - 1]);
    }
  }
}

typedef struct task {
  const float *x, *norms;
  size_t n, d, k, room;
} task;

/* The neighbours of points first .. first+rows-1. product (ROWS, COLS), items (ROWS, room) are scratch. */
static void search(uint32_t *index, float *square, const task *t, size_t first, float *product,
                   candidate *items) {
  const size_t rows = t->n - first < ROWS ? t->n - first : ROWS;
  list lists[ROWS];
  for (size_t i = 0; i < rows; i++) lists[i] = (list){.items = items + i * t->room, .limit = INFINITY};
  for (size_t c = 0; c < t->n; c += COLS) {
    const size_t cols = t->n - c < COLS ? t->n - c : COLS;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)t->d, -2.0F,
                t->x + first * t->d, (int)t->d, t->x + c * t->d, (int)t->d, 0.0F, product, COLS);
    for (size_t i = 0; i < rows; i++)
      offer(&lists[i], product + i * COLS, t->norms + c, t->norms[first + i], first + i, c, cols, t->k,
            t->room);
  }
  for (size_t i = 0; i < rows; i++) {
    keep_least(lists[i].items, lists[i].count, t->k);
    qsort(lists[i].items, t->k, sizeof(candidate), compare);
    for (size_t k = 0; k < t->k; k++) {
      index[(first + i) * t->k + k] = (uint32_t)lists[i].items[k];
      square[(first + i) * t->k + k] = square_of(lists[i].items[k]);
    }
  }
}

wb_status wb_neighbours(uint32_t *index, float *square, const float *x, size_t n, size_t d, size_t k,
                        wb_error *err) {
  float *norms = malloc(n * sizeof *norms);
  const task t = {.x = x, .norms = norms, .n = n, .d = d, .k = k, .room = 2 * k + 256};
  int failed = !norms;
#pragma omp parallel reduction(| : failed)
  {
    float *product = malloc(sizeof(float) * ROWS * COLS);
    candidate *items = malloc(sizeof *items * ROWS * t.room);
    failed |= !product || !items || !norms;
#pragma omp for schedule(static)
    for (size_t i = 0; i < n; i++) {
      double sum = 0;
      for (size_t j = 0; j < d; j++) sum += (double)x[i * d + j] * (double)x[i * d + j];
      if (norms) norms[i] = (float)sum;
    }
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < n; i += ROWS) {
      if (!failed) search(index, square, &t, i, product, items);
    }
    free(product);
    free(items);
  }
  free(norms);
  return failed ? wb_fail_nomem(err, "the nearest neighbours", ROWS * t.room * sizeof(candidate)) : WB_OK;
}
