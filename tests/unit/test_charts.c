/* test_charts.c: what the figures of made-up studies show. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "charts.h"
#include "synthetic_study.h"

static const char *const ws[] = {"ws", NULL}, *const ce[] = {"ce", NULL},
                         *const dropouts[] = {"0.5", "0", NULL}, *const two[] = {"0", "0.2", NULL},
                         *const both[] = {"ce", "supcon", NULL}, *const lambdas[] = {"0.1", "1", NULL};

/* A study with one output, its chart, and the figure it makes. */
typedef struct scene {
  wb_study *study;
  wb_grouping grouping;
  wb_output output;
  wb_spec spec;
  wb_chart chart;
  wb_figure *figure;
} scene;

static void set(scene *s, wb_output output, synthetic recipe,
                void (*emit)(wb_values *, const wb_study *, const wb_condition *, unsigned)) {
  s->output = output;
  s->spec = (wb_spec){.id = (char[]){"x"}, .outputs = &s->output, .output_count = 1};
  recipe.spec = &s->spec;
  recipe.emit = emit;
  s->study = synthetic_study(&recipe);
  wb_grouping_make(s->study, &s->grouping);
  s->chart = (wb_chart){.study = s->study, .grouping = &s->grouping, .output = &s->output};
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

static const wb_layer *layer(const scene *s, size_t panel, size_t index) {
  assert_true(panel < s->figure->panel_count);
  assert_true(index < s->figure->panels[panel]->layer_count);
  return s->figure->panels[panel]->layers[index];
}

/* ---- Scalars ---- */

static void emit_scalar(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const double x = 10 * synthetic_number(c, "rho", 0) + 100 * synthetic_number(c, "lambda", 0) + (double)seed;
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){x}});
}

static void test_scalar_against_rho(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .title = "I", .unit = "bits", .shape = WB_SCALAR, .reference = 0.5},
      (synthetic){.objectives = both, .topos = ws, .rhos = two, .dropouts = dropouts, .seeds = 3},
      emit_scalar);
  wb_chart_scalar(&s.chart, s.figure);
  assert_string_equal(s.figure->panels[0]->y.label, "I (bits)");
  assert_string_equal(s.figure->panels[0]->x.categories[1], "0.2");
  assert_int_equal(s.figure->panels[0]->layer_count,
                   5); // the reference, and two lines with and without dropout
  assert_int_equal(layer(&s, 0, 0)->kind, WB_LAYER_LEVEL);
  const wb_layer *line = layer(&s, 0, 1), *twin = layer(&s, 0, 2);
  assert_string_equal(line->label, "ce");
  assert_true(line->rows == 2 && line->x[1] == 1 && line->style & WB_DRAW_BAND);
  assert_near(line->y[0], 2); // seeds 1, 2, 3: sd 1
  assert_near(line->y[1], 4);
  assert_near(line->low[1], 3);
  assert_near(line->high[1], 5);
  assert_null(twin->label);
  assert_true(twin->dash == WB_DOTTED && !(twin->style & WB_DRAW_BAND) && twin->colour == line->colour);
  assert_near(twin->y[0], 1); // one seed
  assert_non_null(strstr(s.figure->caption, "1 to 3 seeds"));
  assert_non_null(strstr(s.figure->caption, "dotted without dropout"));
  clear(&s);
}

static void test_control_is_a_level(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_SCALAR, .reference = NAN},
      (synthetic){.objectives = ce,
                  .topos = (const char *const[]){"ws", "as", NULL},
                  .lambdas = lambdas,
                  .control = true,
                  .seeds = 4},
      emit_scalar);
  wb_chart_scalar(&s.chart, s.figure);
  assert_int_equal(s.figure->panels[0]->layer_count, 3); // one control for both lines
  const wb_layer *control = layer(&s, 0, 0);
  assert_int_equal(control->kind, WB_LAYER_LEVEL);
  assert_string_equal(control->label, "no topography");
  assert_near(control->y[0], 2.5);
  assert_near(control->high[0], 2.5 + sqrt(5.0 / 3) / 2); // standard error of 1, 2, 3, 4
  clear(&s);
}

