/* sweep_slurm.c: see sweep_slurm.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_slurm.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "library.h"
#include "request.h"
#include "say.h"
#include "sweep_work.h"

enum { SECONDS_TO_SAVE = 120 }; // between the warning and the end of the time limit

static char *state_path(const wb_sweep *sweep) {
  return wb_sweep_path(sweep, "state", "slurm", ".json");
}

static json_t *load_jobs(const wb_sweep *sweep) {
  char *path = state_path(sweep);
  json_t *json = wb_json_load(path);
  free(path);
  return json ? json : wb_json("{so}", "jobs", wb_must(json_array()));
}

static bool save_jobs(const wb_sweep *sweep, const json_t *jobs) {
  char *path = state_path(sweep);
  const bool saved = wb_json_save(jobs, path);
  free(path);
  return saved;
}

/* The lines that a command prints, without their newlines; NULL where it did not end with 0. */
static char **output_of(const char *command, size_t *count) {
  *count = 0;
  FILE *pipe = popen(command, "r");
  if (!pipe) return NULL;
  char line[512], **lines = wb_new(char *, 1);
  while (fgets(line, sizeof line, pipe)) {
    line[strcspn(line, "\n")] = '\0';
    wb_grow(lines, *count);
    lines[(*count)++] = wb_copy(line);
  }
  if (pclose(pipe) == 0) return lines;
  wb_free_texts(lines, *count);
  *count = 0;
  return NULL;
}

/* The ids of all jobs as Slurm's commands take them, "" without any; malloc'ed. */
static char *job_ids(const json_t *jobs) {
  char *ids = wb_copy("");
  const json_t *job;
  size_t i;
  json_array_foreach(json_object_get(jobs, "jobs"), i, job) {
    char *longer = wb_format("%s%s%lld", ids, *ids ? "," : "", (long long)wb_json_int(job, "id"));
    free(ids);
    ids = longer;
  }
  return ids;
}

/* The names in a list, one a line. */
static char **read_list(const wb_sweep *sweep, const char *list, size_t *count) {
  char *path = wb_sweep_path(sweep, "slurm", list, ""), line[512], **names = NULL;
  FILE *file = fopen(path, "r");
  *count = 0;
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    wb_grow(names, *count);
    names[(*count)++] = wb_copy(line);
  }
  if (file) fclose(file);
  free(path);
  return names;
}

static void mark(const wb_sweep *sweep, wb_sweep_look *looks, const char *name) {
  for (size_t i = 0; i < sweep->run_count; i++)
    if (!strcmp(sweep->runs[i].name, name) && looks[i].state == WB_SWEEP_WAITING)
      looks[i].state = WB_SWEEP_QUEUED;
}

void wb_sweep_slurm_look(const wb_sweep *sweep, wb_sweep_look *looks) {
  json_t *jobs = load_jobs(sweep);
  char *ids = job_ids(jobs);
  size_t count = 0;
  char **lines = NULL;
  if (*ids) {
    char *command = wb_format("squeue --noheader --array --jobs=%s --format='%%F %%K' 2>/dev/null", ids);
    lines = output_of(command, &count);
    free(command);
  }
  const json_t *job;
  size_t j;
  json_array_foreach(json_object_get(jobs, "jobs"), j, job) {
    size_t names_count;
    char **names = count ? read_list(sweep, wb_json_text(job, "list"), &names_count) : NULL;
    for (size_t i = 0; names && i < count; i++) {
      long long id;
      size_t task;
      if (sscanf(lines[i], "%lld %zu", &id, &task) == 2 && id == wb_json_int(job, "id") && task < names_count)
        mark(sweep, looks, names[task]);
    }
    if (names) wb_free_texts(names, names_count);
  }
  wb_free_texts(lines, count);
  free(ids);
  json_decref(jobs);
}

