/* sweep_state.h: how far the parts of a sweep are, as its folder says. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_SWEEP_STATE_H
#define WB_SWEEP_STATE_H

#include "sweep.h"

typedef enum wb_sweep_state {
  WB_SWEEP_WAITING, // not begun, or stopped before its end
  WB_SWEEP_QUEUED,  // handed to Slurm
  WB_SWEEP_RUNNING,
  WB_SWEEP_DONE,
  WB_SWEEP_FAILED,
  WB_SWEEP_STATES
} wb_sweep_state;

/* One run, one analysis, or the report. */
typedef struct wb_sweep_look {
  wb_sweep_state state;
  int64_t epoch, epochs; // complete ones and the most there can be; 0: nothing is saved yet
  unsigned threads;      // that the run file was begun with; 0: there is none
  char *reason;          // why it failed
  char *host;            // running: where, and the process
  long process;
} wb_sweep_look;

const char *wb_sweep_state_name(wb_sweep_state state); // "waiting"

/* Looks at every run, in their order. WB_IO where no worker could be started. Freed by wb_sweep_looks_free.
 */
wb_status wb_sweep_look_runs(const wb_sweep *sweep, wb_sweep_look **out, wb_error *err);
/* Looks again at those that are marked: costs as much as they are. */
wb_status wb_sweep_look_again(const wb_sweep *sweep, const bool *marked, wb_sweep_look *looks, wb_error *err);
/* The analyses, then the report. One is done when its result is newer than every run file that is there, and
 * was measured as the sweep file says: with its parameters, of those runs that it takes and that are done, as
 * `runs` (in their order) tells. */
wb_sweep_look *wb_sweep_look_analyses(const wb_sweep *sweep, const wb_sweep_look *runs);
void wb_sweep_looks_free(wb_sweep_look *looks, size_t count);

/* The lock of a part of the sweep (a run's name, "analysis-NAME", "report", "sweep"). Taken, it is this
 * process' until it ends or gives it back; -1 where another one has it, whose host (malloc'ed, may be NULL)
 * and process are told. -2 with errno where there can be no lock. */
int wb_sweep_lock(const wb_sweep *sweep, const char *part, char **host, long *process);
void wb_sweep_unlock(int lock);
/* The same, without taking it: false where nobody has it. */
bool wb_sweep_locked(const wb_sweep *sweep, const char *part, char **host, long *process);

/* Why a part failed: kept until it is tried again. */
void wb_sweep_note_failure(const wb_sweep *sweep, const char *part, int code, const char *reason);
void wb_sweep_forget_failure(const wb_sweep *sweep, const char *part);

#endif
