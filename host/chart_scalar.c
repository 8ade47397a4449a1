/* chart_scalar.c: numbers against the varied factor, or as dots by condition. See charts.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"

/* Mean over the runs, and what the band spans: one sd to either side, or the interval that the plugin gives
 * in the outputs NAME-low and NAME-high. */
typedef struct spread {
  size_t n;
  double mean, low, high, sem;
} spread;

static double side_value(const wb_chart *chart, int32_t condition, wb_figure *figure, const char *ending) {
  const char *name = wb_figure_text(figure, "%s%s", chart->output->name, ending);
  const wb_value **values;
  return name && wb_chart_values(chart, condition, name, &values) == 1 ? values[0]->data[0] : NAN;
}

static spread spread_of(const wb_chart *chart, wb_figure *figure, int32_t condition) {
  const wb_value **values;
  const size_t n = wb_chart_values(chart, condition, chart->output->name, &values);
  double *numbers = wb_figure_alloc(figure, n, sizeof *numbers);
  for (size_t i = 0; numbers && i < n; i++) numbers[i] = values[i]->data[0];
  const wb_summary s = wb_summarize(numbers, numbers ? n : 0);
  if (chart->study->spec->scope == WB_PER_RUN)
    return (spread){s.n, s.mean, s.mean - s.sd, s.mean + s.sd, s.sem};
  const double low = side_value(chart, condition, figure, "-low"),
               high = side_value(chart, condition, figure, "-high");
  return (spread){s.n, s.mean, low, high, NAN};
}

static void put_level(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_line *line) {
  const wb_grouping *g = chart->grouping;
  for (const wb_line *l = g->lines; l < line; l++)
    if (l->level == line->level) return; // a control that several lines share
  const spread s = spread_of(chart, figure, line->level);
  if (!s.n) return;
  wb_layer *layer = wb_panel_level(figure, panel, s.mean, s.mean - s.sem, s.mean + s.sem);
  size_t sharing = 0;
  for (size_t i = 0; i < g->line_count; i++) sharing += g->lines[i].level == line->level;
  char *label = wb_condition_label(chart->study, &chart->study->conditions[line->level]);
  layer->label = wb_figure_text(figure, "%s", label && *label ? label : "control");
  layer->colour = sharing > 1 || g->line_count == 1 ? 0x555555 : line->colour;
  layer->dash = WB_DASHED;
  layer->width = 0.8;
  free(label);
}

/* Whether the line is the dotted one of a pair that differs in dropout alone: the caption explains it. */
static bool is_twin(const wb_grouping *g, const wb_line *line) {
  for (size_t i = 0; i < g->line_count && line->dash == WB_DOTTED; i++)
    if (g->lines[i].dash != WB_DOTTED && g->lines[i].colour == line->colour && g->lines[i].mark == line->mark)
      return true;
  return false;
}

static void put_line(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_line *line) {
  const size_t n = chart->grouping->position_count;
  double *x = wb_figure_alloc(figure, 4 * n, sizeof *x);
  if (!x) return;
  double *y = x + n, *low = y + n, *high = low + n;
  size_t count = 0, known = 0, ranges = 0;
  for (size_t i = 0; i < n; i++) {
    if (line->points[i] < 0) continue;
    const spread s = spread_of(chart, figure, line->points[i]);
    x[count] = (double)i;
    y[count] = s.mean;
    low[count] = s.low;
    high[count] = s.high;
    known += s.n > 0;
    ranges += !isnan(s.low);
    count++;
  }
  if (!known) return;
  const uint32_t style = WB_DRAW_LINE | WB_DRAW_MARKS |
                         (ranges > 1 ? WB_DRAW_BAND
                          : ranges   ? WB_DRAW_BARS
                                     : 0);
  wb_layer *layer = wb_panel_xy(figure, panel, style, count, x, y, ranges ? low : NULL, ranges ? high : NULL);
  if (*line->label && !is_twin(chart->grouping, line))
    layer->label = wb_figure_text(figure, "%s", line->label);
  layer->colour = line->colour;
  layer->dash = line->dash;
  layer->mark = line->mark;
}

/* The height of a line where there is no topography, over the whole panel. */
static void put_zero_line(const wb_chart *chart, wb_figure *figure, wb_panel *panel, const wb_line *line) {
  const wb_grouping *g = chart->grouping;
  if (!g->position_count || g->positions[0] != 0 || line->points[0] < 0) return;
  const spread s = spread_of(chart, figure, line->points[0]);
  if (!s.n) return;
  wb_layer *layer = wb_panel_level(figure, panel, s.mean, NAN, NAN);
  layer->colour = line->colour;
  layer->dash = line->dash == WB_DOTTED ? WB_DOTTED : WB_DASHED;
  layer->width = 0.6;
}

