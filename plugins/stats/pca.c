/* pca.c: see pca.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "pca.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

#include "covariance.h"

/* LAPACK: chosen eigenvalues and -vectors of a real symmetric matrix. OpenBLAS brings it without a header. */
extern void dsyevr_(const char *vectors, const char *range, const char *triangle, const int *n, double *a,
                    const int *lda, const double *low, const double *high, const int *first, const int *last,
                    const double *tolerance, int *found, double *values, double *z, const int *ldz,
                    int *support, double *work, const int *work_size, int *integers, const int *integer_size,
                    int *info);

/* vectors (count, d) = eigenvectors of the `count` largest eigenvalues of the symmetric a (d, d), ascending.
 * One thread: with several, LAPACK's last bits would depend on their number. */
static wb_status solve(double *vectors, double *a, size_t d, size_t count, wb_error *err) {
  const int n = (int)d, first = (int)(d - count) + 1, last = n, integer_size = 10 * n, work_size = 40 * n;
  const double unused = 0;
  int found = 0, info = -1;
  double *values = malloc(d * sizeof *values), *work = malloc((size_t)work_size * sizeof *work);
  int *integers = malloc((size_t)integer_size * sizeof *integers), *support = malloc(2 * d * sizeof *support);
  wb_status status = WB_OK;
  if (!values || !work || !integers || !support) {
    status = wb_fail_nomem(err, "the principal components", (size_t)work_size * sizeof *work);
    goto done;
  }
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  dsyevr_("V", "I", "L", &n, a, &n, &unused, &unused, &first, &last, &unused, &found, values, vectors, &n,
          support, work, &work_size, integers, &integer_size, &info);
  omp_set_num_threads(threads);
  if (info != 0 || found != (int)count)
    status = wb_fail(err, WB_NUMERIC, "LAPACK's dsyevr found %d of %zu principal components (info %d)", found,
                     count, info);
done:
  free(values);
  free(work);
  free(integers);
  free(support);
  return status;
}

static void fix_sign(double *vector, size_t d) {
  double largest = 0;
  for (size_t k = 0; k < d; k++) {
    if (fabs(vector[k]) > fabs(largest)) largest = vector[k];
  }
  for (size_t k = 0; k < d && largest < 0; k++) vector[k] = -vector[k];
}

/* vectors ascend: the last is the first direction. */
static void project(double *scores, const float *x, const double *mean, const double *vectors, size_t n,
                    size_t d, size_t count) {
#pragma omp parallel for schedule(static)
  for (size_t s = 0; s < n; s++) {
    for (size_t c = 0; c < count; c++) {
      const double *v = vectors + (count - 1 - c) * d;
      double sum = 0;
      for (size_t k = 0; k < d; k++) sum += ((double)x[s * d + k] - mean[k]) * v[k];
      scores[s * count + c] = sum;
    }
  }
}

wb_status wb_pca(double *scores, const float *x, size_t n, size_t d, size_t count, wb_error *err) {
  wb_covariance c = {0};
  double *work = malloc(wb_covariance_work(d) * sizeof *work), *mean = malloc(d * sizeof *mean);
  double *matrix = malloc(d * d * sizeof *matrix), *vectors = malloc(count * d * sizeof *vectors);
  wb_status status = wb_covariance_init(&c, d, err);
  if (status != WB_OK) goto done;
  if (!work || !mean || !matrix || !vectors) {
    status = wb_fail_nomem(err, "the principal components", wb_covariance_bytes(d));
    goto done;
  }
  wb_covariance_add(&c, x, NULL, n, false, work);
  wb_covariance_mean(mean, &c);
  wb_covariance_matrix(matrix, &c);
  status = solve(vectors, matrix, d, count, err);
  if (status != WB_OK) goto done;
  for (size_t k = 0; k < count; k++) fix_sign(vectors + k * d, d);
  project(scores, x, mean, vectors, n, d, count);
done:
  wb_covariance_free(&c);
  free(work);
  free(mean);
  free(matrix);
  free(vectors);
  return status;
}
