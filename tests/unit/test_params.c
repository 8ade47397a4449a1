/* test_params.c: parameters: text, canonical text, files, struct. SPDX-License-Identifier: GPL-3.0-or-later
 */
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

#include "made_plugin.h"
#include "params.h"

static wb_spec *spec;
static char folder[] = "/tmp/wb_params_XXXXXX", path[64];

static int setup(void **state) {
  (void)state;
  snprintf(path, sizeof path, "%s/p.yaml", mkdtemp(folder) ? folder : "");
  return wb_spec_from_plugin(&made_plugin, "/p", 0, "b", &spec, NULL) == WB_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  wb_spec_free(spec);
  unlink(path);
  return rmdir(folder);
}

/* The canonical form, or the message where there is none; valid until the next call. */
static const char *canonical(const char *name, const char *text) {
  static char result[sizeof(((wb_error *)0)->message)];
  char *out = NULL;
  wb_error err = {0};
  const wb_status status = wb_param_normalise(wb_spec_param(spec, name), text, &out, &err);
  assert_true(status == WB_OK || (status == WB_ARG && !out));
  snprintf(result, sizeof result, "%s", out ? out : err.message);
  free(out);
  return result;
}

static void test_canonical(void **state) {
  (void)state;
  static const char *const cases[][3] = {
      {"torus", "on", "yes"},
      {"torus", "0", "no"},
      {"neighbours", "rook", "rook"},
      {"count", "+007", "7"},
      {"count", "", ""},
      {"rate", "1e-1", "0.1"},
      {"rate", "0.30000000000000004", "0.30000000000000004"}, // as short as reads back exactly, not shorter
      {"rate", "0.333333333333333314829616256247", "0.3333333333333333"},
      {"rate", "-0", "0"},
      {"rate", "1.", "1"},
      {"name", "any thing, at=all", "any thing, at=all"},
      {"file", "/no/such/file", "/no/such/file"},
      {"units", "1,-2,+3", "1,-2,3"},
      {"levels", "0.10,2", "0.1,2"},
      {"layers", "a,b", "a,b"},
      {"layers", "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(canonical(cases[i][0], cases[i][1]), cases[i][2]);
}

static void test_refused(void **state) {
  (void)state;
  static const char *const cases[][3] = {
      {"torus", "maybe", "--torus is maybe; it must be yes or no"},
      {"torus", "", "--torus is ; it must be yes or no"},
      {"neighbours", "qeen",
       "--neighbours cannot be qeen, only rook, queen or distance; did you mean queen?"},
      {"count", "1.5", "--count is 1.5; it must be a whole number"},
      {"count", "99999999999999999999", "--count is 99999999999999999999; it must be a whole number"},
      {"count", "-9223372036854775808", "--count is -9223372036854775808; it must be a whole number"},
      {"count", "-6", "--count is -6; it must be in [-5..1,000,000]"},
      {"rate", "nan", "--rate is nan; it must be a number"},
      {"rate", "inf", "--rate is inf; it must be a number"},
      {"rate", "1x", "--rate is 1x; it must be a number"},
      {"rate", "1.01", "--rate is 1.01; it must be in [0..1]"},
      {"units", "1,,2", "--units is 1,,2; it has an empty item"},
      {"units", "1,", "--units is 1,; it has an empty item"},
      {"levels", "1,3", "--levels is 3; it must be in [0..2]"},
      {"name", "\xff", "--name is not valid UTF-8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(canonical(cases[i][0], cases[i][1]), cases[i][2]);
}

static void test_relative_path(void **state) {
  (void)state;
  char here[512], expected[600];
  assert_non_null(getcwd(here, sizeof here));
  snprintf(expected, sizeof expected, "%s/not/there", here);
  assert_string_equal(canonical("file", "not/there"), expected);
  assert_string_equal(canonical("file", "."), here);
}

static made_params *filled(char **settings) {
  void *params = NULL;
  wb_error err = {0};
  if (wb_struct_fill(settings, spec, &params, &err) != WB_OK) fail_msg("%s", err.message);
  return params;
}

static void test_struct_of_defaults(void **state) {
  (void)state;
  char **settings = wb_settings_new(spec);
  made_params *p = filled(settings);
  assert_int_equal(p->torus, 0);
  assert_int_equal(p->neighbours, 1);
  assert_true(p->count == WB_INT_UNSET);
  assert_true(p->rate == 0.1);
  assert_null(p->name);
  assert_null(p->file);
  assert_int_equal(p->units.count, 3);
  assert_int_equal(p->units.items[0], 3);
  assert_int_equal(p->levels.count, 0);
  assert_int_equal(p->layers.count, 2);
  assert_string_equal(p->layers.items[1], "fc");
  wb_struct_free(p, spec);
  wb_struct_free(NULL, spec);
  wb_settings_free(settings, spec);
}

static void test_struct_of_values(void **state) {
  (void)state;
  char **settings = wb_settings_new(spec);
  static const char *const values[][2] = {{"torus", "yes"}, {"count", "-5"},     {"rate", "1"},
                                          {"name", "x"},    {"levels", "0,1.5"}, {"layers", ""}};
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(wb_settings_set(settings, spec, values[i][0], values[i][1], NULL), WB_OK);
  made_params *p = filled(settings);
  assert_int_equal(p->torus, 1);
  assert_int_equal(p->count, -5);
  assert_true(p->rate == 1);
  assert_string_equal(p->name, "x");
  assert_true(p->levels.count == 2 && p->levels.items[1] == 1.5);
  assert_int_equal(p->layers.count, 0);
  wb_struct_free(p, spec);
  free(settings[3]);
  settings[3] = strdup("2"); // as if another process had sent it
  void *none = NULL;
  assert_int_equal(wb_struct_fill(settings, spec, &none, NULL), WB_ARG);
  assert_null(none);
  wb_settings_free(settings, spec);
}

static wb_status load(char **settings, char **seed, const char *text, wb_error *err) {
  static const char *const host_names[] = {"seed"};
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  *err = (wb_error){0};
  return wb_settings_load(settings, spec, path, host_names, seed, 1, err);
}

static void test_file(void **state) {
  (void)state;
  char **settings = wb_settings_new(spec), *seed = NULL;
  wb_error err;
  const char *text = "# a comment\n"
                     "made:\n  rate: 0.5\n" // the section overrides the common values, wherever it stands
                     "rate: 0.25\n"
                     "torus: true\n"
                     "units: [4, 5]\n"
                     "layers:\n  - a\n  - b\n"
                     "name: 'it''s'\n"
                     "count:\n"
                     "seed: 12\n"
                     "other-plugin:\n  zebra: 1\n";
  assert_int_equal(load(settings, &seed, text, &err), WB_OK);
  static const char *const expected[] = {"yes", "queen", "", "0.5", "it's", "", "4,5", "", "a,b"};
  for (size_t i = 0; i < 9; i++) assert_string_equal(settings[i], expected[i]);
  assert_string_equal(seed, "12");
  free(seed);
  wb_settings_free(settings, spec);
}

static void test_faulty_files(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"rat: 1\n", "p.yaml: made has no parameter rat; did you mean rate?"},
      {"rate: 7\n", "p.yaml: made: --rate is 7; it must be in [0..1]"},
      {"units: [[1]]\n", "p.yaml: units must be a single value or a list of values"},
      {"made:\n  rate:\n    x: 1\n", "p.yaml: rate must be a single value or a list of values"},
      {"rate: 1\nrate: 2\n", "p.yaml, line 2: a key is given twice"},
      {"rate: &a 1\nlevels: *a\n", "p.yaml, line 1: anchors and aliases are not supported"},
      {"- 1\n", "p.yaml: it must hold lines such as \"rho: 0.2\""},
      {"", "p.yaml: it must hold lines such as \"rho: 0.2\""},
      {"rate: [1\n", "p.yaml, line 2: not valid YAML"},
      {"rate: 1\n---\nrate: 2\n", "p.yaml, line 2: only one document is expected"},
      {"rate: \"a\\0b\"\n", "p.yaml, line 1: a value holds a character that text cannot hold"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char **settings = wb_settings_new(spec), *seed = NULL;
    wb_error err;
    assert_int_not_equal(load(settings, &seed, cases[i][0], &err), WB_OK);
    if (!strstr(err.message, cases[i][1])) fail_msg("\"%s\" lacks \"%s\"", err.message, cases[i][1]);
    free(seed);
    wb_settings_free(settings, spec);
  }
}

static void test_required(void **state) {
  (void)state;
  static const wb_param row = {
      .name = "target", .help = "what to compare with", .type = WB_PATH, .flags = WB_PARAM_REQUIRED};
  wb_plugin plugin = made_plugin;
  plugin.params = (wb_table){&row, 1, sizeof row};
  wb_spec *one = NULL;
  assert_int_equal(wb_spec_from_plugin(&plugin, "/p", 0, "b", &one, NULL), WB_OK);
  char **settings = wb_settings_new(one);
  wb_error err = {0};
  assert_int_equal(wb_settings_complete(settings, one, &err), WB_ARG);
  assert_string_equal(err.message, "made needs --target <path>: what to compare with");
  assert_int_equal(wb_settings_set(settings, one, "target", "/x", NULL), WB_OK);
  assert_int_equal(wb_settings_complete(settings, one, NULL), WB_OK);
  wb_settings_free(settings, one);
  wb_spec_free(one);
}

static void test_usage(void **state) {
  (void)state;
  wb_opt *options = wb_params_options(spec);
  assert_null(options[0].value);
  assert_int_equal(options[0].kind, WB_OPT_SWITCH);
  assert_string_equal(options[1].value, "<rook|queen|distance>");
  assert_string_equal(options[1].help, "help of neighbours (default: queen)");
  assert_string_equal(options[2].help, "help of count [-5..1,000,000] (stimuli)");
  assert_string_equal(options[6].value, "<int,int,..>");
  assert_string_equal(options[8].name, "levels"); // advanced: after the others
  assert_string_equal(options[8].group, "advanced options");
  wb_params_free_options(options, spec->param_count);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_canonical),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_relative_path),
      cmocka_unit_test(test_struct_of_defaults),
      cmocka_unit_test(test_struct_of_values),
      cmocka_unit_test(test_file),
      cmocka_unit_test(test_faulty_files),
      cmocka_unit_test(test_required),
      cmocka_unit_test(test_usage),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
