/* corruption_error.h: errors under corruptions, divided by those of a baseline; pure numerics.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CORRUPTION_ERROR_H
#define WB_CORRUPTION_ERROR_H

#include <stddef.h>

/* ratio (types), in percent: of each type,
 *
 *     100 * sum_s (errors[s] - clean) / sum_s (baseline[s] - baseline_clean)
 *
 * and the return value their mean. errors, baseline (types, severities): shares of images classified wrongly.
 * With both clean errors 0 it is Hendrycks & Dietterich's CE and mCE, otherwise their relative CE and mCE.
 * NAN where the baseline's sum is not above 0, and the mean where any of them is. */
double wb_corruption_error(double *ratio, const double *errors, double clean, const double *baseline,
                           double baseline_clean, size_t types, size_t severities);

#endif
