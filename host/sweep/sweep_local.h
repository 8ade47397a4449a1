/* sweep_local.h: a sweep on this machine, several runs at once. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SWEEP_LOCAL_H
#define WB_SWEEP_LOCAL_H

#include "sweep.h"

/* Does all that is missing: runs, `jobs` at once with `threads` each, then the analyses, then the report.
 * What failed before stays failed. Says what happens; Ctrl-C lets the runs save and stops. An exit code:
 * WB_EXIT_FAILED where a part failed, now or before. */
int wb_sweep_local(const wb_sweep *sweep, unsigned jobs, unsigned threads);

#endif
