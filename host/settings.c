/* settings.c: all parameters of a plugin, from their sources to the plugin's struct, see params.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "json.h"
#include "params.h"
#include "text/yaml.h"

char **wb_settings_new(const wb_spec *spec) {
  char **settings = wb_new(char *, spec->param_count);
  for (size_t i = 0; i < spec->param_count; i++) {
    const wb_param *p = &spec->params[i];
    if (!p->default_text || wb_param_normalise(p, p->default_text, &settings[i], NULL) != WB_OK)
      settings[i] = wb_copy("");
  }
  return settings;
}

void wb_settings_free(char **settings, const wb_spec *spec) {
  for (size_t i = 0; settings && i < spec->param_count; i++) free(settings[i]);
  free(settings);
}

static wb_status unknown(const wb_spec *spec, const char *name, wb_error *err) {
  const char **names = wb_new(const char *, spec->param_count);
  for (size_t i = 0; i < spec->param_count; i++) names[i] = spec->params[i].name;
  char *hint = wb_did_you_mean(name, "", names, spec->param_count);
  wb_fail(err, WB_ARG, "%s has no parameter %s%s", spec->id, name, hint);
  free(hint);
  free(names);
  return WB_ARG;
}

wb_status wb_settings_set(char **settings, const wb_spec *spec, const char *name, const char *text,
                          wb_error *err) {
  const wb_param *p = wb_spec_param(spec, name);
  if (!p) return unknown(spec, name, err);
  char *canonical = NULL;
  wb_error why = {0};
  if (wb_param_normalise(p, text, &canonical, &why) != WB_OK)
    return wb_fail(err, why.status, "%s: %s", spec->id, why.message);
  free(settings[p - spec->params]);
  settings[p - spec->params] = canonical;
  return WB_OK;
}

wb_status wb_settings_from_args(char **settings, const wb_spec *spec, const wb_args *args, wb_error *err) {
  for (size_t i = 0; i < args->count; i++) {
    const wb_given *given = &args->given[i];
    if (!wb_spec_param(spec, given->name)) continue; // an option of the host
    const char *text = given->value ? given->value : given->negated ? "no" : "yes";
    const wb_status status = wb_settings_set(settings, spec, given->name, text, err);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

char *wb_settings_text(const json_t *value) {
  if (json_is_null(value)) return wb_copy("");
  if (json_is_string(value)) return wb_copy(json_string_value(value));
  if (!json_is_array(value)) return NULL;
  char *joined = wb_copy("");
  const json_t *item;
  size_t i;
  json_array_foreach(value, i, item) {
    char *longer =
        json_is_string(item) ? wb_format("%s%s%s", joined, i ? "," : "", json_string_value(item)) : NULL;
    free(joined);
    joined = longer;
    if (!joined) return NULL;
  }
  return joined;
}

typedef struct file_values {
  const char *const *host_names;
  char **host_values;
  size_t host_count;
} file_values;

static wb_status set_from_file(char **settings, const wb_spec *spec, const file_values *host,
                               const char *name, const char *text, wb_error *err) {
  for (size_t h = 0; h < host->host_count; h++) {
    if (strcmp(host->host_names[h], name) || wb_spec_param(spec, name)) continue;
    free(host->host_values[h]);
    host->host_values[h] = wb_copy(text);
    return WB_OK;
  }
  return wb_settings_set(settings, spec, name, text, err);
}

static wb_status apply_mapping(char **settings, const wb_spec *spec, const file_values *host,
                               const json_t *mapping, bool sections, wb_error *err) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)mapping, name, value) {
    if (sections && json_is_object(value)) continue;
    char *text = wb_settings_text(value);
    if (!text) return wb_fail(err, WB_ARG, "%s must be a single value or a list of values", name);
    const wb_status status = set_from_file(settings, spec, host, name, text, err);
    free(text);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

wb_status wb_settings_load(char **settings, const wb_spec *spec, const char *path,
                           const char *const *host_names, char **host_values, size_t host_count,
                           wb_error *err) {
  json_t *file = NULL;
  const wb_status loaded = wb_yaml_load(path, &file, err);
  if (loaded != WB_OK) return loaded;
  wb_error why = {0};
  const file_values host = {host_names, host_values, host_count};
  if (!json_is_object(file)) {
    wb_fail(&why, WB_ARG, "it must hold lines such as \"rho: 0.2\"");
  } else {
    apply_mapping(settings, spec, &host, file, true, &why);
    const json_t *own = json_object_get(file, spec->id); // after the common values: it overrides them
    if (why.status == WB_OK && json_is_object(own)) apply_mapping(settings, spec, &host, own, false, &why);
  }
  json_decref(file);
  return why.status == WB_OK ? WB_OK : wb_fail(err, why.status, "%s: %s", path, why.message);
}

wb_status wb_settings_complete(char *const *settings, const wb_spec *spec, wb_error *err) {
  for (size_t i = 0; i < spec->param_count; i++)
    if ((spec->params[i].flags & WB_PARAM_REQUIRED) && !*settings[i]) {
      char *value = wb_param_value_text(&spec->params[i]);
      wb_fail(err, WB_ARG, "%s needs --%s %s: %s", spec->id, spec->params[i].name, value ? value : "",
              spec->params[i].help);
      free(value);
      return WB_ARG;
    }
  return WB_OK;
}

size_t wb_type_size(uint32_t type) {
  switch (type) {
  case WB_BOOL:
  case WB_CHOICE:
    return sizeof(int32_t);
  case WB_INT:
    return sizeof(int64_t);
  case WB_FLOAT:
    return sizeof(double);
  case WB_STRING:
  case WB_PATH:
    return sizeof(char *);
  case WB_INT_LIST:
    return sizeof(wb_int_list);
  case WB_FLOAT_LIST:
    return sizeof(wb_float_list);
  case WB_STRING_LIST:
    return sizeof(wb_string_list);
  default:
    return 0;
  }
}

static int32_t choice_index(const wb_param *p, const char *text) {
  int32_t i = 0;
  while (p->choices[i] && strcmp(p->choices[i], text)) i++;
  return i;
}

/* A canonical list's items, each malloc'ed. */
static char **split(const char *text, size_t *count) {
  char **items = NULL;
  *count = 0;
  while (*text) {
    const size_t length = strcspn(text, ",");
    wb_grow(items, *count);
    items[(*count)++] = wb_format("%.*s", (int)length, text);
    text += length + (text[length] == ',');
  }
  return items;
}

