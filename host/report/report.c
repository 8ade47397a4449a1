/* report.c: see report.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"

/* The plugin's own figure, ID.svg, goes first. */
static void put_own_first(wb_report_result *result) {
  char *own = wb_format("%s/%s.svg", result->folder, result->id);
  for (size_t i = 1; i < result->figure_count; i++)
    if (!strcmp(result->figures[i], own)) {
      char *figure = result->figures[i];
      memmove(result->figures + 1, result->figures, i * sizeof *result->figures);
      result->figures[0] = figure;
    }
  free(own);
}

static void close_result(wb_report_result *result) {
  wb_free_texts(result->figures, result->figure_count);
  json_decref(result->summary);
  free(result->folder);
}

/* Why the folder's summary cannot be used; NULL where it can. */
static const char *open_result(const char *folder, wb_report_result *out) {
  char *path = wb_format("%s/summary.json", folder);
  *out = (wb_report_result){.folder = wb_copy(folder), .summary = wb_json_load(path)};
  free(path);
  const char *schema = wb_json_text(out->summary, "schema");
  out->id = wb_json_text(json_object_get(out->summary, "plugin"), "id");
  if (!out->summary) return "is not JSON";
  if (!schema || strcmp(schema, "workbench.result/1") || !out->id)
    return "is no summary of the schema workbench.result/1";
  out->figure_count = wb_list_folder(folder, ".svg", &out->figures);
  put_own_first(out);
  return NULL;
}

static bool has_summary(const char *folder) {
  char **files;
  const size_t count = wb_list_folder(folder, ".json", &files);
  bool found = false;
  for (size_t i = 0; i < count; i++) found = found || !strcmp(wb_last_part(files[i]), "summary.json");
  wb_free_texts(files, count);
  return found;
}

wb_status wb_report_open(const char *folder, wb_report *out, json_t **skipped, wb_error *err) {
  *out = (wb_report){.title = wb_copy("Topographic networks: a study")};
  *skipped = wb_must(json_array());
  char **folders;
  const size_t count = wb_list_folder(folder, NULL, &folders);
  for (size_t i = 0; i < count; i++) {
    if (!has_summary(folders[i])) continue;
    wb_report_result result;
    const char *why = open_result(folders[i], &result);
    if (why) {
      char *sentence = wb_format("%s/summary.json %s", folders[i], why);
      wb_json_append(*skipped, wb_json_string(sentence));
      free(sentence);
      close_result(&result);
      continue;
    }
    wb_grow(out->results, out->count);
    out->results[out->count++] = result;
  }
  wb_free_texts(folders, count);
  return out->count
             ? WB_OK
             : wb_fail(err, WB_INPUT,
                       "%s holds no results: a report is made of what workbench run METRIC --in runs/*.h5 "
                       "writes to results/METRIC",
                       folder);
}

void wb_report_close(wb_report *report) {
  for (size_t i = 0; i < report->count; i++) close_result(&report->results[i]);
  free(report->results);
  free(report->title);
  json_decref(report->changes);
  *report = (wb_report){0};
}

const wb_report_result *wb_report_find(const wb_report *report, const char *id) {
  const wb_report_result *found = NULL;
  for (size_t i = 0; i < report->count; i++) {
    if (strcmp(report->results[i].id, id)) continue;
    if (!strcmp(wb_last_part(report->results[i].folder), id)) return &report->results[i];
    if (!found) found = &report->results[i];
  }
  return found;
}

static size_t run_count(const wb_report_result *result) {
  return json_array_size(json_object_get(result->summary, "runs"));
}

const wb_report_result *wb_report_widest(const wb_report *report) {
  const wb_report_result *widest = NULL;
  for (size_t i = 0; i < report->count; i++)
    if (!widest || run_count(&report->results[i]) > run_count(widest)) widest = &report->results[i];
  return widest;
}

/* rho or lambda of a run; "0" without topography. */
const char *wb_report_strength(const json_t *factors) {
  const char *topo = wb_json_text(factors, "topo"), *rho = wb_json_text(factors, "rho");
  const char *lambda = wb_json_text(factors, "lambda");
  return topo && !strcmp(topo, "none") ? "0" : rho ? rho : lambda ? lambda : "0";
}

bool wb_report_fits(const json_t *factors, const wb_report_query *query) {
  const char *objective = wb_json_text(factors, "objective"), *topo = wb_json_text(factors, "topo");
  const char *dropout = wb_json_text(factors, "dropout");
  const bool control = !strcmp(wb_report_strength(factors), "0");
  if (query->objective && (!objective || strcmp(objective, query->objective))) return false;
  if (query->topo && !control && (!topo || strcmp(topo, query->topo))) return false;
  if (query->strength && strcmp(wb_report_strength(factors), query->strength)) return false;
  return query->dropout < 0 || !dropout || (strtod(dropout, NULL) > 0) == query->dropout;
}

/* A scalar, or a curve's value at x; NAN where it is missing. */
static double value_of(const json_t *value, double at) {
  if (json_is_number(value)) return json_number_value(value);
  const json_t *x = json_object_get(value, "x"), *y = json_object_get(value, "y");
  for (size_t i = 0; i < json_array_size(x); i++)
    if (fabs(json_number_value(json_array_get(x, i)) - at) <= 1e-9 * fmax(1, fabs(at)) &&
        json_is_number(json_array_get(y, i)))
      return json_number_value(json_array_get(y, i));
  return NAN;
}

wb_report_values wb_report_collect(const wb_report *report, const char *id, const char *output, double at,
                                   const wb_report_query *query) {
  wb_report_values found = {0};
  const wb_report_result *result = wb_report_find(report, id);
  const json_t *runs = result ? json_object_get(result->summary, "runs") : NULL, *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    const json_t *factors = json_object_get(run, "factors");
    const double value = value_of(json_object_get(json_object_get(run, "values"), output), at);
    if (isnan(value) || !wb_report_fits(factors, query)) continue;
    const char *seed = wb_json_text(factors, "seed");
    size_t count = found.count;
    wb_grow(found.values, count);
    wb_grow(found.seeds, count);
    found.values[found.count] = value;
    found.seeds[found.count++] = seed ? seed : "";
  }
  return found;
}

void wb_report_values_free(wb_report_values *values) {
  free(values->values);
  free(values->seeds);
  *values = (wb_report_values){0};
}

/* By value where both are numbers, by letters otherwise. */
static int compare_levels(const void *a, const void *b) {
  const char *x = *(char *const *)a, *y = *(char *const *)b;
  char *end_x, *end_y;
  const double u = strtod(x, &end_x), v = strtod(y, &end_y);
  if (*end_x || *end_y) return strcmp(x, y);
  return (u > v) - (u < v);
}

size_t wb_report_levels(const wb_report *report, const char *factor, char ***levels) {
  size_t count = 0;
  *levels = NULL;
  for (size_t r = 0; r < report->count; r++) {
    const json_t *runs = json_object_get(report->results[r].summary, "runs"), *run;
    size_t i;
    json_array_foreach(runs, i, run) {
      const json_t *factors = json_object_get(run, "factors");
      const char *level =
          !strcmp(factor, "strength") ? wb_report_strength(factors) : wb_json_text(factors, factor);
      bool known = !level;
      for (size_t k = 0; k < count && !known; k++) known = !strcmp((*levels)[k], level);
      if (known) continue;
      wb_grow(*levels, count);
      (*levels)[count++] = wb_copy(level);
    }
  }
  if (count) qsort(*levels, count, sizeof **levels, compare_levels);
  return count;
}
