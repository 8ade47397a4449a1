/* sweep_estimate.c: see sweep_estimate.h.
 *
 * Runs that differ in their seed and in fractional numbers only (rho, dropout, learning rate) cost the same:
 * one of each kind is run for 2 and for 8 steps. The difference is six steps, and the rest what every run
 * takes besides: reading data, test activations, readout. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "sweep_estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit.h"
#include "heap.h"
#include "json.h"
#include "pool.h"
#include "say.h"
#include "sweep_state.h"
#include "sweep_work.h"

enum { FEW_STEPS = 2, MORE_STEPS = 8 };

/* Runs of equal cost. */
typedef struct kind {
  size_t first;          // one of them
  size_t count, missing; // of runs
  double step, run;      // seconds, of one step and of a whole run; NAN: not known
  double memory, disk;   // bytes, of a run
} kind;

static bool same_cost(const wb_sweep_run *a, const wb_sweep_run *b) {
  if (a->plugin != b->plugin) return false;
  for (size_t i = 0; i < a->plugin->param_count; i++) {
    const wb_param *p = &a->plugin->params[i];
    if (p->type == WB_FLOAT || !strcmp(p->name, "seed")) continue;
    if (strcmp(a->settings[i], b->settings[i])) return false;
  }
  return true;
}

static kind *find_kinds(const wb_sweep *sweep, const wb_sweep_look *looks, size_t *count) {
  kind *kinds = NULL;
  *count = 0;
  for (size_t i = 0; i < sweep->run_count; i++) {
    size_t k = 0;
    while (k < *count && !same_cost(&sweep->runs[kinds[k].first], &sweep->runs[i])) k++;
    if (k == *count) {
      wb_grow(kinds, *count);
      kinds[(*count)++] = (kind){.first = i, .step = NAN, .run = NAN, .memory = NAN, .disk = NAN};
    }
    kinds[k].count++;
    kinds[k].missing += looks[i].state != WB_SWEEP_DONE;
  }
  return kinds;
}

