/* results_terminal.c: the table that a run of an analysis prints. See study.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "statistics.h"
#include "study.h"

enum {
  MOST_OUTPUTS = 4,
  MOST_DECIMALS = 3,
  MOST_COLUMNS = 10
}; // the last two: in a table that a plugin made

/* A grid of cells, row 0 the titles; all owned. */
typedef struct grid {
  size_t rows, cols;
  char **cells; // (rows, cols)
} grid;

static size_t characters(const char *text) {
  size_t count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
  return count;
}

static bool is_shown(const wb_spec *spec, size_t index) {
  bool headlines = false;
  size_t scalars = 0;
  for (size_t i = 0; i < spec->output_count; i++) {
    headlines =
        headlines || (spec->outputs[i].shape == WB_SCALAR && spec->outputs[i].flags & WB_OUTPUT_HEADLINE);
    scalars += i < index && spec->outputs[i].shape == WB_SCALAR;
  }
  const wb_output *o = &spec->outputs[index];
  return o->shape == WB_SCALAR && (headlines ? (o->flags & WB_OUTPUT_HEADLINE) != 0 : scalars < MOST_OUTPUTS);
}

/* Decimals that show two digits of the largest sd, or four digits of the largest mean where there is no sd;
 * and, up to four, a digit of the smallest mean that is above its sd. -1: use powers of ten. */
static int decimals_of(const wb_summary *s, size_t count) {
  double sd = 0, mean = 0, least = INFINITY;
  for (size_t i = 0; i < count; i++) {
    if (isfinite(s[i].sd)) sd = fmax(sd, s[i].sd);
    if (isfinite(s[i].mean)) mean = fmax(mean, fabs(s[i].mean));
    if (fabs(s[i].mean) > s[i].sd) least = fmin(least, fabs(s[i].mean));
  }
  if (mean >= 1e7 || (mean > 0 && mean < 1e-4)) return -1;
  const double scale =
      sd > 1e-9 * mean && sd > 0 ? sd * 100 : mean; // the sd's second digit, or the mean's fourth
  if (scale == 0) return 0;
  const int digits = 3 - (int)floor(log10(scale)), visible = isfinite(least) ? -(int)floor(log10(least)) : 0;
  const int wanted = digits < visible && visible <= 4 ? visible : digits;
  return wanted < 0 ? 0 : wanted > 9 ? 9 : wanted;
}

static char *number(double value, int decimals) {
  return decimals < 0 ? wb_format("%.3g", value) : wb_format("%.*f", decimals, value);
}

static char *cell(const wb_summary *s, int decimals) {
  if (!s->n) return wb_copy("-");
  char *mean = number(s->mean, decimals);
  if (isnan(s->sd)) return mean;
  char *sd = number(s->sd, decimals), *both = wb_format("%s +- %s", mean, sd);
  free(mean);
  free(sd);
  return both;
}

static wb_summary summary_of(const wb_study *study, int32_t condition, const char *name) {
  const wb_value **values = wb_new(const wb_value *, study->run_count);
  const size_t n = wb_study_values(study, condition, name, values, NULL);
  double *numbers = wb_new(double, n);
  for (size_t i = 0; i < n; i++) numbers[i] = values[i]->data[0];
  const wb_summary s = wb_summarize(numbers, n);
  free(numbers);
  free(values);
  return s;
}

/* A column of the grid for one output. */
static void put_output(grid *g, size_t col, const wb_study *study, const wb_output *output) {
  const size_t count = g->rows - 1;
  wb_summary *s = wb_new(wb_summary, count);
  for (size_t i = 0; i < count; i++) s[i] = summary_of(study, (int32_t)i, output->name);
  const int decimals = decimals_of(s, count);
  const char *title = output->title && *output->title ? output->title : output->name;
  g->cells[col] = output->unit && *output->unit ? wb_format("%s (%s)", title, output->unit) : wb_copy(title);
  for (size_t i = 0; i < count; i++) g->cells[(i + 1) * g->cols + col] = cell(&s[i], decimals);
  free(s);
}

static grid make_grid(const wb_study *study, const char **varied, size_t varied_count) {
  const wb_spec *spec = study->spec;
  const bool whole = spec->scope == WB_PER_STUDY;
  size_t outputs = 0, col = 0;
  for (size_t i = 0; i < spec->output_count; i++) outputs += is_shown(spec, i);
  if (whole) varied_count = 0;
  grid g = {.rows = 1 + (whole ? 1 : study->condition_count), .cols = varied_count + 1 + outputs};
  g.cells = wb_new(char *, g.rows *g.cols);
  for (; col < varied_count; col++) {
    g.cells[col] = wb_copy(varied[col]);
    for (size_t i = 0; i < study->condition_count; i++) {
      const wb_condition *c = &study->conditions[i];
      const char *value = wb_factor_get(c->factors, c->factor_count, varied[col]);
      g.cells[(i + 1) * g.cols + col] = wb_copy(value && *value ? value : "-");
    }
  }
  g.cells[col] = wb_copy(whole ? "runs" : "n");
  for (size_t i = 1; i < g.rows; i++)
    g.cells[i * g.cols + col] =
        wb_format("%zu", whole ? study->run_count : study->conditions[i - 1].run_count);
  col++;
  for (size_t i = 0; i < spec->output_count; i++)
    if (is_shown(spec, i)) put_output(&g, col++, study, &spec->outputs[i]);
  return g;
}

