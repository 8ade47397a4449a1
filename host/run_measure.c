/* run_measure.c: a metric from its files to its results folder. SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conditions.h"
#include "doubts.h"
#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "run.h"
#include "say.h"
#include "stage.h"
#include "trainings.h"

typedef struct measurement {
  const wb_request *request;
  char *folder; // of the results
  wb_sources sources;
  wb_stage stage;
  wb_study study; // runs and conditions; the values stay in the cache
  wb_unit *units;
  size_t unit_count;
} measurement;

wb_status wb_run_check(const wb_request *request, wb_error *err) {
  if (!request->spec->checks) return WB_OK;
  wb_task task = {.work = wb_json("{ss}", "do", "check")};
  json_t *common = wb_common(request->spec, request->settings, request->seed, 1);
  const wb_pool pool = {.common = common, .timeout = request->timeout, .in_process = request->in_process};
  wb_status status = wb_pool_run(&pool, &task, 1, err);
  if (status == WB_OK && task.status != WB_OK) {
    char *text = wb_failure_text(request->spec, &task, request->spec->id, NULL);
    status = wb_fail(err, task.status, "%s", text);
    free(text);
  }
  json_decref(task.work);
  wb_task_clear(&task);
  json_decref(common);
  return status;
}

/* The folder is replaced as a whole, so it must be one that holds results, or nothing. */
static wb_status check_folder(const char *folder, wb_error *err) {
  char *summary = wb_format("%s/summary.json", folder), **entries;
  const bool results = access(summary, F_OK) == 0;
  const size_t count = wb_list_folder(folder, NULL, &entries);
  wb_free_texts(entries, count);
  free(summary);
  if (results || !count) return WB_OK;
  return wb_fail(
      err, WB_ARG,
      "the folder %s holds other files than results, and results replace their folder as a whole; choose "
      "another --out",
      folder);
}

/* The file's name; with its folders where another file has the same. */
static const char *short_name(const wb_sources *sources, const char *path) {
  size_t same = 0;
  for (size_t i = 0; i < sources->count; i++)
    same += !strcmp(wb_last_part(sources->items[i].path), wb_last_part(path));
  return same > 1 ? path : wb_last_part(path);
}

static void add_run(measurement *m, size_t source) {
  const wb_source *s = &m->sources.items[source];
  wb_run *run = &m->study.runs[m->study.run_count++];
  *run = (wb_run){.path = wb_copy(s->path), .factors = wb_new(wb_factor, s->factor_count + 1)};
  for (size_t f = 0; f < s->factor_count; f++)
    run->factors[run->factor_count++] =
        (wb_factor){wb_copy(s->factors[f].name), wb_copy(s->factors[f].value)};
  if (!s->factor_count) // a foreign file is a condition of its own
    run->factors[run->factor_count++] =
        (wb_factor){wb_copy("file"), wb_copy(short_name(&m->sources, s->path))};
  memcpy(run->digest, m->stage.digests[source], WB_DIGEST_SIZE);
}

static size_t source_of(const measurement *m, const wb_run *run) {
  size_t i = 0;
  while (strcmp(m->sources.items[i].path, run->path) != 0) i++;
  return i;
}

static void group(measurement *m) {
  m->study = (wb_study){.spec = m->request->spec, .runs = wb_new(wb_run, m->sources.count)};
  for (size_t i = 0; i < m->sources.count; i++)
    if (m->sources.items[i].usable == WB_USABLE) add_run(m, i);
  wb_conditions_make(&m->study);
  const json_t **facts = wb_new(const json_t *, m->study.run_count);
  for (size_t i = 0; i < m->study.run_count; i++) facts[i] = m->stage.facts[source_of(m, &m->study.runs[i])];
  wb_trainings_make(&m->study, facts, m->request->registry);
  free(facts);
  wb_doubts_report(&m->study);
}

