/* chart_maps.c: activity on the unit grid, a map per run and stimulus, with the stimulus beside it. See
 * charts.h.
 *
 * Few conditions: a row of the figure per emitted row (stimulus), a column per condition. Many, or one row: a
 * figure per emitted row, lines x positions. The first seed of each condition. Where colours diverge every
 * run has a scale of its own, symmetric about the reference: activity has no common unit.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"

enum { MOST_ROWS = 10, FEW_CONDITIONS = 8 };

/* The divisor pair of n that is closest to a square, rows <= cols. */
static void square_pair(size_t n, size_t *rows, size_t *cols) {
  size_t r = (size_t)floor(sqrt((double)n));
  while (r > 1 && n % r) r--;
  *rows = r ? r : 1;
  *cols = n / *rows;
}

static const wb_value *first_value(const wb_chart *chart, int32_t condition, const char *name) {
  const wb_value **values;
  return wb_chart_values(chart, condition, name, &values) ? values[0] : NULL;
}

/* Cells of whole pixels, square, for a grid of that size. */
static void size_tiles(wb_figure *figure, double side, size_t rows, size_t cols) {
  const double cell = fmax(1, floor(side / (double)(rows > cols ? rows : cols)));
  figure->width = cell * (double)cols;
  figure->height = cell * (double)rows;
}

/* Widens one axis so that an image of other proportions than the tile is not distorted. */
static void keep_shape(const wb_figure *figure, wb_panel *panel, size_t rows, size_t cols) {
  const double ratio = figure->width / figure->height * (double)rows / (double)cols;
  const double wide = (double)cols * fmax(ratio, 1) / 2, tall = (double)rows * fmax(1 / ratio, 1) / 2;
  panel->x.low = (double)cols / 2 - 0.5 - wide;
  panel->x.high = (double)cols / 2 - 0.5 + wide;
  panel->y.low = (double)rows / 2 - 0.5 - tall;
  panel->y.high = (double)rows / 2 - 0.5 + tall;
  panel->x.bare = panel->y.bare = panel->y.reversed = true;
}

static void grid_of(const wb_value *value, size_t *rows, size_t *cols) {
  *rows = value->grid_rows;
  *cols = value->grid_cols;
  if (*rows * *cols != value->cols) square_pair(value->cols, rows, cols);
}

static bool shares_scale(const wb_output *output) {
  return !(output->flags & WB_OUTPUT_DIVERGING);
}

static void put_map(wb_figure *figure, wb_panel *panel, const wb_value *value, size_t row,
                    const wb_output *output) {
  size_t rows, cols;
  double low = INFINITY, high = -INFINITY;
  grid_of(value, &rows, &cols);
  for (size_t i = 0; i < value->rows * value->cols; i++)
    if (isfinite(value->data[i])) {
      low = fmin(low, value->data[i]);
      high = fmax(high, value->data[i]);
    }
  keep_shape(figure, panel, rows, cols);
  wb_panel_heat(figure, panel, rows, cols, value->data + row * value->cols);
  if (shares_scale(output)) return;
  const double middle = isnan(output->reference) ? 0 : output->reference;
  const double reach = low > high ? 1 : fmax(fabs(low - middle), fabs(high - middle));
  panel->z_low = middle - (reach > 0 ? reach : 1);
  panel->z_high = middle + (reach > 0 ? reach : 1);
}

void wb_chart_image(wb_figure *figure, wb_panel *panel, const wb_value *value, size_t row) {
  const size_t side = (size_t)lround(sqrt((double)value->cols / 3));
  const bool colour = 3 * side * side == value->cols;
  size_t rows = side, cols = side;
  double largest = 0;
  if (!colour) square_pair(value->cols, &rows, &cols);
  double *rgb = wb_figure_alloc(figure, 3 * rows * cols, sizeof *rgb);
  for (size_t i = 0; i < value->rows * value->cols; i++) largest = fmax(largest, value->data[i]);
  const double scale = largest <= 1 ? 255 : 1;
  for (size_t i = 0; rgb && i < rows * cols; i++)
    for (size_t c = 0; c < 3; c++) {
      const double v = scale * value->data[row * value->cols + (colour ? c * rows * cols : 0) + i];
      rgb[3 * i + c] = isnan(v) ? 255 : fmin(fmax(v, 0), 255);
    }
  keep_shape(figure, panel, rows, cols);
  if (rgb) wb_panel_image(figure, panel, rows, cols, rgb);
}

/* A row's label, else its number, but for a single row. */
static const char *row_label(wb_figure *figure, const wb_value *value, size_t row) {
  if (value->row_labels && *value->row_labels[row]) return value->row_labels[row];
  return value->rows == 1 ? "" : wb_figure_text(figure, "%zu", row + 1);
}

