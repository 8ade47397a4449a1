/* test_net_memory.c: activations that are computed again: the same bits, from less memory.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "net_impl.h"

enum { CLASSES = 10 };

static wb_net_config config_of(const char *arch, int side, int batch) {
  return (wb_net_config){.arch = arch,
                         .width = 16,
                         .channels = 3,
                         .height = side,
                         .img_width = side,
                         .units = 24,
                         .head = WB_HEAD_PROJECTION,
                         .outputs = CLASSES,
                         .dropout = 0.3f,
                         .batch = batch,
                         .training = true};
}

static wb_net *make(wb_net_config config) {
  wb_net *net = NULL;
  wb_error err = {0};
  if (wb_net_create(&config, &net, &err)) fail_msg("%s", err.message);
  wb_net_init(net, 3);
  return net;
}

static float *random_floats(size_t count, const char *stream) {
  wb_rng rng = wb_rng_make(5, stream, 0);
  float *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = (float)wb_rng_normal(&rng);
  return x;
}

typedef struct inputs {
  int n;
  float *images, *d_output, *d_embedding, *d_mean;
} inputs;

static inputs make_inputs(const wb_net_config *c, int n) {
  const size_t rows = (size_t)n;
  return (inputs){n, random_floats(rows * 3 * (size_t)(c->height * c->img_width), "images"),
                  random_floats(rows * CLASSES, "d_output"), random_floats(rows * 24, "d_embedding"),
                  random_floats(rows * 512, "d_mean")};
}

static void drop_inputs(inputs *in) {
  free(in->images);
  free(in->d_output);
  free(in->d_embedding);
  free(in->d_mean);
}

/* One pass there and back (and, where repeated, back twice); fills a mean of each layer. */
static void pass(wb_net *net, const inputs *in, float *means) {
  wb_error err = {0};
  if (wb_net_forward_train(net, in->images, in->n, 1, 2, &err)) fail_msg("%s", err.message);
  for (int i = 0; i + 1 < wb_net_layer_count(net); i++) {
    int dims[3];
    wb_net_layer(net, i, dims);
    wb_net_layer_mean(net, i, means);
    means += in->n * dims[0];
  }
  const wb_net_mean_gradient mean = {1, in->d_mean};
  wb_net_inflow inflow = {in->d_output, in->d_embedding, &mean, 1, net->config.repeated};
  if (wb_net_backward_from(net, &inflow, &err)) fail_msg("%s", err.message);
  if (!net->config.repeated) return;
  memset(net->gradients, 0, net->weight_count * sizeof(float));
  inflow.again = false;
  if (wb_net_backward_from(net, &inflow, &err)) fail_msg("%s", err.message);
}

static void check_same(wb_net_config config, int n) {
  enum { MEANS = 1 << 16 };
  wb_net *keeps = make(config);
  config.recompute = true;
  wb_net *recomputes = make(config);
  inputs in = make_inputs(&config, n);
  float *a = calloc(MEANS, sizeof *a), *b = calloc(MEANS, sizeof *b);
  for (int round = 0; round < 2; round++) {
    pass(keeps, &in, a);
    pass(recomputes, &in, b);
    assert_memory_equal(a, b, MEANS * sizeof *a);
    assert_memory_equal(keeps->gradients, recomputes->gradients, keeps->weight_count * sizeof(float));
    assert_memory_equal(keeps->buffers, recomputes->buffers, keeps->buffer_count * sizeof(float));
    assert_memory_equal(wb_net_output(keeps), wb_net_output(recomputes), (size_t)(n * CLASSES) * 4);
  }
  assert_true(keeps->gradients[0] != 0);
  free(a);
  free(b);
  drop_inputs(&in);
  wb_net_free(keeps);
  wb_net_free(recomputes);
}

static void test_same_bits(void **state) {
  (void)state;
  static const char *const archs[] = {"resnet18", "shallowcnn", "truong-mnist"};
  for (int i = 0; i < 3; i++) {
    wb_net_config config = config_of(archs[i], 16, 7);
    check_same(config, 7);
    check_same(config, 4);
    config.repeated = true;
    check_same(config, 7);
    config.conv = WB_CONV_ONEDNN;
    check_same(config, 5);
  }
}

/* The gradient of images, with and without. */
static void test_images(void **state) {
  (void)state;
  wb_net_config config = config_of("resnet18", 16, 3);
  const size_t pixels = 3 * 3 * 16 * 16;
  inputs in = make_inputs(&config, 3);
  float *d[2];
  for (int i = 0; i < 2; i++) {
    config.recompute = i;
    wb_net *net = make(config);
    d[i] = calloc(pixels, sizeof *d[i]);
    assert_int_equal(wb_net_forward_frozen(net, in.images, 3, NULL), WB_OK);
    assert_int_equal(wb_net_backward_images(net, in.d_output, NULL, d[i], NULL), WB_OK);
    wb_net_free(net);
  }
  assert_memory_equal(d[0], d[1], pixels * sizeof *d[0]);
  free(d[0]);
  free(d[1]);
  drop_inputs(&in);
}

/* Bytes that grow with the batch, of a network and an image. */
static double growth(wb_net_config config) {
  size_t bytes[2];
  for (int i = 0; i < 2; i++) {
    config.batch = 64 << i;
    wb_net *net = make(config);
    bytes[i] = wb_net_place_training(net, NULL);
    wb_net_free(net);
  }
  return (double)(bytes[1] - bytes[0]) / 64;
}

/* A stage of ResNet-18 makes an output and an activation for each of its four convolutions (the first stage
 * has five), and an output of its shortcut, each half as large as in the stage before. Gradients cost next to
 * nothing beside them. Winograd's convolutions make the activation between the two of a block while they read
 * it: two less a stage. Recomputing saves half of what is kept otherwise. */
static void check_size(wb_conv_choice conv, double kept) {
  wb_net_config config = config_of("resnet18", 32, 64);
  config.conv = conv;
  const double keeps = growth(config);
  assert_true(keeps >= kept && keeps < 1.06 * kept);
  config.recompute = true;
  assert_true(growth(config) < 0.5 * kept);
}

static void test_size(void **state) {
  (void)state;
  const double first = 16 * 32 * 32 * sizeof(float); // an activation of the first stage
  check_size(WB_CONV_ONEDNN, first * (10 + 4.5 + 2.25 + 1.125));
  wb_conv *conv;
  const wb_conv_shape shape = {1, 8, 8, 8, 8, 3, 1};
  if (wb_conv_create(&shape, WB_CONV_WINOGRAD, &conv, NULL)) return; // not on this CPU
  wb_conv_free(conv);
  check_size(WB_CONV_AUTO, first * (8 + 3.5 + 1.75 + 0.875));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_images),
                                     cmocka_unit_test(test_size)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
