/* overview.h: what was run, in one sentence and a small table. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OVERVIEW_H
#define WB_OVERVIEW_H

#include "report.h"

/* {"sentence": text, "facts": [[name, value] ..], "runs", "conditions"}; a new reference. */
json_t *wb_report_overview(const wb_report *report);

#endif
