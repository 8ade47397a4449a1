/* sweep_read.c: sweep files, see sweep.h and formats/SCHEMA.md. SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "params.h"
#include "stage.h"
#include "sweep_points.h"
#include "sweep_report.h"
#include "text/yaml.h"

/* A sweep file being read. */
typedef struct reader {
  const wb_registry *registry;
  const char *path;
  json_t *file, *places;
  const wb_spec **plugins; // of `plugins`
  size_t plugin_count;
  wb_sweep *sweep;
  wb_error *err;
} reader;

static const char *const top_keys[] = {"out",  "preset", "threads",  "plugins", "common",
                                       "grid", "extra",  "analyses", "report"};
enum { TOP_KEYS = sizeof top_keys / sizeof top_keys[0] };

/* WB_ARG: FILE:LINE:COLUMN of the value at a JSON pointer, and what is wrong with it. */
__attribute__((format(printf, 3, 4))) static wb_status refuse(const reader *r, const char *pointer,
                                                              const char *format, ...) {
  const char *place = wb_json_text(r->places, pointer);
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return wb_fail(r->err, WB_ARG, "%s%s%s: %s", r->path, place ? ":" : "", place ? place : "", message);
}

static char *join(const char *pointer, const char *step) {
  return wb_format("%s/%s", pointer, step);
}

/* A plugin of one of two kinds. */
static const wb_spec *find_plugin(const reader *r, const char *pointer, const char *id, bool trains) {
  const wb_spec *spec = id ? wb_registry_find(r->registry, id) : NULL;
  if (spec && (spec->kind == WB_TRAIN) == trains && spec->kind != WB_CONVERT) return spec;
  const char **ids = wb_new(const char *, r->registry->count);
  size_t count = 0;
  for (size_t i = 0; i < r->registry->count; i++) {
    const wb_spec *s = r->registry->specs[i];
    if ((s->kind == WB_TRAIN) == trains && s->kind != WB_CONVERT) ids[count++] = s->id;
  }
  char *hint = wb_did_you_mean(id ? id : "", "", ids, count);
  refuse(r, pointer, "%s is no plugin that %s%s", id ? id : "this", trains ? "trains" : "measures", hint);
  free(hint);
  free(ids);
  return NULL;
}

static wb_status read_plugins(reader *r) {
  const json_t *list = json_object_get(r->file, "plugins"), *item;
  if (!json_is_array(list) || !json_array_size(list))
    return refuse(r, "/plugins", "a sweep needs a list of plugins: \"plugins: [train-ce, train-supcon]\"");
  r->plugins = wb_new(const wb_spec *, json_array_size(list));
  size_t i;
  json_array_foreach(list, i, item) {
    char *pointer = wb_format("/plugins/%zu", i);
    const wb_spec *spec = find_plugin(r, pointer, json_string_value(item), true);
    free(pointer);
    if (!spec) return WB_ARG;
    r->plugins[r->plugin_count++] = spec;
  }
  return WB_OK;
}

static bool is_plugin(const reader *r, const char *id) {
  for (size_t i = 0; i < r->plugin_count; i++)
    if (!strcmp(r->plugins[i]->id, id)) return true;
  return false;
}

static wb_status check_keys(const reader *r) {
  const char *key;
  json_t *value;
  json_object_foreach(r->file, key, value) {
    bool known = is_plugin(r, key);
    for (size_t i = 0; i < TOP_KEYS; i++) known = known || !strcmp(top_keys[i], key);
    if (known) continue;
    char *pointer = join("", key), *hint = wb_did_you_mean(key, "", top_keys, TOP_KEYS);
    if (wb_registry_find(r->registry, key))
      refuse(r, pointer, "%s is not among this sweep's plugins", key);
    else
      refuse(r, pointer, "a sweep has no %s%s", key, hint);
    free(hint);
    free(pointer);
    return WB_ARG;
  }
  return WB_OK;
}

/* Whether one of the sweep's plugins has the parameter. */
static wb_status check_parameter(const reader *r, const char *pointer, const char *name) {
  const char **names = NULL;
  size_t count = 0;
  bool known = false;
  for (size_t i = 0; i < r->plugin_count && !known; i++) {
    known = wb_spec_param(r->plugins[i], name) != NULL;
    for (size_t p = 0; p < r->plugins[i]->param_count; p++) {
      wb_grow(names, count);
      names[count++] = r->plugins[i]->params[p].name;
    }
  }
  char *hint = known ? NULL : wb_did_you_mean(name, "", names, count);
  if (!known) refuse(r, pointer, "no plugin of this sweep has a parameter %s%s", name, hint);
  free(hint);
  free(names);
  return known ? WB_OK : WB_ARG;
}

