/* sweep.c: see sweep.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "params.h"
#include "sweep_points.h"

bool wb_sweep_takes(const wb_sweep_analysis *analysis, const wb_sweep_run *run) {
  const char *name;
  json_t *wanted;
  json_object_foreach(analysis->where, name, wanted) {
    const wb_param *p = wb_spec_param(run->plugin, name);
    const char *value = p                            ? run->settings[p - run->plugin->params]
                        : !strcmp(name, "objective") ? wb_sweep_objective(run)
                                                     : NULL;
    const bool fits = value && (json_is_array(wanted)
                                    ? wb_sweep_lists(wanted, value)
                                    : json_is_string(wanted) && !strcmp(json_string_value(wanted), value));
    if (!fits) return false;
  }
  return true;
}

char *wb_sweep_run_label(const wb_sweep_run *run) {
  char *label = wb_copy(wb_sweep_objective(run));
  const char *name;
  json_t *value;
  json_object_foreach(run->varied, name, value) {
    char *longer = wb_format("%s, %s %s", label, name, json_string_value(value));
    free(label);
    label = longer;
  }
  return label;
}

char *wb_sweep_path(const wb_sweep *sweep, const char *part, const char *name, const char *ending) {
  return wb_format("%s/%s/%s%s", sweep->folder, part, name, ending);
}

void wb_sweep_free(wb_sweep *sweep) {
  for (size_t i = 0; i < sweep->run_count; i++) {
    wb_sweep_run *run = &sweep->runs[i];
    wb_settings_free(run->settings, run->plugin);
    json_decref(run->varied);
    free(run->name);
    free(run->file);
  }
  for (size_t i = 0; i < sweep->analysis_count; i++) {
    free(sweep->analyses[i].name);
    json_decref(sweep->analyses[i].params);
    json_decref(sweep->analyses[i].where);
  }
  free(sweep->runs);
  free(sweep->analyses);
  free(sweep->source);
  free(sweep->folder);
  free(sweep->title);
  free(sweep->paper);
  wb_free_texts(sweep->changes, sweep->change_count);
  *sweep = (wb_sweep){0};
}
