/* html.c: see html.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "html.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "escape.h"
#include "figure_page.h"
#include "heap.h"
#include "json.h"

static void put(FILE *out, const char *before, const char *text, const char *after) {
  fputs(before, out);
  wb_escape(out, text);
  fputs(after, out);
}

/* ---- Tables ---- */

static void put_cell(FILE *out, const json_t *cell, const json_t *column, bool first) {
  const char *tag = first ? "th" : "td", *source = wb_json_text(cell, "source");
  const json_t *value = json_object_get(cell, "value");
  fprintf(out, "<%s%s%s", tag, first ? " scope=\"row\"" : "",
          wb_json_true(column, "number") ? " class=\"n\"" : "");
  if (json_is_number(value)) fprintf(out, " data-value=\"%.9g\"", json_number_value(value));
  if (source) put(out, " title=\"", source, "\"");
  fputs(wb_json_true(cell, "strong") ? "><strong>" : ">", out);
  wb_escape(out, json_is_string(cell) ? json_string_value(cell) : wb_json_text(cell, "text"));
  fputs(wb_json_true(cell, "strong") ? "</strong>" : "", out);
  fprintf(out, "</%s>", tag);
}

static void put_table(FILE *out, const char *caption, const json_t *table) {
  const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows"), *item,
               *cell;
  size_t i, c;
  fputs("<div class=\"wide\" tabindex=\"0\"><table class=\"sortable\">", out);
  if (caption) put(out, "<caption>", caption, "</caption>");
  fputs("<thead><tr>", out);
  json_array_foreach(columns, i, item) {
    fprintf(out, "<th scope=\"col\"%s>", wb_json_true(item, "number") ? " class=\"n\"" : "");
    put(out, "", wb_json_text(item, "title"), "</th>");
  }
  fputs("</tr></thead>\n<tbody>\n", out);
  json_array_foreach(rows, i, item) {
    fputs("<tr>", out);
    json_array_foreach(item, c, cell) {
      put_cell(out, cell, json_array_get(columns, c), c == 0);
    }
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
}

/* ---- Parts of the page ---- */

static void put_head(FILE *out, const json_t *document) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
        "'unsafe-inline'; script-src 'unsafe-inline'\">\n",
        out);
  put(out, "<meta name=\"generator\" content=\"workbench ", wb_json_text(document, "workbench"), "\">\n");
  put(out, "<title>", wb_json_text(document, "title"), "</title>\n<style>\n");
  for (size_t i = 0; wb_html_style[i]; i++) fprintf(out, "%s\n", wb_html_style[i]);
  fputs("</style>\n</head>\n", out);
}

static bool has_items(const json_t *document, const char *key) {
  return json_array_size(json_object_get(document, key)) > 0;
}

static void put_contents(FILE *out, const json_t *document) {
  const json_t *paper;
  size_t i;
  fputs("<nav aria-label=\"Contents\"><ul>\n<li><a href=\"#run\">What was run</a></li>\n", out);
  if (has_items(document, "claims")) fputs("<li><a href=\"#claims\">The claims</a></li>\n", out);
  json_array_foreach(json_object_get(document, "papers"), i, paper) {
    put(out, "<li><a href=\"#", wb_json_text(paper, "keyword"), "\">");
    put(out, "", wb_json_text(paper, "name"), "</a></li>\n");
  }
  if (has_items(document, "further")) fputs("<li><a href=\"#further\">Further metrics</a></li>\n", out);
  if (has_items(document, "warnings")) fputs("<li><a href=\"#warnings\">Warnings</a></li>\n", out);
  fputs("<li><a href=\"#again\">How to reproduce it</a></li>\n</ul></nav>\n", out);
}

static void put_list(FILE *out, const json_t *texts) {
  const json_t *text;
  size_t i;
  fputs("<ul>\n", out);
  json_array_foreach(texts, i, text) put(out, "<li>", json_string_value(text), "</li>\n");
  fputs("</ul>\n", out);
}

