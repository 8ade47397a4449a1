/* test_report.c: host/report: foreign text in pages, drawings within them, and what is said of made-up
 * results. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cautions.h"
#include "escape.h"
#include "heap.h"
#include "json.h"
#include "lines.h"
#include "papers.h"
#include "svg.h"
#include "tables.h"

static char *collect(void (*write)(FILE *out, const char *text), const char *text) {
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  write(out, text);
  fclose(out);
  return result;
}

static void check_escape(void (*write)(FILE *out, const char *text), const char *text, const char *expected) {
  char *result = collect(write, text);
  assert_string_equal(result, expected);
  free(result);
}

static void test_escape(void **state) {
  (void)state;
  check_escape(wb_escape, "<script>alert(\"1\" & '2')</script>",
               "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
  check_escape(wb_escape, "a\x01\x1b[31mb\nc", "a  [31mb\nc");
  check_escape(wb_escape, "\u03c1 0.2", "\u03c1 0.2");
  check_escape(wb_escape, NULL, "");
  check_escape(wb_escape_markdown, "a|b\n<i>*c*", "a\\|b \\<i\\>\\*c\\*");
  check_escape(wb_escape_path, "moran \"1\"/i#x?.tsv", "moran%20%221%22/i%23x%3F.tsv");
}

/* ---- Drawings ---- */

static char *inlined(const char *svg, const char *name, wb_status expected) {
  const wb_svg_label label = {"f1-", name};
  wb_error err = {0};
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  const wb_status status = wb_svg_inline(out, svg, &label, &err);
  fclose(out);
  assert_int_equal(status, expected);
  return result;
}

#define ROOT                                                                                                 \
  "<svg width=\"100\" height=\"50\" viewBox=\"0 0 100 50\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">"
#define OPENED                                                                                               \
  "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 100 50\" style=\"--w:100;--h:50\" "  \
  "aria-label=\"a figure\">"

static void check_svg(const char *inside, const char *expected) {
  char *svg = wb_format("<?xml version=\"1.0\"?>\n<!-- a -->" ROOT "%s</svg>\n", inside);
  char *whole = wb_format(OPENED "%s</svg>", expected), *result = inlined(svg, "a figure", WB_OK);
  assert_string_equal(result, whole);
  free(result);
  free(whole);
  free(svg);
}

static void test_svg_keeps_shapes(void **state) {
  (void)state;
  check_svg("<g fill='none'>\n<path stroke='rgb(1, 2, 3)' d='M0,0 L1,1'/></g>",
            "<g fill=\"none\"><path stroke=\"rgb(1, 2, 3)\" d=\"M0,0 L1,1\"/></g>");
  check_svg("<text x=\"1\">a &amp; b</text>", "<text x=\"1\">a &amp; b</text>");
  check_svg("<image x='1' xlink:href='data:image/png;base64,AAAA'/>",
            "<image x=\"1\" href=\"data:image/png;base64,AAAA\"/>");
  check_svg("<g color='black'>\n</g>", ""); // gnuplot writes hundreds
}

static void test_svg_ids_are_its_own(void **state) {
  (void)state;
  check_svg(
      "<defs><circle id='gpDot' r='0.5'/></defs><use xlink:href='#gpDot'/><rect fill='url(#p)'/>",
      "<defs><circle id=\"f1-gpDot\" r=\"0.5\"/></defs><use href=\"#f1-gpDot\"/><rect fill=\"url(#f1-p)\"/>");
}

static void test_svg_drops_what_could_harm(void **state) {
  (void)state;
  check_svg("<script>alert(1)</script><path d='M0,0' onclick='alert(1)'/>", "<path d=\"M0,0\"/>");
  check_svg("<title>a</title><desc>b</desc><style>@import 'x';</style>", "");
  check_svg("<foreignObject><p>a</p><g><path/></g></foreignObject><path d='m'/>", "<path d=\"m\"/>");
  check_svg("<image href='https://example.org/a.png'/><use href='other.svg#a'/>", "<image/><use/>");
  check_svg("<a href='javascript:alert(1)'><path/></a>", "");
  check_svg("<rect fill=\"url(https://example.org)\" style='background:url(x)'/>", "<rect/>");
  check_svg("<path d='a\"><b'/>", "<path d=\"a&quot;>&lt;b\"/>");
  check_svg("<svg><path/></svg>", "");
}

