/* chart_tiles.c: heat maps and scatters, a tile per condition. See charts.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"

enum { MOST_CELLS = 200, MOST_POINTS = 15000, MOST_LABELS = 24 };

/* The first run's value in a cell; NULL where it is missing. */
static const wb_value *first_value(const wb_chart *chart, const wb_cell *cell) {
  const wb_value **values;
  return wb_chart_values(chart, cell->condition, chart->output->name, &values) ? values[0] : NULL;
}

/* ---- Heat maps ---- */

/* Mean over the runs of equal shape (the first run's, if they differ), (rows, cols) in *mean. */
static const wb_value *mean_of(const wb_chart *chart, wb_figure *figure, int32_t condition, double **mean) {
  const wb_value **values;
  const size_t n = wb_chart_values(chart, condition, chart->output->name, &values);
  if (!n || !values[0]->rows || !values[0]->cols) return NULL;
  const size_t size = values[0]->rows * values[0]->cols;
  size_t used = 0;
  *mean = wb_figure_alloc(figure, size, sizeof **mean);
  for (size_t i = 0; *mean && i < n; i++) {
    if (values[i]->rows != values[0]->rows || values[i]->cols != values[0]->cols) continue;
    for (size_t k = 0; k < size; k++) (*mean)[k] += values[i]->data[k];
    used++;
  }
  for (size_t k = 0; *mean && k < size; k++) (*mean)[k] /= (double)used;
  return *mean ? values[0] : NULL;
}

/* Averages blocks of `step` x `step` in place, leaving out NaN; the new size in *rows, *cols. */
static void shrink(double *z, size_t *rows, size_t *cols, size_t step) {
  const size_t r_out = (*rows + step - 1) / step, c_out = (*cols + step - 1) / step;
  for (size_t r = 0; r < r_out; r++)
    for (size_t c = 0; c < c_out; c++) {
      double sum = 0;
      size_t count = 0;
      for (size_t i = r * step; i < (r + 1) * step && i < *rows; i++)
        for (size_t k = c * step; k < (c + 1) * step && k < *cols; k++)
          if (!isnan(z[i * *cols + k])) {
            sum += z[i * *cols + k];
            count++;
          }
      z[r * c_out + c] = count ? sum / (double)count : NAN; // never ahead of what is still to be read
    }
  *rows = r_out;
  *cols = c_out;
}

/* The names of an axis; equal neighbours share one name at their middle. *kept: how many remain. */
static const char **merge_names(wb_figure *figure, char *const *labels, size_t count, size_t *kept) {
  const char **names = wb_figure_alloc(figure, count, sizeof *names);
  *kept = 0;
  for (size_t first = 0, last; names && first < count; first = last) {
    for (last = first; last < count && strcmp(labels[last], labels[first]) == 0;) names[last++] = "";
    names[(first + last - 1) / 2] = labels[first];
    (*kept)++;
  }
  return names;
}

/* Names at an axis where they have room; the title is in the caption where there are several tiles. */
static void name_axis(wb_figure *figure, wb_axis *axis, char *const *labels, size_t count, double side,
                      const char *title) {
  size_t kept = 0;
  const char **names = labels && count <= MOST_CELLS ? merge_names(figure, labels, count, &kept) : NULL;
  axis->bare = !names || kept > MOST_LABELS || side / (double)kept < 12;
  if (!axis->bare) wb_axis_categories(figure, axis, names, count);
  axis->label = title && *title ? wb_figure_text(figure, "%s", title) : NULL;
}

