/* bootstrap_ranks.c: Spearman's comparison of RDMs over stimuli drawn with replacement. See
 * bootstrap_ranks.h.
 *
 * A pair of stimuli drawn a and b times stands a b times in the sample, at one rank: the mean over its copies
 * and whatever else is as far apart. So each RDM is sorted once, and a draw ranks it by adding up weights in
 * that order. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "bootstrap_ranks.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "distance.h"

typedef struct item {
  double distance;
  uint32_t i, j; // of two stimuli, i < j
} item;

typedef struct sample {
  size_t n, pairs;
  double *times, *root; // (n): how often each stimulus was drawn, and the square root of that
  double total;         // pairs in the sample
} sample;

static int by_distance(const void *a, const void *b) {
  const double x = ((const item *)a)->distance, y = ((const item *)b)->distance;
  return (x > y) - (x < y);
}

/* order (pairs) = the distances of a condensed RDM, ascending. */
static void sort_pairs(item *order, const double *rdm, size_t n, size_t pairs) {
  size_t p = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = i + 1; j < n; j++, p++) order[p] = (item){rdm[p], i, j};
  qsort(order, pairs, sizeof *order, by_distance);
}

static void draw(sample *s, uint64_t seed, size_t index) {
  wb_rng rng = wb_rng_make(seed, "bootstrap-stimuli", index);
  double square = 0;
  memset(s->times, 0, s->n * sizeof *s->times);
  for (size_t i = 0; i < s->n; i++) s->times[wb_rng_below(&rng, (uint32_t)s->n)]++;
  for (size_t i = 0; i < s->n; i++) {
    s->root[i] = sqrt(s->times[i]);
    square += s->times[i] * s->times[i];
  }
  s->total = ((double)s->n * (double)s->n - square) / 2;
}

/* ranks (pairs), in the order of the RDM = the rank of each pair less the mean (total + 1) / 2 of all, times
 * the square root of how often the pair was drawn: the products of two such are sums over the sample. */
static void rank_sample(double *ranks, const item *order, const sample *s) {
  double below = 0;
  for (size_t first = 0, last; first < s->pairs; first = last) {
    double here = 0;
    for (last = first; last < s->pairs && order[last].distance == order[first].distance; last++)
      here += s->times[order[last].i] * s->times[order[last].j];
    const double rank = below + (here - s->total) / 2;
    for (size_t p = first; p < last; p++)
      ranks[wb_pair_place(order[p].i, order[p].j, s->n)] = rank * s->root[order[p].i] * s->root[order[p].j];
    below += here;
  }
}

/* The mean over pairs of runs of what their sums of products say; NAN where ranks do not vary. */
static double mean_correlation(const double *products, size_t count) {
  double sum = 0;
  for (size_t a = 0; a < count; a++)
    for (size_t b = 0; b < a; b++) {
      const double scale = sqrt(products[a * count + a] * products[b * count + b]);
      const double r = products[a * count + b] / scale;
      sum += scale > 0 ? fmin(1, fmax(-1, r)) : (double)NAN; // rounding
    }
  return sum / (double)wb_pair_count(count);
}

wb_status wb_bootstrap_ranks(double *means, const double *rdms, size_t count, size_t n, size_t draw_count,
                             uint64_t seed, bool (*stop)(void *context), void *context, wb_error *err) {
  const size_t pairs = wb_pair_count(n), numbers = count * pairs + count * count + 2 * n;
  item *order = malloc(count * pairs * sizeof *order);
  double *ranks = malloc(numbers * sizeof *ranks), *products = ranks ? ranks + count * pairs : NULL;
  wb_status status = WB_OK;
  if (order && ranks) {
    sample s = {n, pairs, products + count * count, products + count * count + n, 0};
#pragma omp parallel for schedule(dynamic)
    for (size_t a = 0; a < count; a++) sort_pairs(order + a * pairs, rdms + a * pairs, n, pairs);
    for (size_t r = 0; r < draw_count && status == WB_OK; r++) {
      draw(&s, seed, r);
#pragma omp parallel for schedule(dynamic)
      for (size_t a = 0; a < count; a++) rank_sample(ranks + a * pairs, order + a * pairs, &s);
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)count, (int)pairs, 1, ranks, (int)pairs, 0,
                  products, (int)count);
      means[r] = mean_correlation(products, count);
      if (stop && stop(context)) status = WB_CANCELLED;
    }
  } else {
    status = wb_fail_nomem(err, "bootstrap draws", count * pairs * sizeof *order + numbers * sizeof *ranks);
  }
  free(order);
  free(ranks);
  return status;
}
