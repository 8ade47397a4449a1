/* test_grouping.c: lines, positions, controls and baselines of made-up studies.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contrasts.h"
#include "figure/figure.h"
#include "grouping.h"
#include "synthetic_study.h"

static const char *const ws[] = {"ws", NULL}, *const ws_as[] = {"ws", "as", NULL}, *const ce[] = {"ce", NULL},
                         *const dropouts[] = {"0.5", "0", NULL}, *const lambdas[] = {"0.1", "1", "3", NULL},
                         *const unsorted[] = {"5", "0.008", "0", "0.2", NULL};

static wb_output outputs[] = {{.name = "i", .shape = WB_SCALAR}, {.name = "j", .shape = WB_SCALAR}};
static wb_spec spec = {.id = (char[]){"x"}, .outputs = outputs, .output_count = 2};

/* i: 10 for a control, else 10 + rho + 0.1 seed^2; j is missing in some. */
static void emit(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const double rho = synthetic_number(c, "rho", 0), i = 10 + rho + 0.1 * (rho > 0 ? seed * seed : 0) + seed;
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){i}});
  synthetic_add(values, (wb_value){.name = "j",
                                   .shape = WB_SCALAR,
                                   .data = (double[]){i},
                                   .missing = rho > 1 ? "too strong" : NULL});
}

static wb_study *make(synthetic s) {
  s.spec = &spec;
  s.emit = emit;
  if (!s.seeds) s.seeds = 3;
  return synthetic_study(&s);
}

static void test_rho(void **state) {
  (void)state;
  wb_study *study = make(
      (synthetic){.objectives = synthetic_objectives, .topos = ws, .rhos = unsorted, .dropouts = dropouts});
  wb_grouping g;
  wb_grouping_make(study, &g);
  assert_string_equal(g.axis, "rho");
  assert_int_equal(g.position_count, 4);
  const char *const names[] = {"0", "0.008", "0.2", "5"};
  for (int i = 0; i < 4; i++) assert_string_equal(g.position_names[i], names[i]);
  assert_int_equal(g.line_count, 8);
  assert_string_equal(g.lines[0].label, "ce");
  assert_string_equal(g.lines[1].label, "ce, no dropout");
  assert_string_equal(g.lines[2].label, "supcon");
  assert_true(g.lines[0].colour == 0x0072B2 && g.lines[1].colour == 0x0072B2 &&
              g.lines[2].colour == 0xD55E00);
  assert_true(g.lines[0].dash == WB_SOLID && g.lines[1].dash == WB_DOTTED);
  for (int i = 0; i < 4; i++) {
    const wb_condition *c = &study->conditions[g.lines[3].points[i]];
    assert_string_equal(wb_factor_get(c->factors, c->factor_count, "rho"), names[i]);
    assert_string_equal(wb_factor_get(c->factors, c->factor_count, "objective"), "supcon");
    assert_string_equal(wb_factor_get(c->factors, c->factor_count, "dropout"), "0");
  }
  assert_int_equal(g.lines[0].level, -1);
  char *label = wb_condition_label(study, &study->conditions[4]);
  assert_string_equal(label, "ce, \u03c1\u00a05, no dropout");
  free(label);
  wb_grouping_free(&g);
  synthetic_free(study);
}

static void test_same_looks(void **state) {
  (void)state;
  wb_study *study = make((synthetic){
      .objectives = (const char *const[]){"margin", "mine", "ce", NULL}, .topos = ws, .rhos = unsorted});
  wb_grouping g;
  wb_grouping_make(study, &g);
  assert_true(g.lines[0].colour == wb_colour_series(3) && g.lines[0].mark == 3); // margin, as among four
  assert_true(g.lines[2].colour == wb_colour_series(0) && g.lines[2].mark == 0);
  assert_true(g.lines[1].colour == wb_colour_series(4)); // after the known ones
  wb_grouping_free(&g);
  synthetic_free(study);
}

