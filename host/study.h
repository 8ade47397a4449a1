/* study.h: a set of runs under one plugin, with what came out: what results, tables and figures are made
 * from. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_STUDY_H
#define WB_STUDY_H

#include <jansson.h>

#include "base/sha256.h"
#include "spec.h"
#include "values.h"

typedef struct wb_factor {
  char *name, *value; // "rho", "0.2"
} wb_factor;

enum { WB_NO_TRAINING = -1 }; // the file does not tell

typedef struct wb_run {
  char *path;         // as given on the command line
  wb_factor *factors; // in the file's order: objective, topo, .., seed
  size_t factor_count;
  char digest[WB_DIGEST_SIZE]; // of what was read of it
  uint32_t condition;
  int32_t training; // position in the study's trainings, or WB_NO_TRAINING
  bool cached;
  wb_values values; // PER_RUN: what the plugin emitted
} wb_run;

/* All runs that agree in every factor but the seed. */
typedef struct wb_condition {
  wb_factor *factors; // without the seed
  size_t factor_count;
  uint32_t *runs; // ascending by seed
  size_t run_count;
  wb_values values; // PER_GROUP
} wb_condition;

typedef struct wb_failure {
  char *path, *reason;
} wb_failure;

typedef struct wb_study {
  const wb_spec *spec;
  wb_factor *params; // resolved parameters, text as in a parameter file
  size_t param_count;
  wb_run *runs; // by condition, then seed; only those that succeeded
  size_t run_count;
  wb_condition *conditions; // objective, then topo, then rho or lambda (as numbers), then the rest
  size_t condition_count;
  json_t *trainings;  // [{"plugin", "parameters": {name: text}}], each once: what made the runs, without
                      // seed and factors; NULL: not known
  wb_failure *failed; // files that could not be used, with the sentence why
  size_t failure_count;
  wb_values values; // PER_STUDY
  char *command;    // the command line that makes this result again
} wb_study;

const char *wb_factor_get(const wb_factor *factors, size_t count,
                          const char *name); // NULL where there is none

/* The factors that differ between conditions, in the file's order, without the seed: what figures and tables
 * show. *names is malloc'ed and points into the study. */
wb_status wb_study_varied(const wb_study *study, const char ***names, size_t *count, wb_error *err);

/* The values of an output that are there: of the runs of condition `index`, or its own (WB_PER_GROUP), or the
 * study's (WB_PER_STUDY; index is ignored). Returns how many, into values (run_count or 1); first_missing
 * (may be NULL) is set to the first that was emitted as missing. */
size_t wb_study_values(const wb_study *study, int32_t index, const char *name, const wb_value **values,
                       const wb_value **first_missing);

void wb_study_free(wb_study *study);

/* Writes results/<id>/ as DESIGN.md 5 says (result.h5, summary.json, a .tsv per output, figures as .gp, .svg,
 * .png) into a temporary folder beside `folder`, then puts it in the place of `folder` as a whole. A missing
 * or failing gnuplot is a warning in *warning (malloc'ed, NULL otherwise): data and scripts are still
 * written. */
wb_status wb_results_write(const wb_study *study, const char *folder, char **warning, wb_error *err);

/* The terminal's table (UX.md): a line per condition, headline outputs as mean +- sd; or the table that a
 * study itself made, a headline matrix that is not drawn. malloc'ed text. */
wb_status wb_results_table(const wb_study *study, char **text, wb_error *err);

#endif
