/* test_net_truong.c: the two networks of Truong & Hasson, one of them without batch norm, their classifiers
 * reading the embedding after ReLU, against values that PyTorch gave in float64
 * (tests/reference/make_truong.py). SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss.h"
#include "made.h"
#include "net.h"
#include "reference.h"

#define STORED REFERENCE_DIR "/truong.h5"

enum { IMAGES = 3, UNITS = 121, CLASSES = 10 };

static const int32_t labels[IMAGES] = {0, 3, 6};

typedef struct sample {
  const char *arch;
  wb_net *net;
  size_t pixels; // of all images
  float *images; // normalised
} sample;

static sample make(const char *arch) {
  const bool mnist = !strcmp(arch, "truong-mnist");
  const int side = mnist ? 28 : 32, channels = mnist ? 1 : 3;
  const wb_net_config config = {.arch = arch,
                                .width = mnist ? 0 : 8,
                                .channels = channels,
                                .height = side,
                                .img_width = side,
                                .units = UNITS,
                                .head = WB_HEAD_LINEAR,
                                .outputs = CLASSES,
                                .batch = 4,
                                .training = true};
  sample s = {.arch = arch, .pixels = (size_t)(IMAGES * channels * side * side)};
  wb_error err = {0};
  if (wb_net_create(&config, &s.net, &err)) fail_msg("%s", err.message);
  wb_made_network(s.net);
  s.images = aligned_alloc(64, (s.pixels * sizeof(float) + 63) / 64 * 64);
  wb_made_images(s.images, s.pixels);
  for (size_t i = 0; i < s.pixels; i++) {
    const size_t c = i / (size_t)(side * side) % (size_t)channels;
    s.images[i] = (s.images[i] - wb_made_mean[c]) / wb_made_sd[c];
  }
  return s;
}

static void drop(sample *s) {
  wb_net_free(s->net);
  free(s->images);
}

static void expect(const sample *s, const char *name, const float *ours, size_t count, double tolerance) {
  char object[96];
  snprintf(object, sizeof object, "/%s/%s", s->arch, name);
  size_t stored_count;
  double *right = wb_reference(STORED, object, &stored_count);
  assert_int_equal(count, stored_count);
  const double deviation = wb_deviation(ours, right, count);
  print_message("%s: %.2g\n", object, deviation);
  if (!(deviation <= tolerance)) fail_msg("%s: deviation %.3g above %.3g", object, deviation, tolerance);
  free(right);
}

/* Under batch norm a convolution's bias has no gradient. */
static bool cancelled(const sample *s, const wb_tensor *t) {
  return !strcmp(s->arch, "truong-cifar") && !strncmp(t->name, "conv", 4) && t->rank == 1;
}

static void check_training(const char *arch) {
  sample s = make(arch);
  wb_error err = {0};
  if (wb_net_forward_train(s.net, s.images, IMAGES, 1, 1, &err)) fail_msg("%s", err.message);
  expect(&s, "train/embedding", wb_net_embedding(s.net), IMAGES * UNITS, 1e-5);
  expect(&s, "train/output", wb_net_output(s.net), IMAGES * CLASSES, 1e-5);
  float d_output[IMAGES * CLASSES];
  const float loss = (float)wb_loss_ce(d_output, wb_net_output(s.net), labels, IMAGES, CLASSES);
  expect(&s, "train/loss", &loss, 1, 1e-5);
  if (wb_net_backward(s.net, d_output, NULL, &err)) fail_msg("%s", err.message);
  for (int i = 0; i < wb_net_tensor_count(s.net); i++) {
    const wb_tensor *t = wb_net_tensor(s.net, i);
    if (t->is_buffer) continue;
    float *ours = malloc(t->count * sizeof *ours);
    char name[96];
    wb_net_get_gradient(s.net, i, ours);
    snprintf(name, sizeof name, "train/gradient/%s", t->name);
    if (cancelled(&s, t))
      for (size_t k = 0; k < t->count; k++) assert_true(ours[k] == 0);
    else
      expect(&s, name, ours, t->count, 1e-4);
    free(ours);
  }
  drop(&s);
}

