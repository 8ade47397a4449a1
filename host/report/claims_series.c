/* claims_series.c: values over seeds, see claims_checks.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims_checks.h"
#include "files.h"
#include "heap.h"
#include "json.h"

double wb_series_average(const wb_series *a) {
  double sum = 0;
  for (size_t i = 0; i < a->n; i++) sum += a->values[i];
  return a->n ? sum / (double)a->n : NAN;
}

static void append(wb_series *s, double value, const char *seed) {
  if (s->n == WB_SERIES_SEEDS || !isfinite(value)) return;
  s->values[s->n] = value;
  s->seeds[s->n++] = seed;
}

/* "ce, rho 0.2, without dropout" */
static void describe(char *out, size_t size, const wb_checks *c, const wb_report_query *q) {
  const bool control = q->strength && !strcmp(q->strength, "0");
  int used = snprintf(out, size, "%s", q->objective ? q->objective : "");
  if (q->topo && !control && strcmp(c->factor, "lambda") == 0)
    used += snprintf(out + used, size - (size_t)used, "%s%s", used ? ", " : "", q->topo);
  if (q->strength)
    used += snprintf(out + used, size - (size_t)used, "%s%s %s", used ? ", " : "", c->factor, q->strength);
  if (q->dropout == 0) snprintf(out + used, size - (size_t)used, "%swithout dropout", used ? ", " : "");
}

/* A seed twice means that more varies than claims are about. */
static bool seeds_repeat(const wb_series *s) {
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < i; k++)
      if (!strcmp(s->seeds[i], s->seeds[k])) return true;
  return false;
}

/* Whether the plugin has a result at all; says so where not. */
static bool measured(wb_checks *c, const wb_measure *m) {
  if (wb_report_find(c->report, m->plugin)) return true;
  wb_checks_lack(c, "no result of %s", m->plugin);
  return false;
}

/* The series where it is of use; else an empty one, having said why. */
static wb_series enough(wb_checks *c, const wb_measure *m, const wb_report_query *where, const wb_series *s) {
  char what[256];
  describe(what, sizeof what, c, where);
  const bool repeat = seeds_repeat(s);
  if (repeat)
    wb_checks_lack(c, "several runs of one seed (%s): more varies than the claim is about", what);
  else if (s->n < WB_CLAIM_LEAST_SEEDS)
    wb_checks_lack(c, "%s: %zu of %d runs with a value of %s", what, s->n, WB_CLAIM_LEAST_SEEDS, m->plugin);
  else
    return *s;
  return (wb_series){0};
}

wb_series wb_series_look(const wb_checks *c, const wb_measure *m, wb_report_query where) {
  wb_series s = {0};
  wb_report_values found = wb_report_collect(c->report, m->plugin, m->output, m->at, &where);
  for (size_t i = 0; i < found.count; i++) append(&s, found.values[i], found.seeds[i]);
  wb_report_values_free(&found);
  return s;
}

wb_series wb_series_of(wb_checks *c, const wb_measure *m, wb_report_query where) {
  if (!measured(c, m)) return (wb_series){0};
  const wb_series s = wb_series_look(c, m, where);
  return enough(c, m, &where, &s);
}

/* The value of b for a seed; NAN where there is none. */
static double find(const wb_series *b, const char *seed) {
  for (size_t i = 0; i < b->n; i++)
    if (!strcmp(b->seeds[i], seed)) return b->values[i];
  return NAN;
}

wb_series wb_series_minus(const wb_series *a, const wb_series *b) {
  wb_series s = {0};
  for (size_t i = 0; i < a->n; i++) append(&s, a->values[i] - find(b, a->seeds[i]), a->seeds[i]);
  return s;
}

wb_series wb_series_over(const wb_series *a, const wb_series *b) {
  wb_series s = {0};
  for (size_t i = 0; i < a->n; i++) append(&s, a->values[i] / find(b, a->seeds[i]), a->seeds[i]);
  return s;
}

wb_series wb_series_mean(wb_checks *c, const wb_measure *m, wb_report_query where) {
  char **strengths;
  const size_t count = wb_checks_strengths(c, &strengths);
  wb_series sum = {0};
  bool whole = count > 0;
  for (size_t k = 0; k < count; k++) {
    where.strength = strengths[k];
    const wb_series s = wb_series_of(c, m, where);
    whole = whole && s.n > 0;
    wb_series next = {0};
    for (size_t i = 0; i < s.n; i++)
      append(&next, s.values[i] / (double)count + (k ? find(&sum, s.seeds[i]) : 0), s.seeds[i]);
    sum = next;
  }
  wb_free_texts(strengths, count);
  where.strength = NULL;
  return whole ? enough(c, m, &where, &sum) : (wb_series){0};
}

/* Mean over pairs of seeds; `without` (n for none) is left out. */
static double mean_of_pairs(const json_t *rows, size_t n, size_t without) {
  double sum = 0;
  size_t pairs = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t k = i + 1; k < n; k++) {
      if (i == without || k == without) continue;
      const json_t *value = json_array_get(json_array_get(rows, i), k);
      sum += json_is_number(value) ? json_number_value(value) : NAN;
      pairs++;
    }
  return sum / (double)pairs;
}

wb_series wb_series_of_pairs(wb_checks *c, const wb_measure *m, wb_report_query where) {
  if (!measured(c, m)) return (wb_series){0};
  const json_t *conditions = json_object_get(wb_report_find(c->report, m->plugin)->summary, "conditions");
  wb_series s = {0};
  for (size_t i = 0; i < json_array_size(conditions); i++) {
    const json_t *condition = json_array_get(conditions, i);
    if (!wb_report_fits(json_object_get(condition, "factors"), &where)) continue;
    const json_t *matrix = json_object_get(json_object_get(condition, "values"), m->output);
    const json_t *rows = json_object_get(matrix, "data"), *labels = json_object_get(matrix, "row_labels");
    const size_t n = json_array_size(rows);
    const double all = mean_of_pairs(rows, n, n);
    for (size_t k = 0; k < n && n >= WB_CLAIM_LEAST_SEEDS; k++) {
      const char *seed = json_string_value(json_array_get(labels, k));
      append(&s, (double)n * all - (double)(n - 1) * mean_of_pairs(rows, n, k), seed ? seed : "");
    }
  }
  return enough(c, m, &where, &s);
}
