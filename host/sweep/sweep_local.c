/* sweep_local.c: see sweep_local.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_local.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exit.h"
#include "heap.h"
#include "interrupt.h"
#include "say.h"
#include "sweep_state.h"
#include "sweep_work.h"

static const double look_every = 2; // seconds between looks at how far the runs are

typedef struct slot {
  pid_t child; // 0: idle
  int process; // its pidfd
  size_t run;
  double begun;
} slot;

typedef struct engine {
  const wb_sweep *sweep;
  unsigned threads;
  slot *slots;
  size_t slot_count;
  wb_sweep_look *looks;
  size_t finished;      // by this process
  double spent;         // seconds of those, one after the other
  double begun, looked; // when this process began, and looked last
  int told;             // interrupts that were passed on
} engine;

static size_t in_state(const engine *e, wb_sweep_state state) {
  size_t count = 0;
  for (size_t i = 0; i < e->sweep->run_count; i++) count += e->looks[i].state == state;
  return count;
}

static bool is_mine(const engine *e, size_t run) {
  for (size_t s = 0; s < e->slot_count; s++)
    if (e->slots[s].child && e->slots[s].run == run) return true;
  return false;
}

static char **work_command(const wb_sweep *sweep, const char *part, unsigned threads) {
  char **words = wb_new(char *, 7);
  words[0] = wb_copy("workbench");
  words[1] = wb_copy("sweep");
  words[2] = wb_copy("_work");
  words[3] = wb_copy(sweep->folder);
  words[4] = wb_copy(part);
  words[5] = wb_format("--threads=%u", threads);
  return words;
}

static bool start(engine *e, slot *s, size_t run) {
  char **words = work_command(e->sweep, e->sweep->runs[run].name, e->threads);
  char *log = wb_sweep_path(e->sweep, "logs", e->sweep->runs[run].name, ".log");
  const pid_t child = wb_sweep_spawn(words, log);
  if (child > 0)
    *s = (slot){.child = child, .process = pidfd_open(child, 0), .run = run, .begun = wb_now()};
  else
    wb_say_error("cannot start a run: %s", strerror(errno));
  free(log);
  wb_sweep_words_free(words);
  if (child > 0) e->looks[run].state = WB_SWEEP_RUNNING;
  return child > 0;
}

static void fill_slots(engine *e) {
  size_t next = 0;
  for (size_t s = 0; s < e->slot_count && !e->told; s++) {
    if (e->slots[s].child) continue;
    while (next < e->sweep->run_count && e->looks[next].state != WB_SWEEP_WAITING) next++;
    if (next == e->sweep->run_count || !start(e, &e->slots[s], next)) return;
  }
}

static size_t active(const engine *e) {
  size_t count = 0;
  for (size_t s = 0; s < e->slot_count; s++) count += e->slots[s].child != 0;
  return count;
}

/* Runs that another process is at: what an earlier sweep left behind and is now being saved. */
static size_t foreign(const engine *e) {
  size_t count = 0;
  for (size_t i = 0; i < e->sweep->run_count; i++)
    count += e->looks[i].state == WB_SWEEP_RUNNING && !is_mine(e, i);
  return count;
}

/* The share of all work that is done, the running runs' epochs included. */
static double fraction_done(const engine *e) {
  double sum = 0;
  for (size_t i = 0; i < e->sweep->run_count; i++) {
    const wb_sweep_look *look = &e->looks[i];
    if (look->state == WB_SWEEP_DONE || look->state == WB_SWEEP_FAILED)
      sum += 1;
    else if (look->epochs)
      sum += (double)look->epoch / (double)(look->epochs + 1);
  }
  return e->sweep->run_count ? sum / (double)e->sweep->run_count : 1;
}

static double seconds_left(const engine *e) {
  const double left = (double)e->sweep->run_count * (1 - fraction_done(e));
  return e->finished ? left * e->spent / (double)e->finished / (double)e->slot_count : NAN;
}

static void draw(const engine *e) {
  char time[24] = "";
  const double left = seconds_left(e);
  if (!isnan(left)) wb_say_duration(time, left);
  char *note = wb_format("%zu of %zu runs%s%s", in_state(e, WB_SWEEP_DONE), e->sweep->run_count,
                         *time ? ", about " : "", time);
  wb_bar_draw("sweep", fraction_done(e), note);
  free(note);
}

static void look(engine *e, bool all) {
  bool *marked = wb_new(bool, e->sweep->run_count);
  for (size_t i = 0; i < e->sweep->run_count; i++) marked[i] = all || e->looks[i].state == WB_SWEEP_RUNNING;
  wb_sweep_look_again(e->sweep, marked, e->looks, NULL);
  for (size_t s = 0; s < e->slot_count; s++) // begun, though it may not have taken its lock yet
    if (e->slots[s].child && e->looks[e->slots[s].run].state == WB_SWEEP_WAITING)
      e->looks[e->slots[s].run].state = WB_SWEEP_RUNNING;
  e->looked = wb_now();
  free(marked);
}

/* The child of a slot has ended. Where it found its run in another process' hands (what an earlier sweep left
   behind and is now being saved), it ended with status 0 and the run is as far as that process brings it. */
