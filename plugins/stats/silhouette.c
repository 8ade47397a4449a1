/* silhouette.c: see silhouette.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "silhouette.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS = 64, COLS = 512 };

/* The points that have a class, centred, in double. */
typedef struct points {
  size_t n, d;
  double *x, *norms;    // (n, d), (n)
  size_t *group, *size; // (n): index of the class among those that occur; (groups): its points
  size_t groups;
} points;

static void collect(points *p, const float *x, const int32_t *classes, size_t n, size_t *group_of) {
  for (size_t i = 0; i < n; i++) {
    if (classes[i] < 0) continue;
    for (size_t k = 0; k < p->d; k++) p->x[p->n * p->d + k] = (double)x[i * p->d + k];
    size_t *group = &group_of[classes[i]];
    if (!*group) *group = ++p->groups;
    p->group[p->n++] = *group - 1;
    p->size[*group - 1]++;
  }
  for (size_t k = 0; k < p->d; k++) {
    double mean = 0;
    for (size_t i = 0; i < p->n; i++) mean += p->x[i * p->d + k] / (double)p->n;
    for (size_t i = 0; i < p->n; i++) p->x[i * p->d + k] -= mean;
  }
  for (size_t i = 0; i < p->n; i++)
    p->norms[i] = cblas_ddot((int)p->d, p->x + i * p->d, 1, p->x + i * p->d, 1);
}

/* sums (rows, groups) += distances of points first .. first+rows-1 to all points of each class. */
static void add_distances(double *sums, double *product, const points *p, size_t first, size_t rows) {
  for (size_t c = 0; c < p->n; c += COLS) {
    const size_t cols = p->n - c < COLS ? p->n - c : COLS;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)p->d, -2.0,
                p->x + first * p->d, (int)p->d, p->x + c * p->d, (int)p->d, 0.0, product, COLS);
    for (size_t i = 0; i < rows; i++) {
      for (size_t j = 0; j < cols; j++) {
        const double square = p->norms[first + i] + p->norms[c + j] + product[i * COLS + j];
        if (first + i != c + j && square > 0) sums[i * p->groups + p->group[c + j]] += sqrt(square);
      }
    }
  }
}

/* Of one point from its sums of distances to each class. */
static double silhouette_of(const double *sums, const points *p, size_t own) {
  if (p->size[own] < 2) return 0;
  const double a = sums[own] / ((double)p->size[own] - 1);
  double b = INFINITY;
  for (size_t g = 0; g < p->groups; g++) {
    if (g != own) b = fmin(b, sums[g] / (double)p->size[g]);
  }
  const double larger = fmax(a, b);
  return larger > 0 ? (b - a) / larger : 0;
}

/* each (n) = the silhouette of every point. Returns nonzero without memory. */
static int find_each(double *each, const points *p) {
  int failed = 0;
#pragma omp parallel reduction(| : failed)
  {
    double *sums = malloc(sizeof *sums * ROWS * p->groups), *product = malloc(sizeof *product * ROWS * COLS);
    failed |= !sums || !product;
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < p->n; first += ROWS) {
      if (failed) continue;
      const size_t rows = p->n - first < ROWS ? p->n - first : ROWS;
      for (size_t k = 0; k < rows * p->groups; k++) sums[k] = 0;
      add_distances(sums, product, p, first, rows);
      for (size_t i = 0; i < rows; i++)
        each[first + i] = silhouette_of(sums + i * p->groups, p, p->group[first + i]);
    }
    free(sums);
    free(product);
  }
  return failed;
}

wb_status wb_silhouette(double *score, const float *x, const int32_t *classes, size_t n, size_t d,
                        wb_error *err) {
  size_t highest = 0;
  for (size_t i = 0; i < n; i++) highest = classes[i] > (int32_t)highest ? (size_t)classes[i] : highest;
  points p = {.d = d};
  size_t *group_of = calloc(highest + 1, sizeof *group_of); // class -> its group + 1
  double *each = malloc((n + 1) * sizeof *each), sum = 0;
  p.x = malloc((n * d + 1) * sizeof *p.x);
  p.norms = malloc((n + 1) * sizeof *p.norms);
  p.group = malloc((n + 1) * sizeof *p.group);
  p.size = calloc(n + 1, sizeof *p.size);
  int failed = !group_of || !each || !p.x || !p.norms || !p.group || !p.size;
  if (!failed) {
    collect(&p, x, classes, n, group_of);
    failed = p.groups > 1 && find_each(each, &p);
    for (size_t i = 0; p.groups > 1 && !failed && i < p.n; i++) sum += each[i];
    *score = p.groups > 1 ? sum / (double)p.n : (double)NAN;
  }
  free(group_of);
  free(each);
  free(p.x);
  free(p.norms);
  free(p.group);
  free(p.size);
  return failed ? wb_fail_nomem(err, "the silhouette", n * d * sizeof(double)) : WB_OK;
}
