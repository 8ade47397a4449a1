/* fake_host.h: a host that is just enough to call a service as a plugin would, with one run.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_FAKE_HOST_H
#define WB_TEST_FAKE_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <workbench/plugin.h>

enum { FAKE_HOST_DEFERRED = 256 };

typedef struct fake_host {
  wb_host table;
  const char *path, *data_spec; // of run 0
  wb_status status;             // of the first failure, and its message
  char message[1536];
  struct {
    void (*release)(void *);
    void *object;
  } deferred[FAKE_HOST_DEFERRED];
  int deferred_count;
} fake_host;

static inline fake_host *fake_host_of(const wb_host *host) {
  return (fake_host *)(uintptr_t)host->state;
}

static inline wb_status fake_host_fail(const wb_host *host, wb_status status, const char *message) {
  fake_host *h = fake_host_of(host);
  if (h->status == WB_OK) {
    h->status = status;
    snprintf(h->message, sizeof h->message, "%s", message);
  }
  return status;
}

static inline wb_status fake_host_defer(const wb_host *host, void (*release)(void *), void *object) {
  fake_host *h = fake_host_of(host);
  if (h->deferred_count == FAKE_HOST_DEFERRED) {
    release(object);
    return fake_host_fail(host, WB_NOMEM, "too much was deferred");
  }
  h->deferred[h->deferred_count].release = release;
  h->deferred[h->deferred_count++].object = object;
  return WB_OK;
}

static inline void *fake_host_alloc(const wb_host *host, size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  if (p) memset(p, 0xa5, bytes); // uninitialised, as the contract says
  return p && fake_host_defer(host, free, p) == WB_OK ? p : NULL;
}

static inline const char *fake_host_path(const wb_host *host, uint32_t run) {
  (void)run;
  return fake_host_of(host)->path;
}

static inline const char *fake_host_spec(const wb_host *host, uint32_t run) {
  (void)run;
  return fake_host_of(host)->data_spec;
}

/* Before a call of `run`. */
static inline void fake_host_start(fake_host *h, const char *path, const char *data_spec) {
  *h = (fake_host){.path = path, .data_spec = data_spec};
  h->table = (wb_host){.struct_size = sizeof(wb_host),
                       .abi_major = WB_ABI_MAJOR,
                       .abi_minor = WB_ABI_MINOR,
                       .state = h,
                       .fail = fake_host_fail,
                       .alloc = fake_host_alloc,
                       .defer = fake_host_defer,
                       .run_path = fake_host_path,
                       .data_spec = fake_host_spec};
}

/* When `run` has returned. */
static inline void fake_host_end(fake_host *h) {
  while (h->deferred_count > 0) {
    h->deferred_count--;
    h->deferred[h->deferred_count].release(h->deferred[h->deferred_count].object);
  }
}

#endif
