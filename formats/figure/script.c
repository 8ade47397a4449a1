/* script.c: the gnuplot script of a figure. See figure_internal.h.
 *
 * Places are in pixels of the SVG, from the top left, through the script's own functions X and Y. Text is in
 * single quotes, where gnuplot expands nothing. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <string.h>

#include "figure/figure_internal.h"

static const char *const ink = "#222222", *const faint = "#666666";
static const int point_types[WB_MARK_COUNT] = {7, 5, 9, 13, 11, 6, 4, 8}; // discs, squares, triangles, ..

/* Length of the UTF-8 character at c, 0 where there is none (or one that XML forbids). */
static size_t character(const unsigned char *c) {
  const size_t length = c[0] < 0x80   ? 1
                        : c[0] < 0xC2 ? 0
                        : c[0] < 0xE0 ? 2
                        : c[0] < 0xF0 ? 3
                        : c[0] < 0xF5 ? 4
                                      : 0;
  for (size_t i = 1; i < length; i++)
    if ((c[i] & 0xC0) != 0x80) return 0;
  const bool surrogate = c[0] == 0xED && c[1] >= 0xA0, beyond = c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE;
  const bool overlong = (c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xF0 && c[1] < 0x90);
  return surrogate || overlong || beyond || (c[0] == 0xF4 && c[1] >= 0x90) ? 0 : length;
}

/* 'text' for gnuplot, `length` bytes of it at most. */
static void quote_part(FILE *out, const char *text, size_t length) {
  const unsigned char *c = (const unsigned char *)text, *end = c + length;
  putc('\'', out);
  while (c < end && *c) {
    const size_t bytes = character(c);
    if (*c == '\'')
      fputs("'.\"\\047\".'", out); // a doubled quote is not safe in gnuplot's blocks
    else if (bytes == 0 || *c < ' ' || *c == 0x7F)
      putc('?', out);
    else
      fwrite(c, 1, bytes, out);
    c += bytes ? bytes : 1;
  }
  putc('\'', out);
}

static void quote(FILE *out, const char *text) {
  quote_part(out, text ? text : "", text ? strlen(text) : 0);
}

static void put_head(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  const int width = (int)ceil(layout->width), height = (int)ceil(layout->height);
  fprintf(
      out,
      "# Draws %s.svg and %s.png from %s.tsv, all beside this script:  gnuplot %s.gp\n"
      "here = ARG0\n"
      "while (strlen(here) > 0 && here[strlen(here):strlen(here)] ne '/') { here = here[1:strlen(here)-1] }\n"
      "data = here.'%s.tsv'\n"
      "W = %d.0; H = %d.0  # pixels\n"
      "X(x) = x / W; Y(y) = 1 - y / H\n"
      "set encoding utf8\n"
      "set minussign\n"
      "set datafile separator tab\n",
      figure->name, figure->name, figure->name, figure->name, figure->name, width, height);
  fprintf(out,
          "do for [device in 'svg png'] {\n"
          "if (device eq 'svg') {\n"
          "  set terminal svg noenhanced size %d,%d font 'sans-serif,%d' background 'white'\n"
          "  small = ',%d'; mark = 0.75; lift = 0.3\n"
          "} else {\n"
          "  set terminal pngcairo noenhanced size %d,%d font 'sans-serif,%g' fontscale 2 linewidth 2 "
          "pointscale 2"
          " background 'white'\n"
          "  small = ',%g'; mark = 1; lift = 0\n"
          "}\n"
          "set output here.'%s.'.device\n"
          "set multiplot\n",
          width, height, WB_FONT, WB_FONT_SMALL, 2 * width, 2 * height, 0.75 * WB_FONT, 0.75 * WB_FONT_SMALL,
          figure->name);
}

static void put_palette(const wb_figure *figure, FILE *out) {
  static const char *const stops[][9] = {
      [WB_PALETTE_SEQUENTIAL] = {"440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962",
                                 "addc30", "fde725"},
      [WB_PALETTE_DIVERGING] = {"053061", "2166ac", "67a9cf", "d1e5f0", "f7f7f7", "fddbc7", "ef8a62",
                                "b2182b", "67001f"},
      [WB_PALETTE_CIRCULAR] = {"e2d9e2", "9ebbc9", "6785be", "5e43a5", "2f1436", "8e2c50", "bd6753", "ceac94",
                               "e2d9e2"}};
  fputs("set palette defined (", out);
  if (figure->palette == WB_PALETTE_CLASSES)
    for (size_t i = 0; (double)i < figure->z_high; i++)
      fprintf(out, "%s%zu '#%06x', %zu '#%06x'", i ? ", " : "", i, wb_colour_class(i), i + 1,
              wb_colour_class(i));
  else
    for (int i = 0; i < 9; i++) fprintf(out, "%s%d '#%s'", i ? ", " : "", i, stops[figure->palette][i]);
  fputs(")\n", out);
}

