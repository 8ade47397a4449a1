/* detection.c: see detection.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "detection.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int by_falling_activation(const void *a, const void *b) {
  const float x = ((const wb_scored *)a)->x, y = ((const wb_scored *)b)->x;
  return (x < y) - (x > y);
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

void wb_detect(double *ap, double *auc, double *dprime, wb_scored *stimuli, size_t n, size_t classes,
               double *work) {
  if (n == 0) {
    for (size_t c = 0; c < classes; c++) ap[c] = auc[c] = dprime[c] = (double)NAN;
    return;
  }
  qsort(stimuli, n, sizeof *stimuli, by_falling_activation);
  rank(ap, auc, stimuli, n, classes, work, work + classes);
  separate(dprime, stimuli, n, classes, (moments *)(work + 2 * classes));
}
