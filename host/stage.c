/* stage.c: see stage.h; preparation. SPDX-License-Identifier: GPL-3.0-or-later */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "heap.h"
#include "json.h"
#include "params.h"
#include "say.h"

enum { MAX_DEPTH = 8 };

static json_t *inspect_work(const wb_stage *stage, const char *path) {
  const wb_request *r = stage->request;
  json_t *work =
      wb_json("{ss so so sO}", "do", "inspect", "file", wb_json_string(path), "known",
              r->recompute ? wb_must(json_object()) : wb_cache_digests(path), "objects", r->objects);
  if (r->rows) wb_json_set(work, "grid", wb_json("[II]", (json_int_t)r->rows, (json_int_t)r->cols));
  if (r->data) wb_json_set(work, "data", wb_json_string(r->data));
  wb_json_set(work, "allow_other_data", json_boolean(r->allow_other_data));
  wb_json_set(work, "recompute", json_boolean(r->recompute));
  return work;
}

static void take_facts(wb_stage *stage, size_t source, const wb_task *task) {
  wb_source *s = &stage->sources->items[source];
  const json_t *digests = json_object_get(task->result, "digests");
  if (!stage->depth) wb_source_describe(s, task->result, stage->request);
  wb_cache_remember_digests(s->path, digests);
  if (task->status == WB_OK && !task->crash) {
    stage->facts[source] = json_incref(task->result);
  } else if (s->usable != WB_UNFINISHED) {
    char *text = wb_failure_text(stage->spec, task, s->path, NULL);
    wb_source_fail(s, task->status, "%s", text);
    free(text);
  }
}

static wb_status inspect(wb_stage *stage, wb_error *err) {
  const wb_request *r = stage->request;
  wb_task *tasks = wb_new(wb_task, stage->sources->count);
  size_t *source_of = wb_new(size_t, stage->sources->count), count = 0;
  for (size_t i = 0; i < stage->sources->count; i++) {
    if (stage->sources->items[i].usable != WB_USABLE) continue;
    source_of[count] = i;
    tasks[count++].work = inspect_work(stage, stage->sources->items[i].path);
  }
  json_t *common = wb_common(stage->spec, stage->settings, stage->seed, 1);
  const wb_pool pool = {.common = common,
                        .jobs = r->jobs ? r->jobs : r->threads,
                        .threads = 1,
                        .memory = r->memory,
                        .timeout = r->timeout,
                        .in_process = r->in_process};
  const wb_status status = wb_pool_run(&pool, tasks, count, err);
  for (size_t i = 0; i < count; i++) {
    if (status == WB_OK) take_facts(stage, source_of[i], &tasks[i]);
    json_decref(tasks[i].work);
    wb_task_clear(&tasks[i]);
  }
  json_decref(common);
  free(source_of);
  free(tasks);
  return status;
}

/* The item of a task's "runs". */
static json_t *run_item(const wb_source *source, const json_t *facts) {
  json_t *factors = wb_must(json_array());
  for (size_t f = 0; f < source->factor_count; f++)
    wb_json_append(factors, wb_json("[oo]", wb_json_string(source->factors[f].name),
                                    wb_json_string(source->factors[f].value)));
  json_t *item = wb_json("{so so sO}", "path", wb_json_string(source->path), "factors", factors, "roles",
                         json_object_get(facts, "roles"));
  static const char *const passed_on[] = {"grid", "labels", "data_spec"};
  for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
    json_t *value = json_object_get(facts, passed_on[i]);
    if (value) wb_json_set(item, passed_on[i], json_incref(value));
  }
  return item;
}

/* Up to the output: "plugin-id" or "plugin-id:name=value". */
static int source_length(const char *object) {
  return (int)strcspn(object, "/");
}

/* The setting that the role itself names. */
static wb_status set_named(char **settings, const wb_spec *other, const char *object, wb_error *err) {
  const int id = (int)strcspn(object, ":/"), name = (int)strcspn(object, "=/"), end = source_length(object);
  if (id == end) return WB_OK;
  if (name == end)
    return wb_fail(err, WB_UNSUPPORTED, "%s is not of the form plugin:name=value/output", object);
  char *key = wb_format("%.*s", name - id - 1, object + id + 1);
  char *value = wb_format("%.*s", end - name - 1, object + name + 1);
  const wb_status status = wb_settings_set(settings, other, key, value, err);
  free(key);
  free(value);
  return status;
}

/* The other plugin's settings: its defaults, the parameters that both declare under one name, and what the
 * role's object names. */
static char **passed_settings(const wb_stage *stage, const wb_spec *other, const char *object,
                              wb_error *err) {
  char **settings = wb_settings_new(other);
  if (set_named(settings, other, object, err) != WB_OK) {
    wb_settings_free(settings, other);
    return NULL;
  }
  for (size_t i = 0; i < other->param_count; i++) {
    const wb_param *own = wb_spec_param(stage->spec, other->params[i].name);
    if (!own) continue;
    const char *text = stage->settings[own - stage->spec->params];
    if (wb_settings_set(settings, other, own->name, text, err) == WB_OK) continue;
    wb_settings_free(settings, other);
    return NULL;
  }
  return settings;
}

