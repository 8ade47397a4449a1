/* test_topo.c: topographic losses against the papers' published code and a plain double-precision reference.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "reference.h"
#include "topo.h"

typedef enum term { WS, AS, GLOBAL } term;

typedef struct problem {
  term term;
  size_t rows, cols, size; // size: fan_in, or stimuli in the batch
  wb_topo_distance distance;
  wb_topo_mean mean;
} problem;

static float *random_floats(size_t count, const char *stream) {
  wb_rng rng = wb_rng_make(5, stream, count);
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)(0.3 + wb_rng_normal(&rng));
  return x;
}

/* Value k of unit p: weights are (unit, fan_in), activations (stimulus, unit). */
static double value(const double *x, const problem *p, size_t unit, size_t k) {
  return p->term == WS ? x[unit * p->size + k] : x[k * p->rows * p->cols + unit];
}

static double distance(const double *x, const problem *p, size_t u, size_t v, wb_topo_distance kind) {
  double mu = 0, mv = 0, uu = 0, vv = 0, uv = 0, apart = 0;
  for (size_t k = 0; kind == WB_TOPO_CORRELATION && k < p->size; k++) {
    mu += value(x, p, u, k) / (double)p->size;
    mv += value(x, p, v, k) / (double)p->size;
  }
  for (size_t k = 0; k < p->size; k++) {
    const double a = value(x, p, u, k) - mu, b = value(x, p, v, k) - mv;
    uu += a * a;
    vv += b * b;
    uv += a * b;
    apart += (a - b) * (a - b);
  }
  if (kind == WB_TOPO_L2) return sqrt(apart);
  return uu > 1e-20 && vv > 1e-20 ? 1 - uv / sqrt(uu * vv) : 1;
}

static int adjacent(const problem *p, size_t u, size_t v) {
  const long rows = labs((long)(u / p->cols) - (long)(v / p->cols));
  const long cols = labs((long)(u % p->cols) - (long)(v % p->cols));
  return rows <= 1 && cols <= 1 && u != v;
}

static double plain_neighbours(const double *x, const problem *p) {
  const size_t units = p->rows * p->cols;
  const wb_topo_distance kind = p->term == AS ? WB_TOPO_CORRELATION : p->distance;
  double total = 0, pairs = 0, unit_sum = 0;
  for (size_t u = 0; u < units; u++) {
    double own = 0, count = 0;
    for (size_t v = 0; v < units; v++) {
      if (!adjacent(p, u, v)) continue;
      const double d = distance(x, p, u, v, kind);
      own += d;
      count++;
      if (v > u) total += d;
      if (v > u) pairs++;
    }
    unit_sum += count > 0 ? own / count : 0;
  }
  if (p->mean == WB_TOPO_UNIT_SUM) return unit_sum;
  return pairs > 0 ? total / pairs : 0;
}

static double plain_global(const double *x, const problem *p) {
  const size_t units = p->rows * p->cols;
  double total = 0, pairs = 0;
  for (size_t u = 0; u < units; u++)
    for (size_t v = u + 1; v < units; v++) {
      const double y =
          p->rows > 1 ? ((double)(u / p->cols) - (double)(v / p->cols)) / (double)(p->rows - 1) : 0;
      const double z =
          p->cols > 1 ? ((double)(u % p->cols) - (double)(v % p->cols)) / (double)(p->cols - 1) : 0;
      const double error = 1 - distance(x, p, u, v, WB_TOPO_COSINE) - 1 / (hypot(y, z) + 1);
      total += error * error;
      pairs++;
    }
  return pairs > 0 ? total / pairs : 0;
}

static double plain(const double *x, const void *context) {
  const problem *p = context;
  return p->term == GLOBAL ? plain_global(x, p) : plain_neighbours(x, p);
}

static size_t count_of(const problem *p) {
  return p->rows * p->cols * p->size;
}

