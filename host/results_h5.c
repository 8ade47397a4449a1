/* results_h5.c: all values of a study in one HDF5 file. See results_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "results_internal.h"

static wb_status put_factors(wb_h5 *file, const char *group, const wb_factor *factors, size_t count,
                             wb_error *err) {
  const char **texts = wb_new(const char *, 2 * count);
  wb_status status = WB_OK;
  for (size_t i = 0; i < count; i++) {
    texts[i] = factors[i].name;
    texts[count + i] = factors[i].value ? factors[i].value : "";
  }
  if (count) status = wb_h5_set_texts(file, group, "factor_names", texts, count, err);
  if (count && status == WB_OK)
    status = wb_h5_set_texts(file, group, "factor_values", texts + count, count, err);
  free(texts);
  return status;
}

static wb_status put_run(wb_h5 *file, const wb_run *run, size_t index, bool has_values, wb_error *err) {
  char group[48];
  snprintf(group, sizeof group, "/runs/%zu", index);
  wb_status status =
      has_values ? wb_values_put(file, group, &run->values, err) : wb_h5_make_group(file, group, err);
  if (status == WB_OK) status = wb_h5_set_text(file, group, "file", run->path, err);
  if (status == WB_OK) status = wb_h5_set_text(file, group, "digest", run->digest, err);
  return status == WB_OK ? put_factors(file, group, run->factors, run->factor_count, err) : status;
}

static wb_status put_condition(wb_h5 *file, const wb_condition *c, size_t index, bool has_values,
                               wb_error *err) {
  char group[48];
  snprintf(group, sizeof group, "/conditions/%zu", index);
  wb_status status =
      has_values ? wb_values_put(file, group, &c->values, err) : wb_h5_make_group(file, group, err);
  int64_t *runs = wb_new(int64_t, c->run_count);
  for (size_t i = 0; i < c->run_count; i++) runs[i] = c->runs[i];
  if (status == WB_OK && c->run_count) status = wb_h5_set_ints(file, group, "runs", runs, c->run_count, err);
  free(runs);
  return status == WB_OK ? put_factors(file, group, c->factors, c->factor_count, err) : status;
}

static wb_status put_head(wb_h5 *file, const wb_study *study, wb_error *err) {
  const wb_spec *spec = study->spec;
  const char *const texts[][2] = {{"schema", WB_RESULT_SCHEMA},      {"plugin", spec->id},
                                  {"plugin_version", spec->version}, {"build", spec->build},
                                  {"workbench", WORKBENCH_VERSION},  {"command", study->command}};
  wb_status status = WB_OK;
  for (size_t i = 0; i < sizeof texts / sizeof *texts && status == WB_OK; i++)
    status = wb_h5_set_text(file, "/", texts[i][0], texts[i][1] ? texts[i][1] : "", err);
  if (status == WB_OK) status = wb_h5_make_group(file, "/parameters", err);
  for (size_t i = 0; i < study->param_count && status == WB_OK; i++)
    status = wb_h5_set_text(file, "/parameters", study->params[i].name,
                            study->params[i].value ? study->params[i].value : "", err);
  return status;
}

wb_status wb_result_write_h5(const wb_study *study, const char *folder, wb_error *err) {
  wb_h5 *file = NULL;
  const uint32_t scope = study->spec->scope;
  char *path = wb_format("%s/result.h5", folder);
  wb_status status = wb_h5_create(path, &file, err);
  free(path);
  if (status == WB_OK) status = put_head(file, study, err);
  for (size_t i = 0; i < study->run_count && status == WB_OK; i++)
    status = put_run(file, &study->runs[i], i, scope == WB_PER_RUN, err);
  for (size_t i = 0; i < study->condition_count && status == WB_OK; i++)
    status = put_condition(file, &study->conditions[i], i, scope == WB_PER_GROUP, err);
  if (status == WB_OK && scope == WB_PER_STUDY) status = wb_values_put(file, "/study", &study->values, err);
  if (status == WB_OK) return wb_h5_commit(file, err);
  wb_h5_close(file);
  return status;
}
