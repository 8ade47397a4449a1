/* test_train.c: whole trainings of small networks on made images: what the run file holds, repeatability,
 * interruption and continuation, and everything that is refused. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train.h" // before cmocka.h, whose macro `fail` is also the name of a host function

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "hdf5/runfile.h"
#include "topo.h"
#include "train_host.h"

enum { SIDE = 16, CLASSES = 4, TRAIN = 120, TEST = 40, UNITS = 16 };

static char folder[] = "/tmp/workbench-train-XXXXXX";
static char data_option[96];

static const wb_param ce_rows[] = {WB_TRAIN_DATA_ROWS("crop"), WB_TRAIN_MODEL_ROWS, WB_TRAIN_TOPOGRAPHY_ROWS,
                                   WB_TRAIN_OPTIMISATION_ROWS("4", "16"), WB_TRAIN_RUN_ROWS};
static const wb_param supcon_rows[] = {WB_TRAIN_DATA_ROWS("contrastive"),
                                       WB_TRAIN_MODEL_ROWS,
                                       WB_TRAIN_PROJECTION_ROWS,
                                       WB_TRAIN_TEMPERATURE_ROWS,
                                       WB_TRAIN_TOPOGRAPHY_ROWS,
                                       WB_TRAIN_OPTIMISATION_ROWS("4", "16"),
                                       WB_TRAIN_READOUT_ROWS,
                                       WB_TRAIN_RUN_ROWS};

static wb_status check_ce(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_ce, params);
}

static wb_status run_ce(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_ce, params);
}

static wb_status check_supcon(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_supcon, params);
}

static wb_status run_supcon(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_supcon, params);
}

static const wb_plugin ce = {WB_PLUGIN_HEAD, .params_size = sizeof(wb_train_params),
                             .params = WB_TABLE(ce_rows), .check = check_ce, .run = run_ce};
static const wb_plugin supcon = {WB_PLUGIN_HEAD, .params_size = sizeof(wb_train_params),
                                 .params = WB_TABLE(supcon_rows), .check = check_supcon, .run = run_supcon};

/* ---- Images: a bar whose direction and colour tell the class, on noise ---- */

static void draw(uint8_t *pixels, int32_t label, uint64_t image) {
  wb_rng rng = wb_rng_make(1, "bars", image);
  const uint32_t at = 4 + wb_rng_below(&rng, SIDE - 8);
  for (uint32_t y = 0; y < SIDE; y++)
    for (uint32_t x = 0; x < SIDE; x++)
      for (int c = 0; c < 3; c++) {
        const bool bar = (label & 1 ? x : y) - at + 1 < 3 && (label & 2 ? c == 0 : c == 2);
        pixels[(y * SIDE + x) * 3 + (uint32_t)c] = (uint8_t)(wb_rng_below(&rng, 80) + (bar ? 150 : 0));
      }
}

static int write_split(wb_h5 *file, const char *split, uint64_t count, uint64_t first) {
  static uint8_t pixels[TRAIN * SIDE * SIDE * 3];
  static int32_t labels[TRAIN];
  char object[32];
  for (uint64_t i = 0; i < count; i++) {
    labels[i] = (int32_t)(i % CLASSES);
    draw(pixels + i * SIDE * SIDE * 3, labels[i], first + i);
  }
  snprintf(object, sizeof object, "/%s/images", split);
  if (wb_h5_write(file, object, WB_U8, 4, (uint64_t[]){count, SIDE, SIDE, 3}, pixels, NULL) != WB_OK)
    return -1;
  snprintf(object, sizeof object, "/%s/labels", split);
  return wb_h5_write(file, object, WB_I32, 1, &count, labels, NULL) == WB_OK ? 0 : -1;
}

