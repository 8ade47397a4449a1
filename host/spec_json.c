/* spec_json.c: descriptors as JSON, see spec.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "json.h"
#include "spec.h"
#include "spec_internal.h"

/* Names of enumerations by value, and of flags by bit; NULL-terminated. */
static const char *const kinds[] = {"", "train", "convert", "metric", "robustness", NULL};
static const char *const scopes[] = {"run", "group", "study", NULL};
static const char *const types[] = {"",     "bool",     "choice",     "int",         "float", "string",
                                    "path", "int-list", "float-list", "string-list", NULL};
static const char *const input_kinds[] = {"array", "model", "images", "derived", NULL};
static const char *const elements[] = {"", "f32", "f64", "i32", "i64", "u8", NULL};
static const char *const shapes[] = {"", "scalar", "curve", "matrix", "points", "histogram", NULL};
static const char *const plots[] = {"auto", "none", "maps", "lines", "images", "runs", "panels", NULL};
static const char *const plugin_flags[] = {"stochastic", "threaded", "needs-engine", NULL};
static const char *const param_flags[] = {"not-identity", "required", "advanced", NULL};
static const char *const input_flags[] = {"optional", NULL};
static const char *const output_flags[] = {"may-be-missing", "nonfinite-ok", "log-x",    "log-y",
                                           "diverging",      "headline",     "circular", "classes",
                                           "zero-line",      "own-scale",    "sem",      NULL};

static json_t *name_of(uint32_t value, const char *const *names) {
  for (uint32_t i = 0; names[i]; i++)
    if (i == value) return wb_json_string(names[i]);
  return json_null();
}

static uint32_t value_of(const json_t *object, const char *key, const char *const *names) {
  const char *name = wb_json_text(object, key);
  for (uint32_t i = 0; name && names[i]; i++)
    if (!strcmp(names[i], name)) return i;
  return UINT32_MAX; // no enumeration goes so far: the check refuses it
}

static json_t *flags_to_json(uint32_t flags, const char *const *names) {
  json_t *array = wb_must(json_array());
  for (uint32_t i = 0; names[i]; i++)
    if (flags & (1u << i)) wb_json_append(array, wb_json_string(names[i]));
  return array;
}

static uint32_t flags_from_json(const json_t *object, const char *const *names) {
  uint32_t flags = 0;
  const json_t *array = json_object_get(object, "flags"), *item;
  size_t k;
  json_array_foreach(array, k, item) {
    for (uint32_t i = 0; names[i]; i++)
      if (json_is_string(item) && !strcmp(names[i], json_string_value(item))) flags |= 1u << i;
  }
  return flags;
}

static json_t *param_to_json(const wb_param *p) {
  json_t *json =
      wb_json("{so so so so so so}", "name", wb_json_string(p->name), "type", name_of(p->type, types),
              "default", wb_json_string(p->default_text), "unit", wb_json_string(p->unit), "help",
              wb_json_string(p->help), "group", wb_json_string(p->group));
  json_t *choices = p->choices ? wb_must(json_array()) : json_null();
  for (size_t i = 0; p->choices && p->choices[i]; i++) wb_json_append(choices, wb_json_string(p->choices[i]));
  wb_json_set(json, "choices", choices);
  const bool bounded = p->min != 0 || p->max != 0;
  wb_json_set(json, "min", wb_json_real(bounded ? p->min : -INFINITY));
  wb_json_set(json, "max", wb_json_real(bounded ? p->max : INFINITY));
  wb_json_set(json, "offset", json_integer(p->offset));
  wb_json_set(json, "flags", flags_to_json(p->flags, param_flags));
  return json;
}

static wb_param param_from_json(const json_t *json) {
  wb_param p = {.name = wb_copy(wb_json_text(json, "name")),
                .help = wb_copy(wb_json_text(json, "help")),
                .unit = wb_copy(wb_json_text(json, "unit")),
                .group = wb_copy(wb_json_text(json, "group")),
                .default_text = wb_copy(wb_json_text(json, "default")),
                .min = wb_json_number(json, "min", -INFINITY),
                .max = wb_json_number(json, "max", INFINITY),
                .type = value_of(json, "type", types),
                .flags = flags_from_json(json, param_flags),
                .offset = (uint32_t)wb_json_int(json, "offset")};
  size_t count = 0;
  const char **texts = wb_json_texts(json, "choices", &count);
  if (texts) {
    char **choices = wb_new(char *, count + 1);
    for (size_t i = 0; i < count; i++) choices[i] = wb_copy(texts[i]);
    p.choices = (const char *const *)choices;
  }
  free(texts);
  return p;
}

