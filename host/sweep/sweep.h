/* sweep.h: a whole study: many trainings, then analyses over them, then a report, as a sweep file says.
 *
 * A sweep has a folder, and what is on disk there is all its state:
 *
 *     sweep.yaml            the sweep file, as the last `sweep run` saw it
 *     runs/NAME.h5          a run file for each run; complete, or holding what --resume needs
 *     results/ANALYSIS/     what `workbench run ANALYSIS` writes
 *     report/index.html
 *     logs/NAME.log         what the run's process printed
 *     state/NAME.lock       locked (fcntl) by the process that works on it, and names it: "host pid"
 *     state/NAME.failed     why it failed, JSON; gone when it is tried again
 *     state/slurm.json      jobs handed to Slurm
 *
 * Running a sweep again does what is missing and nothing else, whatever ended it before.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SWEEP_H
#define WB_SWEEP_H

#include <jansson.h>

#include "registry.h"

typedef struct wb_sweep_run {
  char *name; // OBJECTIVE_VARIED.._XXXXXXXX with the first digits of its identity
  const wb_spec *plugin;
  char **settings; // of the plugin, complete
  json_t *varied;  // {parameter: text}: what tells the sweep's runs apart, in the file's order
  char *file;      // FOLDER/runs/NAME.h5
} wb_sweep_run;

typedef struct wb_sweep_analysis {
  char *name; // of its folder in results/
  const wb_spec *plugin;
  json_t *params; // {parameter: text}, as the file gives them
  json_t *where;  // {parameter: [texts]}: takes only runs with one of these values
} wb_sweep_analysis;

typedef struct wb_sweep {
  char *source; // the sweep file
  char *folder;
  unsigned threads; // of each run; 0: the cores divided by the jobs
  wb_sweep_run *runs;
  size_t run_count;
  wb_sweep_analysis *analyses;
  size_t analysis_count;
  bool report;
  char *title, *paper; // of the report; NULL: not given
  char **changes;      // (change_count) what the study does otherwise than its paper
  size_t change_count;
} wb_sweep;

/* Reads and checks a sweep file down to each value of each run. `folder` (may be NULL) stands for its `out`.
 * WB_ARG with FILE:LINE:COLUMN where it asks for what there is not; WB_INPUT where it is not YAML. The
 * registry must outlive *out, which is freed by wb_sweep_free in any case. */
wb_status wb_sweep_read(const wb_registry *registry, const char *path, const char *folder, wb_sweep *out,
                        wb_error *err);
void wb_sweep_free(wb_sweep *sweep);

/* Whether an analysis takes a run. */
bool wb_sweep_takes(const wb_sweep_analysis *analysis, const wb_sweep_run *run);

/* "ce, rho 0.2, seed 3"; malloc'ed. */
char *wb_sweep_run_label(const wb_sweep_run *run);
/* Its objective: the plugin's id without "train-". */
const char *wb_sweep_objective(const wb_sweep_run *run);

/* FOLDER/PART/NAMEending; malloc'ed. */
char *wb_sweep_path(const wb_sweep *sweep, const char *part, const char *name, const char *ending);

#endif
