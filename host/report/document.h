/* document.h: what a report says, before it is HTML or Markdown.
 *
 * A JSON object, schema workbench.report/1 (formats/SCHEMA.md); --json prints it. Texts are plain, as they
 * came from the results: who writes them into a page escapes them. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DOCUMENT_H
#define WB_DOCUMENT_H

#include "report.h"

/* A new reference. `skipped`: sentences about results that could not be read. */
json_t *wb_document_make(const wb_report *report, const json_t *skipped);

/* The data that a claim rests on where these are not the first claim's, which a page names once for all; else
 * NULL. */
const char *wb_document_other_data(const json_t *claims, const json_t *claim);

#endif