static const char *in_folder(const char *name) {
  static char paths[8][128];
  static unsigned turn;
  char *path = paths[turn++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static int write_data(const char *name, uint64_t train) {
  wb_h5 *file;
  if (wb_h5_create(in_folder(name), &file, NULL) != WB_OK) return -1;
  if (write_split(file, "train", train, 0) || write_split(file, "test", TEST, TRAIN)) return -1;
  return wb_h5_commit(file, NULL) == WB_OK ? 0 : -1;
}

static int make_data(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(data_option, sizeof data_option, "data=h5:%s", in_folder("bars.h5"));
  return write_data("bars.h5", TRAIN);
}

static int remove_data(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

/* ---- Running ---- */

#define SMALL data_option, "width=8", "units=16", "validation-per-class=5"
#define WITH(...)                                                                                            \
  (const char *const[]) {                                                                                    \
    __VA_ARGS__, SMALL, "projection-dim=8", NULL                                                             \
  }

static train_host run(const wb_plugin *plugin, const char *name, const char *const *options) {
  train_host h = {.plugin = plugin, .path = in_folder(name), .identity = "id", .options = options};
  if (train_host_run(&h) != WB_OK) fail_msg("%s", h.message);
  return h;
}

static wb_h5 *opened(const char *name) {
  wb_h5 *file;
  wb_error err = {0};
  if (wb_runfile_open(in_folder(name), &file, &err) != WB_OK) fail_msg("%s", err.message);
  return file;
}

/* All of `object` as float, malloc'ed. */
static float *read_floats(const wb_h5 *file, const char *object, uint64_t *count) {
  wb_h5_shape shape;
  wb_error err = {0};
  if (wb_h5_get_shape(file, object, &shape, &err) != WB_OK) fail_msg("%s", err.message);
  *count = 1;
  for (uint32_t a = 0; a < shape.rank; a++) *count *= shape.dims[a];
  float *values = malloc(*count * sizeof *values);
  assert_int_equal(wb_h5_read(file, object, WB_F32, values, NULL), WB_OK);
  return values;
}

static double last_of(const wb_h5 *file, const char *object) {
  uint64_t n;
  float *values = read_floats(file, object, &n);
  const double last = (double)values[n - 1];
  free(values);
  return last;
}

/* Whether all data sets below `group` are the same, bit for bit, in two runs. */
static bool same_group(const char *a, const char *b, const char *group) {
  wb_h5 *first = opened(a), *second = opened(b);
  char **paths, x[WB_DIGEST_SIZE], y[WB_DIGEST_SIZE];
  size_t count;
  assert_int_equal(wb_h5_datasets(first, group, &paths, &count, NULL), WB_OK);
  assert_true(count > 0);
  bool same = true;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(wb_h5_digest(first, paths[i], x, NULL), WB_OK);
    assert_int_equal(wb_h5_digest(second, paths[i], y, NULL), WB_OK);
    same &= strcmp(x, y) == 0;
  }
  wb_h5_free_texts(paths, count);
  wb_h5_close(first);
  wb_h5_close(second);
  return same;
}

static void assert_intact(const wb_h5 *file) {
  char **changed;
  size_t count;
  assert_int_equal(wb_runfile_verify(file, &changed, &count, NULL), WB_OK);
  assert_int_equal(count, 0);
  wb_h5_free_texts(changed, count);
}

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

/* The topographic loss pulls neighbours together. */
static void topography_smooths(void **state) {
  (void)state;
  double loss[2];
  static const char *const names[2] = {"rho0.h5", "rho5.h5"};
  run(&ce, names[0], WITH("rho=0", "keep=last"));
  run(&ce, names[1], WITH("rho=5", "keep=last"));
  for (int i = 0; i < 2; i++) {
    uint64_t n;
    wb_h5 *file = opened(names[i]);
    float *w = read_floats(file, "/roles/embedding_weight", &n);
    loss[i] = wb_topo_ws(NULL, w, 4, 4, n / UNITS, WB_TOPO_L2, WB_TOPO_PAIR_MEAN);
    assert_true((last_of(file, "/history/lambda") == 0) == (i == 0));
    free(w);
    wb_h5_close(file);
  }
  assert_true(loss[1] < 0.5 * loss[0]);
}

static void factors_say_what_applies(void **state) {
  (void)state;
  run(&ce, "fixed.h5", WITH("epochs=1", "lambda=0.5", "grid=2x8"));
  run(&ce, "none.h5", WITH("epochs=1", "topo=none"));
  wb_h5 *file = opened("fixed.h5");
  double lambda;
  int64_t grid[2];
  size_t n;
  assert_int_equal(wb_h5_get_doubles(file, "/", "lambda", &lambda, 1, &n, NULL), WB_OK);
  assert_true(lambda == 0.5 && last_of(file, "/history/lambda") == 0.5);
  assert_false(wb_h5_has_attribute(file, "/", "rho"));
  assert_int_equal(wb_h5_get_ints(file, "/activations/test/embedding", "grid", grid, 2, &n, NULL), WB_OK);
  assert_true(grid[0] == 2 && grid[1] == 8);
  wb_h5_close(file);
  file = opened("none.h5");
  assert_false(wb_h5_has_attribute(file, "/", "rho") || wb_h5_has_attribute(file, "/", "lambda"));
  assert_false(wb_h5_exists(file, "/history/lambda"));
  wb_h5_close(file);
}

static void several_losses_at_once(void **state) {
  (void)state;
  run(&ce, "several.h5",
      WITH("epochs=3", "topo=as:0.1,ws:0.2", "topo-layers=conv2,conv4", "norm-penalty=0.5", "log-steps=yes"));
  wb_h5 *file = opened("several.h5");
  assert_intact(file);
  char *text;
  double weight[2];
  size_t n;
  assert_int_equal(wb_h5_get_text(file, "/", "topo", &text, NULL), WB_OK);
  assert_string_equal(text, "ws+as");
  free(text);
  assert_int_equal(wb_h5_get_text(file, "/", "topo_layers", &text, NULL), WB_OK);
  assert_string_equal(text, "conv2+conv4");
  free(text);
  assert_int_equal(wb_h5_get_doubles(file, "/", "rho_ws", &weight[0], 1, &n, NULL), WB_OK);
  assert_int_equal(wb_h5_get_doubles(file, "/", "rho_as", &weight[1], 1, &n, NULL), WB_OK);
  assert_true(weight[0] == 0.2 && weight[1] == 0.1);
  assert_false(wb_h5_has_attribute(file, "/", "rho"));
  static const char *const series[] = {"train_topo_loss_ws", "lambda_ws", "train_topo_loss_as", "lambda_as"};
  for (int i = 0; i < 4; i++) {
    char object[64];
    snprintf(object, sizeof object, "/history/%s", series[i]);
    assert_true(last_of(file, object) > 0);
    snprintf(object, sizeof object, "/history/steps/%s", series[i]);
    assert_true(last_of(file, object) > 0);
  }
  assert_true(last_of(file, "/history/norm_penalty") > 0);
  assert_false(wb_h5_exists(file, "/history/lambda") || wb_h5_exists(file, "/history/lambda_global"));
  wb_h5_close(file);

  run(&ce, "own.h5", WITH("epochs=1", "topo=ws,as:2", "lambda=0.5"));
  file = opened("own.h5");
  assert_int_equal(wb_h5_get_doubles(file, "/", "lambda", &weight[0], 1, &n, NULL), WB_OK);
  assert_int_equal(wb_h5_get_doubles(file, "/", "lambda_as", &weight[1], 1, &n, NULL), WB_OK);
  assert_true(weight[0] == 0.5 && weight[1] == 2 && !wb_h5_has_attribute(file, "/", "lambda_ws"));
  assert_true(last_of(file, "/history/lambda_ws") == 0.5 && last_of(file, "/history/lambda_as") == 2);
  wb_h5_close(file);
}

/* Units become alike in their activations; norms stay where the penalty holds them. */
static void losses_do_what_they_say(void **state) {
  (void)state;
  run(&ce, "apart.h5", WITH("epochs=6", "rho=0", "topo=as", "keep=last"));
  run(&ce, "alike.h5", WITH("epochs=6", "rho=5", "topo=as", "keep=last"));
  run(&ce, "shrunk.h5", WITH("epochs=6", "topo=ws", "lambda=3", "keep=last"));
  run(&ce, "held.h5", WITH("epochs=6", "topo=ws", "lambda=3", "norm-penalty=100", "keep=last"));
  run(&ce, "still.h5", WITH("epochs=1", "lr=0"));
  static const char *const names[] = {"apart.h5", "alike.h5", "shrunk.h5", "held.h5", "still.h5"};
  double topo[2], norm[5];
  for (int i = 0; i < 5; i++) {
    wb_h5 *file = opened(names[i]);
    if (i < 2) topo[i] = last_of(file, "/history/train_topo_loss");
    norm[i] = last_of(file, "/history/weight_norm");
    wb_h5_close(file);
  }
  assert_true(topo[1] < 0.5 * topo[0]);
  const double first = norm[4];
  assert_true(fabs(norm[3] - first) < 0.5 * fabs(norm[2] - first));
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

static void refused(const wb_plugin *plugin, const char *const *options, wb_status status, const char *part) {
  unlink(in_folder("refused.h5"));
  train_host h = {.plugin = plugin, .path = in_folder("refused.h5"), .identity = "id", .options = options};
  assert_int_equal(train_host_run(&h), status);
  if (!strstr(h.message, part)) fail_msg("no '%s' in: %s", part, h.message);
  assert_int_equal(access(h.path, F_OK), -1);
}

static void unsuitable_requests_are_refused(void **state) {
  (void)state;
  refused(&ce, WITH("grid=3x5"), WB_ARG, "--grid 3x5 does not hold 16 units");
  refused(&ce, WITH("grid=4by4"), WB_ARG, "4x4 does");
  refused(&ce, (const char *const[]){data_option, "width=12", "units=16", NULL}, WB_ARG, "multiple of 8");
  refused(&supcon, WITH("batch=1"), WB_ARG, "--batch 2 or more");
  refused(&ce, (const char *const[]){data_option, "validation-per-class=30", "units=16", NULL}, WB_INPUT,
          "30");
  refused(&ce, WITH("topo=wss"), WB_ARG, "did you mean ws?");
  refused(&ce, WITH("topo=none,as"), WB_ARG, "none and other losses");
  refused(&ce, WITH("topo=ws,as,ws:1"), WB_ARG, "names ws twice");
  refused(&ce, WITH("topo=ws:-1"), WB_ARG, "a weight is a number");
  refused(&ce, WITH("topo=ws:1x"), WB_ARG, "a weight is a number");
  refused(&ce, WITH("topo-layers=conv5"), WB_ARG, "no layer conv5");
  refused(&ce, WITH("topo-layers=conv4", "topo=none"), WB_ARG, "--topo is none");
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
      cmocka_unit_test(topography_smooths),
      cmocka_unit_test(factors_say_what_applies),
      cmocka_unit_test(several_losses_at_once),
      cmocka_unit_test(losses_do_what_they_say),
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
