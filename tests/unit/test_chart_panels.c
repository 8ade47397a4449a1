/* test_chart_panels.c: matrices as panels of lines against the varied factor, and images by themselves.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "charts.h"
#include "synthetic_study.h"

static const char *const ws[] = {"ws", NULL}, *const ce[] = {"ce", NULL},
                         *const both[] = {"ce", "supcon", NULL}, *const two[] = {"0", "0.2", NULL};

/* A study with a matrix and its interval, and the figure of the matrix. */
typedef struct scene {
  wb_output outputs[3];
  wb_spec spec;
  wb_study *study;
  wb_grouping grouping;
  wb_chart chart;
  wb_figure *figure;
} scene;

static void set(scene *s, wb_output output, uint32_t scope, synthetic recipe,
                void (*emit)(wb_values *, const wb_study *, const wb_condition *, unsigned)) {
  s->outputs[0] = output;
  s->outputs[1] = (wb_output){.name = "m-low", .shape = WB_MATRIX};
  s->outputs[2] = (wb_output){.name = "m-high", .shape = WB_MATRIX};
  s->spec = (wb_spec){.id = (char[]){"x"}, .scope = scope, .outputs = s->outputs, .output_count = 3};
  recipe.spec = &s->spec;
  recipe.emit = emit;
  s->study = synthetic_study(&recipe);
  wb_grouping_make(s->study, &s->grouping);
  s->chart = (wb_chart){.study = s->study, .grouping = &s->grouping, .output = &s->outputs[0]};
  s->chart.values = calloc(s->study->run_count + 1, sizeof(wb_value *));
  s->figure = wb_figure_new("x");
}

static void clear(scene *s) {
  assert_false(s->figure->failed);
  wb_figure_free(s->figure);
  free(s->chart.values);
  wb_grouping_free(&s->grouping);
  synthetic_free(s->study);
}

static void assert_near(double found, double expected) {
  if (!(fabs(found - expected) < 1e-12)) fail_msg("%.17g, expected %.17g", found, expected);
}

static char *rows[] = {"clean", "white", "pink"}, *cols[] = {"clean", "0.1"};

/* 10 rho + 100 row + 1000 col + seed; nothing under noise for `clean`, nothing clean for the others. */
static void emit(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  static const char *const names[] = {"m", "m-low", "m-high"};
  for (int side = 0; side < (study->spec->scope == WB_PER_RUN ? 1 : 3); side++) {
    double data[6];
    for (int i = 0; i < 6; i++) {
      const int row = i / 2, col = i % 2;
      data[i] = (row == 0) != (col == 0)
                    ? NAN
                    : 10 * synthetic_number(c, "rho", 0) + 100 * row + 1000 * col + seed +
                          (side == 1   ? -3
                           : side == 2 ? 4
                                       : 0);
    }
    synthetic_add(values, (wb_value){.name = (char *)(uintptr_t)names[side],
                                     .shape = WB_MATRIX,
                                     .rows = 3,
                                     .cols = 2,
                                     .data = data,
                                     .row_labels = rows,
                                     .col_labels = cols});
  }
}

static const wb_output output = {.name = "m",
                                 .shape = WB_MATRIX,
                                 .plot = WB_PLOT_PANELS,
                                 .reference = NAN,
                                 .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_ZERO_LINE};

/* Per run: mean and one sd over seeds; a dotted line at rho 0 below each line. */
static void test_seeds(void **state) {
  (void)state;
  scene s;
  set(&s, output, WB_PER_RUN, (synthetic){.objectives = ce, .topos = ws, .rhos = two, .seeds = 3}, emit);
  wb_chart_columns(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 2);
  const wb_panel *clean = s.figure->panels[0], *noisy = s.figure->panels[1];
  assert_string_equal(clean->title, "clean");
  assert_string_equal(noisy->title, "0.1");
  assert_string_equal(noisy->x.categories[1], "0.2");
  assert_int_equal(clean->layer_count, 2);
  assert_int_equal(noisy->layer_count, 4);
  assert_true(clean->layers[0]->kind == WB_LAYER_LEVEL && clean->layers[0]->dash == WB_DOTTED);
  assert_near(clean->layers[0]->y[0], 2);
  const wb_layer *pink = noisy->layers[3];
  assert_string_equal(pink->label, "pink");
  assert_true(pink->style & WB_DRAW_BAND && pink->rows == 2);
  assert_near(pink->y[0], 1202);
  assert_near(pink->y[1], 1204);
  assert_near(pink->low[1], 1203);
  assert_near(pink->high[1], 1205);
  assert_true(noisy->layers[1]->colour != pink->colour && noisy->layers[1]->mark != pink->mark);
  assert_non_null(strstr(s.figure->caption, "dotted: without topography"));
  clear(&s);
}

/* Per condition: the interval that the plugin gives; a row of panels for each objective. */
static void test_interval(void **state) {
  (void)state;
  scene s;
  set(&s, output, WB_PER_GROUP, (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 2}, emit);
  wb_chart_columns(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 4);
  assert_true(s.figure->rows == 2 && s.figure->cols == 2);
  assert_string_equal(s.figure->panels[3]->title, "supcon, 0.1");
  const wb_layer *white = s.figure->panels[3]->layers[1];
  assert_near(white->y[1], 1102);
  assert_near(white->low[1], 1099);
  assert_near(white->high[1], 1106);
  clear(&s);
}

