/* escape.h: foreign text in a page. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_ESCAPE_H
#define WB_ESCAPE_H

#include <stdio.h>

/* For HTML, between tags and within double quotes; characters that no page may hold become spaces. NULL
 * writes nothing. */
void wb_escape(FILE *out, const char *text);
/* For Markdown: what it would take as its own marks has a backslash, line breaks become spaces. */
void wb_escape_markdown(FILE *out, const char *text);
/* The part of a link that is a path: all but letters, digits and -._~/ as %XX. */
void wb_escape_path(FILE *out, const char *text);

#endif
