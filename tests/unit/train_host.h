/* train_host.h: a host that is just enough to run a training plugin inside a test program.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_TRAIN_HOST_H
#define WB_TEST_TRAIN_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <workbench/plugin.h>

enum { TRAIN_HOST_MOST = 64 };

typedef struct train_host {
  wb_host table;
  const wb_plugin *plugin;
  const char *const *options; // "name=value", NULL-terminated
  const char *path, *identity;
  int resume;
  int cancel_after; // steps until cancelled() says so; 0: never
  int verbose;
  int steps;
  char message[1536]; // of the failure
  char log[8192];
  struct {
    void (*release)(void *);
    void *object;
  } deferred[4 * TRAIN_HOST_MOST];
  int deferred_count;
} train_host;

static inline train_host *train_host_of(const wb_host *host) {
  return (train_host *)(uintptr_t)host->state;
}

static inline const wb_param *train_host_row(const wb_plugin *plugin, uint32_t index) {
  return (const wb_param *)(const void *)((const char *)plugin->params.rows +
                                          (size_t)index * plugin->params.stride);
}

/* The text of a parameter: the option that names it, else its default, else "". */
static inline const char *train_host_text(const train_host *h, const wb_param *row) {
  const size_t n = strlen(row->name);
  for (const char *const *o = h->options; o && *o; o++)
    if (!strncmp(*o, row->name, n) && (*o)[n] == '=') return *o + n + 1;
  return row->default_text ? row->default_text : "";
}

static inline void train_host_log(const wb_host *host, wb_level level, const char *text) {
  train_host *h = train_host_of(host);
  const size_t n = strlen(h->log);
  snprintf(h->log + n, sizeof h->log - n, "%s\n", text);
  if (h->verbose) fprintf(stderr, "%s%s\n", level == WB_WARNING ? "warning: " : "", text);
}

static inline void train_host_progress(const wb_host *host, double done, double total, const char *note) {
  (void)done, (void)total, (void)note;
  train_host_of(host)->steps++;
}

static inline int32_t train_host_cancelled(const wb_host *host) {
  const train_host *h = train_host_of(host);
  return h->cancel_after && h->steps >= h->cancel_after;
}

static inline wb_status train_host_fail(const wb_host *host, wb_status status, const char *message) {
  train_host *h = train_host_of(host);
  if (!*h->message) snprintf(h->message, sizeof h->message, "%s", message);
  return status;
}

static inline wb_status train_host_defer(const wb_host *host, void (*release)(void *), void *object) {
  train_host *h = train_host_of(host);
  if (h->deferred_count == 4 * TRAIN_HOST_MOST) {
    release(object);
    return WB_NOMEM;
  }
  h->deferred[h->deferred_count].release = release;
  h->deferred[h->deferred_count++].object = object;
  return WB_OK;
}

static inline void *train_host_alloc(const wb_host *host, size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  if (p) memset(p, 0xa5, bytes); // uninitialised, as the contract says
  return p && train_host_defer(host, free, p) == WB_OK ? p : NULL;
}

static inline uint32_t train_host_threads(const wb_host *host) {
  (void)host;
  return 2;
}

static inline wb_status train_host_target(const wb_host *host, const char *name, wb_target *out) {
  const train_host *h = train_host_of(host);
  if (h->verbose) fprintf(stderr, "name    %s\n", name);
  *out = (wb_target){
      .path = h->path, .identity = h->identity, .resume = h->resume, .exists = access(h->path, F_OK) == 0};
  return WB_OK;
}

static inline const char *train_host_parameter(const wb_host *host, uint32_t index, const char **name) {
  const train_host *h = train_host_of(host);
  if (index >= h->plugin->params.count) return NULL;
  const wb_param *row = train_host_row(h->plugin, index);
  *name = row->name;
  return train_host_text(h, row);
}

/* The items of "a,b", in static memory that the next eight lists do not touch. */
static inline wb_string_list train_host_list(const char *text) {
  static char copies[8][256];
  static const char *items[8][16];
  static unsigned turn;
  const unsigned own = turn++ % 8;
  wb_string_list list = {items[own], 0};
  snprintf(copies[own], sizeof copies[own], "%s", text);
  for (char *item = strtok(copies[own], ","); item && list.count < 16; item = strtok(NULL, ","))
    items[own][list.count++] = item;
  return list;
}

static inline void train_host_set(void *params, const wb_param *row, const char *text) {
  char *field = (char *)params + row->offset;
  int32_t chosen = 0;
  switch (row->type) {
  case WB_BOOL:
    chosen = !strcmp(text, "yes");
    break;
  case WB_CHOICE:
    while (row->choices[chosen] && strcmp(row->choices[chosen], text) != 0) chosen++;
    break;
  case WB_INT:
    *(int64_t *)(void *)field = *text ? atoll(text) : WB_INT_UNSET;
    return;
  case WB_FLOAT:
    *(double *)(void *)field = *text ? atof(text) : WB_FLOAT_UNSET;
    return;
  case WB_STRING_LIST:
    *(wb_string_list *)(void *)field = train_host_list(text);
    return;
  default:
    *(const char **)(void *)field = *text ? text : NULL;
    return;
  }
  *(int32_t *)(void *)field = chosen;
}

/* Checks and runs the plugin with the options; the failure is in h->message. */
static inline wb_status train_host_run(train_host *h) {
  h->table = (wb_host){.struct_size = sizeof(wb_host),
                       .abi_major = WB_ABI_MAJOR,
                       .abi_minor = WB_ABI_MINOR,
                       .state = h,
                       .log = train_host_log,
                       .progress = train_host_progress,
                       .cancelled = train_host_cancelled,
                       .fail = train_host_fail,
                       .alloc = train_host_alloc,
                       .defer = train_host_defer,
                       .threads = train_host_threads,
                       .target = train_host_target,
                       .parameter = train_host_parameter};
  void *params = calloc(1, h->plugin->params_size);
  for (uint32_t i = 0; i < h->plugin->params.count; i++) {
    const wb_param *row = train_host_row(h->plugin, i);
    train_host_set(params, row, train_host_text(h, row));
  }
  wb_status status = h->plugin->check ? h->plugin->check(&h->table, params) : WB_OK;
  if (status == WB_OK) status = h->plugin->run(&h->table, params);
  while (h->deferred_count > 0) {
    h->deferred_count--;
    h->deferred[h->deferred_count].release(h->deferred[h->deferred_count].object);
  }
  free(params);
  return status;
}

#endif
