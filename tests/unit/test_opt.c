/* test_opt.c: command lines. SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "opt.h"

static const wb_opt options[] = {
    {"in", 0, WB_OPT_MANY, "FILE..", "files", NULL},
    {"rho", 0, WB_OPT_ONE, "<number>", "size", NULL},
    {"object", 0, WB_OPT_EACH, "ROLE=/PATH", "objects", NULL},
    {"torus", 0, WB_OPT_SWITCH, NULL, "wrap", NULL},
    {"quiet", 'q', WB_OPT_FLAG, NULL, "no noise", "output"},
};
enum { OPTIONS = sizeof options / sizeof options[0], MOST = 16 };

/* Parses words up to NULL. */
static wb_status parse(wb_args *args, wb_error *err, const char *const *words) {
  int count = 0;
  char *argv[MOST] = {0};
  for (; words[count]; count++) argv[count] = (char *)(uintptr_t)words[count];
  *err = (wb_error){0};
  return wb_args_parse("moran", options, OPTIONS, argv, count, args, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_kinds(void **state) {
  (void)state;
  wb_args args;
  wb_error err;
  assert_int_equal(parse(&args, &err, WORDS("--in", "a", "b", "-q", "--rho", "1", "--rho=2", "--no-torus")),
                   WB_OK);
  assert_int_equal(args.count, 6);
  assert_string_equal(args.given[0].value, "a");
  assert_string_equal(args.given[1].value, "b");
  assert_string_equal(wb_args_value(&args, "in"), "b");
  assert_string_equal(wb_args_value(&args, "rho"), "2"); // the last one counts
  assert_true(wb_args_flag(&args, "quiet"));
  assert_false(wb_args_flag(&args, "torus"));
  assert_non_null(wb_args_find(&args, "torus"));
  assert_null(wb_args_find(&args, "object"));
  assert_int_equal(args.word_count, 0);
  wb_args_free(&args);
}

static void test_numbers_are_values(void **state) {
  (void)state;
  wb_args args;
  wb_error err;
  assert_int_equal(parse(&args, &err, WORDS("--rho", "-1.5", "--object=a=/b=c", "x", "--", "--rho", "-q")),
                   WB_OK);
  assert_string_equal(wb_args_value(&args, "rho"), "-1.5");
  assert_string_equal(wb_args_value(&args, "object"), "a=/b=c");
  assert_int_equal(args.word_count, 3); // after --, everything is a word
  assert_string_equal(args.words[0], "x");
  assert_string_equal(args.words[2], "-q");
  wb_args_free(&args);
}

static void test_faults(void **state) {
  (void)state;
  static const struct {
    const char *words[3], *message;
  } cases[] = {
      {{"--rha"}, "moran has no option --rha; did you mean --rho?"},
      {{"--zebra"}, "moran has no option --zebra"},
      {{"--no-rho"}, "moran has no option --no-rho"},
      {{"-x"}, "moran has no option -x"},
      {{"-qq"}, "moran has no option -qq"},
      {{"--rho"}, "moran: --rho needs a value: --rho <number>"},
      {{"--rho", "--torus"}, "moran: --rho needs a value: --rho <number>"},
      {{"--in", "-q"}, "moran: --in needs a value: --in FILE.."},
      {{"--torus=yes"}, "moran: --torus takes no value (found yes)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wb_args args;
    wb_error err;
    assert_int_equal(parse(&args, &err, cases[i].words), WB_ARG);
    assert_string_equal(err.message, cases[i].message);
    wb_args_free(&args);
  }
}

static void test_nothing(void **state) {
  (void)state;
  wb_args args;
  wb_error err;
  const char *const none[] = {NULL};
  assert_int_equal(parse(&args, &err, none), WB_OK);
  assert_int_equal(args.count + args.word_count, 0);
  wb_args_free(&args);
}

static void wrapped(char *out, size_t size, const char *text, int indent, int width) {
  FILE *file = fmemopen(out, size, "w");
  wb_print_wrapped(file, text, indent, width);
  fclose(file);
}

static void test_wrapping(void **state) {
  (void)state;
  char out[128];
  wrapped(out, sizeof out, "one two  three four", 2, 10);
  assert_string_equal(out, "one two\n  three\n  four\n");
  wrapped(out, sizeof out, "first\nsecond-that-is-long", 4, 10);
  assert_string_equal(out, "first\n    second-that-is-long\n");
  wrapped(out, sizeof out, "", 4, 10);
  assert_string_equal(out, "\n");
}

static void test_usage(void **state) {
  (void)state;
  char out[1024];
  FILE *file = fmemopen(out, sizeof out, "w");
  wb_opt_usage(file, options, OPTIONS);
  fclose(file);
  assert_string_equal(out, "\noptions\n"
                           "      --in FILE..                 files\n"
                           "      --rho <number>              size\n"
                           "      --object ROLE=/PATH         objects\n"
                           "      --torus                     wrap\n"
                           "\noutput\n"
                           "  -q, --quiet                     no noise\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),    cmocka_unit_test(test_numbers_are_values),
      cmocka_unit_test(test_faults),   cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_wrapping), cmocka_unit_test(test_usage)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
