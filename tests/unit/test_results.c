/* test_results.c: result folders of made-up studies.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "synthetic_example.h"

static char folder[] = "/tmp/wb_results_XXXXXX", *search_path, result[64];
static const char *const ws[] = {"ws", NULL}, *const ce[] = {"ce", NULL}, *const two[] = {"0", "0.2", NULL};

/* Figures are not drawn, but in the tests that say so. */
static int setup(void **state) {
  (void)state;
  search_path = strdup(getenv("PATH"));
  if (!mkdtemp(folder)) return -1;
  snprintf(result, sizeof result, "%s/deep/results/example", folder);
  return setenv("PATH", "/nowhere", 1);
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  setenv("PATH", search_path, 1);
  free(search_path);
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static char *inside(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", result, name);
  return path;
}

static bool exists(const char *name) {
  return access(inside(name), F_OK) == 0;
}

static const char *content(const char *name) {
  static char text[4000000];
  FILE *file = fopen(inside(name), "r");
  if (!file) fail_msg("there is no %s", name);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static size_t lines_of(const char *text) {
  size_t count = 0;
  for (; *text; text++) count += *text == '\n';
  return count;
}

/* Writes and frees the study; the warning is freed by the caller. */
static char *write_result(wb_study *study) {
  wb_error err = {0};
  char *warning = NULL;
  if (wb_results_write(study, result, &warning, &err) != WB_OK) fail_msg("%s", err.message);
  synthetic_free(study);
  return warning;
}

static json_t *summary(void) {
  json_error_t err;
  json_t *json = json_load_file(inside("summary.json"), 0, &err);
  if (!json) fail_msg("%s, line %d", err.text, err.line);
  assert_string_equal(json_string_value(json_object_get(json, "schema")), "workbench.result/1");
  return json;
}

static const json_t *at(const json_t *json, const char *list, size_t index) {
  const json_t *item = json_array_get(json_object_get(json, list), index);
  assert_non_null(item);
  return item;
}

static double number(const json_t *json, const char *a, const char *b, const char *c) {
  const json_t *item = json_object_get(json_object_get(json_object_get(json, a), b), c);
  assert_true(json_is_number(item));
  return json_number_value(item);
}

static void assert_near(double found, double expected) {
  if (!(fabs(found - expected) < 1e-8)) fail_msg("%.17g, expected %.17g", found, expected);
}

static wb_study *example(unsigned seeds) {
  return synthetic_study(&(synthetic){.objectives = synthetic_objectives,
                                      .topos = ws,
                                      .rhos = synthetic_rhos,
                                      .seeds = seeds,
                                      .spec = &synthetic_spec,
                                      .emit = synthetic_emit});
}

static void test_whole_study(void **state) {
  (void)state;
  wb_study *study = example(5);
  double x[5], mean = 0, squares = 0;
  for (size_t i = 0; i < 5; i++)
    mean += (x[i] = study->runs[study->conditions[3].runs[i]].values.items[0].data[0]) / 5;
  for (size_t i = 0; i < 5; i++) squares += (x[i] - mean) * (x[i] - mean);
  char *warning = write_result(study);
  assert_non_null(warning);
  assert_non_null(strstr(warning, "gnuplot is not installed (apt install gnuplot-nox)"));
  assert_non_null(strstr(warning, result));
  free(warning);
  json_t *json = summary();
  assert_int_equal(json_array_size(json_object_get(json, "runs")), 120);
  assert_int_equal(json_array_size(json_object_get(json, "conditions")), 24);
  assert_int_equal(json_array_size(json_object_get(json, "contrasts")), 20); // rho > 0 against rho 0
  const json_t *c = at(json, "conditions", 3);
  assert_string_equal(json_string_value(json_object_get(json_object_get(c, "factors"), "rho")), "0.2");
  assert_int_equal(json_integer_value(json_object_get(c, "n")), 5);
  assert_near(number(c, "values", "i", "mean"), mean);
  assert_near(number(c, "values", "i", "sd"), sqrt(squares / 4));
  assert_near(number(c, "values", "i", "sem"), sqrt(squares / 20));
  assert_near(number(c, "values", "i", "high"),
              mean + 2.7764451051977987 * sqrt(squares / 20)); // t(0.975; 4)
  assert_int_equal(
      json_array_size(json_object_get(json_object_get(json_object_get(c, "values"), "distance"), "sd")), 6);
  const json_t *run = at(json, "runs", 16); // ce, rho 0.2, second seed
  assert_near(json_number_value(json_object_get(json_object_get(run, "values"), "i")), x[1]);
  assert_string_equal(json_string_value(json_object_get(run, "file")), "runs/ce_ws_rho0.2_do-_seed2.h5");
  const json_t *contrast = at(json, "contrasts", 2);
  assert_int_equal(json_integer_value(json_object_get(contrast, "condition")), 3);
  assert_int_equal(json_integer_value(json_object_get(contrast, "baseline")), 0);
  assert_string_equal(json_string_value(json_object_get(contrast, "test")), "paired t");
  json_decref(json);
}

static void test_tables(void **state) {
  (void)state;
  free(write_result(example(5)));
  const char *text = content("i.tsv");
  assert_true(starts_with(text, "objective\tdata\tarch\ttopo\tbalance\trho\tseed\tfile\tvalue\tmissing\n"));
  assert_int_equal(lines_of(text), 121);
  assert_non_null(strstr(
      text, "\nsimclr\tcifar10\tshallowcnn\tws\tmatched\t0.04\t3\truns/simclr_ws_rho0.04_do-_seed3.h5\t"));
  assert_int_equal(lines_of(content("distance.tsv")), 1 + 120 * 6);
  assert_int_equal(lines_of(content("tsne.tsv")), 1 + 120 * 300);
  assert_non_null(strstr(content("tsne.tsv"), "\t9\ttruck\t\n"));
  assert_non_null(strstr(content("confusion.tsv"), "\t9\t0\ttruck\tairplane\t"));
  assert_int_equal(lines_of(content("r.tsv")), 1 + 120 * 40);
  assert_false(exists("stimulus.tsv")); // images are in result.h5 alone
}

/* Everything that was emitted comes back from result.h5. */
static void test_h5(void **state) {
  (void)state;
  wb_study *study = example(2), *again = example(2);
  wb_h5 *file = NULL;
  wb_error err = {0};
  free(write_result(study));
  assert_int_equal(wb_h5_open(inside("result.h5"), &file, &err), WB_OK);
  for (size_t i = 0; i < again->run_count; i += 7) {
    wb_values back = {0};
    char group[32], *path = NULL;
    snprintf(group, sizeof group, "/runs/%zu", i);
    if (wb_values_get(file, group, &back, &err) != WB_OK) fail_msg("%s", err.message);
    assert_int_equal(back.count, again->runs[i].values.count);
    for (size_t v = 0; v < back.count; v++) {
      const wb_value *a = &back.items[v], *b = &again->runs[i].values.items[v];
      assert_string_equal(a->name, b->name);
      assert_memory_equal(a->data, b->data, b->rows * b->cols * sizeof(double));
    }
    assert_int_equal(wb_h5_get_text(file, group, "file", &path, &err), WB_OK);
    assert_string_equal(path, again->runs[i].path);
    free(path);
    wb_values_free(&back);
  }
  wb_h5_close(file);
  synthetic_free(again);
}

static void test_figures_listed(void **state) {
  (void)state;
  free(write_result(example(2)));
  json_t *json = summary();
  const json_t *figures = json_object_get(json, "figures");
  assert_int_equal(json_array_size(figures),
                   6 + 10); // the maps of ten classes, and one for every other output
  for (size_t i = 0; i < json_array_size(figures); i++) {
    char name[128];
    const char *base = json_string_value(json_object_get(json_array_get(figures, i), "name"));
    const char *caption = json_string_value(json_object_get(json_array_get(figures, i), "caption"));
    snprintf(name, sizeof name, "%s.gp", base);
    assert_true(exists(name));
    snprintf(name, sizeof name, "%s.tsv", base);
    assert_true(exists(name));
    assert_non_null(strstr(caption, "cifar10, shallowcnn"));
    assert_non_null(strstr(caption, "Moran 1950"));
  }
  assert_true(exists("example-map-truck.gp"));
  json_decref(json);
}

/* One run, drawn: every kind of figure, and no warning. */
static void test_one_run_drawn(void **state) {
  (void)state;
  setenv("PATH", search_path, 1);
  char *warning = write_result(synthetic_study(
      &(synthetic){.objectives = ce, .seeds = 1, .spec = &synthetic_spec, .emit = synthetic_emit}));
  setenv("PATH", "/nowhere", 1);
  if (warning) fail_msg("%s", warning);
  const char *const names[] = {"", "-distance", "-noise", "-map", "-confusion", "-tsne", "-r"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[64];
    snprintf(name, sizeof name, "example%s.svg", names[i]);
    assert_non_null(strstr(content(name), "</svg>"));
    snprintf(name, sizeof name, "example%s.png", names[i]);
    assert_true(exists(name));
  }
  json_t *json = summary();
  const json_t *i = json_object_get(json_object_get(at(json, "conditions", 0), "values"), "i");
  assert_true(json_is_number(json_object_get(i, "mean")) && json_is_null(json_object_get(i, "sd")) &&
              json_is_null(json_object_get(i, "low")));
  json_decref(json);
}

static void test_gnuplot_fails(void **state) {
  (void)state;
  char path[128];
  snprintf(path, sizeof path, "%s/gnuplot", folder);
  FILE *file = fopen(path, "w");
  fputs("#!/bin/sh\necho 'cannot open font'; exit 1\n", file);
  fclose(file);
  chmod(path, 0755);
  setenv("PATH", folder, 1);
  char *warning = write_result(example(1));
  setenv("PATH", "/nowhere", 1);
  assert_non_null(strstr(warning, "a figure was not drawn: gnuplot failed on example.gp: cannot open font"));
  free(warning);
  assert_true(exists("example.gp") && exists("example-r.tsv") && exists("summary.json"));
}

/* ---- What is missing, and odd names ---- */

static void emit_odd(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const bool none = synthetic_number(c, "rho", 0) > 0 && seed > 1;
  synthetic_add(values, (wb_value){.name = "i",
                                   .shape = WB_SCALAR,
                                   .data = (double[]){seed == 1 ? INFINITY : (double)seed},
                                   .missing = none ? "no \"pair\"\tof units" : NULL});
}

static void test_odd(void **state) {
  (void)state;
  static const char *const odd[] = {"it's `x` $y \"\xc3\xa9\"\n#{}", NULL};
  wb_output output = {.name = "i",
                      .title = "I'",
                      .unit = "\xc2\xb5 <&>",
                      .shape = WB_SCALAR,
                      .reference = NAN,
                      .help = "50% of\nit",
                      .low = -INFINITY,
                      .high = INFINITY};
  wb_spec spec = synthetic_spec;
  spec.outputs = &output;
  spec.output_count = 1;
  setenv("PATH", search_path, 1);
  char *warning = write_result(synthetic_study(&(synthetic){
      .objectives = odd, .topos = ws, .rhos = two, .seeds = 3, .spec = &spec, .emit = emit_odd}));
  setenv("PATH", "/nowhere", 1);
  if (warning) fail_msg("%s", warning);
  assert_non_null(strstr(content("i.tsv"), "\tno \"pair\"\\tof units\n"));
  assert_non_null(strstr(content("i.tsv"), "it's `x` $y \"\xc3\xa9\"\\n#{}\t"));
  json_t *json = summary();
  const json_t *value = json_object_get(json_object_get(at(json, "runs", 4), "values"), "i");
  assert_string_equal(json_string_value(json_object_get(value, "missing")), "no \"pair\"\tof units");
  assert_true(json_is_null(json_object_get(json_object_get(at(json, "runs", 0), "values"), "i"))); // infinite
  assert_int_equal(json_integer_value(json_object_get(
                       json_object_get(json_object_get(at(json, "conditions", 1), "values"), "i"), "n")),
                   1);
  const char *caption = json_string_value(json_object_get(at(json, "figures", 0), "caption"));
  assert_non_null(strstr(caption, "2 of 6 values are missing: no \"pair\""));
  json_decref(json);
}

static void test_failed_files(void **state) {
  (void)state;
  wb_study *study = example(1);
  study->failed = calloc(1, sizeof *study->failed);
  study->failure_count = 1;
  study->failed[0] = (wb_failure){strdup("runs/broken \xff.h5"), strdup("it is truncated")};
  free(write_result(study));
  json_t *json = summary();
  assert_string_equal(json_string_value(json_object_get(at(json, "failed", 0), "reason")), "it is truncated");
  assert_string_equal(json_string_value(json_object_get(at(json, "failed", 0), "file")), "runs/broken ?.h5");
  json_decref(json);
}

/* ---- Other scopes ---- */

static void emit_group(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)seed;
  const double level = synthetic_level(c);
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){level}});
  synthetic_add(values, (wb_value){.name = "i-low", .shape = WB_SCALAR, .data = (double[]){level - 0.1}});
  synthetic_add(values, (wb_value){.name = "i-high", .shape = WB_SCALAR, .data = (double[]){level + 0.2}});
  if (study->spec->scope != WB_PER_STUDY) return;
  const size_t n = study->run_count;
  double *matrix = calloc(n * n, sizeof *matrix);
  for (size_t k = 0; k < n * n; k++)
    matrix[k] = study->runs[k / n].condition == study->runs[k % n].condition ? 0.9 : 0.3;
  synthetic_add(values, (wb_value){.name = "rsa", .shape = WB_MATRIX, .rows = n, .cols = n, .data = matrix});
  free(matrix);
}

