/* sweep_work.h: doing one part of a sweep: a run, an analysis, or the report. Whoever distributes them (this
 * machine's sweep, Slurm) starts `workbench sweep _work FOLDER PART` for each. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_SWEEP_WORK_H
#define WB_SWEEP_WORK_H

#include <sys/types.h>

#include "sweep.h"

/* A command's words, NULL-terminated; freed with wb_sweep_words_free. */
char **wb_sweep_run_command(const wb_sweep_run *run, const char *file, unsigned threads);
void wb_sweep_words_free(char **words);
/* As one would type it; malloc'ed. */
char *wb_sweep_command_text(char *const *words);

/* Starts this program with such words, in a process group of its own, asked to stop (SIGTERM) when this
 * process ends; what it prints goes to the end of `log` (NULL: nowhere). -1 with errno on failure. */
pid_t wb_sweep_spawn(char *const *words, const char *log);

/* The last message ("workbench: ..") in a log from a byte on, or what the exit code tells without one;
 * malloc'ed. */
char *wb_sweep_reason(const char *log, off_t from, int code);

/* Does the part in this process and its child: NAME of a run, "analysis-NAME", "report". An exit code; what
 * it prints is in logs/PART.log, why it failed is noted. Does nothing where another process is at it. SIGINT
 * and SIGTERM are passed on. `threads` 0: those of the sweep file, or one. */
int wb_sweep_work(const wb_sweep *sweep, const char *part, unsigned threads);

#endif
