/* whiten.c: the metric of the Mahalanobis distance. See distance.h. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "distance.h"

/* LAPACK's Cholesky decomposition, in OpenBLAS; columns first. */
extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);

/* residual (n, d) = x minus the mean of the row's class. */
static wb_status subtract_class_means(double *residual, const double *x, const int32_t *labels, size_t n,
                                      size_t d, wb_error *err) {
  double *mean = malloc(d * sizeof *mean);
  bool *done = calloc(n + 1, sizeof *done);
  if (!mean || !done) {
    free(mean);
    free(done);
    return wb_fail_nomem(err, "the mean of a class", d * sizeof *mean + n + 1);
  }
  for (size_t first = 0; first < n; first++) {
    if (done[first]) continue;
    size_t count = 0;
    memset(mean, 0, d * sizeof *mean);
    for (size_t i = first; i < n; i++) {
      if (labels[i] != labels[first]) continue;
      for (size_t k = 0; k < d; k++) mean[k] += x[i * d + k];
      count++;
    }
    for (size_t i = first; i < n; i++) {
      if (labels[i] != labels[first]) continue;
      for (size_t k = 0; k < d; k++) residual[i * d + k] = x[i * d + k] - mean[k] / (double)count;
      done[i] = true;
    }
  }
  free(mean);
  free(done);
  return WB_OK;
}

/* covariance (d, d), lower triangle, of residuals (n, d), shrunk; returns the weight of the identity, NAN
 * where nothing varies. */
static double shrink(double *covariance, const double *residual, size_t n, size_t d) {
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)d, (int)n, 1 / (double)n, residual, (int)d, 0,
              covariance, (int)d);
  double trace = 0, squares = 0, fourth = 0;
  for (size_t i = 0; i < d; i++) {
    trace += covariance[i * d + i];
    for (size_t k = 0; k <= i; k++)
      squares += (k < i ? 2 : 1) * covariance[i * d + k] * covariance[i * d + k];
  }
  for (size_t i = 0; i < n; i++) {
    const double length = cblas_ddot((int)d, residual + i * d, 1, residual + i * d, 1);
    fourth += length * length;
  }
  if (trace <= 0) return NAN;
  const double mean = trace / (double)d; // Ledoit and Wolf's mu, d^2 and b^2, each times d
  const double spread = squares - trace * mean,
               noise = fmin((fourth / (double)n - squares) / (double)n, spread);
  const double weight = spread > 0 && noise > 0 ? noise / spread : 0;
  for (size_t i = 0; i < d * d; i++) covariance[i] *= 1 - weight;
  for (size_t i = 0; i < d; i++) covariance[i * d + i] += weight * mean;
  return weight;
}

static wb_status divide(double *x, double *covariance, size_t n, size_t d, wb_error *err) {
  const int size = (int)d;
  int info = 0;
  double least = INFINITY, most = 0; // of the decomposition's diagonal: rounding where singular, not always 0
  dpotrf_("U", &size, covariance, &size, &info); // our lower triangle is its upper one
  for (size_t i = 0; !info && i < d; i++) {
    least = fmin(least, covariance[i * d + i]);
    most = fmax(most, covariance[i * d + i]);
  }
  if (info || least * least <= (double)d * DBL_EPSILON * most * most)
    return wb_fail(
        err, WB_INPUT,
        "the covariance within classes cannot be inverted, even shrunk: there are too few different "
        "stimuli in each class. Take more of them, or use another distance");
  /* C = L L': the rows' distances under C^-1 are Euclidean ones of x L'^-1. */
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)n, (int)d, 1, covariance,
              (int)d, x, (int)d);
  return WB_OK;
}

wb_status wb_whiten(double *x, double *shrinkage, const int32_t *labels, size_t n, size_t d, wb_error *err) {
  double *residual = malloc(n * d * sizeof *residual), *covariance = calloc(d * d, sizeof *covariance);
  wb_status status = WB_OK;
  *shrinkage = NAN;
  if (!residual || !covariance)
    status = wb_fail_nomem(err, "the covariance within classes", (n + d) * d * sizeof *residual);
  if (status == WB_OK) status = subtract_class_means(residual, x, labels, n, d, err);
  if (status == WB_OK) {
    *shrinkage = shrink(covariance, residual, n, d);
    status = isnan(*shrinkage)
                 ? wb_fail(err, WB_INPUT,
                           "the stimuli do not vary within any class, so there is no covariance "
                           "within classes; use another distance")
                 : divide(x, covariance, n, d, err);
  }
  free(residual);
  free(covariance);
  return status;
}
