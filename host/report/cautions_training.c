/* cautions_training.c: see cautions_training.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "cautions_training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "json.h"
#include "lines.h"

static const double LATE = 0.1; // share of the epochs that counts as the end of a training

static json_t *run_of(const json_t *summary, const wb_line *line, size_t i, size_t k) {
  const json_t *condition = json_array_get(json_object_get(summary, "conditions"), line->conditions[i]);
  const size_t run = (size_t)json_integer_value(json_array_get(json_object_get(condition, "runs"), k));
  return json_array_get(json_object_get(summary, "runs"), run);
}

static size_t runs_in(const json_t *summary, const wb_line *line, size_t i) {
  return json_array_size(
      json_object_get(json_array_get(json_object_get(summary, "conditions"), line->conditions[i]), "runs"));
}

/* How a run was trained: {name: text}; NULL where that is not known. */
static json_t *parameters_of(const json_t *summary, const json_t *run) {
  const json_t *training = json_object_get(run, "training");
  if (!json_is_integer(training)) return NULL;
  const json_t *trainings = json_object_get(summary, "trainings");
  return json_object_get(json_array_get(trainings, (size_t)json_integer_value(training)), "parameters");
}

/* What it is set to means nothing in a control, and elsewhere it is a factor. */
static bool is_strength(const char *parameter) {
  return !strcmp(parameter, "rho") || !strcmp(parameter, "lambda");
}

/* Notes the values of each parameter that the runs of conditions `from` to `to` were trained with. */
static json_t *collect_values(const json_t *summary, const wb_line *line, size_t from, size_t to) {
  json_t *values = wb_must(json_object()), *value;
  const char *name;
  for (size_t i = from; i < to; i++)
    for (size_t k = 0; k < runs_in(summary, line, i); k++) {
      json_t *parameters = parameters_of(summary, run_of(summary, line, i, k));
      json_object_foreach(parameters, name, value) {
        if (is_strength(name) || !json_is_string(value)) continue;
        if (!json_object_get(values, name)) wb_json_set(values, name, wb_must(json_object()));
        wb_json_set(json_object_get(values, name), json_string_value(value), json_true()); // a set
      }
    }
  return values;
}

/* "epochs 5, 10 and 20; batch 32 and 64": the parameters of which there are several values; NULL: none. */
static char *name_mixed(json_t *values) {
  char *text = NULL;
  const char *name, *value;
  json_t *set, *unused;
  json_object_foreach(values, name, set) {
    if (json_object_size(set) < 2) continue;
    char *before = text ? wb_format("%s; %s", text, name) : wb_copy(name);
    free(text);
    text = before;
    const char *separator = " ";
    size_t left = json_object_size(set);
    json_object_foreach(set, value, unused) {
      char *longer = wb_format("%s%s%s", text, separator, *value ? value : "unset");
      free(text);
      text = longer;
      separator = --left > 1 ? ", " : " and ";
    }
  }
  return text;
}

static void warn_of_mix(json_t *list, const wb_line *line, size_t condition, const char *mixed) {
  bool *marked = wb_new(bool, line->count);
  marked[condition] = true;
  char *where = wb_line_text(line, marked);
  wb_caution_add(list, "One condition mixes runs that were trained differently (%s): %s.", where, mixed);
  free(where);
  free(marked);
}

/* Runs that count as equals although they were trained otherwise: within a condition, else along a line. */
static void check_mixes(json_t *list, const json_t *summary, const wb_line *line) {
  bool within = false;
  for (size_t i = 0; i <= line->count && !(i == line->count && within); i++) {
    const bool all = i == line->count;
    json_t *values = collect_values(summary, line, all ? 0 : i, all ? line->count : i + 1);
    char *mixed = name_mixed(values);
    if (mixed && all)
      wb_caution_add(
          list,
          "Conditions%s%s differ in more than the strength of topography: %s. What looks like its effect "
          "may be theirs.",
          *line->label ? " of " : "", line->label, mixed);
    else if (mixed)
      warn_of_mix(list, line, i, mixed);
    within = within || mixed;
    free(mixed);
    json_decref(values);
  }
}

