/* tsv.c: see tsv.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wb_tsv {
  FILE *file;
  char *path;
  bool inside; // a cell was written in this row
};

wb_status wb_tsv_create(const char *path, wb_tsv **out, wb_error *err) {
  *out = NULL;
  wb_tsv *table = calloc(1, sizeof *table);
  if (!table || !(table->path = strdup(path))) {
    free(table);
    return wb_fail_nomem(err, path, strlen(path));
  }
  table->file = fopen(path, "w");
  if (!table->file) {
    const wb_status status = wb_fail_errno(err, "cannot write %s", path);
    free(table->path);
    free(table);
    return status;
  }
  *out = table;
  return WB_OK;
}

static void separate(wb_tsv *table) {
  if (table->inside) putc('\t', table->file);
  table->inside = true;
}

void wb_tsv_text(wb_tsv *table, const char *text) {
  separate(table);
  for (; text && *text; text++) {
    switch (*text) {
    case '\t':
      fputs("\\t", table->file);
      break;
    case '\n':
      fputs("\\n", table->file);
      break;
    case '\r':
      fputs("\\r", table->file);
      break;
    case '\\':
      fputs("\\\\", table->file);
      break;
    default:
      putc(*text, table->file);
    }
  }
}

void wb_tsv_number(wb_tsv *table, double value) {
  separate(table);
  if (!isnan(value)) fprintf(table->file, "%.9g", value);
}

void wb_tsv_integer(wb_tsv *table, int64_t value) {
  separate(table);
  fprintf(table->file, "%" PRId64, value);
}

void wb_tsv_end_row(wb_tsv *table) {
  putc('\n', table->file);
  table->inside = false;
}

wb_status wb_tsv_close(wb_tsv *table, wb_error *err) {
  if (!table) return WB_OK;
  const bool failed = ferror(table->file) != 0;
  const bool unclosed = fclose(table->file) != 0;
  const wb_status status = failed || unclosed ? wb_fail_errno(err, "cannot write %s", table->path) : WB_OK;
  free(table->path);
  free(table);
  return status;
}