static void test_dots(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_SCALAR, .reference = NAN},
      (synthetic){.objectives = both, .topos = ws, .seeds = 2}, emit_scalar);
  wb_chart_scalar(&s.chart, s.figure);
  const wb_panel *panel = s.figure->panels[0];
  assert_int_equal(panel->layer_count, 4);
  assert_string_equal(panel->y.categories[1], "supcon");
  assert_true(panel->y.reversed);
  assert_near(layer(&s, 0, 2)->x[0], 1.5);
  assert_near(layer(&s, 0, 2)->y[0], 1);
  assert_true(layer(&s, 0, 3)->rows == 2 && layer(&s, 0, 3)->x[1] == 2);
  clear(&s);
}

/* The height at rho 0 across the panel, in the line's colour. */
static void test_zero_line(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_SCALAR, .reference = NAN, .flags = WB_OUTPUT_ZERO_LINE},
      (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 3}, emit_scalar);
  wb_chart_scalar(&s.chart, s.figure);
  assert_int_equal(s.figure->panels[0]->layer_count, 4);
  const wb_layer *level = layer(&s, 0, 1), *line = layer(&s, 0, 3);
  assert_int_equal(level->kind, WB_LAYER_LEVEL);
  assert_near(level->y[0], 2); // seeds 1, 2, 3
  assert_true(level->colour == line->colour && level->dash == WB_DASHED && !level->label);
  assert_non_null(strstr(s.figure->caption, "horizontal: without topography"));
  clear(&s);
}

/* ---- Curves ---- */

static void emit_curve(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  const double rho = synthetic_number(c, "rho", 0);
  double y[3] = {(double)seed, rho, NAN};
  if (rho > 0) y[2] = 7;
  synthetic_add(
      values,
      (wb_value){.name = "i", .shape = WB_CURVE, .rows = 3, .data = y, .x = (double[]){0.1, 0.5, 0.8}});
}

static void emit_uneven(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  synthetic_add(values,
                (wb_value){.name = "i", .shape = WB_CURVE, .rows = seed, .data = (double[]){1, 2, 3}});
}

static void test_curve(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_CURVE, .x_label = "r", .reference = NAN},
      (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 3}, emit_curve);
  wb_chart_curve(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 2);
  assert_string_equal(s.figure->panels[1]->title, "supcon");
  assert_string_equal(s.figure->legend_title, "\u03c1");
  assert_true(s.figure->share_x && s.figure->share_y);
  const wb_layer *line = layer(&s, 0, 1);
  assert_string_equal(line->label, "0.2");
  assert_near(line->x[2], 0.8);
  assert_near(line->y[0], 2);
  assert_near(line->high[0], 3);
  assert_near(line->y[2], 7);
  assert_true(isnan(layer(&s, 0, 0)->y[2])); // missing at rho 0
  clear(&s);
  set(&s, (wb_output){.name = "i", .shape = WB_CURVE, .reference = NAN},
      (synthetic){.objectives = ce, .seeds = 3}, emit_uneven);
  wb_chart_curve(&s.chart, s.figure);
  assert_int_equal(s.figure->panels[0]->layer_count, 3);
  assert_int_equal(layer(&s, 0, 2)->rows, 3);
  assert_non_null(strstr(s.figure->caption, "A thin line for each of 3 seeds"));
  clear(&s);
  set(&s, (wb_output){.name = "i", .shape = WB_CURVE, .flags = WB_OUTPUT_OWN_SCALE, .reference = NAN},
      (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 3}, emit_curve);
  wb_chart_curve(&s.chart, s.figure);
  assert_true(s.figure->share_x && !s.figure->share_y);
  clear(&s);
}

static void test_lines(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_CURVE, .x_label = "r", .reference = NAN},
      (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 3}, emit_curve);
  wb_chart_lines(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 2);
  assert_int_equal(s.figure->panels[0]->layer_count, 3);
  assert_string_equal(layer(&s, 0, 1)->label, "0.5");
  assert_near(layer(&s, 1, 1)->y[1], 0.2);
  assert_true(isnan(layer(&s, 0, 2)->y[0]));
  assert_near(layer(&s, 0, 2)->y[1], 7);
  clear(&s);
}

static void emit_beside(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  emit_curve(values, study, c, seed);
  synthetic_add(values, (wb_value){.name = "all", .shape = WB_SCALAR, .data = (double[]){8 + 0.1 * seed}});
}