/* The epoch, counting from 1, that early stopping takes for the best: of the highest validation accuracy, or,
 * of objectives without a classifier, of the least validation loss. 0: nothing was validated. */
static size_t best_epoch(const json_t *run) {
  const json_t *values = json_object_get(run, "values");
  const json_t *accuracy = json_object_get(json_object_get(values, "val-accuracy"), "y");
  const json_t *loss = json_object_get(json_object_get(values, "val-loss"), "y");
  const json_t *curve = json_array_size(accuracy) ? accuracy : loss, *value;
  const double sign = curve == accuracy ? 1 : -1;
  double best = -INFINITY;
  size_t at = 0, e;
  json_array_foreach(curve, e, value) {
    if (!json_is_number(value) || !(sign * json_number_value(value) > best)) continue;
    best = sign * json_number_value(value);
    at = e + 1;
  }
  return at;
}

typedef enum training_end { ENDED_WELL, STILL_IMPROVING, NEVER_STOPPED } training_end;

static training_end end_of(const json_t *summary, const json_t *run) {
  const double epochs = wb_json_number(json_object_get(run, "values"), "epochs", 0);
  const double since = epochs - (double)best_epoch(run);
  const char *text = wb_json_text(parameters_of(summary, run), "patience");
  const double patience = text ? strtod(text, NULL) : 0;
  if (epochs < 2 || since >= epochs || (patience > 0 && since >= patience)) return ENDED_WELL;
  if (since < fmax(1, LATE * epochs)) return STILL_IMPROVING;
  return patience > 0 ? NEVER_STOPPED : ENDED_WELL;
}

/* How many runs of each line ended so, "ce 3 of 12, supcon 1 of 12"; NULL: none. */
static char *count_ends(const json_t *summary, const wb_line *lines, size_t line_count, training_end end) {
  char *text = NULL;
  for (size_t l = 0; l < line_count; l++) {
    size_t found = 0, runs = 0;
    for (size_t i = 0; i < lines[l].count; i++)
      for (size_t k = 0; k < runs_in(summary, &lines[l], i); k++, runs++)
        found += end_of(summary, run_of(summary, &lines[l], i, k)) == end;
    if (!found) continue;
    char *longer = wb_format("%s%s%s%s%zu of %zu runs", text ? text : "", text ? "; " : "", lines[l].label,
                             *lines[l].label ? ": " : "", found, runs);
    free(text);
    text = longer;
  }
  return text;
}

static void check_ends(json_t *list, const json_t *summary, const wb_line *lines, size_t count) {
  char *improving = count_ends(summary, lines, count, STILL_IMPROVING);
  char *running = count_ends(summary, lines, count, NEVER_STOPPED);
  if (improving)
    wb_caution_add(list,
                   "Training ended at its limit while validation still improved (%s): more epochs may change "
                   "the results.",
                   improving);
  if (running)
    wb_caution_add(list, "Training ended at its limit before early stopping could end it (%s).", running);
  free(improving);
  free(running);
}

void wb_cautions_of_trainings(json_t *list, const wb_report *report) {
  const wb_report_result *widest = wb_report_widest(report),
                         *curves = wb_report_find(report, "training-curves");
  wb_line *lines;
  size_t count = widest ? wb_lines_make(widest->summary, &lines) : 0;
  for (size_t l = 0; l < count; l++) check_mixes(list, widest->summary, &lines[l]);
  if (widest) wb_lines_free(lines, count);
  count = curves ? wb_lines_make(curves->summary, &lines) : 0;
  if (curves) check_ends(list, curves->summary, lines, count);
  if (curves) wb_lines_free(lines, count);
}
