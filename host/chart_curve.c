/* chart_curve.c: curves over their own axis, a line per condition; and their entries against the varied
 * factor. See charts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"

/* Along an axis its ramp of colours, with the control in grey; else the line's own look. */
static void dress(const wb_chart *chart, wb_figure *figure, wb_layer *layer, const wb_cell *cell) {
  const wb_grouping *g = chart->grouping;
  const wb_line *line = &g->lines[cell->line];
  if (g->position_count < 2) {
    layer->colour = line->colour;
    layer->dash = line->dash;
    layer->mark = line->mark;
    layer->label = *line->label ? wb_figure_text(figure, "%s", line->label) : NULL;
  } else if (cell->position < 0) {
    layer->colour = 0x555555;
    layer->dash = WB_DASHED;
    layer->label = wb_figure_text(figure, "control");
  } else {
    layer->colour = wb_colour_ramp((size_t)cell->position, g->position_count);
    layer->mark = (uint32_t)cell->position % WB_MARK_COUNT;
    layer->label = wb_figure_text(figure, "%s", g->position_names[cell->position]);
  }
}

static bool same_x(const wb_value *a, const wb_value *b) {
  return a->rows == b->rows && memcmp(a->x, b->x, a->rows * sizeof *a->x) == 0;
}

/* Mean and one sd (or SEM) over runs of equal x; otherwise a thin line for each run. False where the runs
 * differ. */
static bool put_curve(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_cell *cell) {
  const wb_value **values;
  const size_t n = wb_chart_values(chart, cell->condition, chart->output->name, &values);
  bool equal = true;
  for (size_t i = 1; i < n; i++) equal = equal && same_x(values[0], values[i]);
  for (size_t i = 0; i < n && !equal; i++) {
    wb_layer *layer =
        wb_panel_xy(figure, panel, WB_DRAW_LINE, values[i]->rows, values[i]->x, values[i]->data, NULL, NULL);
    dress(chart, figure, layer, cell);
    layer->width = 0.6;
  }
  if (!equal || !n) return equal;
  const size_t size = values[0]->rows;
  const double **arrays = wb_figure_alloc(figure, n, sizeof *arrays);
  wb_summary *s = wb_figure_alloc(figure, size, sizeof *s);
  double *mean = wb_figure_alloc(figure, 3 * size, sizeof *mean);
  if (!arrays || !s || !mean) return true;
  for (size_t i = 0; i < n; i++) arrays[i] = values[i]->data;
  wb_summarize_arrays(s, arrays, n, size);
  for (size_t e = 0; e < size; e++) {
    mean[e] = s[e].mean;
    const double reach = chart->output->flags & WB_OUTPUT_SEM ? s[e].sem : s[e].sd;
    mean[size + e] = s[e].mean - reach;
    mean[2 * size + e] = s[e].mean + reach;
  }
  const uint32_t marks = size <= 12 ? WB_DRAW_MARKS : 0,
                 band = n > 1 ? (size > 1 ? WB_DRAW_BAND : WB_DRAW_BARS) : 0;
  wb_layer *layer = wb_panel_xy(figure, panel, WB_DRAW_LINE | marks | band, size, values[0]->x, mean,
                                mean + size, mean + 2 * size);
  dress(chart, figure, layer, cell);
  return true;
}

static void label_axes(const wb_chart *chart, wb_figure *figure, wb_panel *panel) {
  panel->x.label = chart->output->x_label ? wb_figure_text(figure, "%s", chart->output->x_label) : NULL;
  panel->y.label = wb_chart_title(figure, chart->output);
  panel->x.log = chart->output->flags & WB_OUTPUT_LOG_X;
  panel->y.log = chart->output->flags & WB_OUTPUT_LOG_Y;
  wb_chart_reference(chart, figure, panel);
}

