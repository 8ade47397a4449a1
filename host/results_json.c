/* results_json.c: summary.json, schema workbench.result/1. See results_internal.h.
 *
 * Numbers that are not finite are null. What has more than MOST numbers is named by its place in result.h5.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contrasts.h"
#include "heap.h"
#include "json.h"
#include "results_internal.h"

enum { MOST = 1000 };

static json_t *numbers(const double *values, size_t count) {
  json_t *list = wb_json("[]");
  for (size_t i = 0; i < count; i++) wb_json_append(list, wb_json_real(values[i]));
  return list;
}

static json_t *labels(char *const *texts, size_t count) {
  json_t *list = wb_json("[]");
  for (size_t i = 0; i < count; i++) wb_json_append(list, wb_json_string(texts[i]));
  return list;
}

static json_t *matrix(const wb_value *v) {
  json_t *rows = wb_json("[]");
  for (size_t r = 0; r < v->rows; r++) wb_json_append(rows, numbers(v->data + r * v->cols, v->cols));
  return rows;
}

/* One value; `group` is where result.h5 has it. */
static json_t *value_json(const wb_value *v, const char *group, size_t index) {
  if (v->missing) return wb_json("{s:o}", "missing", wb_json_string(v->missing));
  if (v->shape == WB_SCALAR) return wb_json_real(v->data[0]);
  json_t *out = wb_json("{s:I}", v->shape == WB_HISTOGRAM ? "bins" : "rows", (json_int_t)v->rows);
  if (v->shape == WB_MATRIX) wb_json_set(out, "columns", wb_json("I", (json_int_t)v->cols));
  if (v->shape == WB_MATRIX && v->row_labels) wb_json_set(out, "row_labels", labels(v->row_labels, v->rows));
  if (v->shape == WB_MATRIX && v->col_labels)
    wb_json_set(out, "column_labels", labels(v->col_labels, v->cols));
  if (v->rows * v->cols > MOST) {
    char *place = index == SIZE_MAX ? wb_format("%s/%s", group, v->name)
                                    : wb_format("%s/%zu/%s", group, index, v->name);
    wb_json_set(out, "object", wb_json_string(place));
    free(place);
    return out;
  }
  switch (v->shape) {
  case WB_CURVE:
    wb_json_set(out, "x", numbers(v->x, v->rows));
    wb_json_set(out, "y", numbers(v->data, v->rows));
    break;
  case WB_HISTOGRAM:
    wb_json_set(out, "edges", numbers(v->x, v->rows + 1));
    wb_json_set(out, "counts", numbers(v->data, v->rows));
    break;
  default:
    wb_json_set(out, v->shape == WB_MATRIX ? "data" : "points", matrix(v));
  }
  return out;
}

static json_t *values_json(const wb_values *values, const char *group, size_t index) {
  json_t *out = wb_json("{}");
  for (size_t i = 0; i < values->count; i++)
    wb_json_set(out, values->items[i].name, value_json(&values->items[i], group, index));
  return out;
}

static json_t *factors_json(const wb_factor *factors, size_t count) {
  json_t *out = wb_json("{}");
  for (size_t i = 0; i < count; i++) {
    json_t *name = wb_json_string(factors[i].name); // a key must be UTF-8
    wb_json_set(out, json_string_value(name), wb_json_string(factors[i].value));
    json_decref(name);
  }
  return out;
}

/* ---- Conditions ---- */

typedef double (*part_of)(const wb_summary *);

static double get_mean(const wb_summary *s) {
  return s->mean;
}
static double get_sd(const wb_summary *s) {
  return s->sd;
}
static double get_sem(const wb_summary *s) {
  return s->sem;
}
static double get_low(const wb_summary *s) {
  return s->low;
}
static double get_high(const wb_summary *s) {
  return s->high;
}

static const struct {
  const char *name;
  part_of get;
} parts[] = {{"mean", get_mean}, {"sd", get_sd}, {"sem", get_sem}, {"low", get_low}, {"high", get_high}};
enum { PARTS = sizeof parts / sizeof *parts };

