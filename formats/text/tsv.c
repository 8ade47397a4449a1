/* tsv.c: see tsv.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/number.h"

enum { BUFFER = 1 << 16 };

struct wb_tsv {
  FILE *file;
  char *path;
  bool inside;         // a cell was written in this row
  size_t used;         // of the buffer
  char buffer[BUFFER]; // stdio would lock the file at each character
};

static void flush(wb_tsv *table) {
  fwrite(table->buffer, 1, table->used, table->file); // a failure stays in the file's error flag
  table->used = 0;
}

static void put(wb_tsv *table, char c) {
  if (table->used == BUFFER) flush(table);
  table->buffer[table->used++] = c;
}

static void put_all(wb_tsv *table, const char *text, size_t length) {
  if (BUFFER - table->used < length) flush(table);
  memcpy(table->buffer + table->used, text, length);
  table->used += length;
}

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
  if (table->inside) put(table, '\t');
  table->inside = true;
}

/* The letter after the backslash that stands for c; 0: c stands for itself. */
static char escape(char c) {
  return c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\\' ? '\\' : '\0';
}

void wb_tsv_text(wb_tsv *table, const char *text) {
  separate(table);
  for (; text && *text; text++) {
    const char letter = escape(*text);
    if (letter) put(table, '\\');
    put(table, letter ? letter : *text);
  }
}

void wb_tsv_number(wb_tsv *table, double value) {
  char text[WB_NUMBER_SIZE];
  separate(table);
  if (!isnan(value)) put_all(table, text, wb_print_number(value, text));
}

void wb_tsv_integer(wb_tsv *table, int64_t value) {
  char text[WB_NUMBER_SIZE];
  separate(table);
  put_all(table, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
}

void wb_tsv_end_row(wb_tsv *table) {
  put(table, '\n');
  table->inside = false;
}

wb_status wb_tsv_close(wb_tsv *table, wb_error *err) {
  if (!table) return WB_OK;
  flush(table);
  const bool failed = ferror(table->file) != 0;
  const bool unclosed = fclose(table->file) != 0;
  const wb_status status = failed || unclosed ? wb_fail_errno(err, "cannot write %s", table->path) : WB_OK;
  free(table->path);
  free(table);
  return status;
}
