/* task_states.c: how far run files are.
 * {"do": "states", "files": [path ..]} -> {"files": [{"state": "complete" | "training" | "damaged", "reason",
 * "epoch", "epochs", "threads", "steps_per_epoch"} ..]}, with null for a file that is not there
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <unistd.h>

#include "hdf5/runfile.h"
#include "heap.h"
#include "json.h"
#include "session.h"

static int64_t whole(const wb_h5 *file, const char *object, const char *name) {
  int64_t value = 0;
  size_t count = 0;
  const bool there = wb_h5_has_attribute(file, object, name) &&
                     wb_h5_get_ints(file, object, name, &value, 1, &count, NULL) == WB_OK;
  return there && count == 1 ? value : 0;
}

/* The number that a parameter was given as. */
static int64_t parameter(const wb_h5 *file, const char *name) {
  char *text = NULL;
  const bool there = wb_h5_has_attribute(file, "/config", name) &&
                     wb_h5_get_text(file, "/config", name, &text, NULL) == WB_OK;
  const int64_t value = there ? strtoll(text, NULL, 10) : 0;
  free(text);
  return value;
}

static json_t *look(const char *path) {
  if (access(path, F_OK) != 0) return json_null();
  wb_error err = {0};
  wb_h5 *file = NULL;
  bool complete = false;
  wb_status status = wb_runfile_open(path, &file, &err);
  if (status == WB_OK) status = wb_runfile_is_complete(file, &complete, &err);
  json_t *found =
      status == WB_OK
          ? wb_json("{ss sI sI sI sI}", "state", complete ? "complete" : "training", "epoch",
                    (json_int_t)whole(file, "/history", "epochs"), "epochs",
                    (json_int_t)parameter(file, "epochs"), "threads", (json_int_t)whole(file, "/", "threads"),
                    "steps_per_epoch", (json_int_t)whole(file, "/history", "steps_per_epoch"))
          : wb_json("{ss so}", "state", "damaged", "reason", wb_json_string(err.message));
  wb_h5_close(file);
  return found;
}

wb_status wb_task_states(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  (void)err;
  size_t count;
  const char **files = wb_json_texts(task, "files", &count);
  json_t *found = wb_must(json_array());
  for (size_t i = 0; i < count; i++) wb_json_append(found, look(files[i]));
  free(files);
  *result = wb_json("{so}", "files", found);
  return WB_OK;
}
