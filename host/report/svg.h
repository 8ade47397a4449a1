/* svg.h: a figure inside a page. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SVG_H
#define WB_SVG_H

#include <stdio.h>

#include "base/error.h"

typedef struct wb_svg_label {
  const char *prefix; // of each id, so that figures of one page do not share any
  const char *name; // what the figure is, for who cannot see it; where the drawing ends with that text, too,
                    // it is cut off: the page says it
} wb_svg_label;

/* Writes an SVG drawing for use within HTML: only shapes, text and embedded PNG images; no scripts, no
 * references to elsewhere, no titles (browsers show gnuplot's on hovering), no empty groups. Its size becomes
 * the view box and the custom properties --w and --h. WB_INPUT where the text is no SVG; what was written
 * until then is to be dropped. */
wb_status wb_svg_inline(FILE *out, const char *svg, const wb_svg_label *label, wb_error *err);

#endif
