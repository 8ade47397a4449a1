/* rank.c: see rank.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
  uint64_t key;
  size_t index;
} item;

enum { BITS = 11, BUCKETS = 1 << BITS, PASSES = 6 };

/* An integer in the order of the number: negative ones have all bits turned, the others their sign. */
static uint64_t key_of(double x) {
  uint64_t bits;
  x += 0.0; // -0 counts as 0
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Stable radix sort by key; the sorted items are in the array that it returns: items or spare. */
static item *sort(item *items, item *spare, size_t n) {
  for (unsigned pass = 0; pass < PASSES; pass++) {
    const unsigned shift = pass * BITS;
    size_t count[BUCKETS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++) count[items[i].key >> shift & (BUCKETS - 1)]++;
    if (n && count[items[0].key >> shift & (BUCKETS - 1)] == n) continue; // all alike here
    for (size_t b = 0; b < BUCKETS; b++) {
      const size_t here = count[b];
      count[b] = sum;
      sum += here;
    }
    for (size_t i = 0; i < n; i++) spare[count[items[i].key >> shift & (BUCKETS - 1)]++] = items[i];
    item *turn = items;
    items = spare;
    spare = turn;
  }
  return items;
}

wb_status wb_rank(double *ranks, const double *x, size_t n, wb_error *err) {
  item *items = malloc(2 * (n + 1) * sizeof *items);
  if (!items) return wb_fail_nomem(err, "ranks", 2 * (n + 1) * sizeof *items);
  for (size_t i = 0; i < n; i++) items[i] = (item){key_of(x[i]), i};
  const item *sorted = sort(items, items + n, n);
  for (size_t first = 0, last; first < n; first = last) {
    for (last = first; last < n && sorted[last].key == sorted[first].key;) last++;
    for (size_t i = first; i < last; i++) ranks[sorted[i].index] = ((double)(first + last) + 1) / 2;
  }
  free(items);
  return WB_OK;
}

/* Sorts y (n) and returns how many pairs stood in descending order. */
static double sort_and_count(uint64_t *y, uint64_t *spare, size_t n) {
  double inversions = 0;
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t low = 0; low < n; low += 2 * width) {
      const size_t middle = low + width < n ? low + width : n, high = middle + width < n ? middle + width : n;
      for (size_t i = low, k = middle, out = low; out < high; out++) {
        const bool right = i == middle || (k < high && y[k] < y[i]);
        if (right) inversions += (double)(middle - i);
        spare[out] = right ? y[k++] : y[i++];
      }
    }
    memcpy(y, spare, n * sizeof *y);
  }
  return inversions;
}

/* Pairs within a run of equal items that has just ended. */
static double pairs(size_t run) {
  return (double)run * ((double)run - 1) / 2;
}

wb_status wb_kendall(double *tau, const double *x, const double *y, size_t n, wb_error *err) {
  item *items = malloc(2 * (n + 1) * sizeof *items);
  uint64_t *keys = malloc(2 * (n + 1) * sizeof *keys);
  *tau = NAN;
  if (!items || !keys) {
    free(items);
    free(keys);
    return wb_fail_nomem(err, "Kendall's tau", 2 * (n + 1) * (sizeof *items + sizeof *keys));
  }
  for (size_t i = 0; i < n; i++) items[i] = (item){key_of(y[i]), i};
  item *sorted = sort(items, items + n, n); // by y, then stably by x: ties of x are ascending in y
  for (size_t i = 0; i < n; i++) sorted[i].key = key_of(x[sorted[i].index]);
  sorted = sort(sorted, sorted == items ? items + n : items, n);
  for (size_t i = 0; i < n; i++) keys[i] = key_of(y[sorted[i].index]);
  double tied_x = 0, tied_both = 0, tied_y = 0;
  for (size_t i = 0, x_run = 0, both_run = 0; i < n; i++) {
    x_run++;
    both_run++;
    const bool x_ends = i + 1 == n || sorted[i + 1].key != sorted[i].key;
    if (x_ends || keys[i + 1] != keys[i]) {
      tied_both += pairs(both_run);
      both_run = 0;
    }
    if (x_ends) {
      tied_x += pairs(x_run);
      x_run = 0;
    }
  }
  const double discordant = sort_and_count(keys, keys + n, n);
  for (size_t i = 0, run = 0; i < n; i++) {
    run++;
    if (i + 1 < n && keys[i + 1] == keys[i]) continue;
    tied_y += pairs(run);
    run = 0;
  }
  const double all = pairs(n);
  if (n > 1) *tau = (all - tied_x - tied_y + tied_both - 2 * discordant) / all;
  free(items);
  free(keys);
  return WB_OK;
}