static void put_overview(FILE *out, const json_t *document) {
  const json_t *overview = json_object_get(document, "overview"), *fact;
  size_t i;
  fputs("<section id=\"run\">\n<h2>What was run</h2>\n", out);
  put(out, "<p>", wb_json_text(overview, "sentence"), "</p>\n");
  if (has_items(overview, "changes")) {
    fputs("<p>Otherwise than in the paper:</p>\n", out);
    put_list(out, json_object_get(overview, "changes"));
  }
  fputs("<table class=\"facts\"><tbody>\n", out);
  json_array_foreach(json_object_get(overview, "facts"), i, fact) {
    put(out, "<tr><th scope=\"row\">", json_string_value(json_array_get(fact, 0)), "</th>");
    put(out, "<td>", json_string_value(json_array_get(fact, 1)), "</td></tr>\n");
  }
  fputs("</tbody></table>\n", out);
  const size_t warnings = json_array_size(json_object_get(document, "warnings"));
  if (warnings)
    fprintf(out, "<p>%zu <a href=\"#warnings\">%s</a> to read first.</p>\n", warnings,
            warnings == 1 ? "warning" : "warnings");
  fputs("</section>\n", out);
}

/* How many there are of each verdict. */
static void count_verdicts(FILE *out, const json_t *claims) {
  static const char *const verdicts[] = {"holds", "contradicted", "inconclusive", "not enough runs"};
  const char *separator = ": ";
  fprintf(out, "<p>%zu claims", json_array_size(claims));
  for (size_t v = 0; v < sizeof verdicts / sizeof *verdicts; v++) {
    size_t found = 0, i;
    const json_t *claim;
    json_array_foreach(claims, i, claim) found += !strcmp(wb_json_text(claim, "verdict"), verdicts[v]);
    if (!found) continue;
    fprintf(out, "%s%zu %s", separator, found, verdicts[v]);
    separator = ", ";
  }
  put(out, ". Data: ", wb_json_text(json_array_get(claims, 0), "data"), ".</p>\n");
}

/* A text whose interval in brackets is not broken between lines. */
static void put_unbroken(FILE *out, const char *text, size_t length) {
  const char *open = memchr(text, '[', length);
  const size_t before = open ? (size_t)(open - text) : length;
  char *head = wb_format("%.*s", (int)before, text);
  wb_escape(out, head);
  if (open) {
    char *interval = wb_format("%.*s", (int)(length - before), open);
    put(out, "<span class=\"interval\">", interval, "</span>");
    free(interval);
  }
  free(head);
}

/* Each of the parts between semicolons on a line of its own. */
static void put_lines(FILE *out, const char *text) {
  for (const char *end; (end = strstr(text, "; ")); text = end + 2) {
    put_unbroken(out, text, (size_t)(end - text));
    fputs("<br>", out);
  }
  put_unbroken(out, text, strlen(text));
}

static void put_claim(FILE *out, const json_t *claims, const json_t *claim) {
  const char *figure = wb_json_text(claim, "figure"), *verdict = wb_json_text(claim, "verdict");
  char *kind = wb_copy(verdict);
  for (char *at = kind; *at; at++) *at = *at == ' ' ? '-' : *at;
  put(out, "<tr><th scope=\"row\">", wb_json_text(claim, "id"), "</th>");
  put(out, "<td>", wb_json_text(claim, "statement"), "");
  if (figure) put(out, " <a href=\"#", figure, "\">Figure</a>");
  put(out, "</td><td><span class=\"verdict ", kind, "\">");
  put(out, "", verdict, "</span></td>");
  fputs("<td>", out);
  const char *numbers = wb_json_text(claim, "numbers");
  if (numbers) put_lines(out, numbers);
  const char *test = wb_json_text(claim, "test");
  const bool tested = test && strcmp(test, "none") != 0;
  const char *data = wb_document_other_data(claims, claim);
  put(out, "<br><span class=\"files\">", tested ? test : NULL, tested && data ? "; " : "");
  put(out, "", data, "</span></td></tr>\n");
  free(kind);
}

static void put_claims(FILE *out, const json_t *document) {
  const json_t *claims = json_object_get(document, "claims"), *claim;
  size_t i;
  if (!json_array_size(claims)) return;
  fputs("<section id=\"claims\">\n<h2>What the papers claim</h2>\n", out);
  count_verdicts(out, claims);
  fputs("<div class=\"wide\" tabindex=\"0\"><table class=\"sortable claims\"><thead><tr><th "
        "scope=\"col\">claim</th>"
        "<th scope=\"col\">published</th><th scope=\"col\">here</th><th "
        "scope=\"col\">numbers</th></tr></thead>\n"
        "<tbody>\n",
        out);
  json_array_foreach(claims, i, claim) put_claim(out, claims, claim);
  fputs("</tbody></table></div>\n</section>\n", out);
}

