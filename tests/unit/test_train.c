/* test_train.c: whole trainings of small networks on made images: what the run file holds, repeatability,
 * interruption and continuation, and everything that is refused. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train_made.h"

/* logits = readout_weight embedding + readout_bias, by the roles. */
static void assert_logits_follow(const wb_h5 *file) {
  uint64_t n;
  float *e = read_floats(file, "/activations/test/embedding", &n);
  assert_int_equal(n, TEST * UNITS);
  float *w = read_floats(file, "/roles/readout_weight", &n);
  assert_int_equal(n, CLASSES * UNITS);
  float *b = read_floats(file, "/roles/readout_bias", &n);
  float *logits = read_floats(file, "/activations/test/logits", &n);
  assert_int_equal(n, TEST * CLASSES);
  for (int i = 0; i < TEST; i++)
    for (int c = 0; c < CLASSES; c++) {
      double sum = (double)b[c];
      for (int u = 0; u < UNITS; u++) sum += (double)e[i * UNITS + u] * (double)w[c * UNITS + u];
      assert_true(fabs(sum - (double)logits[i * CLASSES + c]) < 1e-4 * (1 + fabs(sum)));
    }
  free(e);
  free(w);
  free(b);
  free(logits);
}

static double test_accuracy(const wb_h5 *file) {
  uint64_t n;
  float *logits = read_floats(file, "/activations/test/logits", &n);
  int right = 0;
  for (int i = 0; i < TEST; i++) {
    int best = 0;
    for (int c = 1; c < CLASSES; c++)
      if (logits[i * CLASSES + c] > logits[i * CLASSES + best]) best = c;
    right += best == i % CLASSES;
  }
  free(logits);
  return (double)right / TEST;
}

/* ---- Tests ---- */

static void ce_run_file_is_complete(void **state) {
  (void)state;
  run(&ce, "ce.h5", WITH("epochs=8", "keep=last", "augment=none"));
  wb_h5 *file = opened("ce.h5");
  assert_intact(file);
  assert_logits_follow(file);
  assert_true(test_accuracy(file) > 0.9);
  static const char *const series[] = {"train_task_loss", "train_topo_loss",   "lambda",
                                       "train_accuracy",  "val_task_loss",     "val_accuracy",
                                       "seconds",         "images_per_second", "weight_norm"};
  for (size_t s = 0; s < sizeof series / sizeof *series; s++) {
    char object[64];
    uint64_t n;
    snprintf(object, sizeof object, "/history/%s", series[s]);
    float *values = read_floats(file, object, &n);
    assert_int_equal(n, 8);
    for (uint64_t e = 0; e < n; e++) assert_true(isfinite(values[e]));
    free(values);
  }
  bool complete = false;
  wb_runfile_is_complete(file, &complete, NULL);
  assert_true(complete);
  assert_false(wb_h5_exists(file, "/resume"));

  uint64_t n;
  float *w = read_floats(file, "/roles/embedding_weight", &n);
  assert_int_equal(n, UNITS * 64);
  double norm = 0;
  for (int u = 0; u < UNITS; u++) {
    double sum = 0;
    for (int i = 0; i < 64; i++) sum += (double)w[u * 64 + i] * (double)w[u * 64 + i];
    norm += sqrt(sum) / UNITS;
  }
  assert_true(fabs(last_of(file, "/history/weight_norm") - norm) < 1e-5 * norm);
  free(w);
  wb_h5_close(file);
}

static void seeds_make_the_model(void **state) {
  (void)state;
  run(&ce, "a.h5", WITH("epochs=2"));
  run(&ce, "b.h5", WITH("epochs=2"));
  run(&ce, "c.h5", WITH("epochs=2", "seed=1"));
  assert_true(same_group("a.h5", "b.h5", "/model"));
  assert_true(same_group("a.h5", "b.h5", "/activations"));
  assert_false(same_group("a.h5", "c.h5", "/model"));
}

static void supcon_has_a_readout(void **state) {
  (void)state;
  const train_host h = run(&supcon, "supcon.h5", WITH("epochs=6", "augment=crop"));
  assert_non_null(strstr(h.log, "readout"));
  wb_h5 *file = opened("supcon.h5");
  assert_intact(file);
  assert_logits_follow(file);
  assert_true(test_accuracy(file) > 0.6);
  assert_true(wb_h5_exists(file, "/readout/weight"));
  assert_true(wb_h5_exists(file, "/model/head.3.weight"));
  assert_false(wb_h5_exists(file, "/history/val_accuracy"));
  wb_h5_close(file);
}