/* In a matrix of runs x runs: white lines between conditions, whose names stand at their middle. */
static void mark_blocks(const wb_chart *chart, wb_figure *figure, wb_panel *panel) {
  const wb_study *study = chart->study;
  const size_t n = study->run_count;
  const char **names = wb_figure_alloc(figure, n, sizeof *names);
  if (!names || study->condition_count < 2) return;
  for (size_t i = 0; i < n; i++) names[i] = "";
  for (size_t i = 0, first = 0; i < study->condition_count; first += study->conditions[i++].run_count) {
    char *label = wb_condition_label(study, &study->conditions[i]);
    names[first + study->conditions[i].run_count / 2] = wb_figure_text(figure, "%s", label ? label : "");
    free(label);
    if (!i) continue;
    const double at[2] = {(double)first - 0.5, (double)first - 0.5}, ends[2] = {-0.5, (double)n - 0.5};
    for (int turn = 0; turn < 2; turn++) {
      wb_layer *line =
          wb_panel_xy(figure, panel, WB_DRAW_LINE, 2, turn ? at : ends, turn ? ends : at, NULL, NULL);
      line->colour = 0xFFFFFF;
      line->width = study->condition_count > 8 ? 0.4 : 0.8;
    }
  }
  if (figure->failed || figure->height / (double)study->condition_count < 13) return;
  panel->x.bare = panel->y.bare = false;
  wb_axis_categories(figure, &panel->x, names, n);
  wb_axis_categories(figure, &panel->y, names, n);
}

static void put_heat(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_value *shape,
                     double *mean, bool alone) {
  size_t rows = shape->rows, cols = shape->cols;
  const size_t longest = rows > cols ? rows : cols, step = (longest + MOST_CELLS - 1) / MOST_CELLS;
  const wb_output *output = chart->output;
  panel->y.reversed = true;
  name_axis(figure, &panel->x, shape->col_labels, cols, figure->width, alone ? output->x_label : NULL);
  name_axis(figure, &panel->y, shape->row_labels, rows, figure->height, alone ? output->y_label : NULL);
  if (step > 1) shrink(mean, &rows, &cols, step);
  wb_panel_heat(figure, panel, rows, cols, mean);
  const size_t runs = chart->study->run_count;
  if (chart->study->spec->scope == WB_PER_STUDY && step == 1 && rows == runs && cols == runs)
    mark_blocks(chart, figure, panel);
}

/* What the axes are, the mean, and how many cells a pixel stands for. */
static char *explain_heat(const wb_chart *chart, wb_figure *figure, size_t longest, bool alone) {
  size_t most = 0;
  const size_t step = (longest + MOST_CELLS - 1) / MOST_CELLS;
  const char *seeds = wb_chart_seeds(chart, figure, &most), *axes = "", *mean = "", *blocks = "";
  const char *x = chart->output->x_label, *y = chart->output->y_label;
  if (!alone && x && *x && y && *y) axes = wb_figure_text(figure, "Rows: %s, columns: %s", y, x);
  if (chart->output->plot == WB_PLOT_RUNS && most > 1)
    mean = wb_figure_text(figure, "%s tile for each run", *axes ? "; a" : "A");
  else if (chart->study->spec->scope == WB_PER_RUN && most > 1)
    mean = wb_figure_text(figure, "%sean over %s", *axes ? "; m" : "M", seeds);
  if (step > 1)
    blocks = wb_figure_text(figure, "%srawn as means of %zu x %zu cells", *axes || *mean ? "; d" : "D", step,
                            step);
  return wb_figure_text(figure, "%s%s%s", axes, mean, blocks);
}

/* Whole pixels for every cell, where they fit: no seams, no blur. */
static double fit(double side, size_t cells) {
  const double whole = floor(side / (double)cells);
  return whole >= 1 ? whole * (double)cells : side;
}

/* Size of the tiles from the first matrix there is; false where there is none. */
static bool size_tiles(const wb_chart *chart, wb_figure *figure, const wb_cell *cells, size_t count,
                       wb_tiling *tiling) {
  const wb_value *value = NULL;
  for (size_t i = 0; i < count && !value; i++) value = first_value(chart, &cells[i]);
  if (!value || !value->rows || !value->cols) return false;
  *tiling = wb_chart_tiling(chart->grouping, count, false, 0, value->row_labels ? 180 : 90);
  if (count == 1 && value->rows > 50) tiling->side *= 1.6; // much to see
  const double ratio = fmin(fmax((double)value->rows / (double)value->cols, 0.25), 2);
  figure->width = fit(tiling->side, value->cols);
  figure->height = fit(tiling->side * ratio, value->rows);
  return true;
}

/* The values of single runs: conditions down, their runs across, with the seeds above where all conditions
 * have the same. */