static json_t *input_to_json(const wb_input *in) {
  json_t *axes = wb_must(json_array()), *shared = wb_must(json_array());
  for (uint32_t a = 0; a < in->rank && a < WB_MAX_RANK; a++) {
    wb_json_append(axes, wb_json_string(in->axes[a]));
    if (in->shared_axes & (1u << a)) wb_json_append(shared, json_integer(a));
  }
  return wb_json("{so so so so so so so so}", "role", wb_json_string(in->role), "kind",
                 name_of(in->kind, input_kinds), "object", wb_json_string(in->object), "element",
                 name_of(in->element, elements), "axes", axes, "shared_axes", shared, "help",
                 wb_json_string(in->help), "flags", flags_to_json(in->flags, input_flags));
}

static wb_input input_from_json(const json_t *json) {
  wb_input in = {.role = wb_copy(wb_json_text(json, "role")),
                 .help = wb_copy(wb_json_text(json, "help")),
                 .object = wb_copy(wb_json_text(json, "object")),
                 .kind = value_of(json, "kind", input_kinds),
                 .element = value_of(json, "element", elements),
                 .flags = flags_from_json(json, input_flags)};
  const json_t *axes = json_object_get(json, "axes"), *item;
  in.rank = (uint32_t)json_array_size(axes);
  for (uint32_t a = 0; a < in.rank && a < WB_MAX_RANK; a++)
    in.axes[a] = wb_copy(json_string_value(json_array_get(axes, a)));
  size_t k;
  json_array_foreach(json_object_get(json, "shared_axes"), k, item) {
    in.shared_axes |= 1u << ((uint32_t)json_integer_value(item) % WB_MAX_RANK);
  }
  if (in.element == UINT32_MAX) in.element = 0; // roles that are not arrays have none
  return in;
}

static json_t *output_to_json(const wb_output *out) {
  json_t *json = wb_json("{so so so so so so so so so}", "name", wb_json_string(out->name), "title",
                         wb_json_string(out->title), "help", wb_json_string(out->help), "unit",
                         wb_json_string(out->unit), "higher_means", wb_json_string(out->higher_means),
                         "x_label", wb_json_string(out->x_label), "y_label", wb_json_string(out->y_label),
                         "beside", wb_json_string(out->beside), "shape", name_of(out->shape, shapes));
  wb_json_set(json, "plot", name_of(out->plot, plots));
  wb_json_set(json, "low", wb_json_real(out->low));
  wb_json_set(json, "high", wb_json_real(out->high));
  wb_json_set(json, "reference", wb_json_real(out->reference));
  wb_json_set(json, "flags", flags_to_json(out->flags, output_flags));
  return json;
}

static wb_output output_from_json(const json_t *json) {
  return (wb_output){.name = wb_copy(wb_json_text(json, "name")),
                     .title = wb_copy(wb_json_text(json, "title")),
                     .help = wb_copy(wb_json_text(json, "help")),
                     .unit = wb_copy(wb_json_text(json, "unit")),
                     .higher_means = wb_copy(wb_json_text(json, "higher_means")),
                     .x_label = wb_copy(wb_json_text(json, "x_label")),
                     .y_label = wb_copy(wb_json_text(json, "y_label")),
                     .beside = wb_copy(wb_json_text(json, "beside")),
                     .low = wb_json_number(json, "low", -INFINITY),
                     .high = wb_json_number(json, "high", INFINITY),
                     .reference = wb_json_number(json, "reference", NAN),
                     .shape = value_of(json, "shape", shapes),
                     .plot = value_of(json, "plot", plots),
                     .flags = flags_from_json(json, output_flags)};
}

