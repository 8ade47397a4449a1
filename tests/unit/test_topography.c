/* test_topography.c: two training steps of every objective with every topographic loss against stored PyTorch
 * values, and gradients against differences.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "objective.h"
#include "optim.h"
#include "reference.h"
#include "topography.h"

#define STORED REFERENCE_DIR "/topography.h5" /* made by make_topography.py, which says what is in it */

enum { IMAGES = 8, UNITS = 15, CLASSES = 4, PROJECTED = 6, MOST = 32 };

static const char *const layers[] = {"conv2", "conv4"};

typedef struct setting {
  const char *name;
  int kinds; // bit by wb_topo_kind
  wb_topo_distance distance;
  wb_topo_mean mean;
  bool fixed, encoder, further;
} setting;

enum { WS = 1 << WB_TOPO_WS, AS = 1 << WB_TOPO_AS, GLOBAL = 1 << WB_TOPO_GLOBAL, ALL = WS | AS | GLOBAL };

static const setting settings[] = {
    {.name = "none"},
    {.name = "ws_l2_pair-mean", .kinds = WS},
    {.name = "ws_l2_unit-sum", .kinds = WS, .mean = WB_TOPO_UNIT_SUM},
    {.name = "ws_cosine_pair-mean", .kinds = WS, .distance = WB_TOPO_COSINE},
    {.name = "ws_cosine_unit-sum", .kinds = WS, .distance = WB_TOPO_COSINE, .mean = WB_TOPO_UNIT_SUM},
    {.name = "ws_correlation_pair-mean", .kinds = WS, .distance = WB_TOPO_CORRELATION},
    {.name = "ws_correlation_unit-sum",
     .kinds = WS,
     .distance = WB_TOPO_CORRELATION,
     .mean = WB_TOPO_UNIT_SUM},
    {.name = "ws_encoder", .kinds = WS, .encoder = true},
    {.name = "as", .kinds = AS},
    {.name = "global", .kinds = GLOBAL},
    {.name = "all_layers", .kinds = ALL, .further = true},
    {.name = "ws_fixed", .kinds = WS, .fixed = true},
    {.name = "as_fixed", .kinds = AS, .fixed = true},
    {.name = "global_fixed", .kinds = GLOBAL, .fixed = true},
    {.name = "all_layers_fixed", .kinds = ALL, .fixed = true, .further = true}};

static const double rho[] = {0.2, 0.1, 0.3}, lambda[] = {0.5, 0.25, 2}, penalty = 0.7;

typedef struct run {
  const wb_objective *objective;
  const setting *s;
  wb_net *net;
  wb_topography *topography;
  float *images, *d_output, *work, *m, *v;
  int32_t *labels, *superclass;
  wb_objective_setting loss;
  int n;
} run;

static void load(const run *r) {
  for (int i = 0; i < wb_net_tensor_count(r->net); i++) {
    char object[96];
    size_t count;
    snprintf(object, sizeof object, "/before/%s", wb_net_tensor(r->net, i)->name);
    float *plain = wb_reference_floats(STORED, object, &count);
    assert_int_equal(count, wb_net_tensor(r->net, i)->count);
    wb_net_set(r->net, i, plain);
    free(plain);
  }
}

static void make_topography(run *r) {
  const setting *s = r->s;
  wb_topography_config c = {.layers = layers,
                            .layer_count = s->further ? 2 : 0,
                            .rows = 3,
                            .cols = 5,
                            .distance = s->distance,
                            .mean = s->mean,
                            .matched = !s->fixed,
                            .over_encoder = s->encoder,
                            .norm_penalty = s->further ? penalty : 0};
  wb_topo_term terms[WB_TOPO_KINDS];
  for (int k = 0; k < WB_TOPO_KINDS; k++)
    if (s->kinds >> k & 1)
      terms[c.term_count++] =
          (wb_topo_term){.kind = (wb_topo_kind)k, .weight = s->fixed ? lambda[k] : rho[k]};
  c.terms = terms;
  wb_error err = {0};
  if (wb_topography_create(&c, r->net, &r->topography, &err)) fail_msg("%s", err.message);
}

