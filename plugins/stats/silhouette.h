/* silhouette.h: how well points are grouped by class. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SILHOUETTE_H
#define WB_SILHOUETTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Mean over points of (b - a) / max(a, b): a, the mean Euclidean distance to the other points of one's class;
 * b, that to the nearest other class (Rousseeuw 1987). Between -1 and 1; a point alone in its class counts 0.
 * Of the points x (n, d) with classes 0 .. (n); negative classes are left out. *score is NAN where fewer than
 * two classes are there. WB_NOMEM. */
wb_status wb_silhouette(double *score, const float *x, const int32_t *classes, size_t n, size_t d,
                        wb_error *err);

#endif