static bool same_shape(const wb_value *a, const wb_value *b) {
  size_t data = 0, x = 0;
  if (a->rows != b->rows || a->cols != b->cols || wb_value_sizes(a, &data, &x, NULL) != WB_OK) return false;
  return !x || memcmp(a->x, b->x, x * sizeof *a->x) == 0;
}

/* n, mean, sd, .. over runs: numbers for a scalar, lists for a small array of equal shape in all runs. */
static json_t *summary_json(const wb_value *const *values, size_t n, uint32_t shape) {
  size_t size = 0, x = 0;
  json_t *out = wb_json("{s:I}", "n", (json_int_t)n);
  if (!n || shape == WB_POINTS || wb_value_sizes(values[0], &size, &x, NULL) != WB_OK || size > MOST)
    return out;
  const double **arrays = wb_new(const double *, n);
  bool equal = true;
  for (size_t i = 0; i < n; i++) {
    equal = equal && same_shape(values[0], values[i]);
    arrays[i] = values[i]->data;
  }
  wb_summary *s = wb_new(wb_summary, size);
  double *list = wb_new(double, size);
  if (equal) wb_summarize_arrays(s, arrays, n, size);
  for (size_t p = 0; p < PARTS && equal; p++) {
    for (size_t e = 0; e < size; e++) list[e] = parts[p].get(&s[e]);
    wb_json_set(out, parts[p].name, shape == WB_SCALAR ? wb_json_real(list[0]) : numbers(list, size));
  }
  if (shape == WB_SCALAR) wb_json_set(out, "n", wb_json("I", (json_int_t)s[0].n));
  free(list);
  free(s);
  free(arrays);
  return out;
}

static json_t *condition_json(const wb_study *study, size_t index) {
  const wb_condition *c = &study->conditions[index];
  json_t *out = wb_json("{s:o, s:I, s:[]}", "factors", factors_json(c->factors, c->factor_count), "n",
                        (json_int_t)c->run_count, "runs");
  for (size_t i = 0; i < c->run_count; i++)
    wb_json_append(json_object_get(out, "runs"), wb_json("I", (json_int_t)c->runs[i]));
  if (study->spec->scope == WB_PER_GROUP)
    wb_json_set(out, "values", values_json(&c->values, "/conditions", index));
  if (study->spec->scope != WB_PER_RUN) return out;
  json_t *all = wb_json("{}");
  const wb_value **values = wb_new(const wb_value *, study->run_count);
  for (size_t o = 0; o < study->spec->output_count; o++) {
    const wb_output *output = &study->spec->outputs[o];
    const size_t n = wb_study_values(study, (int32_t)index, output->name, values, NULL);
    wb_json_set(all, output->name, summary_json(values, n, output->shape));
  }
  free(values);
  wb_json_set(out, "values", all);
  return out;
}

static json_t *contrasts_json(const wb_study *study) {
  size_t count = 0;
  wb_study_contrast *list = wb_study_contrasts(study, &count);
  json_t *out = wb_json("[]");
  for (size_t i = 0; i < count; i++) {
    const wb_contrast *t = &list[i].test;
    json_t *c = wb_json("{s:s, s:I, s:I, s:s, s:I, s:I}", "output", list[i].output->name, "condition",
                        (json_int_t)list[i].condition, "baseline", (json_int_t)list[i].baseline, "test",
                        t->paired ? "paired t" : "Welch t", "n", (json_int_t)t->n_a, "n_baseline",
                        (json_int_t)t->n_b);
    const struct {
      const char *name;
      double value;
    } fields[] = {{"difference", t->difference},
                  {"se", t->se},
                  {"low", t->low},
                  {"high", t->high},
                  {"t", t->t},
                  {"df", t->df},
                  {"p", t->p},
                  {"p_holm", list[i].p_holm}};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
      wb_json_set(c, fields[f].name, wb_json_real(fields[f].value));
    wb_json_append(out, c);
  }
  free(list);
  return out;
}

/* ---- The rest ---- */