static void tile_runs(const wb_chart *chart, wb_figure *figure, size_t most) {
  const wb_study *study = chart->study;
  const size_t conditions = study->condition_count;
  size_t longest = 0;
  figure->tiles = figure->share_x = figure->share_y = true;
  figure->width = figure->height = floor(fmin(fmax(800 / (double)most - 8, 56), 150));
  figure->row_titles = conditions > 1 ? wb_figure_alloc(figure, conditions, sizeof(char *)) : NULL;
  figure->col_titles = wb_figure_alloc(figure, most, sizeof(char *));
  for (size_t i = 0; i < study->run_count; i++) {
    const wb_run *run = &study->runs[i];
    const wb_condition *condition = &study->conditions[run->condition];
    const wb_value *value = wb_values_find(&run->values, chart->output->name);
    size_t col = 0;
    while (condition->runs[col] != i) col++;
    const char *seed = wb_factor_get(run->factors, run->factor_count, "seed");
    char *title = seed ? wb_figure_text(figure, "seed %s", seed) : NULL;
    char **above = figure->col_titles ? &figure->col_titles[col] : &title;
    *above = !*above || (title && strcmp(*above, title) == 0) ? title : wb_figure_text(figure, " ");
    if (figure->row_titles && !figure->row_titles[run->condition]) {
      char *label = wb_condition_label(study, condition);
      figure->row_titles[run->condition] = wb_figure_text(figure, "%s", label ? label : "");
      free(label);
    }
    if (!value || value->missing) continue;
    double *z = wb_figure_alloc(figure, value->rows * value->cols, sizeof *z);
    if (!z) return;
    memcpy(z, value->data, value->rows * value->cols * sizeof *z);
    longest = value->rows > longest ? value->rows : longest;
    wb_panel *panel = wb_figure_panel(figure, run->condition, (uint32_t)col, NULL);
    put_heat(chart, figure, panel, value, z, false);
  }
  wb_chart_scale(chart, figure);
  wb_chart_caption(chart, figure, explain_heat(chart, figure, longest, false));
}

void wb_chart_matrix(const wb_chart *chart, wb_figure *figure) {
  size_t count = 0, longest = 0;
  const wb_cell *cells = wb_chart_cells(chart->grouping, figure, &count);
  size_t most = 0;
  wb_chart_seeds(chart, figure, &most);
  if (chart->output->plot == WB_PLOT_RUNS && chart->study->spec->scope == WB_PER_RUN && most > 1) {
    tile_runs(chart, figure, most);
    return;
  }
  wb_tiling tiling;
  if (!size_tiles(chart, figure, cells, count, &tiling)) return;
  figure->tiles = figure->share_x = figure->share_y = true;
  for (size_t i = 0; i < count; i++) {
    double *mean = NULL;
    const wb_value *shape = mean_of(chart, figure, cells[i].condition, &mean);
    if (!shape) continue;
    longest = shape->rows > longest ? shape->rows : longest;
    longest = shape->cols > longest ? shape->cols : longest;
    put_heat(chart, figure, wb_chart_tile(chart, figure, &tiling, &cells[i], i), shape, mean, count == 1);
  }
  wb_chart_scale(chart, figure);
  wb_chart_caption(chart, figure, explain_heat(chart, figure, longest, count == 1));
}

/* ---- Scatters ---- */

/* The class of point i; 0 where there are none. */
static size_t class_of(const wb_value *value, size_t i) {
  return value->classes && value->classes[i] >= 0 ? (size_t)value->classes[i] : 0;
}

/* A mark for each superclass, in the order in which classes name them. */
static uint32_t mark_of(const wb_value *value, size_t class) {
  uint32_t mark = 0;
  if (!value->superclass_names || class >= value->class_count) return 0;
  for (size_t i = 0; i <= class; i++) {
    bool seen = false;
    for (size_t k = 0; k < i && !seen; k++)
      seen = strcmp(value->superclass_names[i], value->superclass_names[k]) == 0;
    if (strcmp(value->superclass_names[i], value->superclass_names[class]) == 0) return mark;
    mark += !seen;
  }
  return mark;
}

