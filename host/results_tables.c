/* results_tables.c: a table per output, in long form. See results_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "results_internal.h"
#include "text/tsv.h"

/* What one call of the plugin emitted, and what it belongs to. */
typedef struct source {
  const wb_values *values;
  const wb_factor *factors;
  size_t factor_count;
  const char *file;
} source;

static size_t source_count(const wb_study *study) {
  return study->spec->scope == WB_PER_STUDY   ? 1
         : study->spec->scope == WB_PER_GROUP ? study->condition_count
                                              : study->run_count;
}

static source source_at(const wb_study *study, size_t i) {
  if (study->spec->scope == WB_PER_STUDY) return (source){&study->values, NULL, 0, NULL};
  if (study->spec->scope == WB_PER_GROUP) {
    const wb_condition *c = &study->conditions[i];
    return (source){&c->values, c->factors, c->factor_count, NULL};
  }
  const wb_run *run = &study->runs[i];
  return (source){&run->values, run->factors, run->factor_count, run->path};
}

bool wb_result_has_table(const wb_study *study, const wb_output *output) {
  size_t numbers = 0;
  if (output->plot == WB_PLOT_IMAGES) return false;
  for (size_t i = 0; i < source_count(study); i++) {
    const wb_value *value = wb_values_find(source_at(study, i).values, output->name);
    size_t data = 0, x = 0;
    if (value && wb_value_sizes(value, &data, &x, NULL) == WB_OK) numbers += data;
  }
  return numbers <= WB_RESULT_TABLE_MOST;
}

/* The names of all factors in the order of first appearance, the seed last. malloc'ed. */
static const char **factor_names(const wb_study *study, size_t *count) {
  size_t most = 2;
  for (size_t i = 0; i < source_count(study); i++) most += source_at(study, i).factor_count;
  const char **names = wb_new(const char *, most), *seed = NULL;
  *count = 0;
  for (size_t i = 0; i < source_count(study); i++) {
    const source s = source_at(study, i);
    for (size_t f = 0; f < s.factor_count; f++) {
      bool known = strcmp(s.factors[f].name, "seed") == 0;
      if (known) seed = s.factors[f].name;
      for (size_t k = 0; k < *count && !known; k++) known = strcmp(names[k], s.factors[f].name) == 0;
      if (!known) names[(*count)++] = s.factors[f].name;
    }
  }
  if (seed) names[(*count)++] = seed;
  return names;
}

static void put_columns(wb_tsv *table, const wb_study *study, const wb_output *output, const char **names,
                        size_t count) {
  static const char *const columns[][6] = {
      [WB_SCALAR] = {"value"},
      [WB_CURVE] = {"x", "value"},
      [WB_MATRIX] = {"row", "column", "row_label", "column_label", "value"},
      [WB_POINTS] = {"point", "x", "y", "class", "class_name"},
      [WB_HISTOGRAM] = {"low", "high", "count"}};
  for (size_t i = 0; i < count; i++) wb_tsv_text(table, names[i]);
  if (study->spec->scope == WB_PER_RUN) wb_tsv_text(table, "file");
  for (size_t i = 0; i < 6 && columns[output->shape][i]; i++) wb_tsv_text(table, columns[output->shape][i]);
  wb_tsv_text(table, "missing");
  wb_tsv_end_row(table);
}

static void put_cells(wb_tsv *table, const wb_value *v, size_t i) {
  const size_t row = v->cols ? i / v->cols : 0, col = v->cols ? i % v->cols : 0;
  switch (v->shape) {
  case WB_CURVE:
    wb_tsv_number(table, v->x[i]);
    wb_tsv_number(table, v->data[i]);
    break;
  case WB_MATRIX:
    wb_tsv_integer(table, (int64_t)row);
    wb_tsv_integer(table, (int64_t)col);
    wb_tsv_text(table, v->row_labels ? v->row_labels[row] : NULL);
    wb_tsv_text(table, v->col_labels ? v->col_labels[col] : NULL);
    wb_tsv_number(table, v->data[i]);
    break;
  case WB_POINTS: {
    const int32_t class = v->classes ? v->classes[i] : -1;
    wb_tsv_integer(table, (int64_t)i);
    wb_tsv_number(table, v->data[2 * i]);
    wb_tsv_number(table, v->data[2 * i + 1]);
    if (v->classes)
      wb_tsv_integer(table, class);
    else
      wb_tsv_text(table, NULL);
    wb_tsv_text(table, v->class_names && class >= 0 && (size_t) class < v->class_count ? v->class_names[class]
                                                                                       : NULL);
    break;
  }
  case WB_HISTOGRAM:
    wb_tsv_number(table, v->x[i]);
    wb_tsv_number(table, v->x[i + 1]);
    wb_tsv_number(table, v->data[i]);
    break;
  default:
    wb_tsv_number(table, v->data[i]);
  }
}

/* A line for each number, or one with the reason why there is none. */
static void put_value(wb_tsv *table, const source *s, const char **names, size_t count, const wb_value *v) {
  static const size_t widths[] = {
      [WB_SCALAR] = 1, [WB_CURVE] = 2, [WB_MATRIX] = 5, [WB_POINTS] = 5, [WB_HISTOGRAM] = 3};
  const size_t lines = v->missing ? 1 : v->shape == WB_MATRIX ? v->rows * v->cols : v->rows;
  const char **levels = wb_new(const char *, count);
  for (size_t f = 0; f < count; f++) levels[f] = wb_factor_get(s->factors, s->factor_count, names[f]);
  for (size_t i = 0; i < lines; i++) {
    for (size_t f = 0; f < count; f++) wb_tsv_text(table, levels[f]);
    if (s->file) wb_tsv_text(table, s->file);
    if (v->missing)
      for (size_t k = 0; k < widths[v->shape]; k++) wb_tsv_text(table, NULL);
    else
      put_cells(table, v, i);
    wb_tsv_text(table, v->missing);
    wb_tsv_end_row(table);
  }
  free(levels);
}

static wb_status write_table(const wb_study *study, const wb_output *output, const char **names, size_t count,
                             const char *folder, wb_error *err) {
  wb_tsv *table = NULL;
  char *path = wb_format("%s/%s.tsv", folder, output->name);
  const wb_status status = wb_tsv_create(path, &table, err);
  free(path);
  if (status != WB_OK) return status;
  put_columns(table, study, output, names, count);
  for (size_t i = 0; i < source_count(study); i++) {
    const source s = source_at(study, i);
    const wb_value *value = wb_values_find(s.values, output->name);
    if (value && value->shape == output->shape) put_value(table, &s, names, count, value);
  }
  return wb_tsv_close(table, err);
}

wb_status wb_result_write_tables(const wb_study *study, const char *folder, wb_error *err) {
  size_t count = 0;
  wb_status status = WB_OK;
  const char **names = factor_names(study, &count);
  for (size_t i = 0; i < study->spec->output_count && status == WB_OK; i++)
    if (wb_result_has_table(study, &study->spec->outputs[i]))
      status = write_table(study, &study->spec->outputs[i], names, count, folder, err);
  free(names);
  return status;
}
