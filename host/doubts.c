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

void wb_doubts_report(const wb_study *study, const json_t *const *facts, const wb_registry *registry) {
  for (size_t c = 0; c < study->condition_count; c++) {
    const wb_condition *condition = &study->conditions[c];
    for (size_t k = 1; k < condition->run_count; k++) { // one warning per condition is enough
      const size_t a = condition->runs[0], b = condition->runs[k], before = condition->runs[k - 1];
      char *difference = first_difference(study, facts, a, b, registry);
      const bool same = same_seed(&study->runs[before], &study->runs[b]);
      if (difference)
        wb_say_warning("%s and %s differ in %s and count as seeds of one condition all the same",
                       study->runs[a].path, study->runs[b].path, difference);
      else if (same)
        wb_say_warning(
            "%s and %s agree in every factor, the seed too, and count as two seeds of one condition",
            study->runs[before].path, study->runs[b].path);
      free(difference);
      if (difference || same) break;
    }
  }
}
