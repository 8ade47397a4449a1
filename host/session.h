/* session.h: what a worker process does: one task after the other, with the plugin loaded once.
 *
 * common: {"plugin": {"path", "index", "build"}, "params": {name: text}, "seed", "threads", "trust"}; all
 * optional
 *
 * task: {"do": NAME, ..}: discover, check, inspect, run, results, info, export, missing, states, versions;
 * see task_NAME.c
 *
 * records, one JSON object each:
 *   {"begin": task}                                       the task with that number begins
 *   {"log": level, "text"}   {"progress": done, "total", "note"}
 *   {"end": task, "status", "message", "result", "seconds"}
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SESSION_H
#define WB_SESSION_H

#include <jansson.h>
#include <pthread.h>

#include "base/sha256.h"
#include "library.h"
#include "worker.h"

typedef struct wb_session {
  const json_t *common;
  wb_record_function sink; // called by one thread at a time
  void *sink_context;
  pthread_mutex_t mutex;
  wb_library library; // once a task needed it
  const wb_plugin *plugin;
  wb_spec *spec;
  char *data_spec; // the data set looked into last, and its digest: many runs share one
  char data_digest[WB_DIGEST_SIZE];
} wb_session;

void wb_session_open(wb_session *session, const json_t *common, wb_record_function sink, void *context);
/* Sends begin, performs the task, sends end. */
void wb_session_perform(wb_session *session, const json_t *task, size_t number);
void wb_session_close(wb_session *session);

/* Any thread; takes over `record`. */
void wb_session_send(wb_session *session, json_t *record);

/* Loads the plugin of `common`, unless that was done. */
wb_status wb_session_plugin(wb_session *session, wb_error *err);

/* The tasks. On success *result is a new reference or stays NULL. */
wb_status wb_task_discover(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_check(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_inspect(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_run(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_results(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_info(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_export(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_missing(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_states(wb_session *session, const json_t *task, json_t **result, wb_error *err);
wb_status wb_task_versions(wb_session *session, const json_t *task, json_t **result, wb_error *err);

/* The process behind `workbench _worker JOB RECORDS`. */
int wb_worker_main(int argc, char *const *argv);

#endif
