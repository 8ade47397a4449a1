/* tables.h: the tables of a report, as JSON: {"columns": [{"title", "number"}], "rows": [[cell ..] ..]}; a
 * cell is a text, or {"text", "value", "source", "strong"} for a number (value null where it is missing).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TABLES_H
#define WB_TABLES_H

#include "report.h"

json_t *wb_table_new(void);
void wb_table_column(json_t *table, const char *title, bool number);
json_t *wb_table_row(json_t *table); // an empty row, borrowed
void wb_table_text(json_t *row, const char *text);
void wb_table_number(json_t *row, double value, int decimals, const char *source);

/* A row for each condition: its factors that vary, n, and mean, sd and 95% interval of a scalar output (or of
 * a curve's value at `at`). NULL where no condition has a value. */
json_t *wb_table_of_output(const wb_report_result *result, const char *output, double at);
/* Table 1 of Sander & Hasson beside what was measured; NULL without the values of similarity-table. */
json_t *wb_table_of_similarity(const wb_report_result *result);
/* What was read: file, factors, digest. */
json_t *wb_table_of_inputs(const wb_report_result *result);

#endif
