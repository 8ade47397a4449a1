/* spec.c: see spec.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "spec_internal.h"

enum { MAX_ROWS = 1000 };

const char *wb_kind_name(uint32_t kind) {
  static const char *const names[] = {"", "train", "convert", "metric", "robustness"};
  return kind < sizeof names / sizeof names[0] ? names[kind] : "";
}

const wb_param *wb_spec_param(const wb_spec *spec, const char *name) {
  for (size_t i = 0; i < spec->param_count; i++)
    if (!strcmp(spec->params[i].name, name)) return &spec->params[i];
  return NULL;
}

const wb_input *wb_spec_input(const wb_spec *spec, const char *role) {
  for (size_t i = 0; i < spec->input_count; i++)
    if (!strcmp(spec->inputs[i].role, role)) return &spec->inputs[i];
  return NULL;
}

const wb_output *wb_spec_output(const wb_spec *spec, const char *name) {
  for (size_t i = 0; i < spec->output_count; i++)
    if (!strcmp(spec->outputs[i].name, name)) return &spec->outputs[i];
  return NULL;
}

char *wb_input_axes(const wb_input *input) {
  if (!input->rank) return wb_copy("");
  char *text = wb_copy("[");
  for (uint32_t a = 0; a < input->rank; a++) {
    char *longer = wb_format("%s%s%s", text, a ? ", " : "", input->axes[a]);
    free(text);
    text = longer;
  }
  char *closed = wb_format("%s]", text);
  free(text);
  return closed;
}

static char *text(const char *from) {
  return wb_copy(from ? from : "");
}

/* Rows of a table as the plugin was compiled into rows of ours: a shorter row is filled with zeros, a longer
 * one cut. NULL with *err set for an impossible table. */
static void *copy_rows(const wb_table *table, size_t size, const char *id, const char *what, wb_error *err) {
  if (table->count > MAX_ROWS || (table->count && (!table->rows || table->stride < size))) {
    wb_fail(err, WB_INTERNAL, "%s: its table of %s is malformed (%u rows of %u bytes, expected at least %zu)",
            id, what, table->count, table->stride, size);
    return NULL;
  }
  char *rows = wb_new_bytes(table->count, size);
  for (size_t i = 0; i < table->count; i++)
    memcpy(rows + i * size, (const char *)table->rows + i * table->stride, size);
  return rows;
}

static void own_param(wb_param *p) {
  p->name = text(p->name);
  p->help = text(p->help);
  p->unit = wb_copy(p->unit);
  p->group = wb_copy(p->group);
  p->default_text = wb_copy(p->default_text);
  const char *const *from = p->type == WB_CHOICE ? p->choices : NULL;
  char **choices = NULL;
  for (size_t n = 0; from && n < MAX_ROWS; n++) {
    wb_grow(choices, n);
    choices[n] = wb_copy(from[n]);
    if (!from[n]) break;
  }
  p->choices = (const char *const *)choices;
}

static void own_input(wb_input *in) {
  in->role = text(in->role);
  in->help = text(in->help);
  in->object = wb_copy(in->object);
  for (int a = 0; a < WB_MAX_RANK; a++) in->axes[a] = wb_copy(in->axes[a]);
}

static void own_output(wb_output *out) {
  out->name = text(out->name);
  out->title = text(out->title ? out->title : out->name);
  out->help = text(out->help);
  out->unit = wb_copy(out->unit);
  out->higher_means = wb_copy(out->higher_means);
  out->x_label = wb_copy(out->x_label);
  out->y_label = wb_copy(out->y_label);
  out->beside = wb_copy(out->beside);
}

static wb_status copy_tables(wb_spec *spec, const wb_plugin *plugin, wb_error *err) {
  spec->params = copy_rows(&plugin->params, sizeof(wb_param), spec->id, "parameters", err);
  if (!spec->params) return WB_INTERNAL;
  spec->param_count = plugin->params.count;
  for (size_t i = 0; i < spec->param_count; i++) own_param(&spec->params[i]);

  spec->inputs = copy_rows(&plugin->inputs, sizeof(wb_input), spec->id, "inputs", err);
  if (!spec->inputs) return WB_INTERNAL;
  spec->input_count = plugin->inputs.count;
  for (size_t i = 0; i < spec->input_count; i++) own_input(&spec->inputs[i]);

  spec->outputs = copy_rows(&plugin->outputs, sizeof(wb_output), spec->id, "outputs", err);
  if (!spec->outputs) return WB_INTERNAL;
  spec->output_count = plugin->outputs.count;
  for (size_t i = 0; i < spec->output_count; i++) own_output(&spec->outputs[i]);
  return WB_OK;
}

wb_status wb_spec_from_plugin(const wb_plugin *plugin, const char *path, uint32_t index, const char *build,
                              wb_spec **out, wb_error *err) {
  wb_spec *spec = wb_new(wb_spec, 1);
  spec->path = wb_copy(path);
  spec->index = index;
  spec->build = wb_copy(build);
  spec->abi_major = plugin->abi_major;
  spec->abi_minor = plugin->abi_minor;
  spec->kind = plugin->kind;
  spec->scope = plugin->scope;
  spec->flags = plugin->flags;
  spec->params_size = plugin->params_size;
  spec->checks = plugin->check != NULL;
  spec->id = text(plugin->id);
  spec->version = text(plugin->version);
  spec->title = text(plugin->title);
  spec->summary = text(plugin->summary);
  spec->author = text(plugin->author);
  spec->license = text(plugin->license);
  spec->reference = text(plugin->reference);
  spec->example = text(plugin->example);
  wb_status status = copy_tables(spec, plugin, err);
  if (status == WB_OK && !plugin->run)
    status = wb_fail(err, WB_INTERNAL, "%s: its descriptor has no run function", spec->id);
  if (status == WB_OK) status = wb_spec_check(spec, err);
  if (status == WB_OK)
    *out = spec;
  else
    wb_spec_free(spec);
  return status;
}

static void free_param(wb_param *p) {
  for (size_t n = 0; p->choices && p->choices[n]; n++) free((char *)p->choices[n]);
  free((void *)p->choices);
  free((char *)p->name);
  free((char *)p->help);
  free((char *)p->unit);
  free((char *)p->group);
  free((char *)p->default_text);
}

static void free_input(wb_input *in) {
  free((char *)in->role);
  free((char *)in->help);
  free((char *)in->object);
  for (int a = 0; a < WB_MAX_RANK; a++) free((char *)in->axes[a]);
}

static void free_output(wb_output *out) {
  free((char *)out->name);
  free((char *)out->title);
  free((char *)out->help);
  free((char *)out->unit);
  free((char *)out->higher_means);
  free((char *)out->x_label);
  free((char *)out->y_label);
  free((char *)out->beside);
}

void wb_spec_free(wb_spec *spec) {
  if (!spec) return;
  for (size_t i = 0; i < spec->param_count; i++) free_param(&spec->params[i]);
  for (size_t i = 0; i < spec->input_count; i++) free_input(&spec->inputs[i]);
  for (size_t i = 0; i < spec->output_count; i++) free_output(&spec->outputs[i]);
  free(spec->params);
  free(spec->inputs);
  free(spec->outputs);
  free(spec->path);
  free(spec->build);
  free(spec->id);
  free(spec->version);
  free(spec->title);
  free(spec->summary);
  free(spec->author);
  free(spec->license);
  free(spec->reference);
  free(spec->example);
  free(spec);
}