static wb_unit unit_of(const measurement *m, const uint32_t *runs, size_t count, char *label) {
  wb_unit unit = {.sources = wb_new(size_t, count),
                  .conditions = wb_new(uint32_t, count),
                  .count = count,
                  .label = label};
  for (size_t i = 0; i < count; i++) {
    unit.sources[i] = source_of(m, &m->study.runs[runs[i]]);
    if (m->study.spec->scope == WB_PER_STUDY) unit.conditions[i] = m->study.runs[runs[i]].condition;
  }
  return unit;
}

static void make_units(measurement *m) {
  const wb_study *study = &m->study;
  uint32_t *all = wb_new(uint32_t, study->run_count);
  for (size_t i = 0; i < study->run_count; i++) all[i] = (uint32_t)i;
  if (study->spec->scope == WB_PER_RUN) {
    m->units = wb_new(wb_unit, study->run_count);
    for (size_t i = 0; i < study->run_count; i++)
      m->units[m->unit_count++] = unit_of(m, &all[i], 1, wb_copy(study->runs[i].path));
  } else if (study->spec->scope == WB_PER_GROUP) {
    m->units = wb_new(wb_unit, study->condition_count);
    for (size_t i = 0; i < study->condition_count; i++) {
      const wb_condition *c = &study->conditions[i];
      m->units[m->unit_count++] = unit_of(m, c->runs, c->run_count, wb_condition_text(study, c));
    }
  } else {
    m->units = wb_new(wb_unit, 1);
    m->units[m->unit_count++] = unit_of(m, all, study->run_count, wb_copy("the study"));
  }
  free(all);
}

static json_t *pairs(const wb_factor *factors, size_t count) {
  json_t *array = wb_must(json_array());
  for (size_t i = 0; i < count; i++)
    wb_json_append(array, wb_json("[oo]", wb_json_string(factors[i].name), wb_json_string(factors[i].value)));
  return array;
}

/* The unit that computed a run (PER_RUN) or a condition (PER_GROUP): units were made in their order. */
static const wb_unit *unit_for(const measurement *m, size_t run, size_t condition) {
  const uint32_t scope = m->study.spec->scope;
  return &m->units[scope == WB_PER_RUN ? run : scope == WB_PER_GROUP ? condition : 0];
}

/* What was computed, as the results task wants it: runs and conditions of failed units are left out, and
 * those after them move up. */
static void add_successes(const measurement *m, json_t *work) {
  const wb_study *study = &m->study;
  json_t *runs = wb_must(json_array()), *conditions = wb_must(json_array());
  for (size_t c = 0; c < study->condition_count; c++) {
    json_t *numbers = wb_must(json_array());
    for (size_t k = 0; k < study->conditions[c].run_count; k++) {
      const size_t r = study->conditions[c].runs[k];
      const wb_run *run = &study->runs[r];
      const wb_unit *unit = unit_for(m, r, c);
      if (!unit->done) continue;
      wb_json_append(numbers, json_integer((json_int_t)json_array_size(runs)));
      json_t *item = wb_json("{so so ss si si sb}", "path", wb_json_string(run->path), "factors",
                             pairs(run->factors, run->factor_count), "digest", run->digest, "condition",
                             (int)json_array_size(conditions), "training", (int)run->training, "cached",
                             (int)unit->cached);
      if (study->spec->scope == WB_PER_RUN) wb_json_set(item, "entry", wb_json_string(unit->entry));
      wb_json_append(runs, item);
    }
    if (!json_array_size(numbers)) {
      json_decref(numbers);
      continue;
    }
    json_t *item =
        wb_json("{so so}", "factors", pairs(study->conditions[c].factors, study->conditions[c].factor_count),
                "runs", numbers);
    if (study->spec->scope == WB_PER_GROUP) wb_json_set(item, "entry", wb_json_string(m->units[c].entry));
    wb_json_append(conditions, item);
  }
  wb_json_set(work, "trainings", json_incref(study->trainings));
  wb_json_set(work, "runs", runs);
  wb_json_set(work, "conditions", conditions);
  if (study->spec->scope == WB_PER_STUDY) wb_json_set(work, "entry", wb_json_string(m->units[0].entry));
}