/* One short run into `folder`: the run's answer as JSON, NULL with a message where it failed. */
static json_t *try_run(const wb_sweep_run *run, const char *folder, int steps, unsigned threads) {
  char *file = wb_format("%s/%d.h5", folder, steps), *answer = wb_format("%s/%d.json", folder, steps);
  char **words = wb_sweep_run_command(run, file, threads);
  size_t count = 0;
  while (words[count]) count++;
  const char *const more[] = {"--json", "--quiet", "--max-steps"};
  for (size_t i = 0; i < 3; i++) {
    wb_grow(words, count);
    words[count++] = i < 2 ? wb_copy(more[i]) : wb_format("--max-steps=%d", steps);
  }
  wb_grow(words, count);
  words[count] = NULL;
  int status = 1;
  const pid_t child = wb_sweep_spawn(words, answer);
  if (child > 0) waitpid(child, &status, 0);
  json_t *json = status == 0 ? wb_json_load(answer) : NULL;
  if (!json) {
    char *reason =
        wb_sweep_reason(answer, 0, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    wb_say_warning("%s cannot be timed: %s", run->plugin->id, reason);
    free(reason);
  }
  wb_sweep_words_free(words);
  free(answer);
  free(file);
  return json;
}

static double setting(const wb_sweep_run *run, const char *name) {
  const wb_param *p = wb_spec_param(run->plugin, name);
  const char *text = p ? run->settings[p - run->plugin->params] : "";
  return *text ? strtod(text, NULL) : NAN;
}

/* Steps of an epoch, as a run file tells. */
static double steps_per_epoch(const char *file) {
  json_t *files = wb_json("[s]", file);
  wb_task task = {.work = wb_json("{ss so}", "do", "states", "files", files)};
  const wb_pool pool = {.jobs = 1, .threads = 1};
  const wb_status status = wb_pool_run(&pool, &task, 1, NULL);
  const json_t *found = json_array_get(json_object_get(task.result, "files"), 0);
  const double steps = status == WB_OK ? (double)wb_json_int(found, "steps_per_epoch") : 0;
  json_decref(task.work);
  wb_task_clear(&task);
  return steps > 0 ? steps : NAN;
}

static void estimate(const wb_sweep *sweep, kind *k, const char *folder, unsigned threads) {
  const wb_sweep_run *run = &sweep->runs[k->first];
  json_t *few = try_run(run, folder, FEW_STEPS, threads);
  json_t *more = few ? try_run(run, folder, MORE_STEPS, threads) : NULL;
  if (more) {
    char *file = wb_format("%s/%d.h5", folder, MORE_STEPS);
    struct stat info;
    const double short_run = wb_json_number(few, "seconds", NAN),
                 long_run = wb_json_number(more, "seconds", NAN);
    k->step = fmax(0, long_run - short_run) / (MORE_STEPS - FEW_STEPS);
    const double besides = fmax(0, short_run - FEW_STEPS * k->step);
    k->run = besides + k->step * setting(run, "epochs") * steps_per_epoch(file);
    k->memory = wb_json_number(more, "peak_bytes", NAN);
    if (stat(file, &info) == 0) k->disk = (double)info.st_size;
    free(file);
  }
  json_decref(few);
  json_decref(more);
  for (int i = 0; i < 2; i++) {
    char *h5 = wb_format("%s/%d.h5", folder, i ? MORE_STEPS : FEW_STEPS);
    char *json = wb_format("%s/%d.json", folder, i ? MORE_STEPS : FEW_STEPS);
    unlink(h5);
    unlink(json);
    free(h5);
    free(json);
  }
}

static void estimate_all(const wb_sweep *sweep, kind *kinds, size_t count, unsigned threads) {
  const char *place = getenv("TMPDIR");
  char *folder = wb_format("%s/workbench-plan-XXXXXX", place && *place ? place : "/tmp");
  if (!mkdtemp(folder)) {
    wb_say_warning("there is no place for short runs below %s: nothing is timed", place ? place : "/tmp");
  } else {
    for (size_t i = 0; i < count; i++) {
      if (!kinds[i].missing) continue;
      wb_bar_draw("timing", (double)i / (double)count, sweep->runs[kinds[i].first].plugin->id);
      estimate(sweep, &kinds[i], folder, threads);
    }
    wb_bar_end();
    rmdir(folder);
  }
  free(folder);
}

/* What is still to be done: seconds with `jobs` at once, bytes of disk, and of memory at the same time. */
static void add_up(const kind *kinds, size_t count, unsigned jobs, double *seconds, double *disk,
                   double *memory) {
  double largest = 0;
  *seconds = *disk = 0;
  for (size_t i = 0; i < count; i++) {
    if (!kinds[i].missing) continue;
    *seconds += (double)kinds[i].missing * kinds[i].run / jobs;
    *disk += (double)kinds[i].missing * kinds[i].disk;
    largest = fmax(largest, kinds[i].memory);
  }
  *memory = largest * jobs;
}

static void print_kinds(const wb_sweep *sweep, const kind *kinds, size_t count) {
  printf("\n%-16s %5s %8s %10s %10s %9s %9s\n", "plugin", "runs", "missing", "a step", "a run", "memory",
         "disk");
  for (size_t i = 0; i < count; i++) {
    char run[24], memory[24], disk[24], step[24];
    snprintf(step, sizeof step, "%.3g s", kinds[i].step);
    const bool known = !isnan(kinds[i].run);
    printf("%-16s %5zu %8zu %10s %10s %9s %9s\n", sweep->runs[kinds[i].first].plugin->id, kinds[i].count,
           kinds[i].missing, known ? step : "", known ? wb_say_duration(run, kinds[i].run) : "",
           known ? wb_say_bytes(memory, kinds[i].memory) : "",
           known ? wb_say_bytes(disk, kinds[i].disk) : "");
  }
}

static void print_plan(const wb_sweep *sweep, const wb_sweep_look *looks, const kind *kinds, size_t count,
                       unsigned jobs, unsigned threads, bool timed) {
  size_t done = 0, failed = 0;
  for (size_t i = 0; i < sweep->run_count; i++) {
    done += looks[i].state == WB_SWEEP_DONE;
    failed += looks[i].state == WB_SWEEP_FAILED;
  }
  printf("%s: %zu runs, %zu done, %zu failed, %zu to do; then %zu analyses%s\n", sweep->folder,
         sweep->run_count, done, failed, sweep->run_count - done - failed, sweep->analysis_count,
         sweep->report ? " and a report" : "");
  print_kinds(sweep, kinds, count);
  double seconds, disk, memory;
  add_up(kinds, count, jobs, &seconds, &disk, &memory);
  char time[24], disk_text[24], memory_text[24];
  if (timed && done + failed < sweep->run_count && !isnan(seconds))
    printf("\nin all about %s with %u at a time on %u thread%s each, if none stops early; %s of disk, %s of "
           "memory\n",
           wb_say_duration(time, seconds), jobs, threads, threads == 1 ? "" : "s",
           wb_say_bytes(disk_text, disk), wb_say_bytes(memory_text, memory));
  printf("\nnext  workbench sweep run %s\n", sweep->source);
}

static json_t *plan_json(const wb_sweep *sweep, const wb_sweep_look *looks, const kind *kinds, size_t count,
                         unsigned jobs, unsigned threads) {
  json_t *runs = wb_must(json_array()), *list = wb_must(json_array());
  for (size_t i = 0; i < sweep->run_count; i++) {
    char **words = wb_sweep_run_command(&sweep->runs[i], sweep->runs[i].file, threads);
    char *text = wb_sweep_command_text(words);
    wb_json_append(runs, wb_json("{so ss so so}", "name", wb_json_string(sweep->runs[i].name), "state",
                                 wb_sweep_state_name(looks[i].state), "file",
                                 wb_json_string(sweep->runs[i].file), "command", wb_json_string(text)));
    free(text);
    wb_sweep_words_free(words);
  }
  for (size_t i = 0; i < count; i++)
    wb_json_append(list, wb_json("{so sI sI so so so so}", "plugin",
                                 wb_json_string(sweep->runs[kinds[i].first].plugin->id), "runs",
                                 (json_int_t)kinds[i].count, "missing", (json_int_t)kinds[i].missing,
                                 "step_seconds", wb_json_real(kinds[i].step), "run_seconds",
                                 wb_json_real(kinds[i].run), "memory_bytes", wb_json_real(kinds[i].memory),
                                 "disk_bytes", wb_json_real(kinds[i].disk)));
  double seconds, disk, memory;
  add_up(kinds, count, jobs, &seconds, &disk, &memory);
  return wb_json("{ss so si si so so so so so}", "schema", "workbench.plan/1", "folder",
                 wb_json_string(sweep->folder), "jobs", (int)jobs, "threads", (int)threads, "seconds",
                 wb_json_real(seconds), "disk_bytes", wb_json_real(disk), "memory_bytes",
                 wb_json_real(memory), "kinds", list, "runs", runs);
}

int wb_sweep_plan(const wb_sweep *sweep, unsigned jobs, unsigned threads, bool timed, bool as_json) {
  wb_error err = {0};
  wb_sweep_look *looks = NULL;
  const wb_status status = wb_sweep_look_runs(sweep, &looks, &err);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
  } else {
    size_t count;
    kind *kinds = find_kinds(sweep, looks, &count);
    if (timed) estimate_all(sweep, kinds, count, threads);
    json_t *json = as_json ? plan_json(sweep, looks, kinds, count, jobs, threads) : NULL;
    if (json)
      wb_json_print(json);
    else
      print_plan(sweep, looks, kinds, count, jobs, threads, timed);
    json_decref(json);
    free(kinds);
  }
  wb_sweep_looks_free(looks, sweep->run_count);
  return wb_exit_code(status);
}
