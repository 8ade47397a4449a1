/* test_net.c: networks: state, initialisation, gradients against differences, evaluation in pieces,
 * reproducibility, refusals. Values against PyTorch are in test_net_reference.c.
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

static const wb_net_config small_resnet = {.arch = "resnet18",
                                           .width = 8,
                                           .channels = 3,
                                           .height = 8,
                                           .img_width = 8,
                                           .units = 12,
                                           .head = WB_HEAD_LINEAR,
                                           .outputs = 5,
                                           .batch = 6,
                                           .training = true};
/* One channel and odd sizes: 11 x 9 -> 5 x 4 -> 2 x 2 -> 1 x 1. */
static const wb_net_config small_cnn = {.arch = "shallowcnn",
                                        .width = 8,
                                        .channels = 1,
                                        .height = 11,
                                        .img_width = 9,
                                        .units = 12,
                                        .head = WB_HEAD_PROJECTION,
                                        .outputs = 7,
                                        .dropout = 0.3f,
                                        .batch = 6,
                                        .training = true};

static wb_net *make(wb_net_config config) {
  wb_net *net = NULL;
  wb_error err = {0};
  if (wb_net_create(&config, &net, &err)) fail_msg("%s", err.message);
  wb_net_init(net, 11);
  return net;
}

static float *random_floats(size_t count, const char *stream) {
  wb_rng rng = wb_rng_make(2, stream, count);
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)wb_rng_normal(&rng);
  return x;
}

static size_t image_size(const wb_net_config *c) {
  return (size_t)(c->channels * c->height * c->img_width);
}

static void test_state(void **state) {
  (void)state;
  wb_net *net = make(small_resnet);
  const int count = wb_net_tensor_count(net);
  assert_int_equal(count, 20 * 5 + 4);
  for (int i = 0; i < count; i++) {
    const wb_tensor *t = wb_net_tensor(net, i);
    float *x = random_floats(t->count, t->name), *back = malloc(t->count * sizeof *back);
    wb_net_set(net, i, x);
    wb_net_get(net, i, back);
    assert_true(!memcmp(x, back, t->count * sizeof *x));
    assert_int_equal(wb_net_find(net, t->name), i);
    assert_int_equal(t->in_encoder, !strncmp(t->name, "encoder.", 8));
    free(x);
    free(back);
  }
  const wb_tensor *t = wb_net_tensor(net, wb_net_find(net, "encoder.layer3.0.shortcut.0.weight"));
  assert_true(t->rank == 4 && t->dims[0] == 32 && t->dims[1] == 16 && t->dims[2] == 1 && t->dims[3] == 1);
  t = wb_net_tensor(net, wb_net_find(net, "encoder.layer4.1.bn2.running_var"));
  assert_true(t->is_buffer && t->rank == 1 && t->dims[0] == 64);
  t = wb_net_tensor(net, wb_net_embedding_weight(net));
  assert_string_equal(t->name, "encoder.fc.weight");
  assert_true(t->dims[0] == 12 && t->dims[1] == 64);
  assert_string_equal(wb_net_tensor(net, wb_net_embedding_bias(net))->name, "encoder.fc.bias");
  assert_int_equal(wb_net_find(net, "fc.weightx"), -1);
  assert_non_null(strstr(wb_net_conv_names(net), "layer2.0.shortcut.0: "));
  wb_net_free(net);
  wb_net_free(NULL);
}

/* Mean square of a tensor's values, and its largest. */
static double mean_square(const wb_net *net, const char *name, double *largest) {
  const int i = wb_net_find(net, name);
  const size_t count = wb_net_tensor(net, i)->count;
  float *x = malloc(count * sizeof *x);
  wb_net_get(net, i, x);
  double sum = 0;
  *largest = 0;
  for (size_t k = 0; k < count; k++) {
    sum += (double)x[k] * (double)x[k];
    *largest = fmax(*largest, fabs((double)x[k]));
  }
  free(x);
  return sum / (double)count;
}

