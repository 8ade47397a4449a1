/* test_loss.c: task losses against the papers' published code and a plain double-precision reference.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <omp.h>
#include <string.h>

#include "base/rng.h"
#include "loss.h"
#include "reference.h"

static float *random_floats(size_t count, const char *stream, double scale) {
  wb_rng rng = wb_rng_make(11, stream, count);
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)(scale * wb_rng_normal(&rng));
  return x;
}

/* The problem that a reference objective evaluates; `dims` counts classes for cross-entropy. */
typedef struct problem {
  size_t images, views, dims;
  const int32_t *labels; // NULL for simclr
  const int32_t *superclass_of;
  double temperature, scale;
} problem;

static const double margins[3] = {0.05, 0.3, 0.5};

static double plain_ce(const double *x, const void *context) {
  const problem *p = context;
  double total = 0;
  for (size_t i = 0; i < p->images; i++) {
    const double *row = x + i * p->dims;
    double top = row[0], sum = 0;
    for (size_t c = 0; c < p->dims; c++) top = fmax(top, row[c]);
    for (size_t c = 0; c < p->dims; c++) sum += exp(row[c] - top);
    total += log(sum) + top - row[p->labels[i]];
  }
  return total / (double)p->images;
}

static double plain_dot(const double *a, const double *b, size_t n) {
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += a[k] * b[k];
  return sum;
}

static double plain_contrastive(const double *f, const void *context) {
  const problem *p = context;
  const size_t n = p->images * p->views;
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    double top = -INFINITY, sum = 0, aligned = 0;
    size_t positives = 0;
    for (size_t a = 0; a < n; a++)
      if (a != i) top = fmax(top, plain_dot(f + i * p->dims, f + a * p->dims, p->dims) / p->temperature);
    for (size_t a = 0; a < n; a++) {
      if (a == i) continue;
      const double s = plain_dot(f + i * p->dims, f + a * p->dims, p->dims) / p->temperature;
      sum += exp(s - top);
      const size_t u = i % p->images, v = a % p->images;
      if (p->labels ? p->labels[u] == p->labels[v] : u == v) {
        aligned += s;
        positives++;
      }
    }
    if (positives) total += log(sum) + top - aligned / (double)positives;
  }
  return p->scale * total / (double)n;
}

static double plain_margin(const double *z, const void *context) {
  const problem *p = context;
  double total = 0;
  for (size_t i = 0; i < p->images; i++)
    for (size_t j = i + 1; j < p->images; j++) {
      const double *a = z + i * p->dims, *b = z + j * p->dims;
      const double na = sqrt(plain_dot(a, a, p->dims)), nb = sqrt(plain_dot(b, b, p->dims));
      const double d = 1 - plain_dot(a, b, p->dims) / fmax(na, 1e-12) / fmax(nb, 1e-12);
      const int32_t s = p->labels[i], t = p->labels[j];
      const double slack = s == t                                       ? d - margins[0]
                           : p->superclass_of[s] == p->superclass_of[t] ? margins[1] - d
                                                                        : margins[2] - d;
      total += slack > 0 ? slack * slack : 0;
    }
  return total / ((double)p->images * (double)(p->images - 1) / 2);
}

/* Our loss of problem `p` by the kind of its reference objective. */
static double ours(float *d, const float *x, const problem *p, wb_function_of kind) {
  float *work = malloc(wb_loss_contrastive_work(p->images * p->views, p->dims) * sizeof *work);
  double loss;
  if (kind == plain_ce)
    loss = wb_loss_ce(d, x, p->labels, p->images, p->dims);
  else if (kind == plain_margin)
    loss = wb_loss_margin(d, x, p->labels, p->superclass_of, p->images, p->dims, margins, work);
  else if (p->labels)
    loss = wb_loss_supcon(d, x, p->labels, p->images, p->views, p->dims, p->temperature, work);
  else
    loss = wb_loss_simclr(d, x, p->images, p->dims, p->temperature, p->scale, work);
  free(work);
  return loss;
}

/* Loss within 1e-6, gradient within `tolerance` of its largest element, of central differences. */
static void assert_agrees(const float *x, const problem *p, wb_function_of kind, double tolerance) {
  const size_t count = p->images * p->views * p->dims;
  float *d = malloc(count * sizeof *d);
  for (size_t i = 0; i < count; i++) d[i] = NAN;
  const double loss = ours(d, x, p, kind), expected = wb_value(kind, p, x, count);
  double *differences = wb_differences(kind, p, x, count);
  assert_true(fabs(loss - expected) <= 1e-6 * fmax(fabs(expected), 1e-3));
  assert_true(wb_deviation(d, differences, count) <= tolerance);
  assert_true(ours(NULL, x, p, kind) == loss);
  free(d);
  free(differences);
}

