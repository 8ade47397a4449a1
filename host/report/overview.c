/* overview.c: see overview.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"

/* "a, b and c"; NULL for none; malloc'ed. */
static char *join(char *const *items, size_t count) {
  if (!count) return NULL;
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  for (size_t i = 0; i < count; i++) fprintf(out, "%s%s", !i ? "" : i + 1 < count ? ", " : " and ", items[i]);
  fclose(out);
  return text;
}

static char *levels_text(const wb_report *report, const char *factor, size_t *count) {
  char **levels;
  *count = wb_report_levels(report, factor, &levels);
  char *text = join(levels, *count);
  wb_free_texts(levels, *count);
  return text;
}

static const struct {
  const char *factor, *one, *many; // headings
} facts[] = {{"data", "data set", "data sets"},
             {"arch", "architecture", "architectures"},
             {"width", "width", "widths"},
             {"units", "units", "units"},
             {"objective", "objective", "objectives"},
             {"topo", "topographic loss", "topographic losses"},
             {"rho", "strength rho", "strengths rho"},
             {"lambda", "strength lambda", "strengths lambda"},
             {"dropout", "dropout", "dropout"},
             {"seed", "seed", "seeds"}};
enum { FACTS = sizeof facts / sizeof *facts };

static void put_fact(json_t *list, const char *name, const char *value) {
  wb_json_append(list, wb_json("[so]", name, wb_json_string(value)));
}

static void put_count(json_t *list, const char *name, size_t count) {
  char text[24];
  snprintf(text, sizeof text, "%zu", count);
  put_fact(list, name, text);
}

/* "14 networks (shallowcnn), trained on cifar10 with ce and supcon, measured by 12 analyses." */
static char *write_sentence(const wb_report *report, size_t runs, size_t conditions) {
  char *text = NULL;
  size_t size = 0, count;
  FILE *out = wb_must(open_memstream(&text, &size));
  char *arch = levels_text(report, "arch", &count), *data = levels_text(report, "data", &count);
  char *objectives = levels_text(report, "objective", &count);
  fprintf(out, "%zu %s", runs, runs == 1 ? "model" : "models");
  if (arch) fprintf(out, " (%s)", arch);
  if (objectives) fprintf(out, ", trained with %s", objectives);
  if (data) fprintf(out, "%s on %s", objectives ? "" : ",", data);
  fprintf(out, ", in %zu %s, measured by %zu %s.", conditions, conditions == 1 ? "condition" : "conditions",
          report->count, report->count == 1 ? "analysis" : "analyses");
  fclose(out);
  free(arch);
  free(data);
  free(objectives);
  return text;
}

json_t *wb_report_overview(const wb_report *report) {
  const wb_report_result *widest = wb_report_widest(report);
  const json_t *summary = widest ? widest->summary : NULL;
  const size_t runs = json_array_size(json_object_get(summary, "runs"));
  const size_t conditions = json_array_size(json_object_get(summary, "conditions"));
  json_t *list = wb_must(json_array());
  for (size_t f = 0; f < FACTS; f++) {
    size_t count;
    char *text = levels_text(report, facts[f].factor, &count);
    if (text) put_fact(list, count == 1 ? facts[f].one : facts[f].many, text);
    free(text);
  }
  put_count(list, "conditions", conditions);
  put_count(list, "runs", runs);
  char *sentence = write_sentence(report, runs, conditions);
  json_t *overview = wb_json("{so so sI sI}", "sentence", wb_json_string(sentence), "facts", list, "runs",
                             (json_int_t)runs, "conditions", (json_int_t)conditions);
  free(sentence);
  wb_json_set(overview, "changes", report->changes ? json_incref(report->changes) : wb_must(json_array()));
  return overview;
}