static void test_control_joins_rho(void **state) {
  (void)state;
  static const char *const rhos[] = {"0.2", "1", NULL};
  wb_study *study =
      make((synthetic){.objectives = synthetic_objectives, .topos = ws_as, .rhos = rhos, .control = true});
  wb_grouping g;
  wb_grouping_make(study, &g);
  assert_int_equal(g.position_count, 3);
  assert_string_equal(g.position_names[0], "0");
  assert_int_equal(g.line_count, 8);
  assert_string_equal(g.lines[0].label, "ce, ws");
  assert_int_equal(g.lines[0].points[0], 0); // the control of ce
  assert_int_equal(g.lines[1].points[0], 0);
  assert_int_equal(g.lines[2].points[0], 5);
  assert_int_equal(wb_condition_baseline(study, &study->conditions[1]), 0);
  assert_int_equal(wb_condition_baseline(study, &study->conditions[8]), 5);
  assert_int_equal(wb_condition_baseline(study, &study->conditions[0]), -1);
  wb_grouping_free(&g);
  synthetic_free(study);
}

static void test_control_beside_lambda(void **state) {
  (void)state;
  wb_study *study = make((synthetic){.objectives = ce, .topos = ws_as, .lambdas = lambdas, .control = true});
  wb_grouping g;
  wb_grouping_make(study, &g);
  assert_string_equal(g.axis, "lambda");
  assert_int_equal(g.position_count, 3);
  assert_int_equal(g.line_count, 2);
  assert_string_equal(g.lines[0].label, "ws");
  char *label = wb_condition_label(study, &study->conditions[1]); // its strength's name tells the balance
  assert_string_equal(label, "ws, \u03bb\u00a00.1");
  free(label);
  assert_true(g.lines[0].level == 0 && g.lines[1].level == 0);
  assert_int_equal(g.lines[1].points[2], 6);
  wb_grouping_free(&g);
  synthetic_free(study);
}

static void test_without_axis(void **state) {
  (void)state;
  wb_study *study = make((synthetic){.objectives = synthetic_objectives, .topos = ws});
  wb_grouping g;
  wb_grouping_make(study, &g);
  assert_null(g.axis);
  assert_int_equal(g.line_count, 4);
  for (int i = 0; i < 4; i++) assert_int_equal(g.lines[i].level, i);
  assert_string_equal(g.lines[3].label, "margin");
  wb_grouping_free(&g);
  synthetic_free(study);
  study = make((synthetic){.seeds = 1}); // one run without objective
  wb_grouping_make(study, &g);
  assert_int_equal(g.line_count, 1);
  assert_string_equal(g.lines[0].label, "");
  wb_grouping_free(&g);
  synthetic_free(study);
}

static const wb_study_contrast *find(const wb_study_contrast *list, size_t count, const char *output,
                                     uint32_t condition) {
  for (size_t i = 0; i < count; i++)
    if (list[i].condition == condition && strcmp(list[i].output->name, output) == 0) return &list[i];
  return NULL;
}

static void assert_near(double found, double expected) {
  if (!(fabs(found - expected) < 1e-9)) fail_msg("%.17g, expected %.17g", found, expected);
}

/* Of several topographic losses each has its own weight: a control is what has none above zero. */
static void test_baseline_of_several_losses(void **state) {
  (void)state;
  static const char *const made[][4] = {{"ws", "0", NULL, NULL},       {"none", NULL, NULL, NULL},
                                        {"ws+as", NULL, "0.2", "0.1"}, {"ws+as", "0", NULL, "0.1"},
                                        {"ws+as", NULL, "0", "0"},     {"ws", "0.2", NULL, NULL}};
  static const char *const names[] = {"topo", "rho", "rho_ws", "rho_as"};
  static const int32_t expected[] = {-1, -1, 4, 4, -1, 0};
  wb_factor factors[6][4];
  wb_condition conditions[6] = {{0}};
  const wb_study study = {.conditions = conditions, .condition_count = 6};
  for (int i = 0; i < 6; i++) {
    conditions[i].factors = factors[i];
    for (int f = 0; f < 4; f++)
      if (made[i][f])
        factors[i][conditions[i].factor_count++] =
            (wb_factor){(char *)(uintptr_t)names[f], (char *)(uintptr_t)made[i][f]};
  }
  for (int i = 0; i < 6; i++) assert_int_equal(wb_condition_baseline(&study, &conditions[i]), expected[i]);
}

