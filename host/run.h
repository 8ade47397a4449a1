/* run.h: the two things that `workbench run` does. Both say on stderr what went wrong and return an exit
 * code. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_RUN_H
#define WB_RUN_H

#include "request.h"

int wb_run_measure(const wb_request *request); // METRIC, ROBUSTNESS: files -> results folder
int wb_run_make(const wb_request *request);    // TRAIN, CONVERT: -> run file

/* The plugin's own look at its parameters, in a worker; before any file is opened. */
wb_status wb_run_check(const wb_request *request, wb_error *err);

#endif