/* Stopped in the middle of the third epoch and continued: the same bits as without a stop. */
static void continues_where_it_stopped(void **state) {
  (void)state;
  static const wb_plugin *const plugins[] = {&ce, &supcon, &supcon};
  for (int i = 0; i < 3; i++) {
    unlink(in_folder("stopped.h5"));
    const char *topo = i < 2 ? "topo=ws" : "topo=ws:0.2,as:0.1,global",
               *penalty = i < 2 ? "norm-penalty=0" : "norm-penalty=1";
    const char *const *options = WITH("epochs=4", "log-steps=yes", topo, penalty);
    run(plugins[i], "whole.h5", options);
    train_host h = {.plugin = plugins[i],
                    .path = in_folder("stopped.h5"),
                    .identity = "id",
                    .options = options,
                    .resume = 1,
                    .cancel_after = 2 * (int)(100 / 16 + 1) + 3};
    assert_int_equal(train_host_run(&h), WB_CANCELLED);
    assert_non_null(strstr(h.message, "after epoch 2"));
    wb_h5 *file = opened("stopped.h5");
    bool complete = true;
    assert_intact(file);
    assert_int_equal(wb_runfile_is_complete(file, &complete, NULL), WB_OK);
    assert_false(complete);
    assert_true(wb_h5_exists(file, "/resume/adam_v"));
    wb_h5_close(file);

    h.cancel_after = 0;
    assert_int_equal(train_host_run(&h), WB_OK);
    assert_true(same_group("whole.h5", "stopped.h5", "/model"));
    assert_true(same_group("whole.h5", "stopped.h5", "/activations"));
    assert_true(same_group("whole.h5", "stopped.h5", "/history/steps"));

    assert_int_equal(train_host_run(&h), WB_OK); // once more: nothing is left to do
    assert_non_null(strstr(h.log, "is complete"));
  }
}

static void early_stopping_ends_and_resumes_as_ended(void **state) {
  (void)state;
  /* At a learning rate of zero nothing gets better after the first epoch. */
  run(&ce, "patient.h5", WITH("epochs=50", "lr=0", "patience=3"));
  wb_h5 *file = opened("patient.h5");
  int64_t epochs, kept;
  size_t n;
  assert_int_equal(wb_h5_get_ints(file, "/history", "epochs", &epochs, 1, &n, NULL), WB_OK);
  assert_int_equal(wb_h5_get_ints(file, "/history", "kept_epoch", &kept, 1, &n, NULL), WB_OK);
  assert_true(epochs >= 4 && epochs < 50 && kept == epochs - 3);
  wb_h5_close(file);
}

static void unsuitable_requests_are_refused(void **state) {
  (void)state;
  refused(&ce, WITH("grid=3x5"), WB_ARG, "--grid 3x5 does not hold 16 units");
  refused(&ce, WITH("grid=4by4"), WB_ARG, "4x4 does");
  refused(&ce, (const char *const[]){data_option, "width=12", "units=16", NULL}, WB_ARG, "multiple of 8");
  refused(&supcon, WITH("batch=1"), WB_ARG, "--batch 2 or more");
  refused(&ce, (const char *const[]){data_option, "validation-per-class=30", "units=16", NULL}, WB_INPUT,
          "30");
  refused(&ce, WITH("init=/no/weights.h5"), WB_INPUT, "/no/weights.h5");
  char init[160];
  snprintf(init, sizeof init, "init=%s", in_folder("bars.h5"));
  refused(&ce, WITH(init), WB_INPUT, "encoder.conv1.weight");
  refused(&ce, WITH("lr=1e30", "augment=none"), WB_NUMERIC, "largest gradient was that of");
  refused(&ce, WITH("lr=1e30", "augment=none", "max-steps=1"), WB_NUMERIC, "largest gradient was that of");
}

/* What was saved before a loss became infinite stays as it is. */
static void divergence_leaves_the_saved_file(void **state) {
  (void)state;
  train_host h = {
      .plugin = &ce, .path = in_folder("diverged.h5"), .identity = "id", .resume = 1, .cancel_after = 10};
  h.options = WITH("epochs=4", "augment=none");
  assert_int_equal(train_host_run(&h), WB_CANCELLED);
  h.cancel_after = 0;
  *h.message = '\0';
  h.options = WITH("epochs=4", "augment=none", "lr=1e30");
  assert_int_equal(train_host_run(&h), WB_NUMERIC);
  assert_non_null(strstr(h.message, "in epoch 2, step "));
  assert_non_null(strstr(h.message, "largest gradient was that of"));
  wb_h5 *file = opened("diverged.h5");
  assert_intact(file);
  bool complete = true;
  assert_int_equal(wb_runfile_is_complete(file, &complete, NULL), WB_OK);
  assert_false(complete);
  wb_h5_close(file);
  h.options = WITH("epochs=4", "augment=none");
  assert_int_equal(train_host_run(&h), WB_OK);
}

static void another_run_is_not_continued(void **state) {
  (void)state;
  run(&ce, "mine.h5", WITH("epochs=1"));
  train_host h = {.plugin = &ce, .path = in_folder("mine.h5"), .identity = "other", .resume = 1};
  h.options = WITH("epochs=2");
  assert_int_equal(train_host_run(&h), WB_INPUT);
  assert_non_null(strstr(h.message, "its --epochs is 1, here it is 2"));
}

