/* conv_stem.h: our own 3x3 stride 1 convolution of images with 1 to 3 channels, the parts inside. Private to
 * the engine. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_STEM_H
#define WB_CONV_STEM_H

#include "conv.h"

typedef struct wb_stem {
  wb_conv_shape shape;
  int threads; // the most that will work at it: scratch is sized for them
} wb_stem;

size_t wb_stem_scratch_avx2(const wb_stem *stem);

/* As in conv.h; they cannot fail. */
void wb_stem_forward_avx2(const wb_stem *stem, int n, const float *x, const float *w, float *y, double *sums,
                          float *scratch);
void wb_stem_backward_weights_avx2(const wb_stem *stem, int n, const float *x, const float *dy, float *dw,
                                   float *scratch);
void wb_stem_infer_avx2(const wb_stem *stem, int n, const float *x, const float *w,
                        const wb_conv_finish *finish, float *y, float *scratch);

#endif