static double ours(float *grad, const float *x, const problem *p) {
  float *work = malloc(wb_topo_work(p->size, p->rows * p->cols) * sizeof *work);
  double loss;
  if (p->term == WS)
    loss = wb_topo_ws(grad, x, p->rows, p->cols, p->size, p->distance, p->mean);
  else if (p->term == AS)
    loss = wb_topo_as(grad, x, p->size, p->rows, p->cols, work);
  else
    loss = wb_topo_global(grad, x, p->size, p->rows, p->cols, work);
  free(work);
  return loss;
}

/* Loss and gradient, per element of the largest, within 1e-6 of the reference and its central differences. */
static void assert_agrees(const float *x, const problem *p) {
  const size_t count = count_of(p);
  float *grad = malloc(count * sizeof *grad);
  for (size_t i = 0; i < count; i++) grad[i] = NAN;
  const double loss = ours(grad, x, p), expected = wb_value(plain, p, x, count);
  double *differences = wb_differences(plain, p, x, count);
  assert_true(fabs(loss - expected) <= 1e-6 * fabs(expected));
  assert_true(wb_deviation(grad, differences, count) <= 1e-6);
  assert_true(ours(NULL, x, p) == loss);
  free(grad);
  free(differences);
}

static void assert_published(const char *group, const char *input, problem p, double loss_tolerance,
                             double tolerance) {
  char object[96];
  snprintf(object, sizeof object, "/topo/%s/%s", group, input);
  size_t count;
  float *x = wb_reference_floats(PUBLISHED, object, &count);
  p.size = count / (p.rows * p.cols);
  snprintf(object, sizeof object, "/topo/%s/grad_%s", group, input);
  double *gradient = wb_reference(PUBLISHED, object, NULL);
  snprintf(object, sizeof object, "/topo/%s/loss", group);
  const double expected = wb_reference_scalar(PUBLISHED, object);
  float *grad = malloc(count * sizeof *grad);
  const double loss = ours(grad, x, &p);
  print_message("%s: loss %.1e, gradient %.1e relative\n", group, fabs(loss / expected - 1),
                wb_deviation(grad, gradient, count));
  assert_true(fabs(loss / expected - 1) < loss_tolerance);
  assert_true(wb_deviation(grad, gradient, count) < tolerance);
  free(x);
  free(gradient);
  free(grad);
}

static void test_published(void **state) {
  (void)state;
  if (!wb_have_published()) skip();
  problem p = {.term = WS, .rows = 16, .cols = 16, .distance = WB_TOPO_L2, .mean = WB_TOPO_PAIR_MEAN};
  assert_published("ws_pair_mean_16x16", "weight", p, 1e-6, 1e-6);
  p.rows = p.cols = 11;
  assert_published("ws_pair_mean_11x11", "weight", p, 1e-6, 1e-6);
  assert_published("p2_euclidean_11x11", "weight", p, 1e-6, 1e-6);
  p.distance = WB_TOPO_COSINE; // stored values were computed in float32
  assert_published("p2_cosine_11x11", "weight", p, 2e-6, 1e-5);
  p.distance = WB_TOPO_CORRELATION;
  assert_published("p2_correlation_11x11", "weight", p, 1e-6, 1e-6);
  p = (problem){.term = GLOBAL, .rows = 16, .cols = 16};
  assert_published("global_16x16", "embedding", p, 1e-6, 1e-6);
}

static const size_t grids[][2] = {{1, 1}, {1, 2}, {1, 7}, {7, 1}, {2, 2}, {3, 5}, {5, 3}, {11, 11}, {16, 16}};
enum { GRIDS = sizeof grids / sizeof grids[0] };

static void test_ws_gradients(void **state) {
  (void)state;
  for (int g = 0; g < GRIDS; g++)
    for (int d = WB_TOPO_L2; d <= WB_TOPO_CORRELATION; d++)
      for (int m = WB_TOPO_PAIR_MEAN; m <= WB_TOPO_UNIT_SUM; m++) {
        /* every value of a large grid is too many differences: three values a unit do there */
        const problem p = {
            WS, grids[g][0], grids[g][1], grids[g][0] > 10 ? 3 : 6, (wb_topo_distance)d, (wb_topo_mean)m};
        if (p.rows > 11) continue;
        float *w = random_floats(count_of(&p), "weights");
        assert_agrees(w, &p);
        free(w);
      }
}

