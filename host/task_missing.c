/* task_missing.c: what calls of a plugin could not give.
 * {"do": "missing", "entries": [path ..], "outputs": [name ..]} -> {"missing": [{"output", "reason"} ..]}: of
 * each entry the first of the outputs that is missing, or null
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>

#include "heap.h"
#include "json.h"
#include "session.h"
#include "values.h"

static wb_status look(const char *entry, const char *const *outputs, size_t count, json_t *found,
                      wb_error *err) {
  char *reason = NULL;
  size_t i = 0;
  wb_status status = WB_OK;
  for (; i < count && status == WB_OK && !reason; i++)
    status = wb_values_missing(entry, outputs[i], &reason, err);
  wb_json_append(found,
                 reason ? wb_json("{ss ss}", "output", outputs[i - 1], "reason", reason) : json_null());
  free(reason);
  return status;
}

wb_status wb_task_missing(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  size_t entry_count, output_count;
  const char **entries = wb_json_texts(task, "entries", &entry_count);
  const char **outputs = wb_json_texts(task, "outputs", &output_count);
  json_t *found = wb_must(json_array());
  wb_status status = WB_OK;
  for (size_t i = 0; i < entry_count && status == WB_OK; i++)
    status = look(entries[i], outputs, output_count, found, err);
  free(outputs);
  free(entries);
  *result = wb_json("{so}", "missing", found);
  return status;
}
