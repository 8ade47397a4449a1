/* figures.c: see figures.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"
#include "heap.h"

#define GNUPLOT_SECONDS 60.0

typedef struct writer {
  const wb_study *study;
  const char *folder, *earlier, *shown;
  wb_figure_entry *entries;
  size_t count;
  bool no_gnuplot;
  char *warning;
} writer;

/* The output that the plugin's own figure shows: the first headline, or else the first that is drawn at all.
 */
static const wb_output *main_output(const wb_spec *spec) {
  const wb_output *first = NULL;
  for (size_t i = 0; i < spec->output_count; i++) {
    const wb_output *output = &spec->outputs[i];
    if (output->plot == WB_PLOT_NONE || output->plot == WB_PLOT_IMAGES) continue;
    if (output->flags & WB_OUTPUT_HEADLINE) return output;
    if (!first) first = output;
  }
  return first;
}

/* ID for the main output, ID-OUTPUT for the others: tables have the names of outputs. */
static char *figure_name(const wb_spec *spec, const wb_output *output) {
  return output == main_output(spec) ? wb_copy(spec->id) : wb_format("%s-%s", spec->id, output->name);
}

/* Whether a scalar only bounds another one: NAME-low or NAME-high. */
static bool is_bound(const wb_spec *spec, const wb_output *output) {
  const char *dash = strrchr(output->name, '-');
  if (!dash || (strcmp(dash, "-low") != 0 && strcmp(dash, "-high") != 0)) return false;
  for (size_t i = 0; i < spec->output_count; i++)
    if (strlen(spec->outputs[i].name) == (size_t)(dash - output->name) &&
        strncmp(spec->outputs[i].name, output->name, (size_t)(dash - output->name)) == 0)
      return true;
  return false;
}

/* Whether images or a curve are drawn beside another output, and not by themselves. */
static bool is_beside(const wb_spec *spec, const wb_output *output) {
  for (size_t i = 0; i < spec->output_count; i++)
    if (spec->outputs[i].beside && !strcmp(spec->outputs[i].beside, output->name)) return true;
  return false;
}

/* Fills figure number `part` of an output; false past the last. */
static bool draw(const wb_chart *chart, wb_figure *figure, size_t part) {
  const wb_output *output = chart->output;
  if (output->shape == WB_MATRIX && output->plot == WB_PLOT_MAPS) return wb_chart_maps(chart, figure, part);
  const bool beside = output->shape == WB_CURVE || output->plot == WB_PLOT_IMAGES;
  if (part > 0 || output->plot == WB_PLOT_NONE) return false;
  if (beside && is_beside(chart->study->spec, output)) return false;
  if (output->plot == WB_PLOT_IMAGES)
    wb_chart_images(chart, figure);
  else if (output->shape == WB_MATRIX && output->plot == WB_PLOT_PANELS)
    wb_chart_columns(chart, figure);
  else if (output->shape == WB_SCALAR && !is_bound(chart->study->spec, output))
    wb_chart_scalar(chart, figure);
  else if (output->shape == WB_CURVE && output->plot == WB_PLOT_LINES)
    wb_chart_lines(chart, figure);
  else if (output->shape == WB_CURVE)
    wb_chart_curve(chart, figure);
  else if (output->shape == WB_MATRIX)
    wb_chart_matrix(chart, figure);
  else if (output->shape == WB_POINTS)
    wb_chart_points(chart, figure);
  else if (output->shape == WB_HISTOGRAM)
    wb_chart_histogram(chart, figure);
  return true;
}

static bool is_empty(const wb_figure *figure) {
  for (size_t i = 0; i < figure->panel_count; i++)
    for (size_t k = 0; k < figure->panels[i]->layer_count; k++)
      if (figure->panels[i]->layers[k]->kind != WB_LAYER_LEVEL) return false;
  return !figure->failed;
}

/* The first failure counts; without gnuplot there is no use in trying again. */
static void warn(writer *w, const char *name, const wb_error *problem) {
  const bool missing = problem->status == WB_UNSUPPORTED;
  w->no_gnuplot = w->no_gnuplot || missing;
  if (w->warning) return;
  if (missing)
    w->warning =
        wb_format("%s, so the figures were not drawn; their data and scripts are in %s. Draw one with: "
                  "gnuplot %s/%s.gp",
                  problem->message, w->shown, w->shown, name);
  else
    w->warning = wb_format("a figure was not drawn: %s. Its data and script are in %s; try: gnuplot %s/%s.gp",
                           problem->message, w->shown, w->shown, name);
}

static wb_status add(writer *w, const wb_output *output, wb_figure *figure, wb_error *err) {
  wb_error problem = {0};
  const wb_status status = wb_figure_write(figure, w->folder, err);
  if (status != WB_OK) return status;
  wb_grow(w->entries, w->count);
  w->entries[w->count++] = (wb_figure_entry){wb_copy(figure->name), output->name, wb_copy(figure->caption)};
  if (wb_figure_reuse(w->earlier, w->folder, figure->name)) return WB_OK;
  if (!w->no_gnuplot && wb_figure_draw(w->folder, figure->name, GNUPLOT_SECONDS, &problem) != WB_OK)
    warn(w, figure->name, &problem);
  return WB_OK;
}

static wb_status write_output(writer *w, wb_chart *chart, wb_error *err) {
  wb_status status = WB_OK;
  char *name = figure_name(w->study->spec, chart->output);
  bool more = true;
  for (size_t part = 0; more && status == WB_OK; part++) {
    wb_figure *figure = wb_figure_new(name);
    if (!figure)
      status = wb_fail_nomem(err, "a figure", sizeof *figure);
    else if ((more = draw(chart, figure, part)) && !is_empty(figure))
      status = add(w, chart->output, figure, err);
    wb_figure_free(figure);
  }
  free(name);
  return status;
}

wb_status wb_figures_write(const wb_study *study, const char *folder, const char *earlier, const char *shown,
                           wb_figure_entry **figures, size_t *count, char **warning, wb_error *err) {
  writer w = {.study = study, .folder = folder, .earlier = earlier, .shown = shown};
  wb_grouping grouping = {0};
  wb_chart chart = {.study = study, .grouping = &grouping};
  *figures = NULL;
  *count = 0;
  *warning = NULL;
  wb_status status = WB_OK;
  wb_grouping_make(study, &grouping);
  chart.values = wb_new(const wb_value *, study->run_count);
  for (size_t i = 0; i < study->spec->output_count && status == WB_OK; i++) {
    chart.output = &study->spec->outputs[i];
    status = write_output(&w, &chart, err);
  }
  free(chart.values);
  wb_grouping_free(&grouping);
  if (status != WB_OK) {
    wb_figure_entries_free(w.entries, w.count);
    free(w.warning);
    return status;
  }
  *figures = w.entries;
  *count = w.count;
  *warning = w.warning;
  return WB_OK;
}

void wb_figure_entries_free(wb_figure_entry *figures, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(figures[i].name);
    free(figures[i].caption);
  }
  free(figures);
}
