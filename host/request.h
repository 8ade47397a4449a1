/* request.h: what the user asked `workbench run` to do: the plugin, its parameters, and the host's options.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_REQUEST_H
#define WB_REQUEST_H

#include <jansson.h>

#include "opt.h"
#include "pool.h"
#include "registry.h"
#include "study.h"

typedef struct wb_request {
  const wb_registry *registry;
  const wb_spec *spec;
  char **settings; // of the plugin, complete
  uint64_t seed;   // the plugin's own parameter seed, or --seed
  wb_args args;
  char **inputs; // of --in, folders replaced by the run files in them
  size_t input_count;
  const char *out;     // --out; NULL: the usual place
  json_t *objects;     // {role: object} of --object and --labels
  uint32_t rows, cols; // --grid; 0: not given
  const char *data;    // --data; NULL: not given
  const char *pattern; // --pattern; NULL: not given
  wb_factor *factors;  // --factor
  size_t factor_count;
  unsigned jobs, threads; // jobs 0: as many as there are threads
  uint64_t memory;
  double timeout;
  bool allow_other_data, recompute, overwrite, resume, in_process, json, quiet;
  char *command; // as one would type it again
} wb_request;

/* Reads the words after `workbench run PLUGIN`. Sets verbosity. WB_ARG with a sentence; WB_INPUT or WB_IO
 * where a parameter file cannot be read. Freed in any case. */
wb_status wb_request_read(const wb_registry *registry, const wb_spec *spec, int argc, char *const *argv,
                          wb_request *out, wb_error *err);
void wb_request_free(wb_request *request);

/* workbench run PLUGIN --help. */
void wb_request_help(const wb_spec *spec);

/* The value of a setting as canonical text, "" where unset. */
const char *wb_request_setting(const wb_request *request, const char *name);

/* A word as a shell reads it back; malloc'ed. */
char *wb_shell_word(const char *word);

/* What every task of this plugin shares, see session.h: a new reference. */
json_t *wb_common(const wb_spec *spec, char *const *settings, uint64_t seed, unsigned threads);

#endif
