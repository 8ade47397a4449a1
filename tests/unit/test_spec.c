/* test_spec.c: descriptors: copying, checking, and the way through JSON. SPDX-License-Identifier:
 * GPL-3.0-or-later */
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
#include "spec.h"

static wb_spec *copied(const wb_plugin *plugin) {
  wb_spec *spec = NULL;
  wb_error err = {0};
  if (wb_spec_from_plugin(plugin, "/p/made.so", 3, "abc", &spec, &err) != WB_OK) fail_msg("%s", err.message);
  return spec;
}

static void test_copy(void **state) {
  (void)state;
  wb_spec *spec = copied(&made_plugin);
  assert_string_equal(spec->id, "made");
  assert_string_equal(spec->author, ""); // NULL in the plugin
  assert_int_equal(spec->param_count, 9);
  assert_ptr_not_equal(spec->params[1].name, made_param_rows[1].name);
  assert_string_equal(wb_spec_param(spec, "neighbours")->choices[2], "distance");
  assert_string_equal(wb_spec_input(spec, "rdm")->object, "rdm/rdm");
  assert_string_equal(wb_spec_output(spec, "local")->title, "local"); // its name, for want of a title
  assert_null(wb_spec_param(spec, "zebra"));
  assert_false(spec->checks);
  char *axes = wb_input_axes(&spec->inputs[0]);
  assert_string_equal(axes, "[stimulus, unit]");
  free(axes);
  wb_spec_free(spec);
  wb_spec_free(NULL);
}

/* The same descriptor after the way through JSON: compared as JSON, and where JSON cannot tell. */
static void test_round_trip(void **state) {
  (void)state;
  wb_spec *spec = copied(&made_plugin), *again = NULL;
  const uint32_t all = 2 * WB_OUTPUT_SEM - 1; // every flag of an output
  spec->outputs[1].flags = all;
  json_t *json = wb_spec_to_json(spec);
  char *text = json_dumps(json, JSON_SORT_KEYS);
  json_t *parsed = json_loads(text, 0, NULL);
  wb_error err = {0};
  assert_int_equal(wb_spec_from_json(parsed, &again, &err), WB_OK);
  json_t *second = wb_spec_to_json(again);
  assert_true(json_equal(json, second));
  assert_int_equal(again->flags, WB_STOCHASTIC | WB_NEEDS_ENGINE);
  assert_int_equal(again->scope, WB_PER_GROUP);
  assert_int_equal(again->index, 3);
  assert_int_equal(again->inputs[0].shared_axes, 1);
  assert_int_equal(again->inputs[1].kind, WB_DERIVED);
  assert_int_equal(again->params[5].flags, WB_PARAM_NOT_IDENTITY);
  assert_int_equal(again->params[6].offset, offsetof(made_params, units));
  assert_true(isinf(again->outputs[0].high) && again->outputs[0].high > 0);
  assert_true(isnan(again->outputs[1].reference));
  assert_true(again->outputs[0].reference == 0);
  assert_int_equal(again->outputs[1].plot, WB_PLOT_MAPS);
  assert_int_equal(again->outputs[1].flags, all);
  free(text);
  json_decref(json);
  json_decref(parsed);
  json_decref(second);
  wb_spec_free(spec);
  wb_spec_free(again);
}

/* Rows of a later minor are longer: what we know of them is at their beginning. */
static void test_longer_rows(void **state) {
  (void)state;
  struct {
    wb_output row;
    double later;
  } rows[2] = {{made_output_rows[0], 7}, {made_output_rows[1], 8}};
  wb_plugin plugin = made_plugin;
  plugin.outputs = (wb_table){rows, 2, sizeof rows[0]};
  wb_spec *spec = copied(&plugin);
  assert_string_equal(spec->outputs[1].name, "local");
  wb_spec_free(spec);
}

static void refused(const wb_plugin *plugin, const char *part) {
  wb_spec *spec = NULL;
  wb_error err = {0};
  assert_int_equal(wb_spec_from_plugin(plugin, "/p", 0, "b", &spec, &err), WB_INTERNAL);
  assert_null(spec);
  if (!strstr(err.message, part)) fail_msg("\"%s\" lacks \"%s\"", err.message, part);
}

static void test_faulty_descriptors(void **state) {
  (void)state;
  wb_plugin p = made_plugin;
  p.id = "Made Plugin";
  refused(&p, "no id for a plugin");
  p = made_plugin;
  p.id = NULL;
  refused(&p, "no id for a plugin");
  p = made_plugin;
  p.kind = 9;
  refused(&p, "no known kind");
  p = made_plugin;
  p.scope = 9;
  refused(&p, "no known scope");
  p = made_plugin;
  p.version = NULL;
  refused(&p, "lacks a version");
  p = made_plugin;
  p.run = NULL;
  refused(&p, "no run function");
  p = made_plugin;
  p.outputs.count = 0;
  refused(&p, "declares no output");
  p = made_plugin;
  p.params.stride = 8;
  refused(&p, "table of parameters is malformed");
  p = made_plugin;
  p.inputs.rows = NULL;
  refused(&p, "table of inputs is malformed");
}