/* A scalar beside the lines: black dots at rho 0, one for each seed. */
static void test_lines_beside(void **state) {
  (void)state;
  scene s;
  const wb_output output = {.name = "i", .shape = WB_CURVE, .reference = NAN, .beside = "all"};
  set(&s, output, (synthetic){.objectives = both, .topos = ws, .rhos = two, .seeds = 3}, emit_beside);
  wb_output outputs[] = {output, {.name = "all", .title = "all pairs", .shape = WB_SCALAR}};
  s.spec.outputs = outputs;
  s.spec.output_count = 2;
  wb_chart_lines(&s.chart, s.figure);
  assert_int_equal(s.figure->panels[1]->layer_count, 4);
  const wb_layer *dots = layer(&s, 1, 3);
  assert_true(dots->rows == 3 && dots->style == WB_DRAW_MARKS && dots->x[2] == 0);
  assert_near(dots->y[2], 8.3);
  assert_non_null(strstr(s.figure->caption, "black dots: all pairs"));
  clear(&s);
}

static void emit_counts(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  const double counts[] = {seed == 1 ? 2.0 : 30.0, seed == 1 ? 6.0 : 10.0};
  synthetic_add(
      values,
      (wb_value){
          .name = "i", .shape = WB_HISTOGRAM, .rows = 2, .data = (double *)counts, .x = (double[]){0, 1, 3}});
}

static void test_histogram(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_HISTOGRAM, .reference = NAN},
      (synthetic){.objectives = ce, .seeds = 2}, emit_counts);
  wb_chart_histogram(&s.chart, s.figure);
  const wb_layer *steps = layer(&s, 0, 0);
  assert_int_equal(steps->rows, 5); // up from zero, two bins, down to zero
  assert_near(steps->y[0], 0);
  assert_near(steps->y[1], (0.25 + 0.75) / 2);
  assert_near(steps->y[2], (0.75 + 0.25) / 2);
  assert_near(steps->y[3], 0);
  assert_true(steps->x[0] == 0 && steps->x[1] == 0 && steps->x[2] == 1 && steps->x[3] == 3);
  clear(&s);
}

/* ---- Maps ---- */

/* 402 x 402 of row number, and one cell that is not known. */
static void emit_large(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  enum { N = 402 };
  static double z[N * N];
  for (int i = 0; i < N * N; i++) z[i] = i / N + (seed == 1 ? -1 : 1);
  z[0] = NAN;
  synthetic_add(values, (wb_value){.name = "i", .shape = WB_MATRIX, .rows = N, .cols = N, .data = z});
}

static void test_large_matrix(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_MATRIX, .reference = 100, .flags = WB_OUTPUT_DIVERGING},
      (synthetic){.objectives = ce, .seeds = 2}, emit_large);
  wb_chart_matrix(&s.chart, s.figure);
  const wb_layer *map = layer(&s, 0, 0);
  assert_true(map->rows == 134 && map->cols == 134); // blocks of 3 x 3
  assert_near(map->z[0], (0 + 0 + 1 + 1 + 1 + 2 + 2 + 2) / 8.0);
  assert_near(map->z[1], 1);
  assert_near(map->z[133 * 134], 400);
  assert_near(s.figure->z_high, 400);
  assert_near(s.figure->z_low, -200); // symmetric about 100
  assert_non_null(strstr(s.figure->caption, "means of 3 x 3 cells"));
  clear(&s);
}

/* A tile for each run, and one name for equal neighbours. */
static void emit_named(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  static const char *const names[] = {"cat", "cat", "cat", "dog"};
  double z[16];
  (void)study;
  (void)c;
  for (int i = 0; i < 16; i++) z[i] = i + 100.0 * seed;
  synthetic_add(values, (wb_value){.name = "i",
                                   .shape = WB_MATRIX,
                                   .rows = 4,
                                   .cols = 4,
                                   .data = z,
                                   .row_labels = (char **)(uintptr_t)names,
                                   .col_labels = (char **)(uintptr_t)names});
}

