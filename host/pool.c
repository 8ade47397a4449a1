/* pool.c: see pool.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "heap.h"
#include "interrupt.h"
#include "json.h"
#include "say.h"
#include "session.h"
#include "worker.h"

enum { LARGEST_BATCH = 16, NOTHING_BEGUN = -1 };

/* One worker and the tasks that it was given. */
typedef struct slot {
  struct run_state *run;
  wb_worker *worker;   // NULL: idle
  size_t first, count; // of its tasks, in the order of `queue`
  ptrdiff_t current;   // position in queue of the task begun last
  double begun, deadline;
  bool late; // it was killed for taking too long
} slot;

typedef struct run_state {
  const wb_pool *pool;
  wb_task *tasks;
  size_t count, done;
  size_t next; // the first task that no worker has been given yet
  slot *slots;
  size_t slot_count;
  bool stopping;
} run_state;

static void report(const run_state *run, double fraction, const char *note) {
  if (run->pool->progress) run->pool->progress(run->pool->context, run->done, fraction, note);
}

static void finish(run_state *run, wb_task *task, const json_t *record) {
  const char *message = wb_json_text(record, "message");
  task->finished = true;
  task->status = (wb_status)wb_json_int(record, "status");
  task->message = wb_copy(message);
  task->result = json_incref(json_object_get(record, "result"));
  task->seconds = wb_json_number(record, "seconds", 0);
  run->done++;
  report(run, NAN, NULL);
}

/* A record of the slot's worker. */
static void take_record(void *context, const json_t *record) {
  slot *s = context;
  run_state *run = s->run;
  const json_t *number;
  if ((number = json_object_get(record, "begin"))) {
    const size_t task = (size_t)json_integer_value(number);
    if (task < s->first || task >= s->first + s->count) return;
    s->current = (ptrdiff_t)task;
    s->begun = wb_now();
    s->deadline = run->pool->timeout > 0 ? s->begun + run->pool->timeout : INFINITY;
  } else if ((number = json_object_get(record, "end"))) {
    const size_t task = (size_t)json_integer_value(number);
    if ((ptrdiff_t)task == s->current && !run->tasks[task].finished) finish(run, &run->tasks[task], record);
    s->deadline = INFINITY;
  } else if ((number = json_object_get(record, "log"))) {
    const char *text = wb_json_text(record, "text");
    wb_say_log((wb_level)json_integer_value(number), text ? text : "");
  } else if ((number = json_object_get(record, "progress"))) {
    const double total = wb_json_number(record, "total", 0);
    report(run, total > 0 ? json_number_value(number) / total : NAN, wb_json_text(record, "note"));
  }
}

static size_t batch_size(const run_state *run) {
  const size_t share = (run->count - run->next) / (2 * run->slot_count);
  return share < 1 ? 1 : share > LARGEST_BATCH ? LARGEST_BATCH : share;
}

static wb_status start(run_state *run, slot *s, wb_error *err) {
  json_t *tasks = wb_must(json_array());
  for (size_t i = s->first; i < s->first + s->count; i++)
    wb_json_append(tasks, json_incref(run->tasks[i].work));
  json_t *job = wb_json("{so si}", "tasks", tasks, "first", (int)s->first);
  if (run->pool->common) wb_json_set(job, "common", json_incref((json_t *)run->pool->common));
  const wb_worker_limits limits = {run->pool->threads, run->pool->memory};
  s->current = NOTHING_BEGUN;
  s->begun = wb_now();
  s->deadline = run->pool->timeout > 0 ? s->begun + run->pool->timeout : INFINITY;
  s->late = false;
  const wb_status status = wb_worker_start(job, &limits, &s->worker, err);
  json_decref(job);
  return status;
}

static wb_status fill_slots(run_state *run, wb_error *err) {
  wb_status status = WB_OK;
  for (size_t i = 0; i < run->slot_count && status == WB_OK; i++) {
    slot *s = &run->slots[i];
    if (s->worker || run->stopping) continue;
    if (!s->count) { // not left over from a crash
      if (run->next == run->count) continue;
      s->first = run->next;
      s->count = batch_size(run);
      run->next += s->count;
    }
    status = start(run, s, err);
  }
  return status;
}

static char *describe_end(const slot *s, const wb_worker_end *end, double timeout) {
  if (s->late) return wb_format("took longer than %g s and was stopped", timeout);
  if (end->signal == SIGKILL)
    return wb_copy("was killed (SIGKILL), perhaps because the machine ran out of memory");
  if (end->signal) return wb_format("crashed with SIG%s", sigabbrev_np(end->signal));
  return wb_format("ended the process with exit status %d", end->code);
}

