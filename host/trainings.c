/* trainings.c: see trainings.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "trainings.h"

#include <string.h>

#include "heap.h"
#include "json.h"

/* Whether a parameter of the plugin that made a run is part of how it was trained: the seed and the factors
 * are told elsewhere, and the place of the data is not what they are. */
static bool matters(const wb_run *run, const wb_spec *plugin, const char *name) {
  const wb_param *param = plugin ? wb_spec_param(plugin, name) : NULL;
  if (!strcmp(name, "seed") || wb_factor_get(run->factors, run->factor_count, name)) return false;
  return !param || !(param->flags & WB_PARAM_NOT_IDENTITY);
}

/* {"plugin", "parameters"}; NULL where the file does not tell. */
static json_t *training_of(const wb_run *run, const json_t *facts, const wb_registry *registry) {
  const char *plugin = wb_json_text(facts, "plugin"), *name;
  const wb_spec *spec = plugin ? wb_registry_find(registry, plugin) : NULL;
  json_t *config = json_object_get(facts, "config"), *value;
  if (!json_object_size(config)) return NULL;
  json_t *parameters = wb_must(json_object());
  json_object_foreach(config, name, value) {
    if (matters(run, spec, name)) wb_json_set(parameters, name, json_incref(value));
  }
  return wb_json("{so so}", "plugin", wb_json_string(plugin), "parameters", parameters);
}

/* Its place in the list, at the end of which it goes where it is new. */
static int32_t keep(json_t *list, json_t *training) {
  const json_t *other;
  size_t i;
  json_array_foreach(list, i, other) {
    if (!json_equal((json_t *)other, training)) continue;
    json_decref(training);
    return (int32_t)i;
  }
  wb_json_append(list, training);
  return (int32_t)i;
}

void wb_trainings_make(wb_study *study, const json_t *const *facts, const wb_registry *registry) {
  json_decref(study->trainings);
  study->trainings = wb_must(json_array());
  for (size_t i = 0; i < study->run_count; i++) {
    json_t *training = training_of(&study->runs[i], facts[i], registry);
    study->runs[i].training = training ? keep(study->trainings, training) : WB_NO_TRAINING;
  }
}

static json_t *parameters_of(const wb_study *study, size_t run) {
  const int32_t training = study->runs[run].training;
  return training == WB_NO_TRAINING
             ? NULL
             : json_object_get(json_array_get(study->trainings, (size_t)training), "parameters");
}

json_t *wb_trainings_difference(const wb_study *study, size_t a, size_t b) {
  json_t *difference = wb_must(json_object()), *own = parameters_of(study, a), *value;
  const json_t *others = parameters_of(study, b);
  const char *name;
  json_object_foreach(own, name, value) {
    json_t *other = json_object_get(others, name);
    if (other && !json_equal(value, other)) wb_json_set(difference, name, wb_json("[OO]", value, other));
  }
  return difference;
}
