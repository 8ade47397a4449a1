/* session.c: the worker process, see session.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "heap.h"
#include "interrupt.h"
#include "json.h"

void wb_session_open(wb_session *session, const json_t *common, wb_record_function sink, void *context) {
  *session = (wb_session){.common = common, .sink = sink, .sink_context = context};
  pthread_mutex_init(&session->mutex, NULL);
}

void wb_session_close(wb_session *session) {
  wb_spec_free(session->spec);
  free(session->data_spec);
  free(session->library.path); // it stays loaded: threads of its libraries may still be parked in its code
  pthread_mutex_destroy(&session->mutex);
}

void wb_session_send(wb_session *session, json_t *record) {
  pthread_mutex_lock(&session->mutex);
  session->sink(session->sink_context, record);
  pthread_mutex_unlock(&session->mutex);
  json_decref(record);
}

wb_status wb_session_plugin(wb_session *session, wb_error *err) {
  if (session->spec) return WB_OK;
  const json_t *wanted = json_object_get(session->common, "plugin");
  const char *path = wb_json_text(wanted, "path"), *build = wb_json_text(wanted, "build");
  const uint32_t index = (uint32_t)wb_json_int(wanted, "index");
  if (!path) return wb_fail(err, WB_INTERNAL, "the job names no plugin");
  wb_status status = WB_OK;
  if (!session->library.handle) status = wb_library_open(path, &session->library, err);
  if (status == WB_OK) status = wb_library_plugin(&session->library, index, &session->plugin, err);
  if (status == WB_OK && !session->plugin)
    status = wb_fail(err, WB_INTERNAL, "%s no longer has a plugin number %u", path, index);
  if (status == WB_OK) status = wb_spec_from_plugin(session->plugin, path, index, build, &session->spec, err);
  return status;
}

static wb_status perform(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  static const struct {
    const char *name;
    wb_status (*perform)(wb_session *, const json_t *, json_t **, wb_error *);
  } tasks[] = {{"discover", wb_task_discover}, {"check", wb_task_check},     {"inspect", wb_task_inspect},
               {"run", wb_task_run},           {"results", wb_task_results}, {"info", wb_task_info},
               {"export", wb_task_export},     {"states", wb_task_states},   {"versions", wb_task_versions},
               {"missing", wb_task_missing}};
  const char *name = wb_json_text(task, "do");
  for (size_t i = 0; name && i < sizeof tasks / sizeof tasks[0]; i++)
    if (!strcmp(tasks[i].name, name)) return tasks[i].perform(session, task, result, err);
  return wb_fail(err, WB_INTERNAL, "a worker does not know the task %s", name ? name : "(none)");
}

void wb_session_perform(wb_session *session, const json_t *task, size_t number) {
  wb_session_send(session, wb_json("{sI}", "begin", (json_int_t)number));
  wb_error err = {0};
  json_t *result = NULL;
  const double begun = wb_now();
  const wb_status status = perform(session, task, &result, &err);
  json_t *record =
      wb_json("{sI si sf}", "end", (json_int_t)number, "status", (int)status, "seconds", wb_now() - begun);
  if (status != WB_OK) wb_json_set(record, "message", wb_json_string(err.message));
  if (result) wb_json_set(record, "result", result);
  wb_session_send(session, record);
}

/* One write per record, so that those of several threads do not mix. */
static void write_record(void *context, const json_t *record) {
  const int fd = *(const int *)context;
  char *text = wb_must(json_dumps(record, JSON_COMPACT));
  size_t left = strlen(text);
  text[left++] = '\n'; // over the NUL
  for (const char *at = text; left;) {
    const ssize_t written = write(fd, at, left);
    if (written <= 0) exit(WB_EXIT_FAILED); // nobody listens any more
    at += written;
    left -= (size_t)written;
  }
  free(text);
}

int wb_worker_main(int argc, char *const *argv) {
  if (argc != 2) {
    fputs("workbench: _worker is what workbench starts itself; see workbench --help\n", stderr);
    return WB_EXIT_USAGE;
  }
  int records = atoi(argv[1]);
  json_t *job = json_loadfd(atoi(argv[0]), 0, NULL);
  if (!job) return WB_EXIT_USAGE;
  close(atoi(argv[0]));
  wb_interrupt_watch();
  wb_session session;
  wb_session_open(&session, json_object_get(job, "common"), write_record, &records);
  const json_t *tasks = json_object_get(job, "tasks"), *task;
  const size_t first = (size_t)wb_json_int(job, "first");
  size_t i;
  json_array_foreach(tasks, i, task) wb_session_perform(&session, task, first + i);
  wb_session_close(&session);
  json_decref(job);
  return WB_EXIT_OK;
}