static json_t *results_work(const measurement *m) {
  const wb_request *r = m->request;
  json_t *params = wb_must(json_array()), *failed = wb_must(json_array());
  for (size_t i = 0; i < r->spec->param_count; i++)
    wb_json_append(params,
                   wb_json("[oo]", wb_json_string(r->spec->params[i].name), wb_json_string(r->settings[i])));
  if ((r->spec->flags & WB_STOCHASTIC) && !wb_spec_param(r->spec, "seed")) {
    char *seed = wb_format("%llu", (unsigned long long)r->seed);
    wb_json_append(params, wb_json("[so]", "seed", wb_json_string(seed)));
    free(seed);
  }
  for (size_t i = 0; i < m->sources.count; i++)
    if (m->sources.items[i].usable == WB_UNUSABLE)
      wb_json_append(failed, wb_json("[oo]", wb_json_string(m->sources.items[i].path),
                                     wb_json_string(m->sources.items[i].reason)));
  for (size_t i = 0; i < m->unit_count; i++)
    if (!m->units[i].done)
      wb_json_append(failed,
                     wb_json("[oo]", wb_json_string(m->units[i].label), wb_json_string(m->units[i].reason)));
  json_t *work = wb_json("{ss so so so so so}", "do", "results", "spec", wb_spec_to_json(r->spec), "folder",
                         wb_json_string(m->folder), "command", wb_json_string(r->command), "params", params,
                         "failed", failed);
  add_successes(m, work);
  return work;
}

/* The plugin's own figure first. */
static void print_figures(const wb_spec *spec, char *const *figures, size_t count) {
  int width = 0;
  for (size_t i = 0; i < count; i++)
    if ((int)strlen(figures[i]) > width) width = (int)strlen(figures[i]);
  char *own = wb_format("%s.svg", spec->id);
  for (int main_one = 1; main_one >= 0; main_one--)
    for (size_t i = 0; i < count; i++) {
      if ((strcmp(wb_last_part(figures[i]), own) == 0) != (main_one == 1)) continue;
      const int stem = (int)(strlen(figures[i]) - strlen(".svg"));
      if (main_one)
        printf("%-*s   the figure (redraw: gnuplot %.*s.gp)\n", width, figures[i], stem, figures[i]);
      else
        printf("%s\n", figures[i]);
    }
  free(own);
}

/* Where the figures and tables are, ready to open. */
static void print_places(const measurement *m) {
  char **figures, **tables, **scripts;
  const size_t figure_count = wb_list_folder(m->folder, ".svg", &figures);
  const size_t all_count = wb_list_folder(m->folder, ".tsv", &tables);
  const size_t script_count = wb_list_folder(m->folder, ".gp", &scripts);
  const size_t table_count = all_count - script_count; // each script has its own
  print_figures(m->request->spec, figures, figure_count);
  printf("%s/summary.json, result.h5, %zu table%s (.tsv)\n", m->folder, table_count,
         table_count == 1 ? "" : "s");
  wb_free_texts(figures, figure_count);
  wb_free_texts(tables, all_count);
  wb_free_texts(scripts, script_count);
}

static void print_answer(const measurement *m, const json_t *result) {
  const char *table = wb_json_text(result, "table"), *warning = wb_json_text(result, "warning");
  if (warning) wb_say_warning("%s", warning);
  if (m->request->json) {
    char *path = wb_format("%s/summary.json", m->folder);
    json_t *summary = wb_json_load(path);
    wb_json_print(summary);
    json_decref(summary);
    free(path);
    return;
  }
  if (!m->request->quiet) fputc('\n', stderr);
  printf("%s\n", table ? table : "");
  print_places(m);
}

static wb_status write_results(measurement *m, wb_error *err) {
  wb_task task = {.work = results_work(m)};
  const wb_pool pool = {.in_process = m->request->in_process};
  wb_status status = wb_pool_run(&pool, &task, 1, err);
  if (status == WB_OK && task.crash)
    status = wb_fail(err, WB_INTERNAL, "the process that writes the results %s\n%s", task.crash, task.output);
  else if (status == WB_OK && task.status != WB_OK)
    status = wb_fail(err, task.status, "%s", task.message);
  if (status == WB_OK) print_answer(m, task.result);
  json_decref(task.work);
  wb_task_clear(&task);
  return status;
}

