/* conditions.c: see conditions.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "conditions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

static const char *value(const wb_run *run, const char *name) {
  return wb_factor_get(run->factors, run->factor_count, name);
}

/* Numbers by size, then texts; absent ones first. */
static int compare_values(const char *a, const char *b) {
  if (!a || !b) return (a != NULL) - (b != NULL);
  char *end_a, *end_b;
  const double x = strtod(a, &end_a), y = strtod(b, &end_b);
  const bool number_a = end_a != a && !*end_a, number_b = end_b != b && !*end_b;
  if (number_a && number_b) return (x > y) - (x < y);
  if (number_a != number_b) return number_a ? -1 : 1;
  return strcmp(a, b);
}

static int compare_listed(const wb_run *a, const wb_run *b, const wb_run *names) {
  for (size_t f = 0; f < names->factor_count; f++) {
    const char *name = names->factors[f].name;
    if (!strcmp(name, "seed")) continue;
    const int order = compare_values(value(a, name), value(b, name));
    if (order) return order;
  }
  return 0;
}

/* 0 for runs of one condition: both lists of names are gone through, as each may have one that the other
 * lacks. */
static int compare_conditions(const wb_run *a, const wb_run *b) {
  static const char *const first[] = {"objective", "topo", "rho", "lambda"};
  for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
    const int order = compare_values(value(a, first[i]), value(b, first[i]));
    if (order) return order;
  }
  const int order = compare_listed(a, b, a);
  return order ? order : compare_listed(a, b, b);
}

static int compare_runs(const void *a, const void *b) {
  const wb_run *x = a, *y = b;
  int order = compare_conditions(x, y);
  if (!order) order = compare_values(value(x, "seed"), value(y, "seed"));
  return order ? order : strcmp(x->path, y->path);
}

static void free_conditions(wb_study *study) {
  for (size_t i = 0; i < study->condition_count; i++) {
    wb_condition *c = &study->conditions[i];
    for (size_t f = 0; f < c->factor_count; f++) {
      free(c->factors[f].name);
      free(c->factors[f].value);
    }
    free(c->factors);
    free(c->runs);
    wb_values_free(&c->values);
  }
  free(study->conditions);
  study->conditions = NULL;
  study->condition_count = 0;
}

static void begin_condition(wb_study *study, const wb_run *run) {
  wb_grow(study->conditions, study->condition_count);
  wb_condition *c = &study->conditions[study->condition_count++];
  *c = (wb_condition){.factors = wb_new(wb_factor, run->factor_count)};
  for (size_t f = 0; f < run->factor_count; f++) {
    if (!strcmp(run->factors[f].name, "seed")) continue;
    c->factors[c->factor_count++] =
        (wb_factor){wb_copy(run->factors[f].name), wb_copy(run->factors[f].value)};
  }
}

void wb_conditions_make(wb_study *study) {
  free_conditions(study);
  if (study->run_count) qsort(study->runs, study->run_count, sizeof *study->runs, compare_runs);
  for (size_t i = 0; i < study->run_count; i++) {
    wb_run *run = &study->runs[i];
    if (!i || compare_conditions(&study->runs[i - 1], run) != 0) begin_condition(study, run);
    wb_condition *c = &study->conditions[study->condition_count - 1];
    run->condition = (uint32_t)study->condition_count - 1;
    wb_grow(c->runs, c->run_count);
    c->runs[c->run_count++] = (uint32_t)i;
  }
}

static char *varied_text(const wb_study *study) {
  const char **names = NULL;
  size_t count = 0;
  wb_study_varied(study, &names, &count, NULL);
  char *text = wb_copy("");
  for (size_t i = 0; i < count; i++) {
    char *longer = wb_format("%s%s%s", text, i ? " x " : " (", names[i]);
    free(text);
    text = longer;
  }
  free(names);
  if (!*text) return text;
  char *closed = wb_format("%s)", text);
  free(text);
  return closed;
}

char *wb_conditions_text(const wb_study *study) {
  size_t least = study->run_count, most = 0;
  for (size_t i = 0; i < study->condition_count; i++) {
    const size_t n = study->conditions[i].run_count;
    least = n < least ? n : least;
    most = n > most ? n : most;
  }
  const char *plural_runs = study->run_count == 1 ? "" : "s",
             *plural = study->condition_count == 1 ? "" : "s";
  char *seeds = most <= 1       ? wb_copy("")
                : least == most ? wb_format(" of %zu seeds", most)
                                : wb_format(" of %zu to %zu seeds", least, most);
  char *varied = varied_text(study);
  char *text = wb_format("%zu run%s, %zu condition%s%s%s", study->run_count, plural_runs,
                         study->condition_count, plural, seeds, varied);
  free(seeds);
  free(varied);
  return text;
}

char *wb_condition_text(const wb_study *study, const wb_condition *condition) {
  const char **names = NULL;
  size_t count = 0;
  wb_study_varied(study, &names, &count, NULL);
  char *text = wb_copy("");
  for (size_t i = 0; i < count; i++) {
    const char *own = wb_factor_get(condition->factors, condition->factor_count, names[i]);
    if (!own) continue;
    const bool plain = !strcmp(names[i], "objective");
    char *longer =
        wb_format("%s%s%s%s%s", text, *text ? ", " : "", plain ? "" : names[i], plain ? "" : " ", own);
    free(text);
    text = longer;
  }
  free(names);
  if (*text) return text;
  free(text);
  return wb_copy("the only condition");
}
