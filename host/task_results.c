/* task_results.c: from values in the cache to the results folder and the terminal's table.
 * {"do": "results", "spec", "folder", "command", "params": [[name, value] ..], "entry": of a PER_STUDY
 * plugin, "trainings", "runs": [{"path", "factors", "digest", "condition", "training", "cached", "entry"}
 * ..], "conditions":
 * [{"factors", "runs": [number ..], "entry"} ..], "failed": [[path, reason] ..]}
 *  -> {"table": text, "warning": text or null}
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "json.h"
#include "session.h"
#include "study.h"

static wb_factor *read_pairs(const json_t *pairs, size_t *count) {
  *count = json_array_size(pairs);
  wb_factor *factors = wb_new(wb_factor, *count);
  for (size_t i = 0; i < *count; i++) {
    const json_t *pair = json_array_get(pairs, i);
    const char *name = json_string_value(json_array_get(pair, 0)),
               *value = json_string_value(json_array_get(pair, 1));
    factors[i] = (wb_factor){wb_copy(name ? name : ""), wb_copy(value ? value : "")};
  }
  return factors;
}

static wb_status read_entry(const json_t *item, wb_values *values, wb_error *err) {
  const char *path = wb_json_text(item, "entry");
  wb_error why = {0};
  if (!path || wb_values_read(path, values, &why) == WB_OK) return WB_OK;
  remove(path); // so that the next call computes it again
  return wb_fail(err, why.status,
                 "%s\nThe cache entry is damaged and was removed; the same command computes it anew.",
                 why.message);
}

static wb_status read_runs(wb_study *study, const json_t *runs, wb_error *err) {
  study->runs = wb_new(wb_run, json_array_size(runs));
  const json_t *item;
  size_t i;
  json_array_foreach(runs, i, item) {
    wb_run *run = &study->runs[study->run_count++];
    run->path = wb_copy(wb_json_text(item, "path"));
    run->factors = read_pairs(json_object_get(item, "factors"), &run->factor_count);
    const char *digest = wb_json_text(item, "digest");
    snprintf(run->digest, sizeof run->digest, "%s", digest ? digest : "");
    run->condition = (uint32_t)wb_json_int(item, "condition");
    run->training = (int32_t)wb_json_int(item, "training");
    run->cached = wb_json_true(item, "cached");
    const wb_status status = read_entry(item, &run->values, err);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

static wb_status read_conditions(wb_study *study, const json_t *conditions, wb_error *err) {
  study->conditions = wb_new(wb_condition, json_array_size(conditions));
  const json_t *item, *number;
  size_t i, k;
  json_array_foreach(conditions, i, item) {
    wb_condition *c = &study->conditions[study->condition_count++];
    c->factors = read_pairs(json_object_get(item, "factors"), &c->factor_count);
    const json_t *runs = json_object_get(item, "runs");
    c->runs = wb_new(uint32_t, json_array_size(runs));
    json_array_foreach(runs, k, number) c->runs[c->run_count++] = (uint32_t)json_integer_value(number);
    const wb_status status = read_entry(item, &c->values, err);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

static wb_status read_study(wb_study *study, const json_t *task, wb_error *err) {
  study->params = read_pairs(json_object_get(task, "params"), &study->param_count);
  study->command = wb_copy(wb_json_text(task, "command"));
  study->trainings = json_incref(json_object_get(task, "trainings"));
  const json_t *failed = json_object_get(task, "failed");
  study->failed = wb_new(wb_failure, json_array_size(failed));
  wb_factor *pairs = read_pairs(failed, &study->failure_count);
  for (size_t i = 0; i < study->failure_count; i++)
    study->failed[i] = (wb_failure){pairs[i].name, pairs[i].value};
  free(pairs);
  wb_status status = read_runs(study, json_object_get(task, "runs"), err);
  if (status == WB_OK) status = read_conditions(study, json_object_get(task, "conditions"), err);
  if (status == WB_OK) status = read_entry(task, &study->values, err);
  return status;
}

wb_status wb_task_results(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  wb_spec *spec = NULL;
  wb_status status = wb_spec_from_json(json_object_get(task, "spec"), &spec, err);
  if (status != WB_OK) return status;
  wb_study study = {.spec = spec};
  char *warning = NULL, *table = NULL;
  status = read_study(&study, task, err);
  if (status == WB_OK) status = wb_results_write(&study, wb_json_text(task, "folder"), &warning, err);
  if (status == WB_OK) status = wb_results_table(&study, &table, err);
  if (status == WB_OK)
    *result = wb_json("{so so}", "table", wb_json_string(table), "warning", wb_json_string(warning));
  free(warning);
  free(table);
  wb_study_free(&study);
  wb_spec_free(spec);
  return status;
}
