/* registry.h: all plugins on the search path, looked into by a worker and remembered.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_REGISTRY_H
#define WB_REGISTRY_H

#include "spec.h"

typedef struct wb_fault {
  char *path;
  char *id;     // of the plugin, where that is known
  char *reason; // a sentence
} wb_fault;

typedef struct wb_registry {
  wb_spec **specs; // sorted by id
  size_t count;
  wb_fault *faults; // what could not be loaded
  size_t fault_count;
} wb_registry;

/* The folders that are searched, first to last: $WORKBENCH_PLUGIN_PATH, then beside the program; freed with
 * wb_free_texts. */
char **wb_search_path(size_t *count);

/* Where others could replace a file's content, or a folder's, loading from it is refused: the sentence why,
 * malloc'ed; NULL where it is safe. */
char *wb_unsafe_reason(const char *path);

/* trust: load also from what others may write. WB_IO where no worker could be started. */
wb_status wb_registry_open(bool trust, wb_registry *out, wb_error *err);
void wb_registry_close(wb_registry *registry);

const wb_spec *wb_registry_find(const wb_registry *registry, const char *id); // NULL where there is none

/* The plugin that the user named. Otherwise says why not on stderr, names the nearest id, and *exit_code is
 * WB_EXIT_PLUGIN or WB_EXIT_USAGE. */
const wb_spec *wb_registry_require(const wb_registry *registry, const char *id, int *exit_code);

/* A sentence on stderr for each fault. */
void wb_registry_report(const wb_registry *registry);

#endif
