/* figure_page.h: figures of a page, as SVG or, where that is very large, as PNG. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_FIGURE_PAGE_H
#define WB_FIGURE_PAGE_H

#include <jansson.h>
#include <stdio.h>

typedef struct wb_figure_page {
  size_t count; // figures so far, for their ids
} wb_figure_page;

/* A <figure> of {"name", "path", "caption"}; in words why not, where it cannot be read. */
void wb_figure_page_put(FILE *out, wb_figure_page *page, const json_t *figure, const char *folder);

/* A link to data/FOLDER/FILE. */
void wb_figure_page_link(FILE *out, const char *folder, const char *file);

#endif
