/* test_results_terminal.c: the table that a study prints. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "synthetic_example.h"

static const char *const ws[] = {"ws", NULL}, *const ce[] = {"ce", NULL}, *const two[] = {"0", "0.2", NULL};

static void emit_number(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const double rho = synthetic_number(c, "rho", 0);
  synthetic_add(values,
                (wb_value){.name = "i",
                           .shape = WB_SCALAR,
                           .data = (double[]){rho > 0 ? 0.5 + 0.02 * (double)seed : 0.001 * (double)seed}});
  synthetic_add(values, (wb_value){.name = "count",
                                   .shape = WB_SCALAR,
                                   .data = (double[]){1000 + 40 * (double)seed},
                                   .missing = rho > 0 ? "none" : NULL});
  synthetic_add(values, (wb_value){.name = "hidden", .shape = WB_SCALAR, .data = (double[]){7}});
}

static void test_terminal(void **state) {
  (void)state;
  wb_output outputs[] = {
      {.name = "i", .title = "Moran's \xce\x99", .shape = WB_SCALAR, .flags = WB_OUTPUT_HEADLINE},
      {.name = "count", .unit = "units", .shape = WB_SCALAR, .flags = WB_OUTPUT_HEADLINE},
      {.name = "hidden", .shape = WB_SCALAR}};
  wb_spec spec = synthetic_spec;
  spec.outputs = outputs;
  spec.output_count = 3;
  wb_study *study = synthetic_study(&(synthetic){.objectives = (const char *const[]){"ce", "supcon", NULL},
                                                 .topos = ws,
                                                 .rhos = two,
                                                 .seeds = 3,
                                                 .spec = &spec,
                                                 .emit = emit_number});
  char *text = NULL;
  assert_int_equal(wb_results_table(study, &text, NULL), WB_OK);
  assert_string_equal(text, "objective   rho   n   Moran's \xce\x99        count (units)\n"
                            "ce          0     3   0.002 +- 0.001   1080 +- 40\n"
                            "ce          0.2   3   0.540 +- 0.020   -\n"
                            "supcon      0     3   0.002 +- 0.001   1080 +- 40\n"
                            "supcon      0.2   3   0.540 +- 0.020   -\n");
  free(text);
  synthetic_free(study);
  study = synthetic_study(&(synthetic){.objectives = ce, .seeds = 1, .spec = &spec, .emit = emit_number});
  assert_int_equal(wb_results_table(study, &text, NULL), WB_OK);
  assert_string_equal(text, "n   Moran's \xce\x99   count (units)\n1   0.001000    1040\n");
  free(text);
  synthetic_free(study);
}

static void emit_table(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  (void)seed;
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){0}});
}

/* What is printed of a study that makes a table. */
static void check_table(wb_value table, const char *expected) {
  wb_output outputs[] = {{.name = "i", .shape = WB_SCALAR},
                         {.name = "drawn", .shape = WB_MATRIX, .flags = WB_OUTPUT_HEADLINE},
                         {.name = "table",
                          .x_label = "noise",
                          .y_label = "condition",
                          .shape = WB_MATRIX,
                          .plot = WB_PLOT_NONE,
                          .flags = WB_OUTPUT_HEADLINE}};
  wb_spec spec = synthetic_spec;
  spec.scope = WB_PER_STUDY;
  spec.outputs = outputs;
  spec.output_count = 3;
  wb_study *study =
      synthetic_study(&(synthetic){.objectives = ce, .seeds = 1, .spec = &spec, .emit = emit_table});
  char *text = NULL;
  table.name = "table";
  table.shape = WB_MATRIX;
  synthetic_add(&study->values, table);
  assert_int_equal(wb_results_table(study, &text, NULL), WB_OK);
  assert_string_equal(text, expected);
  free(text);
  synthetic_free(study);
}

/* Decimals by column, '-' where there is no number. */
static void test_table(void **state) {
  (void)state;
  char *rows[] = {"ce rho 0", "ce rho 0.2"}, *columns[] = {"within", "bold", "published"};
  double numbers[] = {0.77123, NAN, 0.77, 1.0 / 3, 1, NAN};
  check_table((wb_value){.rows = 2, .cols = 3, .data = numbers, .row_labels = rows, .col_labels = columns},
              "condition    within   bold   published\n"
              "ce rho 0     0.771    -      0.77\n"
              "ce rho 0.2   0.333    1      -\n");
}

/* More columns than a line holds become rows. */
static void test_wide_table(void **state) {
  (void)state;
  char *rows[] = {"ce", "supcon"}, *columns[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
  double numbers[22] = {0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, NAN};
  check_table((wb_value){.rows = 2, .cols = 11, .data = numbers, .row_labels = rows, .col_labels = columns},
              "noise   ce     supcon\na       0.5    11\nb       1.0    12\nc       2.0    13\n"
              "d       3.0    14\ne       4.0    15\nf       5.0    16\ng       6.0    17\n"
              "h       7.0    18\ni       8.0    19\nj       9.0    20\nk       10.0   -\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_terminal), cmocka_unit_test(test_table),
                                     cmocka_unit_test(test_wide_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
