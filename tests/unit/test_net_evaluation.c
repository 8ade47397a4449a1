/* test_net_evaluation.c: networks in evaluation mode, their taps and image gradients, against values that
 * PyTorch gave in float64 (tests/reference/make_evaluation.py). SPDX-License-Identifier: GPL-3.0-or-later
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

#define STORED REFERENCE_DIR "/evaluation.h5"

enum { IMAGES = 3, UNITS = 64 };

typedef struct sample {
  const char *arch;
  wb_net *net;
  int channels, side, outputs;
  size_t pixels; // of all images
  float *images; // normalised
} sample;

static wb_status create(sample *s, int batch, bool training, wb_error *err) {
  const bool resnet = !strcmp(s->arch, "resnet18");
  s->channels = resnet ? 3 : 1;
  s->side = resnet ? 32 : 28;
  s->outputs = resnet ? 10 : 16;
  const wb_net_config config = {.arch = s->arch,
                                .width = resnet ? 8 : 0,
                                .channels = s->channels,
                                .height = s->side,
                                .img_width = s->side,
                                .units = UNITS,
                                .head = resnet ? WB_HEAD_LINEAR : WB_HEAD_PROJECTION,
                                .outputs = s->outputs,
                                .dropout = 0.5f,
                                .batch = batch,
                                .training = training};
  return wb_net_create(&config, &s->net, err);
}

static sample make(const char *arch, int batch, bool training) {
  sample s = {.arch = arch};
  wb_error err = {0};
  if (create(&s, batch, training, &err)) fail_msg("%s", err.message);
  wb_made_network(s.net);
  const size_t area = (size_t)(s.side * s.side);
  s.pixels = IMAGES * (size_t)s.channels * area;
  s.images = aligned_alloc(64, (s.pixels * sizeof(float) + 63) / 64 * 64);
  wb_made_images(s.images, s.pixels);
  for (size_t i = 0; i < s.pixels; i++) {
    const size_t c = i / area % (size_t)s.channels;
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

/* Inference in pieces of two images, so that taps of the second piece land behind those of the first. */
static void check_inference(const char *arch, int tap_count, const char *const *names) {
  sample s = make(arch, 2, false);
  float *embedding = malloc(IMAGES * UNITS * sizeof *embedding),
        *output = malloc(IMAGES * 16 * sizeof *output);
  wb_net_tap taps[8];
  size_t sizes[8];
  for (int t = 0; t < tap_count; t++) {
    int dims[3], i = 0;
    while (strcmp(wb_net_layer(s.net, i, dims), names[t]) != 0) assert_true(++i < wb_net_layer_count(s.net));
    sizes[t] = IMAGES * (size_t)(dims[0] * dims[1] * dims[2]);
    taps[t] = (wb_net_tap){i, malloc(sizes[t] * sizeof(float))};
  }
  wb_error err = {0};
  if (wb_net_infer_taps(s.net, s.images, IMAGES, taps, tap_count, embedding, output, &err))
    fail_msg("%s", err.message);
  expect(&s, "embedding", embedding, IMAGES * UNITS, 2e-6);
  expect(&s, "output", output, IMAGES * (size_t)s.outputs, 2e-6);
  for (int t = 0; t < tap_count; t++) {
    char name[64];
    snprintf(name, sizeof name, "tap/%s", names[t]);
    expect(&s, name, taps[t].out, sizes[t], 2e-6);
    free(taps[t].out);
  }
  free(embedding);
  free(output);
  drop(&s);
}

static void test_inference(void **state) {
  (void)state;
  static const char *const blocks[] = {"layer2.0", "layer4.1"};
  check_inference("resnet18", 2, blocks);
  check_inference("shallowcnn", 0, NULL);
}

static void test_layers(void **state) {
  (void)state;
  static const char *const expected[] = {
      "conv1",    "layer1.0.conv1", "layer1.0", "layer1.1.conv1", "layer1.1", "layer2.0.conv1",
      "layer2.0", "layer2.1.conv1", "layer2.1", "layer3.0.conv1", "layer3.0", "layer3.1.conv1",
      "layer3.1", "layer4.0.conv1", "layer4.0", "layer4.1.conv1", "layer4.1", "avgpool"};
  sample s = make("resnet18", 1, false);
  assert_int_equal(wb_net_layer_count(s.net), 18);
  int dims[3];
  for (int i = 0; i < 18; i++) assert_string_equal(wb_net_layer(s.net, i, dims), expected[i]);
  assert_true(dims[0] == 64 && dims[1] == 1 && dims[2] == 1);
  drop(&s);
  s = make("shallowcnn", 1, false);
  assert_int_equal(wb_net_layer_count(s.net), 5);
  assert_string_equal(wb_net_layer(s.net, 2, dims), "conv3");
  assert_true(dims[0] == 128 && dims[1] == 3 && dims[2] == 3);
  drop(&s);
}