static void title_legend(const wb_chart *chart, wb_figure *figure) {
  const char *axis = chart->grouping->position_count > 1 ? chart->grouping->axis : NULL;
  if (axis)
    figure->legend_title = wb_figure_text(figure, "%s",
                                          strcmp(axis, "rho") == 0      ? "\u03c1"
                                          : strcmp(axis, "lambda") == 0 ? "\u03bb"
                                                                        : axis);
}

/* The columns of a figure: a curve, and those beside it. */
enum { MOST_COLUMNS = 4 };
typedef struct column_list {
  wb_chart items[MOST_COLUMNS];
  size_t count;
} column_list;

/* Without those that have no values. */
static column_list find_columns(const wb_chart *chart, const wb_cell *cells, size_t cell_count) {
  column_list columns = {.count = 0};
  const wb_output *output = chart->output;
  for (size_t i = 0; i < MOST_COLUMNS && output && output->shape == WB_CURVE; i++) {
    wb_chart *column = &columns.items[columns.count];
    const wb_value **values;
    size_t found = 0;
    *column = *chart;
    column->output = output;
    for (size_t k = 0; k < cell_count && !found; k++)
      found = wb_chart_values(column, cells[k].condition, output->name, &values);
    columns.count += found > 0;
    output = output->beside ? wb_spec_output(chart->study->spec, output->beside) : NULL;
  }
  return columns;
}

/* A row of panels for each line, as wb_chart_panels has them, a panel of it for each column. */
static wb_panel **panels_in_columns(const column_list *columns, wb_figure *figure, size_t *rows) {
  const wb_grouping *g = columns->items[0].grouping;
  if (columns->count == 1) return wb_chart_panels(&columns->items[0], figure, rows);
  *rows = g->position_count > 1 && g->line_count ? g->line_count : 1;
  wb_panel **panels = wb_figure_alloc(figure, *rows * columns->count, sizeof(wb_panel *));
  figure->share_x = figure->share_y = true;
  figure->width = *rows > 3 ? 190 : 250;
  figure->height = *rows > 3 ? 130 : 170;
  for (size_t i = 0; panels && i < *rows * columns->count; i++) {
    const size_t row = i / columns->count, col = i % columns->count;
    const char *name = columns->items[col].output->name;
    const char *title = *rows > 1 ? wb_figure_text(figure, "%s, %s", g->lines[row].label, name) : name;
    title = wb_text_wrap(figure, title, 13, figure->width);
    panels[i] = wb_figure_panel(figure, (uint32_t)row, (uint32_t)col, title);
  }
  return panels;
}

/* What the further columns are where the first does not say it, and what the bands are. */
static const char *explain(const column_list *columns, wb_figure *figure, bool equal) {
  const wb_chart *chart = &columns->items[0];
  size_t most = 0;
  const char *seeds = wb_chart_seeds(chart, figure, &most), *text = "";
  for (size_t k = 1; k < columns->count; k++) {
    const wb_output *output = columns->items[k].output;
    if (output->help && chart->output->help && strcmp(output->help, chart->output->help) != 0)
      text = wb_figure_text(figure, "%s%s: %s. ", text, output->title, output->help);
  }
  if (chart->study->spec->scope != WB_PER_RUN || most < 2) return text;
  const char *band = chart->output->flags & WB_OUTPUT_SEM ? "standard error" : "sd";
  return equal ? wb_figure_text(figure, "%sMean over %s, band one %s", text, seeds, band)
               : wb_figure_text(figure, "%sA thin line for each of %s, as their x differ", text, seeds);
}

void wb_chart_curve(const wb_chart *chart, wb_figure *figure) {
  size_t count = 0, rows = 0;
  const wb_cell *cells = wb_chart_cells(chart->grouping, figure, &count);
  const column_list columns = find_columns(chart, cells, count);
  wb_panel **panels = columns.count ? panels_in_columns(&columns, figure, &rows) : NULL;
  bool equal = true;
  if (!panels) return;
  for (size_t i = 0; i < figure->panel_count; i++)
    label_axes(&columns.items[i % columns.count], figure, figure->panels[i]);
  for (size_t i = 0; i < count * columns.count; i++) {
    const wb_cell *cell = &cells[i / columns.count];
    const size_t col = i % columns.count, panel = cell->line % rows * columns.count + col;
    equal = put_curve(&columns.items[col], figure, panels[panel], cell) && equal;
  }
  title_legend(chart, figure);
  wb_chart_caption(&columns.items[0], figure, explain(&columns, figure, equal));
}