static void finish(engine *e, slot *s, int status) {
  const size_t run = s->run;
  const double seconds = wb_now() - s->begun;
  close(s->process);
  *s = (slot){0};
  bool *marked = wb_new(bool, e->sweep->run_count);
  marked[run] = true;
  wb_sweep_look_again(e->sweep, marked, e->looks, NULL);
  free(marked);
  const wb_sweep_look *found = &e->looks[run];
  char *label = wb_sweep_run_label(&e->sweep->runs[run]), time[24];
  if (found->state == WB_SWEEP_DONE) {
    e->finished++;
    e->spent += seconds;
    wb_say_note("%zu/%zu  %s  (%s)", in_state(e, WB_SWEEP_DONE), e->sweep->run_count, label,
                wb_say_duration(time, seconds));
  } else if (found->state == WB_SWEEP_FAILED) {
    wb_say_error("%s failed: %s", label, found->reason);
  } else if (!e->told && status) { // killed from outside, without a word: not to be tried for ever
    char *reason =
        wb_format("its process ended unexpectedly (%s %d)", WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    wb_sweep_note_failure(e->sweep, e->sweep->runs[run].name, WB_EXIT_FAILED, reason);
    wb_say_error("%s failed: %s", label, reason);
    e->looks[run].state = WB_SWEEP_FAILED;
    free(reason);
  }
  free(label);
}

static void attend(engine *e) {
  for (size_t s = 0; s < e->slot_count; s++) {
    int status;
    if (e->slots[s].child && waitpid(e->slots[s].child, &status, WNOHANG) == e->slots[s].child)
      finish(e, &e->slots[s], status);
  }
}

static void obey_interrupts(engine *e) {
  const int asked = wb_interrupts();
  if (asked == e->told) return;
  if (!e->told) wb_say_note("stopping as soon as the runs are saved; Ctrl-C again stops at once");
  for (size_t s = 0; s < e->slot_count; s++)
    if (e->slots[s].child) kill(e->slots[s].child, SIGTERM);
  e->told = asked;
}

static void wait_for_news(const engine *e, const sigset_t *unblocked) {
  struct pollfd *polls = wb_new(struct pollfd, e->slot_count);
  for (size_t s = 0; s < e->slot_count; s++)
    polls[s] = (struct pollfd){.fd = e->slots[s].child ? e->slots[s].process : -1, .events = POLLIN};
  ppoll(polls, e->slot_count, &(struct timespec){1, 0}, unblocked);
  free(polls);
}

static void run_all(engine *e) {
  sigset_t watched, before;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, &before);
  fill_slots(e);
  while (active(e) || (foreign(e) && !e->told)) {
    draw(e);
    wait_for_news(e, &before);
    attend(e);
    obey_interrupts(e);
    if (wb_now() - e->looked > look_every && !e->told) look(e, false);
    fill_slots(e);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  wb_bar_end();
}

/* The analyses and the report, one after the other: each uses all the threads. */
static int analyse(const engine *e, unsigned threads) {
  const wb_sweep *sweep = e->sweep;
  wb_sweep_look *looks = wb_sweep_look_analyses(sweep, e->looks);
  int code = WB_EXIT_OK;
  const bool fresh = e->finished == 0;
  bool made = false; // an analysis, so that the report before it is out of date
  for (size_t i = 0; i < sweep->analysis_count + sweep->report && !wb_interrupts(); i++) {
    const bool is_report = i == sweep->analysis_count;
    if (fresh && looks[i].state == WB_SWEEP_DONE && !(is_report && made)) continue;
    made = true;
    char *part = is_report ? wb_copy("report") : wb_format("analysis-%s", sweep->analyses[i].name);
    wb_bar_draw(is_report ? "report" : sweep->analyses[i].name, NAN, "");
    const int one = wb_sweep_work(sweep, part, threads);
    wb_bar_end();
    if (one && one != WB_EXIT_CANCELLED)
      wb_say_error("%s failed: %s/logs/%s.log tells why", is_report ? "the report" : sweep->analyses[i].name,
                   sweep->folder, part);
    else if (!one)
      wb_say_note("%s/%s/%s", sweep->folder, is_report ? "report" : "results",
                  is_report ? "index.html" : sweep->analyses[i].name);
    if (one) code = one;
    free(part);
  }
  wb_sweep_looks_free(looks, sweep->analysis_count + 1);
  return code;
}

int wb_sweep_local(const wb_sweep *sweep, unsigned jobs, unsigned threads) {
  engine e = {.sweep = sweep, .threads = threads, .slot_count = jobs, .slots = wb_new(slot, jobs)};
  wb_error err = {0};
  wb_interrupt_watch();
  e.begun = e.looked = wb_now();
  int code = wb_exit_code(wb_sweep_look_runs(sweep, &e.looks, &err));
  if (code) wb_say_error("%s", err.message);
  if (!code) {
    const size_t failed = in_state(&e, WB_SWEEP_FAILED), done = in_state(&e, WB_SWEEP_DONE);
    wb_say_note("%s: %zu runs, %zu of them done; %u at a time with %u thread%s each", sweep->folder,
                sweep->run_count, done, jobs, threads, threads == 1 ? "" : "s");
    if (failed)
      wb_say_warning("%zu failed before and %s left alone: workbench sweep retry %s", failed,
                     failed == 1 ? "is" : "are", sweep->source);
    run_all(&e);
    if (!e.told && in_state(&e, WB_SWEEP_DONE)) code = analyse(&e, jobs * threads);
    if (!code && in_state(&e, WB_SWEEP_FAILED)) code = WB_EXIT_FAILED;
    if (e.told || code == WB_EXIT_CANCELLED) {
      wb_say_error("stopped; continue with: workbench sweep run %s", sweep->source);
      code = WB_EXIT_CANCELLED;
    }
  }
  wb_sweep_looks_free(e.looks, sweep->run_count);
  free(e.slots);
  return code;
}
