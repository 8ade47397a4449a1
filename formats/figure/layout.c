/* layout.c: where everything goes, in pixels. See figure_internal.h.
 *
 * From top to bottom: title, legend, column titles, rows of panels, caption. Columns and rows are as far
 * apart as their numbers and titles need. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <string.h>

#include "figure/figure_internal.h"

enum {
  MARGIN = 12,
  GAP = 16,
  TILE_GAP = 6,
  AXIS_TITLE = 20, // of a line of text along an axis
  LEAST_WIDTH = 420
};

static double gap(const wb_figure *figure) {
  return figure->tiles ? TILE_GAP : GAP;
}

double wb_axis_numbers_left(const wb_panel *panel, double height) {
  const wb_axis *axis = &panel->y;
  double width = 0;
  for (size_t i = 0; i < axis->category_count; i++)
    width = fmax(width, wb_text_width(axis->categories[i], WB_FONT));
  if (!axis->categories && !axis->bare) {
    char text[32];
    const double step = wb_axis_step(axis->low, axis->high, height / WB_TICK_HEIGHT);
    for (double t = ceil(axis->low / step) * step; t <= axis->high && !axis->log; t += step) {
      // gnuplot draws a real minus sign, as wide as a plus.
      snprintf(text, sizeof text, "%s%.6g", t < -step / 2 ? "+" : "", fabs(t) < step / 2 ? 0 : fabs(t));
      width = fmax(width, wb_text_width(text, WB_FONT));
    }
    if (axis->log) width = wb_text_width("0.0001", WB_FONT);
  }
  return width > 0 ? width + 15 : 0;
}

bool wb_axis_crowded(const wb_axis *axis, double width) {
  double sum = 0;
  for (size_t i = 0; i < axis->category_count; i++)
    if (*axis->categories[i]) sum += wb_text_width(axis->categories[i], WB_FONT) + 8;
  return sum > width;
}

double wb_axis_numbers_below(const wb_figure *figure, const wb_panel *panel) {
  const wb_axis *axis = &panel->x;
  double height = axis->bare ? 0 : 26;
  if (wb_axis_crowded(axis, figure->width))
    for (size_t i = 0; i < axis->category_count; i++)
      height = fmax(height, 12 + wb_text_width(axis->categories[i], WB_FONT));
  return height;
}

static double left_space(const wb_figure *figure, const wb_panel *panel) {
  return wb_axis_numbers_left(panel, figure->height) + (panel->y.label ? AXIS_TITLE : 0);
}

static double bottom_space(const wb_figure *figure, const wb_panel *panel) {
  return wb_axis_numbers_below(figure, panel) + (panel->x.label ? AXIS_TITLE : 0);
}

/* Whether another panel with such an axis lies to the left in the same row, or below in the same column. */
static bool neighbour(const wb_figure *figure, const wb_panel *panel, bool below) {
  for (size_t i = 0; i < figure->panel_count; i++) {
    const wb_panel *other = figure->panels[i];
    if (below ? other->col == panel->col && other->row > panel->row && wb_axis_alike(&other->x, &panel->x)
              : other->row == panel->row && other->col < panel->col && wb_axis_alike(&other->y, &panel->y))
      return true;
  }
  return false;
}

/* Left edges of the columns; returns the right edge of the last. */
static double place_columns(const wb_figure *figure, wb_layout *layout) {
  double x = MARGIN + layout->header;
  for (uint32_t col = 0; col < figure->cols; col++) {
    double space = 0;
    for (size_t i = 0; i < figure->panel_count; i++)
      if (figure->panels[i]->col == col && layout->left[i])
        space = fmax(space, left_space(figure, figure->panels[i]));
    x = ceil(x + space + (col ? gap(figure) : 0)); // whole pixels keep maps sharp
    for (size_t i = 0; i < figure->panel_count; i++)
      if (figure->panels[i]->col == col) {
        layout->panels[i].left = x;
        layout->panels[i].width = figure->width;
      }
    x += figure->width;
  }
  return x;
}

/* Top edges of the rows from y down; returns the bottom of the last with its axis. */
static double place_rows(const wb_figure *figure, wb_layout *layout, double y) {
  for (uint32_t row = 0; row < figure->rows; row++) {
    double above = 0, below = 0;
    for (size_t i = 0; i < figure->panel_count; i++) {
      const wb_panel *panel = figure->panels[i];
      if (panel->row != row) continue;
      const size_t lines = wb_text_lines(panel->title);
      above = fmax(above, lines ? (double)lines * WB_LINE_HEIGHT + 6 : 0);
      if (layout->bottom[i]) below = fmax(below, bottom_space(figure, panel));
    }
    y = ceil(y + above + (row ? gap(figure) : 0));
    for (size_t i = 0; i < figure->panel_count; i++)
      if (figure->panels[i]->row == row) {
        layout->panels[i].top = y;
        layout->panels[i].height = figure->height;
      }
    y += figure->height + below;
  }
  return y;
}

static bool in_legend(const wb_layout *layout, const char *label) {
  for (size_t i = 0; i < layout->legend_count; i++)
    if (!strcmp(layout->legend[i].layer->label, label)) return true;
  return false;
}

