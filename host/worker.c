/* worker.c: see worker.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

struct wb_worker {
  pid_t pid;
  int process, records, output; // descriptors: of the process (pidfd), and the reading ends of its pipes
  char *line;                   // a record that has not come in whole
  size_t length, capacity;
  char tail[2048]; // of its output
  size_t tail_length;
};

static int job_file(const json_t *job, wb_error *err) {
  const int fd = memfd_create("workbench job", MFD_CLOEXEC);
  if (fd < 0 || json_dumpfd(job, fd, JSON_COMPACT) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
    wb_fail_errno(err, "cannot write the job of a worker process");
    if (fd >= 0) close(fd);
    return -1;
  }
  return fd;
}

/* In the child, between fork and exec: nothing here may allocate. */
static void become_worker(const wb_worker_limits *limits, pid_t parent, int job, int records, int output,
                          char *const *argv, char *const *environment) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
#ifndef __SANITIZE_ADDRESS__ // whose shadow memory needs the whole address space
  if (limits->memory) {
    const struct rlimit limit = {limits->memory, limits->memory};
    setrlimit(RLIMIT_AS, &limit);
  }
#else
  (void)limits;
#endif
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  fcntl(job, F_SETFD, 0);
  fcntl(records, F_SETFD, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve("/proc/self/exe", argv, environment);
  _exit(1);
}

/* The environment with OMP_NUM_THREADS set; points into `setting` and the old environment. Threads that wait
 * spin for a moment and then sleep, unless the user wants it otherwise. Spinning for as long as libgomp does
 * by itself, they would take the cores from the thread that prepares batches and from other programs;
 * sleeping at once costs time where parallel regions are short: t-SNE took 2.9 s and not 2.3. */
static char **environment_with(char *setting) {
  if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "10000", 0);
  size_t count = 0;
  while (environ[count]) count++;
  char **copy = wb_new(char *, count + 2);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!setting || strncmp(environ[i], "OMP_NUM_THREADS=", 16)) copy[kept++] = environ[i];
  if (setting) copy[kept] = setting;
  return copy;
}

static pid_t spawn(const wb_worker_limits *limits, int job, int records, int output) {
  char job_text[16], records_text[16], threads[32];
  snprintf(job_text, sizeof job_text, "%d", job);
  snprintf(records_text, sizeof records_text, "%d", records);
  snprintf(threads, sizeof threads, "OMP_NUM_THREADS=%u", limits->threads);
  char *const argv[] = {(char *)"workbench", (char *)"_worker", job_text, records_text, NULL};
  char **environment = environment_with(limits->threads ? threads : NULL);
  const pid_t parent = getpid(), pid = fork();
  if (pid == 0) become_worker(limits, parent, job, records, output, argv, environment);
  if (pid > 0) setpgid(pid, pid); // whichever of the two comes first
  free(environment);
  return pid;
}

static void close_all(const int *descriptors, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (descriptors[i] >= 0) close(descriptors[i]);
}

wb_status wb_worker_start(const json_t *job, const wb_worker_limits *limits, wb_worker **out, wb_error *err) {
  const int file = job_file(job, err);
  if (file < 0) return err ? err->status : WB_IO;
  int records[2] = {-1, -1}, output[2] = {-1, -1}, process = -1;
  pid_t pid = -1;
  if (pipe2(records, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0)
    pid = spawn(limits, file, records[1], output[1]);
  if (pid > 0) process = pidfd_open(pid, 0);
  const int used[] = {file, records[1], output[1]};
  if (process < 0) {
    wb_fail_errno(err, "cannot start a worker process");
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
    close_all(used, 3);
    close_all((int[]){records[0], output[0]}, 2);
    return err ? err->status : WB_IO;
  }
  close_all(used, 3);
  fcntl(records[0], F_SETFL, O_NONBLOCK);
  fcntl(output[0], F_SETFL, O_NONBLOCK);
  fcntl(process, F_SETFD, FD_CLOEXEC);
  *out = wb_new(wb_worker, 1);
  (*out)->pid = pid;
  (*out)->process = process;
  (*out)->records = records[0];
  (*out)->output = output[0];
  return WB_OK;
}

void wb_worker_polls(const wb_worker *worker, struct pollfd polls[WB_WORKER_POLLS]) {
  polls[0] = (struct pollfd){.fd = worker->process, .events = POLLIN};
  polls[1] = (struct pollfd){.fd = worker->records, .events = POLLIN};
  polls[2] = (struct pollfd){.fd = worker->output, .events = POLLIN};
}

/* Splits off the whole lines of what has come in. */
static void hand_over(wb_worker *worker, wb_record_function record, void *context) {
  char *start = worker->line, *end = worker->line + worker->length, *newline;
  while (start < end && (newline = memchr(start, '\n', (size_t)(end - start)))) {
    json_t *json = json_loadb(start, (size_t)(newline - start), 0, NULL);
    if (json) record(context, json); // what is not JSON a plugin wrote there: no record
    json_decref(json);
    start = newline + 1;
  }
  worker->length = (size_t)(end - start);
  if (worker->length) memmove(worker->line, start, worker->length);
}

/* Closes the pipe at its end: a closed descriptor is -1, which poll ignores. */
static bool read_some(int *fd, char *into, size_t space, size_t *got) {
  const ssize_t bytes = *fd < 0 ? 0 : read(*fd, into, space);
  if (bytes > 0) {
    *got = (size_t)bytes;
    return true;
  }
  if (*fd >= 0 && (bytes == 0 || (errno != EAGAIN && errno != EINTR))) {
    close(*fd);
    *fd = -1;
  }
  return false;
}

static void read_output(wb_worker *worker) {
  char block[1024];
  size_t got;
  while (read_some(&worker->output, block, sizeof block, &got)) {
    const size_t room = sizeof worker->tail - 1;
    if (worker->tail_length + got > room) {
      const size_t drop = worker->tail_length + got - room;
      memmove(worker->tail, worker->tail + drop, worker->tail_length - drop);
      worker->tail_length -= drop;
    }
    memcpy(worker->tail + worker->tail_length, block, got);
    worker->tail_length += got;
  }
}

void wb_worker_read(wb_worker *worker, wb_record_function record, void *context) {
  for (;;) {
    if (worker->length == worker->capacity) {
      worker->capacity = worker->capacity ? 2 * worker->capacity : 1 << 16;
      worker->line = wb_must(realloc(worker->line, worker->capacity));
    }
    size_t got;
    if (!read_some(&worker->records, worker->line + worker->length, worker->capacity - worker->length, &got))
      break;
    worker->length += got;
    hand_over(worker, record, context);
  }
  read_output(worker);
}

void wb_worker_signal(const wb_worker *worker, int signal_number) {
  kill(-worker->pid, signal_number);
}

bool wb_worker_ended(wb_worker *worker, wb_record_function record, void *context, wb_worker_end *end) {
  int status;
  struct rusage usage;
  if (wait4(worker->pid, &status, WNOHANG, &usage) != worker->pid) return false;
  wb_worker_read(worker, record, context);
  wb_worker_signal(worker, SIGKILL); // what it may have left behind
  *end = (wb_worker_end){.done = WIFEXITED(status) && WEXITSTATUS(status) == 0,
                         .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                         .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                         .peak_kb = usage.ru_maxrss};
  memcpy(end->output, worker->tail, worker->tail_length);
  end->output[worker->tail_length] = '\0';
  close_all((int[]){worker->process, worker->records, worker->output}, 3);
  free(worker->line);
  free(worker);
  return true;
}