static run start(const wb_objective *objective, const setting *s, float dropout) {
  run r = {.objective = objective, .s = s, .n = (int)objective->views * IMAGES};
  const bool linear = objective->head == WB_HEAD_LINEAR;
  const wb_net_config config = {.arch = "shallowcnn",
                                .width = 8,
                                .channels = 3,
                                .height = 16,
                                .img_width = 16,
                                .units = UNITS,
                                .head = objective->head,
                                .outputs = linear ? CLASSES : PROJECTED,
                                .dropout = dropout,
                                .batch = r.n,
                                .training = true,
                                .repeated = true,
                                .conv = WB_CONV_ONEDNN};
  wb_error err = {0};
  if (wb_net_create(&config, &r.net, &err)) fail_msg("%s", err.message);
  load(&r);
  make_topography(&r);
  const size_t weights = wb_net_weight_count(r.net), n = (size_t)r.n;
  r.images = wb_reference_floats(STORED, "/images", NULL);
  r.labels = wb_reference_ints(STORED, "/labels", NULL);
  r.superclass = wb_reference_ints(STORED, "/superclass", NULL);
  r.d_output = calloc(n * PROJECTED, sizeof(float));
  r.work = calloc(objective->work(n, PROJECTED) + 1, sizeof(float));
  r.m = calloc(weights, sizeof(float));
  r.v = calloc(weights, sizeof(float));
  const bool simclr = objective == &wb_objective_simclr;
  r.loss = (wb_objective_setting){simclr ? 0.1 : 0.07, r.superclass, {0.05, 0.3, 0.5}};
  return r;
}

static void finish(run *r) {
  wb_topography_free(r->topography);
  wb_net_free(r->net);
  void *all[] = {r->images, r->labels, r->superclass, r->d_output, r->work, r->m, r->v};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Forward and backward pass; the task's loss. */
static double gradients(const run *r) {
  wb_error err = {0};
  if (wb_net_forward_train(r->net, r->images, r->n, 1, 0, &err)) fail_msg("%s", err.message);
  const wb_objective_batch batch = {wb_net_output(r->net), r->labels, IMAGES,
                                    (size_t)wb_net_get_config(r->net)->outputs, &r->loss};
  const double task = r->objective->loss(r->d_output, &batch, r->work);
  wb_topography_measure(r->topography, r->n);
  if (wb_topography_backward(r->topography, r->d_output, &err)) fail_msg("%s", err.message);
  return task;
}

/* ---- Stored values ---- */

static double *stored(const run *r, const char *what, size_t *count) {
  char object[96];
  snprintf(object, sizeof object, "/%s/%s/%s", r->objective->name, r->s->name, what);
  return wb_reference(STORED, object, count);
}

static void expect(const run *r, const char *what, double ours, double right, double tolerance) {
  const double error = right != 0 ? fabs(ours / right - 1) : fabs(ours);
  if (!(error <= tolerance) && !(isnan(ours) && isnan(right)))
    fail_msg("%s %s: %s %.9g, not %.9g", r->objective->name, r->s->name, what, ours, right);
}

static void expect_losses(const run *r, int step, double task) {
  double *loss = stored(r, "loss", NULL);
  expect(r, "task loss", task, loss[2 * step], step ? 1e-4 : 1e-5);
  if (r->s->further)
    expect(r, "norm penalty", wb_topography_norm_loss(r->topography), loss[2 * step + 1],
           1e-3 * step + 1e-12);
  free(loss);
  for (int i = 0; i < wb_topography_count(r->topography); i++) {
    const wb_topo_term *t = wb_topography_term(r->topography, i);
    double *right = stored(r, wb_topo_kind_names[t->kind], NULL), *now = right + 4 * step;
    expect(r, "topographic loss", t->loss, now[0], step ? 1e-4 : 1e-5);
    expect(r, "lambda", t->lambda, now[1], 1e-4);
    expect(r, "norm of the task's gradient", t->task_norm, now[2], 1e-4);
    expect(r, "norm of the topographic gradient", t->topo_norm, now[3], 1e-4);
    free(right);
  }
}

/* A bias that batch norm takes out again: its gradient is zero but for rounding. */
static bool cancelled(const run *r, const char *name) {
  return strncmp(name, "encoder.conv", 12) == 0
             ? strstr(name, ".bias") != NULL
             : r->objective->head == WB_HEAD_PROJECTION && !strcmp(name, "encoder.fc.bias");
}

/* The stored samples of gradients or of weights, tensor by tensor: the largest difference over the largest
 * value. */
static double worst(const run *r, bool weights) {
  size_t count, at = 0;
  double *right = stored(r, weights ? "after2" : "grad", &count), most = 0;
  for (int i = 0; i < wb_net_tensor_count(r->net); i++) {
    const wb_tensor *t = wb_net_tensor(r->net, i);
    if (t->is_buffer) continue;
    float *plain = malloc(t->count * sizeof *plain);
    if (weights)
      wb_net_get(r->net, i, plain);
    else
      wb_net_get_gradient(r->net, i, plain);
    const size_t stride = (t->count + MOST - 1) / MOST, samples = (t->count + stride - 1) / stride;
    double error = 0, size = 0;
    assert_true(at + samples <= count);
    for (size_t k = 0; k < samples; k++) {
      error = fmax(error, fabs((double)plain[k * stride] - right[at + k]));
      size = fmax(size, fabs(right[at + k]));
    }
    free(plain);
    at += samples;
    if (weights || !cancelled(r, t->name)) most = fmax(most, error / size);
  }
  assert_int_equal(at, count);
  free(right);
  return most;
}

static void check_case(const wb_objective *objective, const setting *s) {
  run r = start(objective, s, 0);
  wb_adam adam = wb_adam_default(2e-3);
  adam.epsilon = 1e-3;
  double off[2] = {0};
  for (int step = 0; step < 2; step++) {
    const double task = gradients(&r);
    expect_losses(&r, step, task);
    if (step == 0) off[0] = worst(&r, false);
    wb_adam_step(wb_net_weights(r.net), r.m, r.v, wb_net_gradients(r.net), wb_net_weight_count(r.net), &adam,
                 step + 1);
  }
  off[1] = worst(&r, true);
  print_message("%s %s: gradients %.1e, weights after two steps %.1e\n", objective->name, s->name, off[0],
                off[1]);
  expect(&r, "deviation of gradients", off[0], 0, 1e-4);
  expect(&r, "deviation of weights", off[1], 0, 1e-4);
  finish(&r);
}

static void check_objective(const wb_objective *objective) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) check_case(objective, &settings[i]);
}

