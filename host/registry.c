/* registry.c: see registry.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "library.h"
#include "opt.h"
#include "pool.h"
#include "say.h"

enum { DISCOVERY_SECONDS = 20 };

/* The plugins remembered from earlier calls: {"host": build, "files": {path: {"stats": {file: stat},
 * "plugins": [spec ..]}}}. */
typedef struct memory_file {
  char *path;
  json_t *json;
  bool changed;
} memory_file;

static memory_file recall(void) {
  memory_file memory = {.path = wb_format("%s/plugins.json", wb_cache_folder())};
  char *build = wb_program_build();
  memory.json = wb_json_load(memory.path);
  const char *by = wb_json_text(memory.json, "host");
  if (!by || strcmp(by, build) || !json_is_object(json_object_get(memory.json, "files"))) {
    json_decref(memory.json);
    memory.json = wb_json("{so s{}}", "host", wb_json_string(build), "files");
    memory.changed = true;
  }
  free(build);
  return memory;
}

/* The remembered plugins of a file, if neither it nor any library that it maps has changed; NULL otherwise.
 */
static const json_t *remembered(const memory_file *memory, const char *path) {
  const json_t *entry = json_object_get(json_object_get(memory->json, "files"), path);
  json_t *stats = json_object_get(entry, "stats");
  const char *file;
  json_t *then;
  json_object_foreach(stats, file, then) {
    char *current = wb_cache_stat(file);
    const bool same = current && json_is_string(then) && !strcmp(current, json_string_value(then));
    free(current);
    if (!same) return NULL;
  }
  return json_object_size(stats) ? json_object_get(entry, "plugins") : NULL;
}

static void remember(memory_file *memory, const char *path, const json_t *found) {
  json_t *stats = wb_must(json_object());
  const json_t *file;
  size_t i;
  json_array_foreach(json_object_get(found, "files"), i, file) {
    char *text = wb_cache_stat(json_string_value(file));
    wb_json_set(stats, json_string_value(file), wb_json_string(text));
    free(text);
  }
  wb_json_set(json_object_get(memory->json, "files"), path,
              wb_json("{so sO}", "stats", stats, "plugins", json_object_get(found, "plugins")));
  memory->changed = true;
}

static void add_fault(wb_registry *registry, const char *path, const char *id, char *reason) {
  wb_grow(registry->faults, registry->fault_count);
  registry->faults[registry->fault_count++] = (wb_fault){wb_copy(path), wb_copy(id), reason};
}

static void add_spec(wb_registry *registry, wb_spec *spec) {
  const wb_spec *first = wb_registry_find(registry, spec->id);
  if (first) {
    add_fault(registry, spec->path, NULL,
              wb_format("%s in %s is ignored: %s, found earlier, has the same id", spec->id, spec->path,
                        first->path));
    wb_spec_free(spec);
    return;
  }
  wb_grow(registry->specs, registry->count);
  registry->specs[registry->count++] = spec;
}

static void add_plugins(wb_registry *registry, const char *path, const json_t *plugins) {
  const json_t *item;
  size_t i;
  json_array_foreach(plugins, i, item) {
    wb_spec *spec = NULL;
    wb_error why = {0};
    if (wb_spec_from_json(item, &spec, &why) == WB_OK)
      add_spec(registry, spec);
    else
      add_fault(registry, path, NULL, wb_format("%s: %s", path, why.message));
  }
}

static void add_found(wb_registry *registry, memory_file *memory, const char *path, const wb_task *task) {
  if (task->crash) {
    add_fault(registry, path, NULL, wb_format("%s %s while it was loaded", path, task->crash));
    return;
  }
  add_plugins(registry, path, json_object_get(task->result, "plugins"));
  const json_t *fault, *faults = json_object_get(task->result, "faults");
  size_t i;
  json_array_foreach(faults, i, fault) {
    add_fault(registry, path, wb_json_text(fault, "id"),
              wb_format("%s: %s", path, wb_json_text(fault, "reason")));
  }
  if (task->status != WB_OK)
    add_fault(registry, path, NULL, wb_copy(task->message));
  else if (!json_array_size(faults))
    remember(memory, path, task->result);
}

/* The shared objects of the search path that may be loaded, first to last. */
static char **candidates(wb_registry *registry, bool trust, size_t *count) {
  size_t folder_count;
  char **folders = wb_search_path(&folder_count), **files = NULL;
  *count = 0;
  for (size_t i = 0; i < folder_count; i++) {
    char **found;
    const size_t found_count = wb_list_folder(folders[i], ".so", &found);
    char *unsafe = trust || !found_count ? NULL : wb_unsafe_reason(folders[i]);
    if (unsafe) add_fault(registry, folders[i], NULL, wb_copy(unsafe));
    for (size_t k = 0; k < found_count && !unsafe; k++) {
      char *reason = trust ? NULL : wb_unsafe_reason(found[k]);
      if (reason) {
        add_fault(registry, found[k], NULL, reason);
        continue;
      }
      wb_grow(files, *count);
      files[(*count)++] = wb_copy(found[k]);
    }
    free(unsafe);
    wb_free_texts(found, found_count);
  }
  wb_free_texts(folders, folder_count);
  return files;
}

