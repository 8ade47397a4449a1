/* html.h: a report as one HTML page that needs nothing else. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HTML_H
#define WB_HTML_H

#include <jansson.h>
#include <stdio.h>

/* Writes the document (document.h). Figures are read from their paths; what cannot be read is named in their
 * place. Tables and figures link to data/FOLDER/. */
void wb_html_write(FILE *out, const json_t *document);

extern const char *const wb_html_style[];  // lines, NULL-terminated
extern const char *const wb_html_script[]; // of the page: sorting, zoom, filter; all works without

#endif