static void put_here(FILE *out, const json_t *parts) {
  const json_t *part;
  size_t i;
  if (!json_array_size(parts)) return;
  fputs("<p class=\"here\"><b>Here</b> ", out);
  json_array_foreach(parts, i, part) {
    if (json_is_string(part)) {
      wb_escape(out, json_string_value(part));
      continue;
    }
    put(out, "<span title=\"", wb_json_text(part, "source"), "\">");
    put(out, "", wb_json_text(part, "text"), "</span>");
  }
  fputs("</p>\n", out);
}

static void put_figures(FILE *out, wb_figure_page *page, const json_t *figures, const char *folder) {
  const json_t *figure;
  size_t i;
  json_array_foreach(figures, i, figure) wb_figure_page_put(out, page, figure, folder);
}

static void put_links(FILE *out, const json_t *section) {
  const char *folder = wb_json_text(section, "folder"), *separator = "";
  const json_t *file;
  size_t i;
  fputs("<p class=\"files\">Data: ", out);
  json_array_foreach(json_object_get(section, "data"), i, file) {
    fputs(separator, out);
    wb_figure_page_link(out, folder, json_string_value(file));
    separator = ", ";
  }
  fputs(separator, out);
  wb_figure_page_link(out, folder, "summary.json");
  fputs("</p>\n", out);
}

/* Further figures and all numbers of an analysis, folded. */
static void put_rest(FILE *out, wb_figure_page *page, const json_t *section) {
  const char *folder = wb_json_text(section, "folder");
  const json_t *more = json_object_get(section, "more"), *tables = json_object_get(section, "tables"), *table;
  size_t i;
  if (json_array_size(more)) {
    fprintf(out, "<details><summary>%zu more %s of ", json_array_size(more),
            json_array_size(more) == 1 ? "figure" : "figures");
    put(out, "", folder, "</summary>\n");
    put_figures(out, page, more, folder);
    fputs("</details>\n", out);
  }
  fputs("<details><summary>Numbers</summary>\n", out);
  json_array_foreach(tables, i, table) {
    put_table(out, wb_json_text(table, "title"), json_object_get(table, "table"));
  }
  put_links(out, section);
  fputs("</details>\n", out);
}

static void put_section_body(FILE *out, wb_figure_page *page, const json_t *section) {
  const char *published = wb_json_text(section, "published"), *folder = wb_json_text(section, "folder");
  if (published) put(out, "<p class=\"published\"><b>Published</b> ", published, "</p>\n");
  if (wb_json_true(section, "shown")) {
    put(out, "<p>The figure is <a href=\"#", folder, "\">above</a>.</p>\n");
    put_here(out, json_object_get(section, "here"));
    return;
  }
  const json_t *table = json_object_get(section, "table");
  if (table) put_table(out, NULL, table);
  if (table)
    fputs("<p class=\"files\">Mean cosine similarity, with the sd over pairs in brackets. Bold: at least as "
          "specific to classes as rho 0. The published runs had dropout.</p>\n",
          out);
  put_figures(out, page, json_object_get(section, "figures"), folder);
  put_here(out, json_object_get(section, "here"));
  put_rest(out, page, section);
}

static void put_paper(FILE *out, wb_figure_page *page, const json_t *paper) {
  const json_t *section, *missing = json_object_get(paper, "missing");
  size_t i;
  put(out, "<section id=\"", wb_json_text(paper, "keyword"), "\">\n");
  put(out, "<h2>The figures of ", wb_json_text(paper, "name"), "</h2>\n");
  json_array_foreach(json_object_get(paper, "figures"), i, section) {
    put(out, "<article", NULL, "");
    if (!wb_json_true(section, "shown")) put(out, " id=\"", wb_json_text(section, "folder"), "\"");
    put(out, "><h3>", wb_json_text(section, "heading"), "</h3>\n");
    put_section_body(out, page, section);
    fputs("</article>\n", out);
  }
  if (json_array_size(missing)) {
    fputs("<h3>Not among these results</h3>\n<ul>\n", out);
    json_array_foreach(missing, i, section) {
      put(out, "<li>", wb_json_text(section, "label"), ": ");
      put(out, "<code>workbench run ", wb_json_text(section, "plugin"), " --in ..</code></li>\n");
    }
    fputs("</ul>\n", out);
  }
  fputs("</section>\n", out);
}