/* Sets one parameter where the plugin has it. */
static wb_status set(const reader *r, char **settings, const wb_spec *plugin, const char *name,
                     const json_t *value, const char *pointer) {
  if (!wb_spec_param(plugin, name)) return WB_OK;
  char *text = wb_settings_text(value);
  wb_error why = {0};
  if (!text)
    refuse(r, pointer, "%s must be a single value or a list of values", name);
  else if (wb_settings_set(settings, plugin, name, text, &why) != WB_OK)
    refuse(r, pointer, "%s", why.message);
  else
    why.status = WB_OK;
  const bool good = text && why.status == WB_OK;
  free(text);
  return good ? WB_OK : WB_ARG;
}

/* The mapping at `pointer`, each name of which must be a parameter of `plugin`, or (NULL) of any. */
static wb_status apply(const reader *r, char **settings, const wb_spec *target, const char *pointer,
                       bool of_any) {
  const json_t *mapping = json_object_get(r->file, pointer + 1);
  if (!mapping || json_is_null(mapping)) return WB_OK;
  if (!json_is_object(mapping))
    return refuse(r, pointer, "%s must hold lines such as \"epochs: 10\"", pointer + 1);
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)mapping, name, value) {
    char *where = join(pointer, name);
    wb_status status = of_any ? check_parameter(r, where, name) : WB_OK;
    if (!of_any && !wb_spec_param(target, name))
      status = refuse(r, where, "%s has no parameter %s", target->id, name);
    if (status == WB_OK) status = set(r, settings, target, name, value, where);
    free(where);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

/* What all runs of one plugin share. */
static wb_status base_settings(const reader *r, const wb_spec *plugin, char **settings) {
  const json_t *preset = json_object_get(r->file, "preset");
  wb_status status = WB_OK;
  if (preset) {
    wb_error why = {0};
    char *path = NULL;
    status = wb_preset_path(json_is_string(preset) ? json_string_value(preset) : "", &path, &why);
    if (status == WB_OK) status = wb_settings_load(settings, plugin, path, NULL, NULL, 0, &why);
    if (status != WB_OK) refuse(r, "/preset", "%s", why.message);
    free(path);
  }
  if (status == WB_OK) status = apply(r, settings, plugin, "/common", true);
  char *own = join("", plugin->id);
  if (status == WB_OK) status = apply(r, settings, plugin, own, false);
  free(own);
  return status;
}

static char **copy_settings(char *const *settings, const wb_spec *plugin) {
  char **copy = wb_new(char *, plugin->param_count);
  for (size_t i = 0; i < plugin->param_count; i++) copy[i] = wb_copy(settings[i]);
  return copy;
}

const char *wb_sweep_objective(const wb_sweep_run *run) {
  const char *id = run->plugin->id;
  return strncmp(id, "train-", 6) ? id : id + 6;
}

/* "ce_rho0.2_seed3_1f2e3d4c" */
static wb_status name_run(const wb_sweep *sweep, wb_sweep_run *run, wb_error *err) {
  char identity[WB_DIGEST_SIZE];
  const char *seed = "0", *parts[] = {""};
  for (size_t i = 0; i < run->plugin->param_count; i++)
    if (!strcmp(run->plugin->params[i].name, "seed")) seed = run->settings[i];
  const wb_status status =
      wb_identity(run->plugin, run->settings, strtoull(seed, NULL, 10), true, parts, 1, identity, err);
  if (status != WB_OK) return status;
  char *name = wb_copy(wb_sweep_objective(run));
  const char *parameter;
  json_t *value;
  json_object_foreach(run->varied, parameter, value) {
    char *longer = wb_format("%s_%s%s", name, parameter, json_string_value(value));
    free(name);
    name = longer;
  }
  for (char *c = name; *c; c++)
    if (*c == '/' || *c == ' ' || *c == ':') *c = '-';
  run->name = wb_format("%.150s_%.8s", name, identity);
  run->file = wb_sweep_path(sweep, "runs", run->name, ".h5");
  free(name);
  return WB_OK;
}

static void free_run(wb_sweep_run *run) {
  if (run->settings) wb_settings_free(run->settings, run->plugin);
  free(run->name);
  free(run->file);
  json_decref(run->varied);
}

/* Takes the run unless the sweep has it already. */
static void keep(wb_sweep *sweep, wb_sweep_run *run) {
  for (size_t i = 0; i < sweep->run_count; i++)
    if (!strcmp(sweep->runs[i].name, run->name)) {
      free_run(run);
      return;
    }
  wb_grow(sweep->runs, sweep->run_count);
  sweep->runs[sweep->run_count++] = *run;
}

typedef struct expansion {
  const reader *r;
  const wb_sweep_points *points;
  char ***bases; // of each plugin
} expansion;

/* Notes what tells the run apart, the seed last. */
static void note_varied(const expansion *x, wb_sweep_run *run, bool seed) {
  for (size_t a = 0; a < x->points->axis_count; a++) {
    const wb_sweep_axis *axis = &x->points->axes[a];
    const wb_param *p = wb_spec_param(run->plugin, axis->name);
    if (p && axis->varied && seed == !strcmp(axis->name, "seed"))
      wb_json_set(run->varied, axis->name, wb_json_string(run->settings[p - run->plugin->params]));
  }
}

static wb_status add_run(const expansion *x, size_t plugin, const size_t *choice) {
  const reader *r = x->r;
  wb_sweep_run run = {.plugin = r->plugins[plugin],
                      .settings = copy_settings(x->bases[plugin], r->plugins[plugin]),
                      .varied = wb_must(json_object())};
  wb_status status = WB_OK;
  for (size_t a = 0; a < x->points->axis_count && status == WB_OK; a++) {
    const wb_sweep_axis *axis = &x->points->axes[a];
    const wb_sweep_value *value = &axis->values[choice[a]];
    status = set(r, run.settings, run.plugin, axis->name, value->json, value->pointer);
  }
  note_varied(x, &run, false);
  note_varied(x, &run, true);
  wb_error why = {0};
  if (status == WB_OK && wb_settings_complete(run.settings, run.plugin, &why) != WB_OK)
    status = refuse(r, "/plugins", "%s", why.message);
  if (status == WB_OK) status = name_run(r->sweep, &run, r->err);
  if (status == WB_OK)
    keep(r->sweep, &run);
  else
    free_run(&run);
  return status;
}

/* Every combination, the last axis fastest; each for every plugin. */
static wb_status add_points(const expansion *x) {
  size_t choice[WB_SWEEP_AXES] = {0};
  for (;;) {
    for (size_t p = 0; p < x->r->plugin_count; p++) {
      const bool wanted = !x->points->plugins || wb_sweep_lists(x->points->plugins, x->r->plugins[p]->id);
      const wb_status status = wanted ? add_run(x, p, choice) : WB_OK;
      if (status != WB_OK) return status;
    }
    size_t a = x->points->axis_count;
    while (a && ++choice[a - 1] == x->points->axes[a - 1].value_count) choice[--a] = 0;
    if (!a) return WB_OK;
  }
}

static wb_status read_runs(const reader *r) {
  wb_sweep_points *points = NULL;
  size_t count = 0;
  wb_error why = {0};
  char *pointer = NULL;
  wb_status status = wb_sweep_points_read(r->file, &points, &count, &pointer, &why);
  if (status != WB_OK) {
    refuse(r, pointer, "%s", why.message);
    free(pointer);
    return status;
  }
  for (size_t i = 0; i < count && status == WB_OK; i++)
    for (size_t a = 0; a < points[i].axis_count && status == WB_OK; a++)
      status = check_parameter(r, points[i].axes[a].pointer, points[i].axes[a].name);
  char ***bases = wb_new(char **, r->plugin_count);
  for (size_t p = 0; p < r->plugin_count && status == WB_OK; p++) {
    bases[p] = wb_settings_new(r->plugins[p]);
    status = base_settings(r, r->plugins[p], bases[p]);
  }
  for (size_t i = 0; i < count && status == WB_OK; i++)
    status = add_points(&(expansion){r, &points[i], bases});
  for (size_t p = 0; p < r->plugin_count; p++)
    if (bases[p]) wb_settings_free(bases[p], r->plugins[p]);
  free(bases);
  wb_sweep_points_free(points, count);
  return status;
}

/* The parameters of one analysis, which may be given more keys: its name, and the runs it takes. */
static wb_status read_analysis_keys(const reader *r, wb_sweep_analysis *a, const json_t *keys,
                                    const char *pointer) {
  const char *name;
  json_t *value;
  char **scratch = wb_settings_new(a->plugin);
  wb_status status = WB_OK;
  json_object_foreach((json_t *)keys, name, value) {
    char *where = join(pointer, name);
    if (!strcmp(name, "name") && json_is_string(value) && !strchr(json_string_value(value), '/')) {
      free(a->name);
      a->name = wb_copy(json_string_value(value));
    } else if (!strcmp(name, "where") && json_is_object(value)) {
      json_decref(a->where);
      a->where = json_incref(value);
    } else if (!wb_spec_param(a->plugin, name)) {
      status = refuse(r, where, "%s has no parameter %s", a->plugin->id, name);
    } else {
      status = set(r, scratch, a->plugin, name, value, where);
      char *text = status == WB_OK ? wb_settings_text(value) : NULL;
      if (text) wb_json_set(a->params, name, wb_json_string(text));
      free(text);
    }
    free(where);
    if (status != WB_OK) break;
  }
  wb_settings_free(scratch, a->plugin);
  return status;
}

/* "moran", or {moran: {neighbours: queen, name: moran-queen, where: {dropout: 0.5}}} */
static wb_status read_analysis(const reader *r, const json_t *item, const char *pointer) {
  const char *id = json_string_value(item);
  const json_t *keys = NULL;
  if (json_is_object(item) && json_object_size(item) == 1) {
    void *only = json_object_iter((json_t *)item);
    id = json_object_iter_key(only);
    keys = json_object_iter_value(only);
  }
  if (!id || (keys && !json_is_object(keys)))
    return refuse(r, pointer,
                  "an analysis is a plugin, as in \"- moran\" or \"- moran: {neighbours: queen}\"");
  const wb_spec *plugin = find_plugin(r, pointer, id, false);
  if (!plugin) return WB_ARG;
  wb_sweep *sweep = r->sweep;
  wb_grow(sweep->analyses, sweep->analysis_count);
  wb_sweep_analysis *a = &sweep->analyses[sweep->analysis_count++];
  *a = (wb_sweep_analysis){.name = wb_copy(id), .plugin = plugin, .params = wb_must(json_object())};
  char *below = join(pointer, id);
  const wb_status status = keys ? read_analysis_keys(r, a, keys, below) : WB_OK;
  free(below);
  if (status != WB_OK) return status;
  for (size_t i = 0; i + 1 < sweep->analysis_count; i++)
    if (!strcmp(sweep->analyses[i].name, a->name))
      return refuse(r, pointer, "a second analysis is called %s; give it a name of its own: {%s: {name: ..}}",
                    a->name, id);
  return WB_OK;
}

static wb_status read_analyses(const reader *r) {
  const json_t *list = json_object_get(r->file, "analyses"), *item;
  size_t i;
  if (list && !json_is_null(list) && !json_is_array(list))
    return refuse(r, "/analyses", "analyses must be a list: \"- moran\" on lines of their own");
  json_array_foreach(list, i, item) {
    char *pointer = wb_format("/analyses/%zu", i);
    const wb_status status = read_analysis(r, item, pointer);
    free(pointer);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

static wb_status read_report(const reader *r) {
  char *pointer = NULL;
  wb_error why = {0};
  const wb_status status = wb_sweep_report_read(json_object_get(r->file, "report"), r->sweep, &pointer, &why);
  if (status != WB_OK) refuse(r, pointer, "%s", why.message);
  free(pointer);
  return status;
}

static wb_status read_head(const reader *r, const char *folder) {
  const json_t *out = json_object_get(r->file, "out"), *threads = json_object_get(r->file, "threads");
  wb_sweep *sweep = r->sweep;
  if (out && (!json_is_string(out) || !*json_string_value(out)))
    return refuse(r, "/out", "out must be a folder");
  if (threads) {
    char *end = NULL;
    const char *text = json_is_string(threads) ? json_string_value(threads) : "";
    const unsigned long count = strtoul(text, &end, 10);
    if (*end || !*text || count < 1 || count > 4096)
      return refuse(r, "/threads", "threads must be a whole number in [1..4096]");
    sweep->threads = (unsigned)count;
  }
  const char *last = wb_last_part(r->path), *dot = strrchr(last, '.');
  sweep->folder = folder ? wb_copy(folder)
                  : out  ? wb_copy(json_string_value(out))
                        : wb_format("%.*s", (int)(dot && dot > last ? dot - last : (long)strlen(last)), last);
  return WB_OK;
}

wb_status wb_sweep_read(const wb_registry *registry, const char *path, const char *folder, wb_sweep *out,
                        wb_error *err) {
  *out = (wb_sweep){.source = wb_copy(path)};
  reader r = {.registry = registry, .path = path, .sweep = out, .err = err};
  wb_status status = wb_yaml_load_placed(path, &r.file, &r.places, err);
  if (status == WB_OK && !json_is_object(r.file))
    status = wb_fail(err, WB_ARG, "%s: a sweep file begins with \"plugins: [train-ce]\"", path);
  if (status == WB_OK) status = read_head(&r, folder);
  if (status == WB_OK) status = read_plugins(&r);
  if (status == WB_OK) status = check_keys(&r);
  if (status == WB_OK) status = read_runs(&r);
  if (status == WB_OK) status = read_analyses(&r);
  if (status == WB_OK) status = read_report(&r);
  free(r.plugins);
  json_decref(r.file);
  json_decref(r.places);
  return status;
}
