/* comparison.c: see comparison.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "comparison.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "distance.h"
#include "rank.h"

/* LAPACK's singular value decomposition, in OpenBLAS; columns first. */
extern void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s,
                    double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
                    int *iwork, int *info);

/* ---- RDMs ---- */

wb_status wb_rdm_normalise(double *rdm, wb_comparison comparison, size_t pairs, wb_error *err) {
  double low = INFINITY, high = -INFINITY, mean = 0, square = 0;
  if (comparison == WB_COMPARE_SPEARMAN) {
    const wb_status status = wb_rank(rdm, rdm, pairs, err);
    if (status != WB_OK) return status;
  }
  for (size_t i = 0; i < pairs; i++) {
    low = fmin(low, rdm[i]);
    high = fmax(high, rdm[i]);
    mean += rdm[i];
  }
  mean = comparison == WB_COMPARE_COSINE ? 0 : mean / (double)pairs;
  const bool defined = comparison == WB_COMPARE_COSINE ? low != 0 || high != 0 : low < high;
  for (size_t i = 0; i < pairs; i++) {
    rdm[i] -= mean;
    square += rdm[i] * rdm[i];
  }
  const double scale = defined && square > 0 ? 1 / sqrt(square) : NAN;
  for (size_t i = 0; i < pairs; i++) rdm[i] *= scale;
  return WB_OK;
}

static wb_status kendalls(double *similarity, const double *rdms, size_t count, size_t pairs, wb_error *err) {
  bool failed = false;
#pragma omp parallel for schedule(dynamic) reduction(|| : failed)
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k <= i; k++) {
      double tau;
      failed = wb_kendall(&tau, rdms + i * pairs, rdms + k * pairs, pairs, NULL) != WB_OK || failed;
      similarity[i * count + k] = similarity[k * count + i] = tau;
    }
  return failed ? wb_fail_nomem(err, "Kendall's tau", pairs * 24) : WB_OK;
}

wb_status wb_rdm_similarities(double *similarity, double *rdms, wb_comparison comparison, size_t count,
                              size_t pairs, wb_error *err) {
  if (comparison == WB_COMPARE_KENDALL) return kendalls(similarity, rdms, count, pairs, err);
  bool failed = false;
#pragma omp parallel for schedule(static) reduction(|| : failed)
  for (size_t i = 0; i < count; i++)
    failed = wb_rdm_normalise(rdms + i * pairs, comparison, pairs, NULL) != WB_OK || failed;
  if (failed) return wb_fail_nomem(err, "ranks of distances", pairs * 32);
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)count, (int)pairs, 1, rdms, (int)pairs, 0,
              similarity, (int)count);
  for (size_t i = 0; i < count; i++) {
    const bool defined = !isnan(rdms[i * pairs]);
    for (size_t k = 0; k < i; k++) {
      double *s = &similarity[i * count + k];
      if (!defined || isnan(rdms[k * pairs])) *s = NAN;
      *s = *s > 1 ? 1 : *s < -1 ? -1 : *s; // rounding
      similarity[k * count + i] = *s;
    }
    similarity[i * count + i] = defined ? 1 : (double)NAN;
  }
  return WB_OK;
}

/* a' V^-1 b = (a.b - (r_a.r_b - sum r_a sum r_b / (2 n)) / n) / 2, r the sums over each class' pairs. */
static double whitened_product(const double *a, const double *b, size_t n) {
  double plain = 0, shared = 0, total_a = 0, total_b = 0;
  for (size_t i = 0; i < n; i++) {
    double sum_a = 0, sum_b = 0;
    for (size_t j = 0; j < n; j++) {
      if (j == i) continue;
      const size_t place = i < j ? wb_pair_place(i, j, n) : wb_pair_place(j, i, n);
      sum_a += a[place];
      sum_b += b[place];
      if (i < j) plain += a[place] * b[place];
    }
    shared += sum_a * sum_b;
    total_a += sum_a;
    total_b += sum_b;
  }
  const double count = (double)n;
  return (plain - (shared - total_a * total_b / (2 * count)) / count) / 2;
}

double wb_rdm_whitened_cosine(const double *a, const double *b, size_t n) {
  const double aa = whitened_product(a, a, n), bb = whitened_product(b, b, n);
  return aa > 0 && bb > 0 ? whitened_product(a, b, n) / sqrt(aa * bb) : (double)NAN;
}

/* ---- Patterns ---- */

static double norm(const double *x, size_t count) {
  double square = 0;
  for (size_t i = 0; i < count; i++) square += x[i] * x[i];
  return sqrt(square);
}

/* product (p, q) = x' y, malloc'ed; NULL without memory. */
static double *cross(const double *x, const double *y, size_t n, size_t p, size_t q) {
  double *product = malloc((p * q + 1) * sizeof *product);
  if (product)
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)p, (int)q, (int)n, 1, x, (int)p, y, (int)q, 0,
                product, (int)q);
  return product;
}

wb_status wb_cka(double *cka, const double *x, const double *y, size_t n, size_t p, size_t q, wb_error *err) {
  double *xx = cross(x, x, n, p, p), *yy = cross(y, y, n, q, q), *xy = cross(x, y, n, p, q);
  wb_status status = WB_OK;
  if (xx && yy && xy) {
    const double scale = norm(xx, p * p) * norm(yy, q * q), both = norm(xy, p * q);
    *cka = scale > 0 ? fmin(both * both / scale, 1) : (double)NAN;
  } else {
    status = wb_fail_nomem(err, "products of units", (p * p + q * q + p * q) * sizeof *xx);
  }
  free(xx);
  free(yy);
  free(xy);
  return status;
}

wb_status wb_procrustes(double *similarity, const double *x, const double *y, size_t n, size_t p, size_t q,
                        wb_error *err) {
  const double scale = norm(x, n * p) * norm(y, n * q);
  const int rows = (int)q, cols = (int)p, least = rows < cols ? rows : cols, one = 1;
  const int work_size = 16 * (rows + cols) + 16 * least * (least + 2);
  double *xy = cross(x, y, n, p, q), *work = malloc((size_t)work_size * sizeof *work);
  double *values = malloc((size_t)(least + 1) * sizeof *values), unused[1];
  int *integers = malloc((size_t)(8 * least + 1) * sizeof *integers), info = 0;
  wb_status status = WB_OK;
  *similarity = NAN;
  if (!xy || !work || !values || !integers) {
    status = wb_fail_nomem(err, "a Procrustes rotation", (p * q + (size_t)work_size) * sizeof *xy);
  } else if (scale > 0) {
    double sum = 0;
    dgesdd_("N", &rows, &cols, xy, &rows, values, unused, &one, unused, &one, work, &work_size, integers,
            &info);
    for (int k = 0; k < least; k++) sum += values[k];
    if (info)
      status = wb_fail(err, WB_NUMERIC, "the singular values of a product of patterns did not converge");
    else
      *similarity = fmin(sum / scale, 1);
  }
  free(xy);
  free(work);
  free(values);
  free(integers);
  return status;
}
