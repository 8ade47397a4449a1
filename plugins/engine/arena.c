/* arena.c: see arena.h. SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The largest span first, each at the lowest place that is free for as long as it lives. Finding the least
 * arena is hard in general; networks' spans, nested like their passes, come out within a few percent of the
 * most that is in use at any tick.
 */
#include "arena.h"

#include <stdbool.h>

static size_t rounded(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

static bool together(const wb_span *a, const wb_span *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* Comes before b: larger, or earlier in the list. */
static bool before(const wb_span *spans, int a, int b) {
  return spans[a].bytes > spans[b].bytes || (spans[a].bytes == spans[b].bytes && a < b);
}

/* The lowest offset for span i beside those placed before it. Candidates are 0 and the ends of spans. */
static size_t lowest(const wb_span *spans, int count, int i) {
  size_t at = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int j = 0; j < count; j++) {
      if (j == i || !before(spans, j, i) || !together(&spans[j], &spans[i])) continue;
      const size_t end = spans[j].offset + rounded(spans[j].bytes);
      if (end <= at || spans[j].offset >= at + rounded(spans[i].bytes)) continue;
      at = end;
      moved = true;
    }
  }
  return at;
}

/* The largest span that comes after span i (-1: after none), or -1. */
static int next_after(const wb_span *spans, int count, int i) {
  int next = -1;
  for (int j = 0; j < count; j++)
    if ((i < 0 || before(spans, i, j)) && (next < 0 || before(spans, j, next))) next = j;
  return next;
}

size_t wb_arena_place(wb_span *spans, int count) {
  size_t size = 0;
  for (int i = next_after(spans, count, -1); i >= 0; i = next_after(spans, count, i)) {
    spans[i].offset = lowest(spans, count, i);
    const size_t end = spans[i].offset + rounded(spans[i].bytes);
    if (end > size) size = end;
  }
  return size;
}
