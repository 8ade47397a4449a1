/* statistics.c: see statistics.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "statistics.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* Mean and sum of squared deviations in two passes; returns how many values are not missing. */
static size_t moments(const double *values, size_t n, double *mean, double *squares) {
  size_t count = 0;
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(values[i])) {
      sum += values[i];
      count++;
    }
  *mean = count ? sum / (double)count : NAN;
  *squares = 0;
  for (size_t i = 0; i < n; i++)
    if (!isnan(values[i])) *squares += (values[i] - *mean) * (values[i] - *mean);
  return count;
}

static wb_summary summary(size_t n, double mean, double squares) {
  wb_summary s = {.n = n, .mean = mean, .sd = NAN, .sem = NAN, .low = NAN, .high = NAN};
  if (n < 2) return s;
  s.sd = sqrt(squares / (double)(n - 1));
  s.sem = s.sd / sqrt((double)n);
  const double reach = gsl_cdf_tdist_Pinv(0.975, (double)(n - 1)) * s.sem;
  s.low = mean - reach;
  s.high = mean + reach;
  return s;
}

wb_summary wb_summarize(const double *values, size_t n) {
  double mean, squares;
  const size_t count = moments(values, n, &mean, &squares);
  return summary(count, mean, squares);
}

void wb_summarize_arrays(wb_summary *out, const double *const *arrays, size_t n, size_t size) {
  for (size_t e = 0; e < size; e++) {
    size_t count = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
      if (!isnan(arrays[i][e])) {
        sum += arrays[i][e];
        count++;
      }
    const double mean = count ? sum / (double)count : NAN;
    for (size_t i = 0; i < n; i++)
      if (!isnan(arrays[i][e])) squares += (arrays[i][e] - mean) * (arrays[i][e] - mean);
    out[e] = summary(count, mean, squares);
  }
}

/* Fills t, p and the interval from the difference, its standard error and the degrees of freedom. */
static void test(wb_contrast *c) {
  const double reach = gsl_cdf_tdist_Pinv(0.975, c->df) * c->se;
  c->low = c->difference - reach;
  c->high = c->difference + reach;
  if (c->se > 0) {
    c->t = c->difference / c->se;
    c->p = 2 * gsl_cdf_tdist_Q(fabs(c->t), c->df);
  } else {
    c->p = c->difference == 0 ? 1 : 0;
  }
}

static const wb_contrast unknown = {
    .difference = NAN, .se = NAN, .low = NAN, .high = NAN, .t = NAN, .df = NAN, .p = NAN};

wb_contrast wb_contrast_paired(const double *a, const double *b, size_t n) {
  wb_contrast c = unknown;
  double sum = 0, squares = 0;
  c.paired = true;
  for (size_t i = 0; i < n; i++) {
    if (isnan(a[i]) || isnan(b[i])) continue;
    sum += a[i] - b[i];
    c.n_a = ++c.n_b;
  }
  if (!c.n_a) return c;
  c.difference = sum / (double)c.n_a;
  for (size_t i = 0; i < n; i++) {
    const double d = a[i] - b[i] - c.difference;
    if (!isnan(d)) squares += d * d;
  }
  if (c.n_a < 2) return c;
  c.df = (double)(c.n_a - 1);
  c.se = sqrt(squares / c.df / (double)c.n_a);
  test(&c);
  return c;
}

wb_contrast wb_contrast_welch(const double *a, size_t n_a, const double *b, size_t n_b) {
  wb_contrast c = unknown;
  double mean_a, mean_b, squares_a, squares_b;
  c.n_a = moments(a, n_a, &mean_a, &squares_a);
  c.n_b = moments(b, n_b, &mean_b, &squares_b);
  c.difference = mean_a - mean_b;
  if (c.n_a < 2 || c.n_b < 2) return c;
  const double df_a = (double)(c.n_a - 1), df_b = (double)(c.n_b - 1);
  const double v_a = squares_a / df_a / (double)c.n_a, v_b = squares_b / df_b / (double)c.n_b, v = v_a + v_b;
  c.se = sqrt(v);
  c.df = v > 0 ? v * v / (v_a * v_a / df_a + v_b * v_b / df_b) : df_a + df_b;
  test(&c);
  return c;
}

typedef struct ranked {
  double p;
  size_t index;
} ranked;

static int by_p(const void *a, const void *b) {
  const double x = ((const ranked *)a)->p, y = ((const ranked *)b)->p;
  return (x > y) - (x < y);
}

bool wb_holm(double *adjusted, const double *p, size_t n) {
  ranked *order = calloc(n ? n : 1, sizeof *order);
  if (!order) return false;
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    adjusted[i] = p[i];
    if (!isnan(p[i])) order[count++] = (ranked){p[i], i};
  }
  qsort(order, count, sizeof *order, by_p);
  double running = 0;
  for (size_t k = 0; k < count; k++) {
    running = fmax(running, fmin(1, (double)(count - k) * order[k].p));
    adjusted[order[k].index] = running;
  }
  free(order);
  return true;
}