/* The table that a study is about: a headline matrix with names that is not drawn; NULL where there is none.
 */
static const wb_value *table_of(const wb_study *study, const wb_output **output) {
  for (size_t i = 0; study->spec->scope == WB_PER_STUDY && i < study->spec->output_count; i++) {
    *output = &study->spec->outputs[i];
    if ((*output)->shape != WB_MATRIX || (*output)->plot != WB_PLOT_NONE) continue;
    if (!((*output)->flags & WB_OUTPUT_HEADLINE)) continue;
    const wb_value *value = wb_values_find(&study->values, (*output)->name);
    if (value && !value->missing && value->row_labels && value->col_labels) return value;
  }
  return NULL;
}

/* A table as it is printed: with rows for columns where it has too many of those for a line. */
typedef struct view {
  size_t rows, cols;
  char *const *row_labels, *const *col_labels;
  const char *corner;
  const double *data;
  size_t row_step, col_step;
} view;

static view view_of(const wb_value *t, const wb_output *output) {
  if (t->cols <= MOST_COLUMNS)
    return (view){t->rows, t->cols, t->row_labels, t->col_labels, output->y_label, t->data, t->cols, 1};
  return (view){t->cols, t->rows, t->col_labels, t->row_labels, output->x_label, t->data, 1, t->cols};
}

static double value_at(const view *v, size_t row, size_t col) {
  return v->data[row * v->row_step + col * v->col_step];
}

/* As many decimals as tell the numbers of a column from rounded ones, at most MOST_DECIMALS. */
static int column_decimals(const view *v, size_t col) {
  int decimals = 0;
  double scale = 1;
  for (size_t r = 0; r < v->rows; r++) {
    const double value = fabs(value_at(v, r, col));
    while (decimals < MOST_DECIMALS && fabs(value * scale - round(value * scale)) > 1e-9) {
      decimals++;
      scale *= 10;
    }
  }
  return decimals;
}

/* Rows and columns as the plugin named them; what is no number is empty in the table and '-' here. */
static grid copy_table(const wb_value *table, const wb_output *output) {
  const view v = view_of(table, output);
  grid g = {.rows = 1 + v.rows, .cols = 1 + v.cols};
  g.cells = wb_new(char *, g.rows *g.cols);
  g.cells[0] = wb_copy(v.corner ? v.corner : "");
  for (size_t r = 0; r < v.rows; r++) g.cells[(r + 1) * g.cols] = wb_copy(v.row_labels[r]);
  for (size_t c = 0; c < v.cols; c++) {
    const int decimals = column_decimals(&v, c);
    g.cells[c + 1] = wb_copy(v.col_labels[c]);
    for (size_t r = 0; r < v.rows; r++) {
      const double value = value_at(&v, r, c);
      g.cells[(r + 1) * g.cols + c + 1] = isnan(value) ? wb_copy("-") : number(value, decimals);
    }
  }
  return g;
}

/* Columns as wide as their widest cell, three spaces between, none at the end of a line. */
static char *print(const grid *g) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  size_t *widths = wb_new(size_t, g->cols);
  for (size_t i = 0; i < g->rows * g->cols; i++) {
    const size_t width = characters(g->cells[i]);
    widths[i % g->cols] = width > widths[i % g->cols] ? width : widths[i % g->cols];
  }
  for (size_t i = 0; i < g->rows * g->cols; i++) {
    const size_t col = i % g->cols, pad = widths[col] - characters(g->cells[i]);
    fputs(g->cells[i], out);
    if (col + 1 < g->cols)
      fprintf(out, "%*s", (int)pad + 3, "");
    else
      putc('\n', out);
  }
  free(widths);
  fclose(out);
  return wb_must(text);
}

wb_status wb_results_table(const wb_study *study, char **text, wb_error *err) {
  const char **varied = NULL;
  const wb_output *output = NULL;
  const wb_value *table = table_of(study, &output);
  size_t count = 0;
  *text = NULL;
  const wb_status status = wb_study_varied(study, &varied, &count, err);
  if (status != WB_OK) return status;
  grid g = table ? copy_table(table, output) : make_grid(study, varied, count);
  *text = print(&g);
  for (size_t i = 0; i < g.rows * g.cols; i++) free(g.cells[i]);
  free(g.cells);
  free(varied);
  return WB_OK;
}
