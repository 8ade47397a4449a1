/* conv_finish.h: what follows a convolution in evaluation (wb_conv_finish in conv.h), plane by plane: for
 * implementations that cannot do it on their way out. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CONV_FINISH_H
#define WB_CONV_FINISH_H

#include "conv.h"

/* One image and one block of eight channels: y from `from` (height, width, 8), the convolution's result.
 * `bias` are the block's eight. With pooling y is (height / 2, width / 2, 8). Arrays are 32-byte aligned. */
void wb_finish_plane(float *y, const float *from, const float *bias, const wb_conv_finish *finish, int height,
                     int width);

/* All planes of n images, on OpenMP threads. */
void wb_finish_planes(float *y, const float *from, const wb_conv_finish *finish, int n, int blocks,
                      int height, int width);

#endif
