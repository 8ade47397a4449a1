/* figure.c: see figure.h; building. SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure/figure.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figure/figure_internal.h"

/* A link of the chain of everything that a figure owns. */
typedef struct wb_block {
  struct wb_block *next;
  max_align_t data[];
} wb_block;

/* What the building functions hand out without memory. Never read: wb_figure_write refuses first. */
static _Thread_local wb_panel scratch_panel;
static _Thread_local wb_layer scratch_layer;

void *wb_figure_alloc(wb_figure *figure, size_t count, size_t size) {
  if (!figure) return NULL;
  wb_block *block = count <= (SIZE_MAX - sizeof *block) / (size ? size : 1)
                        ? calloc(1, sizeof *block + count * size)
                        : NULL;
  if (!block) {
    figure->failed = true;
    return NULL;
  }
  block->next = figure->memory;
  figure->memory = block;
  return block->data;
}

char *wb_figure_text(wb_figure *figure, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = length < 0 ? NULL : wb_figure_alloc(figure, (size_t)length + 1, 1);
  if (!text) return NULL;
  va_start(args, format);
  vsnprintf(text, (size_t)length + 1, format, args);
  va_end(args);
  return text;
}

void wb_figure_rename(wb_figure *figure, const char *name) {
  figure->name = wb_figure_text(figure, "%s", name ? name : "");
  for (char *c = figure->name; c && *c; c++)
    if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) *c = '_';
}

wb_figure *wb_figure_new(const char *name) {
  wb_figure *figure = calloc(1, sizeof *figure);
  if (!figure) return NULL;
  wb_figure_rename(figure, name);
  figure->z_low = figure->z_high = NAN;
  figure->width = 400;
  figure->height = 250;
  return figure;
}

void wb_figure_free(wb_figure *figure) {
  if (!figure) return;
  for (wb_block *block = figure->memory, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  free(figure);
}

/* The list with `item` appended. */
static void **append(wb_figure *figure, void **list, size_t *count, void *item) {
  const bool full = (*count & (*count - 1)) == 0; // 0 or a power of two
  if (full) {
    void **larger = wb_figure_alloc(figure, *count ? 2 * *count : 1, sizeof *larger);
    if (!larger) return list;
    if (*count) memcpy(larger, list, *count * sizeof *larger);
    list = larger;
  }
  list[(*count)++] = item;
  return list;
}

wb_panel *wb_figure_panel(wb_figure *figure, uint32_t row, uint32_t col, const char *title) {
  wb_panel *panel = wb_figure_alloc(figure, 1, sizeof *panel);
  if (!panel) return &scratch_panel;
  panel->row = row;
  panel->col = col;
  panel->title = title ? wb_figure_text(figure, "%s", title) : NULL;
  panel->z_low = panel->z_high = panel->x.low = panel->x.high = panel->y.low = panel->y.high = NAN;
  if (figure->rows <= row) figure->rows = row + 1;
  if (figure->cols <= col) figure->cols = col + 1;
  figure->panels = (wb_panel **)append(figure, (void **)figure->panels, &figure->panel_count, panel);
  return panel;
}

char **wb_figure_texts(wb_figure *figure, const char *const *texts, size_t count) {
  char **copy = wb_figure_alloc(figure, count, sizeof *copy);
  for (size_t i = 0; copy && i < count; i++) copy[i] = wb_figure_text(figure, "%s", texts[i] ? texts[i] : "");
  return copy;
}

void wb_axis_categories(wb_figure *figure, wb_axis *axis, const char *const *names, size_t count) {
  axis->categories = wb_figure_texts(figure, names, count);
  axis->category_count = axis->categories ? count : 0;
}

static wb_layer *add_layer(wb_figure *figure, wb_panel *panel, wb_layer_kind kind, size_t rows, size_t cols) {
  wb_layer *layer = wb_figure_alloc(figure, 1, sizeof *layer);
  if (!layer || panel == &scratch_panel) return &scratch_layer;
  *layer = (wb_layer){.kind = kind, .rows = rows, .cols = cols, .size = 1, .width = 1};
  panel->layers = (wb_layer **)append(figure, (void **)panel->layers, &panel->layer_count, layer);
  return layer;
}

static double *copy_numbers(wb_figure *figure, const double *from, size_t count) {
  if (!from) return NULL;
  double *copy = wb_figure_alloc(figure, count, sizeof *copy);
  if (copy && count) memcpy(copy, from, count * sizeof *copy);
  return copy;
}

wb_layer *wb_panel_xy(wb_figure *figure, wb_panel *panel, uint32_t style, size_t n, const double *x,
                      const double *y, const double *low, const double *high) {
  wb_layer *layer = add_layer(figure, panel, WB_LAYER_XY, n, 1);
  layer->style = style;
  layer->x = copy_numbers(figure, x, n);
  layer->y = copy_numbers(figure, y, n);
  layer->low = copy_numbers(figure, low, n);
  layer->high = copy_numbers(figure, high, n);
  return layer;
}

wb_layer *wb_panel_level(wb_figure *figure, wb_panel *panel, double y, double low, double high) {
  wb_layer *layer = add_layer(figure, panel, WB_LAYER_LEVEL, 1, 1);
  layer->y = copy_numbers(figure, &y, 1);
  if (!isnan(low) && !isnan(high)) {
    layer->low = copy_numbers(figure, &low, 1);
    layer->high = copy_numbers(figure, &high, 1);
  }
  return layer;
}

wb_layer *wb_panel_heat(wb_figure *figure, wb_panel *panel, size_t rows, size_t cols, const double *z) {
  wb_layer *layer = add_layer(figure, panel, WB_LAYER_HEAT, rows, cols);
  layer->z = copy_numbers(figure, z, rows * cols);
  return layer;
}

wb_layer *wb_panel_image(wb_figure *figure, wb_panel *panel, size_t rows, size_t cols, const double *rgb) {
  wb_layer *layer = add_layer(figure, panel, WB_LAYER_IMAGE, rows, cols);
  layer->z = copy_numbers(figure, rgb, rows * cols * 3);
  return layer;
}

uint32_t wb_colour_series(size_t index) {
  static const uint32_t colours[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7,
                                     0xE69F00, 0x56B4E9, 0x000000, 0xB8A500};
  return colours[index % 8];
}

uint32_t wb_colour_class(size_t index) {
  static const uint32_t colours[] = {0x332288, 0xCC6677, 0x117733, 0xDDCC77, 0x88CCEE,
                                     0xAA4499, 0x44AA99, 0x882255, 0x999933, 0x666666};
  return colours[index % 10];
}

/* Straight lines in RGB between stops of plasma, which stay dark enough to be seen as lines on white. */
uint32_t wb_colour_ramp(size_t index, size_t count) {
  static const uint32_t stops[] = {0x0D0887, 0x6A00A8, 0xB12A90, 0xE16462, 0xFCA636};
  const double t = count > 1 ? 4.0 * (double)index / (double)(count - 1) : 0;
  const size_t k = t >= 4 ? 3 : (size_t)t;
  uint32_t colour = 0;
  for (int shift = 16; shift >= 0; shift -= 8) {
    const double a = (stops[k] >> shift) & 255, b = (stops[k + 1] >> shift) & 255;
    colour |= (uint32_t)lround(a + (t - (double)k) * (b - a)) << shift;
  }
  return colour;
}
