/* rank.h: ranks with ties, and Kendall's tau-a, in linear and n log n time.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_RANK_H
#define WB_RANK_H

#include <stddef.h>

#include "base/error.h"

/* ranks (n): 1 for the smallest of x (n); equal numbers share the mean of their ranks. ranks may be x.
 * WB_NOMEM. */
wb_status wb_rank(double *ranks, const double *x, size_t n, wb_error *err);

/* tau-a = (concordant - discordant pairs) / (n (n - 1) / 2) of x and y (n); a tie is neither. NAN for n < 2.
 * Knight 1966. WB_NOMEM. */
wb_status wb_kendall(double *tau, const double *x, const double *y, size_t n, wb_error *err);

#endif