/* Every `step`-th point of one class. */
static void put_class(wb_figure *figure, wb_panel *panel, const wb_value *value, size_t class, size_t step) {
  double *x = wb_figure_alloc(figure, 2 * value->rows, sizeof *x), *y = x ? x + value->rows : NULL;
  size_t count = 0, seen = 0;
  for (size_t i = 0; x && i < value->rows; i++) {
    if (class_of(value, i) != class || seen++ % step) continue;
    x[count] = value->data[2 * i];
    y[count++] = value->data[2 * i + 1];
  }
  if (!count) return;
  wb_layer *layer = wb_panel_xy(figure, panel, WB_DRAW_MARKS, count, x, y, NULL, NULL);
  layer->colour = value->classes ? wb_colour_class(class) : wb_colour_series(0);
  layer->mark = mark_of(value, class);
  layer->size = value->rows / step > 500 ? 0.4 : value->rows / step > 100 ? 0.6 : 1;
  if (value->classes && value->class_names && class < value->class_count)
    layer->label = wb_figure_text(figure, "%s", value->class_names[class]);
  else if (value->classes)
    layer->label = wb_figure_text(figure, "%zu", class);
}

/* The same scale in x and y, so that distances can be read in all directions. */
static void make_square(wb_panel *panel, const wb_value *value) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (size_t i = 0; i < 2 * value->rows; i++) {
    if (!isfinite(value->data[i])) continue;
    low[i % 2] = fmin(low[i % 2], value->data[i]);
    high[i % 2] = fmax(high[i % 2], value->data[i]);
  }
  const double reach = 0.53 * fmax(high[0] - low[0], high[1] - low[1]);
  if (!(reach > 0)) return;
  panel->x.low = (low[0] + high[0]) / 2 - reach;
  panel->x.high = (low[0] + high[0]) / 2 + reach;
  panel->y.low = (low[1] + high[1]) / 2 - reach;
  panel->y.high = (low[1] + high[1]) / 2 + reach;
}

static size_t put_scatter(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_value *value,
                          size_t step) {
  const wb_output *output = chart->output;
  const bool axes = (output->x_label && *output->x_label) || (output->y_label && *output->y_label);
  size_t classes = 1;
  panel->x.bare = panel->y.bare = !axes;
  if (axes) {
    panel->x.label = output->x_label ? wb_figure_text(figure, "%s", output->x_label) : NULL;
    panel->y.label = output->y_label ? wb_figure_text(figure, "%s", output->y_label) : NULL;
  } else {
    make_square(panel, value);
  }
  for (size_t i = 0; i < value->rows; i++)
    classes = class_of(value, i) >= classes ? class_of(value, i) + 1 : classes;
  for (size_t c = 0; c < classes; c++) put_class(figure, panel, value, c, step);
  return value->rows;
}

void wb_chart_points(const wb_chart *chart, wb_figure *figure) {
  size_t count = 0, points = 0;
  const wb_cell *cells = wb_chart_cells(chart->grouping, figure, &count);
  const wb_tiling tiling = wb_chart_tiling(chart->grouping, count, true, 0, 0);
  figure->tiles = true;
  figure->width = figure->height = tiling.side;
  for (size_t i = 0; i < count; i++) {
    const wb_value *value = first_value(chart, &cells[i]);
    points += value ? value->rows : 0;
  }
  const size_t step = points / MOST_POINTS + 1;
  for (size_t i = 0; i < count; i++) {
    const wb_value *value = first_value(chart, &cells[i]);
    if (value) put_scatter(chart, figure, wb_chart_tile(chart, figure, &tiling, &cells[i], i), value, step);
  }
  size_t most = 0;
  wb_chart_seeds(chart, figure, &most);
  const char *head = most > 1 ? "The first seed of each condition" : "";
  char *sampled =
      step > 1 ? wb_figure_text(figure, "%sone point of %zu is drawn", most > 1 ? "; " : "", step) : NULL;
  wb_chart_caption(chart, figure, wb_figure_text(figure, "%s%s", head, sampled ? sampled : ""));
}
