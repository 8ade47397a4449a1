/* charts.c: what the charts share. See charts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "charts.h"

#include <math.h>
#include <string.h>

wb_cell *wb_chart_cells(const wb_grouping *grouping, wb_figure *figure, size_t *count) {
  wb_cell *cells =
      wb_figure_alloc(figure, grouping->line_count * (grouping->position_count + 1), sizeof *cells);
  *count = 0;
  for (size_t i = 0; cells && i < grouping->line_count; i++) {
    const wb_line *line = &grouping->lines[i];
    if (line->level >= 0 || !line->sample->factor_count) cells[(*count)++] = (wb_cell){line->level, i, -1};
    for (size_t k = 0; k < grouping->position_count; k++)
      if (line->points[k] >= 0) cells[(*count)++] = (wb_cell){line->points[k], i, (int32_t)k};
  }
  return cells;
}

size_t wb_chart_values(const wb_chart *chart, int32_t condition, const char *output,
                       const wb_value ***values) {
  *values = chart->values;
  return wb_study_values(chart->study, condition, output, chart->values, NULL);
}

char *wb_chart_title(wb_figure *figure, const wb_output *output) {
  const char *title = output->title && *output->title ? output->title : output->name;
  return output->unit && *output->unit ? wb_figure_text(figure, "%s (%s)", title, output->unit)
                                       : wb_figure_text(figure, "%s", title);
}

/* Smallest and largest finite number of all heat maps; 0, 0 where there is none. */
static void heat_range(const wb_figure *figure, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < figure->panel_count; i++)
    for (size_t k = 0; k < figure->panels[i]->layer_count; k++) {
      const wb_layer *layer = figure->panels[i]->layers[k];
      for (size_t e = 0; layer->kind == WB_LAYER_HEAT && e < layer->rows * layer->cols; e++)
        if (isfinite(layer->z[e])) {
          *low = fmin(*low, layer->z[e]);
          *high = fmax(*high, layer->z[e]);
        }
    }
  if (*low > *high) *low = *high = 0;
}

/* Colours and names of class numbers up to the largest there is. */
static void scale_classes(const wb_chart *chart, wb_figure *figure, double high) {
  const wb_value **values, *named = NULL;
  for (size_t i = 0; i < chart->study->condition_count && !named; i++)
    if (wb_chart_values(chart, (int32_t)i, chart->output->name, &values)) named = values[0];
  const size_t known = named ? named->class_count : 0, seen = high >= 0 ? (size_t)high + 1 : 1;
  const size_t count = seen > known ? seen : known;
  figure->palette = WB_PALETTE_CLASSES;
  figure->z_low = -0.5;
  figure->z_high = (double)count - 0.5;
  figure->colour_names = wb_figure_alloc(figure, count, sizeof(char *));
  for (size_t i = 0; figure->colour_names && i < count; i++)
    figure->colour_names[i] =
        i < known ? wb_figure_text(figure, "%s", named->class_names[i]) : wb_figure_text(figure, "%zu", i);
  for (size_t i = 0; i < figure->panel_count; i++)
    for (size_t k = 0; k < figure->panels[i]->layer_count; k++) {
      wb_layer *layer = figure->panels[i]->layers[k];
      for (size_t e = 0; layer->kind == WB_LAYER_HEAT && e < layer->rows * layer->cols; e++)
        if (layer->z[e] < 0) layer->z[e] = NAN;
    }
}

void wb_chart_scale(const wb_chart *chart, wb_figure *figure) {
  const wb_output *output = chart->output;
  double low, high;
  heat_range(figure, &low, &high);
  figure->colour_bar = true;
  figure->colour_label = wb_chart_title(figure, output);
  if (output->flags & WB_OUTPUT_CLASSES) {
    scale_classes(chart, figure, high);
    return;
  }
  if (output->flags & WB_OUTPUT_CIRCULAR && isfinite(output->low) && isfinite(output->high)) {
    low = output->low;
    high = output->high;
    figure->palette = WB_PALETTE_CIRCULAR;
  } else if (output->flags & WB_OUTPUT_DIVERGING) {
    const double middle = isnan(output->reference) ? 0 : output->reference;
    const double reach = fmax(fabs(high - middle), fabs(low - middle));
    low = middle - reach;
    high = middle + reach;
    figure->palette = WB_PALETTE_DIVERGING;
  }
  figure->z_low = low;
  figure->z_high = low < high ? high : low + 1;
}