static void put_categories(const wb_axis *axis, bool shown, FILE *out) {
  for (size_t i = 0; i < axis->category_count; i++) {
    fputs(i ? ", " : "(", out);
    quote(out, shown ? axis->categories[i] : "");
    fprintf(out, " %zu", i);
  }
  fputs(axis->category_count ? ")" : "()", out);
}

/* 1, 2 and 5 times powers of ten where there are few of them, else the powers that gnuplot chooses. */
static void put_log_ticks(const wb_axis *axis, FILE *out) {
  static const int leads[] = {1, 2, 5};
  const int first = (int)floor(log10(axis->low)), last = (int)floor(log10(axis->high));
  const char *comma = "(";
  if (last - first > 2) {
    fputs("autofreq", out);
    return;
  }
  for (int power = first; power <= last; power++)
    for (int k = 0; k < 3; k++) {
      fprintf(out, "%s%.6g", comma, leads[k] * pow(10, power));
      comma = ", ";
    }
  fputs(")", out);
}

/* Range and ticks of one axis; `name` is 'x' or 'y'. */
static void put_axis(const wb_axis *axis, char name, bool shown, bool crowded, double ticks, FILE *out) {
  fprintf(out, "set %crange [%.9g:%.9g]\n", name, axis->reversed ? axis->high : axis->low,
          axis->reversed ? axis->low : axis->high);
  fprintf(out, "%s logscale %c\n", axis->log ? "set" : "unset", name);
  if (axis->bare) {
    fprintf(out, "unset %ctics\n", name);
    return;
  }
  fprintf(out, "set %ctics nomirror out scale 0.5 textcolor '%s' %s ", name, ink,
          crowded ? "rotate by 90 right" : "norotate");
  if (axis->categories)
    put_categories(axis, shown, out);
  else if (axis->log)
    put_log_ticks(axis, out);
  else
    fprintf(out, "autofreq %.9g", wb_axis_step(axis->low, axis->high, ticks));
  if (name == 'x') fputs(crowded ? " offset 0,0" : " offset 0,lift", out);
  fprintf(out, "\nset format %c '%s'\n", name, shown ? "%g" : "");
}

static void put_style(const wb_layer *layer, bool line, FILE *out) {
  static const char *const dashes[] = {"1", "(2,4)", "(8,5)"};
  if (line) fprintf(out, " lw %.3g dt %s", 1.8 * layer->width, dashes[layer->dash % 3]);
  fprintf(out, " lc rgb '#%06x'", layer->colour);
}

static void put_marks(const wb_layer *layer, FILE *out) {
  fprintf(out, " pt %d ps %.3g*mark", point_types[layer->mark % WB_MARK_COUNT], 0.6 * layer->size);
}

/* One or more elements of the plot command, each of a way to show the layer. */
static void put_xy(const wb_layer *layer, size_t index, bool *first, FILE *out) {
  const uint32_t style =
      layer->kind == WB_LAYER_LEVEL ? WB_DRAW_LINE | (layer->low ? WB_DRAW_BAND : 0) : layer->style;
  const bool range = layer->low && layer->high;
  const struct {
    const char *text;
    uint32_t bit;
    bool line, marks, needs_range;
  } ways[] = {
      {"using 1:3:4 with filledcurves fs transparent solid 0.18 noborder", WB_DRAW_BAND, false, false, true},
      {"using 1:($3 == $3 ? $2 : NaN):3:4 with yerrorbars pt -1", WB_DRAW_BARS, true, false, true},
      {"using 1:($3 == $3 ? $2 : NaN):3:4 with xerrorbars pt -1", WB_DRAW_HBARS, true, false, true},
      {"using 1:2 with steps", WB_DRAW_STEPS, true, false, false},
      {"using 1:2 with lines", WB_DRAW_LINE, true, false, false},
      {"using 1:2 with points", WB_DRAW_MARKS, false, true, false}};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    if (!(style & ways[i].bit) || (ways[i].needs_range && !range)) continue;
    fprintf(out, "%s data index %zu %s", *first ? "plot" : ", \\\n    ", index, ways[i].text);
    put_style(layer, ways[i].line, out);
    if (ways[i].marks) put_marks(layer, out);
    *first = false;
  }
}

/* Few cells are drawn one by one in SVG, where viewers would blur an image of them, but not in PNG, where
 * they would show seams; photographs may be smoothed. `pixels` tells for which this is. */