static wb_output group_outputs[] = {
    {.name = "i", .title = "consistency", .shape = WB_SCALAR, .reference = NAN, .low = -1, .high = 1},
    {.name = "i-low", .shape = WB_SCALAR, .reference = NAN, .low = -1, .high = 2},
    {.name = "i-high", .shape = WB_SCALAR, .reference = NAN, .low = -1, .high = 2},
    {.name = "rsa", .title = "similarity", .shape = WB_MATRIX, .reference = NAN, .low = -1, .high = 1}};

/* A result of that scope with the first `outputs` of group_outputs. */
static void write_scoped(uint32_t scope, size_t outputs) {
  wb_spec spec = synthetic_spec;
  spec.scope = scope;
  spec.outputs = group_outputs;
  spec.output_count = outputs;
  free(write_result(synthetic_study(&(synthetic){.objectives = ce,
                                                 .topos = ws,
                                                 .rhos = synthetic_rhos,
                                                 .seeds = 4,
                                                 .spec = &spec,
                                                 .emit = emit_group})));
}

static void test_per_group(void **state) {
  (void)state;
  write_scoped(WB_PER_GROUP, 3);
  assert_int_equal(lines_of(content("i.tsv")), 7);
  assert_true(starts_with(content("i.tsv"), "objective\tdata\tarch\ttopo\tbalance\trho\tvalue\tmissing\n"));
  json_t *json = summary();
  assert_int_equal(json_array_size(json_object_get(json, "figures")), 1); // the bounds are the band of i
  assert_near(json_number_value(json_object_get(json_object_get(at(json, "conditions", 0), "values"), "i")),
              0.003);
  assert_null(json_object_get(at(json, "runs", 0), "values"));
  assert_near(json_number_value(json_object_get(at(json, "contrasts", 0), "difference")),
              json_number_value(json_object_get(json_object_get(at(json, "conditions", 1), "values"), "i")) -
                  0.003);
  assert_true(json_is_null(json_object_get(at(json, "contrasts", 0), "p")));
  assert_non_null(strstr(content("example.tsv"), "0\t0.003\t-0.097\t0.203\n"));
  json_decref(json);
}