static void put_further(FILE *out, wb_figure_page *page, const json_t *document) {
  const json_t *section;
  size_t i;
  if (!has_items(document, "further")) return;
  fputs("<section id=\"further\">\n<h2>Further metrics</h2>\n", out);
  json_array_foreach(json_object_get(document, "further"), i, section) {
    put(out, "<details class=\"metric\" id=\"", wb_json_text(section, "folder"), "\"><summary>");
    put(out, "", wb_json_text(section, "folder"), "");
    put(out, ": ", wb_json_text(section, "title"), "</summary>\n");
    put_section_body(out, page, section);
    fputs("</details>\n", out);
  }
  fputs("</section>\n", out);
}

static void put_warnings(FILE *out, const json_t *document) {
  if (!has_items(document, "warnings")) return;
  fputs("<section id=\"warnings\">\n<h2>Warnings</h2>\n", out);
  put_list(out, json_object_get(document, "warnings"));
  fputs("</section>\n", out);
}

static void put_parameters(FILE *out, const json_t *parameters) {
  const char *name;
  json_t *value;
  if (!json_object_size(parameters)) return;
  fputs("<table class=\"facts\"><tbody>\n", out);
  json_object_foreach((json_t *)parameters, name, value) {
    put(out, "<tr><th scope=\"row\">", name, "</th>");
    put(out, "<td>", json_string_value(value), "</td></tr>\n");
  }
  fputs("</tbody></table>\n", out);
}

static void put_training(FILE *out, const json_t *training) {
  const int64_t runs = wb_json_int(training, "runs");
  put(out, "<details><summary>", wb_json_text(training, "plugin"), "");
  fprintf(out, ": %lld run%s</summary>\n", (long long)runs, runs == 1 ? "" : "s");
  put_parameters(out, json_object_get(training, "parameters"));
  fputs("</details>\n", out);
}

static void put_origin(FILE *out, const json_t *entry) {
  put(out, "<details><summary>", wb_json_text(entry, "folder"), "</summary>\n");
  put(out, "<pre tabindex=\"0\">", wb_json_text(entry, "command"), "</pre>\n");
  put(out, "<p>", wb_json_text(entry, "plugin"), " ");
  put(out, "", wb_json_text(entry, "version"), " of workbench ");
  put(out, "", wb_json_text(entry, "workbench"), ", run ");
  put(out, "", wb_json_text(entry, "created"), "; build <code class=\"digest\">");
  put(out, "", wb_json_text(entry, "build"), "</code></p>\n");
  put_parameters(out, json_object_get(entry, "parameters"));
  put_table(out, NULL, json_object_get(entry, "inputs"));
  fputs("</details>\n", out);
}

static void put_provenance(FILE *out, const json_t *document) {
  const json_t *entry;
  size_t i;
  fputs("<section id=\"again\">\n<h2>How to reproduce it</h2>\n", out);
  if (has_items(document, "trainings"))
    fputs("<h3>Trainings</h3>\n<p>Parameters of the runs, but for the seed and what was varied: those are in "
          "the "
          "inputs of each analysis.</p>\n",
          out);
  json_array_foreach(json_object_get(document, "trainings"), i, entry) put_training(out, entry);
  fputs("<h3>Analyses</h3>\n"
        "<p>The command, parameters, build and inputs of each. The numbers behind this page are in "
        "<code>data/</code> beside it; <code>gnuplot</code> draws a figure again from its <code>.gp</code> "
        "file there.</p>\n",
        out);
  json_array_foreach(json_object_get(document, "provenance"), i, entry) put_origin(out, entry);
  put(out, "<p>Written by workbench ", wb_json_text(document, "workbench"), ", ");
  put(out, "", wb_json_text(document, "created"), ".</p>\n</section>\n");
}

void wb_html_write(FILE *out, const json_t *document) {
  wb_figure_page page = {0};
  const json_t *paper;
  size_t i;
  put_head(out, document);
  put(out, "<body>\n<a class=\"skip\" href=\"#run\">To the content</a>\n<header><h1>",
      wb_json_text(document, "title"), "</h1></header>\n");
  put_contents(out, document);
  fputs("<main>\n", out);
  put_overview(out, document);
  put_claims(out, document);
  json_array_foreach(json_object_get(document, "papers"), i, paper) put_paper(out, &page, paper);
  put_further(out, &page, document);
  put_warnings(out, document);
  put_provenance(out, document);
  fputs("</main>\n<script>\n", out);
  for (i = 0; wb_html_script[i]; i++) fprintf(out, "%s\n", wb_html_script[i]);
  fputs("</script>\n</body>\n</html>\n", out);
}