static bool is_same_source(const wb_input *a, const wb_input *b) {
  return b->kind == WB_DERIVED && source_length(a->object) == source_length(b->object) &&
         !strncmp(a->object, b->object, (size_t)source_length(a->object));
}

/* Whether an input before this one has the same source. */
static bool is_bound(const wb_spec *spec, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (is_same_source(&spec->inputs[index], &spec->inputs[i])) return true;
  return false;
}

/* The values of the other plugin become the role of each run. */
static void bind_derived(wb_stage *stage, const wb_input *input, const wb_unit *units, size_t count) {
  const char *output = strchr(input->object, '/') + 1;
  for (size_t u = 0; u < count; u++) {
    const size_t source = units[u].sources[0];
    json_t *roles = json_object_get(stage->facts[source], "roles");
    if (units[u].done)
      wb_json_set(roles, input->role,
                  wb_json("{so so so}", "entry", wb_json_string(units[u].entry), "output",
                          wb_json_string(output), "digest", wb_json_string(units[u].entry)));
    else if (!(input->flags & WB_INPUT_OPTIONAL))
      wb_source_fail(&stage->sources->items[source], units[u].status, "%s", units[u].reason);
  }
}

/* The outputs of the other plugin that this one cannot do without and that may be missing; a new reference.
 */
static json_t *fallible_outputs(const wb_stage *stage, const wb_input *input, const wb_spec *other) {
  json_t *outputs = wb_must(json_array());
  const wb_input *end = stage->spec->inputs + stage->spec->input_count;
  for (const wb_input *same = input; same < end; same++) {
    if (!is_same_source(input, same) || same->flags & WB_INPUT_OPTIONAL) continue;
    const char *name = strchr(same->object, '/') + 1;
    const wb_output *output = wb_spec_output(other, name);
    if (output && output->flags & WB_OUTPUT_MAY_BE_MISSING) wb_json_append(outputs, wb_json_string(name));
  }
  return outputs;
}

/* A run without a value that the plugin needs does not cost the other runs of its call. */
static wb_status drop_lacking(wb_stage *stage, const wb_input *input, const wb_spec *other,
                              const wb_unit *units, size_t count, wb_error *err) {
  json_t *outputs = fallible_outputs(stage, input, other), *entries = wb_must(json_array());
  size_t *source_of = wb_new(size_t, count + 1), asked = 0;
  wb_status status = WB_OK;
  for (size_t u = 0; u < count; u++) {
    if (!units[u].done) continue;
    source_of[asked++] = units[u].sources[0];
    wb_json_append(entries, wb_json_string(units[u].entry));
  }
  wb_task task = {.work = wb_json("{ss so sO}", "do", "missing", "entries", entries, "outputs", outputs)};
  const wb_pool pool = {.jobs = 1, .threads = 1, .in_process = stage->request->in_process};
  if (stage->spec->scope != WB_PER_RUN && asked && json_array_size(outputs)) {
    status = wb_pool_run(&pool, &task, 1, err);
    if (status == WB_OK && task.status != WB_OK)
      status = wb_fail(err, task.status, "%s", task.crash ? task.crash : task.message);
  }
  const json_t *missing = json_object_get(task.result, "missing");
  for (size_t i = 0; i < json_array_size(missing) && status == WB_OK; i++) {
    const json_t *found = json_array_get(missing, i);
    wb_source *source = &stage->sources->items[source_of[i]];
    if (json_is_object(found))
      wb_source_fail(source, WB_INPUT, "%s: %s needs %s/%s, which is missing for this run: %s", source->path,
                     stage->spec->id, other->id, wb_json_text(found, "output"),
                     wb_json_text(found, "reason"));
  }
  json_decref(outputs);
  json_decref(task.work);
  wb_task_clear(&task);
  free(source_of);
  return status;
}

