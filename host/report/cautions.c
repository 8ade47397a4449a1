/* cautions.c: see cautions.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "cautions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cautions_training.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "lines.h"

static const double COLLAPSED = 0.2;   // of the weight norm without topography
static const double DEAD = 0.05;       // share of units
static const double NEAR_CHANCE = 1.5; // times chance
enum { ENOUGH_SEEDS = 3 };

void wb_caution_add(json_t *list, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char text[2048];
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  wb_json_append(list, wb_json_string(text));
}

/* "0.103", or "0.103 to 0.131" */
static char *name_range(double low, double high, int decimals) {
  return low < high ? wb_format("%.*f to %.*f", decimals, low, decimals, high)
                    : wb_format("%.*f", decimals, low);
}

typedef void (*check_line)(json_t *list, const wb_report_result *result, const wb_line *line);

static void each_line(json_t *list, const wb_report_result *result, check_line check) {
  if (!result) return;
  wb_line *lines;
  const size_t count = wb_lines_make(result->summary, &lines);
  for (size_t l = 0; l < count; l++) check(list, result, &lines[l]);
  wb_lines_free(lines, count);
}

/* Of a line, the conditions whose mean of an output is in [low..high): where they are, and what they span. */
typedef struct finding {
  char *where; // NULL: there is none
  double least, most;
} finding;

static finding find_within(const json_t *summary, const wb_line *line, const char *output, double low,
                           double high) {
  bool *marked = wb_new(bool, line->count);
  finding found = {NULL, INFINITY, -INFINITY};
  for (size_t i = 0; i < line->count; i++) {
    const double value = wb_line_number(summary, line->conditions[i], output, NAN).mean;
    marked[i] = value >= low && value < high;
    if (!marked[i]) continue;
    found.least = fmin(found.least, value);
    found.most = fmax(found.most, value);
  }
  if (found.least <= found.most) found.where = wb_line_text(line, marked);
  free(marked);
  return found;
}

static void check_norms(json_t *list, const wb_report_result *result, const wb_line *line) {
  const double base = wb_line_number(result->summary, line->conditions[0], "norm", NAN).mean;
  if (strcmp(line->strengths[0], "0") != 0 || !(base > 0)) return;
  const finding found = find_within(result->summary, line, "norm", 0, COLLAPSED * base);
  if (!found.where) return;
  char *shares = name_range(100 * found.least / base, 100 * found.most / base, 0);
  wb_caution_add(
      list,
      "The weights have collapsed (%s): their mean norm is %s%% of that without topography (%.2g). Part of "
      "the smoothness there is lack of weight.",
      found.where, shares, base);
  free(shares);
  free(found.where);
}

static void check_dead(json_t *list, const wb_report_result *result, const wb_line *line) {
  const finding found = find_within(result->summary, line, "dead", DEAD, INFINITY);
  if (!found.where) return;
  char *shares = name_range(100 * found.least, 100 * found.most, 0);
  wb_caution_add(list, "No stimulus excites %s%% of the units (%s).", shares, found.where);
  free(shares);
  free(found.where);
}

static size_t count_classes(const json_t *summary) {
  const json_t *runs = json_object_get(summary, "runs");
  const json_t *values = json_object_get(json_array_get(runs, 0), "values");
  return (size_t)wb_json_int(json_object_get(values, "per-class"), "rows");
}

static void check_chance(json_t *list, const wb_report_result *result, const wb_line *line) {
  const size_t classes = count_classes(result->summary);
  if (classes < 2) return;
  const double chance = 1 / (double)classes;
  const finding found = find_within(result->summary, line, "top1", 0, NEAR_CHANCE * chance);
  if (!found.where) return;
  char *accuracies = name_range(found.least, found.most, 3);
  wb_caution_add(list, "Accuracy is near chance (%s): %s, where chance is %.3f.", found.where, accuracies,
                 chance);
  free(accuracies);
  free(found.where);
}

/* ---- What there is of it ---- */

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
      wb_caution_add(list, "%s failed on %s: %s", wb_last_part(result->folder), file ? file : "a file",
                     reason ? reason : "no reason is given");
    }
    most = run_count(result) > most ? run_count(result) : most;
  }
  for (size_t r = 0; r < report->count; r++)
    if (run_count(&report->results[r]) < most)
      wb_caution_add(list, "%s rests on %zu runs, others on %zu.", wb_last_part(report->results[r].folder),
                     run_count(&report->results[r]), most);
}

static void check_seeds(json_t *list, const wb_report *report) {
  size_t few = 0, all = 0;
  const wb_report_result *widest = wb_report_widest(report);
  const json_t *conditions = widest ? json_object_get(widest->summary, "conditions") : NULL, *condition;
  json_array_foreach(conditions, all, condition) few += wb_json_int(condition, "n") < ENOUGH_SEEDS;
  if (few)
    wb_caution_add(
        list,
        "%zu of %zu conditions have fewer than %d seeds: their means say little, and no claim is judged by "
        "them.",
        few, all, ENOUGH_SEEDS);
}

json_t *wb_report_cautions(const wb_report *report, const json_t *skipped) {
  json_t *list = wb_must(json_array());
  if (skipped) json_array_extend(list, (json_t *)skipped);
  check_failures(list, report);
  each_line(list, wb_report_find(report, "weight-norm"), check_norms);
  each_line(list, wb_report_find(report, "activation-stats"), check_dead);
  each_line(list, wb_report_find(report, "accuracy"), check_chance);
  check_seeds(list, report);
  wb_cautions_of_trainings(list, report);
  return list;
}
