/* report.h: what a report is made of: the results folders of a study, as `workbench run` wrote them.
 *
 * Everything in a report comes from summary.json (schema workbench.result/1, formats/SCHEMA.md) and the
 * figures beside it; no run file is opened. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_REPORT_H
#define WB_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

typedef enum wb_report_paper {
  WB_REPORT_PAPERS_BOTH,            // --paper not given: whatever the results can show
  WB_REPORT_CONTRASTIVE_TOPOGRAPHY, // Sander & Hasson
  WB_REPORT_BEYOND_TOPOGRAPHY       // Truong & Hasson
} wb_report_paper;

/* One results folder. */
typedef struct wb_report_result {
  char *folder;    // its path
  const char *id;  // of the plugin; belongs to summary
  json_t *summary; // summary.json
  char **figures;  // paths of .svg files, the plugin's own first
  size_t figure_count;
} wb_report_result;

typedef struct wb_report {
  char *title; // never NULL
  wb_report_paper paper;
  json_t *changes;           // texts: what the study does otherwise than its paper; NULL: not told
  wb_report_result *results; // in the order of their folders' names
  size_t count;
} wb_report;

/* Every folder below `folder` that holds a summary.json. Those that cannot be read are named in *skipped (an
 * array of sentences, a new reference). WB_INPUT where there is none at all. Freed by wb_report_close in any
 * case. */
wb_status wb_report_open(const char *folder, wb_report *out, json_t **skipped, wb_error *err);
void wb_report_close(wb_report *report);

/* The result of a plugin; of several the first, which is the one named like the plugin where there is one.
 * NULL where there is none. */
const wb_report_result *wb_report_find(const wb_report *report, const char *id);

/* The first of those with the most runs; NULL where there is none. */
const wb_report_result *wb_report_widest(const wb_report *report);

/* Which runs (or conditions) are meant: those whose factors agree; NULL: any. */
typedef struct wb_report_query {
  const char *objective; // "ce"
  const char *topo;      // "ws", "as"
  const char *strength;  // value of rho or lambda, as text: "0.2"; "0" also takes runs without topography
  int dropout;           // 1: above zero, 0: zero, -1: any
} wb_report_query;

/* rho or lambda of a run or condition; "0" without topography. */
const char *wb_report_strength(const json_t *factors);
/* Whether the "factors" of a run or condition fit. */
bool wb_report_fits(const json_t *factors, const wb_report_query *query);

/* The values of a scalar output, one for each run that fits and has it. A curve's entry at x (as in its
 * tables) is asked for with `at`; NAN for scalars. */
typedef struct wb_report_values {
  double *values;     // (count)
  const char **seeds; // (count); belong to the summary
  size_t count;
} wb_report_values;
wb_report_values wb_report_collect(const wb_report *report, const char *id, const char *output, double at,
                                   const wb_report_query *query);
void wb_report_values_free(wb_report_values *values);

/* The distinct values of a factor in a study, numbers in ascending order; freed with wb_free_texts. `factor`
 * "strength" is rho or lambda, "0" standing for runs without topography. */
size_t wb_report_levels(const wb_report *report, const char *factor, char ***levels);

#endif