/* Says what failed; *input_only: all for want of good input. Returns how many. */
static size_t report_units(const measurement *m, bool *input_only) {
  enum { SHOWN = 5 };
  size_t failed = 0, done = 0;
  for (size_t i = 0; i < m->unit_count; i++) done += m->units[i].done;
  for (size_t i = 0; i < m->unit_count; i++) {
    const wb_unit *unit = &m->units[i];
    if (unit->done || !unit->reason) continue;
    *input_only = *input_only && unit->status == WB_INPUT;
    if (failed++ < SHOWN) wb_say_error("%s", unit->reason);
  }
  if (failed > SHOWN) wb_say_error("%zu more failed, too", failed - SHOWN);
  const char *what = m->request->spec->scope == WB_PER_GROUP ? "condition" : "run";
  if (failed && done) wb_say_note("The other %zu %s%s done.", done, what, done == 1 ? " is" : "s are");
  return failed;
}

static void announce(const measurement *m) {
  char *text = wb_conditions_text(&m->study);
  size_t cached = 0;
  for (size_t i = 0; i < m->unit_count; i++) cached += m->units[i].cached;
  if (cached)
    wb_say_note("%s; %zu from cache", text, cached);
  else
    wb_say_note("%s", text);
  free(text);
}

/* The exit code where not every file served, or could be measured. */
static int partial_code(const measurement *m, size_t failed_units, size_t done_units, bool input_only) {
  bool all_input = input_only;
  size_t unusable = 0;
  for (size_t i = 0; i < m->sources.count; i++) {
    const wb_source *s = &m->sources.items[i];
    if (s->usable != WB_UNUSABLE) continue;
    unusable++;
    all_input = all_input && s->status == WB_INPUT;
  }
  if (!done_units) return all_input ? WB_EXIT_INPUT : WB_EXIT_FAILED;
  return unusable || failed_units ? WB_EXIT_FAILED : WB_EXIT_OK;
}

static int measure(measurement *m, wb_error *err) {
  wb_status status = check_folder(m->folder, err);
  if (status == WB_OK) status = wb_run_check(m->request, err);
  if (status != WB_OK) return wb_exit_code(status);
  wb_sources_open(m->request, &m->sources);
  m->stage.sources = &m->sources;
  status = wb_stage_prepare(&m->stage, err);
  wb_bar_end();
  if (status != WB_OK) return wb_exit_code(status);
  wb_sources_report(&m->sources);
  if (!wb_sources_usable(&m->sources)) return partial_code(m, 0, 0, true);
  group(m);
  make_units(m);
  status = wb_stage_look_up(&m->stage, m->units, m->unit_count, err);
  if (status == WB_OK) announce(m);
  if (status == WB_OK) status = wb_stage_perform(&m->stage, m->units, m->unit_count, err);
  if (status != WB_OK) return wb_exit_code(status);
  bool input_only = true;
  const size_t failed = report_units(m, &input_only), done = m->unit_count - failed;
  if (done) status = write_results(m, err);
  return status == WB_OK ? partial_code(m, failed, done, input_only) : wb_exit_code(status);
}

static void close_measurement(measurement *m) {
  wb_units_free(m->units, m->unit_count);
  wb_stage_close(&m->stage);
  wb_sources_close(&m->sources);
  wb_study_free(&m->study);
  free(m->folder);
}

static char *folder_of(const wb_request *request) {
  if (!request->out) return wb_format("results/%s", request->spec->id);
  size_t length = strlen(request->out);
  while (length > 1 && request->out[length - 1] == '/') length--;
  return wb_format("%.*s", (int)length, request->out);
}

int wb_run_measure(const wb_request *request) {
  measurement m = {
      .request = request,
      .folder = folder_of(request),
      .stage = {
          .request = request, .spec = request->spec, .settings = request->settings, .seed = request->seed}};
  wb_error err = {0};
  const int code = measure(&m, &err);
  if (err.status != WB_OK) wb_say_error("%s", err.message);
  close_measurement(&m);
  return code;
}
