/* test_pattern.c: factors from file names. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pattern.h"

static void note(void *context, const char *name, int name_length, const char *value, int value_length) {
  char *out = context;
  sprintf(out + strlen(out), "%.*s=%.*s;", name_length, name, value_length, value);
}

static void matches(const char *pattern, const char *path, const char *expected) {
  char out[256] = "";
  assert_int_equal(wb_pattern_check(pattern, NULL), WB_OK);
  assert_int_equal(wb_pattern_match(pattern, path, note, out), expected != NULL);
  assert_string_equal(out, expected ? expected : "");
}

static void test_matches(void **state) {
  (void)state;
  matches("r{rho}_s{seed}.h5", "runs/r0.2_s3.h5", "rho=0.2;seed=3;");
  matches("r{rho}_s{seed}.h5", "r0.2_s3.h5", "rho=0.2;seed=3;");
  matches("r{rho}_s{seed}.h5", "/a/xr0.2_s3.h5", NULL);
  matches("r{rho}_s{seed}.h5", "r0.2_s3.h5.bak", NULL);
  matches("r{rho}_s{seed}.h5", "r_s3.h5", NULL); // nothing stands for rho
  matches("{objective}_{}_s{seed}.npz", "ce_a_b_s1_s2.npz", "objective=ce;seed=1_s2;");
  matches("{objective}/s{seed}.h5", "x/y/ce/s1.h5", "objective=ce;seed=1;");
  matches("{objective}/s{seed}.h5", "s1.h5", NULL);
  matches("{a}x{b}", "1x2x3", "a=1;b=2x3;"); // as few as will do
  matches("{a}.h5", "runs/.h5", NULL);
}

static void test_refused(void **state) {
  (void)state;
  const char *const bad[] = {"r0.h5", "{}.h5", "r{rho", "r{rho}}.h5", "{a}{b}.h5", "{a b}.h5", ""};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    wb_error err = {0};
    assert_int_equal(wb_pattern_check(bad[i], &err), WB_ARG);
    assert_non_null(strstr(err.message, "--pattern"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches), cmocka_unit_test(test_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
