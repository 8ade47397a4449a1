/* cmd_sweep.c: workbench sweep plan|run|status|cancel|retry SPEC.yaml. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "opt.h"
#include "say.h"
#include "sweep_estimate.h"
#include "sweep_local.h"
#include "sweep_slurm.h"
#include "sweep_state.h"
#include "sweep_work.h"

static const wb_opt options[] = {
    {"out", 0, WB_OPT_ONE, "DIR", "the sweep's folder (default: `out` of the file, or its name)", NULL},
    {"engine", 0, WB_OPT_ONE, "<local|slurm>", "where the runs run (default: local)", NULL},
    {"jobs", 0, WB_OPT_ONE, "<int>", "runs at once on this machine (default: one for each core)", NULL},
    {"threads", 0, WB_OPT_ONE, "<int>",
     "of each run (default: `threads` of the file, or the cores divided by the jobs)", NULL},
    {"no-estimate", 0, WB_OPT_FLAG, NULL, "plan: do not time a few steps of each kind of run", NULL},
    {"failed", 0, WB_OPT_FLAG, NULL, "retry: what failed (the default)", NULL},
    {"partition", 0, WB_OPT_ONE, "NAME", "of the cluster", "slurm"},
    {"account", 0, WB_OPT_ONE, "NAME", "that the jobs are charged to", "slurm"},
    {"time", 0, WB_OPT_ONE, "LIMIT", "of each run, as sbatch takes it: 4:00:00", "slurm"},
    {"mem", 0, WB_OPT_ONE, "SIZE", "of each run, as sbatch takes it: 8G", "slurm"},
    {"cpus", 0, WB_OPT_ONE, "<int>", "cores of each run (default: its threads)", "slurm"},
    {"array-limit", 0, WB_OPT_ONE, "<int>", "runs at once (default: no limit)", "slurm"},
    {"json", 0, WB_OPT_FLAG, NULL, "plan, status: as JSON", "output"},
    {"quiet", 'q', WB_OPT_FLAG, NULL, "only warnings and errors on stderr", "output"},
    {"trust-dir", 0, WB_OPT_FLAG, NULL, "load plugins from folders that others may write to, too", "output"},
    {"help", 'h', WB_OPT_FLAG, NULL, "this text", "output"},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static void print_help(void) {
  puts("workbench sweep plan|run|status|cancel|retry SPEC.yaml [options]\n\n"
       "A study: every training that the file asks for, then its analyses, then a report, in a folder whose\n"
       "content is all there is to remember: run again, it does what is missing.\n\n"
       "  plan     what would run, what exists already, and how much time, memory and disk it takes\n"
       "  run      do it, here or with Slurm\n"
       "  status   how far every run is\n"
       "  cancel   let the runs save, and stop them\n"
       "  retry    forget what failed, and run");
  wb_opt_usage(stdout, options, OPTIONS);
  puts("\nexample of a file\n"
       "  plugins: [train-ce, train-supcon]\n"
       "  common: {data: builtin, epochs: 10}\n"
       "  grid: {rho: [0, 0.04, 0.2], seed: 0..4}\n"
       "  extra: [{dropout: 0, seed: 0}]\n"
       "  analyses: [accuracy, moran]\n"
       "  report: {title: My study}   # or no\n\n"
       "example\n  workbench sweep plan study.yaml\n  workbench sweep run study.yaml");
}

typedef struct command {
  const wb_args *args;
  wb_sweep sweep;
  unsigned jobs, threads; // resolved
} command;

static wb_status read_count(const wb_args *args, const char *name, unsigned *out, wb_error *err) {
  const char *text = wb_args_value(args, name);
  char *end = NULL;
  const long value = text ? strtol(text, &end, 10) : 0;
  if (text && (end == text || *end || value < 1 || value > 4096))
    return wb_fail(err, WB_ARG, "--%s is %s; it must be a whole number in [1..4096]", name, text);
  *out = (unsigned)value;
  return WB_OK;
}

static unsigned cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Jobs and threads share the cores, unless the user says otherwise. */
static wb_status share_cores(command *c, wb_error *err) {
  wb_status status = read_count(c->args, "jobs", &c->jobs, err);
  if (status == WB_OK) status = read_count(c->args, "threads", &c->threads, err);
  if (!c->threads) c->threads = c->sweep.threads;
  const unsigned all = cores();
  if (!c->threads) c->threads = c->jobs && c->jobs < all ? all / c->jobs : 1;
  if (!c->jobs) c->jobs = all / c->threads ? all / c->threads : 1;
  return status;
}