int wb_sweep_slurm_cancel(const wb_sweep *sweep) {
  json_t *jobs = load_jobs(sweep);
  const int count = (int)json_array_size(json_object_get(jobs, "jobs"));
  char *ids = job_ids(jobs);
  for (char *c = ids; *c; c++)
    if (*c == ',') *c = ' ';
  if (count) {
    char *command = wb_format("scancel %s", ids); // SIGTERM first, and after the cluster's KillWait SIGKILL
    if (system(command) != 0) wb_say_warning("scancel did not end well: %s", command);
    free(command);
    json_t *none = wb_json("{so}", "jobs", wb_must(json_array()));
    save_jobs(sweep, none);
    json_decref(none);
  }
  free(ids);
  json_decref(jobs);
  return count;
}

/* Writes the names that an array's tasks take, to a list of its own; its name, malloc'ed, or NULL. */
static char *write_list(const wb_sweep *sweep, char *const *names, size_t count) {
  char *folder = wb_format("%s/slurm", sweep->folder);
  wb_make_folders(folder);
  char *path = wb_format("%s/tasks-XXXXXX", folder);
  const int fd = mkstemp(path);
  FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  for (size_t i = 0; file && i < count; i++) fprintf(file, "%s\n", names[i]);
  const bool good = file && fclose(file) == 0 && chmod(path, 0644) == 0;
  char *list = good ? wb_copy(wb_last_part(path)) : NULL;
  if (!good) wb_say_error("cannot write a list of tasks in %s: %s", folder, strerror(errno));
  free(path);
  free(folder);
  return list;
}

static char *option(const char *name, const char *value) {
  char *word = value ? wb_shell_word(value) : NULL,
       *text = value ? wb_format(" --%s=%s", name, word) : wb_copy("");
  free(word);
  return text;
}

/* Submits an array of `count` tasks, which wait for the jobs in `after` ("" for none); the job's id, 0 where
 * sbatch refused, which it has said itself. */
static long long submit(const wb_sweep *sweep, const wb_sweep_slurm *slurm, const char *title,
                        const char *list, size_t count, const char *after) {
  char *program = wb_program_path(),
       *limit = slurm->array_limit ? wb_format("%%%u", slurm->array_limit) : wb_copy("");
  char *folder = wb_shell_word(sweep->folder), *word = wb_shell_word(program);
  char *inner = wb_format("exec %s sweep _task %s %s", word, folder, list), *script = wb_shell_word(inner);
  char *partition = option("partition", slurm->partition), *account = option("account", slurm->account);
  char *time = option("time", slurm->time), *memory = option("mem", slurm->memory);
  char *name = wb_shell_word(title);
  char *command = wb_format(
      "sbatch --parsable --array=0-%zu%s --job-name=%s --cpus-per-task=%u --requeue --signal=B:USR1@%d "
      "--open-mode=append --output=%s/logs/slurm-%%A_%%a.log%s%s%s%s%s%s --wrap=%s",
      count - 1, limit, name, slurm->cpus, SECONDS_TO_SAVE, folder, partition, account, time, memory,
      *after ? " --dependency=afterany:" : "", after, script);
  size_t lines;
  char **answer = output_of(command, &lines);
  const long long id = lines ? strtoll(answer[0], NULL, 10) : 0;
  if (!id) wb_say_error("sbatch did not take the job: %s", command);
  wb_free_texts(answer, lines);
  char *const texts[] = {program,   limit,   folder, word,   inner, script,
                         partition, account, time,   memory, name,  command};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  return id;
}

typedef struct submission {
  const wb_sweep *sweep;
  const wb_sweep_slurm *slurm;
  json_t *jobs; // as in state/slurm.json
  char *after;  // the job that the next one waits for; ""
} submission;

/* An array over the names, remembered at once. */
static bool hand_in(submission *s, const char *title, char *const *names, size_t count) {
  char *list = write_list(s->sweep, names, count);
  const long long id = list ? submit(s->sweep, s->slurm, title, list, count, s->after) : 0;
  if (id) {
    json_t *list_of_jobs = json_object_get(s->jobs, "jobs");
    wb_json_append(list_of_jobs, wb_json("{sI so}", "id", (json_int_t)id, "list", wb_json_string(list)));
    save_jobs(s->sweep, s->jobs);
    wb_say_note("%s: job %lld, %zu task%s", title, id, count, count == 1 ? "" : "s");
    free(s->after);
    s->after = wb_format("%lld", id);
  }
  free(list);
  return id != 0;
}