static void put_map(const wb_layer *layer, size_t index, bool pixels, bool *first, FILE *out) {
  const bool few = layer->rows * layer->cols <= 1024;
  fprintf(out, "%s data index %zu ", *first ? "plot" : ", \\\n    ", index);
  *first = false;
  if (layer->kind == WB_LAYER_IMAGE)
    fputs("using 1:2:3:4:5 with rgbimage", out);
  else
    fprintf(out, "matrix using (%s):(%s):3 with image%s", layer->cols == 1 ? "$1/2-0.25" : "$1",
            layer->rows == 1 ? "$2/2-0.25" : "$2", pixels && few ? " pixels" : "");
}

static bool is_map(const wb_layer *layer) {
  return layer->kind == WB_LAYER_HEAT || layer->kind == WB_LAYER_IMAGE;
}

/* The plot command of a panel whose first block is `index`. */
static void put_layers(const wb_panel *panel, size_t index, bool pixels, FILE *out) {
  bool first = true;
  for (size_t k = 0; k < panel->layer_count; k++, index++) {
    const wb_layer *layer = panel->layers[k];
    if (!layer->rows || !layer->cols) continue;
    if (is_map(layer))
      put_map(layer, index, pixels, &first, out);
    else
      put_xy(layer, index, &first, out);
  }
  fputs(first ? "plot NaN\n" : "\n", out);
}

static void put_panel(const wb_figure *figure, const wb_layout *layout, size_t i, size_t index, FILE *out) {
  const wb_panel *panel = figure->panels[i];
  const wb_rect *r = &layout->panels[i];
  bool map = false;
  for (size_t k = 0; k < panel->layer_count; k++) map = map || is_map(panel->layers[k]);
  fprintf(out, "\nset lmargin at screen X(%.6g); set rmargin at screen X(%.6g)\n", r->left,
          r->left + r->width);
  fprintf(out, "set tmargin at screen Y(%.6g); set bmargin at screen Y(%.6g)\n", r->top, r->top + r->height);
  put_axis(&panel->x, 'x', layout->bottom[i], wb_axis_crowded(&panel->x, r->width), r->width / 70, out);
  put_axis(&panel->y, 'y', layout->left[i], false, r->height / WB_TICK_HEIGHT, out);
  fprintf(out, "set border %d lw 1 lc rgb '%s'\n",
          map             ? 0
          : figure->tiles ? 15
                          : 3,
          figure->tiles ? "#cccccc" : faint);
  fputs(map || panel->x.bare ? "unset grid\n" : "set grid lw 0.6 lt 1 lc rgb '#e4e4e4'\n", out);
  if (map) {
    const double z_low = isnan(panel->z_low) ? figure->z_low : panel->z_low;
    const double z_high = isnan(panel->z_high) ? figure->z_high : panel->z_high;
    if (z_low < z_high) fprintf(out, "set cbrange [%.9g:%.9g]\n", z_low, z_high);
    fputs("set object 1 rectangle from graph 0,0 to graph 1,1 behind fc rgb '#dddddd' fs solid noborder\n",
          out);
  } else {
    fputs("unset object 1\n", out);
  }
  if (map) fputs("if (device eq 'svg') {\n", out);
  put_layers(panel, index, true, out);
  if (map) {
    fputs("} else {\n", out);
    put_layers(panel, index, false, out);
    fputs("}\n", out);
  }
}

/* Text whose first line is centred at y; each line is placed on its own, for devices differ in their spacing.
 */
static void put_label(FILE *out, const char *text, double x, double y, double spacing, const char *more) {
  for (; text && *text; y += spacing) {
    const size_t length = strcspn(text, "\n");
    fputs("set label ", out);
    quote_part(out, text, length);
    fprintf(out, " at screen X(%.6g), screen Y(%.6g) %s\n", x, y, more);
    text += length + (text[length] == '\n');
  }
}

static void put_legend(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  if (layout->legend_count && figure->legend_title)
    put_label(out, figure->legend_title, 12, layout->legend_y, WB_LINE_HEIGHT, "left");
  for (size_t i = 0; i < layout->legend_count; i++) {
    const wb_legend_entry *e = &layout->legend[i];
    const double right = e->x + WB_LEGEND_SAMPLE;
    const bool line = e->layer->kind == WB_LAYER_LEVEL || e->layer->style & (WB_DRAW_LINE | WB_DRAW_STEPS);
    if (line) {
      fprintf(out, "set arrow from screen X(%.6g), screen Y(%.6g) to screen X(%.6g), screen Y(%.6g) nohead",
              e->x, e->y, right, e->y);
      put_style(e->layer, true, out);
      putc('\n', out);
    }
    if (e->layer->style & WB_DRAW_MARKS) {
      fprintf(out, "set label '' at screen X(%.6g), screen Y(%.6g) point lc rgb '#%06x'",
              line ? (e->x + right) / 2 : right - 6, e->y, e->layer->colour);
      fprintf(out, " pt %d ps %.3g*mark\n", point_types[e->layer->mark % WB_MARK_COUNT], 0.7);
    }
    put_label(out, e->layer->label, right + 5, e->y, WB_LINE_HEIGHT, "left");
  }
}

