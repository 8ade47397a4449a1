/* spec.h: a plugin's descriptor as the host keeps it: an owned copy, with the rows of its tables in the
 * host's own layout, that travels as JSON between the worker that loaded the plugin and the parent that never
 * does. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SPEC_H
#define WB_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <workbench/plugin.h>

#include "base/error.h"

typedef struct wb_spec {
  char *path;     // of the shared object
  uint32_t index; // in wb_plugin_at
  char *build;    // identity of the code: GNU build ids of the plugin and of every project library it maps
  uint16_t abi_major, abi_minor;
  uint32_t kind, scope, flags, params_size;
  bool checks; // has a check callback
  char *id, *version, *title, *summary, *author, *license, *reference,
      *example;     // "" where the plugin has NULL
  wb_param *params; // all strings owned; an absent one is NULL
  size_t param_count;
  wb_input *inputs;
  size_t input_count;
  wb_output *outputs;
  size_t output_count;
} wb_spec;

/* Copies and checks a descriptor: ids, duplicate names, types, ranks, defaults that parse, bounds in order.
 * WB_INTERNAL with a sentence that names the first fault. */
wb_status wb_spec_from_plugin(const wb_plugin *plugin, const char *path, uint32_t index, const char *build,
                              wb_spec **out, wb_error *err);
wb_status wb_spec_from_json(const json_t *json, wb_spec **out, wb_error *err);
/* A new reference; NULL without memory. Infinite bounds are written as null, an unset reference line
 * likewise. */
json_t *wb_spec_to_json(const wb_spec *spec);
void wb_spec_free(wb_spec *spec);

const wb_param *wb_spec_param(const wb_spec *spec, const char *name); // NULL where there is none
const wb_input *wb_spec_input(const wb_spec *spec, const char *role);
const wb_output *wb_spec_output(const wb_spec *spec, const char *name);
char *wb_input_axes(const wb_input *input); // "[stimulus, unit]", "" without axes; malloc'ed
const char *wb_kind_name(uint32_t kind);    // "train", "convert", "metric", "robustness"

#endif
