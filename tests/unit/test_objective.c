/* test_objective.c: what the objectives make of the losses beneath them, which test_loss.c tests.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "loss.h"
#include "objective.h"

enum { IMAGES = 7, DIMS = 5, ROWS = 2 * IMAGES, WORK = 4096 };

static void fill(float *x, size_t count) {
  wb_rng rng = wb_rng_make(3, "projections", 0);
  for (size_t i = 0; i < count; i++) x[i] = (float)wb_rng_normal(&rng);
}

static double evaluate(const wb_objective *objective, float *gradient, const float *x, const int32_t *labels,
                       const wb_objective_setting *setting) {
  static float work[WORK];
  assert_true(objective->work(ROWS, DIMS) <= WORK);
  const wb_objective_batch batch = {x, labels, IMAGES, DIMS, setting};
  return objective->loss(gradient, &batch, work);
}

/* Where every image has a label of its own, its twin view is the only positive: supcon is then simclr without
 * its factor of temperature / 0.07. */
static void simclr_is_supcon_of_unique_labels(void **state) {
  (void)state;
  static const double temperatures[] = {0.07, 0.1};
  float x[ROWS * DIMS], ours[ROWS * DIMS], theirs[ROWS * DIMS];
  int32_t labels[IMAGES];
  fill(x, ROWS * DIMS);
  for (int i = 0; i < IMAGES; i++) labels[i] = i;
  for (int k = 0; k < 2; k++) {
    const wb_objective_setting setting = {.temperature = temperatures[k]};
    const double factor = temperatures[k] / 0.07;
    const double simclr = evaluate(&wb_objective_simclr, ours, x, labels, &setting);
    const double supcon = evaluate(&wb_objective_supcon, theirs, x, labels, &setting);
    assert_true(fabs(simclr - factor * supcon) < 1e-6 * supcon);
    for (int i = 0; i < ROWS * DIMS; i++)
      assert_true(fabs((double)ours[i] - factor * (double)theirs[i]) < 1e-5);
  }
}

/* simclr does not look at labels. */
static void simclr_ignores_labels(void **state) {
  (void)state;
  float x[ROWS * DIMS];
  int32_t labels[IMAGES] = {0}, others[IMAGES] = {0, 1, 0, 1, 0, 1, 0};
  const wb_objective_setting setting = {.temperature = 0.1};
  fill(x, ROWS * DIMS);
  assert_true(evaluate(&wb_objective_simclr, NULL, x, labels, &setting) ==
              evaluate(&wb_objective_simclr, NULL, x, others, &setting));
}

/* By hand, from the cosine distances of all pairs; one view. */
static void margin_by_hand(void **state) {
  (void)state;
  float x[IMAGES * DIMS];
  const int32_t labels[IMAGES] = {0, 0, 1, 2, 2, 1, 0}, superclass_of[3] = {0, 0, 1};
  const wb_objective_setting setting = {.superclass_of = superclass_of, .margins = {0.05, 0.3, 0.5}};
  fill(x, IMAGES * DIMS);
  double sum = 0;
  for (int i = 0; i < IMAGES; i++)
    for (int j = i + 1; j < IMAGES; j++) {
      double dot = 0, a = 0, b = 0;
      for (int k = 0; k < DIMS; k++) {
        const double p = (double)x[i * DIMS + k], q = (double)x[j * DIMS + k];
        dot += p * q, a += p * p, b += q * q;
      }
      const double d = 1 - dot / sqrt(a * b);
      const double slack = labels[i] == labels[j]                                 ? d - 0.05
                           : superclass_of[labels[i]] == superclass_of[labels[j]] ? 0.3 - d
                                                                                  : 0.5 - d;
      sum += slack > 0 ? slack * slack : 0;
    }
  const double expected = sum / (IMAGES * (IMAGES - 1) / 2);
  assert_true(expected > 0.01);
  assert_true(fabs(evaluate(&wb_objective_margin, NULL, x, labels, &setting) - expected) < 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(simclr_is_supcon_of_unique_labels),
                                     cmocka_unit_test(simclr_ignores_labels),
                                     cmocka_unit_test(margin_by_hand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