/* Titles of rows at their left, of columns at their top: at the first panel there is. */
static void put_grid_titles(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  for (uint32_t k = 0; k < figure->rows + figure->cols; k++) {
    const bool is_row = k < figure->rows;
    char *const *titles = is_row ? figure->row_titles : figure->col_titles;
    const uint32_t line = is_row ? k : k - figure->rows;
    size_t i = 0;
    while (i < figure->panel_count && (is_row ? figure->panels[i]->row : figure->panels[i]->col) != line) i++;
    if (!titles || !titles[line] || i == figure->panel_count) continue;
    const wb_rect *r = &layout->panels[i];
    const double lines = (double)wb_text_lines(titles[line]);
    if (is_row)
      put_label(out, titles[line], 12 + layout->header - 10,
                r->top + r->height / 2 - (lines - 1) / 2 * WB_LINE_HEIGHT, WB_LINE_HEIGHT, "right");
    else
      put_label(out, titles[line], r->left + r->width / 2,
                layout->title_bottom - (lines - 0.5) * WB_LINE_HEIGHT, WB_LINE_HEIGHT, "center");
  }
}

/* Titles of the axes, clear of their numbers whatever the fonts of the device. */
static void put_axis_titles(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  for (size_t i = 0; i < figure->panel_count; i++) {
    const wb_panel *panel = figure->panels[i];
    const wb_rect *r = &layout->panels[i];
    if (panel->x.label && layout->bottom[i])
      put_label(out, panel->x.label, r->left + r->width / 2,
                r->top + r->height + wb_axis_numbers_below(figure, panel) + 10, WB_LINE_HEIGHT, "center");
    if (panel->y.label && layout->left[i])
      put_label(out, panel->y.label, r->left - wb_axis_numbers_left(panel, r->height) - 9,
                r->top + r->height / 2, WB_LINE_HEIGHT, "center rotate by 90");
  }
}

/* Titles, legend and caption: on top of everything. */
static void put_texts(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  char small[64];
  snprintf(small, sizeof small, "left font small textcolor '%s'", faint);
  fputs("\nunset object 1; unset border; unset tics; unset grid; unset colorbox\n"
        "unset logscale; set xrange [0:1]; set yrange [0:1]\n",
        out);
  if (figure->title) put_label(out, figure->title, 12, 12 + WB_LINE_HEIGHT / 2.0, WB_LINE_HEIGHT, "left");
  put_legend(figure, layout, out);
  put_grid_titles(figure, layout, out);
  put_axis_titles(figure, layout, out);
  for (size_t i = 0; i < figure->panel_count; i++) {
    const wb_rect *r = &layout->panels[i];
    const double lines = (double)wb_text_lines(figure->panels[i]->title);
    if (lines > 0)
      put_label(out, figure->panels[i]->title, r->left + r->width / 2,
                r->top - 4 - (lines - 0.5) * WB_LINE_HEIGHT, WB_LINE_HEIGHT, "center");
  }
  if (layout->caption && *layout->caption)
    put_label(out, layout->caption, 12, layout->caption_y, WB_FONT_SMALL + 3, small);
  fputs("plot 2 lc rgb 'white'\nunset label; unset arrow\n", out);
}

static void put_colour_bar(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  const wb_rect *r = &layout->colour_bar;
  fprintf(
      out,
      "set colorbox vertical user origin screen X(%.6g), screen Y(%.6g) size screen %.6g/W, screen %.6g/H "
      "noborder\nset cbtics out scale 0.5 nomirror textcolor '%s' ",
      r->left, r->top + r->height, r->width, r->height, ink);
  for (size_t i = 0; figure->colour_names && (double)i < figure->z_high; i++) {
    fputs(i ? ", " : "(", out);
    quote(out, figure->colour_names[i]);
    fprintf(out, " %zu", i);
  }
  if (figure->colour_names)
    fputs(")", out);
  else
    fprintf(out, "autofreq %.9g", wb_axis_step(figure->z_low, figure->z_high, r->height / 40));
  fputs("\nset cblabel ", out);
  quote(out, figure->colour_label);
  putc('\n', out);
}

void wb_figure_write_script(const wb_figure *figure, const wb_layout *layout, FILE *out) {
  size_t index = 0;
  put_head(figure, layout, out);
  put_palette(figure, out);
  fputs("unset key; unset colorbox\n", out);
  for (size_t i = 0; i < figure->panel_count; i++) {
    if (figure->colour_bar && i + 1 == figure->panel_count) put_colour_bar(figure, layout, out);
    put_panel(figure, layout, i, index, out);
    index += figure->panels[i]->layer_count;
  }
  put_texts(figure, layout, out);
  fputs("unset multiplot\nunset output\nreset\n}\n", out);
}