/* What lines, bands and levels mean. */
static char *explain(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  const bool per_run = chart->study->spec->scope == WB_PER_RUN;
  bool levels = false, dotted = false;
  size_t most = 0;
  for (size_t i = 0; i < g->line_count; i++) {
    levels = levels || g->lines[i].level >= 0;
    dotted = dotted || g->lines[i].dash == WB_DOTTED;
  }
  const char *seeds = wb_chart_seeds(chart, figure, &most);
  const bool bounded = !isnan(side_value(chart, 0, figure, "-low"));
  const char *interval = bounded ? ", band the interval that the analysis gives" : "";
  const char *control = !levels               ? ""
                        : per_run && most > 1 ? "; dashed the control, band its standard error"
                                              : "; dashed the control";
  char *head = !per_run   ? wb_figure_text(figure, "One value for each condition of %s%s", seeds, interval)
               : most > 1 ? wb_figure_text(figure, "Mean over %s, band one sd", seeds)
                          : wb_figure_text(figure, "One seed for each condition");
  const char *zero = chart->output->flags & WB_OUTPUT_ZERO_LINE && g->position_count && g->positions[0] == 0
                         ? "; horizontal: without topography"
                         : "";
  return wb_figure_text(figure, "%s%s%s%s", head, dotted ? "; dotted without dropout" : "", control, zero);
}

static void against_axis(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  wb_panel *panel = wb_figure_panel(figure, 0, 0, NULL);
  panel->x.label = wb_figure_text(figure, "%s", g->axis_title);
  panel->y.label = wb_chart_title(figure, chart->output);
  panel->y.log = chart->output->flags & WB_OUTPUT_LOG_Y;
  wb_axis_categories(figure, &panel->x, (const char *const *)g->position_names, g->position_count);
  wb_chart_reference(chart, figure, panel);
  for (size_t i = 0; i < g->line_count; i++)
    if (g->lines[i].level >= 0) put_level(chart, figure, panel, &g->lines[i]);
  for (size_t i = 0; i < g->line_count && chart->output->flags & WB_OUTPUT_ZERO_LINE; i++)
    put_zero_line(chart, figure, panel, &g->lines[i]);
  for (size_t i = 0; i < g->line_count; i++) put_line(chart, figure, panel, &g->lines[i]);
  wb_chart_caption(chart, figure, explain(chart, figure));
}

/* A condition's mean with one sd, and each run as a small dot on top. */
static void put_dots(const wb_chart *chart, wb_figure *figure, wb_panel *panel, size_t row) {
  const wb_line *line = &chart->grouping->lines[row];
  const wb_value **values;
  const size_t n = wb_chart_values(chart, line->level, chart->output->name, &values);
  double *x = wb_figure_alloc(figure, 2 * n, sizeof *x);
  if (!x || !n) return;
  for (size_t i = 0; i < n; i++) {
    x[i] = values[i]->data[0];
    x[n + i] = (double)row;
  }
  const spread s = spread_of(chart, figure, line->level);
  const uint32_t bars = isnan(s.low) || isnan(s.high) ? 0 : WB_DRAW_HBARS;
  wb_layer *mean = wb_panel_xy(figure, panel, WB_DRAW_MARKS | bars, 1, &s.mean, x + n, &s.low, &s.high);
  mean->colour = line->colour;
  mean->mark = line->mark;
  mean->size = 1.6;
  mean->width = 0.8;
  if (n < 2) return;
  wb_layer *runs = wb_panel_xy(figure, panel, WB_DRAW_MARKS, n, x, x + n, NULL, NULL);
  runs->colour = 0x222222;
  runs->size = 0.5;
}

static void by_condition(const wb_chart *chart, wb_figure *figure) {
  const wb_grouping *g = chart->grouping;
  const char **names = wb_figure_alloc(figure, g->line_count, sizeof *names);
  wb_panel *panel = wb_figure_panel(figure, 0, 0, NULL);
  size_t most = 0;
  for (size_t i = 0; names && i < g->line_count; i++) {
    const wb_condition *c = g->lines[i].sample;
    const char *objective = wb_factor_get(c->factors, c->factor_count, "objective");
    names[i] = *g->lines[i].label ? g->lines[i].label : objective ? objective : "all runs";
    put_dots(chart, figure, panel, i);
  }
  if (names) wb_axis_categories(figure, &panel->y, names, g->line_count);
  panel->y.reversed = true;
  panel->x.label = wb_chart_title(figure, chart->output);
  panel->x.log = chart->output->flags & WB_OUTPUT_LOG_Y;
  figure->width = 300;
  figure->height = 30 + 24 * (double)g->line_count;
  const char *seeds = wb_chart_seeds(chart, figure, &most);
  wb_chart_caption(
      chart, figure,
      most > 1 ? wb_figure_text(figure, "Mean and one sd over %s; small dots are single runs", seeds) : NULL);
}

void wb_chart_scalar(const wb_chart *chart, wb_figure *figure) {
  if (chart->study->spec->scope == WB_PER_STUDY) return; // one number is no figure
  if (chart->grouping->axis)
    against_axis(chart, figure);
  else
    by_condition(chart, figure);
}