/* avgpool is the mean of the last layer over its pixels. */
static void test_average(void **state) {
  (void)state;
  sample s = make("shallowcnn", 3, false);
  int dims[3];
  wb_net_layer(s.net, 3, dims);
  const size_t maps = IMAGES * (size_t)dims[0], area = (size_t)(dims[1] * dims[2]);
  float *last = malloc(maps * area * sizeof *last), *mean = malloc(maps * sizeof *mean);
  const wb_net_tap taps[] = {{3, last}, {4, mean}};
  assert_int_equal(wb_net_infer_taps(s.net, s.images, IMAGES, taps, 2, NULL, NULL, NULL), WB_OK);
  for (size_t m = 0; m < maps; m++) {
    double sum = 0;
    for (size_t p = 0; p < area; p++) sum += (double)last[m * area + p];
    assert_true(fabs(sum / (double)area - (double)mean[m]) < 1e-6 * (1 + fabs(sum)));
  }
  free(last);
  free(mean);
  drop(&s);
}

/* Of the summed loss with respect to images in [0, 1]; weights and running statistics stay as they are. */
static void check_gradient(const char *arch) {
  sample s = make(arch, 4, true);
  const size_t weights = wb_net_weight_count(s.net), buffers = wb_net_buffer_count(s.net);
  float *before = malloc((weights + buffers) * sizeof *before);
  memcpy(before, wb_net_weights(s.net), weights * sizeof *before);
  memcpy(before + weights, wb_net_buffers(s.net), buffers * sizeof *before);

  wb_error err = {0};
  if (wb_net_forward_frozen(s.net, s.images, IMAGES, &err)) fail_msg("%s", err.message);
  expect(&s, "embedding", wb_net_embedding(s.net), IMAGES * UNITS, 2e-6);
  expect(&s, "output", wb_net_output(s.net), IMAGES * (size_t)s.outputs, 2e-6);
  const size_t count = IMAGES * (size_t)s.outputs;
  float *d_output = malloc(count * sizeof *d_output), *d_images = malloc(s.pixels * sizeof *d_images);
  if (s.outputs == 10) {
    wb_loss_ce(d_output, wb_net_output(s.net), (const int32_t[]){0, 3, 6}, IMAGES, 10);
    for (size_t i = 0; i < count; i++) d_output[i] *= IMAGES; // the mean's gradient to the sum's
  } else {
    for (size_t i = 0; i < count; i++) d_output[i] = (float)wb_made("sum", i);
  }
  if (wb_net_backward_images(s.net, d_output, NULL, d_images, &err)) fail_msg("%s", err.message);
  const size_t area = (size_t)(s.side * s.side);
  for (size_t i = 0; i < s.pixels; i++) d_images[i] /= wb_made_sd[i / area % (size_t)s.channels];
  expect(&s, "gradient", d_images, s.pixels, 2e-5);

  assert_memory_equal(before, wb_net_weights(s.net), weights * sizeof *before);
  assert_memory_equal(before + weights, wb_net_buffers(s.net), buffers * sizeof *before);
  free(before);
  free(d_output);
  free(d_images);
  drop(&s);
}

static void test_gradient(void **state) {
  (void)state;
  check_gradient("resnet18");
  check_gradient("shallowcnn");
}

static double difference(const float *a, const float *b, size_t count) {
  double sum = 0, norm = 0;
  for (size_t i = 0; i < count; i++) {
    sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    norm += (double)b[i] * (double)b[i];
  }
  return sqrt(sum / norm);
}

