/* tsv.h: tables as text, a line per row, cells separated by tabs, the first line the names of the columns.
 *
 * Numbers have nine significant digits; a NaN is an empty cell. In texts a tab, newline, carriage return and
 * backslash become \t \n \r \\. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TSV_H
#define WB_TSV_H

#include <stdint.h>

#include "base/error.h"

typedef struct wb_tsv wb_tsv;

/* Starts a new file, replacing what was there. */
wb_status wb_tsv_create(const char *path, wb_tsv **out, wb_error *err);

/* The next cell of the current row. NULL text is an empty cell. A write error is reported by wb_tsv_close. */
void wb_tsv_text(wb_tsv *table, const char *text);
void wb_tsv_number(wb_tsv *table, double value);
void wb_tsv_integer(wb_tsv *table, int64_t value);
void wb_tsv_end_row(wb_tsv *table);

/* Finishes the file and frees. WB_IO if anything could not be written. NULL is fine. */
wb_status wb_tsv_close(wb_tsv *table, wb_error *err);

#endif
