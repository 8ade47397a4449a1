/* sweep_state.c: see sweep_state.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "params.h"
#include "pool.h"
#include "sweep_slurm.h"

const char *wb_sweep_state_name(wb_sweep_state state) {
  static const char *const names[WB_SWEEP_STATES] = {"waiting", "queued", "running", "done", "failed"};
  return names[state];
}

/* Who has the lock, as the lock file says. */
static void read_holder(int fd, char **host, long *process) {
  char text[256] = "", name[200] = "";
  long pid = 0;
  const ssize_t bytes = pread(fd, text, sizeof text - 1, 0);
  if (bytes <= 0 || sscanf(text, "%199s %ld", name, &pid) != 2) pid = 0;
  if (host) *host = *name ? wb_copy(name) : NULL;
  if (process) *process = pid;
}

static int open_lock(const wb_sweep *sweep, const char *part, int flags) {
  char *path = wb_sweep_path(sweep, "state", part, ".lock");
  const int fd = open(path, flags | O_RDWR | O_CLOEXEC, 0666);
  free(path);
  return fd;
}

int wb_sweep_lock(const wb_sweep *sweep, const char *part, char **host, long *process) {
  const int fd = open_lock(sweep, part, O_CREAT);
  if (fd < 0) return -2;
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    const bool held = errno == EACCES || errno == EAGAIN;
    if (held) read_holder(fd, host, process);
    close(fd);
    return held ? -1 : -2;
  }
  char name[128] = "localhost";
  gethostname(name, sizeof name - 1);
  if (ftruncate(fd, 0) == 0) dprintf(fd, "%s %ld\n", name, (long)getpid());
  return fd;
}

void wb_sweep_unlock(int lock) {
  if (lock >= 0) close(lock);
}

bool wb_sweep_locked(const wb_sweep *sweep, const char *part, char **host, long *process) {
  const int fd = open_lock(sweep, part, 0);
  if (fd < 0) return false;
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  const bool held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  if (held) read_holder(fd, host, process);
  close(fd);
  return held;
}

void wb_sweep_note_failure(const wb_sweep *sweep, const char *part, int code, const char *reason) {
  char *path = wb_sweep_path(sweep, "state", part, ".failed");
  json_t *json = wb_json("{si so}", "code", code, "reason", wb_json_string(reason));
  wb_json_save(json, path);
  json_decref(json);
  free(path);
}

void wb_sweep_forget_failure(const wb_sweep *sweep, const char *part) {
  char *path = wb_sweep_path(sweep, "state", part, ".failed");
  unlink(path);
  free(path);
}

static void look_for_failure(const wb_sweep *sweep, const char *part, wb_sweep_look *look) {
  char *path = wb_sweep_path(sweep, "state", part, ".failed");
  json_t *json = wb_json_load(path);
  if (json) {
    look->state = WB_SWEEP_FAILED;
    look->reason = wb_copy(wb_json_text(json, "reason"));
  }
  json_decref(json);
  free(path);
}

/* What lock and failure say of a part that is not done. */
static void look_at_state(const wb_sweep *sweep, const char *part, wb_sweep_look *look) {
  if (look->state == WB_SWEEP_DONE) return;
  if (wb_sweep_locked(sweep, part, &look->host, &look->process))
    look->state = WB_SWEEP_RUNNING;
  else
    look_for_failure(sweep, part, look);
}

static void clear(wb_sweep_look *look) {
  free(look->reason);
  free(look->host);
  *look = (wb_sweep_look){0};
}

static void take_file(wb_sweep_look *look, const json_t *found) {
  const char *state = wb_json_text(found, "state");
  if (!state) return;
  look->epoch = wb_json_int(found, "epoch");
  look->epochs = wb_json_int(found, "epochs");
  look->threads = (unsigned)wb_json_int(found, "threads");
  if (!strcmp(state, "complete")) look->state = WB_SWEEP_DONE;
  if (!strcmp(state, "damaged")) {
    look->state = WB_SWEEP_FAILED;
    look->reason = wb_copy(wb_json_text(found, "reason"));
  }
}

wb_status wb_sweep_look_again(const wb_sweep *sweep, const bool *marked, wb_sweep_look *looks,
                              wb_error *err) {
  json_t *files = wb_must(json_array());
  for (size_t i = 0; i < sweep->run_count; i++)
    if (!marked || marked[i]) wb_json_append(files, wb_json_string(sweep->runs[i].file));
  wb_task task = {.work = wb_json("{ss so}", "do", "states", "files", files)};
  const wb_pool pool = {.jobs = 1, .threads = 1};
  wb_status status = json_array_size(files) ? wb_pool_run(&pool, &task, 1, err) : WB_OK;
  if (status == WB_OK && json_array_size(files) && task.status != WB_OK)
    status = wb_fail(err, WB_IO, "the run files in %s/runs cannot be looked at: %s", sweep->folder,
                     task.crash ? task.crash : task.message);
  const json_t *found = json_object_get(task.result, "files");
  for (size_t i = 0, k = 0; i < sweep->run_count && status == WB_OK; i++) {
    if (marked && !marked[i]) continue;
    clear(&looks[i]);
    take_file(&looks[i], json_array_get(found, k++));
    look_at_state(sweep, sweep->runs[i].name, &looks[i]);
  }
  json_decref(task.work);
  wb_task_clear(&task);
  return status;
}