static void test_activation_gradients(void **state) {
  (void)state;
  for (int g = 0; g < GRIDS - 2; g++)
    for (int t = AS; t <= GLOBAL; t++) {
      const problem p = {.term = (term)t, .rows = grids[g][0], .cols = grids[g][1], .size = 9};
      float *e = random_floats(count_of(&p), "activations");
      assert_agrees(e, &p);
      free(e);
    }
}

static void test_losses_on_full_grids(void **state) {
  (void)state;
  for (int t = WS; t <= GLOBAL; t++) {
    const problem p = {.term = (term)t, .rows = 16, .cols = 16, .size = 40};
    float *x = random_floats(count_of(&p), "full");
    const double expected = wb_value(plain, &p, x, count_of(&p));
    assert_true(fabs(ours(NULL, x, &p) / expected - 1) < 1e-6);
    free(x);
  }
}

/* The order of a row's values, or of the stimuli, does not matter. */
static void test_permuting_values(void **state) {
  (void)state;
  for (int d = WB_TOPO_L2; d <= WB_TOPO_CORRELATION; d++) {
    const problem p = {WS, 4, 5, 33, (wb_topo_distance)d, WB_TOPO_PAIR_MEAN};
    float *w = random_floats(count_of(&p), "permuted"), *turned = malloc(count_of(&p) * sizeof *turned);
    float *a = malloc(count_of(&p) * sizeof *a), *b = malloc(count_of(&p) * sizeof *b);
    for (size_t u = 0; u < 20; u++)
      for (size_t k = 0; k < 33; k++) turned[u * 33 + k] = w[u * 33 + (k * 7 + 3) % 33];
    assert_true(fabs(ours(a, w, &p) / ours(b, turned, &p) - 1) < 1e-12);
    for (size_t u = 0; u < 20; u++)
      for (size_t k = 0; k < 33; k++)
        assert_true(fabsf(b[u * 33 + k] - a[u * 33 + (k * 7 + 3) % 33]) < 1e-8f);
    free(w);
    free(turned);
    free(a);
    free(b);
  }
}

static void test_identical_rows(void **state) {
  (void)state;
  for (int d = WB_TOPO_L2; d <= WB_TOPO_CORRELATION; d++)
    for (int m = WB_TOPO_PAIR_MEAN; m <= WB_TOPO_UNIT_SUM; m++) {
      const problem p = {WS, 4, 3, 50, (wb_topo_distance)d, (wb_topo_mean)m};
      float *w = random_floats(600, "identical"), grad[600];
      for (size_t u = 1; u < 12; u++) memcpy(w + u * 50, w, 50 * sizeof *w);
      assert_true(ours(grad, w, &p) == 0);
      for (size_t i = 0; i < 600; i++) assert_true(grad[i] == 0);
      free(w);
    }
}

/* By hand: one pair at distance zero beside one at distance 5. */
static void test_zero_distance(void **state) {
  (void)state;
  const float w[6] = {1, 1, 1, 1, 4, 5};
  float grad[6];
  assert_true(wb_topo_ws(grad, w, 1, 3, 2, WB_TOPO_L2, WB_TOPO_PAIR_MEAN) == 2.5);
  const float expected[6] = {0, 0, -0.3f, -0.4f, 0.3f, 0.4f};
  for (int i = 0; i < 6; i++) assert_true(fabsf(grad[i] - expected[i]) < 1e-7f);
  assert_true(wb_topo_ws(grad, w, 1, 3, 2, WB_TOPO_L2, WB_TOPO_UNIT_SUM) == 7.5);
  assert_true(fabsf(grad[4] - 0.9f) < 1e-7f && fabsf(grad[5] - 1.2f) < 1e-7f);
}