/* The folder with its parts, and the file in it. */
static wb_status prepare_folder(const wb_sweep *sweep, wb_error *err) {
  static const char *const parts[] = {"runs", "results", "logs", "state"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    char *path = wb_format("%s/%s", sweep->folder, parts[i]);
    const bool made = wb_make_folders(path);
    if (!made) wb_fail_errno(err, "cannot make the folder %s", path);
    free(path);
    if (!made) return WB_IO;
  }
  char *copy = wb_format("%s/sweep.yaml", sweep->folder), *beside = wb_format("%s.partial", copy);
  FILE *from = fopen(sweep->source, "rb"), *to = fopen(beside, "wb");
  char block[4096];
  bool good = from && to;
  for (size_t bytes; good && (bytes = fread(block, 1, sizeof block, from)) > 0;)
    good = fwrite(block, 1, bytes, to) == bytes;
  if (from) fclose(from);
  if (to) good = fclose(to) == 0 && good;
  if (!good || rename(beside, copy) != 0) wb_fail_errno(err, "cannot write %s", copy);
  free(beside);
  free(copy);
  return err->status;
}

static json_t *look_json(const char *name, const char *label, const wb_sweep_look *look) {
  json_t *json = wb_json("{so so ss}", "name", wb_json_string(name), "label", wb_json_string(label), "state",
                         wb_sweep_state_name(look->state));
  if (look->epochs) {
    wb_json_set(json, "epoch", json_integer(look->epoch));
    wb_json_set(json, "epochs", json_integer(look->epochs));
  }
  if (look->reason) wb_json_set(json, "reason", wb_json_string(look->reason));
  if (look->process) {
    wb_json_set(json, "host", wb_json_string(look->host));
    wb_json_set(json, "process", json_integer(look->process));
  }
  return json;
}

static const char *analysis_name(const wb_sweep *sweep, size_t i) {
  return i < sweep->analysis_count ? sweep->analyses[i].name : "report";
}

static json_t *status_json(const wb_sweep *sweep, const wb_sweep_look *runs, const wb_sweep_look *analyses) {
  json_t *list = wb_must(json_array()), *rest = wb_must(json_array());
  for (size_t i = 0; i < sweep->run_count; i++) {
    char *label = wb_sweep_run_label(&sweep->runs[i]);
    json_t *json = look_json(sweep->runs[i].name, label, &runs[i]);
    wb_json_set(json, "plugin", wb_json_string(sweep->runs[i].plugin->id));
    wb_json_set(json, "file", wb_json_string(sweep->runs[i].file));
    wb_json_set(json, "varied", json_incref(sweep->runs[i].varied));
    wb_json_append(list, json);
    free(label);
  }
  for (size_t i = 0; i < sweep->analysis_count + sweep->report; i++)
    wb_json_append(rest, look_json(analysis_name(sweep, i), analysis_name(sweep, i), &analyses[i]));
  return wb_json("{ss so so so}", "schema", "workbench.sweep/1", "folder", wb_json_string(sweep->folder),
                 "runs", list, "analyses", rest);
}

static size_t count_state(const wb_sweep_look *looks, size_t count, wb_sweep_state state) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) found += looks[i].state == state;
  return found;
}

static void print_counts(const char *what, const wb_sweep_look *looks, size_t count) {
  printf("%zu %s", count, what);
  const char *separator = ": ";
  for (int state = WB_SWEEP_STATES - 1; state >= 0; state--) {
    const size_t found = count_state(looks, count, (wb_sweep_state)state);
    if (!found) continue;
    printf("%s%zu %s", separator, found, wb_sweep_state_name((wb_sweep_state)state));
    separator = ", ";
  }
  putchar('\n');
}

static void print_look(const char *label, int width, const wb_sweep_look *look) {
  printf("%-*s  %-8s", width, label, wb_sweep_state_name(look->state));
  if (look->epochs && look->state != WB_SWEEP_DONE)
    printf("  epoch %lld of at most %lld", (long long)look->epoch, (long long)look->epochs);
  if (look->reason) printf("  %.*s", (int)strcspn(look->reason, "\n"), look->reason);
  putchar('\n');
}

