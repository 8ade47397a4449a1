/* sweep_work.c: see sweep_work.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit.h"
#include "heap.h"
#include "interrupt.h"
#include "params.h"
#include "request.h"
#include "say.h"
#include "sweep_state.h"

enum { REASON = 2048 };

typedef struct word_list {
  char **items;
  size_t count;
} word_list;

__attribute__((format(printf, 2, 3))) static void add(word_list *w, const char *format, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) text = NULL;
  va_end(args);
  wb_grow(w->items, w->count);
  w->items[w->count++] = wb_must(text);
}

static char **end_words(word_list *w) {
  wb_grow(w->items, w->count);
  w->items[w->count] = NULL;
  return w->items;
}

void wb_sweep_words_free(char **words) {
  for (size_t i = 0; words && words[i]; i++) free(words[i]);
  free(words);
}

char *wb_sweep_command_text(char *const *words) {
  char *line = wb_copy("");
  for (size_t i = 0; words[i]; i++) {
    char *word = wb_shell_word(words[i]), *longer = wb_format("%s%s%s", line, i ? " " : "", word);
    free(word);
    free(line);
    line = longer;
  }
  return line;
}

static void add_setting(word_list *w, const wb_param *p, const char *value) {
  if (p->type == WB_BOOL)
    add(w, strcmp(value, "yes") ? "--no-%s" : "--%s", p->name);
  else if (*value)
    add(w, "--%s=%s", p->name, value);
}

char **wb_sweep_run_command(const wb_sweep_run *run, const char *file, unsigned threads) {
  word_list w = {0};
  add(&w, "workbench");
  add(&w, "run");
  add(&w, "%s", run->plugin->id);
  char **defaults = wb_settings_new(run->plugin);
  for (size_t i = 0; i < run->plugin->param_count; i++)
    if (strcmp(defaults[i], run->settings[i])) add_setting(&w, &run->plugin->params[i], run->settings[i]);
  wb_settings_free(defaults, run->plugin);
  add(&w, "--out=%s", file);
  add(&w, "--resume");
  add(&w, "--threads=%u", threads);
  return end_words(&w);
}

static char **analysis_command(const wb_sweep *sweep, const wb_sweep_analysis *a, const wb_sweep_look *looks,
                               unsigned threads, size_t *taken) {
  word_list w = {0};
  add(&w, "workbench");
  add(&w, "run");
  add(&w, "%s", a->plugin->id);
  const char *name;
  json_t *value;
  json_object_foreach(a->params, name, value) {
    add_setting(&w, wb_spec_param(a->plugin, name), json_string_value(value));
  }
  char *out = wb_sweep_path(sweep, "results", a->name, "");
  add(&w, "--out=%s", out);
  add(&w, "--threads=%u", threads);
  free(out);
  add(&w, "--in");
  *taken = 0;
  for (size_t i = 0; i < sweep->run_count; i++)
    if (looks[i].state == WB_SWEEP_DONE && wb_sweep_takes(a, &sweep->runs[i])) {
      add(&w, "%s", sweep->runs[i].file);
      ++*taken;
    }
  return end_words(&w);
}

static char **report_command(const wb_sweep *sweep) {
  word_list w = {0};
  add(&w, "workbench");
  add(&w, "report");
  add(&w, "--in=%s/results", sweep->folder);
  add(&w, "--out=%s/report", sweep->folder);
  if (sweep->title) add(&w, "--title=%s", sweep->title);
  if (sweep->paper) add(&w, "--paper=%s", sweep->paper);
  for (size_t i = 0; i < sweep->change_count; i++) add(&w, "--change=%s", sweep->changes[i]);
  return end_words(&w);
}

pid_t wb_sweep_spawn(char *const *words, const char *log) {
  const int out = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
  if (log && out < 0) return -1;
  const pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(WB_EXIT_CANCELLED);
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(out < 0 ? null : out, STDOUT_FILENO);
    dup2(out < 0 ? null : out, STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", words);
    _exit(WB_EXIT_FAILED);
  }
  if (pid > 0) setpgid(pid, pid);
  if (out >= 0) close(out);
  return pid;
}

/* The exit code of a child; while it works, what this process is asked to do is passed on. */
static int wait_for(pid_t child) {
  sigset_t watched, before;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, &before); // so that none slips in between looking and waiting
  struct pollfd poll = {.fd = pidfd_open(child, 0), .events = POLLIN};
  int told = 0, status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    const int asked = wb_interrupts();
    if (asked > told) kill(child, SIGTERM);
    told = asked;
    ppoll(&poll, 1, &(struct timespec){1, 0}, &before);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (poll.fd >= 0) close(poll.fd);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