json_t *wb_spec_to_json(const wb_spec *spec) {
  json_t *params = wb_must(json_array()), *inputs = wb_must(json_array()), *outputs = wb_must(json_array());
  for (size_t i = 0; i < spec->param_count; i++) wb_json_append(params, param_to_json(&spec->params[i]));
  for (size_t i = 0; i < spec->input_count; i++) wb_json_append(inputs, input_to_json(&spec->inputs[i]));
  for (size_t i = 0; i < spec->output_count; i++) wb_json_append(outputs, output_to_json(&spec->outputs[i]));
  json_t *json = wb_json("{so so so so so so so so so so}", "id", wb_json_string(spec->id), "version",
                         wb_json_string(spec->version), "kind", name_of(spec->kind, kinds), "scope",
                         name_of(spec->scope, scopes), "title", wb_json_string(spec->title), "summary",
                         wb_json_string(spec->summary), "author", wb_json_string(spec->author), "license",
                         wb_json_string(spec->license), "reference", wb_json_string(spec->reference),
                         "example", wb_json_string(spec->example));
  wb_json_set(json, "params", params);
  wb_json_set(json, "inputs", inputs);
  wb_json_set(json, "outputs", outputs);
  wb_json_set(json, "flags", flags_to_json(spec->flags, plugin_flags));
  wb_json_set(json, "path", wb_json_string(spec->path));
  wb_json_set(json, "index", json_integer(spec->index));
  wb_json_set(json, "build", wb_json_string(spec->build));
  wb_json_set(json, "abi", wb_json("[ii]", spec->abi_major, spec->abi_minor));
  wb_json_set(json, "params_size", json_integer(spec->params_size));
  wb_json_set(json, "checks", json_boolean(spec->checks));
  return json;
}

static void tables_from_json(wb_spec *spec, const json_t *json) {
  const json_t *item;
  size_t i;
  const json_t *params = json_object_get(json, "params"), *inputs = json_object_get(json, "inputs"),
               *outputs = json_object_get(json, "outputs");
  spec->params = wb_new(wb_param, json_array_size(params));
  json_array_foreach(params, i, item) spec->params[spec->param_count++] = param_from_json(item);
  spec->inputs = wb_new(wb_input, json_array_size(inputs));
  json_array_foreach(inputs, i, item) spec->inputs[spec->input_count++] = input_from_json(item);
  spec->outputs = wb_new(wb_output, json_array_size(outputs));
  json_array_foreach(outputs, i, item) spec->outputs[spec->output_count++] = output_from_json(item);
}

static char *text(const json_t *json, const char *key) {
  const char *value = wb_json_text(json, key);
  return wb_copy(value ? value : "");
}

wb_status wb_spec_from_json(const json_t *json, wb_spec **out, wb_error *err) {
  wb_spec *spec = wb_new(wb_spec, 1);
  spec->path = text(json, "path");
  spec->index = (uint32_t)wb_json_int(json, "index");
  spec->build = text(json, "build");
  spec->abi_major = (uint16_t)json_integer_value(json_array_get(json_object_get(json, "abi"), 0));
  spec->abi_minor = (uint16_t)json_integer_value(json_array_get(json_object_get(json, "abi"), 1));
  spec->kind = value_of(json, "kind", kinds);
  spec->scope = value_of(json, "scope", scopes);
  spec->flags = flags_from_json(json, plugin_flags);
  spec->params_size = (uint32_t)wb_json_int(json, "params_size");
  spec->checks = wb_json_true(json, "checks");
  spec->id = text(json, "id");
  spec->version = text(json, "version");
  spec->title = text(json, "title");
  spec->summary = text(json, "summary");
  spec->author = text(json, "author");
  spec->license = text(json, "license");
  spec->reference = text(json, "reference");
  spec->example = text(json, "example");
  tables_from_json(spec, json);
  for (size_t i = 0; i < spec->param_count; i++)
    if (!spec->params[i].name) spec->params[i].name = wb_copy("");
  for (size_t i = 0; i < spec->input_count; i++)
    if (!spec->inputs[i].role) spec->inputs[i].role = wb_copy("");
  for (size_t i = 0; i < spec->output_count; i++)
    if (!spec->outputs[i].name) spec->outputs[i].name = wb_copy("");
  const wb_status status = wb_spec_check(spec, err);
  if (status == WB_OK)
    *out = spec;
  else
    wb_spec_free(spec);
  return status;
}
