/* task_run.c: one call of a plugin.
 * {"do": "check"} -> nothing: the plugin's own look at its parameters
 * {"do": "run", "runs": [{"path", "factors", "condition", "grid", "labels", "data_spec", "roles": {role:
 * {"object", "dims"} or {"entry", "output"} or {"from_grid", "dims"}}} ..], "entry": file for the values,
 * "target"}
 *  -> {"path": what was written, "identity"}
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <gsl/gsl_errno.h>
#include <stdlib.h>

#include "call.h"
#include "json.h"
#include "params.h"

static const char *status_word(wb_status status) {
  static const char *const words[] = {"ok",
                                      "a wrong parameter",
                                      "unsuitable input",
                                      "a numerical problem",
                                      "too little memory",
                                      "an input/output error",
                                      "cancellation",
                                      "something unsupported",
                                      "an internal error"};
  return (unsigned)status < sizeof words / sizeof words[0] ? words[status] : "an unknown status";
}

/* What is recorded counts; a plugin that said nothing is quoted by its status. */
static wb_status conclude(wb_call *call, wb_status status, wb_error *err) {
  if (status == WB_OK && call->emit_failed) status = call->err.status;
  if (status == WB_OK) return WB_OK;
  if (call->err.status == WB_OK) {
    const char *path = call->run_count ? call->runs[0].path : NULL;
    wb_call_fail(call, status, "%s reported %s%s%s without saying more", call->spec->id, status_word(status),
                 path ? " on " : "", path ? path : "");
  }
  return wb_fail(err, status, "%s", call->err.message);
}

static wb_status call_plugin(wb_session *session, wb_call *call, bool only_check, wb_error *err) {
  void *params = NULL;
  wb_status status = wb_struct_fill(call->settings, call->spec, &params, err);
  if (status != WB_OK) return status;
  gsl_set_error_handler_off(); // it would abort; functions return their status instead
  if (session->plugin->check) status = session->plugin->check(&call->host, params);
  if (status == WB_OK && !only_check) status = session->plugin->run(&call->host, params);
  if (status == WB_OK && !only_check && !call->emit_failed) status = wb_call_check_outputs(call);
  status = conclude(call, status, err);
  wb_struct_free(params, call->spec);
  return status;
}

wb_status wb_task_check(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)result;
  wb_call call;
  wb_status status = wb_call_open(session, task, &call, err);
  if (status == WB_OK) status = call_plugin(session, &call, true, err);
  wb_call_close(&call);
  return status;
}

wb_status wb_task_run(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  wb_call call;
  wb_status status = wb_call_open(session, task, &call, err);
  if (status == WB_OK) status = call_plugin(session, &call, false, err);
  const char *entry = wb_json_text(task, "entry");
  if (status == WB_OK && entry) status = wb_values_write(entry, &call.values, err);
  const json_t *target = json_object_get(task, "target");
  if (status == WB_OK && target && !call.target)
    status = wb_fail(err, WB_INTERNAL, "%s ended without writing a run file", call.spec->id);
  if (call.target)
    *result = wb_json("{so so}", "path", wb_json_string(call.target), "identity",
                      wb_json_string(wb_json_text(target, "identity")));
  wb_call_close(&call);
  return status;
}
