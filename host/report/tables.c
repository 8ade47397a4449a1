/* tables.c: see tables.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "lines.h"

json_t *wb_table_new(void) {
  return wb_json("{s:[], s:[]}", "columns", "rows");
}

void wb_table_column(json_t *table, const char *title, bool number) {
  wb_json_append(json_object_get(table, "columns"),
                 wb_json("{so sb}", "title", wb_json_string(title), "number", (int)number));
}

json_t *wb_table_row(json_t *table) {
  json_t *row = wb_must(json_array());
  wb_json_append(json_object_get(table, "rows"), row);
  return row;
}

void wb_table_text(json_t *row, const char *text) {
  wb_json_append(row, wb_json_string(text ? text : ""));
}

void wb_table_number(json_t *row, double value, int decimals, const char *source) {
  char *text = wb_number_text(value, decimals);
  json_t *cell = wb_json("{so so}", "text", wb_json_string(text), "value", wb_json_real(value));
  if (source) wb_json_set(cell, "source", wb_json_string(source));
  wb_json_append(row, cell);
  free(text);
}

/* Whether any condition has the part. */
static bool has_part(const wb_number *numbers, size_t count, size_t offset) {
  for (size_t i = 0; i < count; i++)
    if (!isnan(*(const double *)((const char *)&numbers[i] + offset))) return true;
  return false;
}

static const struct {
  const char *title, *key;
  size_t offset;
} parts[] = {{"mean", "mean", offsetof(wb_number, mean)},
             {"sd", "sd", offsetof(wb_number, sd)},
             {"95% from", "low", offsetof(wb_number, low)},
             {"to", "high", offsetof(wb_number, high)}};
enum { PARTS = sizeof parts / sizeof *parts };

typedef struct output_table {
  const wb_report_result *result;
  const char *output, *strength; // its name; NULL where there is none
  bool labelled, shown[PARTS];
  int decimals;
  wb_number *numbers; // by condition
} output_table;

static json_t *make_columns(const output_table *t) {
  json_t *table = wb_table_new();
  if (t->labelled) wb_table_column(table, "condition", false);
  if (t->strength) wb_table_column(table, t->strength, true);
  wb_table_column(table, "seeds", true);
  for (size_t p = 0; p < PARTS; p++)
    if (t->shown[p]) wb_table_column(table, parts[p].title, true);
  return table;
}

static void put_numbers(json_t *row, const output_table *t, size_t condition) {
  const char *scope = wb_json_text(json_object_get(t->result->summary, "plugin"), "scope");
  const bool per_run = scope && !strcmp(scope, "run");
  for (size_t p = 0; p < PARTS; p++) {
    if (!t->shown[p]) continue;
    const double value = *(const double *)((const char *)&t->numbers[condition] + parts[p].offset);
    char *source =
        wb_format("%s/summary.json: conditions[%zu].values.%s%s%s", wb_last_part(t->result->folder),
                  condition, t->output, per_run ? "." : "", per_run ? parts[p].key : "");
    wb_table_number(row, value, t->decimals, source);
    free(source);
  }
}

/* The strength of a line's condition, in its column. */
static void put_strength(json_t *row, const wb_line *line, size_t i) {
  if (line->strength_name)
    wb_json_append(row, wb_json("{so so}", "text", wb_json_string(line->strengths[i]), "value",
                                wb_json_real(strtod(line->strengths[i], NULL))));
  else
    wb_table_text(row, "");
}

static void put_line(json_t *table, const output_table *t, const wb_line *line) {
  for (size_t i = 0; i < line->count; i++) {
    json_t *row = wb_table_row(table);
    if (t->labelled) wb_table_text(row, line->label);
    if (t->strength) put_strength(row, line, i);
    wb_table_number(row, (double)t->numbers[line->conditions[i]].n, 0, NULL);
    put_numbers(row, t, line->conditions[i]);
  }
}

/* What the column of strengths is called; NULL where there is none. */
static const char *strength_of(const wb_line *lines, size_t count) {
  const char *name = NULL;
  for (size_t l = 0; l < count; l++) name = lines[l].strength_name ? lines[l].strength_name : name;
  return name;
}

static void collect_numbers(output_table *t, double at, size_t count) {
  double *means = wb_new(double, count ? count : 1);
  t->numbers = wb_new(wb_number, count ? count : 1);
  for (size_t i = 0; i < count; i++) {
    t->numbers[i] = wb_line_number(t->result->summary, i, t->output, at);
    means[i] = t->numbers[i].mean;
  }
  t->decimals = wb_number_decimals(means, count);
  for (size_t p = 0; p < PARTS; p++) t->shown[p] = has_part(t->numbers, count, parts[p].offset);
  free(means);
}