static void other_images_are_not_continued_on(void **state) {
  (void)state;
  char data[160];
  snprintf(data, sizeof data, "data=h5:%s", in_folder("changing.h5"));
  assert_int_equal(write_data("changing.h5", TRAIN), 0);
  train_host h = {
      .plugin = &ce, .path = in_folder("changing_run.h5"), .identity = "id", .resume = 1, .cancel_after = 10};
  h.options = (const char *const[]){data, "width=8", "units=16", "validation-per-class=5", NULL};
  assert_int_equal(train_host_run(&h), WB_CANCELLED);
  assert_int_equal(write_data("changing.h5", TRAIN - CLASSES), 0);
  h.cancel_after = 0;
  *h.message = '\0';
  assert_int_equal(train_host_run(&h), WB_INPUT);
  assert_non_null(strstr(h.message, "holds other images now"));
}

static void given_weights_and_batches_are_used(void **state) {
  (void)state;
  const int64_t rows[3][4] = {{0, 1, 2, 3}, {4, 5, 6, 7}, {119, 118, 117, 116}};
  wb_h5 *file;
  char init[160], batches[160];
  run(&ce, "start.h5", WITH("epochs=1"));
  assert_int_equal(wb_h5_create(in_folder("batches.h5"), &file, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/batches", WB_I64, 2, (uint64_t[]){3, 4}, rows, NULL), WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);
  snprintf(init, sizeof init, "init=%s", in_folder("start.h5"));
  snprintf(batches, sizeof batches, "batches=%s", in_folder("batches.h5"));
  run(&ce, "given.h5", WITH(init, batches, "epochs=1", "lr=0", "max-steps=2", "log-steps=yes"));
  assert_true(same_group("start.h5", "given.h5", "/model") == false); // batch norm's averages went on
  file = opened("given.h5");
  uint64_t n;
  free(read_floats(file, "/history/steps/train_task_loss", &n));
  assert_int_equal(n, 2);
  wb_h5_close(file);
  char x[WB_DIGEST_SIZE], y[WB_DIGEST_SIZE];
  wb_h5 *first = opened("start.h5"), *second = opened("given.h5");
  assert_int_equal(wb_h5_digest(first, "/model/encoder.fc.weight", x, NULL), WB_OK);
  assert_int_equal(wb_h5_digest(second, "/model/encoder.fc.weight", y, NULL), WB_OK);
  assert_string_equal(x, y);
  wb_h5_close(first);
  wb_h5_close(second);

  assert_int_equal(wb_h5_create(in_folder("batches.h5"), &file, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/batches", WB_I64, 2, (uint64_t[]){1, 2}, (int64_t[]){0, TRAIN}, NULL),
                   WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);
  refused(&ce, WITH(batches), WB_INPUT, "names image 120; there are 120 training images");
}

/* Where the time went, and the same training as without; steps are what is left to do. */
static void profile_says_where_time_went(void **state) {
  (void)state;
  const train_host plain = run(&ce, "plain.h5", WITH("epochs=3", "max-steps=4"));
  const train_host h = run(&ce, "profiled.h5", WITH("epochs=3", "max-steps=4", "profile=yes"));
  assert_true(same_group("plain.h5", "profiled.h5", "/model"));
  assert_null(strstr(plain.log, "GF/s"));
  assert_non_null(strstr(h.log, "profile of "));
  static const char *const parts[] = {"conv1 ",     "conv4 ",           "forward",
                                      "norm, ReLU", "backward weights", "backward data",
                                      "evaluation", "optimiser",        "wait for batch"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) assert_non_null(strstr(h.log, parts[i]));
  assert_non_null(strstr(plain.log, "  0:00 left"));
}

/* --recompute-activations changes no bit of what is trained. */
static void recomputing_changes_nothing(void **state) {
  (void)state;
  run(&supcon, "keeps.h5", WITH("epochs=2"));
  run(&supcon, "recomputes.h5", WITH("epochs=2", "recompute-activations=yes"));
  assert_true(same_group("keeps.h5", "recomputes.h5", "/model"));
  assert_true(same_group("keeps.h5", "recomputes.h5", "/activations"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ce_run_file_is_complete),
      cmocka_unit_test(seeds_make_the_model),
      cmocka_unit_test(supcon_has_a_readout),
      cmocka_unit_test(continues_where_it_stopped),
      cmocka_unit_test(early_stopping_ends_and_resumes_as_ended),
      cmocka_unit_test(unsuitable_requests_are_refused),
      cmocka_unit_test(divergence_leaves_the_saved_file),
      cmocka_unit_test(another_run_is_not_continued),
      cmocka_unit_test(other_images_are_not_continued_on),
      cmocka_unit_test(profile_says_where_time_went),
      cmocka_unit_test(recomputing_changes_nothing),
      cmocka_unit_test(given_weights_and_batches_are_used),
  };
  return cmocka_run_group_tests(tests, make_data, remove_data);
}