static void print_status(const wb_sweep *sweep, const wb_sweep_look *runs, const wb_sweep_look *analyses) {
  char **labels = wb_new(char *, sweep->run_count);
  int width = 0;
  for (size_t i = 0; i < sweep->run_count; i++) {
    labels[i] = wb_sweep_run_label(&sweep->runs[i]);
    if ((int)strlen(labels[i]) > width) width = (int)strlen(labels[i]);
  }
  printf("%s\n", sweep->folder);
  for (size_t i = 0; i < sweep->run_count; i++) print_look(labels[i], width, &runs[i]);
  for (size_t i = 0; i < sweep->analysis_count + sweep->report; i++)
    print_look(analysis_name(sweep, i), width, &analyses[i]);
  print_counts("runs", runs, sweep->run_count);
  if (sweep->analysis_count)
    print_counts("analyses and report", analyses, sweep->analysis_count + sweep->report);
  wb_free_texts(labels, sweep->run_count);
}

static int do_status(command *c) {
  wb_error err = {0};
  wb_sweep_look *runs = NULL;
  const wb_status status = wb_sweep_look_runs(&c->sweep, &runs, &err);
  wb_sweep_look *analyses = wb_sweep_look_analyses(&c->sweep, runs);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
  } else if (wb_args_flag(c->args, "json")) {
    json_t *json = status_json(&c->sweep, runs, analyses);
    wb_json_print(json);
    json_decref(json);
  } else {
    print_status(&c->sweep, runs, analyses);
  }
  wb_sweep_looks_free(runs, c->sweep.run_count);
  wb_sweep_looks_free(analyses, c->sweep.analysis_count + 1);
  return wb_exit_code(status);
}

static int do_plan(command *c) {
  return wb_sweep_plan(&c->sweep, c->jobs, c->threads, !wb_args_flag(c->args, "no-estimate"),
                       wb_args_flag(c->args, "json"));
}

static int run_slurm(const command *c) {
  wb_error err = {0};
  wb_sweep_slurm slurm = {.partition = wb_args_value(c->args, "partition"),
                          .account = wb_args_value(c->args, "account"),
                          .time = wb_args_value(c->args, "time"),
                          .memory = wb_args_value(c->args, "mem"),
                          .cpus = c->threads};
  unsigned cpus = 0;
  wb_status status = read_count(c->args, "cpus", &cpus, &err);
  if (status == WB_OK) status = read_count(c->args, "array-limit", &slurm.array_limit, &err);
  if (status != WB_OK) {
    wb_say_error("%s", err.message);
    return WB_EXIT_USAGE;
  }
  if (cpus) slurm.cpus = cpus;
  return wb_sweep_slurm_submit(&c->sweep, &slurm);
}

static int do_run(command *c) {
  wb_error err = {0};
  const char *engine = wb_args_value(c->args, "engine");
  if (engine && strcmp(engine, "local") && strcmp(engine, "slurm")) {
    wb_say_error("--engine is %s; it must be local or slurm", engine);
    return WB_EXIT_USAGE;
  }
  if (prepare_folder(&c->sweep, &err) != WB_OK) {
    wb_say_error("%s", err.message);
    return WB_EXIT_FAILED;
  }
  if (engine && !strcmp(engine, "slurm")) return run_slurm(c);
  char *host = NULL;
  long process = 0;
  const int lock = wb_sweep_lock(&c->sweep, "sweep", &host, &process);
  int code = WB_EXIT_FAILED;
  if (lock == -1)
    wb_say_error("%s is being run by process %ld on %s\nworkbench sweep status %s tells how far it is.",
                 c->sweep.folder, process, host ? host : "another machine", c->sweep.source);
  else if (lock < 0)
    wb_say_error("cannot lock %s/state/sweep.lock: %s", c->sweep.folder, strerror(errno));
  else
    code = wb_sweep_local(&c->sweep, c->jobs, c->threads);
  wb_sweep_unlock(lock);
  free(host);
  return code;
}

/* What holds a lock on this machine is asked to stop. */
static bool stop_holder(const wb_sweep *sweep, const char *part) {
  char *host = NULL, here[128] = "localhost";
  long process = 0;
  gethostname(here, sizeof here - 1);
  const bool held = wb_sweep_locked(sweep, part, &host, &process);
  const bool mine = held && host && !strcmp(host, here) && process > 1;
  if (mine) kill((pid_t)process, SIGTERM);
  free(host);
  return mine;
}

