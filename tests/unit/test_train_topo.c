/* test_train_topo.c: what topographic losses do in a training, and what the run file says of them.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train_made.h"

#include "topo.h"

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

static void unsuitable_topographies_are_refused(void **state) {
  (void)state;
  refused(&ce, WITH("topo=wss"), WB_ARG, "did you mean ws?");
  refused(&ce, WITH("topo=none,as"), WB_ARG, "none and other losses");
  refused(&ce, WITH("topo=ws,as,ws:1"), WB_ARG, "names ws twice");
  refused(&ce, WITH("topo=ws:-1"), WB_ARG, "a weight is a number");
  refused(&ce, WITH("topo=ws:1x"), WB_ARG, "a weight is a number");
  refused(&ce, WITH("topo-layers=conv5"), WB_ARG, "no layer conv5");
  refused(&ce, WITH("topo-layers=conv4", "topo=none"), WB_ARG, "--topo is none");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(topography_smooths),
      cmocka_unit_test(factors_say_what_applies),
      cmocka_unit_test(several_losses_at_once),
      cmocka_unit_test(losses_do_what_they_say),
      cmocka_unit_test(unsuitable_topographies_are_refused),
  };
  return cmocka_run_group_tests(tests, make_data, remove_data);
}