static void check_evaluation(const char *arch) {
  sample s = make(arch);
  wb_error err = {0};
  int dims[2][3];
  const int layers[2] = {0, wb_net_layer_count(s.net) - 1};
  assert_string_equal(wb_net_layer(s.net, layers[0], dims[0]), "conv1");
  assert_string_equal(wb_net_layer(s.net, layers[1], dims[1]), "avgpool");
  wb_net_tap taps[2];
  size_t sizes[2];
  for (int t = 0; t < 2; t++) {
    sizes[t] = IMAGES * (size_t)(dims[t][0] * dims[t][1] * dims[t][2]);
    taps[t] = (wb_net_tap){layers[t], malloc(sizes[t] * sizeof(float))};
  }
  float embedding[IMAGES * UNITS], output[IMAGES * CLASSES], d_output[IMAGES * CLASSES];
  if (wb_net_infer_taps(s.net, s.images, IMAGES, taps, 2, embedding, output, &err))
    fail_msg("%s", err.message);
  expect(&s, "evaluation/embedding", embedding, IMAGES * UNITS, 1e-5);
  expect(&s, "evaluation/output", output, IMAGES * CLASSES, 1e-5);
  expect(&s, "evaluation/tap/conv1", taps[0].out, sizes[0], 1e-5);
  expect(&s, "evaluation/tap/avgpool", taps[1].out, sizes[1], 1e-5);
  if (wb_net_infer(s.net, s.images, IMAGES, NULL, output, &err)) fail_msg("%s", err.message);
  expect(&s, "evaluation/output", output, IMAGES * CLASSES, 1e-5);

  if (wb_net_forward_frozen(s.net, s.images, IMAGES, &err)) fail_msg("%s", err.message);
  expect(&s, "evaluation/output", wb_net_output(s.net), IMAGES * CLASSES, 1e-5);
  wb_loss_ce(d_output, wb_net_output(s.net), labels, IMAGES, CLASSES);
  float *d_images = malloc(s.pixels * sizeof *d_images);
  if (wb_net_backward_images(s.net, d_output, NULL, d_images, &err)) fail_msg("%s", err.message);
  expect(&s, "evaluation/images", d_images, s.pixels, 1e-4);
  free(taps[0].out);
  free(taps[1].out);
  free(d_images);
  drop(&s);
}

static void training(void **state) {
  (void)state;
  check_training("truong-mnist");
  check_training("truong-cifar");
}

static void evaluation(void **state) {
  (void)state;
  check_evaluation("truong-mnist");
  check_evaluation("truong-cifar");
}

/* Names and shapes of the state dict, and what counts as the encoder. */
static void state_dict(void **state) {
  (void)state;
  static const char *const names[] = {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                      "fc1.weight",   "fc1.bias",   "fc2.weight",   "fc2.bias"};
  sample s = make("truong-mnist");
  assert_int_equal(wb_net_tensor_count(s.net), 8);
  for (int i = 0; i < 8; i++) {
    assert_string_equal(wb_net_tensor(s.net, i)->name, names[i]);
    assert_int_equal(wb_net_tensor(s.net, i)->in_encoder, i < 6);
  }
  const wb_tensor *first = wb_net_tensor(s.net, wb_net_embedding_weight(s.net));
  assert_true(!strcmp(first->name, "fc1.weight") && first->dims[0] == UNITS && first->dims[1] == 64);
  assert_string_equal(wb_net_tensor(s.net, wb_net_readout_weight(s.net))->name, "fc2.weight");
  assert_true(wb_net_relu_readout(s.net));
  drop(&s);
  s = make("truong-cifar");
  assert_true(wb_net_find(s.net, "bn4.running_var") >= 0 && wb_net_find(s.net, "conv4.bias") >= 0);
  drop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(training), cmocka_unit_test(evaluation),
                                     cmocka_unit_test(state_dict)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
