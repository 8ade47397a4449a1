/* worker.h: one worker process, seen from its parent: `workbench _worker`, executed afresh, with the job on
 * one descriptor and records coming back as JSON lines on another. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_WORKER_H
#define WB_WORKER_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_worker_limits {
  unsigned threads; // OMP_NUM_THREADS of the worker; 0: as the environment says
  uint64_t memory;  // bytes of address space; 0: unlimited
} wb_worker_limits;

typedef struct wb_worker wb_worker;

typedef void (*wb_record_function)(void *context, const json_t *record);

/* WB_IO or WB_NOMEM where a process cannot be had. */
wb_status wb_worker_start(const json_t *job, const wb_worker_limits *limits, wb_worker **out, wb_error *err);

enum { WB_WORKER_POLLS = 3 };
void wb_worker_polls(const wb_worker *worker, struct pollfd polls[WB_WORKER_POLLS]);

/* Takes what the worker has written so far and hands each whole record to `record`. */
void wb_worker_read(wb_worker *worker, wb_record_function record, void *context);

void wb_worker_signal(const wb_worker *worker, int signal_number); // to it and all that it started

/* How a worker ended. */
typedef struct wb_worker_end {
  bool done;         // it performed its job and left with status 0
  int signal;        // that ended it, or 0
  int code;          // exit status, where no signal did
  long peak_kb;      // largest resident set
  char output[2048]; // the end of what it wrote to stdout and stderr
} wb_worker_end;

/* Whether it has ended; then *end is filled, all its records have been handed over, and the worker is freed.
 */
bool wb_worker_ended(wb_worker *worker, wb_record_function record, void *context, wb_worker_end *end);

#endif
