/* test_optim.c: Adam and AdamW against stored PyTorch steps (tests/reference/make_optim.py).
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
#include "optim.h"
#include "reference.h"

#define STORED REFERENCE_DIR "/optim.h5"

enum { COUNT = 300, STEPS = 5 };

static void assert_stored(const char *name, double decay) {
  float *w = wb_reference_floats(STORED, "start", NULL), *g = wb_reference_floats(STORED, "gradients", NULL);
  double *after = wb_reference(STORED, name, NULL), *rates = wb_reference(STORED, "rates", NULL);
  float m[COUNT] = {0}, v[COUNT] = {0};
  double worst = 0;
  for (int step = 0; step < STEPS; step++) {
    wb_adam adam = wb_adam_default(rates[step]);
    adam.decay = decay;
    wb_adam_step(w, m, v, g + step * COUNT, COUNT, &adam, step + 1);
    for (int i = 0; i < COUNT; i++) worst = fmax(worst, fabs((double)w[i] - after[step * COUNT + i]));
  }
  print_message("%s: %.1e\n", name, worst);
  assert_true(worst <= STEPS * 0x1p-25); // weights below 0.5: a unit in the last place per step
  free(w);
  free(g);
  free(after);
  free(rates);
}

static void test_adam(void **state) {
  (void)state;
  assert_stored("adam", 0);
}

static void test_adamw(void **state) {
  (void)state;
  assert_stored("adamw", 0.01);
}

/* By hand: the first step of Adam is rate * sign(g), and nothing where the gradient has always been zero. */
static void test_first_step(void **state) {
  (void)state;
  const wb_adam adam = wb_adam_default(0.5);
  float w[3] = {1, 1, 1}, m[3] = {0}, v[3] = {0};
  const float g[3] = {4, -0.25f, 0};
  wb_adam_step(w, m, v, g, 3, &adam, 1);
  assert_true(fabsf(w[0] - 0.5f) < 1e-6f && fabsf(w[1] - 1.5f) < 1e-6f && w[2] == 1);
  wb_adam_step(w, m, v, g, 0, &adam, 2); // nothing to do
  assert_true(fabsf(m[0] - 0.4f) < 1e-7f && fabsf(w[0] - 0.5f) < 1e-6f);
}

static void test_threads(void **state) {
  (void)state;
  enum { MANY = 50001 };
  const wb_adam adam = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .decay = 0.01};
  const int threads = omp_get_max_threads();
  float *w[2], *g = malloc(MANY * sizeof *g);
  double norm[2], squares = 0;
  wb_rng rng = wb_rng_make(1, "gradient", 0);
  for (int i = 0; i < MANY; i++) {
    g[i] = (float)wb_rng_normal(&rng);
    squares += (double)g[i] * (double)g[i];
  }
  for (int t = 0; t < 2; t++) {
    omp_set_num_threads(t ? 3 : 1);
    float *m = calloc(MANY, sizeof *m), *v = calloc(MANY, sizeof *v);
    w[t] = malloc(MANY * sizeof **w);
    memcpy(w[t], g, MANY * sizeof *g);
    for (int step = 1; step <= 3; step++) wb_adam_step(w[t], m, v, g, MANY, &adam, step);
    norm[t] = wb_norm(g, MANY);
    free(m);
    free(v);
  }
  omp_set_num_threads(threads);
  assert_memory_equal(w[0], w[1], MANY * sizeof **w);
  assert_true(norm[0] == norm[1] && fabs(norm[0] / sqrt(squares) - 1) < 1e-13);
  free(w[0]);
  free(w[1]);
  free(g);
}

static void test_norm(void **state) {
  (void)state;
  const float g[3] = {3e30f, 0, 4e30f}; // squares overflow float32
  assert_true(fabs(wb_norm(g, 3) / 5e30 - 1) < 1e-6);
  assert_true(wb_norm(g, 0) == 0);
  assert_true(wb_norm(g + 1, 1) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adam),    cmocka_unit_test(test_adamw), cmocka_unit_test(test_first_step),
      cmocka_unit_test(test_threads), cmocka_unit_test(test_norm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
