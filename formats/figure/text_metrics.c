/* text_metrics.c: how wide text will be, without asking a font. See figure_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "figure/figure_internal.h"

/* Advance of a character in units of the font size, after DejaVu Sans, the widest of the usual ones. */
static double advance(unsigned char c) {
  if (strchr("ijl.,:;'|!I ()[]", c)) return 0.38;
  if (strchr("mwMW@%&+=<>#", c)) return 0.88;
  if (c >= 'A' && c <= 'Z') return 0.70;
  return 0.62;
}

double wb_text_width(const char *text, double font) {
  double widest = 0, width = 0;
  for (; text && *text; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '\n')
      width = 0;
    else if ((c & 0xC0) != 0x80)
      width += advance(c); // a continuation byte of UTF-8 has no width
    if (width > widest) widest = width;
  }
  return widest * font;
}

size_t wb_text_lines(const char *text) {
  if (!text || !*text) return 0;
  size_t lines = 1;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

char *wb_text_wrap(wb_figure *figure, const char *text, double font, double width) {
  char *out = text ? wb_figure_text(figure, "%s", text) : NULL;
  char *space = NULL, *start = out;
  for (char *c = out; c && *c; c++) {
    if (*c == '\n') {
      start = c + 1;
      space = NULL;
      continue;
    }
    if (*c == ' ') space = c;
    const char after = c[1];
    c[1] = '\0';
    const bool over = wb_text_width(start, font) > width;
    c[1] = after;
    if (over && space && space != c) {
      *space = '\n';
      start = space + 1;
      space = NULL;
    }
  }
  return out;
}