static void assert_published(const char *group, const char *name, const problem *p, wb_function_of kind) {
  char object[96];
  size_t count;
  snprintf(object, sizeof object, "/loss/%s/%s", group, name);
  float *stored = wb_reference_floats(PUBLISHED, object, &count);
  snprintf(object, sizeof object, "/loss/%s/grad_%s", group, name);
  double *gradient = wb_reference(PUBLISHED, object, NULL);
  snprintf(object, sizeof object, "/loss/%s/loss", group);
  const double loss = wb_reference_scalar(PUBLISHED, object);
  assert_int_equal(count, p->images * p->views * p->dims);
  float *x = malloc(count * sizeof *x), *d = malloc(count * sizeof *d);
  double *expected = malloc(count * sizeof *expected);
  for (size_t v = 0; v < p->views; v++) // stored as (images, views, dims)
    for (size_t i = 0; i < p->images; i++)
      for (size_t k = 0; k < p->dims; k++) {
        const size_t from = (i * p->views + v) * p->dims + k, to = (v * p->images + i) * p->dims + k;
        x[to] = stored[from];
        expected[to] = gradient[from];
      }
  const double found = ours(d, x, p, kind);
  print_message("%s: loss %.1e, gradient %.1e relative\n", group, fabs(found / loss - 1),
                wb_deviation(d, expected, count));
  assert_true(fabs(found / loss - 1) < 1e-6);
  assert_true(wb_deviation(d, expected, count) < 1e-6);
  free(stored);
  free(gradient);
  free(x);
  free(d);
  free(expected);
}

static void test_published(void **state) {
  (void)state;
  if (!wb_have_published()) skip();
  int32_t *labels = wb_reference_ints(PUBLISHED, "/loss/supcon/labels", NULL);
  problem p = {.images = 24, .views = 2, .dims = 128, .labels = labels, .temperature = 0.07, .scale = 1};
  assert_published("supcon", "features", &p, plain_contrastive);
  p.labels = NULL;
  assert_published("simclr_t007", "features", &p, plain_contrastive);
  p.temperature = 0.1;
  p.scale = 0.1 / 0.07;
  assert_published("simclr_t01", "features", &p, plain_contrastive);
  free(labels);

  labels = wb_reference_ints(PUBLISHED, "/loss/margin/labels", NULL);
  int32_t *superclass = wb_reference_ints(PUBLISHED, "/loss/margin/superclass", NULL);
  p = (problem){.images = 32, .views = 1, .dims = 128, .labels = labels, .superclass_of = superclass};
  assert_published("margin", "projections", &p, plain_margin);
  free(labels);
  free(superclass);
}

static void test_ce(void **state) {
  (void)state;
  const int32_t labels[7] = {0, 9, 3, 3, 1, 2, 8};
  float *x = random_floats(70, "ce", 2);
  assert_agrees(x, &(problem){.images = 7, .views = 1, .dims = 10, .labels = labels}, plain_ce, 1e-6);
  assert_agrees(x, &(problem){.images = 1, .views = 1, .dims = 10, .labels = labels}, plain_ce, 1e-6);
  free(x);
  /* by hand: equal logits give log 4; a single class gives 0 */
  const float equal[4] = {3, 3, 3, 3};
  float d[4];
  assert_true(fabs(wb_loss_ce(d, equal, &labels[2], 1, 4) - log(4)) < 1e-15);
  assert_true(d[0] == 0.25f && d[3] == -0.75f);
  assert_true(wb_loss_ce(d, equal, labels, 1, 1) == 0 && d[0] == 0);
}

static void test_ce_extreme_logits(void **state) {
  (void)state;
  const float x[6] = {1e30f, -1e30f, 0, 90, 0, -200};
  const int32_t labels[2] = {0, 1};
  float d[6];
  assert_true(fabs(wb_loss_ce(d, x, labels, 2, 3) - 45) < 1e-5);
  assert_true(d[0] == 0 && d[1] == 0 && d[2] == 0);
  assert_true(d[3] == 0.5f && fabsf(d[4] + 0.5f) < 1e-6f && d[5] == 0);
  const float broken[2] = {NAN, 0};
  assert_true(isnan(wb_loss_ce(NULL, broken, labels, 1, 2)));
}

