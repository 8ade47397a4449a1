/* doubts.c: see doubts.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "doubts.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "say.h"
#include "trainings.h"

/* "epochs (5 and 12)": the first parameter in which two runs differ; NULL where there is none. malloc'ed. */
static char *first_difference(const wb_study *study, size_t a, size_t b) {
  json_t *differences = wb_trainings_difference(study, a, b);
  void *first = json_object_iter(differences);
  const json_t *values = first ? json_object_iter_value(first) : NULL;
  char *text = first ? wb_format("%s (%s and %s)", json_object_iter_key(first),
                                 json_string_value(json_array_get(values, 0)),
                                 json_string_value(json_array_get(values, 1)))
                     : NULL;
  json_decref(differences);
  return text;
}

static bool same_seed(const wb_run *a, const wb_run *b) {
  const char *x = wb_factor_get(a->factors, a->factor_count, "seed");
  const char *y = wb_factor_get(b->factors, b->factor_count, "seed");
  return x && y && !strcmp(x, y);
}

/* What is doubtful about one condition, as a sentence; NULL where nothing is. malloc'ed. */
static char *doubt(const wb_study *study, const wb_condition *condition) {
  for (size_t k = 1; k < condition->run_count; k++) {
    const wb_run *first = &study->runs[condition->runs[0]], *before = &study->runs[condition->runs[k - 1]];
    const wb_run *run = &study->runs[condition->runs[k]];
    char *difference = first_difference(study, condition->runs[0], condition->runs[k]), *text = NULL;
    if (difference)
      text = wb_format("%s and %s differ in %s and count as seeds of one condition all the same", first->path,
                       run->path, difference);
    else if (same_seed(before, run))
      text =
          wb_format("%s and %s agree in every factor, the seed too, and count as two seeds of one condition",
                    before->path, run->path);
    free(difference);
    if (text) return text;
  }
  return NULL;
}

void wb_doubts_report(const wb_study *study) {
  char *first = NULL;
  size_t more = 0;
  for (size_t c = 0; c < study->condition_count; c++) {
    char *text = doubt(study, &study->conditions[c]);
    more += text && first;
    if (first)
      free(text);
    else
      first = text;
  }
  if (first && more)
    wb_say_warning("%s; %zu more conditions are like that", first, more);
  else if (first)
    wb_say_warning("%s", first);
  free(first);
}