/* A zero row under cosine, a constant one under correlation: distance 1, no gradient for its pairs. The
 * constant is one that a mean of 300 values does not reproduce exactly. */
static void test_rows_without_direction(void **state) {
  (void)state;
  for (int d = WB_TOPO_COSINE; d <= WB_TOPO_CORRELATION; d++) {
    const problem p = {WS, 1, 3, 300, (wb_topo_distance)d, WB_TOPO_PAIR_MEAN};
    float *w = random_floats(900, "constant"), grad[900];
    for (size_t k = 0; k < 300; k++) w[k] = d == WB_TOPO_COSINE ? 0 : 0.1f;
    const double loss = ours(grad, w, &p);
    const problem last = {WS, 1, 2, 300, (wb_topo_distance)d, WB_TOPO_PAIR_MEAN};
    float rest[600];
    assert_true(fabs(loss - (1 + ours(rest, w + 300, &last)) / 2) < 1e-12);
    for (size_t k = 0; k < 300; k++) assert_true(grad[k] == 0);
    for (size_t k = 0; k < 600; k++) assert_true(fabsf(grad[300 + k] - rest[k] / 2) < 1e-9f);
    free(w);
  }
}

static void test_constant_unit(void **state) {
  (void)state;
  const problem as = {.term = AS, .rows = 3, .cols = 3, .size = 20},
                global = {.term = GLOBAL, .rows = 3, .cols = 3, .size = 20};
  float *e = random_floats(180, "unit"), grad[180];
  for (size_t i = 0; i < 20; i++) e[9 * i + 4] = 0.7f; // the centre, neighbour of all
  assert_true(fabs(ours(grad, e, &as) - wb_value(plain, &as, e, 180)) < 1e-9);
  for (size_t i = 0; i < 20; i++) assert_true(grad[9 * i + 4] == 0);
  for (size_t i = 0; i < 20; i++) e[9 * i + 4] = 0;
  assert_true(fabs(ours(grad, e, &global) / wb_value(plain, &global, e, 180) - 1) < 1e-6);
  for (size_t i = 0; i < 180; i++) assert_true(isfinite(grad[i]));
  for (size_t i = 0; i < 20; i++) assert_true(grad[9 * i + 4] == 0);
  const problem alone = {.term = AS, .rows = 3, .cols = 3, .size = 1}; // one stimulus: every unit is constant
  assert_true(ours(grad, e, &alone) == 1);
  for (size_t i = 0; i < 9; i++) assert_true(grad[i] == 0);
  free(e);
}

static void test_single_unit(void **state) {
  (void)state;
  const float w[3] = {1, 2, 3};
  float grad[3] = {1, 1, 1}, work[16];
  assert_true(wb_topo_ws(grad, w, 1, 1, 3, WB_TOPO_L2, WB_TOPO_UNIT_SUM) == 0);
  for (int k = 0; k < 3; k++) assert_true(grad[k] == 0);
  grad[0] = 1;
  assert_true(wb_topo_global(grad, w, 3, 1, 1, work) == 0 && grad[0] == 0);
}

enum { ROWS = 6, FAN_IN = 9 };

static double plain_penalty(const double *x, const void *context) {
  const double norm = *(const double *)context;
  double sum = 0;
  for (int u = 0; u < ROWS; u++) {
    double square = 0;
    for (int i = 0; i < FAN_IN; i++) square += x[u * FAN_IN + i] * x[u * FAN_IN + i];
    sum += pow(sqrt(square) / norm - 1, 2) / ROWS;
  }
  return sum;
}

