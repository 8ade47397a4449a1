/* markdown.h: a report as Markdown, with its figures as images beside it. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_MARKDOWN_H
#define WB_MARKDOWN_H

#include <jansson.h>
#include <stdio.h>

/* Writes the document (document.h). Images are data/FOLDER/NAME.svg. */
void wb_markdown_write(FILE *out, const json_t *document);

#endif