/* Entries from left to right, broken at the figure's width; returns the bottom. */
static double place_legend(wb_figure *figure, wb_layout *layout, double y) {
  size_t most = 0;
  for (size_t i = 0; i < figure->panel_count; i++) most += figure->panels[i]->layer_count;
  layout->legend = wb_figure_alloc(figure, most, sizeof *layout->legend);
  const double start =
      MARGIN + (figure->legend_title ? wb_text_width(figure->legend_title, WB_FONT) + 12 : 0);
  double x = start;
  layout->legend_y = y + WB_LINE_HEIGHT / 2.0;
  for (size_t i = 0; i < figure->panel_count && layout->legend; i++)
    for (size_t k = 0; k < figure->panels[i]->layer_count; k++) {
      const wb_layer *layer = figure->panels[i]->layers[k];
      if (!layer->label || in_legend(layout, layer->label)) continue;
      const double width = WB_LEGEND_SAMPLE + 6 + wb_text_width(layer->label, WB_FONT);
      if (x > start && x + width > layout->width - MARGIN) {
        x = start;
        y += WB_LINE_HEIGHT + 3;
      }
      layout->legend[layout->legend_count++] = (wb_legend_entry){layer, x, y + WB_LINE_HEIGHT / 2.0};
      x += width + 16;
    }
  return layout->legend_count ? y + WB_LINE_HEIGHT + 8 : y;
}

static double header_width(wb_figure *figure) {
  double width = 0;
  for (uint32_t row = 0; figure->row_titles && row < figure->rows; row++) {
    figure->row_titles[row] = wb_text_wrap(figure, figure->row_titles[row], WB_FONT, 130);
    width = fmax(width, wb_text_width(figure->row_titles[row], WB_FONT));
  }
  return width > 0 ? width + 15 : 0;
}

static double column_titles(wb_figure *figure) {
  size_t lines = 0;
  for (uint32_t col = 0; figure->col_titles && col < figure->cols; col++) {
    figure->col_titles[col] = wb_text_wrap(figure, figure->col_titles[col], WB_FONT, fmax(figure->width, 40));
    const size_t own = wb_text_lines(figure->col_titles[col]);
    lines = own > lines ? own : lines;
  }
  return lines ? (double)lines * WB_LINE_HEIGHT + 4 : 0;
}

/* Width of the colour bar with its numbers and title. */
static double bar_space(const wb_figure *figure) {
  double numbers = wb_text_width("-0.000", WB_FONT);
  for (size_t i = 0; figure->colour_names && (double)i < figure->z_high; i++)
    numbers = fmax(numbers, wb_text_width(figure->colour_names[i], WB_FONT));
  return !figure->colour_bar ? 0 : 14 + 12 + 14 + numbers + (figure->colour_label ? AXIS_TITLE : 0);
}

static void place_colour_bar(const wb_figure *figure, wb_layout *layout, double right, double bottom) {
  if (!figure->colour_bar || !figure->panel_count) return;
  const double top = layout->panels[0].top;
  double height = fmin(fmax(bottom - top, 40), 220);
  for (size_t i = 0; figure->colour_names && (double)i < figure->z_high; i++)
    height = fmax(height, (double)(i + 1) * WB_LINE_HEIGHT);
  height = fmax(height, fmin(wb_text_width(figure->colour_label, WB_FONT), 300));
  layout->colour_bar = (wb_rect){right + 14, top, 12, height};
}

wb_status wb_figure_layout(wb_figure *figure, wb_layout *layout, wb_error *err) {
  *layout = (wb_layout){0};
  layout->panels = wb_figure_alloc(figure, figure->panel_count, sizeof *layout->panels);
  layout->left = wb_figure_alloc(figure, figure->panel_count, sizeof *layout->left);
  layout->bottom = wb_figure_alloc(figure, figure->panel_count, sizeof *layout->bottom);
  if (figure->failed) return wb_fail_nomem(err, "a figure", sizeof *layout);
  wb_figure_ranges(figure);
  for (size_t i = 0; i < figure->panel_count; i++) {
    layout->left[i] = !figure->share_y || !neighbour(figure, figure->panels[i], false);
    layout->bottom[i] = !figure->share_x || !neighbour(figure, figure->panels[i], true);
  }
  layout->header = header_width(figure);
  const double right = place_columns(figure, layout) + (figure->tiles ? 0 : 6);
  layout->width = fmax(right + bar_space(figure) + MARGIN, LEAST_WIDTH);

  double y = MARGIN + (figure->title ? WB_LINE_HEIGHT + 6 : 0);
  y = place_legend(figure, layout, y);
  y += column_titles(figure);
  layout->title_bottom = y - 4;
  y = place_rows(figure, layout, y);
  place_colour_bar(figure, layout, right, y);
  if (figure->colour_bar && figure->panel_count)
    y = fmax(y, layout->colour_bar.top + layout->colour_bar.height);
  layout->caption = wb_text_wrap(figure, figure->caption, WB_FONT_SMALL, layout->width - 2 * MARGIN);
  layout->caption_y = y + 16;
  layout->height = layout->caption_y + (double)wb_text_lines(layout->caption) * (WB_FONT_SMALL + 3) + 8;
  return figure->failed ? wb_fail_nomem(err, "a figure", sizeof *layout) : WB_OK;
}
