/* chart_panels.c: matrices against the varied factor: a panel per column, a line per row; and images by
 * themselves. See charts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"

enum { MOST_PANELS_ACROSS = 3, MOST_IMAGES_ACROSS = 6 };

/* The first matrix there is, which names the rows and columns. */
static const wb_value *any_matrix(const wb_chart *chart) {
  const wb_value **values;
  for (size_t i = 0; i < chart->study->condition_count; i++)
    if (wb_chart_values(chart, (int32_t)i, chart->output->name, &values)) return values[0];
  return NULL;
}

/* One element over the runs of a condition: mean, and the ends of its band. */
typedef struct element {
  double mean, low, high;
} element;

static double side(const wb_chart *chart, wb_figure *figure, int32_t condition, const wb_value *shape,
                   size_t place, const char *ending) {
  const char *name = wb_figure_text(figure, "%s%s", chart->output->name, ending);
  const wb_value **values;
  if (!name || wb_chart_values(chart, condition, name, &values) != 1) return NAN;
  return values[0]->rows == shape->rows && values[0]->cols == shape->cols ? values[0]->data[place] : NAN;
}

static element element_of(const wb_chart *chart, wb_figure *figure, int32_t condition, const wb_value *shape,
                          size_t place) {
  const wb_value **values;
  const size_t n = condition < 0 ? 0 : wb_chart_values(chart, condition, chart->output->name, &values);
  double *numbers = calloc(n + 1, sizeof *numbers);
  size_t count = 0;
  for (size_t i = 0; numbers && i < n; i++)
    if (values[i]->rows == shape->rows && values[i]->cols == shape->cols)
      numbers[count++] = values[i]->data[place];
  const wb_summary s = wb_summarize(numbers, count);
  free(numbers);
  if (chart->study->spec->scope == WB_PER_RUN) return (element){s.mean, s.mean - s.sd, s.mean + s.sd};
  return (element){s.mean, side(chart, figure, condition, shape, place, "-low"),
                   side(chart, figure, condition, shape, place, "-high")};
}

/* The places along x of one row of panels: those of the axis, or one for each condition. */
typedef struct track {
  const int32_t *points; // condition at each place, -1: none
  size_t count;
} track;

static void put_row(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const track *t,
                    const wb_value *shape, size_t row, size_t col) {
  const size_t n = t->count;
  double *x = wb_figure_alloc(figure, 4 * n, sizeof *x);
  size_t count = 0, ranges = 0;
  for (size_t i = 0; x && i < n; i++) {
    const element e = element_of(chart, figure, t->points[i], shape, row * shape->cols + col);
    if (isnan(e.mean)) continue;
    x[count] = (double)i;
    x[n + count] = e.mean;
    x[2 * n + count] = e.low;
    x[3 * n + count++] = e.high;
    ranges += !isnan(e.low) && !isnan(e.high);
  }
  if (!x || !count) return;
  const bool joined = chart->grouping->axis != NULL;
  const uint32_t style = WB_DRAW_MARKS | (joined ? WB_DRAW_LINE : 0) |
                         (!ranges                ? 0
                          : joined && ranges > 1 ? WB_DRAW_BAND
                                                 : WB_DRAW_BARS);
  const uint32_t colour = wb_colour_series(row);
  if (joined && chart->output->flags & WB_OUTPUT_ZERO_LINE && chart->grouping->positions[0] == 0 &&
      x[0] == 0) {
    wb_layer *level = wb_panel_level(figure, panel, x[n], NAN, NAN);
    level->colour = colour;
    level->dash = WB_DOTTED;
  }
  wb_layer *layer = wb_panel_xy(figure, panel, style, count, x, x + n, ranges ? x + 2 * n : NULL,
                                ranges ? x + 3 * n : NULL);
  layer->colour = colour;
  layer->mark = (uint32_t)row % WB_MARK_COUNT;
  layer->label = shape->row_labels ? wb_figure_text(figure, "%s", shape->row_labels[row])
                                   : wb_figure_text(figure, "%zu", row + 1);
}