static void test_init(void **state) {
  (void)state;
  wb_net_config config = small_resnet;
  config.width = 0;
  wb_net *net = make(config);
  assert_int_equal(wb_net_get_config(net)->width, 64);
  double largest, ms = mean_square(net, "encoder.layer2.0.conv1.weight", &largest);
  assert_true(fabs(ms / (2.0 / (9 * 128)) - 1) < 0.03); // Kaiming normal, fan-out
  ms = mean_square(net, "encoder.layer2.0.shortcut.0.weight", &largest);
  assert_true(fabs(ms / (2.0 / 128) - 1) < 0.1);
  ms = mean_square(net, "encoder.fc.weight", &largest);
  assert_true(largest <= 1 / sqrt(512) && fabs(ms / (1.0 / (3 * 512)) - 1) < 0.1); // uniform
  assert_true(mean_square(net, "encoder.bn1.weight", &largest) == 1);
  assert_true(mean_square(net, "encoder.bn1.bias", &largest) == 0);
  assert_true(mean_square(net, "encoder.bn1.running_mean", &largest) == 0);
  assert_true(mean_square(net, "encoder.bn1.running_var", &largest) == 1);
  wb_net *again = make(config);
  const size_t bytes = wb_net_weight_count(net) * sizeof(float);
  assert_true(!memcmp(wb_net_weights(net), wb_net_weights(again), bytes));
  wb_net_init(again, 12);
  assert_true(memcmp(wb_net_weights(net), wb_net_weights(again), bytes));
  wb_net_free(net);
  wb_net_free(again);
  config = small_cnn;
  config.width = 32;
  net = make(config);
  ms = mean_square(net, "encoder.conv3.weight", &largest);
  assert_true(largest <= 1 / sqrt(64 * 9) && fabs(ms / (1.0 / (3 * 64 * 9)) - 1) < 0.03);
  ms = mean_square(net, "encoder.conv3.bias", &largest);
  assert_true(largest <= 1 / sqrt(64 * 9) && ms > 0);
  wb_net_free(net);
}

typedef struct step {
  wb_net *net;
  int n;
  float *images, *d_output, *d_embedding;
} step;

static step make_step(wb_net_config config) {
  step s = {.net = make(config), .n = config.batch - 1};
  const size_t n = (size_t)config.batch;
  s.images = random_floats(n * image_size(&config), "images");
  s.d_output = random_floats(n * (size_t)config.outputs + 1, "d_output");
  s.d_embedding = random_floats(n * (size_t)config.units, "d_embedding");
  return s;
}

static void drop(step *s) {
  wb_net_free(s->net);
  free(s->images);
  free(s->d_output);
  free(s->d_embedding);
}

/* sum of d_output * output + d_embedding * embedding, whose gradient the backward pass must be. */
static double loss(const step *s) {
  const wb_net_config *c = wb_net_get_config(s->net);
  wb_error err = {0};
  if (wb_net_forward_train(s->net, s->images, s->n, 4, 2, &err)) fail_msg("%s", err.message);
  double sum = 0;
  for (int i = 0; i < s->n * c->outputs; i++)
    sum += (double)s->d_output[i] * (double)wb_net_output(s->net)[i];
  for (int i = 0; i < s->n * c->units; i++)
    sum += (double)s->d_embedding[i] * (double)wb_net_embedding(s->net)[i];
  return sum;
}

static void gradient(const step *s) {
  wb_error err = {0};
  if (wb_net_backward(s->net, s->d_output, s->d_embedding, &err)) fail_msg("%s", err.message);
}

/* Derivative of the loss along the tensor's gradient with each element weighed at random. The step
 * changes the loss by 0.01: above float rounding, below most kinks of ReLU, each of a percent or two. */
