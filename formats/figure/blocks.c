/* blocks.c: the numbers of a figure, a block per layer. See figure_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "figure/figure_internal.h"
#include "text/number.h"

/* Text without line breaks. */
static void put_text(FILE *out, const char *text) {
  for (; text && *text; text++) putc((unsigned char)*text < ' ' ? ' ' : *text, out);
}

static void put_number(FILE *out, double value) {
  char text[WB_NUMBER_SIZE];
  if (isnan(value))
    fputs("NaN", out);
  else
    fwrite(text, 1, wb_print_number(value, text), out);
}

static void put_row(FILE *out, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    put_number(out, values[i]);
    putc(i + 1 < count ? '\t' : '\n', out);
  }
}

/* A level is a point at either end of the x axis. */
static void put_points(FILE *out, const wb_panel *panel, const wb_layer *layer) {
  const bool level = layer->kind == WB_LAYER_LEVEL, range = layer->low && layer->high;
  fputs(range ? "# x\ty\tlow\thigh\n" : "# x\ty\n", out);
  for (size_t i = 0; i < (level ? 2 : layer->rows); i++) {
    const size_t k = level ? 0 : i;
    const double x = !level ? layer->x[i] : i ? panel->x.high : panel->x.low;
    put_row(out, (const double[]){x, layer->y[k], range ? layer->low[k] : 0, range ? layer->high[k] : 0},
            range ? 4 : 2);
  }
}

/* gnuplot draws images of at least 2 x 2: a single row or column is written twice. */
static void put_heat(FILE *out, const wb_layer *layer) {
  const size_t down = layer->rows == 1 ? 2 : 1, along = layer->cols == 1 ? 2 : 1;
  for (size_t r = 0; r < layer->rows * down; r++)
    for (size_t c = 0; c < layer->cols * along; c++) {
      put_number(out, layer->z[r / down * layer->cols + c / along]);
      putc(c + 1 < layer->cols * along ? '\t' : '\n', out);
    }
}

static void put_image(FILE *out, const wb_layer *layer) {
  fputs("# column\trow\tred\tgreen\tblue\n", out);
  for (size_t i = 0; i < layer->rows * layer->cols; i++)
    fprintf(out, "%zu\t%zu\t%.0f\t%.0f\t%.0f\n", i % layer->cols, i / layer->cols, layer->z[3 * i],
            layer->z[3 * i + 1], layer->z[3 * i + 2]);
}

static void put_layer(FILE *out, const wb_panel *panel, const wb_layer *layer, size_t index) {
  fprintf(out, "# block %zu: row %u, column %u", index, panel->row, panel->col);
  if (panel->title) fputs(", ", out);
  put_text(out, panel->title);
  if (layer->label) fputs(": ", out);
  put_text(out, layer->label);
  putc('\n', out);
  if (layer->rows == 0 || layer->cols == 0)
    fputs("NaN\tNaN\n", out); // a block without data would not count
  else if (layer->kind == WB_LAYER_HEAT)
    put_heat(out, layer);
  else if (layer->kind == WB_LAYER_IMAGE)
    put_image(out, layer);
  else
    put_points(out, panel, layer);
  fputs("\n\n", out);
}

wb_status wb_figure_write_data(const wb_figure *figure, const char *path, wb_error *err) {
  FILE *out = fopen(path, "w");
  if (!out) return wb_fail_errno(err, "cannot write %s", path);
  size_t index = 0;
  for (size_t i = 0; i < figure->panel_count; i++)
    for (size_t k = 0; k < figure->panels[i]->layer_count; k++)
      put_layer(out, figure->panels[i], figure->panels[i]->layers[k], index++);
  const bool failed = ferror(out) != 0;
  return fclose(out) != 0 || failed ? wb_fail_errno(err, "cannot write %s", path) : WB_OK;
}