/* Rows are stimuli, columns conditions. */
static void by_stimulus(const wb_chart *chart, wb_figure *figure, const wb_cell *cells, size_t count,
                        const wb_value *sample, const wb_value *images) {
  const size_t rows = sample->rows < MOST_ROWS ? sample->rows : MOST_ROWS;
  const uint32_t first = images != NULL;
  size_t grid_rows, grid_cols;
  grid_of(sample, &grid_rows, &grid_cols);
  size_tiles(figure, fmax(56, fmin(900.0 / ((double)count + first) - 8, rows * count == 1 ? 260 : 112)),
             grid_rows, grid_cols);
  for (size_t r = 0; r < rows; r++) {
    if (images && r < images->rows)
      wb_chart_image(figure, wb_figure_panel(figure, (uint32_t)r, 0, NULL), images, r);
    for (size_t i = 0; i < count; i++) {
      const wb_value *value = first_value(chart, cells[i].condition, chart->output->name);
      if (value && r < value->rows && value->cols)
        put_map(figure, wb_figure_panel(figure, (uint32_t)r, (uint32_t)i + first, NULL), value, r,
                chart->output);
    }
  }
  figure->row_titles = wb_figure_alloc(figure, figure->rows, sizeof(char *));
  figure->col_titles = wb_figure_alloc(figure, figure->cols, sizeof(char *));
  for (size_t r = 0; figure->row_titles && r < figure->rows; r++)
    figure->row_titles[r] = wb_figure_text(figure, "%s", row_label(figure, sample, r));
  for (size_t i = 0; figure->col_titles && i < count; i++) {
    const wb_study *study = chart->study;
    char *label =
        cells[i].condition < 0 ? NULL : wb_condition_label(study, &study->conditions[cells[i].condition]);
    if (i + first < figure->cols)
      figure->col_titles[i + first] = wb_figure_text(figure, "%s", label ? label : "");
    free(label);
  }
}

/* One stimulus over lines and positions, its image at the left. */
static void by_condition(const wb_chart *chart, wb_figure *figure, const wb_cell *cells, size_t count,
                         const wb_value *sample, const wb_value *images, size_t row) {
  const uint32_t first = images != NULL;
  const wb_tiling tiling = wb_chart_tiling(chart->grouping, count, false, first, 0);
  size_t grid_rows, grid_cols;
  grid_of(sample, &grid_rows, &grid_cols);
  size_tiles(figure, fmin(tiling.side, count == 1 ? 260 : 112), grid_rows, grid_cols);
  if (images && row < images->rows) wb_chart_image(figure, wb_figure_panel(figure, 0, 0, NULL), images, row);
  for (size_t i = 0; i < count; i++) {
    const wb_value *value = first_value(chart, cells[i].condition, chart->output->name);
    if (!value || row >= value->rows || !value->cols) continue;
    wb_panel *panel = wb_chart_tile(chart, figure, &tiling, &cells[i], i);
    put_map(figure, panel, value, row, chart->output);
  }
  char *label = wb_figure_text(figure, "%s", row_label(figure, sample, row));
  if (images && figure->col_titles)
    figure->col_titles[0] = label;
  else if (label && *label)
    figure->title = label;
}

static const wb_value *any_value(const wb_chart *chart, const wb_cell *cells, size_t count,
                                 const char *name) {
  const wb_value *found = NULL;
  for (size_t i = 0; i < count && !found && name; i++) found = first_value(chart, cells[i].condition, name);
  return found;
}

static void explain(const wb_chart *chart, wb_figure *figure) {
  size_t most = 0;
  wb_chart_seeds(chart, figure, &most);
  const double middle = isnan(chart->output->reference) ? 0 : chart->output->reference;
  const char *first = most > 1 ? "The first seed of each condition" : "";
  if (shares_scale(chart->output))
    wb_chart_caption(chart, figure, first);
  else
    wb_chart_caption(chart, figure,
                     wb_figure_text(figure,
                                    "%s%sblue below and red above %g, each run on its own symmetric scale",
                                    first, most > 1 ? "; " : "", middle));
}

bool wb_chart_maps(const wb_chart *chart, wb_figure *figure, size_t part) {
  size_t count = 0;
  const wb_cell *cells = wb_chart_cells(chart->grouping, figure, &count);
  const wb_value *sample = any_value(chart, cells, count, chart->output->name);
  const bool few = count <= FEW_CONDITIONS && sample && sample->rows > 1;
  if (!sample || !sample->rows || !sample->cols || part >= (few ? 1 : sample->rows) || part >= MOST_ROWS)
    return false;
  const wb_value *images = any_value(chart, cells, count, chart->output->beside);
  if (images && (!images->rows || !images->cols)) images = NULL;
  figure->tiles = true;
  figure->palette = shares_scale(chart->output) ? WB_PALETTE_SEQUENTIAL : WB_PALETTE_DIVERGING;
  if (few) {
    by_stimulus(chart, figure, cells, count, sample, images);
  } else {
    const char *label = row_label(figure, sample, part);
    if (*label) wb_figure_rename(figure, wb_figure_text(figure, "%s-%s", figure->name, label));
    by_condition(chart, figure, cells, count, sample, images, part);
  }
  if (shares_scale(chart->output)) wb_chart_scale(chart, figure);
  explain(chart, figure);
  return true;
}
