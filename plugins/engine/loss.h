/* loss.h: task losses and their gradients. Pure functions; the loss is returned, accumulated in double.
 * Formulas: DEFINITIONS.md, "Task losses". OpenMP inside; bit-identical for a given number of threads (the
 * matrix products of contrastive and margin losses may round differently with another).
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_LOSS_H
#define WB_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Mean softmax cross-entropy. d_logits (n, classes) may be NULL. */
double wb_loss_ce(float *d_logits, const float *logits, const int32_t *labels, size_t n, size_t classes);

/* out = x / max(||x||, 1e-12) row by row, norms (n) kept for the gradient. */
void wb_normalize_rows(float *out, float *norms, const float *x, size_t n, size_t dims);
/* dx from d_out at out = normalised rows. dx may be d_out. */
void wb_normalize_rows_backward(float *dx, const float *d_out, const float *out, const float *norms, size_t n,
                                size_t dims);

/* Supervised contrastive loss over n = views * images normalised features (n, dims): row v * images + i is
 * view v of image i. labels (images). An anchor without a positive contributes zero and counts in the mean.
 * d_features may be NULL. `work` holds wb_loss_contrastive_work(n, dims) floats. */
double wb_loss_supcon(float *d_features, const float *features, const int32_t *labels, size_t images,
                      size_t views, size_t dims, double temperature, float *work);
/* The same with the other view of an image as the only positive; multiplied by `scale`. views == 2. */
double wb_loss_simclr(float *d_features, const float *features, size_t images, size_t dims,
                      double temperature, double scale, float *work);
size_t wb_loss_contrastive_work(size_t n, size_t dims);

/* Hierarchical margin loss over raw projections (n, dims). superclass_of (classes). margins: positive, same
 * superclass, across superclasses (0.05, 0.3, 0.5). d_projections may be NULL; `work` as above. */
double wb_loss_margin(float *d_projections, const float *projections, const int32_t *labels,
                      const int32_t *superclass_of, size_t n, size_t dims, const double margins[3],
                      float *work);

/* Fraction of rows whose largest logit (lowest class wins ties) is the label. */
double wb_accuracy(const float *logits, const int32_t *labels, size_t n, size_t classes);

#endif
