/* figure.h: a figure as a grid of panels that hold layers, written as numbers (NAME.tsv) and a gnuplot script
 * (NAME.gp) that draws NAME.svg and NAME.png from them.
 *
 * A figure owns all its memory. The building functions never fail visibly: without memory they hand out a
 * scratch object, and wb_figure_write reports it. They copy what they are given; the fields of panels and
 * layers may then be set directly. One thread at a time. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_FIGURE_H
#define WB_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What an XY layer shows of its points. */
enum {
  WB_DRAW_LINE = 1u << 0,
  WB_DRAW_MARKS = 1u << 1,
  WB_DRAW_BAND = 1u << 2,  // between low and high
  WB_DRAW_BARS = 1u << 3,  // from low to high, in y
  WB_DRAW_HBARS = 1u << 4, // from low to high, in x
  WB_DRAW_STEPS = 1u << 5  // x are n edges: y[i] holds from x[i] to x[i + 1], the last y is not used
};

typedef enum wb_dash { WB_SOLID = 0, WB_DOTTED = 1, WB_DASHED = 2 } wb_dash;

/* Marks tell lines apart without colour. */
enum { WB_MARK_COUNT = 8 };

typedef enum wb_layer_kind {
  WB_LAYER_XY = 1,    // points of a line, a scatter or a step curve
  WB_LAYER_LEVEL = 2, // a horizontal line over the whole panel at y[0], with a band from low[0] to high[0]
  WB_LAYER_HEAT = 3,  // numbers as colours
  WB_LAYER_IMAGE = 4  // red, green, blue in 0..255
} wb_layer_kind;

typedef struct wb_layer {
  wb_layer_kind kind;
  char *label;                        // in the legend, once however often it occurs; NULL: not there
  uint32_t style, colour, dash, mark; // WB_DRAW_ bits, 0xRRGGBB, wb_dash, 0 .. WB_MARK_COUNT - 1
  double size, width;                 // of marks and lines, 1 is normal
  size_t rows, cols;                  // XY: rows points. HEAT, IMAGE: row 0 is drawn on top
  double *x, *y, *low, *high;         // (rows); low and high may be NULL
  double *z;                          // HEAT (rows, cols), IMAGE (rows, cols, 3)
} wb_layer;

typedef struct wb_axis {
  char *label;
  bool log, reversed, bare; // bare: neither ticks nor numbers
  double low, high;         // NAN: from the data
  char **categories;        // ticks at 0, 1, .. ; NULL: a numeric axis
  size_t category_count;
} wb_axis;

typedef enum wb_palette {
  WB_PALETTE_SEQUENTIAL = 0, // viridis
  WB_PALETTE_DIVERGING = 1,  // blue, white, red
  WB_PALETTE_CIRCULAR = 2,   // light, blue, dark, red, light
  WB_PALETTE_CLASSES = 3 // wb_colour_class of 0, 1, .. in equal steps; z_low -0.5, z_high a number and a half
} wb_palette;

typedef struct wb_panel {
  uint32_t row, col;
  char *title; // above the panel; may have several lines
  wb_axis x, y;
  double z_low, z_high; // of the colour scale; NAN: the figure's
  wb_layer **layers;    // drawn in order
  size_t layer_count;
} wb_panel;

typedef struct wb_figure {
  char *name; // of the files: letters, digits, '.', '_' and '-'
  char *title, *caption;
  bool tiles;            // maps and scatters side by side: no axes unless they have labels or categories
  bool share_x, share_y; // panels of one axis label have one range, and only the outer ones its numbers
  double width, height;  // of one panel's plot area, in pixels; 480 are a column of 85 mm
  uint32_t rows, cols;   // of the grid
  char **row_titles, **col_titles; // (rows), (cols), or NULL
  char *legend_title;
  wb_palette palette;
  bool colour_bar;                    // of the figure's own scale z_low .. z_high
  char *colour_label, **colour_names; // names of 0, 1, .. up to z_high; NULL: numbers
  double z_low, z_high;
  wb_panel **panels;
  size_t panel_count;

  struct wb_block *memory; // everything above
  bool failed;             // some of it could not be had
} wb_figure;

/* NULL without memory. Other characters in `name` become '_'. */
wb_figure *wb_figure_new(const char *name);
void wb_figure_free(wb_figure *figure); // NULL is fine
void wb_figure_rename(wb_figure *figure, const char *name);

/* Memory and text that live as long as the figure; NULL without memory. */
void *wb_figure_alloc(wb_figure *figure, size_t count, size_t size);
char *wb_figure_text(wb_figure *figure, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text broken at spaces into lines of about `width` pixels in a font of that size. */
char *wb_text_wrap(wb_figure *figure, const char *text, double font, double width);

/* A panel at (row, col) of the grid, which grows to hold it. */
wb_panel *wb_figure_panel(wb_figure *figure, uint32_t row, uint32_t col, const char *title);
void wb_axis_categories(wb_figure *figure, wb_axis *axis, const char *const *names, size_t count);
char **wb_figure_texts(wb_figure *figure, const char *const *texts, size_t count);

/* n points; low and high may be NULL. Solid, black, mark 0, normal size. */
wb_layer *wb_panel_xy(wb_figure *figure, wb_panel *panel, uint32_t style, size_t n, const double *x,
                      const double *y, const double *low, const double *high);
/* A horizontal line; low and high NAN: no band. */
wb_layer *wb_panel_level(wb_figure *figure, wb_panel *panel, double y, double low, double high);
wb_layer *wb_panel_heat(wb_figure *figure, wb_panel *panel, size_t rows, size_t cols, const double *z);
wb_layer *wb_panel_image(wb_figure *figure, wb_panel *panel, size_t rows, size_t cols, const double *rgb);

/* Writes FOLDER/NAME.tsv and FOLDER/NAME.gp. */
wb_status wb_figure_write(wb_figure *figure, const char *folder, wb_error *err);

/* Runs gnuplot on FOLDER/NAME.gp, which writes NAME.svg and NAME.png beside it. WB_UNSUPPORTED where gnuplot
 * is not installed; WB_IO where it fails or takes longer than `seconds`, with the last thing it said. */
wb_status wb_figure_draw(const char *folder, const char *name, double seconds, wb_error *err);

/* Takes over NAME.svg and NAME.png from a folder where the same script drew the same data; false where it did
 * not, or where they are not all there. */
bool wb_figure_reuse(const char *earlier, const char *folder, const char *name);

/* Colours, all told apart by colour-blind readers. */
uint32_t wb_colour_series(size_t index);             // eight of Okabe and Ito, then again
uint32_t wb_colour_class(size_t index);              // nine muted ones of Paul Tol and a grey, then again
uint32_t wb_colour_ramp(size_t index, size_t count); // of an ordered quantity, dark to light

#endif
