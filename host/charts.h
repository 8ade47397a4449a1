/* charts.h: between figures.c and the files that draw one kind of output each. A chart function
 * fills an empty figure, and leaves it empty where there is nothing to draw. Memory is the figure's: what
 * could not be had is reported when the figure is written. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CHARTS_H
#define WB_CHARTS_H

#include "figure/figure.h"
#include "grouping.h"
#include "statistics.h"
#include "study.h"

typedef struct wb_chart {
  const wb_study *study;
  const wb_grouping *grouping;
  const wb_output *output;
  const wb_value **values; // scratch (run_count or 1), filled by wb_chart_values
} wb_chart;

/* One condition's place in the grouping. */
typedef struct wb_cell {
  int32_t condition; // -1 in a study-wide result
  size_t line;
  int32_t position; // -1: the line's level
} wb_cell;

/* All conditions of all lines, each line's level first; a control shared by lines occurs in each. *count is 0
 * without memory. */
wb_cell *wb_chart_cells(const wb_grouping *grouping, wb_figure *figure, size_t *count);

/* The values that are there; *values points into the chart's scratch until the next call. */
size_t wb_chart_values(const wb_chart *chart, int32_t condition, const char *output,
                       const wb_value ***values);

char *wb_chart_title(wb_figure *figure, const wb_output *output); // "mean distance (units)"
/* The caption: what it is, what is drawn (`drawn` is a sentence or NULL), on which data, n, options. */
void wb_chart_caption(const wb_chart *chart, wb_figure *figure, const char *drawn);
/* One colour scale for all heat maps of the figure, as the output's bounds and flags ask for, and its bar. */
void wb_chart_scale(const wb_chart *chart, wb_figure *figure);
void wb_chart_reference(const wb_chart *chart, wb_figure *figure, wb_panel *panel);
/* "5 seeds", "1 to 5 seeds"; the largest n in *most (may be NULL). */
char *wb_chart_seeds(const wb_chart *chart, wb_figure *figure, size_t *most);
/* Panels in a grid that suits their number, with sizes set: beside an axis one for each line, titled by its
 * label, else one for all. The panel of a cell is that of its line, modulo *count. NULL without memory. */
wb_panel **wb_chart_panels(const wb_chart *chart, wb_figure *figure, size_t *count);

void wb_chart_scalar(const wb_chart *chart, wb_figure *figure);
/* A line per condition; a column of panels for the curve and for each that `beside` puts to its right. */
void wb_chart_curve(const wb_chart *chart, wb_figure *figure);
void wb_chart_lines(const wb_chart *chart, wb_figure *figure);
/* A matrix against the varied factor: a panel per column, in it a line per row. */
void wb_chart_columns(const wb_chart *chart, wb_figure *figure);
/* The rows of the first run's matrix as images; where the first label occurs again a row of the figure
 * begins.
 */
void wb_chart_images(const wb_chart *chart, wb_figure *figure);
void wb_chart_histogram(const wb_chart *chart, wb_figure *figure);
void wb_chart_matrix(const wb_chart *chart, wb_figure *figure);
void wb_chart_points(const wb_chart *chart, wb_figure *figure);
/* Maps of the unit grid. With many conditions a figure holds one emitted row, counted by `part`, whose label
 * or number is appended to the figure's name. False past the last. */
bool wb_chart_maps(const wb_chart *chart, wb_figure *figure, size_t part);
/* Row `row` as an image: planar red, green, blue if the length is three squares, else grey. Values in 0..1 or
 * 0..255, whichever the largest tells. */
void wb_chart_image(wb_figure *figure, wb_panel *panel, const wb_value *value, size_t row);

/* Tiles: the place of a cell in the grid of a figure. */
typedef struct wb_tiling {
  uint32_t rows, cols;
  uint32_t first;  // columns kept free at the left
  bool by_line;    // lines x positions (or transposed); else wrapped, with a title on each tile
  bool transposed; // columns are lines
  bool has_levels; // the first place along the axis is for levels
  double side;     // of a tile, in pixels
} wb_tiling;
/* `reserved` pixels of the page's width are for something else. */
wb_tiling wb_chart_tiling(const wb_grouping *grouping, size_t cell_count, bool transposed, uint32_t first,
                          double reserved);
/* The panel for a cell, with its title or the titles of its row and column. */
wb_panel *wb_chart_tile(const wb_chart *chart, wb_figure *figure, const wb_tiling *tiling,
                        const wb_cell *cell, size_t number);

#endif
