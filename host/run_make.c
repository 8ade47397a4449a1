/* run_make.c: plugins that write run files: training, and conversion of other files.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exit.h"
#include "heap.h"
#include "inputs.h"
#include "json.h"
#include "run.h"
#include "say.h"
#include "stage.h"

static void show_progress(void *context, size_t done, double fraction, const char *note) {
  if (!done) wb_bar_draw(context, fraction, note);
}

/* The task's "target", see call_target.c: `input` is what a conversion reads. */
static wb_status make_target(const wb_request *r, const char *input, json_t **out, wb_error *err) {
  char content[WB_DIGEST_SIZE] = "", key[WB_DIGEST_SIZE];
  wb_status status = WB_OK;
  if (input) status = wb_sha256_file(input, content, err);
  const char *parts[] = {content};
  if (status == WB_OK) status = wb_identity(r->spec, r->settings, r->seed, true, parts, 1, key, err);
  if (status != WB_OK) return status;
  *out = wb_json("{so ss ss sb sb}", "out", wb_json_string(r->out), "folder", "runs", "identity", key,
                 "overwrite", (int)r->overwrite, "resume", (int)r->resume);
  return WB_OK;
}

static json_t *make_work(json_t *target, const json_t *run) {
  json_t *runs = wb_must(json_array());
  if (run) wb_json_append(runs, json_incref((json_t *)run));
  return wb_json("{ss so so}", "do", "run", "runs", runs, "target", target);
}

static bool reads_arrays(const wb_spec *spec) {
  return spec->input_count > 0;
}

/* The next thing to do with the file, ready to copy. */
static void print_answer(const wb_request *r, const wb_task *task, const char *path) {
  char duration[24], peak[24];
  if (r->json) {
    json_t *json = wb_json("{so so sf sI}", "path", wb_json_string(path), "identity",
                           wb_json_string(wb_json_text(task->result, "identity")), "seconds", task->seconds,
                           "peak_bytes", (json_int_t)task->peak_kb * 1024);
    wb_json_print(json);
    json_decref(json);
    return;
  }
  if (r->quiet) {
    puts(path);
    return;
  }
  char *word = wb_shell_word(path);
  printf("wrote   %s   (%s", path, wb_say_duration(duration, task->seconds));
  if (task->peak_kb) printf(", peak %s", wb_say_bytes(peak, 1024.0 * (double)task->peak_kb));
  printf(")\nnext    workbench run moran --in %s\n", r->out ? word : "runs/*.h5");
  free(word);
}

/* The path as short as the user would type it. */
static const char *relative(const char *path) {
  char *here = realpath(".", NULL);
  const size_t length = here ? strlen(here) : 0;
  if (here && !strncmp(path, here, length) && path[length] == '/') path += length + 1;
  free(here);
  return path;
}

static int report_failure(const wb_request *r, const wb_task *task, const char *label, bool stopped) {
  if (stopped && !task->crash) {
    const char *said = task->message ? task->message : "stopped";
    if (r->spec->kind == WB_TRAIN && task->finished && json_object_get(task->result, "path"))
      wb_say_error("%s\nContinue with: %s%s", said, r->command, r->resume ? "" : " --resume");
    else
      wb_say_error("%s", said);
    return WB_EXIT_CANCELLED;
  }
  if (stopped) return WB_EXIT_CANCELLED;
  if (task->crash) {
    char *text = wb_failure_text(r->spec, task, label, NULL);
    wb_say_error("%s\nDebug with: %s --no-isolate", text, r->command);
    free(text);
    return WB_EXIT_FAILED;
  }
  wb_say_error("%s", task->message ? task->message : "it failed without saying why");
  return wb_exit_code(task->status);
}

/* One run file. `input` and `run` (the item of the task's "runs") are those of a conversion. */
static int make_one(const wb_request *r, const char *input, const json_t *run) {
  wb_error err = {0};
  json_t *target = NULL;
  wb_status status = make_target(r, input, &target, &err);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
    return wb_exit_code(status);
  }
  wb_task task = {.work = make_work(target, run)};
  json_t *common = wb_common(r->spec, r->settings, r->seed, r->threads);
  const wb_pool pool = {.common = common,
                        .threads = r->threads,
                        .memory = r->memory,
                        .timeout = r->timeout,
                        .in_process = r->in_process,
                        .graceful = true,
                        .progress = show_progress,
                        .context = (void *)(uintptr_t)r->spec->id};
  status = wb_pool_run(&pool, &task, 1, &err);
  wb_bar_end();
  int code = WB_EXIT_OK;
  if (task.finished && task.status == WB_OK) // even if the user then wanted it to stop
    print_answer(r, &task, relative(wb_json_text(task.result, "path")));
  else if (status != WB_OK && status != WB_CANCELLED) {
    wb_say_error("%s", err.message);
    code = wb_exit_code(status);
  } else
    code = report_failure(r, &task, input ? input : "this training", status == WB_CANCELLED);
  json_decref(task.work);
  wb_task_clear(&task);
  json_decref(common);
  return code;
}

/* Each file becomes a run file of its own. */
static int convert(const wb_request *r) {
  if (r->out && r->input_count > 1) {
    wb_say_error("--out names one file and --in %zu; leave --out away to have each named by its content",
                 r->input_count);
    return WB_EXIT_USAGE;
  }
  wb_sources sources;
  wb_error err = {0};
  wb_sources_open(r, &sources);
  wb_stage stage = {
      .request = r, .spec = r->spec, .settings = r->settings, .seed = r->seed, .sources = &sources};
  wb_status status = WB_OK;
  struct stat info;
  for (size_t i = 0; i < sources.count; i++)
    if (stat(sources.items[i].path, &info) != 0)
      wb_source_fail(&sources.items[i], WB_INPUT, "there is no file %s", sources.items[i].path);
  if (reads_arrays(r->spec))
    status = wb_stage_prepare(&stage, &err); // otherwise a foreign file, the plugin's own
  int code = wb_exit_code(status);
  if (status != WB_OK) wb_say_error("%s", err.message);
  if (status == WB_OK) wb_sources_report(&sources);
  for (size_t i = 0; i < sources.count && status == WB_OK && code != WB_EXIT_CANCELLED; i++) {
    const wb_source *s = &sources.items[i];
    json_t *run = stage.runs ? json_incref(stage.runs[i]) : wb_json("{so}", "path", wb_json_string(s->path));
    const int one = s->usable == WB_USABLE ? make_one(r, s->path, run) : WB_EXIT_INPUT;
    if (one) code = sources.count == 1 || one == WB_EXIT_CANCELLED ? one : WB_EXIT_FAILED;
    json_decref(run);
  }
  wb_stage_close(&stage);
  wb_sources_close(&sources);
  return code;
}

int wb_run_make(const wb_request *request) {
  return request->spec->kind == WB_CONVERT ? convert(request) : make_one(request, NULL, NULL);
}
