/* study.c: see study.h; access and release. Results are in results.c. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "study.h"

#include <stdlib.h>
#include <string.h>

const char *wb_factor_get(const wb_factor *factors, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(factors[i].name, name)) return factors[i].value;
  return NULL;
}

static bool same(const char *a, const char *b) {
  return a && b ? !strcmp(a, b) : a == b;
}

/* Whether some condition has another value than the first; a factor that only some have varies too. */
static bool varies(const wb_study *study, const char *name) {
  const wb_condition *first = study->conditions;
  const char *value = wb_factor_get(first->factors, first->factor_count, name);
  for (size_t i = 1; i < study->condition_count; i++) {
    const wb_condition *c = &study->conditions[i];
    if (!same(value, wb_factor_get(c->factors, c->factor_count, name))) return true;
  }
  return false;
}

static bool listed(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(names[i], name)) return true;
  return false;
}

wb_status wb_study_varied(const wb_study *study, const char ***names, size_t *count, wb_error *err) {
  *names = NULL;
  *count = 0;
  size_t most = 1;
  for (size_t i = 0; i < study->condition_count; i++) most += study->conditions[i].factor_count;
  *names = calloc(most, sizeof **names);
  if (!*names) return wb_fail_nomem(err, "the list of factors", most * sizeof **names);
  for (size_t i = 0; i < study->condition_count; i++) {
    const wb_condition *c = &study->conditions[i];
    for (size_t f = 0; f < c->factor_count; f++) {
      const char *name = c->factors[f].name;
      if (strcmp(name, "seed") != 0 && !listed(*names, *count, name) && varies(study, name))
        (*names)[(*count)++] = name;
    }
  }
  return WB_OK;
}

size_t wb_study_values(const wb_study *study, int32_t index, const char *name, const wb_value **values,
                       const wb_value **first_missing) {
  const uint32_t scope = study->spec->scope;
  const wb_condition *condition =
      index >= 0 && (size_t)index < study->condition_count ? &study->conditions[index] : NULL;
  const size_t sources = scope == WB_PER_STUDY   ? 1
                         : !condition            ? 0
                         : scope == WB_PER_GROUP ? 1
                                                 : condition->run_count;
  size_t count = 0;
  for (size_t i = 0; i < sources; i++) {
    const wb_values *source = scope == WB_PER_STUDY   ? &study->values
                              : scope == WB_PER_GROUP ? &condition->values
                                                      : &study->runs[condition->runs[i]].values;
    const wb_value *value = wb_values_find(source, name);
    if (value && !value->missing)
      values[count++] = value;
    else if (value && first_missing && !*first_missing)
      *first_missing = value;
  }
  return count;
}

static void free_factors(wb_factor *factors, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(factors[i].name);
    free(factors[i].value);
  }
  free(factors);
}

void wb_study_free(wb_study *study) {
  if (!study) return;
  free_factors(study->params, study->param_count);
  for (size_t i = 0; i < study->run_count; i++) {
    wb_run *run = &study->runs[i];
    free_factors(run->factors, run->factor_count);
    wb_values_free(&run->values);
    free(run->path);
  }
  for (size_t i = 0; i < study->condition_count; i++) {
    wb_condition *c = &study->conditions[i];
    free_factors(c->factors, c->factor_count);
    wb_values_free(&c->values);
    free(c->runs);
  }
  for (size_t i = 0; i < study->failure_count; i++) {
    free(study->failed[i].path);
    free(study->failed[i].reason);
  }
  free(study->runs);
  free(study->conditions);
  free(study->failed);
  wb_values_free(&study->values);
  free(study->command);
  json_decref(study->trainings);
  *study = (wb_study){0};
}
