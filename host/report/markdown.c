/* markdown.c: see markdown.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "markdown.h"

#include <string.h>

#include "document.h"
#include "escape.h"
#include "json.h"

static void put(FILE *out, const char *before, const char *text, const char *after) {
  fputs(before, out);
  wb_escape_markdown(out, text);
  fputs(after, out);
}

static void put_table(FILE *out, const json_t *table) {
  const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows"), *item,
               *cell;
  size_t i, c;
  json_array_foreach(columns, i, item) put(out, "| ", wb_json_text(item, "title"), " ");
  fputs("|\n", out);
  json_array_foreach(columns, i, item) fputs(wb_json_true(item, "number") ? "| --: " : "| --- ", out);
  fputs("|\n", out);
  json_array_foreach(rows, i, item) {
    json_array_foreach(item, c, cell) {
      const char *mark = wb_json_true(cell, "strong") ? "**" : "";
      fprintf(out, "| %s", mark);
      wb_escape_markdown(out, json_is_string(cell) ? json_string_value(cell) : wb_json_text(cell, "text"));
      fprintf(out, "%s ", mark);
    }
    fputs("|\n", out);
  }
  fputs("\n", out);
}

static void put_figures(FILE *out, const json_t *figures, const char *folder) {
  const json_t *figure;
  size_t i;
  json_array_foreach(figures, i, figure) {
    put(out, "![", wb_json_text(figure, "name"), "](data/");
    wb_escape_path(out, folder);
    putc('/', out);
    wb_escape_path(out, wb_json_text(figure, "name"));
    put(out, ".svg)\n\n", wb_json_text(figure, "caption"), "\n\n");
  }
}

static void put_section(FILE *out, const json_t *section) {
  const char *published = wb_json_text(section, "published");
  const json_t *table = json_object_get(section, "table"), *here = json_object_get(section, "here"), *part;
  size_t i;
  if (published) put(out, "**Published** ", published, "\n\n");
  if (table) put_table(out, table);
  if (!wb_json_true(section, "shown"))
    put_figures(out, json_object_get(section, "figures"), wb_json_text(section, "folder"));
  if (!json_array_size(here)) return;
  fputs("**Here** ", out);
  json_array_foreach(here, i, part) {
    wb_escape_markdown(out, json_is_string(part) ? json_string_value(part) : wb_json_text(part, "text"));
  }
  fputs("\n\n", out);
}

static void put_list(FILE *out, const json_t *texts) {
  const json_t *text;
  size_t i;
  json_array_foreach(texts, i, text) put(out, "- ", json_string_value(text), "\n");
  fputs("\n", out);
}

static void put_overview(FILE *out, const json_t *overview) {
  const json_t *fact;
  size_t i;
  put(out, "## What was run\n\n", wb_json_text(overview, "sentence"), "\n\n");
  const json_t *changes = json_object_get(overview, "changes");
  if (json_array_size(changes)) {
    fputs("Otherwise than in the paper:\n\n", out);
    put_list(out, changes);
  }
  fputs("| | |\n| --- | --- |\n", out);
  json_array_foreach(json_object_get(overview, "facts"), i, fact) {
    put(out, "| ", json_string_value(json_array_get(fact, 0)), " | ");
    put(out, "", json_string_value(json_array_get(fact, 1)), " |\n");
  }
  fputs("\n", out);
}

static void put_claims(FILE *out, const json_t *claims) {
  const json_t *claim;
  size_t i;
  if (!json_array_size(claims)) return;
  put(out, "## What the papers claim\n\nData: ", wb_json_text(json_array_get(claims, 0), "data"),
      "\n\n| claim | published | here | numbers |\n| --- | --- | --- | --- |\n");
  json_array_foreach(claims, i, claim) {
    put(out, "| ", wb_json_text(claim, "id"), " | ");
    put(out, "", wb_json_text(claim, "statement"), " | ");
    put(out, "", wb_json_text(claim, "verdict"), " | ");
    put(out, "", wb_json_text(claim, "numbers"), "");
    const char *test = wb_json_text(claim, "test"), *data = wb_document_other_data(claims, claim);
    if (test && strcmp(test, "none") != 0) put(out, " (", test, ")");
    put(out, data ? " on " : "", data, " |\n");
  }
  fputs("\n", out);
}

static void put_paper(FILE *out, const json_t *paper) {
  const json_t *section;
  size_t i;
  put(out, "## The figures of ", wb_json_text(paper, "name"), "\n\n");
  json_array_foreach(json_object_get(paper, "figures"), i, section) {
    put(out, "### ", wb_json_text(section, "heading"), "\n\n");
    put_section(out, section);
  }
  json_array_foreach(json_object_get(paper, "missing"), i, section) {
    put(out, "- ", wb_json_text(section, "label"), " is not among these results: workbench run ");
    put(out, "", wb_json_text(section, "plugin"), " --in ..\n");
  }
  fputs("\n", out);
}

/* "- train-ce, 12 runs: batch 64, epochs 20" */
static void put_training(FILE *out, const json_t *training) {
  const int64_t runs = wb_json_int(training, "runs");
  const char *name, *separator = ": ";
  json_t *value;
  put(out, "- ", wb_json_text(training, "plugin"), ", ");
  fprintf(out, "%lld run%s", (long long)runs, runs == 1 ? "" : "s");
  json_object_foreach(json_object_get(training, "parameters"), name, value) {
    const char *text = json_string_value(value);
    if (!text || !*text) continue; // unset
    put(out, separator, name, " ");
    wb_escape_markdown(out, text);
    separator = ", ";
  }
  fputs("\n", out);
}

void wb_markdown_write(FILE *out, const json_t *document) {
  const json_t *item;
  size_t i;
  put(out, "# ", wb_json_text(document, "title"), "\n\n");
  put_overview(out, json_object_get(document, "overview"));
  put_claims(out, json_object_get(document, "claims"));
  json_array_foreach(json_object_get(document, "papers"), i, item) put_paper(out, item);
  if (json_array_size(json_object_get(document, "further"))) fputs("## Further metrics\n\n", out);
  json_array_foreach(json_object_get(document, "further"), i, item) {
    put(out, "### ", wb_json_text(item, "folder"), ": ");
    put(out, "", wb_json_text(item, "title"), "\n\n");
    put_section(out, item);
  }
  const json_t *warnings = json_object_get(document, "warnings");
  if (json_array_size(warnings)) {
    fputs("## Warnings\n\n", out);
    put_list(out, warnings);
  }
  fputs("## How to reproduce it\n\n", out);
  json_array_foreach(json_object_get(document, "trainings"), i, item) put_training(out, item);
  json_array_foreach(json_object_get(document, "provenance"), i, item) {
    put(out, "- ", wb_json_text(item, "folder"), ": ");
    put(out, "", wb_json_text(item, "command"), "\n");
  }
}
