/* contrasts.c: see contrasts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "contrasts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grouping.h"
#include "heap.h"

/* The scalar of each run of a condition (or of the condition itself), NaN where missing, and the seeds. */
typedef struct sample {
  size_t n;
  double *values;
  const char **seeds; // an entry may be NULL
} sample;

static void free_sample(sample *s) {
  free(s->values);
  free(s->seeds);
}

static double scalar(const wb_values *values, const char *name) {
  const wb_value *value = wb_values_find(values, name);
  return value && !value->missing ? value->data[0] : NAN;
}

static sample take(const wb_study *study, const wb_condition *c, const char *name) {
  const bool per_run = study->spec->scope == WB_PER_RUN;
  sample s = {.n = per_run ? c->run_count : 1};
  s.values = wb_new(double, s.n);
  s.seeds = wb_new(const char *, s.n);
  for (size_t i = 0; i < s.n; i++) {
    const wb_run *run = per_run ? &study->runs[c->runs[i]] : NULL;
    s.values[i] = scalar(run ? &run->values : &c->values, name);
    s.seeds[i] = run ? wb_factor_get(run->factors, run->factor_count, "seed") : NULL;
  }
  return s;
}

/* The values of `other` in the order of the seeds of `s`; false unless every seed of `s` occurs once. */
static bool match(double *matched, const sample *s, const sample *other) {
  for (size_t i = 0; i < s->n; i++) {
    size_t found = 0;
    for (size_t k = 0; k < other->n; k++) {
      if (!s->seeds[i] || !other->seeds[k] || strcmp(s->seeds[i], other->seeds[k]) != 0) continue;
      matched[i] = other->values[k];
      found++;
    }
    if (found != 1) return false;
  }
  return true;
}

static wb_contrast compare(const sample *a, const sample *b, double *matched) {
  if (a->n <= b->n && match(matched, a, b)) return wb_contrast_paired(a->values, matched, a->n);
  if (b->n <= a->n && match(matched, b, a)) return wb_contrast_paired(matched, b->values, b->n);
  return wb_contrast_welch(a->values, a->n, b->values, b->n);
}

/* Appends the contrast if both conditions have the output. */
static void add(const wb_study *study, const wb_output *output, uint32_t condition, uint32_t baseline,
                wb_study_contrast *list, size_t *count) {
  sample a = take(study, &study->conditions[condition], output->name);
  sample b = take(study, &study->conditions[baseline], output->name);
  double *matched = wb_new(double, a.n + b.n);
  const wb_contrast test = compare(&a, &b, matched);
  if (!isnan(test.difference))
    list[(*count)++] = (wb_study_contrast){output, condition, baseline, test, test.p};
  free(matched);
  free_sample(&a);
  free_sample(&b);
}

static void correct(wb_study_contrast *list, size_t count) {
  double *p = wb_new(double, count);
  for (size_t i = 0; i < count; i++) p[i] = list[i].test.p;
  if (!wb_holm(p, p, count)) wb_must(NULL);
  for (size_t i = 0; i < count; i++) list[i].p_holm = p[i];
  free(p);
}

wb_study_contrast *wb_study_contrasts(const wb_study *study, size_t *count) {
  const wb_spec *spec = study->spec;
  wb_study_contrast *list = wb_new(wb_study_contrast, spec->output_count * study->condition_count);
  *count = 0;
  for (size_t o = 0; o < spec->output_count && spec->scope != WB_PER_STUDY; o++) {
    const size_t first = *count;
    for (uint32_t c = 0; c < study->condition_count; c++) {
      const int32_t baseline = wb_condition_baseline(study, &study->conditions[c]);
      if (spec->outputs[o].shape == WB_SCALAR && baseline >= 0)
        add(study, &spec->outputs[o], c, (uint32_t)baseline, list, count);
    }
    correct(list + first, *count - first);
  }
  return list;
}
