/* corruption.h: the fifteen corruptions of CIFAR-10-C (Hendrycks & Dietterich 2019, with the parameters of
 * its CIFAR variant), for images of any size, colour or grey.
 *
 * Random parts are drawn from (seed, corruption, severity, image) alone. Frost differs: the original lays
 * photographs of frost over the image, this one makes a frost-like texture of the same brightness.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CORRUPTION_H
#define WB_CORRUPTION_H

#include <stdint.h>

#include "base/error.h"

enum { WB_CORRUPTIONS = 15, WB_SEVERITIES = 5 };

/* "gaussian_noise", .., as CIFAR-10-C names its files; then NULL. */
extern const char *const wb_corruption_names[WB_CORRUPTIONS + 1];

/* Room to corrupt images of one size; used by one thread at a time. */
typedef struct wb_corruptor wb_corruptor;

/* WB_ARG for images below 8 or above 1,024 pixels a side, or channels other than 1 to 4; WB_NOMEM. */
wb_status wb_corruptor_create(int channels, int height, int width, wb_corruptor **out, wb_error *err);
void wb_corruptor_free(wb_corruptor *c);

/* out = image `index`, in (both (channels, height, width), 0..255), corrupted: type below WB_CORRUPTIONS,
 * severity 1 to WB_SEVERITIES. WB_NOMEM where the JPEG library has no memory. */
wb_status wb_corrupt(wb_corruptor *c, uint8_t *out, const uint8_t *in, int type, int severity, uint64_t seed,
                     uint64_t index, wb_error *err);

#endif