/* Binds the role, and those after it that read other outputs of the same. */
static wb_status derive(wb_stage *stage, const wb_input *input, wb_error *err) {
  char *id = wb_format("%.*s", (int)strcspn(input->object, ":/"), input->object);
  const wb_spec *other = wb_registry_find(stage->request->registry, id);
  const char *output = strchr(input->object, '/') + 1;
  wb_status status = WB_OK;
  if (!other || other->scope != WB_PER_RUN || !wb_spec_output(other, output))
    status = wb_fail(err, WB_UNSUPPORTED, "%s needs %s for each run, and %s %s", stage->spec->id,
                     input->object, other ? "there is no such output per run of" : "there is no plugin", id);
  else if (stage->depth >= MAX_DEPTH)
    status =
        wb_fail(err, WB_UNSUPPORTED, "%s needs %s, which in the end needs %s again", stage->spec->id, id, id);
  char **settings = status == WB_OK ? passed_settings(stage, other, input->object, err) : NULL;
  free(id);
  if (!settings) return status == WB_OK ? err->status : status;
  /* Its files may fail for reasons that an optional role forgives: they fail on a copy. */
  wb_sources copy = {wb_new(wb_source, stage->sources->count), stage->sources->count};
  for (size_t i = 0; i < copy.count; i++) {
    copy.items[i] = stage->sources->items[i];
    copy.items[i].reason = NULL;
  }
  wb_stage below = {.request = stage->request,
                    .spec = other,
                    .settings = settings,
                    .seed = stage->seed,
                    .sources = &copy,
                    .depth = stage->depth + 1};
  const wb_param *seed = wb_spec_param(other, "seed");
  if (seed) below.seed = (uint64_t)strtoll(settings[seed - other->params], NULL, 10);
  wb_unit *units = wb_new(wb_unit, copy.count);
  size_t count = 0;
  status = wb_stage_prepare(&below, err);
  for (size_t i = 0; i < copy.count && status == WB_OK; i++) {
    const wb_source *s = &copy.items[i];
    if (s->usable == WB_USABLE)
      units[count++] = wb_unit_of_run(&copy, i);
    else if (s->usable == WB_UNUSABLE && s->reason && !(input->flags & WB_INPUT_OPTIONAL))
      wb_source_fail(&stage->sources->items[i], s->status, "%s", s->reason);
  }
  if (status == WB_OK) status = wb_stage_look_up(&below, units, count, err);
  if (status == WB_OK) status = wb_stage_perform(&below, units, count, err);
  for (const wb_input *same = input; same < stage->spec->inputs + stage->spec->input_count && status == WB_OK;
       same++)
    if (is_same_source(input, same)) bind_derived(stage, same, units, count);
  if (status == WB_OK) status = drop_lacking(stage, input, other, units, count, err);
  wb_units_free(units, count);
  wb_stage_close(&below);
  wb_settings_free(settings, other);
  for (size_t i = 0; i < copy.count; i++) free(copy.items[i].reason);
  free(copy.items);
  return status;
}

/* Digest of all that the plugin reads, or may ask for, of one run. */
static wb_status digest_source(wb_stage *stage, size_t source, wb_error *err) {
  const json_t *facts = stage->facts[source];
  const wb_source *s = &stage->sources->items[source];
  wb_sha256 *hash = wb_sha256_new();
  for (size_t i = 0; i < stage->spec->input_count; i++) {
    const char *role = stage->spec->inputs[i].role;
    const json_t *bound = json_object_get(json_object_get(facts, "roles"), role);
    const char *parts[] = {role, wb_json_text(bound, "object"), wb_json_text(bound, "output"),
                           wb_json_text(bound, "digest")};
    for (size_t k = 0; k < 4; k++) wb_sha256_text(hash, parts[k] ? parts[k] : "");
  }
  const json_t *grid = json_object_get(facts, "grid");
  char *grid_text = wb_format("%lldx%lld", (long long)json_integer_value(json_array_get(grid, 0)),
                              (long long)json_integer_value(json_array_get(grid, 1)));
  const char *names = wb_json_text(facts, "names");
  wb_sha256_text(hash, grid_text);
  wb_sha256_text(hash, names ? names : "");
  free(grid_text);
  for (size_t f = 0; f < s->factor_count; f++) {
    wb_sha256_text(hash, s->factors[f].name);
    wb_sha256_text(hash, s->factors[f].value);
  }
  return wb_sha256_finish(hash, stage->digests[source], err);
}

wb_status wb_stage_prepare(wb_stage *stage, wb_error *err) {
  const size_t count = stage->sources->count;
  stage->facts = wb_new(json_t *, count);
  stage->runs = wb_new(json_t *, count);
  stage->digests = wb_new_bytes(count, WB_DIGEST_SIZE);
  wb_status status = inspect(stage, err);
  if (status != WB_OK) return status;
  wb_sources_check_shared(stage->sources, stage->facts, stage->spec);
  for (size_t i = 0; i < stage->spec->input_count && status == WB_OK; i++)
    if (stage->spec->inputs[i].kind == WB_DERIVED && !is_bound(stage->spec, i) &&
        wb_sources_usable(stage->sources))
      status = derive(stage, &stage->spec->inputs[i], err);
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    if (stage->sources->items[i].usable != WB_USABLE) continue;
    stage->runs[i] = run_item(&stage->sources->items[i], stage->facts[i]);
    status = digest_source(stage, i, err);
  }
  return status;
}

void wb_stage_close(wb_stage *stage) {
  for (size_t i = 0; stage->facts && i < stage->sources->count; i++) {
    json_decref(stage->facts[i]);
    json_decref(stage->runs[i]);
  }
  free(stage->facts);
  free(stage->runs);
  free(stage->digests);
}