static void fill_list(const wb_param *p, char *field, const char *text) {
  size_t count;
  char **items = split(text, &count);
  if (p->type == WB_STRING_LIST) { // keeps the items
    *(wb_string_list *)(void *)field = (wb_string_list){(const char *const *)items, count};
    return;
  }
  if (p->type == WB_INT_LIST) {
    int64_t *numbers = wb_new(int64_t, count);
    for (size_t i = 0; i < count; i++) numbers[i] = strtoll(items[i], NULL, 10);
    *(wb_int_list *)(void *)field = (wb_int_list){numbers, count};
  } else {
    double *numbers = wb_new(double, count);
    for (size_t i = 0; i < count; i++) numbers[i] = strtod(items[i], NULL);
    *(wb_float_list *)(void *)field = (wb_float_list){numbers, count};
  }
  for (size_t i = 0; i < count; i++) free(items[i]);
  free(items);
}

static void fill_field(const wb_param *p, char *field, const char *text) {
  switch (p->type) {
  case WB_BOOL:
    *(int32_t *)(void *)field = !strcmp(text, "yes");
    break;
  case WB_CHOICE:
    *(int32_t *)(void *)field = choice_index(p, text);
    break;
  case WB_INT:
    *(int64_t *)(void *)field = *text ? strtoll(text, NULL, 10) : WB_INT_UNSET;
    break;
  case WB_FLOAT:
    *(double *)(void *)field = *text ? strtod(text, NULL) : WB_FLOAT_UNSET;
    break;
  case WB_STRING:
  case WB_PATH:
    *(char **)(void *)field = *text ? wb_copy(text) : NULL;
    break;
  default:
    fill_list(p, field, text);
    break;
  }
}

wb_status wb_struct_fill(char *const *settings, const wb_spec *spec, void **out, wb_error *err) {
  for (size_t i = 0; i < spec->param_count; i++) { // the texts may come from another process
    char *canonical = NULL;
    const wb_status status = wb_param_normalise(&spec->params[i], settings[i], &canonical, err);
    free(canonical);
    if (status != WB_OK) return status;
  }
  char *filled = wb_new_bytes(1, spec->params_size);
  for (size_t i = 0; i < spec->param_count; i++)
    fill_field(&spec->params[i], filled + spec->params[i].offset, settings[i]);
  *out = filled;
  return WB_OK;
}

void wb_struct_free(void *filled, const wb_spec *spec) {
  for (size_t i = 0; filled && i < spec->param_count; i++) {
    void *field = (char *)filled + spec->params[i].offset;
    switch (spec->params[i].type) {
    case WB_STRING:
    case WB_PATH:
      free(*(char **)field);
      break;
    case WB_INT_LIST:
      free((void *)((wb_int_list *)field)->items);
      break;
    case WB_FLOAT_LIST:
      free((void *)((wb_float_list *)field)->items);
      break;
    case WB_STRING_LIST: {
      wb_string_list *list = field;
      for (size_t k = 0; k < list->count; k++) free((char *)list->items[k]);
      free((void *)list->items);
      break;
    }
    default:
      break;
    }
  }
  free(filled);
}
