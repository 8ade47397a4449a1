/* test_readout.c: the linear readout against PyTorch's AdamW, on classes that a line separates, and its early
 * stopping. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "loss.h"
#include "readout.h"
#include "reference.h"

#define STORED REFERENCE_DIR "/readout.h5"

static const wb_readout_data nothing;

static void follows_pytorch(const char *schedule, bool cosine) {
  char object[64];
  size_t count;
  const wb_readout_config config = {
      .units = 8, .classes = 3, .batch = 4096, .epochs = 12, .rate = 3e-3, .cosine = cosine, .decay = 0.01};
  float *embedding = wb_reference_floats(STORED, "/embedding", NULL);
  float *weight = wb_reference_floats(STORED, "/weight", NULL);
  float *bias = wb_reference_floats(STORED, "/bias", NULL);
  double *stored = wb_reference(STORED, "/labels", &count);
  int32_t labels[120];
  for (size_t i = 0; i < count; i++) labels[i] = (int32_t)stored[i];
  free(stored);

  snprintf(object, sizeof object, "/%s/rates", schedule);
  double *rates = wb_reference(STORED, object, NULL);
  for (int e = 0; e < 12; e++) assert_true(fabs(wb_readout_rate(&config, e) - rates[e]) < 1e-15);
  free(rates);

  const wb_readout_data train = {.embedding = embedding, .labels = labels, .count = count};
  wb_readout_report report;
  assert_int_equal(wb_readout_train(weight, bias, &report, &config, &train, &nothing, NULL), WB_OK);
  assert_int_equal(report.epochs, 12);
  assert_true(isnan(report.accuracy));
  snprintf(object, sizeof object, "/%s/weight", schedule);
  double *expected = wb_reference(STORED, object, NULL);
  for (int i = 0; i < 24; i++) assert_true(fabs((double)weight[i] - expected[i]) < 2e-6);
  free(expected);
  snprintf(object, sizeof object, "/%s/bias", schedule);
  expected = wb_reference(STORED, object, NULL);
  for (int i = 0; i < 3; i++) assert_true(fabs((double)bias[i] - expected[i]) < 2e-6);
  free(expected);
  free(embedding);
  free(weight);
  free(bias);
}

static void constant_rate_follows_pytorch(void **state) {
  (void)state;
  follows_pytorch("constant", false);
}

static void cosine_decay_follows_pytorch(void **state) {
  (void)state;
  follows_pytorch("cosine", true);
}

/* Two units, two classes: the sign of the first unit. */
static void make_separable(float *x, int32_t *labels, size_t n, uint64_t seed) {
  wb_rng rng = wb_rng_make(seed, "points", 0);
  for (size_t i = 0; i < n; i++) {
    labels[i] = (int32_t)(i % 2);
    x[2 * i] = (labels[i] ? 1.f : -1.f) * wb_rng_range(&rng, 0.5f, 2);
    x[2 * i + 1] = wb_rng_range(&rng, -2, 2);
  }
}

static void separable_classes_are_separated(void **state) {
  (void)state;
  enum { N = 301 }; // the last batch holds one
  float x[2 * N], weight[4], bias[2], logits[2 * N];
  int32_t labels[N];
  make_separable(x, labels, N, 1);
  const wb_readout_config config = {
      .units = 2, .classes = 2, .batch = 50, .epochs = 60, .rate = 0.03, .cosine = true, .seed = 4};
  const wb_readout_data data = {.embedding = x, .labels = labels, .count = N};
  wb_readout_report report;
  wb_readout_init(weight, bias, &config);
  for (int i = 0; i < 4; i++) assert_true(fabsf(weight[i]) <= 0.70711f);
  assert_int_equal(wb_readout_train(weight, bias, &report, &config, &data, &data, NULL), WB_OK);
  assert_true(report.accuracy == 1);
  wb_readout_logits(logits, weight, bias, &config, x, N);
  assert_true(wb_accuracy(logits, labels, N, 2) == 1);
  assert_true(weight[2] - weight[0] > 5 * fabsf(weight[3] - weight[1])); // it is the first unit that tells

  float again[4], again_bias[2];
  wb_readout_init(again, again_bias, &config);
  wb_readout_train(again, again_bias, &report, &config, &data, &data, NULL);
  assert_memory_equal(weight, again, sizeof weight);
  wb_readout_config other = config;
  other.seed = 5;
  wb_readout_init(again, again_bias, &other);
  assert_memory_not_equal(weight, again, sizeof weight);
}

/* With validation labels turned round, training only makes it worse: the first epoch is the best, and
 * training ends when patience runs out. */
static void early_stopping_keeps_the_best(void **state) {
  (void)state;
  enum { N = 64 };
  float x[2 * N], weight[4] = {0}, bias[2] = {0}, first[4] = {0}, first_bias[2] = {0};
  int32_t labels[N], wrong[N];
  make_separable(x, labels, N, 2);
  for (int i = 0; i < N; i++) {
    wrong[i] = 1 - labels[i];
    x[2 * i + 1] = 0;
  }
  wb_readout_config config = {
      .units = 2, .classes = 2, .batch = N, .epochs = 50, .patience = 4, .rate = 0.01, .seed = 1};
  const wb_readout_data train = {.embedding = x, .labels = labels, .count = N},
                        validation = {.embedding = x, .labels = wrong, .count = N};
  wb_readout_report report;
  assert_int_equal(wb_readout_train(weight, bias, &report, &config, &train, &validation, NULL), WB_OK);
  assert_int_equal(report.epochs, 5);
  config.epochs = 1;
  assert_int_equal(wb_readout_train(first, first_bias, &report, &config, &train, &validation, NULL), WB_OK);
  assert_memory_equal(weight, first, sizeof weight);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(constant_rate_follows_pytorch),
      cmocka_unit_test(cosine_decay_follows_pytorch),
      cmocka_unit_test(separable_classes_are_separated),
      cmocka_unit_test(early_stopping_keeps_the_best),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