static void test_svg_refuses_what_is_none(void **state) {
  (void)state;
  const char *const broken[] = {"",
                                "no drawing",
                                "<html></html>",
                                ROOT,
                                ROOT "<g></svg>",
                                ROOT "<g></path></g></svg>",
                                ROOT "<path d='unended",
                                ROOT "<!-- unended",
                                ROOT "<></svg>",
                                "</svg>"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) free(inlined(broken[i], "a figure", WB_INPUT));
  char deep[4096] = ROOT;
  for (size_t i = 0; i < 100; i++) strcat(deep, "<g>");
  free(inlined(deep, "a figure", WB_INPUT));
}

static void test_svg_loses_its_caption(void **state) {
  (void)state;
  const char *svg = ROOT "<g transform=\"translate(3,36)\">\n<text>Test accuracy: share of</text></g></svg>";
  char *result = inlined(svg, "Test accuracy: share of stimuli.", WB_OK);
  assert_non_null(strstr(result, "viewBox=\"0 0 100 20\""));
  free(result);
  result = inlined(svg, "Something else entirely.", WB_OK);
  assert_non_null(strstr(result, "viewBox=\"0 0 100 50\""));
  free(result);
}

/* ---- Results ---- */

static json_t *condition(const char *objective, const char *rho, const char *dropout, double mean) {
  return wb_json("{s:{ss ss ss}, s:i, s:[i], s:{s:{si so sf so so}}}", "factors", "objective", objective,
                 "rho", rho, "dropout", dropout, "n", 3, "runs", 0, "values", "top1", "n", 3, "mean",
                 wb_json_real(mean), "sd", 0.01, "low", wb_json_real(mean - 0.02), "high",
                 wb_json_real(mean + 0.02));
}

/* A result of one scalar output; takes the conditions. */
static wb_report_result made_result(const char *id, json_t *conditions) {
  json_t *outputs =
      wb_json("[{ss ss ss sn}]", "name", "top1", "shape", "scalar", "title", "test accuracy", "unit");
  json_t *summary = wb_json("{s:{ss ss}, so so s:[{}] s:[]}", "plugin", "id", id, "scope", "run", "outputs",
                            outputs, "conditions", conditions, "runs", "failed");
  const char *own = wb_json_text(json_object_get(summary, "plugin"), "id");
  return (wb_report_result){.folder = wb_format("results/%s", id), .id = own, .summary = summary};
}

static void free_result(wb_report_result *result) {
  json_decref(result->summary);
  free(result->folder);
}

static void check_sentence(json_t *conditions, const char *expected) {
  wb_report_result result = made_result("accuracy", conditions);
  json_t *parts = wb_lines_sentence(&result, "top1", NAN, NULL), *part;
  char *text = NULL;
  size_t size = 0, i;
  FILE *out = open_memstream(&text, &size);
  json_array_foreach(parts, i, part) {
    fputs(json_is_string(part) ? json_string_value(part) : wb_json_text(part, "text"), out);
  }
  fclose(out);
  assert_string_equal(text, expected);
  free(text);
  json_decref(parts);
  free_result(&result);
}

static void test_sentence(void **state) {
  (void)state;
  check_sentence(
      wb_json("[oooo]", condition("ce", "0.2", "0.5", 0.58), condition("ce", "0", "0.5", 0.61),
              condition("supcon", "0", "0.5", 0.6), condition("supcon", "0.2", "0.5", -0.1)),
      "Test accuracy: ce 0.610 at rho 0, 0.580 at 0.2; supcon 0.600 at rho 0, \u22120.100 at 0.2 (means over "
      "3 seeds).");
  check_sentence(wb_json("[oooo]", condition("ce", "0", "0.5", 0.1), condition("ce", "0.04", "0.5", 0.5),
                         condition("ce", "0.2", "0.5", 0.7), condition("ce", "5", "0.5", 0.2)),
                 "Test accuracy: 0.100 at rho 0, at most 0.700 at 0.2, 0.200 at 5 (means over 3 seeds).");
  check_sentence(wb_json("[oo]", condition("ce", "0", "0.5", 0.1), condition("ce", "0", "0", 0.5)),
                 "Test accuracy: 0.100 at rho 0 (means over 3 seeds, with dropout).");
  check_sentence(
      wb_json("[oo]", condition("ce", "0", "0.5", 0.1), condition("ce", "0", "0.2", 0.5)),
      "Test accuracy: dropout 0.5 0.100 at rho 0; dropout 0.2 0.500 at rho 0 (means over 3 seeds).");
  check_sentence(wb_json("[]"), "");
  check_sentence(wb_json("[o]", condition("<b>", "0", "0.5", NAN)), "");
}

