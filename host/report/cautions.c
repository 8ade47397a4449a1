/* cautions.c: see cautions.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "cautions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "lines.h"

static const double COLLAPSED = 0.2;   // of the weight norm without topography
static const double DEAD = 0.05;       // share of units
static const double NEAR_CHANCE = 1.5; // times chance
enum { ENOUGH_SEEDS = 3 };

__attribute__((format(printf, 2, 3))) static void warn(json_t *list, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char text[2048];
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  wb_json_append(list, wb_json_string(text));
}

/* "ce at rho 0.2" */
static char *name_condition(const wb_line *line, size_t i) {
  if (!line->strength_name) return wb_copy(*line->label ? line->label : "the only condition");
  return wb_format("%s%sat %s %s", line->label, *line->label ? " " : "", line->strength_name,
                   line->strengths[i]);
}

typedef void (*check_line)(json_t *list, const wb_report_result *result, const wb_line *line);

static void each_line(json_t *list, const wb_report *report, const char *id, check_line check) {
  const wb_report_result *result = wb_report_find(report, id);
  if (!result) return;
  wb_line *lines;
  const size_t count = wb_lines_make(result->summary, &lines);
  for (size_t l = 0; l < count; l++) check(list, result, &lines[l]);
  wb_lines_free(lines, count);
}

static void check_norms(json_t *list, const wb_report_result *result, const wb_line *line) {
  const double base = wb_line_number(result->summary, line->conditions[0], "norm", NAN).mean;
  if (strcmp(line->strengths[0], "0") != 0 || !(base > 0)) return;
  for (size_t i = 1; i < line->count; i++) {
    const double norm = wb_line_number(result->summary, line->conditions[i], "norm", NAN).mean;
    if (!(norm < COLLAPSED * base)) continue;
    char *where = name_condition(line, i);
    warn(list,
         "The weights have collapsed (%s): their mean norm is %.2g, %.0f%% of that without topography "
         "(%.2g). Part of the smoothness there is lack of weight.",
         where, norm, 100 * norm / base, base);
    free(where);
  }
}

static void check_dead(json_t *list, const wb_report_result *result, const wb_line *line) {
  for (size_t i = 0; i < line->count; i++) {
    const double dead = wb_line_number(result->summary, line->conditions[i], "dead", NAN).mean;
    if (!(dead >= DEAD)) continue;
    char *where = name_condition(line, i);
    warn(list, "No stimulus excites %.0f%% of the units (%s).", 100 * dead, where);
    free(where);
  }
}

static size_t count_classes(const json_t *summary) {
  const json_t *runs = json_object_get(summary, "runs");
  const json_t *values = json_object_get(json_array_get(runs, 0), "values");
  return (size_t)wb_json_int(json_object_get(values, "per-class"), "rows");
}

static void check_chance(json_t *list, const wb_report_result *result, const wb_line *line) {
  const size_t classes = count_classes(result->summary);
  for (size_t i = 0; i < line->count && classes > 1; i++) {
    const double accuracy = wb_line_number(result->summary, line->conditions[i], "top1", NAN).mean;
    if (!(accuracy < NEAR_CHANCE / (double)classes)) continue;
    char *where = name_condition(line, i);
    warn(list, "Accuracy is near chance (%s): %.3f, where chance is %.3f.", where, accuracy,
         1 / (double)classes);
    free(where);
  }
}

static size_t run_count(const wb_report_result *result) {
  return json_array_size(json_object_get(result->summary, "runs"));
}

static void check_failures(json_t *list, const wb_report *report) {
  size_t most = 0;
  for (size_t r = 0; r < report->count; r++) {
    const wb_report_result *result = &report->results[r];
    const json_t *failed = json_object_get(result->summary, "failed"), *item;
    size_t i;
    json_array_foreach(failed, i, item) {
      const char *file = wb_json_text(item, "file"), *reason = wb_json_text(item, "reason");
      warn(list, "%s failed on %s: %s", wb_last_part(result->folder), file ? file : "a file",
           reason ? reason : "no reason is given");
    }
    most = run_count(result) > most ? run_count(result) : most;
  }
  for (size_t r = 0; r < report->count; r++)
    if (run_count(&report->results[r]) < most)
      warn(list, "%s rests on %zu runs, others on %zu.", wb_last_part(report->results[r].folder),
           run_count(&report->results[r]), most);
}

static void check_seeds(json_t *list, const wb_report *report) {
  size_t few = 0, all = 0;
  const wb_report_result *widest = NULL;
  for (size_t r = 0; r < report->count; r++)
    if (!widest || run_count(&report->results[r]) > run_count(widest)) widest = &report->results[r];
  const json_t *conditions = widest ? json_object_get(widest->summary, "conditions") : NULL, *condition;
  json_array_foreach(conditions, all, condition) few += wb_json_int(condition, "n") < ENOUGH_SEEDS;
  if (few)
    warn(list,
         "%zu of %zu conditions have fewer than %d seeds: their means say little, and no claim is judged by "
         "them.",
         few, all, ENOUGH_SEEDS);
}

json_t *wb_report_cautions(const wb_report *report, const json_t *skipped) {
  json_t *list = wb_must(json_array());
  if (skipped) json_array_extend(list, (json_t *)skipped);
  check_failures(list, report);
  each_line(list, report, "weight-norm", check_norms);
  each_line(list, report, "activation-stats", check_dead);
  each_line(list, report, "accuracy", check_chance);
  check_seeds(list, report);
  return list;
}