/* Folded, evaluation says what batch norm on its own says, with statistics far from zero and one. */
static void check_folding(const char *arch, int width, wb_conv_choice conv) {
  wb_net *net = NULL;
  wb_error err = {0};
  const wb_net_config config = {.arch = arch,
                                .width = width,
                                .channels = 3,
                                .height = 32,
                                .img_width = 32,
                                .units = UNITS,
                                .head = WB_HEAD_LINEAR,
                                .outputs = 10,
                                .batch = IMAGES,
                                .training = true,
                                .conv = conv};
  if (wb_net_create(&config, &net, &err)) fail_msg("%s", err.message);
  wb_made_network(net);
  const size_t pixels = IMAGES * 3 * 32 * 32;
  float *images = malloc(pixels * sizeof *images), logits[IMAGES * 10], before[IMAGES * 10];
  wb_made_images(images, pixels);
  assert_int_equal(wb_net_infer(net, images, IMAGES, NULL, before, &err), WB_OK);
  for (uint64_t step = 0; step < 3; step++) // moves the running statistics
    assert_int_equal(wb_net_forward_train(net, images, IMAGES, 1, step, &err), WB_OK);
  assert_int_equal(wb_net_infer(net, images, IMAGES, NULL, logits, &err), WB_OK);
  assert_true(difference(logits, before, IMAGES * 10) > 1e-3);
  assert_int_equal(wb_net_forward_frozen(net, images, IMAGES, &err), WB_OK);
  const double found = difference(logits, wb_net_output(net), IMAGES * 10);
  print_message("%s %d: folded and not differ by %.2g\n", arch, width, found);
  assert_true(found < 1e-5);
  free(images);
  wb_net_free(net);
}

static void test_folding(void **state) {
  (void)state;
  check_folding("resnet18", 64, WB_CONV_AUTO);
  check_folding("resnet18", 16, WB_CONV_ONEDNN);
  check_folding("shallowcnn", 32, WB_CONV_AUTO);
  check_folding("shallowcnn", 32, WB_CONV_ONEDNN);
}

/* Evaluation follows the weights, however they are changed between two passes. */
static void test_changes(void **state) {
  (void)state;
  sample s = make("shallowcnn", 3, false), fresh = make("shallowcnn", 3, false);
  const size_t count = IMAGES * (size_t)s.outputs;
  float now[IMAGES * 16], expected[IMAGES * 16], scale[64];
  wb_net_infer(s.net, s.images, IMAGES, NULL, now, NULL);
  for (int way = 0; way < 3; way++) {
    wb_net *const both[] = {s.net, fresh.net};
    for (int k = 0; k < 2; k++) {
      const int i = wb_net_find(both[k], "encoder.bn2.weight");
      for (int c = 0; c < 64; c++) scale[c] = (float)(way + 1) * 0.25f + (float)c / 64;
      if (way == 0) wb_net_set(both[k], i, scale);
      if (way == 1) memcpy(wb_net_weights(both[k]) + wb_net_tensor(both[k], i)->offset, scale, sizeof scale);
      if (way == 2) wb_net_buffers(both[k])[0] += 1;
    }
    float before[IMAGES * 16];
    memcpy(before, now, sizeof now);
    wb_net_infer(s.net, s.images, IMAGES, NULL, now, NULL);
    wb_net *anew = NULL;
    const wb_net_config config = *wb_net_get_config(fresh.net);
    assert_int_equal(wb_net_create(&config, &anew, NULL), WB_OK);
    memcpy(wb_net_weights(anew), wb_net_weights(fresh.net), wb_net_weight_count(anew) * sizeof(float));
    memcpy(wb_net_buffers(anew), wb_net_buffers(fresh.net), wb_net_buffer_count(anew) * sizeof(float));
    wb_net_infer(anew, s.images, IMAGES, NULL, expected, NULL);
    assert_memory_equal(now, expected, count * sizeof *now);
    assert_true(memcmp(now, before, count * sizeof *now) != 0);
    wb_net_free(anew);
  }
  drop(&s);
  drop(&fresh);
}

/* Each backward pass belongs to its own forward pass. */
static void test_order(void **state) {
  (void)state;
  sample s = make("shallowcnn", 4, true);
  float d_output[IMAGES * 16] = {0}, *d_images = malloc(s.pixels * sizeof *d_images);
  assert_int_equal(wb_net_backward_images(s.net, d_output, NULL, d_images, NULL), WB_INTERNAL);
  assert_int_equal(wb_net_forward_frozen(s.net, s.images, IMAGES, NULL), WB_OK);
  assert_int_equal(wb_net_backward(s.net, d_output, NULL, NULL), WB_INTERNAL);
  assert_int_equal(wb_net_forward_train(s.net, s.images, IMAGES, 1, 1, NULL), WB_OK);
  assert_int_equal(wb_net_backward_images(s.net, d_output, NULL, d_images, NULL), WB_INTERNAL);
  assert_int_equal(wb_net_forward_frozen(s.net, s.images, 1, NULL), WB_OK);
  assert_int_equal(wb_net_backward_images(s.net, d_output, NULL, d_images, NULL), WB_OK);
  free(d_images);
  drop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_inference), cmocka_unit_test(test_layers),
                                     cmocka_unit_test(test_average),   cmocka_unit_test(test_gradient),
                                     cmocka_unit_test(test_order),     cmocka_unit_test(test_folding),
                                     cmocka_unit_test(test_changes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
