/* figure_internal.h: between the files of this folder: text metrics, the layout in pixels, the data file.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_FIGURE_INTERNAL_H
#define WB_FIGURE_INTERNAL_H

#include <stdio.h>

#include "figure/figure.h"

enum { WB_FONT = 13, WB_FONT_SMALL = 11, WB_LINE_HEIGHT = 15 }; // pixels
enum { WB_TICK_HEIGHT = 45 };                                   // pixels of a y axis for each number, about

/* Width of one or several lines of UTF-8 in an average sans-serif, rather too large than too small. */
double wb_text_width(const char *text, double font);
size_t wb_text_lines(const char *text); // 0 for NULL and ""

typedef struct wb_rect {
  double left, top, width, height; // pixels, from the top left
} wb_rect;

typedef struct wb_legend_entry {
  const wb_layer *layer;
  double x, y; // of its left middle
} wb_legend_entry;

typedef struct wb_layout {
  double width, height; // of the figure
  wb_rect *panels;      // (panel_count): plot areas
  bool *left, *bottom;  // (panel_count): shows numbers and title of its y, x axis
  wb_rect colour_bar;
  wb_legend_entry *legend;
  size_t legend_count;
  double legend_y; // of the legend's title
  double caption_y;
  char *caption;       // wrapped
  double header;       // width of the row titles
  double title_bottom; // of the column titles
} wb_layout;

/* Fills in the ranges of all axes, too. Memory is the figure's. */
wb_status wb_figure_layout(wb_figure *figure, wb_layout *layout, wb_error *err);

enum { WB_LEGEND_SAMPLE = 26 }; // pixels of line before an entry's text

/* Whether two axes have the same label: they measure the same. */
bool wb_axis_alike(const wb_axis *a, const wb_axis *b);

/* Sets what the caller left open of the ranges of all axes: the extent of the data and a little more. */
void wb_figure_ranges(wb_figure *figure);

/* Whether the category names do not fit side by side below a panel of that width. */
bool wb_axis_crowded(const wb_axis *axis, double width);

/* Pixels taken by the numbers or names beside a y axis of that height and below an x axis. */
double wb_axis_numbers_left(const wb_panel *panel, double height);
double wb_axis_numbers_below(const wb_figure *figure, const wb_panel *panel);

/* A step between ticks of 1, 2 or 5 times a power of ten that makes about `count` of them. */
double wb_axis_step(double low, double high, double count);

/* The numbers of all layers as blocks that gnuplot finds by `index`, in the order of panels and layers. */
wb_status wb_figure_write_data(const wb_figure *figure, const char *path, wb_error *err);
void wb_figure_write_script(const wb_figure *figure, const wb_layout *layout, FILE *out);

#endif