static bool hand_in_runs(submission *s, const wb_sweep_look *looks, size_t *count) {
  char **names = wb_new(char *, s->sweep->run_count + 1);
  *count = 0;
  for (size_t i = 0; i < s->sweep->run_count; i++)
    if (looks[i].state == WB_SWEEP_WAITING) names[(*count)++] = s->sweep->runs[i].name;
  const bool good = !*count || hand_in(s, "workbench-runs", names, *count);
  free(names);
  return good;
}

static bool hand_in_analyses(submission *s) {
  const wb_sweep *sweep = s->sweep;
  char **names = wb_new(char *, sweep->analysis_count + 1);
  for (size_t i = 0; i < sweep->analysis_count; i++)
    names[i] = wb_format("analysis-%s", sweep->analyses[i].name);
  bool good = !sweep->analysis_count || hand_in(s, "workbench-analyses", names, sweep->analysis_count);
  char *report[] = {(char *)"report"};
  if (good && sweep->report) good = hand_in(s, "workbench-report", report, 1);
  wb_free_texts(names, sweep->analysis_count);
  return good;
}

int wb_sweep_slurm_submit(const wb_sweep *sweep, const wb_sweep_slurm *slurm) {
  wb_error err = {0};
  wb_sweep_look *looks = NULL;
  if (wb_sweep_look_runs(sweep, &looks, &err) != WB_OK) {
    wb_say_error("%s", err.message);
    wb_sweep_looks_free(looks, sweep->run_count);
    return WB_EXIT_FAILED;
  }
  submission s = {.sweep = sweep, .slurm = slurm, .jobs = load_jobs(sweep), .after = wb_copy("")};
  size_t count = 0, queued = 0, done = 0;
  for (size_t i = 0; i < sweep->run_count; i++) {
    queued += looks[i].state == WB_SWEEP_QUEUED || looks[i].state == WB_SWEEP_RUNNING;
    done += looks[i].state == WB_SWEEP_DONE;
  }
  bool good = true;
  if (queued)
    wb_say_note("%zu runs are in the queue already: nothing is handed in until they have ended", queued);
  else
    good = hand_in_runs(&s, looks, &count) && (!(count + done) || hand_in_analyses(&s));
  free(s.after);
  json_decref(s.jobs);
  wb_sweep_looks_free(looks, sweep->run_count);
  return good ? WB_EXIT_OK : WB_EXIT_FAILED;
}

static volatile sig_atomic_t time_is_short;

/* The time limit comes near: as if asked to stop, but to be queued again afterwards. */
static void note_time(int signal_number) {
  (void)signal_number;
  time_is_short = 1;
  raise(SIGTERM);
}

/* Whether this task is to be queued again, and asks for it. */
static void requeue(void) {
  const char *job = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
  if (!job || !task) return;
  char *command = wb_format("scontrol requeue %s_%s", job, task);
  if (system(command) != 0) wb_say_warning("%s did not end well: submit the sweep again", command);
  free(command);
}

int wb_sweep_slurm_task(const wb_sweep *sweep, const char *list) {
  const char *task = getenv("SLURM_ARRAY_TASK_ID"), *cpus = getenv("SLURM_CPUS_PER_TASK");
  size_t count = 0;
  char **names = read_list(sweep, list, &count);
  const size_t index = task ? strtoul(task, NULL, 10) : count;
  int code = WB_EXIT_USAGE;
  if (index < count) {
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = note_time}, NULL);
    const unsigned threads = sweep->threads ? sweep->threads : cpus ? (unsigned)strtoul(cpus, NULL, 10) : 1;
    code = wb_sweep_work(sweep, names[index], threads);
    if (time_is_short && code == WB_EXIT_CANCELLED) requeue();
  } else {
    wb_say_error("task %s of %s/slurm/%s does not exist: it lists %zu", task ? task : "(none)", sweep->folder,
                 list, count);
  }
  wb_free_texts(names, count);
  return code;
}