static json_t *runs_json(const wb_study *study) {
  json_t *out = wb_json("[]");
  for (size_t i = 0; i < study->run_count; i++) {
    const wb_run *run = &study->runs[i];
    json_t *training = run->training == WB_NO_TRAINING ? json_null() : json_integer(run->training);
    json_t *r = wb_json("{s:o, s:o, s:o, s:I, s:o, s:b}", "file", wb_json_string(run->path), "digest",
                        wb_json_string(run->digest), "factors", factors_json(run->factors, run->factor_count),
                        "condition", (json_int_t)run->condition, "training", wb_must(training), "cached",
                        (int)run->cached);
    if (study->spec->scope == WB_PER_RUN) wb_json_set(r, "values", values_json(&run->values, "/runs", i));
    wb_json_append(out, r);
  }
  return out;
}

static json_t *outputs_json(const wb_study *study) {
  static const char *const shapes[] = {"", "scalar", "curve", "matrix", "points", "histogram"};
  json_t *out = wb_json("[]");
  for (size_t i = 0; i < study->spec->output_count; i++) {
    const wb_output *o = &study->spec->outputs[i];
    json_t *entry =
        wb_json("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", o->name, "shape", shapes[o->shape],
                "title", wb_json_string(o->title), "help", wb_json_string(o->help), "unit",
                wb_json_string(o->unit), "higher_means", wb_json_string(o->higher_means), "low",
                wb_json_real(o->low), "high", wb_json_real(o->high));
    char *table = wb_result_has_table(study, o) ? wb_format("%s.tsv", o->name) : NULL;
    wb_json_set(entry, "table", wb_json_string(table));
    free(table);
    wb_json_append(out, entry);
  }
  return out;
}

static json_t *figures_json(const wb_figure_entry *figures, size_t count) {
  json_t *out = wb_json("[]");
  for (size_t i = 0; i < count; i++)
    wb_json_append(out, wb_json("{s:s, s:s, s:o}", "name", figures[i].name, "output", figures[i].output,
                                "caption", wb_json_string(figures[i].caption)));
  return out;
}

static json_t *plugin_json(const wb_spec *spec) {
  static const char *const scopes[] = {"run", "condition", "study"};
  return wb_json("{s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "id", spec->id, "version", spec->version,
                 "title", wb_json_string(spec->title), "build", wb_json_string(spec->build), "kind",
                 wb_kind_name(spec->kind), "scope", scopes[spec->scope], "author",
                 wb_json_string(spec->author), "license", wb_json_string(spec->license), "reference",
                 wb_json_string(spec->reference));
}

static json_t *failed_json(const wb_study *study) {
  json_t *out = wb_json("[]");
  for (size_t i = 0; i < study->failure_count; i++)
    wb_json_append(out, wb_json("{s:o, s:o}", "file", wb_json_string(study->failed[i].path), "reason",
                                wb_json_string(study->failed[i].reason)));
  return out;
}

wb_status wb_result_write_json(const wb_study *study, const wb_figure_entry *figures, size_t figure_count,
                               const char *folder, wb_error *err) {
  char now[32];
  const time_t seconds = time(NULL);
  struct tm utc;
  strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
  json_t *out = wb_json("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "schema", WB_RESULT_SCHEMA, "workbench",
                        WORKBENCH_VERSION, "created", now, "command", wb_json_string(study->command),
                        "plugin", plugin_json(study->spec), "parameters",
                        factors_json(study->params, study->param_count), "outputs", outputs_json(study));
  wb_json_set(out, "trainings", study->trainings ? json_incref(study->trainings) : wb_json("[]"));
  wb_json_set(out, "runs", runs_json(study));
  json_t *conditions = wb_json("[]");
  for (size_t i = 0; i < study->condition_count; i++) wb_json_append(conditions, condition_json(study, i));
  wb_json_set(out, "conditions", conditions);
  if (study->spec->scope == WB_PER_STUDY)
    wb_json_set(out, "values", values_json(&study->values, "/study", SIZE_MAX));
  wb_json_set(out, "contrasts", contrasts_json(study));
  wb_json_set(out, "failed", failed_json(study));
  wb_json_set(out, "figures", figures_json(figures, figure_count));
  char *path = wb_format("%s/summary.json", folder);
  const bool saved = json_dump_file(out, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0;
  const wb_status status = saved ? WB_OK : wb_fail_errno(err, "cannot write %s", path);
  free(path);
  json_decref(out);
  return status;
}
