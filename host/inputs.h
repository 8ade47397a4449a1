/* inputs.h: the files of a call, what workers found in them, and whether they fit together.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_INPUTS_H
#define WB_INPUTS_H

#include "request.h"

typedef enum wb_usable { WB_USABLE, WB_UNFINISHED, WB_UNUSABLE } wb_usable;

/* A file given by --in. */
typedef struct wb_source {
  char *path; // as given
  wb_usable usable;
  wb_status status; // why it cannot be used, with a sentence
  char *reason;
  bool is_run;
  wb_factor *factors; // those of the file, in its order, then those of --factor
  size_t factor_count;
} wb_source;

typedef struct wb_sources {
  wb_source *items;
  size_t count;
} wb_sources;

/* Each file once; one given twice is a warning. */
void wb_sources_open(const wb_request *request, wb_sources *out);
void wb_sources_close(wb_sources *sources);
size_t wb_sources_usable(const wb_sources *sources);

/* The source cannot be used; the first reason counts. */
void wb_source_fail(wb_source *source, wb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes over state and factors from a record of task_inspect.c. */
void wb_source_describe(wb_source *source, const json_t *facts, const wb_request *request);

/* Axes that the plugin shares between runs have the same length everywhere, and shared stimuli are the same.
 * Where files differ, those that differ from most become unusable. facts[i] belongs to sources->items[i]. */
void wb_sources_check_shared(wb_sources *sources, json_t *const *facts, const wb_spec *spec);

/* An error for each unusable file from number `first` on (at most five, then how many more) on stderr. */
void wb_sources_report(const wb_sources *sources);

#endif
