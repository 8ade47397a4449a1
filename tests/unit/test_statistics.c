/* test_statistics.c: against scipy (tests/reference/make_statistics.py) and by hand.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "statistics.h"

static json_t *reference;

static int setup(void **state) {
  (void)state;
  reference = json_load_file(REFERENCE_DIR "/statistics.json", 0, NULL);
  return reference ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  json_decref(reference);
  return 0;
}

static size_t numbers(const json_t *object, const char *key, double out[64]) {
  const json_t *list = json_object_get(object, key);
  assert_non_null(list);
  for (size_t i = 0; i < json_array_size(list); i++) out[i] = json_number_value(json_array_get(list, i));
  return json_array_size(list);
}

static void assert_close(double found, double expected, double tolerance) {
  if (!(fabs(found - expected) <= tolerance)) fail_msg("%.17g, expected %.17g", found, expected);
}

/* GSL gives the quantiles of Student's t to nine digits. */
static void assert_near(double found, const json_t *object, const char *key) {
  const double expected = json_number_value(json_object_get(object, key));
  if (fabs(found - expected) > 1e-9 * fmax(1e-3, fabs(expected)))
    fail_msg("%s: %.17g, expected %.17g", key, found, expected);
}

static void test_summary(void **state) {
  (void)state;
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(reference, "summaries"), i, item) {
    double values[64];
    const size_t n = numbers(item, "values", values);
    const wb_summary s = wb_summarize(values, n);
    assert_int_equal(s.n, n);
    assert_near(s.mean, item, "mean");
    assert_near(s.sd, item, "sd");
    assert_near(s.sem, item, "sem");
    assert_near(s.low, item, "low");
    assert_near(s.high, item, "high");
  }
  assert_true(i >= 5);
}

static void test_summary_by_hand(void **state) {
  (void)state;
  /* 1, 2, 3: mean 2, sd 1, sem 1/sqrt(3), t(0.975; 2) = 4.30265273 from tables. */
  const wb_summary s = wb_summarize((const double[]){1, NAN, 2, 3}, 4);
  assert_int_equal(s.n, 3);
  assert_close(s.mean, 2, 0);
  assert_close(s.sd, 1, 1e-15);
  assert_close(s.high - 2, 4.30265273 / sqrt(3), 1e-8);
  assert_close(2 - s.low, s.high - 2, 1e-14);
}

static void test_summary_of_few(void **state) {
  (void)state;
  const wb_summary one = wb_summarize((const double[]){7}, 1);
  assert_int_equal(one.n, 1);
  assert_close(one.mean, 7, 0);
  assert_true(isnan(one.sd) && isnan(one.sem) && isnan(one.low) && isnan(one.high));
  const wb_summary none = wb_summarize((const double[]){NAN}, 1);
  assert_int_equal(none.n, 0);
  assert_true(isnan(none.mean) && isnan(none.sd));
}

static void test_arrays(void **state) {
  (void)state;
  const double a[] = {1, 5, NAN}, b[] = {2, NAN, NAN}, c[] = {6, 7, NAN};
  const double *arrays[] = {a, b, c};
  wb_summary out[3];
  wb_summarize_arrays(out, arrays, 3, 3);
  for (size_t e = 0; e < 3; e++) {
    const wb_summary one = wb_summarize((const double[]){a[e], b[e], c[e]}, 3);
    assert_memory_equal(&out[e], &one, sizeof one);
  }
  assert_int_equal(out[1].n, 2);
}

static void assert_contrast(const wb_contrast *c, const json_t *item) {
  assert_near(c->difference, item, "difference");
  assert_near(c->se, item, "se");
  assert_near(c->df, item, "df");
  assert_near(c->t, item, "t");
  assert_near(c->p, item, "p");
  assert_near(c->low, item, "low");
  assert_near(c->high, item, "high");
}

static void test_contrasts(void **state) {
  (void)state;
  size_t i;
  json_t *item;
  double a[64], b[64];
  json_array_foreach(json_object_get(reference, "paired"), i, item) {
    const size_t n = numbers(item, "a", a);
    numbers(item, "b", b);
    const wb_contrast c = wb_contrast_paired(a, b, n);
    assert_contrast(&c, item);
    assert_true(c.paired && c.n_a == n && c.n_b == n);
  }
  assert_true(i >= 4);
  json_array_foreach(json_object_get(reference, "welch"), i, item) {
    const size_t n_a = numbers(item, "a", a), n_b = numbers(item, "b", b);
    const wb_contrast c = wb_contrast_welch(a, n_a, b, n_b);
    assert_contrast(&c, item);
    assert_true(!c.paired && c.n_a == n_a && c.n_b == n_b);
  }
  assert_true(i >= 3);
}

static void test_contrasts_of_few(void **state) {
  (void)state;
  const double a[] = {3, NAN, 5}, b[] = {1, 2, NAN};
  wb_contrast c = wb_contrast_paired(a, b, 3); // one complete pair
  assert_int_equal(c.n_a, 1);
  assert_close(c.difference, 2, 0);
  assert_true(isnan(c.p) && isnan(c.low));
  c = wb_contrast_welch(a, 1, b, 2);
  assert_close(c.difference, 1.5, 0);
  assert_true(isnan(c.p) && isnan(c.low));
  c = wb_contrast_paired(a + 1, b + 1, 1);
  assert_true(isnan(c.difference));
  c = wb_contrast_welch(a + 1, 1, b, 2);
  assert_true(isnan(c.difference));
}

static void test_contrasts_without_spread(void **state) {
  (void)state;
  const double a[] = {2, 3, 4}, b[] = {1, 2, 3}, same[] = {5, 5, 5};
  wb_contrast c = wb_contrast_paired(a, b, 3);
  assert_true(c.se == 0 && c.p == 0 && c.low == 1 && c.high == 1);
  c = wb_contrast_welch(same, 3, same, 2);
  assert_true(c.se == 0 && c.p == 1 && c.low == 0 && c.high == 0);
}

static void test_holm(void **state) {
  (void)state;
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(reference, "holm"), i, item) {
    double p[64], expected[64], adjusted[64];
    const size_t n = numbers(item, "p", p);
    numbers(item, "adjusted", expected);
    assert_true(wb_holm(adjusted, p, n));
    for (size_t k = 0; k < n; k++) assert_close(adjusted[k], expected[k], 1e-14);
  }
  assert_true(i >= 4);
  /* The missing one does not count: 2 x 0.01, then 1 x 0.04. */
  double p[] = {0.04, NAN, 0.01};
  assert_true(wb_holm(p, p, 3));
  assert_close(p[2], 0.02, 1e-15);
  assert_close(p[0], 0.04, 1e-15);
  assert_true(isnan(p[1]));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_summary),
                                     cmocka_unit_test(test_summary_by_hand),
                                     cmocka_unit_test(test_summary_of_few),
                                     cmocka_unit_test(test_arrays),
                                     cmocka_unit_test(test_contrasts),
                                     cmocka_unit_test(test_contrasts_of_few),
                                     cmocka_unit_test(test_contrasts_without_spread),
                                     cmocka_unit_test(test_holm)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