/* Looks into the files that are not remembered. tasks[i] belongs to files[i]; its work is NULL for the
 * others. */
static wb_status discover(char *const *files, const json_t *const *known, size_t count, wb_task *tasks,
                          wb_error *err) {
  wb_task *open = wb_new(wb_task, count);
  size_t open_count = 0;
  for (size_t i = 0; i < count; i++)
    if (!known[i])
      open[open_count++].work = wb_json("{ss so}", "do", "discover", "file", wb_json_string(files[i]));
  const wb_pool pool = {.jobs = 1, .timeout = DISCOVERY_SECONDS};
  const wb_status status = wb_pool_run(&pool, open, open_count, err);
  for (size_t i = 0, k = 0; i < count; i++)
    if (!known[i]) tasks[i] = open[k++];
  free(open);
  return status;
}

static int by_id(const void *a, const void *b) {
  return strcmp((*(wb_spec *const *)a)->id, (*(wb_spec *const *)b)->id);
}

wb_status wb_registry_open(bool trust, wb_registry *out, wb_error *err) {
  *out = (wb_registry){0};
  size_t count;
  char **files = candidates(out, trust, &count);
  memory_file memory = recall();
  const json_t **known = wb_new(const json_t *, count);
  wb_task *tasks = wb_new(wb_task, count);
  for (size_t i = 0; i < count; i++) known[i] = remembered(&memory, files[i]);
  const wb_status status = discover(files, known, count, tasks, err);
  for (size_t i = 0; i < count && status == WB_OK; i++) { // in the order of the path: the first id wins
    if (known[i])
      add_plugins(out, files[i], known[i]);
    else
      add_found(out, &memory, files[i], &tasks[i]);
  }
  if (memory.changed && status == WB_OK) wb_json_save(memory.json, memory.path);
  if (out->count) qsort(out->specs, out->count, sizeof *out->specs, by_id);
  for (size_t i = 0; i < count; i++) {
    json_decref(tasks[i].work);
    wb_task_clear(&tasks[i]);
  }
  free(tasks);
  free(known);
  json_decref(memory.json);
  free(memory.path);
  wb_free_texts(files, count);
  return status;
}

void wb_registry_close(wb_registry *registry) {
  for (size_t i = 0; i < registry->count; i++) wb_spec_free(registry->specs[i]);
  for (size_t i = 0; i < registry->fault_count; i++) {
    free(registry->faults[i].path);
    free(registry->faults[i].id);
    free(registry->faults[i].reason);
  }
  free(registry->specs);
  free(registry->faults);
  *registry = (wb_registry){0};
}

const wb_spec *wb_registry_find(const wb_registry *registry, const char *id) {
  for (size_t i = 0; i < registry->count; i++)
    if (!strcmp(registry->specs[i]->id, id)) return registry->specs[i];
  return NULL;
}

/* Whether a fault is about the plugin that the user named: by its id, or by the file's name. */
static bool concerns(const wb_fault *fault, const char *id) {
  const char *name = wb_last_part(fault->path);
  const size_t length = strlen(id);
  return (fault->id && !strcmp(fault->id, id)) ||
         (!strncmp(name, id, length) && !strcmp(name + length, ".so")) ||
         (!strncmp(name, "lib", 3) && !strncmp(name + 3, id, length) && !strcmp(name + 3 + length, ".so"));
}

const wb_spec *wb_registry_require(const wb_registry *registry, const char *id, int *exit_code) {
  const wb_spec *spec = wb_registry_find(registry, id);
  if (spec) return spec;
  for (size_t i = 0; i < registry->fault_count; i++)
    if (concerns(&registry->faults[i], id)) {
      wb_say_error("%s", registry->faults[i].reason);
      *exit_code = WB_EXIT_PLUGIN;
      return NULL;
    }
  const char **ids = wb_new(const char *, registry->count);
  for (size_t i = 0; i < registry->count; i++) ids[i] = registry->specs[i]->id;
  char *hint = wb_did_you_mean(id, "", ids, registry->count);
  wb_say_error("there is no plugin %s%s\nworkbench list shows all of them.", id, *hint ? hint : ".");
  free(hint);
  free(ids);
  *exit_code = WB_EXIT_USAGE;
  return NULL;
}

void wb_registry_report(const wb_registry *registry) {
  for (size_t i = 0; i < registry->fault_count; i++) wb_say_error("%s", registry->faults[i].reason);
}