/* ---- Entries against the varied factor ---- */

/* Mean and sd over runs of entry e of a condition's curve; NaN where it is missing. */
static wb_summary entry(const wb_chart *chart, int32_t condition, size_t e) {
  const wb_value **values;
  const size_t n = condition < 0 ? 0 : wb_chart_values(chart, condition, chart->output->name, &values);
  double *numbers = calloc(n + 1, sizeof *numbers);
  for (size_t i = 0; numbers && i < n; i++) numbers[i] = e < values[i]->rows ? values[i]->data[e] : NAN;
  const wb_summary s = wb_summarize(numbers, numbers ? n : 0);
  free(numbers);
  return s;
}

/* The longest curve of any condition, which names the entries. */
static const wb_value *longest(const wb_chart *chart) {
  const wb_value *found = NULL, **values;
  for (size_t i = 0; i < chart->study->condition_count; i++) {
    const size_t n = wb_chart_values(chart, (int32_t)i, chart->output->name, &values);
    for (size_t k = 0; k < n; k++)
      if (!found || values[k]->rows > found->rows) found = values[k];
  }
  return found;
}

static void put_entry(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_line *line,
                      const wb_value *names, size_t e) {
  const size_t n = chart->grouping->position_count;
  double *x = wb_figure_alloc(figure, 4 * n, sizeof *x);
  size_t count = 0;
  for (size_t i = 0; x && i < n; i++) {
    const wb_summary s = entry(chart, line->points[i], e);
    if (line->points[i] < 0) continue;
    x[count] = (double)i;
    x[n + count] = s.mean;
    x[2 * n + count] = s.mean - s.sd;
    x[3 * n + count++] = s.mean + s.sd;
  }
  if (!x || !count) return;
  wb_layer *layer = wb_panel_xy(figure, panel, WB_DRAW_LINE | WB_DRAW_MARKS | WB_DRAW_BAND, count, x, x + n,
                                x + 2 * n, x + 3 * n);
  layer->colour = wb_colour_ramp(e, names->rows);
  layer->mark = (uint32_t)e % WB_MARK_COUNT;
  layer->label = wb_figure_text(figure, "%.6g", names->x[e]);
}

/* The scalar that the curve names in `beside`, as dots where the axis is zero. False where there is none. */
static bool put_dots(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_line *line) {
  const wb_grouping *g = chart->grouping;
  const wb_output *beside =
      chart->output->beside ? wb_spec_output(chart->study->spec, chart->output->beside) : NULL;
  if (!beside || beside->shape != WB_SCALAR || g->positions[0] != 0 || line->points[0] < 0) return false;
  const wb_value **values;
  const size_t n = wb_chart_values(chart, line->points[0], beside->name, &values);
  double *x = wb_figure_alloc(figure, 2 * n, sizeof *x);
  if (!x || !n) return false;
  for (size_t i = 0; i < n; i++) x[n + i] = values[i]->data[0];
  wb_layer *layer = wb_panel_xy(figure, panel, WB_DRAW_MARKS, n, x, x + n, NULL, NULL);
  layer->colour = 0x222222;
  layer->size = 1.3;
  return true;
}