static void check_tensor(const step *s, const wb_tensor *t, const float *g) {
  double norm = 0, expected = 0;
  double *direction = malloc(t->count * sizeof *direction);
  float *w = wb_net_weights(s->net) + t->offset, *here = malloc(t->count * sizeof *here);
  wb_rng rng = wb_rng_make(6, t->name, 0);
  for (size_t i = 0; i < t->count; i++) {
    direction[i] = 2 * (double)wb_rng_uniform(&rng) * (double)g[t->offset + i];
    norm += direction[i] * direction[i];
  }
  norm = sqrt(norm);
  memcpy(here, w, t->count * sizeof *w);
  for (size_t i = 0; i < t->count; i++) expected += (direction[i] /= norm) * (double)g[t->offset + i];
  const double h = 0.005 / expected;
  for (size_t i = 0; i < t->count; i++) w[i] = (float)((double)here[i] + h * direction[i]);
  const double above = loss(s);
  for (size_t i = 0; i < t->count; i++) w[i] = (float)((double)here[i] - h * direction[i]);
  const double found = (above - loss(s)) / (2 * h);
  if (!(fabs(found - expected) < 0.05 * expected))
    fail_msg("%s: derivative %.5g by differences, %.5g by the backward pass", t->name, found, expected);
  memcpy(w, here, t->count * sizeof *w);
  free(here);
  free(direction);
}

static void check_gradients(wb_net_config config) {
  step s = make_step(config);
  const size_t count = wb_net_weight_count(s.net);
  float *g = malloc(count * sizeof *g);
  loss(&s);
  gradient(&s);
  memcpy(g, wb_net_gradients(s.net), count * sizeof *g);
  for (int i = 0; i < wb_net_tensor_count(s.net); i++) {
    const wb_tensor *t = wb_net_tensor(s.net, i);
    if (t->is_buffer) continue;
    const bool normed = wb_net_find(s.net, "encoder.bn1.weight") >= 0;
    if (normed && !strncmp(t->name, "encoder.conv", 12) && strstr(t->name, "bias")) { // cancels in batch norm
      for (size_t k = 0; k < t->count; k++) assert_true(g[t->offset + k] == 0);
      continue;
    }
    check_tensor(&s, t, g);
  }
  free(g);
  drop(&s);
}

static void test_gradients(void **state) {
  (void)state;
  check_gradients(small_resnet);
  check_gradients(small_cnn);
  wb_net_config bare = small_cnn;
  bare.head = WB_HEAD_NONE;
  bare.outputs = 0;
  check_gradients(bare);
  bare = small_resnet;
  bare.dropout = 0.5f;
  bare.channels = 2;
  bare.height = 5;
  check_gradients(bare);
  wb_net_config truong = small_cnn;
  truong.arch = "truong-mnist";
  truong.dropout = 0.3f;
  check_gradients(truong);
  truong.head = WB_HEAD_LINEAR;
  check_gradients(truong);
}

static void test_reproducible(void **state) {
  (void)state;
  step s = make_step(small_cnn), t = make_step(small_cnn);
  assert_true(loss(&s) == loss(&t));
  gradient(&s);
  gradient(&t);
  const size_t weights = wb_net_weight_count(s.net) * sizeof(float);
  const size_t buffers = wb_net_buffer_count(s.net) * sizeof(float);
  assert_true(!memcmp(wb_net_gradients(s.net), wb_net_gradients(t.net), weights));
  assert_true(!memcmp(wb_net_buffers(s.net), wb_net_buffers(t.net), buffers));
  /* Dropout is another at another step. */
  const double before = loss(&s);
  wb_net_forward_train(s.net, s.images, s.n, 4, 3, NULL);
  const float *output = wb_net_output(s.net);
  double after = 0;
  for (int i = 0; i < s.n * 7; i++) after += (double)s.d_output[i] * (double)output[i];
  assert_true(fabs(after - before) > 1e-3);
  drop(&s);
  drop(&t);
}

/* Gives the batch norms statistics, so that evaluation is not trivial. */
static void warm_up(const step *s) {
  for (int i = 0; i < 3; i++) loss(s);
}

