/* pool.h: many tasks on a few workers. A worker performs several tasks in turn; one that crashes or takes too
 * long costs its own task alone: another worker goes on with the rest. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_POOL_H
#define WB_POOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "workbench/plugin.h"

typedef struct wb_task {
  json_t *work; // what to do, see session.h; owned by the caller
  /* The outcome. */
  bool finished;    // false where the user stopped before
  wb_status status; // as the task ended; WB_INTERNAL where the process did
  char *message;    // why it failed, a sentence; NULL where it did not
  char *crash;      // "crashed with SIGSEGV", "took longer than 5 s": where the process ended; else NULL
  char *output;     // where the process ended: the last of what it printed
  json_t *result;
  double seconds;
  long peak_kb; // of the worker that performed it
} wb_task;

typedef struct wb_pool {
  const json_t *common; // what all tasks share, see session.h; NULL for nothing
  unsigned jobs;        // workers at once; 0 counts as 1
  unsigned threads;     // of each worker; 0: as the environment says
  uint64_t memory;      // bytes of address space of each; 0: unlimited
  double timeout;       // seconds that one task may take; 0: unlimited
  bool in_process;      // no workers at all, for debuggers
  bool graceful;        // Ctrl-C asks a task to stop and waits for it; otherwise its worker is killed
  /* May be NULL. `done` tasks of all are finished; the last one heard of is at `fraction` (NAN: unknown). */
  void (*progress)(void *context, size_t done, double fraction, const char *note);
  void *context;
} wb_pool;

/* Performs all tasks. What they log is shown. WB_CANCELLED when the user stopped it, WB_IO without processes;
 * that tasks failed is in the tasks. */
wb_status wb_pool_run(const wb_pool *pool, wb_task *tasks, size_t count, wb_error *err);

/* The outcome, not `work`. */
void wb_task_clear(wb_task *task);

#endif
