/* bootstrap.c: comparisons of RDMs over stimuli drawn with replacement, or in random order. See inference.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bootstrap_ranks.h"
#include "distance.h"
#include "inference.h"

enum { ROWS = 128 };

typedef struct draws {
  size_t n, count;
  double *times; // (n, count): how often each stimulus was drawn
  double *block; // (ROWS, n): rows of a full matrix, zero on and below the diagonal
  double *sums;  // (ROWS, count)
} draws;

static void draw(draws *d, uint64_t seed) {
  memset(d->times, 0, d->n * d->count * sizeof *d->times);
  for (size_t r = 0; r < d->count; r++) {
    wb_rng rng = wb_rng_make(seed, "bootstrap-stimuli", r);
    for (size_t i = 0; i < d->n; i++) d->times[wb_rng_below(&rng, (uint32_t)d->n) * d->count + r]++;
  }
}

/* out (count) = sum over pairs i < j of times_i times_j a_ij b_ij for each draw; b NULL: of a alone; a NULL:
 * of the weights. */
static void weigh(double *out, draws *d, const double *a, const double *b) {
  const size_t n = d->n;
  memset(out, 0, d->count * sizeof *out);
  for (size_t first = 0; first < n; first += ROWS) {
    const size_t rows = n - first < ROWS ? n - first : ROWS, cols = n - first;
    memset(d->block, 0, rows * cols * sizeof *d->block);
    for (size_t r = 0; r < rows; r++)
      for (size_t j = first + r + 1; j < n; j++) {
        const size_t place = wb_pair_place(first + r, j, n);
        d->block[r * cols + j - first] = (a ? a[place] : 1) * (b ? b[place] : 1);
      }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)d->count, (int)cols, 1, d->block,
                (int)cols, d->times + first * d->count, (int)d->count, 0, d->sums, (int)d->count);
    for (size_t r = 0; r < rows; r++)
      for (size_t k = 0; k < d->count; k++)
        out[k] += d->times[(first + r) * d->count + k] * d->sums[r * d->count + k];
  }
}

/* Room for one number a draw: weights, then for each run its sum and sum of squares, then a product. */
typedef struct moments {
  double *weight, *sum, *square, *cross;
} moments;

static void add_pair(double *means, const moments *m, const double *sum_b, const double *square_a,
                     const double *square_b, const double *sum_a, bool centred, size_t count) {
  for (size_t r = 0; r < count; r++) {
    const double w = m->weight[r], c = centred ? 1 / w : 0;
    const double ab = m->cross[r] - c * sum_a[r] * sum_b[r];
    const double aa = square_a[r] - c * sum_a[r] * sum_a[r], bb = square_b[r] - c * sum_b[r] * sum_b[r];
    const double least = 1e-12;
    const bool defined = w > 0 && aa > least * square_a[r] && bb > least * square_b[r];
    means[r] += defined ? fmin(1, fmax(-1, ab / sqrt(aa * bb))) : (double)NAN; // within, despite rounding
  }
}

/* x (count, pairs) in place: scaled and, for correlations, centred, so that sums of squares lose no digits.
 */
static void standardise(double *x, bool centred, size_t count, size_t pairs) {
  for (size_t a = 0; a < count; a++) {
    double *rdm = x + a * pairs, mean = 0, square = 0;
    for (size_t i = 0; i < pairs; i++) mean += rdm[i] / (double)pairs;
    for (size_t i = 0; i < pairs; i++) {
      if (centred) rdm[i] -= mean;
      square += rdm[i] * rdm[i] / (double)pairs;
    }
    for (size_t i = 0; i < pairs; i++) rdm[i] /= square > 0 ? sqrt(square) : 1;
  }
}

static wb_status bootstrap(double *means, double *x, draws *d, const moments *m, bool centred, size_t count,
                           size_t pairs, bool (*stop)(void *), void *context) {
  memset(means, 0, d->count * sizeof *means);
  weigh(m->weight, d, NULL, NULL);
  for (size_t a = 0; a < count; a++) {
    if (stop && stop(context)) return WB_CANCELLED;
    weigh(m->sum + a * d->count, d, x + a * pairs, NULL);
    weigh(m->square + a * d->count, d, x + a * pairs, x + a * pairs);
  }
  for (size_t a = 0; a < count; a++)
    for (size_t b = 0; b < a; b++) {
      if (stop && stop(context)) return WB_CANCELLED;
      weigh(m->cross, d, x + a * pairs, x + b * pairs);
      add_pair(means, m, m->sum + b * d->count, m->square + a * d->count, m->square + b * d->count,
               m->sum + a * d->count, centred, d->count);
    }
  for (size_t r = 0; r < d->count; r++) means[r] /= (double)wb_pair_count(count);
  return WB_OK;
}

