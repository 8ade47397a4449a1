/* document.c: see document.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "document.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cautions.h"
#include "claims.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "lines.h"
#include "overview.h"
#include "papers.h"
#include "tables.h"

typedef struct builder {
  const wb_report *report;
  bool *shown; // by result
} builder;

static const json_t *find_named(const json_t *list, const char *key, const char *name) {
  const json_t *item;
  size_t i;
  json_array_foreach(list, i, item) {
    const char *own = wb_json_text(item, key);
    if (own && name && !strcmp(own, name)) return item;
  }
  return NULL;
}

/* ---- Figures ---- */

/* "results/moran/moran-local.svg" -> "moran-local"; malloc'ed. */
static char *figure_name(const char *path) {
  const char *last = wb_last_part(path);
  return wb_format("%.*s", (int)(strlen(last) - strlen(".svg")), last);
}

/* The first figure of one output, or with `others` all the rest. */
static json_t *list_figures(const wb_report_result *result, const char *output, bool others) {
  json_t *list = wb_must(json_array());
  bool found = false;
  for (size_t i = 0; i < result->figure_count; i++) {
    char *name = figure_name(result->figures[i]);
    const json_t *entry = find_named(json_object_get(result->summary, "figures"), "name", name);
    const char *own = wb_json_text(entry, "output");
    const bool is_it = !found && (own && output ? !strcmp(own, output) : i == 0 && !output);
    found = found || is_it;
    if (is_it != others)
      wb_json_append(list, wb_json("{so so so}", "name", wb_json_string(name), "path",
                                   wb_json_string(result->figures[i]), "caption",
                                   wb_json_string(wb_json_text(entry, "caption"))));
    free(name);
  }
  return list;
}

/* The output that the figures are about: the wished one where it is drawn, else that of the first figure. */
static const char *output_to_draw(const wb_report_result *result, const char *wished) {
  const json_t *figures = json_object_get(result->summary, "figures");
  if (wished && find_named(figures, "output", wished)) return wished;
  if (!result->figure_count) return NULL;
  char *name = figure_name(result->figures[0]);
  const char *output = wb_json_text(find_named(figures, "name", name), "output");
  free(name);
  return output;
}

/* ---- Sections: an analysis with what it found ---- */

static bool has_numbers(const wb_report_result *result, const char *output, double at) {
  json_t *table = wb_table_of_output(result, output, at);
  json_decref(table);
  return table != NULL;
}

/* The wished output where it has numbers; else the first scalar that has. */
static const char *output_to_tell(const wb_report_result *result, const char *wished, double at) {
  if (wished && has_numbers(result, wished, at)) return wished;
  const json_t *outputs = json_object_get(result->summary, "outputs"), *output;
  size_t i;
  json_array_foreach(outputs, i, output) {
    const char *name = wb_json_text(output, "name"), *shape = wb_json_text(output, "shape");
    if (name && shape && !strcmp(shape, "scalar") && has_numbers(result, name, NAN)) return name;
  }
  return NULL;
}

static void put_table(json_t *tables, const char *title, json_t *table) {
  if (table) wb_json_append(tables, wb_json("{so so}", "title", wb_json_string(title), "table", table));
}

/* A table for each scalar, the one that is told first. */
static json_t *list_tables(const wb_report_result *result, const char *told, double at, const char *place) {
  json_t *tables = wb_must(json_array());
  const json_t *outputs = json_object_get(result->summary, "outputs"), *output;
  const char *title = wb_json_text(find_named(outputs, "name", told), "title");
  char *full = place ? wb_format("%s at %s", title ? title : told, place) : wb_copy(title ? title : told);
  if (told) put_table(tables, full, wb_table_of_output(result, told, at));
  free(full);
  size_t i;
  json_array_foreach(outputs, i, output) {
    const char *name = wb_json_text(output, "name");
    if (!name || (told && !strcmp(name, told))) continue;
    put_table(tables, wb_json_text(output, "title"), wb_table_of_output(result, name, NAN));
  }
  return tables;
}

static json_t *list_data(const wb_report_result *result) {
  json_t *list = wb_must(json_array());
  const json_t *outputs = json_object_get(result->summary, "outputs"), *output;
  size_t i;
  json_array_foreach(outputs, i, output) {
    const char *table = wb_json_text(output, "table");
    if (table && !strchr(table, '/')) wb_json_append(list, wb_json_string(table));
  }
  return list;
}

