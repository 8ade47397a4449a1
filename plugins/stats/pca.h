/* pca.h: the leading principal components of points. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PCA_H
#define WB_PCA_H

#include <stddef.h>

#include "base/error.h"

/* scores (n, count) = coordinates of the points x (n, d) along the `count` <= d directions of largest
 * variance, largest first, relative to the mean. The sign of a direction makes its largest weight positive.
 * Bit-identical for any number of threads. WB_NUMERIC where LAPACK finds no eigenvectors; WB_NOMEM. */
wb_status wb_pca(double *scores, const float *x, size_t n, size_t d, size_t count, wb_error *err);

#endif
