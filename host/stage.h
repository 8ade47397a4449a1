/* stage.h: one plugin over the files of a call: inspected, looked up in the cache, computed. What it needs of
 * other plugins is a stage of its own. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_STAGE_H
#define WB_STAGE_H

#include "inputs.h"

typedef struct wb_stage {
  const wb_request *request;
  const wb_spec *spec;
  char *const *settings;
  uint64_t seed;
  wb_sources *sources;
  json_t **facts;                  // by source: what task_inspect.c found; NULL where it could not
  json_t **runs;                   // by source: its item in a task's "runs", but for the condition
  char (*digests)[WB_DIGEST_SIZE]; // by source: of all that the plugin reads of it
  unsigned depth;                  // stages that this one works for
} wb_stage;

/* Inspects the files, and has other plugins compute what this one reads of theirs. Files that do not serve
 * become unusable in *sources. The outermost stage (depth 0) gives the sources their factors. Fails as a
 * whole, WB_CANCELLED among others, only where no file could be used. Closed in any case. */
wb_status wb_stage_prepare(wb_stage *stage, wb_error *err);
void wb_stage_close(wb_stage *stage);

/* One call of the plugin's run. */
typedef struct wb_unit {
  size_t *sources;      // numbers of the files
  uint32_t *conditions; // of each
  size_t count;
  char *label; // "runs/x.h5", or the condition: for messages
  char *entry; // the file with the values, in the cache; once done
  bool cached, done;
  wb_status status; // why it is not done
  char *reason;
} wb_unit;

/* Says where the values of each unit are or will be, and which the cache has. */
wb_status wb_stage_look_up(wb_stage *stage, wb_unit *units, size_t count, wb_error *err);
/* Computes the others. Failures are in the units; WB_CANCELLED when the user stopped. */
wb_status wb_stage_perform(wb_stage *stage, wb_unit *units, size_t count, wb_error *err);
void wb_units_free(wb_unit *units, size_t count);

/* A unit of one file. */
wb_unit wb_unit_of_run(const wb_sources *sources, size_t source);

/* The identity of a result: the plugin, its settings (of a path the content; not those that do not matter),
 * the seed where `seeded`, and further parts such as digests of what is read. */
wb_status wb_identity(const wb_spec *spec, char *const *settings, uint64_t seed, bool seeded,
                      const char *const *parts, size_t part_count, char key[WB_DIGEST_SIZE], wb_error *err);

/* Why a task failed, as a sentence that names plugin and file; malloc'ed. `debug` (may be NULL): a command to
 * copy. */
char *wb_failure_text(const wb_spec *spec, const wb_task *task, const char *label, const char *debug);

#endif
