/* profile.h: where the time of a training or evaluation goes, part by part.
 *
 * Parts are named by two texts that outlive the profile, such as a layer and a pass, and add up over calls.
 * Operations and bytes are those of the definition, whatever the algorithm really does: two operations a tap,
 * each array read or written once. All functions take NULL and then do nothing. One thread at a time.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_PROFILE_H
#define WB_PROFILE_H

#include "base/error.h"

typedef struct wb_profile wb_profile;

/* WB_NOMEM. Free with wb_profile_free. */
wb_status wb_profile_create(wb_profile **out, wb_error *err);
void wb_profile_free(wb_profile *profile);

/* The time, to be given to wb_profile_stop at the end of the part. 0 without a profile. */
double wb_profile_start(const wb_profile *profile);
/* Ends a part that did `flops` operations on `bytes`; 0 where they are not known. */
void wb_profile_stop(wb_profile *profile, double start, const char *name, const char *pass, double flops,
                     double bytes);

/* The table, line by line, parts in the order in which they first ended, with the machine's limits, which
 * this measures (limits.h). */
void wb_profile_report(const wb_profile *profile, void (*line)(void *context, const char *text),
                       void *context);

#endif
