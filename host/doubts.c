/* doubts.c: see doubts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "doubts.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "json.h"
#include "say.h"

/* Whether a parameter of the plugin that made a run tells runs apart: the seed does what it should, factors
 * make conditions, and the place of the data is not what they are. */
static bool matters(const wb_run *run, const json_t *facts, const char *name, const wb_registry *registry) {
  const char *plugin = wb_json_text(facts, "plugin");
  const wb_spec *spec = plugin ? wb_registry_find(registry, plugin) : NULL;
  const wb_param *param = spec ? wb_spec_param(spec, name) : NULL;
  if (!strcmp(name, "seed") || wb_factor_get(run->factors, run->factor_count, name)) return false;
  return !param || !(param->flags & WB_PARAM_NOT_IDENTITY);
}

/* "epochs (5 and 12)": the first parameter in which two runs differ; NULL where there is none. malloc'ed. */
static char *first_difference(const wb_study *study, const json_t *const *facts, size_t a, size_t b,
                              const wb_registry *registry) {
  json_t *config = json_object_get(facts[a], "config"), *value;
  const json_t *other = json_object_get(facts[b], "config");
  const char *name;
  json_object_foreach(config, name, value) {
    const char *second = wb_json_text(other, name);
    if (!second || !strcmp(json_string_value(value), second)) continue;
    if (!matters(&study->runs[a], facts[a], name, registry)) continue;
    return wb_format("%s (%s and %s)", name, json_string_value(value), second);
  }
  return NULL;
}

static bool same_seed(const wb_run *a, const wb_run *b) {
  const char *x = wb_factor_get(a->factors, a->factor_count, "seed");
  const char *y = wb_factor_get(b->factors, b->factor_count, "seed");
  return x && y && !strcmp(x, y);
}

/* What is doubtful about one condition, as a sentence; NULL where nothing is. malloc'ed. */
static char *doubt(const wb_study *study, const wb_condition *condition, const json_t *const *facts,
                   const wb_registry *registry) {
  for (size_t k = 1; k < condition->run_count; k++) {
    const wb_run *first = &study->runs[condition->runs[0]], *before = &study->runs[condition->runs[k - 1]];
    const wb_run *run = &study->runs[condition->runs[k]];
    char *difference = first_difference(study, facts, condition->runs[0], condition->runs[k], registry),
         *text = NULL;
    if (difference)
      text = wb_format("%s and %s differ in %s and count as seeds of one condition all the same", first->path,
                       run->path, difference);
    else if (same_seed(before, run))
      text =
          wb_format("%s and %s agree in every factor, the seed too, and count as two seeds of one condition",
                    before->path, run->path);
    free(difference);
    if (text) return text;
  }
  return NULL;
}

void wb_doubts_report(const wb_study *study, const json_t *const *facts, const wb_registry *registry) {
  char *first = NULL;
  size_t more = 0;
  for (size_t c = 0; c < study->condition_count; c++) {
    char *text = doubt(study, &study->conditions[c], facts, registry);
    more += text && first;
    if (first)
      free(text);
    else
      first = text;
  }
  if (first && more)
    wb_say_warning("%s; %zu more conditions are like that", first, more);
  else if (first)
    wb_say_warning("%s", first);
  free(first);
}