/* Nothing varies: one place, marks with bars. */
static void test_one_condition(void **state) {
  (void)state;
  scene s;
  set(&s, output, WB_PER_GROUP, (synthetic){.objectives = ce, .seeds = 2}, emit);
  wb_chart_columns(&s.chart, s.figure);
  const wb_layer *white = s.figure->panels[1]->layers[0];
  assert_true(white->rows == 1 && white->style & WB_DRAW_BARS && !(white->style & WB_DRAW_LINE));
  assert_near(white->y[0], 1100);
  clear(&s);
}

/* Curve m (seed, and seed + lambda), and beside it m-low, which is not there where `sparse` is set. */
static bool sparse;

static void emit_curves(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const double lambda = synthetic_number(c, "lambda", 0);
  double y[2] = {(double)seed, seed + lambda}, x[2] = {0.1, 0.5};
  synthetic_add(values, (wb_value){.name = "m", .shape = WB_CURVE, .rows = 2, .data = y, .x = x});
  if (sparse) return;
  y[1] = 20;
  synthetic_add(values, (wb_value){.name = "m-low", .shape = WB_CURVE, .rows = 2, .data = y, .x = x});
}

static void draw_curves(scene *s, bool is_sparse) {
  static const char *const topos[] = {"ws", "as", NULL}, *const lambdas[] = {"0.1", "1", NULL};
  sparse = is_sparse;
  set(s, (wb_output){.name = "m"}, WB_PER_RUN,
      (synthetic){.objectives = ce, .topos = topos, .lambdas = lambdas, .control = true, .seeds = 3},
      emit_curves);
  s->outputs[0] =
      (wb_output){.name = "m", .title = "a", .help = "first", .beside = "m-low", .reference = NAN};
  s->outputs[1] = (wb_output){.name = "m-low", .title = "b", .help = "second", .reference = NAN};
  for (int i = 0; i < 2; i++) {
    s->outputs[i].shape = WB_CURVE;
    s->outputs[i].flags = WB_OUTPUT_SEM;
  }
  s->chart.output = &s->outputs[0];
  wb_chart_curve(&s->chart, s->figure);
}

/* Curves side by side: a row of panels for each loss, a column for each curve, in all of them the control. */
static void test_curves_beside(void **state) {
  (void)state;
  scene s;
  draw_curves(&s, false);
  assert_int_equal(s.figure->panel_count, 4);
  assert_true(s.figure->rows == 2 && s.figure->cols == 2 && s.figure->share_y);
  const wb_panel *right = s.figure->panels[3];
  assert_string_equal(right->title, "as, m-low");
  assert_string_equal(right->y.label, "b");
  assert_string_equal(s.figure->panels[2]->y.label, "a");
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(s.figure->panels[i]->layer_count, 3);
    assert_string_equal(s.figure->panels[i]->layers[0]->label, "control");
    assert_near(s.figure->panels[i]->layers[0]->y[1], i % 2 ? 20 : 2);
  }
  const wb_layer *strongest = s.figure->panels[2]->layers[2]; // seeds 1, 2, 3: sd 1
  assert_near(strongest->y[1], 3);
  assert_near(strongest->high[1], 3 + 1 / sqrt(3));
  assert_near(strongest->low[1], 3 - 1 / sqrt(3));
  assert_non_null(strstr(s.figure->caption, "B: second. Mean over 3 seeds, band one standard error."));
  clear(&s);
  draw_curves(&s, true);
  assert_int_equal(s.figure->panel_count, 2); // what has no values has no panels
  assert_string_equal(s.figure->panels[1]->title, "as");
  clear(&s);
}

static void emit_images(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  (void)seed;
  char *labels[] = {"plain", "a", "plain", "b"};
  double data[4 * 12];
  for (int i = 0; i < 48; i++) data[i] = i % 12 == 0;
  synthetic_add(
      values,
      (wb_value){.name = "m", .shape = WB_MATRIX, .rows = 4, .cols = 12, .data = data, .row_labels = labels});
}

/* Red, green, blue of 2x2 pixels; a new row of the figure where the first label comes again. */
static void test_images(void **state) {
  (void)state;
  scene s;
  const wb_output images = {.name = "m", .shape = WB_MATRIX, .plot = WB_PLOT_IMAGES, .reference = NAN};
  set(&s, images, WB_PER_RUN, (synthetic){.objectives = ce, .topos = ws, .rhos = two, .seeds = 2},
      emit_images);
  wb_chart_images(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 4);
  const wb_panel *third = s.figure->panels[2];
  assert_true(third->row == 1 && third->col == 0);
  assert_string_equal(third->title, "plain");
  assert_true(third->layers[0]->kind == WB_LAYER_IMAGE && third->layers[0]->rows == 2);
  assert_near(third->layers[0]->z[0], 255);
  assert_near(third->layers[0]->z[1], 0);
  clear(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds), cmocka_unit_test(test_interval),
                                     cmocka_unit_test(test_one_condition),
                                     cmocka_unit_test(test_curves_beside), cmocka_unit_test(test_images)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