static void test_ce(void **state) {
  (void)state;
  check_objective(&wb_objective_ce);
}

static void test_supcon(void **state) {
  (void)state;
  check_objective(&wb_objective_supcon);
}

static void test_simclr(void **state) {
  (void)state;
  check_objective(&wb_objective_simclr);
}

static void test_margin(void **state) {
  (void)state;
  check_objective(&wb_objective_margin);
}

/* ---- Without stored values ---- */

static double total_loss(const run *r) {
  wb_error err = {0};
  if (wb_net_forward_train(r->net, r->images, r->n, 1, 0, &err)) fail_msg("%s", err.message);
  const wb_objective_batch batch = {wb_net_output(r->net), r->labels, IMAGES,
                                    (size_t)wb_net_get_config(r->net)->outputs, &r->loss};
  double sum = r->objective->loss(NULL, &batch, r->work);
  wb_topography_measure(r->topography, r->n);
  for (int i = 0; i < wb_topography_count(r->topography); i++)
    sum += wb_topography_term(r->topography, i)->weight * wb_topography_term(r->topography, i)->loss;
  return sum + penalty * wb_topography_norm_loss(r->topography);
}

/* With dropout: along the gradient of each tensor the sum of all losses falls as it says. The step changes it
 * by 0.002, above float rounding and below most kinks of ReLU. */
static void test_differences(void **state) {
  (void)state;
  const setting *all = &settings[sizeof settings / sizeof *settings - 1];
  run r = start(&wb_objective_supcon, all, 0.5f);
  gradients(&r);
  const size_t count = wb_net_weight_count(r.net);
  float *g = malloc(count * sizeof *g), *here = malloc(count * sizeof *here), *w = wb_net_weights(r.net);
  memcpy(g, wb_net_gradients(r.net), count * sizeof *g);
  memcpy(here, w, count * sizeof *w);
  for (int i = 0; i < wb_net_tensor_count(r.net); i++) {
    const wb_tensor *t = wb_net_tensor(r.net, i);
    double square = 0;
    if (t->is_buffer || cancelled(&r, t->name)) continue;
    for (size_t k = t->offset; k < t->offset + t->count; k++) square += (double)g[k] * (double)g[k];
    const double h = 0.001 / square;
    for (size_t k = t->offset; k < t->offset + t->count; k++)
      w[k] = (float)((double)here[k] + h * (double)g[k]);
    const double above = total_loss(&r);
    for (size_t k = t->offset; k < t->offset + t->count; k++)
      w[k] = (float)((double)here[k] - h * (double)g[k]);
    const double found = (above - total_loss(&r)) / (2 * h);
    if (!(fabs(found / square - 1) < 0.05)) fail_msg("%s: %.5g, not %.5g", t->name, found, square);
    memcpy(w + t->offset, here + t->offset, t->count * sizeof *w);
  }
  free(g);
  free(here);
  finish(&r);
}