static void test_ce_does_not_depend_on_threads(void **state) {
  (void)state;
  enum { N = 999, CLASSES = 100 };
  float *x = random_floats(N * CLASSES, "threads", 3), *d[2];
  int32_t labels[N];
  for (int i = 0; i < N; i++) labels[i] = i * 7 % CLASSES;
  double loss[2];
  const int threads = omp_get_max_threads();
  for (int t = 0; t < 2; t++) {
    omp_set_num_threads(t ? 3 : 1);
    d[t] = malloc(N * CLASSES * sizeof *d[t]);
    loss[t] = wb_loss_ce(d[t], x, labels, N, CLASSES);
  }
  omp_set_num_threads(threads);
  assert_true(loss[0] == loss[1]);
  assert_memory_equal(d[0], d[1], N * CLASSES * sizeof *x);
  const problem p = {.images = N, .views = 1, .dims = CLASSES, .labels = labels};
  assert_true(fabs(loss[0] / wb_value(plain_ce, &p, x, N * CLASSES) - 1) < 1e-6);
  free(d[0]);
  free(d[1]);
  free(x);
}

static void test_accuracy(void **state) {
  (void)state;
  const float logits[12] = {1, 2, 3, 5, 5, 1, 0, 0, 0, -1, -2, -1};
  const int32_t labels[4] = {2, 0, 1, 0}; // right, tie won by class 0, tie lost by 1, tie won
  assert_true(wb_accuracy(logits, labels, 4, 3) == 0.75);
}

/* sum over rows of c . x / max(|x|, 1e-12) */
static double plain_normalized(const double *x, const void *context) {
  const float *c = context;
  double sum = 0;
  for (size_t i = 0; i < 3; i++) {
    const double norm = fmax(sqrt(plain_dot(x + 5 * i, x + 5 * i, 5)), 1e-12);
    for (size_t k = 0; k < 5; k++) sum += (double)c[5 * i + k] * x[5 * i + k] / norm;
  }
  return sum;
}

static void test_normalize(void **state) {
  (void)state;
  float *x = random_floats(15, "rows", 3), *c = random_floats(15, "direction", 1);
  float out[15], norms[3], dx[15];
  wb_normalize_rows(out, norms, x, 3, 5);
  for (size_t i = 0; i < 15; i++) assert_true(fabsf(out[i] - x[i] / norms[i / 5]) < 1e-6f);
  wb_normalize_rows_backward(dx, c, out, norms, 3, 5);
  double *differences = wb_differences(plain_normalized, c, x, 15);
  assert_true(wb_deviation(dx, differences, 15) < 1e-6);
  float in_place[15];
  memcpy(in_place, c, sizeof in_place);
  wb_normalize_rows_backward(in_place, in_place, out, norms, 3, 5);
  assert_memory_equal(in_place, dx, sizeof dx);
  /* a zero row stays zero, and its gradient is that of x / 1e-12 */
  memset(x + 5, 0, 5 * sizeof *x);
  wb_normalize_rows(out, norms, x, 3, 5);
  wb_normalize_rows_backward(dx, c, out, norms, 3, 5);
  for (size_t k = 5; k < 10; k++) {
    assert_true(out[k] == 0);
    assert_true(fabs((double)dx[k] / (1e12 * (double)c[k]) - 1) < 1e-6);
  }
  free(x);
  free(c);
  free(differences);
}

static float *random_features(size_t n, size_t dims, const char *stream) {
  float *x = random_floats(n * dims, stream, 1), *norms = malloc(n * sizeof *norms);
  wb_normalize_rows(x, norms, x, n, dims);
  free(norms);
  return x;
}

static void test_contrastive_gradients(void **state) {
  (void)state;
  const int32_t labels[6] = {0, 1, 1, 0, 2, 1}, equal[6] = {4, 4, 4, 4, 4, 4};
  float *f = random_features(12, 9, "features");
  problem p = {.images = 6, .views = 2, .dims = 9, .labels = labels, .temperature = 0.1, .scale = 1};
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  p.labels = equal;
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  p.labels = NULL;
  p.scale = 0.1 / 0.07;
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  p.images = 1; // a single pair: the loss is 0, whatever the features
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  p = (problem){.images = 6, .views = 1, .dims = 9, .labels = labels, .temperature = 0.07, .scale = 1};
  assert_agrees(f, &p, plain_contrastive, 2e-6); // label 2 has no positive
  p.images = 2;                                  // labels 0 and 1: no positive at all
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  p.images = 1;
  assert_agrees(f, &p, plain_contrastive, 2e-6);
  free(f);
}

