/* results_internal.h: the parts of a result folder. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_RESULTS_INTERNAL_H
#define WB_RESULTS_INTERNAL_H

#include "figures.h"
#include "study.h"

#define WB_RESULT_SCHEMA "workbench.result/1"

/* FOLDER/result.h5: everything that was emitted: /runs/N, /conditions/N or /study as in values.h, with file,
 * digest and factors as attributes. */
wb_status wb_result_write_h5(const wb_study *study, const char *folder, wb_error *err);

/* FOLDER/OUTPUT.tsv for every output: factors, seed, file and the numbers, a line each. Images, and an output
 * of more than WB_RESULT_TABLE_MOST numbers, have none: result.h5 holds them. */
enum { WB_RESULT_TABLE_MOST = 500000 };
wb_status wb_result_write_tables(const wb_study *study, const char *folder, wb_error *err);
bool wb_result_has_table(const wb_study *study, const wb_output *output);

/* FOLDER/summary.json. */
wb_status wb_result_write_json(const wb_study *study, const wb_figure_entry *figures, size_t figure_count,
                               const char *folder, wb_error *err);

#endif
