/* test_study.c: factors of a study. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "study.h"

/* A condition from "name=value" texts, NULL-terminated. */
static wb_condition condition(const char *const *pairs) {
  wb_condition c = {.factors = calloc(8, sizeof(wb_factor))};
  for (; pairs[c.factor_count]; c.factor_count++) {
    const char *pair = pairs[c.factor_count], *equals = strchr(pair, '=');
    c.factors[c.factor_count].name = strndup(pair, (size_t)(equals - pair));
    c.factors[c.factor_count].value = strdup(equals + 1);
  }
  return c;
}

static void test_factor_get(void **state) {
  (void)state;
  const wb_factor f[] = {{.name = (char[]){"rho"}, .value = (char[]){"0.2"}}};
  assert_string_equal(wb_factor_get(f, 1, "rho"), "0.2");
  assert_null(wb_factor_get(f, 1, "lambda"));
  assert_null(wb_factor_get(NULL, 0, "rho"));
}

static void test_varied(void **state) {
  (void)state;
  wb_study study = {.conditions = calloc(3, sizeof(wb_condition)), .condition_count = 3};
  study.conditions[0] =
      condition((const char *[]){"objective=ce", "arch=shallowcnn", "rho=0", "seed=1", NULL});
  study.conditions[1] =
      condition((const char *[]){"objective=ce", "arch=shallowcnn", "rho=0.2", "seed=2", NULL});
  study.conditions[2] =
      condition((const char *[]){"objective=supcon", "arch=shallowcnn", "rho=0", "extra=x", NULL});
  const char **names = NULL;
  size_t count = 0;
  assert_int_equal(wb_study_varied(&study, &names, &count, NULL), WB_OK);
  assert_int_equal(count, 3);
  assert_string_equal(names[0], "objective");
  assert_string_equal(names[1], "rho");
  assert_string_equal(names[2], "extra"); // present in one only
  free(names);
  study.condition_count = 1;
  assert_int_equal(wb_study_varied(&study, &names, &count, NULL), WB_OK);
  assert_int_equal(count, 0);
  free(names);
  study.condition_count = 3;
  wb_study_free(&study);
  assert_int_equal(wb_study_varied(&study, &names, &count, NULL), WB_OK);
  assert_int_equal(count, 0);
  free(names);
  wb_study_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_factor_get), cmocka_unit_test(test_varied)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