static void put_panel(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const track *t,
                      const wb_value *shape, size_t col) {
  const wb_grouping *g = chart->grouping;
  panel->y.label = wb_chart_title(figure, chart->output);
  panel->y.log = chart->output->flags & WB_OUTPUT_LOG_Y;
  if (g->axis) {
    panel->x.label = wb_figure_text(figure, "%s", g->axis_title);
    wb_axis_categories(figure, &panel->x, (const char *const *)g->position_names, g->position_count);
  } else {
    const char **names = wb_figure_alloc(figure, g->line_count, sizeof *names);
    for (size_t i = 0; names && i < g->line_count; i++) names[i] = g->lines[i].label;
    if (names) wb_axis_categories(figure, &panel->x, names, g->line_count);
  }
  wb_chart_reference(chart, figure, panel);
  for (size_t row = 0; row < shape->rows; row++) put_row(chart, figure, panel, t, shape, row, col);
}

static void explain(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  const bool per_run = chart->study->spec->scope == WB_PER_RUN;
  char *low = wb_figure_text(figure, "%s-low", chart->output->name);
  const bool bounded = low && wb_spec_output(chart->study->spec, low);
  const bool zero = chart->output->flags & WB_OUTPUT_ZERO_LINE && g->position_count && g->positions[0] == 0;
  size_t most = 0;
  const char *seeds = wb_chart_seeds(chart, figure, &most);
  wb_chart_caption(chart, figure,
                   wb_figure_text(figure, "%s %s%s%s",
                                  !per_run   ? "One value for each condition of"
                                  : most > 1 ? "Mean over"
                                             : "Values of",
                                  seeds,
                                  per_run   ? most > 1 ? ", band one sd" : ""
                                  : bounded ? ", band the interval that the analysis gives"
                                            : "",
                                  zero ? "; dotted: without topography" : ""));
}

/* Whether a condition of the track has values: where none has, its panels would be empty. */
static bool has_values(const wb_chart *chart, const track *t) {
  const wb_value **values;
  for (size_t i = 0; i < t->count; i++)
    if (t->points[i] >= 0 && wb_chart_values(chart, t->points[i], chart->output->name, &values)) return true;
  return false;
}

void wb_chart_columns(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  const wb_value *shape = any_matrix(chart);
  const size_t tracks = g->axis ? g->line_count : 1;
  int32_t *conditions = wb_figure_alloc(figure, g->line_count, sizeof *conditions);
  if (!shape || !conditions || chart->study->spec->scope == WB_PER_STUDY) return;
  for (size_t i = 0; i < g->line_count; i++) conditions[i] = g->lines[i].level;
  const size_t across = tracks > 1 || shape->cols < MOST_PANELS_ACROSS ? shape->cols : MOST_PANELS_ACROSS;
  figure->share_x = figure->share_y = true;
  figure->width = tracks > 1 ? 170 : across == 1 ? 400 : 230;
  figure->height = tracks > 1 ? 130 : across == 1 ? 250 : 170;
  size_t shown = 0;
  for (size_t i = 0; i < tracks; i++) {
    const track t =
        g->axis ? (track){g->lines[i].points, g->position_count} : (track){conditions, g->line_count};
    if (!has_values(chart, &t)) continue;
    for (size_t col = 0; col < shape->cols; col++) {
      const size_t row = tracks > 1 ? shown : col / across;
      const char *title = shape->col_labels ? shape->col_labels[col] : wb_figure_text(figure, "%zu", col + 1);
      if (tracks > 1) title = wb_figure_text(figure, "%s, %s", g->lines[i].label, title);
      put_panel(chart, figure, wb_figure_panel(figure, (uint32_t)row, (uint32_t)(col % across), title), &t,
                shape, col);
    }
    shown++;
  }
  explain(chart, figure);
}

/* ---- Images ---- */

/* A row of the figure begins where the first label occurs again. */
static size_t images_across(const wb_value *images) {
  for (size_t r = 1; images->row_labels && r < images->rows; r++)
    if (!strcmp(images->row_labels[r], images->row_labels[0])) return r;
  return images->rows < MOST_IMAGES_ACROSS ? images->rows : MOST_IMAGES_ACROSS;
}

void wb_chart_images(const wb_chart *chart, wb_figure *figure) {
  const wb_value *images = any_matrix(chart);
  if (!images || !images->rows || !images->cols) return;
  const size_t across = images_across(images);
  figure->tiles = true;
  figure->width = figure->height = 112;
  for (size_t r = 0; r < images->rows; r++) {
    const char *title = images->row_labels ? images->row_labels[r] : wb_figure_text(figure, "%zu", r + 1);
    wb_chart_image(figure, wb_figure_panel(figure, (uint32_t)(r / across), (uint32_t)(r % across), title),
                   images, r);
  }
  wb_chart_caption(chart, figure, NULL);
}
