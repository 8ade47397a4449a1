/* papers.h: the figures and the table of the two papers, in their order: which analysis draws them, and what
 * was published. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_PAPERS_H
#define WB_PAPERS_H

#include <stddef.h>

#include "report.h"

typedef struct wb_paper_figure {
  wb_report_paper paper;
  const char *label;     // "Figure 4a"
  const char *plugin;    // that makes it
  const char *figure;    // the output that it shows
  const char *number;    // the output that is told in words; NULL: none
  double at;             // of a curve; NAN otherwise
  const char *place;     // that, in words
  const char *published; // the finding, one sentence; NULL where the papers make no claim of it
} wb_paper_figure;

const wb_paper_figure *wb_paper_figures(size_t *count);
const char *wb_paper_name(wb_report_paper paper);    // "Sander & Hasson"
const char *wb_paper_keyword(wb_report_paper paper); // "contrastive-topography"
bool wb_paper_parse(const char *keyword, wb_report_paper *out);

/* The papers that a report is about: the one that was asked for, or those whose factor the runs vary: rho
 * (Sander & Hasson), lambda (Truong & Hasson). */
bool wb_paper_applies(const wb_report *report, wb_report_paper paper);

#endif
