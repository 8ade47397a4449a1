/* library.h: one shared object, opened and checked; only workers do that. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_LIBRARY_H
#define WB_LIBRARY_H

#include <stdbool.h>

#include "spec.h"

typedef struct wb_library {
  char *path;
  void *handle;
  wb_plugin_at_function at;
} wb_library;

/* Loads `path` with all its symbols bound at once. WB_UNSUPPORTED with a sentence where it is not a shared
 * object, lacks something, or has no wb_plugin_at. Closed with wb_library_close. */
wb_status wb_library_open(const char *path, wb_library *out, wb_error *err);
void wb_library_close(wb_library *library);

/* The descriptor at `index`: NULL past the last one. WB_UNSUPPORTED where its ABI is not ours. */
wb_status wb_library_plugin(const wb_library *library, uint32_t index, const wb_plugin **out, wb_error *err);

/* The code that a plugin runs: the plugin, and every library that it needs and the system does not bring. */
typedef struct wb_code {
  char *build;  // their GNU build ids (of a file without one the SHA-256), joined by +
  char **files; // their paths, the plugin's first
  size_t file_count;
} wb_code;

/* with_engine adds the library behind the service engine/1. */
wb_status wb_library_code(const wb_library *library, bool with_engine, wb_code *out, wb_error *err);
void wb_code_free(wb_code *code);

/* The path of libwbengine.so beside this program; malloc'ed, NULL where there is none. */
char *wb_engine_path(void);
/* The running program's file, symbolic links resolved; malloc'ed. */
char *wb_program_path(void);
/* GNU build id of the running program as hexadecimal text; malloc'ed. */
char *wb_program_build(void);

#endif
