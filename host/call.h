/* call.h: one call of a plugin's run, in the worker: what stands behind wb_host. The pieces of the host table
 * are in call_*.c. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CALL_H
#define WB_CALL_H

#include "hdf5/h5.h"
#include "session.h"
#include "values.h"

enum { WB_OPEN_FILES = 32 };

/* A role of one run: where it comes from and how long its axes are. */
typedef struct wb_binding {
  const wb_input *input;
  const char *object; // an array of the run file, or NULL
  const char *entry;  // of another plugin: the file with its values, or NULL
  const char *output; // and which of them
  bool from_grid;     // positions that the file does not have
  bool present;
  uint64_t dims[WB_MAX_RANK];
  wb_values derived; // of `entry`, once read
  void *whole;       // once mapped
} wb_binding;

typedef struct wb_call_run {
  const char *path;
  const json_t *factors; // [[name, value] ..]
  uint32_t condition;
  uint32_t rows, cols;   // of the unit grid; 0 where nothing has units
  const char *labels;    // the object whose attributes name the classes, or NULL
  const char *data_spec; // or NULL
  wb_binding *bindings;  // in the order of the plugin's inputs
} wb_call_run;

typedef struct wb_release {
  void (*release)(void *object);
  void *object;
} wb_release;

typedef struct wb_call {
  wb_host host; // host.state points back here
  wb_session *session;
  const wb_spec *spec;
  const json_t *task;
  char **settings;
  wb_call_run *runs;
  uint32_t run_count, condition_count;
  wb_h5 *files[WB_OPEN_FILES]; // those opened last, by run number modulo WB_OPEN_FILES
  uint32_t file_runs[WB_OPEN_FILES];
  wb_release *releases; // what to do when run returns, last one first
  size_t release_count;
  wb_values values; // what was emitted
  wb_error err;     // the first failure
  bool emit_failed;
  double progress_sent;
  char *target; // once the plugin asked for it
} wb_call;

/* Fills the call, its host table included, from the session's plugin and a task "run" or "check". Closed by
 * wb_call_close in any case. */
wb_status wb_call_open(wb_session *session, const json_t *task, wb_call *call, wb_error *err);
/* Releases what was deferred and allocated, and closes files. */
void wb_call_close(wb_call *call);

/* Records a failure, the first one counts, and returns its status. */
wb_status wb_call_fail(wb_call *call, wb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline wb_call *wb_call_of(const wb_host *host) {
  return (wb_call *)(uintptr_t)host->state;
}

/* The parts of the host table. */
void wb_call_set_inputs(wb_host *host);
void wb_call_set_outputs(wb_host *host);
void wb_call_set_target(wb_host *host);
/* Every declared output was emitted, or may be missing. */
wb_status wb_call_check_outputs(wb_call *call);

#endif