static void test_norm_penalty(void **state) {
  (void)state;
  float *w = random_floats(ROWS * FAN_IN, "norms"), grad[ROWS * FAN_IN];
  const double norm = 2.5;
  const double expected = wb_value(plain_penalty, &norm, w, ROWS * FAN_IN);
  double *differences = wb_differences(plain_penalty, &norm, w, ROWS * FAN_IN);
  assert_true(fabs(wb_topo_norm_penalty(grad, w, ROWS, FAN_IN, norm) / expected - 1) < 1e-6);
  assert_true(wb_deviation(grad, differences, ROWS * FAN_IN) < 1e-6);
  assert_true(wb_topo_norm_penalty(NULL, w, ROWS, FAN_IN, norm) ==
              wb_topo_norm_penalty(grad, w, ROWS, FAN_IN, norm));
  free(differences);
  free(w);
  /* by hand: norms 5 and 0 with a mean of 2.5; a zero row is pulled nowhere, and nothing is off where all
   * have their mean */
  const float two[4] = {3, 4, 0, 0}, same[4] = {3, 4, 5, 0};
  assert_true(wb_topo_mean_norm(two, 2, 2) == 2.5);
  assert_true(wb_topo_norm_penalty(grad, two, 2, 2, 2.5) == 1);
  assert_true(fabsf(grad[0] - 0.24f) < 1e-7f && fabsf(grad[1] - 0.32f) < 1e-7f && grad[2] == 0 &&
              grad[3] == 0);
  assert_true(wb_topo_norm_penalty(grad, same, 2, 2, wb_topo_mean_norm(same, 2, 2)) == 0);
  for (int i = 0; i < 4; i++) assert_true(grad[i] == 0);
  assert_true(wb_topo_norm_penalty(grad, two, 2, 2, 0) == 0 && grad[0] == 0);
}

static void test_balance(void **state) {
  (void)state;
  /* by hand: targets 0.2 * 3 / 2 = 0.3, 0.2 * 4 / 1 = 0.8, 0.2 * 1 / 4 = 0.05 */
  wb_balance b = {.rho = 0.2};
  assert_true(fabs(wb_balance_update(&b, 3, 2) - 0.3) < 1e-8);
  assert_true(fabs(wb_balance_update(&b, 4, 1) - 0.35) < 1e-8);
  assert_true(fabs(wb_balance_update(&b, 1, 4) - 0.32) < 1e-8);
  assert_true(b.started == 1 && b.lambda > 0.3199);
  /* a vanished topographic gradient is limited, rho 0 is 0, and a first target of 0 counts as started */
  b = (wb_balance){.rho = 5};
  assert_true(wb_balance_update(&b, 1, 0) == 1e4);
  b = (wb_balance){.rho = 0};
  assert_true(wb_balance_update(&b, 1, 0) == 0);
  b = (wb_balance){.rho = 1};
  assert_true(wb_balance_update(&b, 0, 1) == 0);
  assert_true(fabs(wb_balance_update(&b, 2, 1) - 0.2) < 1e-8);
}

static void test_grid_for_units(void **state) {
  (void)state;
  const size_t cases[][3] = {{256, 16, 16}, {121, 11, 11}, {1, 1, 1},  {7, 1, 7},
                             {128, 8, 16},  {512, 16, 32}, {60, 6, 10}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t rows, cols;
    wb_grid_for_units(cases[i][0], &rows, &cols);
    assert_int_equal(rows, cases[i][1]);
    assert_int_equal(cols, cases[i][2]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published),
      cmocka_unit_test(test_ws_gradients),
      cmocka_unit_test(test_activation_gradients),
      cmocka_unit_test(test_losses_on_full_grids),
      cmocka_unit_test(test_permuting_values),
      cmocka_unit_test(test_identical_rows),
      cmocka_unit_test(test_zero_distance),
      cmocka_unit_test(test_rows_without_direction),
      cmocka_unit_test(test_constant_unit),
      cmocka_unit_test(test_single_unit),
      cmocka_unit_test(test_norm_penalty),
      cmocka_unit_test(test_balance),
      cmocka_unit_test(test_grid_for_units),
  };
  return wb_result(cmocka_run_group_tests(tests, NULL, NULL));
}
