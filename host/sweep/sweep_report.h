/* sweep_report.h: what a sweep file says of its report. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SWEEP_REPORT_H
#define WB_SWEEP_REPORT_H

#include "sweep.h"

/* `report` of a sweep file (NULL: it has none) into the sweep, whose analyses are known. WB_ARG with a
 * sentence, and in *pointer where (a JSON pointer, malloc'ed). */
wb_status wb_sweep_report_read(const json_t *report, wb_sweep *sweep, char **pointer, wb_error *err);

#endif