static void test_contrastive_corners(void **state) {
  (void)state;
  /* identical features: the loss is log(n - 1), a low temperature neither overflows nor loses the gradient */
  const int32_t labels[4] = {0, 1, 0, 1};
  float *same = random_features(1, 8, "same"), f[64], d[64];
  for (size_t i = 0; i < 8; i++) memcpy(f + 8 * i, same, 8 * sizeof *f);
  problem p = {.images = 4, .views = 2, .dims = 8, .labels = labels, .temperature = 0.07, .scale = 1};
  assert_true(fabs(ours(d, f, &p, plain_contrastive) - log(7)) < 1e-6);
  float *g = random_features(8, 8, "cold");
  p.temperature = 0.002;
  const double loss = ours(d, g, &p, plain_contrastive), expected = wb_value(plain_contrastive, &p, g, 64);
  assert_true(fabs(loss / expected - 1) < 1e-6);
  for (size_t i = 0; i < 64; i++) assert_true(isfinite(d[i]));
  free(same);
  free(g);
}

static void test_simclr_is_supcon_of_single_images(void **state) {
  (void)state;
  enum { IMAGES = 150, DIMS = 32 };
  float *f = random_features(2 * IMAGES, DIMS, "large"), *a = malloc(2 * IMAGES * DIMS * sizeof *a),
        *b = malloc(2 * IMAGES * DIMS * sizeof *b);
  int32_t labels[IMAGES];
  for (int i = 0; i < IMAGES; i++) labels[i] = i;
  problem p = {.images = IMAGES, .views = 2, .dims = DIMS, .temperature = 0.1, .scale = 1};
  const double expected = wb_value(plain_contrastive, &p, f, 2 * IMAGES * DIMS);
  const double twins = ours(a, f, &p, plain_contrastive);
  p.labels = labels;
  assert_true(fabs(twins / expected - 1) < 1e-6);
  assert_true(ours(b, f, &p, plain_contrastive) == twins);
  assert_memory_equal(a, b, 2 * IMAGES * DIMS * sizeof *a);
  free(f);
  free(a);
  free(b);
}

static void test_margin(void **state) {
  (void)state;
  const int32_t labels[9] = {0, 1, 2, 3, 0, 1, 2, 2, 0}, superclass[4] = {0, 0, 1, 1};
  float *z = random_floats(9 * 6, "margin", 1);
  problem p = {.images = 9, .views = 1, .dims = 6, .labels = labels, .superclass_of = superclass};
  assert_agrees(z, &p, plain_margin, 2e-6);
  p.images = 2;
  assert_agrees(z, &p, plain_margin, 2e-6);
  p.images = 1;
  float d[6] = {1, 1, 1, 1, 1, 1};
  assert_true(ours(d, z, &p, plain_margin) == 0 && d[0] == 0 && d[5] == 0);
  free(z);
}

static void test_margin_corners(void **state) {
  (void)state;
  const int32_t classes[3] = {0, 1, 2}, superclass[3] = {0, 0, 1}, alike[2] = {0, 0};
  /* by hand: equal rows of three classes, d = 0: (0.3^2 + 0.5^2 + 0.5^2) / 3, and no direction to move in */
  float z[9] = {1, 2, 2, 1, 2, 2, 1, 2, 2}, d[9];
  problem p = {.images = 3, .views = 1, .dims = 3, .labels = classes, .superclass_of = superclass};
  assert_true(fabs(ours(d, z, &p, plain_margin) - 0.59 / 3) < 1e-6);
  for (int k = 0; k < 9; k++) assert_true(fabsf(d[k]) < 1e-6f);
  /* a zero row has cosine 0 with everything: d = 1, for one class (1 - 0.05)^2 */
  memset(z, 0, 3 * sizeof *z);
  p = (problem){.images = 2, .views = 1, .dims = 3, .labels = alike, .superclass_of = superclass};
  assert_true(fabs(ours(d, z, &p, plain_margin) - 0.9025) < 1e-7);
  for (int k = 0; k < 6; k++) assert_true(isfinite(d[k]));
  for (int k = 3; k < 6; k++) assert_true(d[k] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published),
      cmocka_unit_test(test_ce),
      cmocka_unit_test(test_ce_extreme_logits),
      cmocka_unit_test(test_ce_does_not_depend_on_threads),
      cmocka_unit_test(test_accuracy),
      cmocka_unit_test(test_normalize),
      cmocka_unit_test(test_contrastive_gradients),
      cmocka_unit_test(test_contrastive_corners),
      cmocka_unit_test(test_simclr_is_supcon_of_single_images),
      cmocka_unit_test(test_margin),
      cmocka_unit_test(test_margin_corners),
  };
  return wb_result(cmocka_run_group_tests(tests, NULL, NULL));
}