/* The worker has ended: whatever task was open failed; the tasks after it stay in the slot. */
static void close_slot(run_state *run, slot *s, const wb_worker_end *end) {
  s->worker = NULL;
  if (*end->output) wb_say_log(WB_DEBUG, end->output);
  size_t open = s->first;
  while (open < s->first + s->count && run->tasks[open].finished) run->tasks[open++].peak_kb = end->peak_kb;
  const size_t last = s->first + s->count;
  s->first = open;
  s->count = last - open;
  if (!s->count || run->stopping) return;
  wb_task *task = &run->tasks[open];
  task->finished = true;
  task->status = WB_INTERNAL;
  task->crash = describe_end(s, end, run->pool->timeout);
  task->output = wb_copy(end->output);
  task->seconds = wb_now() - s->begun;
  task->peak_kb = end->peak_kb;
  run->done++;
  report(run, NAN, NULL);
  s->first++;
  s->count--;
}

static size_t active(const run_state *run) {
  size_t workers = 0;
  for (size_t i = 0; i < run->slot_count; i++) workers += run->slots[i].worker != NULL;
  return workers;
}

static void signal_all(const run_state *run, int signal_number) {
  for (size_t i = 0; i < run->slot_count; i++)
    if (run->slots[i].worker) wb_worker_signal(run->slots[i].worker, signal_number);
}

/* Waits for news of the workers, a deadline, or a signal. */
static void wait_for_news(const run_state *run, struct pollfd *polls, const sigset_t *unblocked) {
  double deadline = INFINITY;
  for (size_t i = 0; i < run->slot_count; i++) {
    struct pollfd *mine = polls + i * WB_WORKER_POLLS;
    for (int p = 0; p < WB_WORKER_POLLS; p++) mine[p] = (struct pollfd){.fd = -1};
    if (!run->slots[i].worker) continue;
    wb_worker_polls(run->slots[i].worker, mine);
    deadline = fmin(deadline, run->slots[i].deadline);
  }
  const double left = fmax(0, deadline - wb_now());
  const struct timespec time = {(time_t)fmin(left, 3600),
                                (long)(1e9 * (fmin(left, 3600) - floor(fmin(left, 3600))))};
  ppoll(polls, run->slot_count * WB_WORKER_POLLS, &time, unblocked);
}

static void attend(run_state *run) {
  for (size_t i = 0; i < run->slot_count; i++) {
    slot *s = &run->slots[i];
    if (!s->worker) continue;
    wb_worker_end end;
    wb_worker_read(s->worker, take_record, s);
    if (wb_worker_ended(s->worker, take_record, s, &end)) {
      close_slot(run, s, &end);
    } else if (wb_now() > s->deadline) {
      s->late = true;
      s->deadline = INFINITY;
      wb_worker_signal(s->worker, SIGKILL);
    }
  }
}

static void obey_interrupts(run_state *run, int *obeyed) {
  const int asked = wb_interrupts();
  if (asked == *obeyed) return;
  const bool gently = run->pool->graceful && !run->stopping;
  if (gently) wb_say_note("stopping as soon as the work can be saved; Ctrl-C again stops at once");
  run->stopping = true;
  *obeyed = asked;
  signal_all(run, gently ? SIGTERM : SIGKILL);
}

static wb_status run_in_workers(run_state *run, wb_error *err) {
  sigset_t watched, before;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, &before); // so that none slips in between looking and waiting
  struct pollfd *polls = wb_new(struct pollfd, run->slot_count * WB_WORKER_POLLS);
  int obeyed = 0;
  wb_status status = fill_slots(run, err);
  while (active(run)) {
    wait_for_news(run, polls, &before);
    attend(run);
    obey_interrupts(run, &obeyed);
    if (status == WB_OK) status = fill_slots(run, err);
  }
  free(polls);
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (status == WB_OK && run->stopping) status = wb_fail(err, WB_CANCELLED, "stopped");
  return status;
}

static wb_status run_in_process(run_state *run, wb_error *err) {
  slot *s = &run->slots[0];
  s->count = run->count;
  wb_session session;
  wb_session_open(&session, run->pool->common, take_record, s);
  for (size_t i = 0; i < run->count && !wb_interrupts(); i++)
    wb_session_perform(&session, run->tasks[i].work, i);
  wb_session_close(&session);
  return wb_interrupts() ? wb_fail(err, WB_CANCELLED, "stopped") : WB_OK;
}

wb_status wb_pool_run(const wb_pool *pool, wb_task *tasks, size_t count, wb_error *err) {
  const size_t jobs = pool->jobs ? pool->jobs : 1;
  run_state run = {.pool = pool, .tasks = tasks, .count = count, .slot_count = jobs < count ? jobs : count};
  if (!count) return WB_OK;
  wb_interrupt_watch();
  if (wb_interrupts()) return wb_fail(err, WB_CANCELLED, "stopped"); // before this
  run.slots = wb_new(slot, run.slot_count);
  for (size_t i = 0; i < run.slot_count; i++) run.slots[i].run = &run;
  const wb_status status = pool->in_process ? run_in_process(&run, err) : run_in_workers(&run, err);
  free(run.slots);
  return status;
}

void wb_task_clear(wb_task *task) {
  free(task->message);
  free(task->crash);
  free(task->output);
  json_decref(task->result);
  *task = (wb_task){.work = task->work};
}