static void test_runs(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_MATRIX, .reference = NAN, .plot = WB_PLOT_RUNS},
      (synthetic){.objectives = both, .seeds = 3}, emit_named);
  wb_chart_matrix(&s.chart, s.figure);
  assert_int_equal(s.figure->panel_count, 6);
  assert_int_equal(s.figure->rows, 2);
  assert_int_equal(s.figure->cols, 3);
  assert_string_equal(s.figure->row_titles[1], "supcon");
  assert_string_equal(s.figure->col_titles[2], "seed 3");
  assert_near(layer(&s, 4, 0)->z[5], 205); // the second run of the second condition
  const wb_axis *axis = &s.figure->panels[4]->x;
  assert_int_equal(axis->category_count, 4);
  assert_string_equal(axis->categories[0], "");
  assert_string_equal(axis->categories[1], "cat");
  assert_string_equal(axis->categories[3], "dog");
  assert_non_null(strstr(s.figure->caption, "tile for each run"));
  clear(&s);
}

static void emit_classes(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  (void)seed;
  synthetic_add(values, (wb_value){.name = "i",
                                   .shape = WB_MATRIX,
                                   .rows = 1,
                                   .cols = 6,
                                   .data = (double[]){0, 1, -1, 3, 1, 0},
                                   .grid_rows = 3,
                                   .grid_cols = 2,
                                   .class_count = 2,
                                   .class_names = (char *[]){"cat", "dog"}});
}

static void test_class_map(void **state) {
  (void)state;
  scene s;
  set(&s,
      (wb_output){.name = "i",
                  .shape = WB_MATRIX,
                  .plot = WB_PLOT_MAPS,
                  .reference = NAN,
                  .flags = WB_OUTPUT_CLASSES},
      (synthetic){.objectives = ce, .seeds = 1}, emit_classes);
  assert_true(wb_chart_maps(&s.chart, s.figure, 0));
  const wb_layer *map = layer(&s, 0, 0);
  assert_true(map->rows == 3 && map->cols == 2 && isnan(map->z[2]) && map->z[3] == 3);
  assert_int_equal(s.figure->palette, WB_PALETTE_CLASSES);
  assert_near(s.figure->z_high, 3.5);
  assert_string_equal(s.figure->colour_names[1], "dog");
  assert_string_equal(s.figure->colour_names[3], "3");
  clear(&s);
}

/* Two stimuli: the second image is white; maps without a known grid. */
static void emit_maps(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  double image[24] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};
  for (int i = 12; i < 24; i++) image[i] = 255;
  double maps[24];
  for (int i = 0; i < 24; i++) maps[i] = (i - 4) * (seed == 1 ? 1 : 100);
  synthetic_add(values, (wb_value){.name = "i",
                                   .shape = WB_MATRIX,
                                   .rows = 2,
                                   .cols = 12,
                                   .data = maps,
                                   .row_labels = (char *[]){"cat", "dog"}});
  synthetic_add(values,
                (wb_value){.name = "image", .shape = WB_MATRIX, .rows = 2, .cols = 12, .data = image});
}

static void test_maps(void **state) {
  (void)state;
  scene s;
  const wb_output output = {.name = "i",
                            .shape = WB_MATRIX,
                            .plot = WB_PLOT_MAPS,
                            .reference = NAN,
                            .beside = "image",
                            .flags = WB_OUTPUT_DIVERGING};
  set(&s, output, (synthetic){.objectives = ce, .topos = ws, .rhos = two, .seeds = 2}, emit_maps);
  assert_true(wb_chart_maps(&s.chart, s.figure, 0));
  assert_true(s.figure->rows == 2 && s.figure->cols == 3 && s.figure->panel_count == 6);
  const wb_layer *image = layer(&s, 0, 0), *map = layer(&s, 1, 0);
  assert_int_equal(image->kind, WB_LAYER_IMAGE);
  const double pixel[] = {10, 50, 90}; // the planes' first
  for (int k = 0; k < 3; k++) assert_near(image->z[k], pixel[k]);
  assert_true(map->rows == 3 && map->cols == 4 && map->z[0] == -4);
  assert_near(s.figure->panels[1]->z_high, 19); // of the first seed
  assert_near(s.figure->panels[1]->z_low, -19);
  assert_string_equal(s.figure->row_titles[1], "dog");
  assert_string_equal(s.figure->col_titles[2], "\u03c1\u00a00.2");
  assert_false(wb_chart_maps(&s.chart, s.figure, 1));
  clear(&s);
  set(&s, output,
      (synthetic){.objectives = synthetic_objectives, .topos = ws, .rhos = synthetic_rhos, .seeds = 1},
      emit_maps);
  assert_true(wb_chart_maps(&s.chart, s.figure, 1));
  assert_string_equal(s.figure->name, "x-dog");
  assert_true(s.figure->rows == 4 && s.figure->cols == 7 && s.figure->panel_count == 25);
  assert_near(layer(&s, 0, 0)->z[0], 255);
  assert_near(layer(&s, 1, 0)->z[0], 8);
  assert_false(wb_chart_maps(&s.chart, s.figure, 2));
  clear(&s);
}