static void check_pieces(wb_net_config config) {
  step s = make_step(config);
  warm_up(&s);
  enum { IMAGES = 19 };
  const size_t units = (size_t)config.units, outputs = (size_t)config.outputs, image = image_size(&config);
  float *images = random_floats(IMAGES * image, "evaluation");
  float *e = malloc(2 * IMAGES * units * sizeof *e), *o = malloc(2 * IMAGES * outputs * sizeof *o);
  const size_t weights = wb_net_weight_count(s.net) * sizeof(float);
  const size_t buffers = wb_net_buffer_count(s.net) * sizeof(float);
  float *w = malloc(weights), *b = malloc(buffers);
  memcpy(w, wb_net_weights(s.net), weights);
  memcpy(b, wb_net_buffers(s.net), buffers);
  assert_int_equal(wb_net_infer(s.net, images, IMAGES, e, o, NULL), WB_OK);
  const int pieces[] = {1, 7, 2, 6, 3};
  for (size_t i = 0, done = 0; i < sizeof pieces / sizeof *pieces; done += (size_t)pieces[i++])
    assert_int_equal(wb_net_infer(s.net, images + done * image, pieces[i], e + (IMAGES + done) * units,
                                  o + (IMAGES + done) * outputs, NULL),
                     WB_OK);
  assert_true(!memcmp(e, e + IMAGES * units, IMAGES * units * sizeof *e));
  assert_true(!memcmp(o, o + IMAGES * outputs, IMAGES * outputs * sizeof *o));
  assert_true(!memcmp(w, wb_net_weights(s.net), weights));
  assert_true(!memcmp(b, wb_net_buffers(s.net), buffers));
  assert_int_equal(wb_net_backward(s.net, s.d_output, NULL, NULL), WB_INTERNAL); // activations are gone

  /* A network for evaluation alone says the same. */
  config.training = false;
  wb_net *lean = make(config);
  memcpy(wb_net_weights(lean), w, weights);
  memcpy(wb_net_buffers(lean), b, buffers);
  assert_int_equal(wb_net_infer(lean, images, IMAGES, NULL, o + IMAGES * outputs, NULL), WB_OK);
  assert_true(!memcmp(o, o + IMAGES * outputs, IMAGES * outputs * sizeof *o));
  assert_int_equal(wb_net_infer(lean, images, 0, e, o, NULL), WB_OK);
  assert_int_equal(wb_net_forward_train(lean, images, 2, 0, 0, NULL), WB_ARG);
  wb_net_free(lean);
  free(images);
  free(e);
  free(o);
  free(w);
  free(b);
  drop(&s);
}

static void test_pieces(void **state) {
  (void)state;
  check_pieces(small_resnet);
  check_pieces(small_cnn);
  wb_net_config wide = small_resnet;
  wide.width = 32;
  wide.units = 256;
  wide.outputs = 10;
  wide.batch = 8;
  check_pieces(wide);
  wb_net_config truong = small_resnet;
  truong.arch = "truong-mnist";
  check_pieces(truong);
}

static void refuse(wb_net_config config) {
  wb_net *net = NULL;
  wb_error err = {0};
  assert_int_equal(wb_net_create(&config, &net, &err), WB_ARG);
  assert_null(net);
  assert_true(strlen(err.message) > 10);
}

static void test_refusals(void **state) {
  (void)state;
  wb_net_config c;
  c = small_resnet, c.arch = "resnet81", refuse(c);
  c = small_resnet, c.arch = NULL, refuse(c);
  c = small_resnet, c.width = 12, refuse(c);
  c = small_resnet, c.channels = 4, refuse(c);
  c = small_cnn, c.height = 7, refuse(c);
  c = small_cnn, c.units = 0, refuse(c);
  c = small_cnn, c.outputs = 0, refuse(c);
  c = small_cnn, c.head = WB_HEAD_NONE, refuse(c);
  c = small_cnn, c.dropout = 1, refuse(c);
  c = small_cnn, c.dropout = NAN, refuse(c);
  c = small_cnn, c.batch = 0, refuse(c);
  step s = make_step(small_cnn);
  assert_int_equal(wb_net_forward_train(s.net, s.images, 7, 0, 0, NULL), WB_ARG);
  assert_int_equal(wb_net_forward_train(s.net, s.images, 0, 0, 0, NULL), WB_ARG);
  assert_int_equal(wb_net_forward_train(s.net, s.images, 1, 0, 0, NULL), WB_ARG); // one value a channel
  assert_int_equal(wb_net_backward(s.net, s.d_output, NULL, NULL), WB_INTERNAL);
  drop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_state),     cmocka_unit_test(test_init),
                                     cmocka_unit_test(test_gradients), cmocka_unit_test(test_reproducible),
                                     cmocka_unit_test(test_pieces),    cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
