/* loss_margin.c: hierarchical margin loss. See loss.h.
 *
 * With u_i = z_i / ||z_i|| and d_ij = 1 - u_i.u_j, the loss is the mean of h(d_ij) over unordered pairs,
 * where h(d) = max(0, d - m)^2 pulls images of a class together and h(d) = max(0, m - d)^2 pushes others
 * apart. d loss / d u_i = -sum_j h'(d_ij) u_j / pairs.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <cblas.h>

#include "fastmath.h"
#include "loss.h"
#include "simd.h"

typedef struct pairing {
  const int32_t *labels, *superclass_of;
  size_t n;
  const double *margins;
} pairing;

/* Sum of h(d_ij) over all j; c_j <- h'(d_ij), which was u_i.u_j. */
static double row_loss(float *c, const pairing *p, size_t i) {
  const int32_t label = p->labels[i], superclass = p->superclass_of[label];
  double sum = 0;
  for (size_t j = 0; j < p->n; j++) {
    const double d = 1 - (double)c[j];
    const int same = p->labels[j] == label;
    const double margin = p->margins[same ? 0 : p->superclass_of[p->labels[j]] == superclass ? 1 : 2];
    const double beyond = same ? d - margin : margin - d;
    const double slack = beyond > 0 && j != i ? beyond : 0;
    sum += slack * slack;
    c[j] = (float)(same ? 2 * slack : -2 * slack);
  }
  return sum;
}

double wb_loss_margin(float *d_projections, const float *projections, const int32_t *labels,
                      const int32_t *superclass_of, size_t n, size_t dims, const double margins[3],
                      float *work) {
  if (n < 2) {
    if (d_projections) memset(d_projections, 0, n * dims * sizeof *d_projections);
    return 0;
  }
  const pairing p = {labels, superclass_of, n, margins};
  float *c = work, *unit = work + n * n, *norms = unit + n * dims;
  const int size = (int)n, width = (int)dims;
  const double pairs = (double)n * (double)(n - 1) / 2;
  wb_normalize_rows(unit, norms, projections, n, dims);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, width, 1, unit, width, unit, width, 0, c,
              size);
  double parts[WB_PARTS] = {0};
#pragma omp parallel for schedule(static) if (n > 64)
  for (size_t k = 0; k < WB_PARTS; k++)
    for (size_t i = wb_part(k, n); i < wb_part(k + 1, n); i++) parts[k] += row_loss(c + i * n, &p, i);
  if (d_projections) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, width, size, (float)(-1 / pairs), c, size,
                unit, width, 0, d_projections, width);
    wb_normalize_rows_backward(d_projections, d_projections, unit, norms, n, dims);
  }
  return wb_parts_sum(parts) / 2 / pairs;
}