static void test_per_study(void **state) {
  (void)state;
  write_scoped(WB_PER_STUDY, 4);
  json_t *json = summary();
  assert_near(json_number_value(json_object_get(json_object_get(json, "values"), "i")), 0.003);
  assert_int_equal(json_array_size(json_object_get(json, "figures")), 1);
  assert_int_equal(lines_of(content("rsa.tsv")), 1 + 24 * 24);
  assert_int_equal(lines_of(content("i.tsv")), 2);
  json_decref(json);
}

/* ---- The folder ---- */

static void put_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void test_replaced_as_a_whole(void **state) {
  (void)state;
  char command[256];
  free(write_result(example(1)));
  put_file(inside("old-figure.svg"), "from an earlier version");
  free(write_result(example(1)));
  assert_true(exists("summary.json") && !exists("old-figure.svg"));
  snprintf(command, sizeof command, "test \"$(/bin/ls -A '%s/..')\" = example", result); // nothing beside it
  assert_int_equal(system(command), 0);
}

static void test_others_are_left_alone(void **state) {
  (void)state;
  char path[128];
  char *warning = NULL;
  wb_error err = {0};
  wb_study *study = example(1);
  snprintf(path, sizeof path, "%s/thesis", folder);
  mkdir(path, 0755);
  free(write_result(example(1)));
  if (wb_results_write(study, path, &warning, &err) != WB_OK) fail_msg("%s", err.message); // an empty folder
  free(warning);
  snprintf(path, sizeof path, "%s/thesis/summary.json", folder);
  put_file(path, "{\"schema\": \"another/1\"}");
  snprintf(path, sizeof path, "%s/thesis/", folder);
  assert_int_equal(wb_results_write(study, path, &warning, &err), WB_ARG);
  assert_non_null(strstr(err.message, "thesis holds other things than a result"));
  assert_null(warning);
  snprintf(path, sizeof path, "%s/file", folder);
  put_file(path, "text");
  err = (wb_error){0};
  assert_int_equal(wb_results_write(study, path, &warning, &err), WB_ARG);
  assert_non_null(strstr(err.message, "is a file"));
  err = (wb_error){0};
  assert_int_equal(wb_results_write(study, "/proc/nowhere/x", &warning, &err), WB_IO);
  synthetic_free(study);
}

