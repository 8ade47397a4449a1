/* test_attack.c: attack steps by hand, on a linear model whose worst case is known, and at the edges.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attack.h"
#include "base/rng.h"

enum { N = 3000 };

static void test_by_hand(void **state) {
  (void)state;
  /* Up, down, no gradient; stopped by the ball on either side, and by the image range. */
  const float clean[] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.99f, 0.02f};
  const float gradient[] = {2, -1e-9f, 0, 1, -1, 1, -3};
  float x[] = {0.5f, 0.5f, 0.53f, 0.58f, 0.42f, 0.99f, 0.02f};
  const float right[] = {0.55f, 0.45f, 0.53f, 0.6f, 0.4f, 1, 0};
  wb_attack_step(x, gradient, clean, 0.05f, 0.1f, 7);
  for (int i = 0; i < 7; i++) assert_true(fabsf(x[i] - right[i]) < 1e-6f);
  assert_true(wb_attack_excess(x, clean, 0.1f, 7) < 1e-7);
  x[3] = 0.7f;
  assert_true(fabs(wb_attack_excess(x, clean, 0.1f, 7) - 0.1) < 1e-6);
  x[3] = 0.5f, x[6] = -0.03f;
  assert_true(fabs(wb_attack_excess(x, clean, 0.1f, 7) - 0.03) < 1e-6);
  x[6] = NAN;
  assert_true(isinf(wb_attack_excess(x, clean, 0.1f, 7)));
}

/* For a linear loss w x the maximum over the ball is at its corner; ten steps of a quarter reach it from
 * anywhere inside, and it does not depend on the start. */
static void test_linear(void **state) {
  (void)state;
  static float clean[N], w[N], x[N];
  const float epsilon = 8.0f / 255;
  wb_rng rng = wb_rng_make(1, "test", 0);
  for (int i = 0; i < N; i++) clean[i] = wb_rng_uniform(&rng), w[i] = wb_rng_range(&rng, -1, 1);
  wb_attack_start(x, clean, epsilon, 7, 3, N);
  for (int step = 0; step < 10; step++) {
    wb_attack_step(x, w, clean, epsilon / 4, epsilon, N);
    assert_true(wb_attack_excess(x, clean, epsilon, N) < 1e-7);
  }
  for (int i = 0; i < N; i++) {
    const float corner = fminf(fmaxf(clean[i] + (w[i] > 0 ? epsilon : -epsilon), 0), 1);
    assert_true(fabsf(x[i] - corner) < 1e-6f);
  }
}

/* Uniform over the ball where the range does not cut it; the same for the same image, another for another. */
static void test_start(void **state) {
  (void)state;
  static float clean[N], x[N], again[N], other[N];
  double sum = 0, square = 0;
  for (int i = 0; i < N; i++) clean[i] = 0.5f;
  wb_attack_start(x, clean, 0.2f, 7, 3, N);
  wb_attack_start(again, clean, 0.2f, 7, 3, N);
  wb_attack_start(other, clean, 0.2f, 7, 4, N);
  assert_memory_equal(x, again, sizeof x);
  assert_memory_not_equal(x, other, sizeof x);
  for (int i = 0; i < N; i++) {
    const double d = ((double)x[i] - 0.5) / 0.2;
    assert_true(fabs(d) <= 1 + 1e-6);
    sum += d, square += d * d;
  }
  assert_true(fabs(sum / N) < 0.05);               // sd of the mean: 0.0105
  assert_true(fabs(square / N - 1.0 / 3) < 0.025); // sd: 0.0054
  for (int i = 0; i < N; i++) clean[i] = i % 2 ? 0 : 1;
  wb_attack_start(x, clean, 0.2f, 7, 3, N);
  assert_true(wb_attack_excess(x, clean, 0.2f, N) < 1e-7);
  wb_attack_start(x, clean, 0, 7, 3, N);
  assert_memory_equal(x, clean, sizeof x);
}

static void test_loss(void **state) {
  (void)state;
  const float even[] = {3, 3, 3, 3}, large[] = {1000, 0}, one[] = {-5};
  assert_true(fabs(wb_attack_loss(even, 2, 4) - log(4)) < 1e-12);
  assert_true(wb_attack_loss(large, 0, 2) == 0);
  assert_true(fabs(wb_attack_loss(large, 1, 2) - 1000) < 1e-9);
  assert_true(wb_attack_loss(one, 0, 1) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_linear),
      cmocka_unit_test(test_start),
      cmocka_unit_test(test_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