static void test_faulty_params(void **state) {
  (void)state;
  static const struct {
    wb_param row;
    const char *part;
  } cases[] = {
      {{.name = "Torus", .type = WB_BOOL, .default_text = "no"}, "no name for a parameter"},
      {{.name = "in", .type = WB_STRING}, "option of workbench itself"},
      {{.name = "a", .type = 77}, "no known type"},
      {{.name = "a", .type = WB_BOOL}, "has no default"},
      {{.name = "a", .type = WB_CHOICE, .default_text = "x"}, "no choices"},
      {{.name = "a", .type = WB_CHOICE, .choices = made_choices, .default_text = "bishop"},
       "only rook, queen or"},
      {{.name = "a", .type = WB_INT, .min = 3, .default_text = "4"}, "bounds"},
      {{.name = "a", .type = WB_INT, .min = 3, .max = 9, .default_text = "10"}, "must be in [3..9]"},
      {{.name = "a", .type = WB_FLOAT, .min = NAN, .max = 1}, "bounds"},
      {{.name = "a", .type = WB_FLOAT, .offset = sizeof(made_params)}, "outside of the parameter struct"},
      {{.name = "a", .type = WB_FLOAT, .offset = 4}, "outside of the parameter struct"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wb_plugin p = made_plugin;
    p.params = (wb_table){&cases[i].row, 1, sizeof(wb_param)};
    refused(&p, cases[i].part);
  }
  const wb_param twice[] = {made_param_rows[0], made_param_rows[0]};
  wb_plugin p = made_plugin;
  p.params = (wb_table)WB_TABLE(twice);
  refused(&p, "torus twice");
}

static void test_faulty_inputs_and_outputs(void **state) {
  (void)state;
  static const struct {
    wb_input row;
    const char *part;
  } inputs[] = {
      {{.role = "a", .kind = 9}, "no known kind"},
      {{.role = "a", .element = 9, .rank = 1, .axes = {"x"}}, "no known element type"},
      {{.role = "a", .element = WB_F32, .rank = 0}, "rank 0"},
      {{.role = "a", .element = WB_F32, .rank = 5}, "rank 5"},
      {{.role = "a", .element = WB_F32, .rank = 2, .axes = {"x"}}, "axis 1"},
      {{.role = "a", .element = WB_F32, .rank = 1, .axes = {"x"}, .object = "rel"}, "absolute path"},
      {{.role = "a", .element = WB_F32, .rank = 1, .axes = {"x"}, .shared_axes = 2}, "shares an axis"},
      {{.role = "a", .kind = WB_DERIVED, .element = WB_F32, .object = "rdm"},
       "must name a plugin and its output"},
  };
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    wb_plugin p = made_plugin;
    p.inputs = (wb_table){&inputs[i].row, 1, sizeof(wb_input)};
    refused(&p, inputs[i].part);
  }
  static const struct {
    wb_output row;
    const char *part;
  } outputs[] = {
      {{.name = "a", .shape = 9, .high = 1}, "no known shape"},
      {{.name = "a", .shape = WB_SCALAR, .plot = 9, .high = 1}, "no known plot"},
      {{.name = "a", .shape = WB_SCALAR}, "bounds"},
      {{.name = "a", .shape = WB_SCALAR, .low = 1, .high = 0}, "bounds"},
      {{.name = "a", .shape = WB_SCALAR, .high = 1, .beside = "b"}, "beside b"},
      {{.name = "", .shape = WB_SCALAR, .high = 1}, "no name for an output"},
  };
  for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
    wb_plugin p = made_plugin;
    p.outputs = (wb_table){&outputs[i].row, 1, sizeof(wb_output)};
    refused(&p, outputs[i].part);
  }
}

/* JSON from elsewhere is checked, too: no descriptor without its names gets through. */
static void test_malformed_json(void **state) {
  (void)state;
  static const char *const texts[] = {
      "{}", "[]", "{\"id\": 3}", "{\"id\": \"a\", \"kind\": \"zebra\"}",
      ("{\"id\": \"a\", \"kind\": \"metric\", \"scope\": \"run\", \"version\": \"1\", "
       "\"title\": \"t\", \"params\": [{}], \"outputs\": [{}]}")};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    json_t *json = json_loads(texts[i], 0, NULL);
    wb_spec *spec = NULL;
    wb_error err = {0};
    assert_non_null(json);
    assert_int_equal(wb_spec_from_json(json, &spec, &err), WB_INTERNAL);
    assert_true(*err.message);
    json_decref(json);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_copy),           cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_longer_rows),    cmocka_unit_test(test_faulty_descriptors),
      cmocka_unit_test(test_faulty_params),  cmocka_unit_test(test_faulty_inputs_and_outputs),
      cmocka_unit_test(test_malformed_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