static void test_link_stays(void **state) {
  (void)state;
  char link[128], target[128];
  struct stat info;
  snprintf(link, sizeof link, "%s/link", folder);
  snprintf(target, sizeof target, "%s/target", folder);
  mkdir(target, 0755);
  assert_int_equal(symlink(target, link), 0);
  wb_study *study = example(1);
  for (int turn = 0; turn < 2; turn++) {
    char *warning = NULL;
    assert_int_equal(wb_results_write(study, link, &warning, NULL), WB_OK);
    free(warning);
  }
  synthetic_free(study);
  assert_int_equal(lstat(link, &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  strcat(target, "/summary.json");
  assert_int_equal(access(target, F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_study),
                                     cmocka_unit_test(test_tables),
                                     cmocka_unit_test(test_h5),
                                     cmocka_unit_test(test_figures_listed),
                                     cmocka_unit_test(test_one_run_drawn),
                                     cmocka_unit_test(test_gnuplot_fails),
                                     cmocka_unit_test(test_odd),
                                     cmocka_unit_test(test_failed_files),
                                     cmocka_unit_test(test_per_group),
                                     cmocka_unit_test(test_per_study),
                                     cmocka_unit_test(test_replaced_as_a_whole),
                                     cmocka_unit_test(test_others_are_left_alone),
                                     cmocka_unit_test(test_link_stays)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