void wb_chart_reference(const wb_chart *chart, wb_figure *figure, wb_panel *panel) {
  if (isnan(chart->output->reference)) return;
  wb_layer *layer = wb_panel_level(figure, panel, chart->output->reference, NAN, NAN);
  layer->colour = 0x888888;
  layer->width = 0.6;
}

wb_panel **wb_chart_panels(const wb_chart *chart, wb_figure *figure, size_t *count) {
  const wb_grouping *g = chart->grouping;
  *count = g->position_count > 1 && g->line_count ? g->line_count : 1;
  const uint32_t cols = *count <= 3 ? (uint32_t)*count : *count == 4 ? 2 : *count <= 6 ? 3 : 4;
  wb_panel **panels = wb_figure_alloc(figure, *count, sizeof(wb_panel *));
  figure->share_x = true;
  figure->share_y = !(chart->output->flags & WB_OUTPUT_OWN_SCALE);
  figure->width = cols == 1 ? 400 : cols == 2 ? 310 : cols == 3 ? 290 : 220;
  figure->height = cols == 1 ? 250 : cols == 2 ? 210 : 180;
  for (size_t i = 0; panels && i < *count; i++)
    panels[i] = wb_figure_panel(figure, (uint32_t)(i / cols), (uint32_t)(i % cols),
                                *count > 1 ? g->lines[i].label : NULL);
  return panels;
}

/* ---- Tiles ---- */

enum { PAGE = 1000, HEADER = 110 }; // pixels

wb_tiling wb_chart_tiling(const wb_grouping *grouping, size_t cell_count, bool transposed, uint32_t first,
                          double reserved) {
  wb_tiling t = {.first = first, .by_line = grouping->position_count > 1};
  for (size_t i = 0; i < grouping->line_count; i++)
    t.has_levels = t.has_levels || grouping->lines[i].level >= 0;
  uint32_t along = (uint32_t)grouping->position_count + t.has_levels;
  uint32_t across = (uint32_t)grouping->line_count;
  if (!t.by_line) {
    along = cell_count <= 5 ? (uint32_t)cell_count : (uint32_t)ceil(sqrt(1.4 * (double)cell_count));
    across = along ? ((uint32_t)cell_count + along - 1) / along : 0;
  }
  t.transposed = transposed && t.by_line && across >= along / 2;
  t.cols = t.transposed ? across : along;
  t.rows = t.transposed ? along : across;
  const uint32_t all = t.cols + first;
  const double side = (PAGE - reserved - (t.by_line ? HEADER : 0)) / fmax(1, (double)all) - 8;
  t.side = floor(fmin(fmax(side, 56), all == 1 ? 300 : all <= 4 ? 200 : 150));
  return t;
}

/* The title of a place along the axis. */
static char *position_title(const wb_chart *chart, wb_figure *figure, int32_t position) {
  const wb_grouping *g = chart->grouping;
  if (position < 0) return wb_figure_text(figure, "control");
  const char *symbol = strcmp(g->axis, "rho") == 0      ? "\u03c1"
                       : strcmp(g->axis, "lambda") == 0 ? "\u03bb"
                                                        : g->axis;
  return wb_figure_text(figure, "%s %s", symbol, g->position_names[position]);
}

wb_panel *wb_chart_tile(const wb_chart *chart, wb_figure *figure, const wb_tiling *tiling,
                        const wb_cell *cell, size_t number) {
  const wb_line *line = &chart->grouping->lines[cell->line];
  if (!tiling->by_line) {
    const uint32_t row = (uint32_t)(number / tiling->cols), col = (uint32_t)(number % tiling->cols);
    wb_panel *panel = wb_figure_panel(figure, row, col + tiling->first, line->label);
    panel->title = wb_text_wrap(figure, panel->title, 13, tiling->side);
    return panel;
  }
  const uint32_t along = (uint32_t)(cell->position + tiling->has_levels), across = (uint32_t)cell->line;
  const uint32_t row = tiling->transposed ? along : across, col = tiling->transposed ? across : along;
  if (!figure->row_titles) figure->row_titles = wb_figure_alloc(figure, tiling->rows, sizeof(char *));
  if (!figure->col_titles)
    figure->col_titles = wb_figure_alloc(figure, tiling->cols + tiling->first, sizeof(char *));
  if (figure->row_titles && figure->col_titles) {
    char *along_title = position_title(chart, figure, cell->position);
    char *across_title = wb_figure_text(figure, "%s", line->label);
    figure->row_titles[row] = tiling->transposed ? along_title : across_title;
    figure->col_titles[col + tiling->first] = tiling->transposed ? across_title : along_title;
  }
  return wb_figure_panel(figure, row, col + tiling->first, NULL);
}
