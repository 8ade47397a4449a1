/* bootstrap_ranks.h: what wb_bootstrap_stimuli (inference.h) does where distances are compared by their
 * ranks. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_BOOTSTRAP_RANKS_H
#define WB_BOOTSTRAP_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* means (draw_count): mean over pairs of `count` RDMs (count, pairs of n) of Spearman's r over each draw; NAN
 * where the distances of one do not vary. WB_NOMEM, WB_CANCELLED when stop(context) says so. */
wb_status wb_bootstrap_ranks(double *means, const double *rdms, size_t count, size_t n, size_t draw_count,
                             uint64_t seed, bool (*stop)(void *context), void *context, wb_error *err);

#endif
