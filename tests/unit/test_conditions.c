/* test_conditions.c: runs to conditions. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conditions.h"

static wb_run make_run(const char *path, const char *const *pairs) {
  size_t count = 0;
  while (pairs[2 * count]) count++;
  wb_run run = {.path = strdup(path), .factors = calloc(count, sizeof(wb_factor)), .factor_count = count};
  for (size_t i = 0; i < count; i++)
    run.factors[i] = (wb_factor){strdup(pairs[2 * i]), strdup(pairs[2 * i + 1])};
  return run;
}

#define RUN(path, ...) make_run(path, (const char *const[]){__VA_ARGS__, NULL})

static wb_study study_of(const wb_run *runs, size_t count) {
  wb_study study = {.runs = calloc(count, sizeof *runs), .run_count = count};
  if (count) memcpy(study.runs, runs, count * sizeof *runs);
  wb_conditions_make(&study);
  return study;
}

static void test_order(void **state) {
  (void)state;
  const wb_run runs[] = {
      RUN("a", "objective", "supcon", "topo", "ws", "rho", "0", "seed", "1"),
      RUN("b", "objective", "ce", "topo", "ws", "rho", "5", "seed", "10"),
      RUN("c", "objective", "ce", "topo", "ws", "rho", "0.2", "seed", "1"),
      RUN("d", "objective", "ce", "topo", "ws", "rho", "5", "seed", "9"),
      RUN("e", "objective", "ce", "topo", "as", "lambda", "0.5", "seed", "1"),
      RUN("f", "objective", "ce", "topo", "ws", "rho", "0.20", "seed", "2"), // the same number
      RUN("g", "objective", "ce", "topo", "ws", "rho", "0.2", "seed", "1", "dropout", "0"),
  };
  wb_study study = study_of(runs, 7);
  static const char *const paths[] = {"e", "c", "f", "g", "d", "b", "a"};
  static const uint32_t conditions[] = {0, 1, 1, 2, 3, 3, 4};
  for (size_t i = 0; i < 7; i++) {
    assert_string_equal(study.runs[i].path, paths[i]);
    assert_int_equal(study.runs[i].condition, conditions[i]);
  }
  assert_int_equal(study.condition_count, 5);
  assert_int_equal(study.conditions[3].run_count, 2);
  assert_int_equal(study.conditions[3].runs[0], 4); // seed 9 before seed 10
  assert_null(wb_factor_get(study.conditions[1].factors, study.conditions[1].factor_count, "seed"));
  assert_string_equal(wb_factor_get(study.conditions[1].factors, study.conditions[1].factor_count, "rho"),
                      "0.2");
  wb_study_free(&study);
}

static void test_again(void **state) {
  (void)state;
  const wb_run runs[] = {RUN("a", "rho", "1", "seed", "2"), RUN("b", "rho", "1", "seed", "1")};
  wb_study study = study_of(runs, 2);
  wb_conditions_make(&study);
  assert_int_equal(study.condition_count, 1);
  assert_int_equal(study.conditions[0].run_count, 2);
  assert_string_equal(study.runs[0].path, "b");
  wb_study_free(&study);
}

static void check_text(const wb_run *runs, size_t count, const char *expected) {
  wb_study study = study_of(runs, count);
  char *text = wb_conditions_text(&study);
  assert_string_equal(text, expected);
  free(text);
  wb_study_free(&study);
}

static void test_text(void **state) {
  (void)state;
  const wb_run one[] = {RUN("a", "rho", "1", "seed", "1")};
  check_text(one, 1, "1 run, 1 condition");
  const wb_run equal[] = {RUN("a", "objective", "ce", "rho", "1", "seed", "1"),
                          RUN("b", "objective", "ce", "rho", "1", "seed", "2"),
                          RUN("c", "objective", "ce", "rho", "2", "seed", "1"),
                          RUN("d", "objective", "ce", "rho", "2", "seed", "2")};
  check_text(equal, 4, "4 runs, 2 conditions of 2 seeds (rho)");
  const wb_run unequal[] = {RUN("a", "rho", "1", "seed", "1"), RUN("b", "rho", "1", "seed", "2"),
                            RUN("c", "rho", "2", "seed", "1")};
  check_text(unequal, 3, "3 runs, 2 conditions of 1 to 2 seeds (rho)");
  check_text(NULL, 0, "0 runs, 0 conditions");
}

static void test_condition_text(void **state) {
  (void)state;
  const wb_run runs[] = {RUN("a", "objective", "ce", "rho", "0", "dropout", "0.5", "seed", "1"),
                         RUN("b", "objective", "supcon", "rho", "0.2", "dropout", "0.5", "seed", "1")};
  wb_study study = study_of(runs, 2);
  char *text = wb_condition_text(&study, &study.conditions[1]);
  assert_string_equal(text, "supcon, rho 0.2");
  free(text);
  wb_study_free(&study);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_again),
                                     cmocka_unit_test(test_text), cmocka_unit_test(test_condition_text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
