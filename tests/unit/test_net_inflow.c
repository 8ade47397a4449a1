/* test_net_inflow.c: backward passes from the means of layers' activations, and several of one forward pass.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "net.h"

enum { N = 5, MOST = 24 };

static const wb_net_config resnet = {.arch = "resnet18",
                                     .width = 8,
                                     .channels = 3,
                                     .height = 8,
                                     .img_width = 8,
                                     .units = 12,
                                     .head = WB_HEAD_LINEAR,
                                     .outputs = 5,
                                     .batch = N,
                                     .training = true,
                                     .repeated = true};
static const wb_net_config cnn = {.arch = "shallowcnn",
                                  .width = 8,
                                  .channels = 1,
                                  .height = 11,
                                  .img_width = 9,
                                  .units = 12,
                                  .head = WB_HEAD_PROJECTION,
                                  .outputs = 7,
                                  .dropout = 0.3f,
                                  .batch = N,
                                  .training = true,
                                  .repeated = true};

typedef struct step {
  wb_net *net;
  float *images, *output, *embedding, *mean[MOST]; // random gradients
  wb_net_mean_gradient means[MOST];
  int layers; // without avgpool
} step;

static float *random_floats(size_t count, const char *stream) {
  wb_rng rng = wb_rng_make(3, stream, count);
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)wb_rng_normal(&rng);
  return x;
}

static void forward(const step *s) {
  wb_error err = {0};
  if (wb_net_forward_train(s->net, s->images, N, 4, 2, &err)) fail_msg("%s", err.message);
}

static step make_step(wb_net_config c) {
  step s = {.images = random_floats((size_t)(N * c.channels * c.height * c.img_width), "images"),
            .output = random_floats((size_t)(N * c.outputs), "output"),
            .embedding = random_floats((size_t)(N * c.units), "embedding")};
  wb_error err = {0};
  if (wb_net_create(&c, &s.net, &err)) fail_msg("%s", err.message);
  wb_net_init(s.net, 11);
  s.layers = wb_net_layer_count(s.net) - 1;
  for (int i = 0; i < s.layers; i++) {
    int dims[3];
    s.mean[i] = random_floats((size_t)N * 64, wb_net_layer(s.net, i, dims));
    s.means[i] = (wb_net_mean_gradient){i, s.mean[i]};
  }
  return s;
}

static void drop(step *s) {
  wb_net_free(s->net);
  free(s->images);
  free(s->output);
  free(s->embedding);
  for (int i = 0; i < s->layers; i++) free(s->mean[i]);
}

/* Gradients by a backward pass, malloc'ed. */
static float *backward(const step *s, wb_net_inflow in) {
  const size_t count = wb_net_weight_count(s->net);
  wb_error err = {0};
  if (wb_net_backward_from(s->net, &in, &err)) fail_msg("%s", err.message);
  float *g = malloc(count * sizeof *g);
  memcpy(g, wb_net_gradients(s->net), count * sizeof *g);
  return g;
}

/* Of the sum of gradient * value over all layers' means. */
static double loss(const step *s) {
  double sum = 0;
  float mean[N * 64];
  forward(s);
  for (int l = 0; l < s->layers; l++) {
    int dims[3];
    wb_net_layer(s->net, l, dims);
    wb_net_layer_mean(s->net, l, mean);
    for (int i = 0; i < N * dims[0]; i++) sum += (double)mean[i] * (double)s->mean[l][i];
  }
  return sum;
}

/* The gradient by the means agrees with differences along each tensor's own gradient, and what lies after the
 * last layer has none. */
static void check_means(wb_net_config config) {
  step s = make_step(config);
  forward(&s);
  float *g = backward(&s, (wb_net_inflow){.means = s.means, .mean_count = s.layers});
  for (int i = 0; i < wb_net_tensor_count(s.net); i++) {
    const wb_tensor *t = wb_net_tensor(s.net, i);
    double square = 0;
    if (t->is_buffer) continue;
    for (size_t k = 0; k < t->count; k++) square += pow((double)g[t->offset + k], 2);
    const bool reached = t->in_encoder && strncmp(t->name, "encoder.fc", 10) != 0 &&
                         !(!strncmp(t->name, "encoder.conv", 12) && strstr(t->name, "bias"));
    assert_int_equal(square > 0, reached);
    if (!reached) continue;
    float *w = wb_net_weights(s.net) + t->offset, *here = malloc(t->count * sizeof *here);
    memcpy(here, w, t->count * sizeof *w);
    const double h = 0.005 / square; // the loss changes by 0.01
    for (size_t k = 0; k < t->count; k++) w[k] = (float)((double)here[k] + h * (double)g[t->offset + k]);
    const double above = loss(&s);
    for (size_t k = 0; k < t->count; k++) w[k] = (float)((double)here[k] - h * (double)g[t->offset + k]);
    const double found = (above - loss(&s)) / (2 * h);
    if (!(fabs(found / square - 1) < 0.05)) fail_msg("%s: %.5g, not %.5g", t->name, found, square);
    memcpy(w, here, t->count * sizeof *w);
    free(here);
  }
  free(g);
  drop(&s);
}

