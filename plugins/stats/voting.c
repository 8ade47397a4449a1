/* voting.c: see voting.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "voting.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

const char *const wb_vote_names[WB_VOTE_SCHEMES] = {"soft", "logits", "majority", "confident", "weighted"};

static size_t largest(const double *values, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (values[i] > values[best]) best = i;
  return best;
}

void wb_ballots_fill(wb_ballots *b) {
  const size_t classes = b->classes, all = b->members * b->n;
  for (size_t i = 0; i < all; i++) {
    const float *logits = b->logits + i * classes;
    double *p = b->probabilities + i * classes, sum = 0;
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
      if (logits[c] > logits[best]) best = c;
    for (size_t c = 0; c < classes; c++) sum += p[c] = exp((double)logits[c] - (double)logits[best]);
    for (size_t c = 0; c < classes; c++) p[c] /= sum;
    b->answers[i] = (int32_t)best;
    b->confidence[i] = p[best];
  }
}

/* The member of the chosen with the largest confidence about image i. */
static size_t most_confident(const wb_ballots *b, const uint32_t *chosen, size_t count, size_t i) {
  size_t best = chosen[0];
  for (size_t k = 1; k < count; k++)
    if (b->confidence[chosen[k] * b->n + i] > b->confidence[best * b->n + i]) best = chosen[k];
  return best;
}

/* Adds what one member says about image i: a mean and a sum have the same largest class, and so have weights
 * before and after normalisation. */
static void add_vote(double *sums, const wb_ballots *b, wb_vote_scheme scheme, size_t member, size_t i) {
  const size_t place = member * b->n + i, classes = b->classes;
  if (scheme == WB_VOTE_MAJORITY) {
    sums[b->answers[place]]++;
    return;
  }
  const double weight = scheme == WB_VOTE_WEIGHTED ? b->confidence[place] : 1;
  for (size_t c = 0; c < classes; c++)
    sums[c] += scheme == WB_VOTE_LOGITS ? (double)b->logits[place * classes + c]
                                        : weight * b->probabilities[place * classes + c];
}

void wb_vote(int32_t *answers, double *scratch, const wb_ballots *b, wb_vote_scheme scheme,
             const uint32_t *chosen, size_t count) {
  for (size_t i = 0; i < b->n; i++) {
    if (scheme == WB_VOTE_CONFIDENT) {
      answers[i] = b->answers[most_confident(b, chosen, count, i) * b->n + i];
      continue;
    }
    memset(scratch, 0, b->classes * sizeof *scratch);
    for (size_t k = 0; k < count; k++) add_vote(scratch, b, scheme, chosen[k], i);
    answers[i] = (int32_t)largest(scratch, b->classes);
  }
}

/* ---- Diversity ---- */

void wb_agreement_add(double *counts, const wb_ballots *b, const int32_t *labels) {
  for (size_t j = 0; j < b->members; j++)
    for (size_t k = j + 1; k < b->members; k++)
      for (size_t i = 0; i < b->n; i++) {
        const bool first = b->answers[j * b->n + i] == labels[i],
                   second = b->answers[k * b->n + i] == labels[i];
        counts[(j * b->members + k) * 4 + (first ? second ? 0 : 1 : second ? 2 : 3)]++;
      }
}

static void add_defined(double *sum, size_t *n, double value) {
  if (!isfinite(value)) return;
  *sum += value;
  ++*n;
}

wb_diversity wb_agreement_diversity(const double *counts, size_t members) {
  double sums[4] = {0};
  size_t defined[4] = {0};
  for (size_t j = 0; j < members; j++)
    for (size_t k = j + 1; k < members; k++) {
      const double *n = counts + (j * members + k) * 4, all = n[0] + n[1] + n[2] + n[3];
      const double a = n[0] / all, b = n[1] / all, c = n[2] / all, d = n[3] / all;
      add_defined(&sums[0], &defined[0], (a * d - b * c) / sqrt((a + b) * (c + d) * (a + c) * (b + d)));
      add_defined(&sums[1], &defined[1], b + c);
      add_defined(&sums[2], &defined[2], (a * d - b * c) / (a * d + b * c));
      add_defined(&sums[3], &defined[3], d);
    }
  for (int m = 0; m < 4; m++) sums[m] = defined[m] ? sums[m] / (double)defined[m] : NAN;
  return (wb_diversity){sums[0], sums[1], sums[2], sums[3]};
}