char *wb_sweep_reason(const char *log, off_t from, int code) {
  char reason[REASON], line[REASON];
  snprintf(reason, REASON, code > 128 ? "it was ended by signal %d" : "it ended with exit code %d",
           code > 128 ? code - 128 : code);
  FILE *file = fopen(log, "r");
  bool begun = false; // a message may have further lines
  if (file && fseeko(file, from, SEEK_SET) == 0)
    while (fgets(line, sizeof line, file)) {
      if (!strncmp(line, "workbench: ", 11) && strncmp(line, "workbench: warning", 18)) {
        begun = true;
        snprintf(reason, REASON, "%s", line + 11);
      } else if (begun) {
        const size_t used = strlen(reason);
        snprintf(reason + used, REASON - used, "%s", line);
      }
    }
  if (file) fclose(file);
  char *newline = strrchr(reason, '\n');
  if (newline && !newline[1]) *newline = '\0';
  return wb_copy(reason);
}

/* Runs the words to their end and notes how that went. */
static int perform(const wb_sweep *sweep, const char *part, char **words) {
  char *log = wb_sweep_path(sweep, "logs", part, ".log"), *text = wb_sweep_command_text(words);
  FILE *file = fopen(log, "a");
  if (file) fprintf(file, "$ %s\n", text);
  if (file) fclose(file);
  struct stat info;
  const off_t from = stat(log, &info) == 0 ? info.st_size : 0;
  wb_sweep_forget_failure(sweep, part);
  const pid_t child = wb_interrupts() ? 0 : wb_sweep_spawn(words, log);
  int code = child > 0 ? wait_for(child) : child < 0 ? WB_EXIT_FAILED : WB_EXIT_CANCELLED;
  if (code == 128 + SIGTERM && wb_interrupts())
    code = WB_EXIT_CANCELLED; // told to stop before it could listen
  if (code && code != WB_EXIT_CANCELLED) {
    char *reason = wb_sweep_reason(log, from, code);
    wb_sweep_note_failure(sweep, part, code, reason);
    free(reason);
  }
  free(text);
  free(log);
  return code;
}

static int work_on_run(const wb_sweep *sweep, size_t index, unsigned threads) {
  wb_error err = {0};
  wb_sweep_look *looks = wb_new(wb_sweep_look, sweep->run_count);
  bool *marked = wb_new(bool, sweep->run_count);
  marked[index] = true;
  int code = wb_exit_code(wb_sweep_look_again(sweep, marked, looks, &err));
  if (err.status != WB_OK) wb_say_error("%s", err.message);
  const unsigned begun = looks[index].threads;
  if (!code && looks[index].state != WB_SWEEP_DONE) {
    char **items =
        wb_sweep_run_command(&sweep->runs[index], sweep->runs[index].file, begun ? begun : threads);
    code = perform(sweep, sweep->runs[index].name, items);
    wb_sweep_words_free(items);
  }
  free(marked);
  wb_sweep_looks_free(looks, sweep->run_count);
  return code;
}

static int work_on_analysis(const wb_sweep *sweep, const wb_sweep_analysis *a, const char *part,
                            unsigned threads) {
  wb_error err = {0};
  wb_sweep_look *looks = NULL;
  if (wb_sweep_look_runs(sweep, &looks, &err) != WB_OK) {
    wb_say_error("%s", err.message);
    wb_sweep_looks_free(looks, sweep->run_count);
    return WB_EXIT_FAILED;
  }
  size_t taken;
  char **items = analysis_command(sweep, a, looks, threads, &taken);
  int code = WB_EXIT_INPUT;
  if (taken)
    code = perform(sweep, part, items);
  else
    wb_sweep_note_failure(sweep, part, code, "none of the runs that it takes is complete");
  wb_sweep_words_free(items);
  wb_sweep_looks_free(looks, sweep->run_count);
  return code;
}

static int work_on_report(const wb_sweep *sweep) {
  char **items = report_command(sweep);
  const int code = perform(sweep, "report", items);
  wb_sweep_words_free(items);
  return code;
}

/* What the part is; an exit code. */
static int work_on(const wb_sweep *sweep, const char *part, unsigned threads) {
  for (size_t i = 0; i < sweep->run_count; i++)
    if (!strcmp(sweep->runs[i].name, part)) return work_on_run(sweep, i, threads);
  for (size_t i = 0; i < sweep->analysis_count; i++)
    if (!strncmp(part, "analysis-", 9) && !strcmp(part + 9, sweep->analyses[i].name))
      return work_on_analysis(sweep, &sweep->analyses[i], part, threads);
  if (!strcmp(part, "report")) return work_on_report(sweep);
  wb_say_error("the sweep in %s has no part %s", sweep->folder, part);
  return WB_EXIT_USAGE;
}

int wb_sweep_work(const wb_sweep *sweep, const char *part, unsigned threads) {
  wb_interrupt_watch();
  const int lock = wb_sweep_lock(sweep, part, NULL, NULL);
  if (lock == -1) {
    wb_say_note("%s is being worked on by another process", part);
    return WB_EXIT_OK;
  }
  if (lock < 0) {
    wb_say_error("cannot lock %s/state/%s.lock: %s", sweep->folder, part, strerror(errno));
    return WB_EXIT_FAILED;
  }
  const unsigned own = threads ? threads : sweep->threads ? sweep->threads : 1;
  const int code = work_on(sweep, part, own);
  wb_sweep_unlock(lock);
  return code;
}