static void test_means(void **state) {
  (void)state;
  check_means(resnet);
  check_means(cnn);
}

/* Passes after each other give the bits that each gives alone, and add up to that of all together. */
static void check_repeated(wb_net_config config) {
  step s = make_step(config);
  const size_t count = wb_net_weight_count(s.net), bytes = count * sizeof(float);
  const wb_net_inflow embedding = {.embedding = s.embedding, .again = true},
                      means = {.means = s.means, .mean_count = s.layers, .again = true},
                      output = {.output = s.output}, all = {s.output, s.embedding, s.means, s.layers, false};
  forward(&s);
  float *a = backward(&s, embedding), *b = backward(&s, means), *c = backward(&s, output);
  assert_int_equal(wb_net_backward_from(s.net, &output, NULL), WB_INTERNAL); // that was the last
  forward(&s);
  float *together = backward(&s, all);
  double error = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    error += pow((double)a[i] + (double)b[i] + (double)c[i] - (double)together[i], 2);
    size += pow((double)together[i], 2);
  }
  assert_true(sqrt(error / size) < 1e-5);

  config.repeated = false;
  step plain = make_step(config);
  const wb_net_inflow alone[] = {{.embedding = s.embedding}, {.means = s.means, .mean_count = s.layers}};
  const float *const found[] = {a, b};
  for (int i = 0; i < 2; i++) {
    forward(&plain);
    float *expected = backward(&plain, alone[i]);
    assert_memory_equal(found[i], expected, bytes);
    free(expected);
  }
  forward(&plain);
  assert_int_equal(wb_net_backward_from(plain.net, &embedding, NULL), WB_INTERNAL);
  forward(&plain);
  assert_int_equal(wb_net_backward(plain.net, s.output, NULL, NULL), WB_OK);
  assert_memory_equal(c, wb_net_gradients(plain.net), bytes);
  float *const all_gradients[] = {a, b, c, together};
  for (int i = 0; i < 4; i++) free(all_gradients[i]);
  drop(&s);
  drop(&plain);
}

static void test_repeated(void **state) {
  (void)state;
  check_repeated(resnet);
  check_repeated(cnn);
}

static void test_add_gradient(void **state) {
  (void)state;
  step s = make_step(resnet);
  for (int i = 0; i < wb_net_tensor_count(s.net); i++) {
    const wb_tensor *t = wb_net_tensor(s.net, i);
    if (t->is_buffer) continue;
    float *plain = random_floats(t->count, t->name), *back = malloc(t->count * sizeof *back);
    memset(wb_net_gradients(s.net) + t->offset, 0, t->count * sizeof *back);
    wb_net_add_gradient(s.net, i, plain, 2);
    wb_net_add_gradient(s.net, i, plain, -0.5f);
    wb_net_get_gradient(s.net, i, back);
    for (size_t k = 0; k < t->count; k++) assert_true(fabsf(back[k] - 1.5f * plain[k]) < 1e-6f);
    free(plain);
    free(back);
  }
  drop(&s);
}

static void test_outline(void **state) {
  (void)state;
  wb_net *net = NULL;
  int dims[3];
  assert_int_equal(wb_net_outline("resnet18", &net, NULL), WB_OK);
  assert_int_equal(wb_net_layer_count(net), 18);
  assert_string_equal(wb_net_layer(net, 2, dims), "layer1.0");
  assert_int_equal(dims[0], 64);
  wb_net_free(net);
  assert_int_equal(wb_net_outline("resnet", &net, NULL), WB_ARG);
  assert_null(net);
  step s = make_step(resnet);
  const wb_tensor *t = wb_net_tensor(s.net, wb_net_layer_weight(s.net, 2));
  assert_string_equal(t->name, "encoder.layer1.0.conv2.weight");
  drop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_means), cmocka_unit_test(test_repeated),
                                     cmocka_unit_test(test_add_gradient), cmocka_unit_test(test_outline)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