/* ---- Subsets ---- */

/* How many subsets of `size` there are, at most `most` + 1. */
static size_t subset_count(size_t members, size_t size, size_t most) {
  double count = 1;
  for (size_t k = 0; k < size; k++) count = count * (double)(members - k) / (double)(k + 1);
  return count > (double)most + 0.5 ? most + 1 : (size_t)(count + 0.5);
}

/* The next subset in lexical order; false past the last. */
static bool next_subset(uint32_t *subset, size_t size, size_t members) {
  size_t k = size;
  while (k > 0 && subset[k - 1] == members - size + k - 1) k--;
  if (!k) return false;
  subset[k - 1]++;
  for (; k < size; k++) subset[k] = subset[k - 1] + 1;
  return true;
}

static int ascending(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void draw_subset(uint32_t *subset, uint32_t *order, size_t size, size_t members, wb_rng *rng) {
  for (uint32_t k = 0; k < members; k++) order[k] = k;
  wb_rng_shuffle(rng, order, members);
  memcpy(subset, order, size * sizeof *subset);
  qsort(subset, size, sizeof *subset, ascending);
}

wb_status wb_subsets(uint32_t **items, size_t **counts, size_t members, size_t most, uint64_t seed,
                     wb_error *err) {
  size_t total = 0, used = 0;
  *items = NULL;
  *counts = malloc(members * sizeof **counts);
  uint32_t *order = malloc(members * sizeof *order);
  for (size_t size = 1; *counts && size <= members; size++) {
    const size_t all = subset_count(members, size, most);
    (*counts)[size - 1] = all <= most ? all : most;
    total += size * (*counts)[size - 1];
  }
  if (*counts) *items = malloc((total + 1) * sizeof **items);
  if (!order || !*counts || !*items) {
    free(order);
    free(*counts);
    free(*items);
    *counts = NULL;
    *items = NULL;
    return wb_fail_nomem(err, "subsets of members", total * sizeof **items);
  }
  for (size_t size = 1; size <= members; size++) {
    const bool sampled = subset_count(members, size, most) > most;
    wb_rng rng = wb_rng_make(seed, "subsets", size);
    for (size_t s = 0; s < (*counts)[size - 1]; s++, used += size) {
      uint32_t *subset = *items + used;
      if (sampled) {
        draw_subset(subset, order, size, members, &rng);
      } else if (s == 0) {
        for (uint32_t k = 0; k < size; k++) subset[k] = k;
      } else {
        memcpy(subset, subset - size, size * sizeof *subset);
        next_subset(subset, size, members);
      }
    }
  }
  free(order);
  return WB_OK;
}

/* ---- Bootstrap ---- */

wb_status wb_resample_means(double *means, const double *x, size_t rows, size_t n, size_t draws,
                            uint64_t seed, wb_error *err) {
  enum { TURN = 64 };
  double *counts = malloc(TURN * n * sizeof *counts);
  if (!counts) return wb_fail_nomem(err, "a bootstrap", TURN * n * sizeof *counts);
  for (size_t first = 0; first < draws; first += TURN) {
    const size_t turn = draws - first < TURN ? draws - first : TURN;
    memset(counts, 0, turn * n * sizeof *counts);
    for (size_t d = 0; d < turn; d++) {
      wb_rng rng = wb_rng_make(seed, "bootstrap", first + d);
      for (size_t i = 0; i < n; i++) counts[d * n + wb_rng_below(&rng, (uint32_t)n)]++;
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)turn, (int)rows, (int)n, 1 / (double)n, counts,
                (int)n, x, (int)n, 0, means + first * rows, (int)rows);
  }
  free(counts);
  return WB_OK;
}
