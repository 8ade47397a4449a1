/* tsne_affinity.h: who attracts whom in t-SNE, as a sparse symmetric matrix.
 *
 * p(j|i) = exp(-b_i |x_i - x_j|^2) / sum over i's neighbours, with b_i such that its entropy is
 * log(perplexity); p_ij = (p(j|i) + p(i|j)) / (2 n). SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSNE_AFFINITY_H
#define WB_TSNE_AFFINITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* p (k) = conditional probabilities of neighbours at the given squared distances (k, ascending), whose
 * perplexity 2^entropy is `perplexity` < k to 1e-9, as far as the distances allow: where more than
 * `perplexity` neighbours are equally the nearest, p is even over them. */
void wb_tsne_calibrate(double *p, const float *square, size_t k, double perplexity);

typedef struct wb_tsne_affinity {
  size_t n;
  uint64_t *start;  // (n + 1): row i is start[i] .. start[i+1]-1; a multiple of 8
  uint32_t *column; // (start[n])
  float *value;     // (start[n]): p_ij. Rows are filled up with (i, 0) to a multiple of 8
} wb_tsne_affinity;

/* From wb_neighbours(): index and square (n, k), which lists all j with p(j|i) > 0. WB_NOMEM. */
wb_status wb_tsne_affinity_new(wb_tsne_affinity *out, const uint32_t *index, const float *square, size_t n,
                               size_t k, double perplexity, wb_error *err);
void wb_tsne_affinity_free(wb_tsne_affinity *a); // the contents, not the struct

#endif