/* A result, as a figure of a paper or (figure NULL) by itself. */
static json_t *make_section(const wb_report_result *result, const wb_paper_figure *figure) {
  const json_t *plugin = json_object_get(result->summary, "plugin");
  const bool similarity = !strcmp(result->id, "similarity-table");
  const double wished_at = figure ? figure->at : NAN;
  const char *drawn = output_to_draw(result, figure ? figure->figure : NULL);
  const char *wished = figure ? figure->number : drawn;
  const char *told = figure && !wished ? NULL : output_to_tell(result, wished, wished_at);
  const bool as_wished = told && wished && !strcmp(told, wished);
  const double at = as_wished ? wished_at : NAN;
  const char *place = as_wished && figure ? figure->place : NULL;
  json_t *section = wb_json("{so so so so so}", "folder", wb_json_string(wb_last_part(result->folder)),
                            "title", wb_json_string(wb_json_text(plugin, "title")), "reference",
                            wb_json_string(wb_json_text(plugin, "reference")), "figures",
                            list_figures(result, drawn, false), "more", list_figures(result, drawn, true));
  if (figure) {
    const bool numbered = !strncmp(figure->label, "Figure ", 7) || !strncmp(figure->label, "Table ", 6);
    char *heading = numbered ? wb_format("%s: %s", figure->label, wb_json_text(section, "title"))
                             : wb_copy(figure->label);
    wb_json_set(section, "label", wb_json_string(figure->label));
    wb_json_set(section, "heading", wb_json_string(heading));
    free(heading);
  }
  if (figure && figure->published) wb_json_set(section, "published", wb_json_string(figure->published));
  wb_json_set(section, "here", told ? wb_lines_sentence(result, told, at, place) : wb_must(json_array()));
  json_t *main_table = similarity ? wb_table_of_similarity(result) : NULL;
  if (main_table) wb_json_set(section, "table", main_table);
  wb_json_set(section, "tables", similarity ? wb_must(json_array()) : list_tables(result, told, at, place));
  wb_json_set(section, "data", list_data(result));
  return section;
}

/* The figures of a paper; what there is no result for goes to "missing". */
static json_t *make_paper(builder *b, wb_report_paper paper) {
  json_t *sections = wb_must(json_array()), *missing = wb_must(json_array());
  size_t count;
  const wb_paper_figure *figures = wb_paper_figures(&count);
  for (size_t i = 0; i < count; i++) {
    const wb_paper_figure *figure = &figures[i];
    if (figure->paper != paper) continue;
    const wb_report_result *result = wb_report_find(b->report, figure->plugin);
    if (!result) {
      wb_json_append(missing, wb_json("{ss ss}", "label", figure->label, "plugin", figure->plugin));
      continue;
    }
    json_t *section = make_section(result, figure);
    const size_t index = (size_t)(result - b->report->results);
    if (b->shown[index]) wb_json_set(section, "shown", json_true());
    b->shown[index] = true;
    wb_json_append(sections, section);
  }
  return wb_json("{ss ss so so}", "name", wb_paper_name(paper), "keyword", wb_paper_keyword(paper), "figures",
                 sections, "missing", missing);
}

static json_t *make_further(const builder *b) {
  json_t *list = wb_must(json_array());
  for (size_t r = 0; r < b->report->count; r++)
    if (!b->shown[r]) wb_json_append(list, make_section(&b->report->results[r], NULL));
  return list;
}

/* ---- Claims ---- */

