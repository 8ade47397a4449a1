/* cautions.h: what a reader of a report must know before believing it. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_CAUTIONS_H
#define WB_CAUTIONS_H

#include "report.h"

/* Sentences, most important first, as a JSON array: analyses that failed on some runs or saw fewer than
 * others, collapsed weight norms, dead units, accuracy near chance, few seeds, conditions that mix trainings,
 * trainings that ended at their limit. `skipped` (from wb_report_open) goes along. */
json_t *wb_report_cautions(const wb_report *report, const json_t *skipped);

#endif