json_t *wb_table_of_output(const wb_report_result *result, const char *output, double at) {
  wb_line *lines;
  const size_t count = wb_lines_make(result->summary, &lines);
  output_table t = {
      .result = result, .output = output, .labelled = count > 1, .strength = strength_of(lines, count)};
  collect_numbers(&t, at, json_array_size(json_object_get(result->summary, "conditions")));
  json_t *table = t.shown[0] ? make_columns(&t) : NULL;
  for (size_t l = 0; l < count && table; l++) put_line(table, &t, &lines[l]);
  free(t.numbers);
  wb_lines_free(lines, count);
  return table;
}

/* "0.62 (0.22)" */
static void put_pair(json_t *row, const json_t *values, size_t column, const char *source, bool strong) {
  const json_t *mean = json_array_get(values, column), *sd = json_array_get(values, column + 1);
  char *first = wb_number_text(json_is_number(mean) ? json_number_value(mean) : NAN, 2);
  char *second = wb_number_text(json_is_number(sd) ? json_number_value(sd) : NAN, 2);
  char *text = json_is_number(mean) ? wb_format("%s (%s)", first, second) : wb_copy("\u2013");
  json_t *cell =
      wb_json("{so so sb}", "text", wb_json_string(text), "value",
              wb_json_real(json_is_number(mean) ? json_number_value(mean) : NAN), "strong", (int)strong);
  if (source) wb_json_set(cell, "source", wb_json_string(source));
  wb_json_append(row, cell);
  free(text);
  free(second);
  free(first);
}

/* The columns of similarity-table's matrix, which has a row for each condition. */
enum { WITHIN = 0, ACROSS = 2, BOLD = 4, PUBLISHED_WITHIN = 5, PUBLISHED_ACROSS = 7, SIMILARITIES = 9 };

static void put_similarities(json_t *out, const wb_report_result *result, const json_t *data,
                             const wb_line *line, bool labelled, bool strength) {
  for (size_t i = 0; i < line->count; i++) {
    const size_t condition = line->conditions[i];
    const json_t *values = json_array_get(data, condition);
    const bool strong = json_number_value(json_array_get(values, BOLD)) == 1;
    char *source =
        wb_format("%s/summary.json: values.table.data[%zu]", wb_last_part(result->folder), condition);
    json_t *row = wb_table_row(out);
    if (labelled) wb_table_text(row, line->label);
    if (strength) put_strength(row, line, i);
    put_pair(row, values, WITHIN, source, strong);
    put_pair(row, values, PUBLISHED_WITHIN, NULL, false);
    put_pair(row, values, ACROSS, source, strong);
    put_pair(row, values, PUBLISHED_ACROSS, NULL, false);
    free(source);
  }
}

json_t *wb_table_of_similarity(const wb_report_result *result) {
  static const char *const titles[] = {"within", "within, published", "across", "across, published"};
  const json_t *table = json_object_get(json_object_get(result->summary, "values"), "table");
  const json_t *data = json_object_get(table, "data");
  if (!json_array_size(data) || wb_json_int(table, "columns") != SIMILARITIES) return NULL;
  wb_line *lines;
  const size_t count = wb_lines_make(result->summary, &lines);
  const char *strength = strength_of(lines, count);
  json_t *out = wb_table_new();
  if (count > 1) wb_table_column(out, "condition", false);
  if (strength) wb_table_column(out, strength, true);
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) wb_table_column(out, titles[i], true);
  for (int bare = 0; bare < 2; bare++) // the published runs had dropout: what has none follows them
    for (size_t l = 0; l < count; l++)
      if (lines[l].no_dropout == bare) put_similarities(out, result, data, &lines[l], count > 1, strength);
  wb_lines_free(lines, count);
  return out;
}

/* "ce, ws, 0.2, .." */
static char *list_factors(const json_t *factors) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  const char *name, *separator = "";
  json_t *value;
  json_object_foreach((json_t *)factors, name, value) {
    fprintf(out, "%s%s %s", separator, name, json_is_string(value) ? json_string_value(value) : "");
    separator = ", ";
  }
  fclose(out);
  return text;
}

json_t *wb_table_of_inputs(const wb_report_result *result) {
  json_t *table = wb_table_new();
  wb_table_column(table, "file", false);
  wb_table_column(table, "factors", false);
  wb_table_column(table, "SHA-256 of what was read", false);
  const json_t *runs = json_object_get(result->summary, "runs"), *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    json_t *row = wb_table_row(table);
    char *factors = list_factors(json_object_get(run, "factors"));
    wb_table_text(row, wb_json_text(run, "file"));
    wb_table_text(row, factors);
    wb_table_text(row, wb_json_text(run, "digest"));
    free(factors);
  }
  return table;
}
