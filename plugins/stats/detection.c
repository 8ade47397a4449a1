/* detection.c: see detection.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "detection.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { BITS = 11, BUCKETS = 1 << BITS, PASSES = 3 };

/* An integer in the opposite order of the number: positive ones have all bits but the sign turned. */
static uint32_t falling_key(float x) {
  uint32_t bits;
  x += 0.0f; // -0 counts as 0
  memcpy(&bits, &x, sizeof bits);
  return bits >> 31 ? bits : bits ^ 0x7fffffffu;
}

/* Stable radix sort by falling activation; the sorted stimuli are in the array that it returns. */
static wb_scored *sort(wb_scored *stimuli, wb_scored *spare, size_t n) {
  size_t counts[PASSES][BUCKETS] = {0};
  for (size_t i = 0; i < n; i++)
    for (unsigned pass = 0; pass < PASSES; pass++)
      counts[pass][falling_key(stimuli[i].x) >> pass * BITS & (BUCKETS - 1)]++;
  for (unsigned pass = 0; pass < PASSES; pass++) {
    const unsigned shift = pass * BITS;
    size_t *place = counts[pass], sum = 0;
    if (place[falling_key(stimuli[0].x) >> shift & (BUCKETS - 1)] == n) continue; // all alike here
    for (size_t b = 0; b < BUCKETS; b++) {
      const size_t here = place[b];
      place[b] = sum;
      sum += here;
    }
    for (size_t i = 0; i < n; i++)
      spare[place[falling_key(stimuli[i].x) >> shift & (BUCKETS - 1)]++] = stimuli[i];
    wb_scored *turn = stimuli;
    stimuli = spare;
    spare = turn;
  }
  return stimuli;
}

/* Precision and rank sums of one run of equal activations, first .. last - 1 of the sorted stimuli. */
static void add_ties(double *ap, double *below, double *found, double *before, const wb_scored *stimuli,
                     size_t first, size_t last, size_t n) {
  for (size_t s = first; s < last; s++)
    if (stimuli[s].class >= 0) found[stimuli[s].class]++;
  for (size_t s = first; s < last; s++) {
    const int32_t c = stimuli[s].class;
    if (c < 0) continue;
    if (found[c] > before[c]) ap[c] += (found[c] - before[c]) * found[c] / (double)last;
    before[c] = found[c];
    below[c] +=
        (double)(n - last) + 0.5 * (double)(last - first); // stimuli below, ties half, itself included
  }
}

static void rank(double *ap, double *auc, const wb_scored *stimuli, size_t n, size_t classes, double *found,
                 double *before) {
  for (size_t c = 0; c < classes; c++) ap[c] = auc[c] = found[c] = before[c] = 0;
  for (size_t first = 0, last; first < n; first = last) {
    for (last = first + 1; last < n && stimuli[last].x == stimuli[first].x;) last++;
    add_ties(ap, auc, found, before, stimuli, first, last, n);
  }
  for (size_t c = 0; c < classes; c++) {
    const double members = found[c], others = (double)n - members;
    // Among themselves, members of a class are below each other members^2 / 2 times, counted like that.
    auc[c] =
        members > 0 && others > 0 ? (auc[c] - 0.5 * members * members) / (members * others) : (double)NAN;
    ap[c] = members > 0 && others > 0 ? ap[c] / members : (double)NAN;
  }
}

/* Moments relative to the first stimulus; stimuli of no class are one more class at the end. */
typedef struct moments {
  double count, mean, square; // of deviations from the mean
} moments;

static void separate(double *dprime, const wb_scored *stimuli, size_t n, size_t classes, moments *m) {
  const double origin = (double)stimuli[0].x;
  for (size_t c = 0; c <= classes; c++) m[c] = (moments){0};
  for (size_t s = 0; s < n; s++) { // Welford's updates leave no rounding where all values are equal
    moments *of = &m[stimuli[s].class < 0 ? classes : (size_t)stimuli[s].class];
    const double x = (double)stimuli[s].x - origin, step = x - of->mean;
    of->count++;
    of->mean += step / of->count;
    of->square += step * (x - of->mean);
  }
  for (size_t c = 0; c < classes; c++) {
    double mean = 0, square = 0, count = (double)n - m[c].count;
    for (size_t k = 0; k <= classes; k++)
      if (k != c) mean += m[k].count * m[k].mean / count;
    for (size_t k = 0; k <= classes; k++)
      if (k != c) square += m[k].square + m[k].count * (m[k].mean - mean) * (m[k].mean - mean);
    const double difference = m[c].mean - mean, variance = (m[c].square / m[c].count + square / count) / 2;
    const bool known = m[c].count > 0 && count > 0 && variance > 1e-24 * difference * difference;
    dprime[c] = known ? difference / sqrt(variance) : (double)NAN;
  }
}

void wb_detect(double *ap, double *auc, double *dprime, wb_scored *stimuli, wb_scored *spare, size_t n,
               size_t classes, double *work) {
  if (n == 0) {
    for (size_t c = 0; c < classes; c++) ap[c] = auc[c] = dprime[c] = (double)NAN;
    return;
  }
  const wb_scored *sorted = sort(stimuli, spare, n);
  rank(ap, auc, sorted, n, classes, work, work + classes);
  separate(dprime, sorted, n, classes, (moments *)(work + 2 * classes));
}
