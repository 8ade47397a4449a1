/* stage_perform.c: calls of a plugin's run, from the cache or computed; see stage.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "library.h"
#include "say.h"
#include "stage.h"

wb_unit wb_unit_of_run(const wb_sources *sources, size_t source) {
  wb_unit unit = {.sources = wb_new(size_t, 1),
                  .conditions = wb_new(uint32_t, 1),
                  .count = 1,
                  .label = wb_copy(sources->items[source].path)};
  unit.sources[0] = source;
  return unit;
}

void wb_units_free(wb_unit *units, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(units[i].sources);
    free(units[i].conditions);
    free(units[i].label);
    free(units[i].entry);
    free(units[i].reason);
  }
  free(units);
}

char *wb_failure_text(const wb_spec *spec, const wb_task *task, const char *label, const char *debug) {
  if (!task->crash) {
    const char *message = task->message ? task->message : "failed without saying why";
    return strstr(message, label) ? wb_copy(message) : wb_format("%s: %s", label, message);
  }
  const char *output = task->output ? task->output : "";
  const size_t length = strlen(output);
  const bool newline = length && output[length - 1] == '\n';
  return wb_format("%s %s (%s) %s on %s%s%s%s%.*s", spec->id, spec->version, wb_last_part(spec->path),
                   task->crash, label, debug ? "\nNothing was written for that run. Debug with: " : "",
                   debug ? debug : "", length ? "\nIts last output: " : "", (int)(length - newline), output);
}

static wb_status find_entry(const wb_stage *stage, wb_unit *unit, const char *program, wb_error *err) {
  const size_t part_count = 2 + 2 * unit->count;
  const char **parts = wb_new(const char *, part_count);
  char **conditions = wb_new(char *, unit->count);
  parts[0] = program;
  parts[1] = stage->spec->build;
  for (size_t i = 0; i < unit->count; i++) {
    conditions[i] = wb_format("%u", unit->conditions[i]);
    parts[2 + 2 * i] = stage->digests[unit->sources[i]];
    parts[3 + 2 * i] = conditions[i];
  }
  char key[WB_DIGEST_SIZE];
  const bool seeded = stage->spec->flags & WB_STOCHASTIC;
  const wb_status status =
      wb_identity(stage->spec, stage->settings, stage->seed, seeded, parts, part_count, key, err);
  if (status == WB_OK) unit->entry = wb_cache_result_path(key);
  wb_free_texts(conditions, unit->count);
  free(parts);
  return status;
}

static json_t *run_work(const wb_stage *stage, const wb_unit *unit) {
  json_t *runs = wb_must(json_array());
  for (size_t i = 0; i < unit->count; i++) {
    json_t *run = wb_must(json_copy(stage->runs[unit->sources[i]]));
    wb_json_set(run, "condition", json_integer(unit->conditions[i]));
    wb_json_append(runs, run);
  }
  return wb_json("{ss so so}", "do", "run", "runs", runs, "entry", wb_json_string(unit->entry));
}

typedef struct bar {
  const char *label;
  size_t count;
} bar;

static void show_progress(void *context, size_t done, double fraction, const char *note) {
  const bar *b = context;
  char *counted = b->count > 1 ? wb_format("%zu/%zu%s%s", done, b->count, note ? "  " : "", note ? note : "")
                               : wb_copy(note ? note : "");
  const double part = isnan(fraction) || done >= b->count ? 0 : fraction;
  wb_bar_draw(b->label, ((double)done + part) / (double)b->count, counted);
  free(counted);
}

static char *debug_command(const wb_stage *stage, const wb_unit *unit) {
  const char *id = stage->spec->id;
  if (unit->count > 1 || stage->request->in_process) return NULL;
  char *word = wb_shell_word(unit->label);
  char *command = wb_format("workbench run %s --in %s --no-isolate", id, word);
  free(word);
  return command;
}

static void conclude(const wb_stage *stage, wb_unit *unit, const wb_task *task) {
  if (!task->finished) return; // the user stopped
  unit->done = task->status == WB_OK && !task->crash;
  unit->status = task->status;
  if (unit->done) return;
  char *debug = debug_command(stage, unit);
  unit->reason = wb_failure_text(stage->spec, task, unit->label, debug);
  free(debug);
}

wb_status wb_stage_look_up(wb_stage *stage, wb_unit *units, size_t count, wb_error *err) {
  char *program = wb_program_build();
  wb_status status = WB_OK;
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    status = find_entry(stage, &units[i], program, err);
    units[i].cached = status == WB_OK && !stage->request->recompute && access(units[i].entry, R_OK) == 0;
    units[i].done = units[i].cached;
  }
  free(program);
  return status;
}

wb_status wb_stage_perform(wb_stage *stage, wb_unit *units, size_t count, wb_error *err) {
  const wb_request *r = stage->request;
  wb_task *tasks = wb_new(wb_task, count);
  wb_unit **open = wb_new(wb_unit *, count);
  size_t open_count = 0;
  for (size_t i = 0; i < count; i++) {
    if (units[i].done) continue;
    open[open_count] = &units[i];
    tasks[open_count++].work = run_work(stage, &units[i]);
  }
  const unsigned wanted = r->jobs ? r->jobs : r->threads;
  const unsigned jobs = open_count < 1 || wanted < 1 ? 1
                        : wanted < open_count        ? wanted
                                                     : (unsigned)open_count;
  const unsigned threads = r->threads / jobs ? r->threads / jobs : 1;
  json_t *common = wb_common(stage->spec, stage->settings, stage->seed, threads);
  bar shown = {stage->spec->id, open_count};
  const wb_pool pool = {.common = common,
                        .jobs = jobs,
                        .threads = threads,
                        .memory = r->memory,
                        .timeout = r->timeout,
                        .in_process = r->in_process,
                        .progress = show_progress,
                        .context = &shown};
  const wb_status status = wb_pool_run(&pool, tasks, open_count, err);
  wb_bar_end();
  for (size_t i = 0; i < open_count; i++) {
    conclude(stage, open[i], &tasks[i]);
    json_decref(tasks[i].work);
    wb_task_clear(&tasks[i]);
  }
  json_decref(common);
  free(open);
  free(tasks);
  return status;
}
