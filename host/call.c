/* call.c: see call.h; the host table but for inputs, outputs and target. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "call.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "clock.h"
#include "heap.h"
#include "interrupt.h"
#include "json.h"
#include "params.h"

wb_status wb_call_fail(wb_call *call, wb_status status, const char *format, ...) {
  char text[sizeof call->err.message];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return wb_fail(&call->err, status, "%s", text);
}

static void host_log(const wb_host *host, wb_level level, const char *text) {
  wb_session_send(wb_call_of(host)->session,
                  wb_json("{si so}", "log", (int)level, "text", wb_json_string(text)));
}

static void host_progress(const wb_host *host, double done, double total, const char *note) {
  wb_call *call = wb_call_of(host);
  wb_session *session = call->session;
  const double time = wb_now();
  pthread_mutex_lock(&session->mutex);
  const bool due = time - call->progress_sent > 0.05;
  if (due) call->progress_sent = time;
  pthread_mutex_unlock(&session->mutex);
  if (due)
    wb_session_send(session, wb_json("{so so so}", "progress", wb_json_real(done), "total",
                                     wb_json_real(total), "note", wb_json_string(note)));
}

static int32_t host_cancelled(const wb_host *host) {
  (void)host;
  return wb_interrupts() > 0;
}

static wb_status host_fail(const wb_host *host, wb_status status, const char *message) {
  wb_call *call = wb_call_of(host);
  if (status == WB_OK) status = WB_INTERNAL; // a failure all the same
  return wb_call_fail(call, status, "%s", message ? message : "");
}

static wb_status host_defer(const wb_host *host, void (*release)(void *object), void *object) {
  wb_call *call = wb_call_of(host);
  wb_grow(call->releases, call->release_count);
  call->releases[call->release_count++] = (wb_release){release, object};
  return WB_OK;
}

static void *host_alloc(const wb_host *host, size_t bytes) {
  void *block = NULL;
  if (posix_memalign(&block, 64, bytes ? bytes : 1) != 0) {
    wb_call *call = wb_call_of(host);
    wb_call_fail(call, WB_NOMEM, "not enough memory: %s asked for %zu bytes", call->spec->id, bytes);
    return NULL;
  }
  host_defer(host, free, block);
  return block;
}

static uint64_t host_seed(const wb_host *host, const char *stream) {
  const uint64_t seed = (uint64_t)wb_json_int(wb_call_of(host)->session->common, "seed");
  wb_rng rng = wb_rng_make(seed, stream, 0);
  const uint64_t high = wb_rng_u32(&rng);
  return high << 32 | wb_rng_u32(&rng);
}

static uint32_t host_threads(const wb_host *host) {
  const int64_t threads = wb_json_int(wb_call_of(host)->session->common, "threads");
  return threads > 0 ? (uint32_t)threads : 1;
}

static const void *host_service(const wb_host *host, const char *name) {
  wb_call *call = wb_call_of(host);
  if (strcmp(name, "engine/1") != 0) return NULL;
  if (!(call->spec->flags & WB_NEEDS_ENGINE)) { // otherwise its results would outlive a change of the engine
    wb_call_fail(call, WB_INTERNAL, "%s uses the service engine/1 without declaring WB_NEEDS_ENGINE",
                 call->spec->id);
    return NULL;
  }
  char *path = wb_engine_path();
  void *engine = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL; // stays, like plugins
  free(path);
  return engine ? dlsym(engine, "wb_engine_service_1") : NULL;
}

static uint32_t host_run_count(const wb_host *host) {
  return wb_call_of(host)->run_count;
}

static const char *host_run_path(const wb_host *host, uint32_t run) {
  const wb_call *call = wb_call_of(host);
  return run < call->run_count ? call->runs[run].path : NULL;
}

static const char *host_factor(const wb_host *host, uint32_t run, const char *name) {
  const wb_call *call = wb_call_of(host);
  const json_t *pair;
  size_t i;
  if (run >= call->run_count) return NULL;
  json_array_foreach(call->runs[run].factors, i, pair) {
    const char *own = json_string_value(json_array_get(pair, 0));
    if (own && !strcmp(own, name)) return json_string_value(json_array_get(pair, 1));
  }
  return NULL;
}

static uint32_t host_condition(const wb_host *host, uint32_t run) {
  const wb_call *call = wb_call_of(host);
  return run < call->run_count ? call->runs[run].condition : 0;
}

static uint32_t host_condition_count(const wb_host *host) {
  return wb_call_of(host)->condition_count;
}

static const char *host_parameter(const wb_host *host, uint32_t index, const char **name) {
  const wb_call *call = wb_call_of(host);
  if (index >= call->spec->param_count) return NULL;
  if (name) *name = call->spec->params[index].name;
  return call->settings[index];
}

static void open_bindings(wb_call *call, wb_call_run *run, const json_t *roles) {
  run->bindings = wb_new(wb_binding, call->spec->input_count);
  for (size_t i = 0; i < call->spec->input_count; i++) {
    wb_binding *b = &run->bindings[i];
    b->input = &call->spec->inputs[i];
    const json_t *role = json_object_get(roles, b->input->role), *dims = json_object_get(role, "dims");
    b->present = role != NULL;
    b->object = wb_json_text(role, "object");
    b->entry = wb_json_text(role, "entry");
    b->output = wb_json_text(role, "output");
    b->from_grid = wb_json_true(role, "from_grid");
    for (size_t a = 0; a < WB_MAX_RANK; a++)
      b->dims[a] = (uint64_t)json_integer_value(json_array_get(dims, a));
  }
}

static void open_runs(wb_call *call) {
  const json_t *runs = json_object_get(call->task, "runs"), *item;
  call->runs = wb_new(wb_call_run, json_array_size(runs));
  size_t i;
  json_array_foreach(runs, i, item) {
    wb_call_run *run = &call->runs[call->run_count++];
    const json_t *grid = json_object_get(item, "grid");
    run->path = wb_json_text(item, "path");
    run->factors = json_object_get(item, "factors");
    run->condition = (uint32_t)wb_json_int(item, "condition");
    run->rows = (uint32_t)json_integer_value(json_array_get(grid, 0));
    run->cols = (uint32_t)json_integer_value(json_array_get(grid, 1));
    run->labels = wb_json_text(item, "labels");
    run->data_spec = wb_json_text(item, "data_spec");
    if (run->condition >= call->condition_count) call->condition_count = run->condition + 1;
    open_bindings(call, run, json_object_get(item, "roles"));
  }
}

static void open_settings(wb_call *call) {
  const json_t *params = json_object_get(call->session->common, "params");
  call->settings = wb_new(char *, call->spec->param_count);
  for (size_t i = 0; i < call->spec->param_count; i++) {
    const char *text = wb_json_text(params, call->spec->params[i].name);
    call->settings[i] = wb_copy(text ? text : "");
  }
}

wb_status wb_call_open(wb_session *session, const json_t *task, wb_call *call, wb_error *err) {
  *call = (wb_call){.session = session, .task = task};
  const wb_status status = wb_session_plugin(session, err);
  if (status != WB_OK) return status;
  call->spec = session->spec;
  open_settings(call);
  open_runs(call);
  wb_host *host = &call->host;
  *host = (wb_host){.struct_size = sizeof(wb_host),
                    .abi_major = WB_ABI_MAJOR,
                    .abi_minor = WB_ABI_MINOR,
                    .state = call,
                    .log = host_log,
                    .progress = host_progress,
                    .cancelled = host_cancelled,
                    .fail = host_fail,
                    .alloc = host_alloc,
                    .defer = host_defer,
                    .seed = host_seed,
                    .threads = host_threads,
                    .service = host_service,
                    .run_count = host_run_count,
                    .run_path = host_run_path,
                    .factor = host_factor,
                    .condition = host_condition,
                    .condition_count = host_condition_count,
                    .parameter = host_parameter};
  wb_call_set_inputs(host);
  wb_call_set_outputs(host);
  wb_call_set_target(host);
  return WB_OK;
}

void wb_call_close(wb_call *call) {
  while (call->release_count) {
    const wb_release *last = &call->releases[--call->release_count];
    last->release(last->object);
  }
  free(call->releases);
  for (size_t i = 0; i < WB_OPEN_FILES; i++) wb_h5_close(call->files[i]);
  for (size_t r = 0; r < call->run_count; r++) {
    for (size_t i = 0; i < call->spec->input_count; i++) wb_values_free(&call->runs[r].bindings[i].derived);
    free(call->runs[r].bindings);
  }
  free(call->runs);
  if (call->spec) wb_settings_free(call->settings, call->spec);
  wb_values_free(&call->values);
  free(call->target);
}