static void test_numbers(void **state) {
  (void)state;
  const struct {
    double values[2];
    int decimals;
    const char *text; // of the first
  } cases[] = {{{0.6131, 0.5}, 3, "0.613"},     {{-0.0004, 0.77}, 3, "0.000"}, {{-0.5, 8.3}, 2, "\u22120.50"},
               {{12345, 2}, 0, "12345"},        {{NAN, 1}, 2, "\u2013"},       {{0, 0}, 0, "0"},
               {{1.5e-5, 1e-6}, -1, "1.5e-05"}, {{0.0123, 0}, 4, "0.0123"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(wb_number_decimals(cases[i].values, 2), cases[i].decimals);
    char *text = wb_number_text(cases[i].values[0], cases[i].decimals);
    assert_string_equal(text, cases[i].text);
    free(text);
  }
}

static void test_curve(void **state) {
  (void)state;
  json_t *summary = wb_json("{s:[{s:{s:{s:[ff]}}}], s:[{s:i, s:[i], s:{s:{si s:[ff] s:[fn]}}}]}", "runs",
                            "values", "d", "x", 0.1, 0.5, "conditions", "n", 2, "runs", 0, "values", "d", "n",
                            2, "mean", 8.0, 4.0, "sd", 0.5);
  assert_float_equal(wb_line_number(summary, 0, "d", 0.5).mean, 4, 0);
  assert_float_equal(wb_line_number(summary, 0, "d", 0.1).sd, 0.5, 0);
  assert_true(isnan(wb_line_number(summary, 0, "d", 0.5).sd));
  assert_true(isnan(wb_line_number(summary, 0, "d", 0.3).mean));
  assert_true(isnan(wb_line_number(summary, 0, "d", NAN).mean));
  assert_true(isnan(wb_line_number(summary, 0, "other", NAN).mean));
  json_decref(summary);
}

static void test_table(void **state) {
  (void)state;
  wb_report_result result = made_result(
      "accuracy", wb_json("[oo]", condition("ce", "0.2", "0.5", 0.58), condition("ce", "0", "0.5", 0.61)));
  json_t *table = wb_table_of_output(&result, "top1", NAN);
  const json_t *row = json_array_get(json_object_get(table, "rows"), 0); // rho 0 first
  assert_int_equal(json_array_size(json_object_get(table, "columns")), 6);
  assert_string_equal(wb_json_text(json_array_get(row, 0), "text"), "0");
  assert_string_equal(wb_json_text(json_array_get(row, 2), "text"), "0.610");
  assert_string_equal(wb_json_text(json_array_get(row, 2), "source"),
                      "accuracy/summary.json: conditions[1].values.top1.mean");
  json_decref(table);
  assert_null(wb_table_of_output(&result, "other", NAN));
  free_result(&result);
}

/* Table 1 has what was published beside runs with dropout; those without follow. */
static void test_similarity_table(void **state) {
  (void)state;
  wb_report_result result = made_result("similarity-table", wb_json("[ooo]", condition("ce", "0.2", "0", 0),
                                                                    condition("ce", "0.2", "0.5", 0),
                                                                    condition("ce", "0", "0.5", 0)));
  wb_json_set(result.summary, "values",
              wb_json("{s:{si s:[[ffffnnnnn],[ffffiffff],[ffffnffff]]}}", "table", "columns", 9, "data", 0.7,
                      0.1, 0.2, 0.1, 0.8, 0.1, -0.25, 0.1, 1, 0.82, 0.26, -0.05, 0.32, 0.6, 0.1, 0.3, 0.1,
                      0.77, 0.23, -0.01, 0.21));
  const char *const expected[][6] = {
      {"", "0", "0.60 (0.10)", "0.77 (0.23)", "0.30 (0.10)", "\u22120.01 (0.21)"},
      {"", "0.2", "0.80 (0.10)", "0.82 (0.26)", "\u22120.25 (0.10)", "\u22120.05 (0.32)"},
      {"no dropout", "0.2", "0.70 (0.10)", "\u2013", "0.20 (0.10)", "\u2013"}};
  json_t *table = wb_table_of_similarity(&result);
  const json_t *rows = json_object_get(table, "rows");
  assert_int_equal(json_array_size(json_object_get(table, "columns")), 6);
  assert_int_equal(json_array_size(rows), 3);
  for (size_t r = 0; r < 3; r++)
    for (size_t k = 0; k < 6; k++) {
      const json_t *cell = json_array_get(json_array_get(rows, r), k);
      assert_string_equal(json_is_string(cell) ? json_string_value(cell) : wb_json_text(cell, "text"),
                          expected[r][k]);
    }
  assert_true(json_is_true(json_object_get(json_array_get(json_array_get(rows, 1), 2), "strong")));
  assert_string_equal(wb_json_text(json_array_get(json_array_get(rows, 2), 2), "source"),
                      "similarity-table/summary.json: values.table.data[0]");
  json_decref(table);
  free_result(&result);
}

static void test_cautions(void **state) {
  (void)state;
  wb_report_result result = made_result(
      "accuracy", wb_json("[oooo]", condition("ce", "0", "0.5", 0.8), condition("ce", "0.2", "0.5", 0.14),
                          condition("ce", "1", "0.5", 0.12), condition("ce", "5", "0.5", 0.11)));
  json_t *run = json_array_get(json_object_get(result.summary, "runs"), 0);
  wb_json_set(run, "values", wb_json("{s:{si}}", "per-class", "rows", 10));
  wb_json_append(json_object_get(result.summary, "failed"),
                 wb_json("{ss ss}", "file", "a.h5", "reason", "no labels"));
  const wb_report report = {.results = &result, .count = 1};
  json_t *skipped = wb_json("[s]", "x/summary.json is not JSON"),
         *list = wb_report_cautions(&report, skipped);
  assert_int_equal(json_array_size(list), 3);
  assert_string_equal(json_string_value(json_array_get(list, 0)), "x/summary.json is not JSON");
  assert_string_equal(json_string_value(json_array_get(list, 1)), "accuracy failed on a.h5: no labels");
  assert_string_equal(
      json_string_value(json_array_get(list, 2)),
      "Accuracy is near chance (at rho 0.2, 1 and 5): 0.110 to 0.140, where chance is 0.100.");
  json_decref(list);
  json_decref(skipped);
  free_result(&result);
}

/* ---- Trainings ---- */

static json_t *training(const char *epochs, const char *rho) {
  return wb_json("{ss s:{ss ss ss}}", "plugin", "train-ce", "parameters", "epochs", epochs, "patience", "3",
                 "rho", rho);
}

/* The warnings of a made study: runs 0 to 2 are seeds of ce at rho 0, 3 at rho 0.2. */
static json_t *warnings_of(const int *trainings, const char *id, json_t *values) {
  json_t *conditions = wb_json("[oo]", condition("ce", "0", "0.5", 0.8), condition("ce", "0.2", "0.5", 0.8));
  wb_json_set(json_array_get(conditions, 0), "runs", wb_json("[iii]", 0, 1, 2));
  wb_json_set(json_array_get(conditions, 1), "runs", wb_json("[i]", 3));
  wb_report_result result = made_result(id, conditions);
  wb_json_set(
      result.summary, "trainings",
      wb_json("[oooo]", training("5", "1"), training("10", "1"), training("20", "1"), training("5", "2")));
  json_t *runs = wb_must(json_array());
  for (size_t i = 0; i < 4; i++) {
    json_t *run = wb_json("{s:{s:s}}", "factors", "seed", "1");
    if (trainings[i] >= 0) wb_json_set(run, "training", json_integer(trainings[i]));
    if (values) wb_json_set(run, "values", json_incref(json_array_get(values, i)));
    wb_json_append(runs, run);
  }
  wb_json_set(result.summary, "runs", runs);
  const wb_report report = {.results = &result, .count = 1};
  json_t *list = wb_report_cautions(&report, NULL);
  free_result(&result);
  json_decref(values);
  return list;
}

static void check_mixed(const int *trainings, const char *expected) {
  json_t *list = warnings_of(trainings, "accuracy", NULL);
  assert_int_equal(json_array_size(list), expected ? 1 : 0);
  if (expected) assert_string_equal(json_string_value(json_array_get(list, 0)), expected);
  json_decref(list);
}

static void test_mixed_trainings(void **state) {
  (void)state;
  check_mixed((int[]){0, 0, 0, 0}, NULL);
  check_mixed((int[]){0, 3, 0, 3}, NULL); // rho means nothing where it is no factor
  check_mixed((int[]){-1, -1, -1, 0}, NULL);
  check_mixed((int[]){0, 1, 0, 0},
              "One condition mixes runs that were trained differently (at rho 0): epochs 5 and 10.");
  check_mixed((int[]){0, 1, 2, 2},
              "One condition mixes runs that were trained differently (at rho 0): epochs 5, 10 and 20.");
  check_mixed((int[]){0, 0, 0, 1},
              "Conditions differ in more than the strength of topography: epochs 5 and 10. What "
              "looks like its effect may be theirs.");
}

/* What training-curves says of a run: the validation accuracy, or (the sign turned) the validation loss, was
 * best at an epoch. */
static json_t *curves(int epochs, int best, bool accuracy) {
  json_t *y = wb_must(json_array());
  for (int e = 1; e <= epochs; e++)
    wb_json_append(y, wb_json_real((accuracy ? 0.5 : -0.5) + (accuracy ? 1 : -1) * (e >= best ? 0.1 : 0)));
  json_t *values = wb_json("{si}", "epochs", epochs);
  wb_json_set(values, "val-accuracy",
              accuracy ? wb_json("{so}", "y", y) : wb_json("{ss}", "missing", "no classifier"));
  wb_json_set(values, "val-loss",
              accuracy ? wb_json("{s:[fff]}", "y", 3.0, 2.0, 1.0) : wb_json("{so}", "y", y));
  return values;
}

static void check_end(json_t *first, json_t *second, json_t *third, const char *expected) {
  const int same[] = {0, 0, 0, 0};
  json_t *list =
      warnings_of(same, "training-curves", wb_json("[oooo]", first, second, third, curves(9, 4, true)));
  assert_int_equal(json_array_size(list), expected ? 1 : 0);
  if (expected) assert_string_equal(json_string_value(json_array_get(list, 0)), expected);
  json_decref(list);
}

static void test_trainings_that_ended_at_their_limit(void **state) {
  (void)state;
  check_end(curves(5, 2, true), curves(20, 17, true), curves(5, 1, false), NULL);   // patience 3 ended them
  check_end(curves(1, 1, true), wb_json("{si}", "epochs", 5), wb_json("{}"), NULL); // nothing to judge by
  check_end(
      curves(5, 5, true), curves(20, 19, false), curves(5, 1, true),
      "Training ended at its limit while validation still improved (2 of 4 runs): more epochs may change the "
      "results.");
  check_end(curves(5, 2, true), curves(20, 18, true), curves(5, 1, true),
            "Training ended at its limit before early stopping could end it (1 of 4 runs).");
}

static void test_papers(void **state) {
  (void)state;
  wb_report_paper paper = WB_REPORT_PAPERS_BOTH;
  assert_true(wb_paper_parse("beyond-topography", &paper));
  assert_int_equal(paper, WB_REPORT_BEYOND_TOPOGRAPHY);
  assert_false(wb_paper_parse("another", &paper));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escape),
      cmocka_unit_test(test_svg_keeps_shapes),
      cmocka_unit_test(test_svg_ids_are_its_own),
      cmocka_unit_test(test_svg_drops_what_could_harm),
      cmocka_unit_test(test_svg_refuses_what_is_none),
      cmocka_unit_test(test_svg_loses_its_caption),
      cmocka_unit_test(test_sentence),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_curve),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_similarity_table),
      cmocka_unit_test(test_cautions),
      cmocka_unit_test(test_mixed_trainings),
      cmocka_unit_test(test_trainings_that_ended_at_their_limit),
      cmocka_unit_test(test_papers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