void wb_chart_lines(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  const wb_value *names = longest(chart);
  if (g->position_count < 2 || !names || names->rows > 12) {
    wb_chart_curve(chart, figure);
    return;
  }
  size_t panel_count = 0, most = 0;
  wb_panel **panels = wb_chart_panels(chart, figure, &panel_count);
  if (!panels) return;
  for (size_t i = 0; i < figure->panel_count; i++) {
    wb_panel *panel = figure->panels[i];
    panel->x.label = wb_figure_text(figure, "%s", g->axis_title);
    panel->y.label = wb_chart_title(figure, chart->output);
    panel->y.log = chart->output->flags & WB_OUTPUT_LOG_Y;
    wb_axis_categories(figure, &panel->x, (const char *const *)g->position_names, g->position_count);
    wb_chart_reference(chart, figure, panel);
  }
  bool dots = false;
  for (size_t i = 0; i < g->line_count; i++) {
    for (size_t e = 0; e < names->rows; e++)
      put_entry(chart, figure, panels[i % panel_count], &g->lines[i], names, e);
    dots = put_dots(chart, figure, panels[i % panel_count], &g->lines[i]) || dots;
  }
  figure->legend_title = chart->output->x_label ? wb_figure_text(figure, "%s", chart->output->x_label) : NULL;
  const char *seeds = wb_chart_seeds(chart, figure, &most);
  wb_chart_caption(
      chart, figure,
      wb_figure_text(figure, "%s %s%s%s%s", most > 1 ? "Mean over" : "Values of", seeds,
                     most > 1 ? ", band one sd" : "", dots ? "; black dots: " : "",
                     dots ? wb_spec_output(chart->study->spec, chart->output->beside)->title : ""));
}

/* ---- Histograms ---- */

/* Shares of the counts, averaged over runs with equal edges (else the first run's), from zero to zero. */
static void put_histogram(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_cell *cell) {
  const wb_value **values;
  const size_t n = wb_chart_values(chart, cell->condition, chart->output->name, &values);
  if (!n || !values[0]->rows) return;
  const size_t bins = values[0]->rows;
  double *x = wb_figure_alloc(figure, 2 * (bins + 3), sizeof *x), *y = x ? x + bins + 3 : NULL;
  size_t used = 0;
  for (size_t i = 0; x && i < n; i++) {
    double sum = 0;
    if (values[i]->rows != bins || memcmp(values[i]->x, values[0]->x, (bins + 1) * sizeof(double)) != 0)
      continue;
    for (size_t b = 0; b < bins; b++) sum += values[i]->data[b];
    for (size_t b = 0; b < bins && sum > 0; b++) y[b + 1] += values[i]->data[b] / sum;
    used += sum > 0;
  }
  if (!x || !used) return;
  for (size_t b = 1; b <= bins; b++) y[b] /= (double)used;
  x[0] = values[0]->x[0];
  memcpy(x + 1, values[0]->x, (bins + 1) * sizeof *x);
  x[bins + 2] = x[bins + 1];
  wb_layer *layer = wb_panel_xy(figure, panel, WB_DRAW_STEPS, bins + 3, x, y, NULL, NULL);
  dress(chart, figure, layer, cell);
}

void wb_chart_histogram(const wb_chart *chart, wb_figure *figure) {
  size_t count = 0, panel_count = 0, most = 0;
  const wb_cell *cells = wb_chart_cells(chart->grouping, figure, &count);
  wb_panel **panels = wb_chart_panels(chart, figure, &panel_count);
  if (!panels) return;
  for (size_t i = 0; i < figure->panel_count; i++) {
    figure->panels[i]->x.label = wb_figure_text(figure, "%s",
                                                chart->output->x_label && *chart->output->x_label
                                                    ? chart->output->x_label
                                                    : wb_chart_title(figure, chart->output));
    figure->panels[i]->y.label = wb_figure_text(figure, "share");
    figure->panels[i]->y.low = 0;
    figure->panels[i]->x.log = chart->output->flags & WB_OUTPUT_LOG_X;
  }
  for (size_t i = 0; i < count; i++)
    put_histogram(chart, figure, panels[cells[i].line % panel_count], &cells[i]);
  title_legend(chart, figure);
  const char *seeds = wb_chart_seeds(chart, figure, &most);
  wb_chart_caption(chart, figure,
                   most > 1 ? wb_figure_text(figure, "Share of the counts, mean over %s", seeds) : NULL);
}