wb_status wb_sweep_look_runs(const wb_sweep *sweep, wb_sweep_look **out, wb_error *err) {
  *out = wb_new(wb_sweep_look, sweep->run_count);
  const wb_status status = wb_sweep_look_again(sweep, NULL, *out, err);
  if (status == WB_OK) wb_sweep_slurm_look(sweep, *out);
  return status;
}

static bool newer(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Moves *last on to when the file came, where there is one. */
static void note_time(const char *path, struct timespec *last) {
  struct stat info;
  if (stat(path, &info) == 0 && newer(&info.st_mtim, last)) *last = info.st_mtim;
}

/* A result is done when it is newer than what it is made of. */
static void look_at_result(const wb_sweep *sweep, const char *part, const char *result,
                           const struct timespec *sources, wb_sweep_look *look) {
  struct stat info;
  if (stat(result, &info) == 0 && newer(&info.st_mtim, sources)) look->state = WB_SWEEP_DONE;
  look_at_state(sweep, part, look);
}

/* Whether a result was measured with the parameters that the sweep file asks for now. */
static bool has_parameters(const wb_sweep_analysis *a, const json_t *summary) {
  json_t *value;
  const json_t *parameters = json_object_get(summary, "parameters");
  const char *id = wb_json_text(json_object_get(summary, "plugin"), "id"), *name;
  char **settings = wb_settings_new(a->plugin);
  json_object_foreach(a->params, name, value) { // the file was checked: none fails
    wb_settings_set(settings, a->plugin, name, json_string_value(value), NULL);
  }
  bool same = id && !strcmp(id, a->plugin->id);
  for (size_t i = 0; i < a->plugin->param_count; i++) {
    const wb_param *p = &a->plugin->params[i];
    const char *text = wb_json_text(parameters, p->name);
    const bool counts = !(p->flags & WB_PARAM_NOT_IDENTITY);
    same = same && (!counts || (text && !strcmp(text, settings[i])));
  }
  wb_settings_free(settings, a->plugin);
  return same;
}

/* Adds the names of the files of a summary's "runs" or "failed" to a set. */
static void add_files(json_t *set, const json_t *list) {
  const json_t *item;
  size_t i;
  json_array_foreach(list, i, item) {
    const char *file = wb_json_text(item, "file");
    if (file) wb_json_set(set, wb_last_part(file), json_true());
  }
}

/* Whether a result is of the runs that the analysis takes now, and of no others. */
static bool has_runs(const wb_sweep *sweep, const wb_sweep_analysis *a, const wb_sweep_look *runs,
                     const json_t *summary) {
  json_t *measured = wb_must(json_object());
  size_t taken = 0;
  bool all = true;
  add_files(measured, json_object_get(summary, "runs"));
  add_files(measured, json_object_get(summary, "failed"));
  for (size_t i = 0; i < sweep->run_count; i++) {
    if (runs[i].state != WB_SWEEP_DONE || !wb_sweep_takes(a, &sweep->runs[i])) continue;
    all = all && json_object_get(measured, wb_last_part(sweep->runs[i].file));
    taken++;
  }
  all = all && json_object_size(measured) == taken;
  json_decref(measured);
  return all;
}

/* Whether what is in a results folder was measured as the sweep file asks for now. */
static bool as_asked(const wb_sweep *sweep, const wb_sweep_analysis *a, const wb_sweep_look *runs,
                     const char *path) {
  json_t *summary = wb_json_load(path);
  const bool same = has_parameters(a, summary) && has_runs(sweep, a, runs, summary);
  json_decref(summary);
  return same;
}

wb_sweep_look *wb_sweep_look_analyses(const wb_sweep *sweep, const wb_sweep_look *runs) {
  wb_sweep_look *looks = wb_new(wb_sweep_look, sweep->analysis_count + 1);
  struct timespec trained = {0}, told; // told: all that a report tells of, its own title too
  for (size_t i = 0; i < sweep->run_count; i++) note_time(sweep->runs[i].file, &trained);
  told = trained;
  note_time(sweep->source, &told);
  for (size_t i = 0; i < sweep->analysis_count; i++) {
    char *part = wb_format("analysis-%s", sweep->analyses[i].name);
    char *summary = wb_sweep_path(sweep, "results", sweep->analyses[i].name, "/summary.json");
    if (as_asked(sweep, &sweep->analyses[i], runs, summary))
      look_at_result(sweep, part, summary, &trained, &looks[i]);
    else
      look_at_state(sweep, part, &looks[i]);
    note_time(summary, &told);
    free(summary);
    free(part);
  }
  char *page = wb_sweep_path(sweep, "report", "index", ".html");
  look_at_result(sweep, "report", page, &told, &looks[sweep->analysis_count]);
  free(page);
  return looks;
}

void wb_sweep_looks_free(wb_sweep_look *looks, size_t count) {
  for (size_t i = 0; looks && i < count; i++) clear(&looks[i]);
  free(looks);
}