wb_status wb_bootstrap_stimuli(double *means, const double *rdms, wb_comparison comparison, size_t count,
                               size_t n, size_t draw_count, uint64_t seed, bool (*stop)(void *context),
                               void *context, wb_error *err) {
  const size_t pairs = wb_pair_count(n), numbers = (2 * count + 2) * draw_count;
  const size_t room = (n + ROWS) * draw_count + ROWS * n + numbers + count * pairs;
  if (comparison == WB_COMPARE_KENDALL)
    return wb_fail(err, WB_ARG, "bootstrap over stimuli is for Pearson, Spearman and cosine comparisons");
  if (count < 2 || n < 2) return wb_fail(err, WB_ARG, "a bootstrap needs two runs and two stimuli");
  if (comparison == WB_COMPARE_SPEARMAN)
    return wb_bootstrap_ranks(means, rdms, count, n, draw_count, seed, stop, context, err);
  double *memory = malloc(room * sizeof *memory);
  if (!memory) return wb_fail_nomem(err, "bootstrap draws", room * sizeof *memory);
  draws d = {.n = n, .count = draw_count, .times = memory};
  d.block = d.times + n * draw_count;
  d.sums = d.block + ROWS * n;
  moments m = {.weight = d.sums + ROWS * draw_count};
  m.cross = m.weight + draw_count;
  m.sum = m.cross + draw_count;
  m.square = m.sum + count * draw_count;
  double *x = m.square + count * draw_count;
  memcpy(x, rdms, count * pairs * sizeof *x);
  const bool centred = comparison == WB_COMPARE_PEARSON;
  standardise(x, centred, count, pairs);
  draw(&d, seed);
  const wb_status status = bootstrap(means, x, &d, &m, centred, count, pairs, stop, context);
  free(memory);
  return status;
}

/* ---- Random orders ---- */

/* Sum over pairs of b times the full matrix a (n, n) with its stimuli in this order. */
static double reordered(const double *a, const double *b, const uint32_t *order, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double *row = a + order[i] * n;
    for (size_t j = i + 1; j < n; j++) sum += row[order[j]] * *b++;
  }
  return sum;
}

wb_status wb_stimuli_test(double *p, const double *a, const double *b, size_t n, size_t permutations,
                          uint64_t seed, bool (*stop)(void *context), void *context, wb_error *err) {
  enum { AT_ONCE = 32 };
  double *full = calloc(n * n + permutations + 1, sizeof *full), *drawn = full ? full + n * n : NULL;
  uint32_t *orders = malloc(AT_ONCE * n * sizeof *orders);
  wb_status status = full && orders ? WB_OK : wb_fail_nomem(err, "a full RDM", n * n * sizeof *full);
  *p = NAN;
  for (size_t i = 0; status == WB_OK && i < n; i++)
    for (size_t j = i + 1; j < n; j++) full[i * n + j] = full[j * n + i] = a[wb_pair_place(i, j, n)];
  for (size_t first = 0; first <= permutations && status == WB_OK; first += AT_ONCE) {
    if (stop && stop(context)) status = WB_CANCELLED;
    const size_t end = first + AT_ONCE < permutations + 1 ? first + AT_ONCE : permutations + 1;
#pragma omp parallel for schedule(static)
    for (size_t r = first; r < end; r++) { // the order as it is comes first
      uint32_t *order = orders + (r - first) * n;
      wb_rng rng = wb_rng_make(seed, "stimulus-order", r);
      for (uint32_t i = 0; i < n; i++) order[i] = i;
      if (r) wb_rng_shuffle(&rng, order, n);
      drawn[r] = reordered(full, b, order, n);
    }
  }
  double mean = 0;
  size_t extreme = 0;
  for (size_t r = 1; status == WB_OK && r <= permutations; r++) mean += drawn[r] / (double)permutations;
  for (size_t r = 1; status == WB_OK && r <= permutations; r++)
    extreme += fabs(drawn[r] - mean) >= fabs(drawn[0] - mean) - 1e-12;
  if (status == WB_OK) *p = ((double)extreme + 1) / ((double)permutations + 1);
  free(full);
  free(orders);
  return status;
}