/* Conditions rho 5, 0.008, 0, 0.2 of three seeds: the differences to rho 0 by seed are rho + 0.1 seed^2. */
static void test_contrasts_paired(void **state) {
  (void)state;
  wb_study *study = make((synthetic){.objectives = ce, .topos = ws, .rhos = unsorted});
  size_t count = 0;
  wb_study_contrast *list = wb_study_contrasts(study, &count);
  assert_int_equal(count, 5); // three of i, and of j all but the missing rho 5
  const wb_study_contrast *c = find(list, count, "i", 3);
  assert_non_null(c);
  assert_int_equal(c->baseline, 2);
  assert_true(c->test.paired && c->test.n_a == 3);
  assert_near(c->test.difference, 0.2 + 0.1 * 14 / 3);
  const double sd = sqrt((pow(1 - 14.0 / 3, 2) + pow(4 - 14.0 / 3, 2) + pow(9 - 14.0 / 3, 2)) / 2) * 0.1;
  assert_near(c->test.se, sd / sqrt(3));
  double p[3] = {find(list, count, "i", 0)->test.p, find(list, count, "i", 1)->test.p, c->test.p};
  assert_near(find(list, count, "i", 0)->p_holm, 3 * p[0]); // the largest difference has the smallest p
  assert_true(p[2] < p[1]);
  assert_near(c->p_holm, 2 * p[2]);
  assert_null(find(list, count, "j", 0));
  assert_near(find(list, count, "j", 3)->p_holm, 2 * p[2]); // a family of its own, of two
  free(list);
  synthetic_free(study);
}

/* Seeds that do not match, one seed, and none to compare with. */
static void test_contrasts_unpaired(void **state) {
  (void)state;
  wb_study *study = make((synthetic){.objectives = ce, .topos = ws, .rhos = unsorted});
  size_t count = 0;
  for (size_t i = 0; i < study->conditions[3].run_count; i++) {
    wb_run *run = &study->runs[study->conditions[3].runs[i]];
    char *seed = run->factors[run->factor_count - 1].value;
    seed[0] = (char)('7' + i);
  }
  study->conditions[1].run_count = 1;
  wb_study_contrast *list = wb_study_contrasts(study, &count);
  assert_false(find(list, count, "i", 3)->test.paired);
  assert_near(find(list, count, "i", 3)->test.difference, 0.2 + 0.1 * 14 / 3);
  assert_near(find(list, count, "i", 1)->test.difference, 0.008 + 0.1);
  assert_true(isnan(find(list, count, "i", 1)->test.p) && isnan(find(list, count, "i", 1)->p_holm));
  assert_near(find(list, count, "i", 0)->p_holm, fmin(2 * find(list, count, "i", 0)->test.p, 1));
  free(list);
  synthetic_free(study);
  study = make((synthetic){.objectives = synthetic_objectives});
  list = wb_study_contrasts(study, &count);
  assert_int_equal(count, 0);
  free(list);
  synthetic_free(study);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rho),
                                     cmocka_unit_test(test_same_looks),
                                     cmocka_unit_test(test_control_joins_rho),
                                     cmocka_unit_test(test_control_beside_lambda),
                                     cmocka_unit_test(test_without_axis),
                                     cmocka_unit_test(test_baseline_of_several_losses),
                                     cmocka_unit_test(test_contrasts_paired),
                                     cmocka_unit_test(test_contrasts_unpaired)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