static int do_cancel(command *c) {
  const int jobs = wb_sweep_slurm_cancel(&c->sweep);
  size_t stopped = 0;
  const bool whole = stop_holder(&c->sweep, "sweep"); // and it stops its runs itself
  for (size_t i = 0; i < c->sweep.run_count && !whole; i++)
    stopped += stop_holder(&c->sweep, c->sweep.runs[i].name);
  if (whole)
    printf("the sweep in %s stops as soon as its runs are saved\n", c->sweep.folder);
  else if (stopped || jobs > 0)
    printf("asked %zu runs here to stop, and took back %d jobs of Slurm\n", stopped, jobs > 0 ? jobs : 0);
  else
    printf("nothing of %s is running here\n", c->sweep.folder);
  return WB_EXIT_OK;
}

static int do_retry(command *c) {
  for (size_t i = 0; i < c->sweep.run_count; i++) wb_sweep_forget_failure(&c->sweep, c->sweep.runs[i].name);
  return do_run(c);
}

static const struct {
  const char *name;
  int (*act)(command *c);
} verbs[] = {
    {"plan", do_plan}, {"run", do_run}, {"status", do_status}, {"cancel", do_cancel}, {"retry", do_retry}};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static int unknown_verb(const char *word) {
  const char *names[VERBS];
  for (size_t i = 0; i < VERBS; i++) names[i] = verbs[i].name;
  char *hint = wb_did_you_mean(word, "workbench sweep ", names, VERBS);
  wb_say_error("there is no workbench sweep %s%s\nworkbench sweep --help lists what there is.", word,
               *hint ? hint : ".");
  free(hint);
  return WB_EXIT_USAGE;
}

/* Reads the sweep and acts on it. */
static int act(const wb_registry *registry, const wb_args *args, const char *path, const char *folder,
               int (*verb)(command *c)) {
  wb_error err = {0};
  command c = {.args = args};
  wb_status status = wb_sweep_read(registry, path, folder, &c.sweep, &err);
  if (status == WB_OK) status = share_cores(&c, &err);
  if (status != WB_OK) wb_say_error("%s", err.message);
  const int code = status == WB_OK ? verb(&c) : wb_exit_code(status);
  wb_sweep_free(&c.sweep);
  return code;
}

/* workbench sweep _work FOLDER PART, _task FOLDER LIST: what a sweep starts itself. */
static int act_inside(const wb_registry *registry, const wb_args *args) {
  char *path = wb_format("%s/sweep.yaml", args->words[1]);
  wb_error err = {0};
  wb_sweep sweep;
  unsigned threads = 0;
  wb_status status = wb_sweep_read(registry, path, args->words[1], &sweep, &err);
  if (status == WB_OK) status = read_count(args, "threads", &threads, &err);
  if (status != WB_OK) wb_say_error("%s", err.message);
  const bool task = !strcmp(args->words[0], "_task");
  const int code = status != WB_OK ? wb_exit_code(status)
                   : task          ? wb_sweep_slurm_task(&sweep, args->words[2])
                                   : wb_sweep_work(&sweep, args->words[2], threads);
  wb_sweep_free(&sweep);
  free(path);
  return code;
}

static int choose(const wb_args *args) {
  const char *word = args->word_count ? args->words[0] : "";
  const bool inside = args->word_count == 3 && (!strcmp(word, "_work") || !strcmp(word, "_task"));
  size_t v = 0;
  while (v < VERBS && strcmp(verbs[v].name, word)) v++;
  if (!inside && v == VERBS && args->word_count) return unknown_verb(word);
  if (!inside && args->word_count != 2) {
    wb_say_error("workbench sweep needs a verb and a file: workbench sweep plan study.yaml");
    return WB_EXIT_USAGE;
  }
  wb_error err = {0};
  wb_registry registry;
  const wb_status status = wb_registry_open(wb_args_flag(args, "trust-dir"), &registry, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (inside)
    code = act_inside(&registry, args);
  else
    code = act(&registry, args, args->words[1], wb_args_value(args, "out"), verbs[v].act);
  wb_registry_close(&registry);
  return code;
}

int wb_cmd_sweep(int argc, char *const *argv) {
  wb_error err = {0};
  wb_args args;
  const wb_status status = wb_args_parse("workbench sweep", options, OPTIONS, argv, argc, &args, &err);
  int code = wb_exit_code(status);
  if (status != WB_OK)
    wb_say_error("%s", err.message);
  else if (wb_args_flag(&args, "help") || !argc)
    print_help();
  else {
    wb_say_set(wb_args_flag(&args, "quiet") ? WB_QUIET : WB_NORMAL);
    code = choose(&args);
  }
  wb_args_free(&args);
  return code;
}
