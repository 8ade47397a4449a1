/* test_profile.c: parts add up, limits are plausible. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "limits.h"
#include "profile.h"

typedef struct lines {
  int count;
  char text[8][200];
} lines;

static void keep(void *context, const char *text) {
  lines *l = context;
  assert_true(l->count < 8);
  snprintf(l->text[l->count++], sizeof l->text[0], "%s", text);
}

static void test_parts(void **state) {
  (void)state;
  wb_profile *profile = NULL;
  assert_int_equal(wb_profile_create(&profile, NULL), WB_OK);
  const double begin = wb_profile_start(profile);
  /* Begun half a second and two seconds ago: 2e9 and 1e9 operations in 0.5 s, none in 2 s. */
  wb_profile_stop(profile, begin - 0.25, "conv1", "forward", 2e9, 0);
  wb_profile_stop(profile, begin - 2, "head", "backward", 0, 4e9);
  wb_profile_stop(profile, begin - 0.25, "conv1", "forward", 1e9, 0);
  lines l = {0};
  wb_profile_report(profile, keep, &l);
  assert_int_equal(l.count, 5);
  assert_non_null(strstr(l.text[0], "profile of 2.5"));
  char name[32], pass[32];
  long calls;
  double each, share, rate;
  assert_int_equal(sscanf(l.text[2], "%31s %31s %ld %lf %lf%% %lf", name, pass, &calls, &each, &share, &rate),
                   6);
  assert_string_equal(name, "conv1");
  assert_string_equal(pass, "forward");
  assert_true(calls == 2 && each >= 250 && each < 300 && share > 18 && share < 25 && rate > 5 && rate <= 6);
  assert_int_equal(sscanf(l.text[3], "%31s %31s %ld %lf %lf%% %lf", name, pass, &calls, &each, &share, &rate),
                   6);
  assert_true(calls == 1 && each >= 2000 && each < 2100 && rate > 1.8 && rate <= 2);
  wb_profile_free(profile);
}

/* Off, everything is allowed and nothing happens. */
static void test_off(void **state) {
  (void)state;
  assert_true(wb_profile_start(NULL) == 0);
  wb_profile_stop(NULL, 0, "a", "b", 1, 1);
  lines l = {0};
  wb_profile_report(NULL, keep, &l);
  assert_int_equal(l.count, 0);
  wb_profile_free(NULL);
}

/* A core can do more than half a GF/s, and less than 64 operations in each of 8e9 cycles; memory serves less
 * than a terabyte a second. */
static void test_limits(void **state) {
  (void)state;
  const wb_limits limits = wb_limits_measure();
  assert_int_equal(limits.threads, omp_get_max_threads());
  assert_true(limits.flops > 0.5e9 && limits.flops < 64 * 8e9 * limits.threads);
  assert_true(limits.memory > 0.2e9 && limits.memory < 1e12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_off),
                                     cmocka_unit_test(test_limits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