static json_t *make_claims(const wb_report *report) {
  size_t count = 0;
  wb_report about = *report; // claims of one paper only where the runs are about one only
  const bool first = wb_paper_applies(report, WB_REPORT_CONTRASTIVE_TOPOGRAPHY);
  const bool second = wb_paper_applies(report, WB_REPORT_BEYOND_TOPOGRAPHY);
  if (first != second) about.paper = first ? WB_REPORT_CONTRASTIVE_TOPOGRAPHY : WB_REPORT_BEYOND_TOPOGRAPHY;
  wb_claim *claims = wb_claims_check(&about, &count);
  json_t *list = wb_must(json_array());
  for (size_t i = 0; i < count; i++) {
    const wb_claim *c = &claims[i];
    const wb_report_result *result = c->figure ? wb_report_find(report, c->figure) : NULL;
    json_t *claim = wb_json("{ss ss ss so so so}", "id", c->id, "statement", c->statement, "verdict",
                            wb_verdict_name(c->verdict), "numbers", wb_json_string(c->numbers), "test",
                            wb_json_string(c->test), "data", wb_json_string(c->data));
    if (result) wb_json_set(claim, "figure", wb_json_string(wb_last_part(result->folder)));
    wb_json_append(list, claim);
  }
  wb_claims_free(claims, count);
  return list;
}

const char *wb_document_other_data(const json_t *claims, const json_t *claim) {
  const char *first = wb_json_text(json_array_get(claims, 0), "data"), *data = wb_json_text(claim, "data");
  return strcmp(data, first) == 0 ? NULL : data;
}

/* ---- How to make it again ---- */

static json_t *copy_or_empty(const json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  return value ? json_incref(value) : wb_must(json_object());
}

/* How the runs were trained, each set of parameters once. */
static json_t *make_trainings(const wb_report *report) {
  json_t *list = wb_must(json_array());
  const wb_report_result *widest = wb_report_widest(report);
  const json_t *summary = widest ? widest->summary : NULL, *training, *run;
  size_t t, i;
  json_array_foreach(json_object_get(summary, "trainings"), t, training) {
    json_int_t runs = 0;
    json_array_foreach(json_object_get(summary, "runs"), i, run) {
      const json_t *own = json_object_get(run, "training");
      runs += json_is_integer(own) && (size_t)json_integer_value(own) == t;
    }
    if (runs)
      wb_json_append(list, wb_json("{so sI so}", "plugin", wb_json_string(wb_json_text(training, "plugin")),
                                   "runs", runs, "parameters", copy_or_empty(training, "parameters")));
  }
  return list;
}

static json_t *make_provenance(const wb_report *report) {
  json_t *list = wb_must(json_array());
  for (size_t r = 0; r < report->count; r++) {
    const wb_report_result *result = &report->results[r];
    const json_t *s = result->summary, *plugin = json_object_get(s, "plugin");
    json_t *entry = wb_json(
        "{so so so so so so so}", "folder", wb_json_string(wb_last_part(result->folder)), "plugin",
        wb_json_string(result->id), "version", wb_json_string(wb_json_text(plugin, "version")), "build",
        wb_json_string(wb_json_text(plugin, "build")), "workbench",
        wb_json_string(wb_json_text(s, "workbench")), "created", wb_json_string(wb_json_text(s, "created")),
        "command", wb_json_string(wb_json_text(s, "command")));
    wb_json_set(entry, "parameters", copy_or_empty(s, "parameters"));
    wb_json_set(entry, "inputs", wb_table_of_inputs(result));
    wb_json_append(list, entry);
  }
  return list;
}

json_t *wb_document_make(const wb_report *report, const json_t *skipped) {
  char now[32];
  const time_t seconds = time(NULL);
  struct tm utc;
  strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
  builder b = {report, wb_new(bool, report->count ? report->count : 1)};
  json_t *papers = wb_must(json_array());
  static const wb_report_paper both[] = {WB_REPORT_CONTRASTIVE_TOPOGRAPHY, WB_REPORT_BEYOND_TOPOGRAPHY};
  for (size_t i = 0; i < sizeof both / sizeof *both; i++)
    if (wb_paper_applies(report, both[i])) wb_json_append(papers, make_paper(&b, both[i]));
  json_t *document = wb_json("{ss ss ss so so so}", "schema", "workbench.report/1", "workbench",
                             WORKBENCH_VERSION, "created", now, "title", wb_json_string(report->title),
                             "overview", wb_report_overview(report), "papers", papers);
  wb_json_set(document, "claims", make_claims(report));
  wb_json_set(document, "further", make_further(&b));
  wb_json_set(document, "warnings", wb_report_cautions(report, skipped));
  wb_json_set(document, "trainings", make_trainings(report));
  wb_json_set(document, "provenance", make_provenance(report));
  free(b.shown);
  return document;
}
