/* sweep_estimate.h: workbench sweep plan. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SWEEP_ESTIMATE_H
#define WB_SWEEP_ESTIMATE_H

#include "sweep.h"

/* Prints what would run and what exists, and (timed) how much time, memory and disk it takes: a few steps of
 * each kind of run are timed on this machine. An exit code. */
int wb_sweep_plan(const wb_sweep *sweep, unsigned jobs, unsigned threads, bool timed, bool as_json);

#endif