/* Colours that do not diverge have one scale for all runs, and a bar. */
static void test_maps_share_a_scale(void **state) {
  (void)state;
  scene s;
  const wb_output output = {.name = "i", .shape = WB_MATRIX, .plot = WB_PLOT_MAPS, .reference = NAN};
  set(&s, output, (synthetic){.objectives = ce, .topos = ws, .rhos = two, .seeds = 1}, emit_maps);
  assert_true(wb_chart_maps(&s.chart, s.figure, 0));
  assert_true(s.figure->palette == WB_PALETTE_SEQUENTIAL && s.figure->colour_bar);
  assert_near(s.figure->z_low, -4);
  assert_near(s.figure->z_high, 19);
  assert_true(isnan(s.figure->panels[0]->z_low));
  clear(&s);
}

/* ---- Points ---- */

/* 4,000 points whose classes repeat in order, as strata would if every second were left out. */
static void emit_points(wb_values *values, const wb_study *study, const wb_condition *c, unsigned seed) {
  (void)study;
  (void)c;
  (void)seed;
  enum { N = 4000 };
  static double xy[2 * N];
  static int32_t classes[N];
  for (int i = 0; i < N; i++) {
    xy[2 * i] = i;
    xy[2 * i + 1] = -i;
    classes[i] = i % 4;
  }
  synthetic_add(values, (wb_value){.name = "i",
                                   .shape = WB_POINTS,
                                   .rows = N,
                                   .data = xy,
                                   .classes = classes,
                                   .class_count = 4,
                                   .class_names = (char *[]){"a", "b", "c", "d"},
                                   .superclass_names = (char *[]){"s", "t", "s", "t"}});
}

static void test_points(void **state) {
  (void)state;
  scene s;
  set(&s, (wb_output){.name = "i", .shape = WB_POINTS, .reference = NAN},
      (synthetic){.objectives = synthetic_objectives, .topos = ws, .rhos = two, .seeds = 2}, emit_points);
  wb_chart_points(&s.chart, s.figure);
  assert_true(s.figure->rows == 2 && s.figure->cols == 4); // rho down, objectives across
  assert_string_equal(s.figure->col_titles[1], "supcon");
  for (size_t class = 0; class < 4; class ++) {
    const wb_layer *points = layer(&s, 3, class);
    assert_int_equal(points->rows, 334); // every third of 1,000: 32,000 points in eight panels are too many
    assert_true(points->x[0] == (double)class && points->x[1] == (double)class + 12);
    assert_int_equal(points->mark, class % 2);
  }
  assert_string_equal(layer(&s, 0, 3)->label, "d");
  const wb_panel *panel = s.figure->panels[0];
  assert_near(panel->x.high - panel->x.low, panel->y.high - panel->y.low);
  assert_non_null(strstr(s.figure->caption, "one point of 3 is drawn"));
  clear(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalar_against_rho),
                                     cmocka_unit_test(test_control_is_a_level),
                                     cmocka_unit_test(test_dots),
                                     cmocka_unit_test(test_curve),
                                     cmocka_unit_test(test_lines),
                                     cmocka_unit_test(test_histogram),
                                     cmocka_unit_test(test_large_matrix),
                                     cmocka_unit_test(test_runs),
                                     cmocka_unit_test(test_class_map),
                                     cmocka_unit_test(test_maps),
                                     cmocka_unit_test(test_maps_share_a_scale),
                                     cmocka_unit_test(test_zero_line),
                                     cmocka_unit_test(test_lines_beside),
                                     cmocka_unit_test(test_points)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