/* Units that are all alike and constant: ws is zero without a gradient, so that lambda is at its limit; as is
 * 1 without one; nothing becomes infinite. */
static void test_corners(void **state) {
  (void)state;
  const setting s = {.kinds = ALL};
  run r = start(&wb_objective_ce, &s, 0);
  const wb_tensor *weight = wb_net_tensor(r.net, wb_net_embedding_weight(r.net));
  const wb_tensor *bias = wb_net_tensor(r.net, wb_net_embedding_bias(r.net));
  memset(wb_net_weights(r.net) + weight->offset, 0, weight->count * sizeof(float));
  for (size_t i = 0; i < bias->count; i++) wb_net_weights(r.net)[bias->offset + i] = 0.3f;
  assert_true(isfinite(gradients(&r)));
  const wb_topo_term *ws = wb_topography_term(r.topography, 0), *as = wb_topography_term(r.topography, 1);
  assert_true(ws->loss == 0 && ws->topo_norm == 0 && ws->lambda == 1e4);
  assert_true(fabs(as->loss - 1) < 1e-12 && as->topo_norm == 0 && as->lambda == 1e4);
  for (size_t i = 0; i < wb_net_weight_count(r.net); i++) assert_true(isfinite(wb_net_gradients(r.net)[i]));
  finish(&r);
}

/* At rho 0 a term is measured and does nothing. */
static void test_no_weight(void **state) {
  (void)state;
  const setting none = {0};
  run r = start(&wb_objective_margin, &none, 0), zero = start(&wb_objective_margin, &none, 0);
  const wb_topo_term terms[] = {{.kind = WB_TOPO_WS}, {.kind = WB_TOPO_AS}};
  const wb_topography_config c = {.terms = terms, .term_count = 2, .rows = 3, .cols = 5, .matched = true};
  wb_topography_free(zero.topography);
  assert_int_equal(wb_topography_create(&c, zero.net, &zero.topography, NULL), WB_OK);
  assert_false(wb_topography_repeats(terms, 2, true));
  gradients(&r);
  gradients(&zero);
  assert_true(wb_topography_term(zero.topography, 1)->loss > 0);
  assert_true(wb_topography_term(zero.topography, 1)->lambda == 0);
  assert_memory_equal(wb_net_gradients(r.net), wb_net_gradients(zero.net),
                      wb_net_weight_count(r.net) * sizeof(float));
  finish(&r);
  finish(&zero);
}

static void test_layers(void **state) {
  (void)state;
  wb_error err = {0};
  assert_int_equal(wb_topography_check_layers("shallowcnn", layers, 2, &err), WB_OK);
  assert_int_equal(
      wb_topography_check_layers("resnet18", (const char *const[]){"layer2.0", "layer2.0.conv1"}, 2, &err),
      WB_OK);
  assert_int_equal(wb_topography_check_layers("resnet18", layers, 2, &err), WB_ARG);
  assert_non_null(strstr(err.message, "no layer conv2"));
  assert_non_null(strstr(err.message, "did you mean conv1?"));
  err = (wb_error){0};
  assert_int_equal(wb_topography_check_layers("shallowcnn", (const char *const[]){"conv1", "conv1"}, 2, &err),
                   WB_ARG);
  assert_non_null(strstr(err.message, "conv1 twice"));
  assert_int_equal(wb_topography_check_layers("shallowcnn", (const char *const[]){"avgpool"}, 1, NULL),
                   WB_ARG);
  wb_topography_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ce),          cmocka_unit_test(test_supcon),
                                     cmocka_unit_test(test_simclr),      cmocka_unit_test(test_margin),
                                     cmocka_unit_test(test_differences), cmocka_unit_test(test_corners),
                                     cmocka_unit_test(test_no_weight),   cmocka_unit_test(test_layers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
