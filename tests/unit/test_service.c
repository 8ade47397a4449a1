/* test_service.c: engine/1 on made run files and data sets. Networks are compared with values that PyTorch
 * gave in float64 (tests/reference/make_evaluation.py), a readout after ReLU with plain sums and differences.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "dataset_made.h" // first: cmocka

#include "fake_host.h"
#include "hdf5/runfile.h"
#include "made.h"
#include "reference.h"

enum { IMAGES = 3, UNITS = 64, CLASSES = 10, SIDE = 32, SIZE = 3 * SIDE * SIDE };

extern const wb_engine_1 wb_engine_service_1;
static const wb_engine_1 *const engine = &wb_engine_service_1;

#define STORED REFERENCE_DIR "/evaluation.h5"
#define assert_ok(call, err)                                                                                 \
  do {                                                                                                       \
    if ((call) != WB_OK) fail_msg("%s", (err).message);                                                      \
  } while (0)

/* ---- Made files ---- */

static void write_tensor(wb_h5 *file, const char *group, const wb_tensor *t) {
  wb_error err = {0};
  char object[128];
  uint64_t dims[4];
  for (int a = 0; a < t->rank; a++) dims[a] = (uint64_t)t->dims[a];
  snprintf(object, sizeof object, "%s/%s", group, t->name);
  float *plain = malloc(t->count * sizeof *plain);
  wb_made_tensor(plain, t);
  assert_ok(wb_h5_write(file, object, WB_F32, (uint32_t)t->rank, dims, plain, &err), err);
  free(plain);
}

static void describe_model(wb_h5 *file, const wb_net_config *c) {
  wb_error err = {0};
  const int64_t image[3] = {c->channels, c->height, c->img_width}, width = c->width, units = c->units;
  double mean[3], sd[3];
  for (int i = 0; i < 3; i++) mean[i] = (double)wb_made_mean[i], sd[i] = (double)wb_made_sd[i];
  assert_ok(wb_h5_set_text(file, "/model", "arch", c->arch, &err), err);
  assert_ok(wb_h5_set_ints(file, "/model", "image", image, 3, &err), err);
  assert_ok(wb_h5_set_ints(file, "/model", "width", &width, 1, &err), err);
  assert_ok(wb_h5_set_ints(file, "/model", "units", &units, 1, &err), err);
  assert_ok(wb_h5_set_doubles(file, "/model", "mean", mean, (size_t)c->channels, &err), err);
  assert_ok(wb_h5_set_doubles(file, "/model", "sd", sd, (size_t)c->channels, &err), err);
}

/* What a written run file is like; zero: a linear head. */
typedef struct made_run {
  bool readout;   // trained afterwards and read through ReLU, instead of a linear head
  bool untrained; // no classifier at all
} made_run;

static const char *write_run(const char *name, made_run r) {
  wb_error err = {0};
  wb_h5 *file;
  wb_net *net;
  const wb_net_config config = {.arch = "resnet18",
                                .width = 8,
                                .channels = 3,
                                .height = SIDE,
                                .img_width = SIDE,
                                .units = UNITS,
                                .head = r.readout || r.untrained ? WB_HEAD_PROJECTION : WB_HEAD_LINEAR,
                                .outputs = CLASSES,
                                .batch = 1};
  assert_ok(wb_net_create(&config, &net, &err), err);
  assert_ok(wb_runfile_create(made(name), &file, &err), err);
  for (int i = 0; i < wb_net_tensor_count(net); i++) write_tensor(file, "/model", wb_net_tensor(net, i));
  wb_net_free(net);
  describe_model(file, &config);
  if (r.readout) {
    write_tensor(file, "/readout", &(wb_tensor){"weight", 2, {CLASSES, UNITS}, CLASSES * UNITS, 0, 0, 0});
    write_tensor(file, "/readout", &(wb_tensor){"bias", 1, {CLASSES}, CLASSES, 0, 0, 0});
  }
  const char *weight = r.readout ? "/readout/weight" : "/model/fc.weight";
  const char *bias = r.readout ? "/readout/bias" : "/model/fc.bias";
  if (!r.untrained) {
    assert_ok(wb_h5_soft_link(file, "/roles/readout_weight", weight, &err), err);
    assert_ok(wb_h5_soft_link(file, "/roles/readout_bias", bias, &err), err);
  }
  assert_ok(wb_h5_set_text(file, "/", "readout_input", r.readout ? "relu" : "identity", &err), err);
  assert_ok(wb_runfile_commit(file, "complete", &err), err);
  return made(name);
}

/* Test images whose value at [n, r, c] is 100 n + 10 r + c + `first`, labels n; no training images. */
static void write_data(const char *name, int first) {
  enum { COUNT = 2, ROWS = 3, COLS = 4 };
  wb_error err = {0};
  wb_h5 *file;
  uint8_t pixels[COUNT * ROWS * COLS];
  const int32_t labels[COUNT] = {0, 1};
  const uint64_t dims[3] = {COUNT, ROWS, COLS};
  for (int i = 0; i < COUNT * ROWS * COLS; i++)
    pixels[i] = (uint8_t)(100 * (i / 12) + 10 * (i / 4 % 3) + i % 4 + first);
  assert_ok(wb_h5_create(made(name), &file, &err), err);
  assert_ok(wb_h5_write(file, "/test/images", WB_U8, 3, dims, pixels, &err), err);
  assert_ok(wb_h5_write(file, "/test/labels", WB_I32, 1, dims, labels, &err), err);
  assert_ok(wb_h5_commit(file, &err), err);
}

/* ---- Networks ---- */

static void expect(const char *name, const float *ours, size_t count, double tolerance) {
  char object[96];
  snprintf(object, sizeof object, "/resnet18/%s", name);
  size_t stored_count;
  double *right = wb_reference(STORED, object, &stored_count);
  assert_int_equal(count, stored_count);
  const double deviation = wb_deviation(ours, right, count);
  if (!(deviation <= tolerance)) fail_msg("%s: deviation %.3g above %.3g", object, deviation, tolerance);
  free(right);
}

static void test_forward(void **state) {
  (void)state;
  fake_host h;
  fake_host_start(&h, write_run("ce.h5", (made_run){0}), NULL);
  wb_model *m;
  assert_ok(engine->model(&h.table, "model", 0, 8, &m), h);
  uint32_t image[3], units, classes, dims[3], layers = 0;
  engine->model_shape(m, image, &units, &classes);
  assert_true(image[0] == 3 && image[1] == SIDE && image[2] == SIDE && units == UNITS && classes == CLASSES);
  while (engine->layer(m, layers, dims)) layers++;
  assert_int_equal(layers, 20);
  assert_string_equal(engine->layer(m, 19, dims), "logits");
  assert_int_equal(dims[0], CLASSES);
  assert_string_equal(engine->layer(m, 18, dims), "embedding");
  assert_string_equal(engine->layer(m, 6, dims), "layer2.0");
  assert_true(dims[0] == 16 && dims[1] == 16 && dims[2] == 16);

  static float images[IMAGES * SIZE], block[IMAGES * 16 * 16 * 16], last[IMAGES * 64 * 16];
  static float embedding[IMAGES * UNITS], logits[IMAGES * CLASSES], again[IMAGES * UNITS];
  wb_made_images(images, IMAGES * SIZE);
  static const char *const names[] = {"logits", "layer2.0", "embedding", "layer4.1", "readout_input"};
  float *const outs[] = {logits, block, embedding, last, again};
  assert_ok(engine->forward(&h.table, m, images, IMAGES, 5, names, outs), h);
  expect("embedding", embedding, IMAGES * UNITS, 2e-6);
  expect("output", logits, IMAGES * CLASSES, 2e-6);
  expect("tap/layer2.0", block, IMAGES * 16 * 16 * 16, 2e-6);
  expect("tap/layer4.1", last, IMAGES * 64 * 16, 2e-6);
  assert_memory_equal(embedding, again, sizeof embedding);
  fake_host_end(&h);
}

/* The gradient before and after which forward gives the same. */
static void test_gradient(void **state) {
  (void)state;
  fake_host h;
  fake_host_start(&h, write_run("ce.h5", (made_run){0}), NULL);
  wb_model *m;
  assert_ok(engine->model(&h.table, "model", 0, IMAGES, &m), h);
  static float images[IMAGES * SIZE], room[IMAGES * SIZE + 1], before[IMAGES * UNITS], after[IMAGES * UNITS];
  float loss[IMAGES], *gradient = room + 1; // wherever the caller likes
  wb_made_images(images, IMAGES * SIZE);
  static const char *const names[] = {"embedding"};
  assert_ok(engine->forward(&h.table, m, images, IMAGES, 1, names, (float *[]){before}), h);
  const int32_t labels[] = {0, 3, 6};
  assert_ok(engine->input_gradient(&h.table, m, images, labels, IMAGES, gradient, loss), h);
  expect("loss", loss, IMAGES, 2e-6);
  expect("gradient", gradient, IMAGES * SIZE, 2e-5);
  assert_ok(engine->forward(&h.table, m, images, IMAGES, 1, names, (float *[]){after}), h);
  assert_memory_equal(before, after, sizeof before);

  /* Of the last image alone, without the loss. */
  static float alone[SIZE];
  assert_ok(engine->input_gradient(&h.table, m, images + 2 * SIZE, labels + 2, 1, alone, NULL), h);
  for (size_t i = 0; i < SIZE; i++) assert_true(fabsf(alone[i] - gradient[2 * SIZE + i]) <= 1e-6f);
  fake_host_end(&h);
}

/* logits = W relu(e) + b, in double. */
static void plain_logits(double *logits, const float *e) {
  for (int c = 0; c < CLASSES; c++) {
    logits[c] = (double)(float)(0.2 * wb_made("bias", (size_t)c));
    for (size_t u = 0; u < UNITS; u++)
      logits[c] += fmax((double)e[u], 0) *
                   (double)(float)(sqrt(3.0 / UNITS) * wb_made("weight", (size_t)c * UNITS + u));
  }
}

static double plain_loss(const wb_host *host, wb_model *m, const float *image, int label) {
  static const char *const names[] = {"embedding"};
  float e[UNITS];
  double logits[CLASSES], sum = 0;
  assert_int_equal(engine->forward(host, m, image, 1, 1, names, (float *[]){e}), WB_OK);
  plain_logits(logits, e);
  for (int c = 0; c < CLASSES; c++) sum += exp(logits[c]);
  return log(sum) - logits[label];
}

static void test_readout(void **state) {
  (void)state;
  fake_host h;
  fake_host_start(&h, write_run("supcon.h5", (made_run){.readout = true}), NULL);
  wb_model *m;
  assert_ok(engine->model(&h.table, "model", 0, 1, &m), h);
  static float image[SIZE], gradient[SIZE];
  float e[UNITS], input[UNITS], logits[CLASSES], loss;
  wb_made_images(image, SIZE);
  static const char *const names[] = {"embedding", "logits", "readout_input"};
  assert_ok(engine->forward(&h.table, m, image, 1, 3, names, (float *[]){e, logits, input}), h);
  for (int u = 0; u < UNITS; u++) assert_true(input[u] == (e[u] > 0 ? e[u] : 0));
  double right[CLASSES];
  plain_logits(right, e);
  for (int c = 0; c < CLASSES; c++) assert_true(fabs((double)logits[c] - right[c]) < 1e-5);

  const int32_t label = 4;
  assert_ok(engine->input_gradient(&h.table, m, image, &label, 1, gradient, &loss), h);
  assert_true(fabs((double)loss - plain_loss(&h.table, m, image, label)) < 1e-5);
  /* Along the gradient itself, where float32's rounding is smallest beside the difference. */
  double square = 0;
  for (size_t i = 0; i < SIZE; i++) square += (double)gradient[i] * (double)gradient[i];
  const double step = 1e-3 / sqrt(square);
  static float up[SIZE], down[SIZE];
  for (size_t i = 0; i < SIZE; i++) {
    up[i] = (float)((double)image[i] + step * (double)gradient[i]);
    down[i] = (float)((double)image[i] - step * (double)gradient[i]);
  }
  const double slope =
      (plain_loss(&h.table, m, up, label) - plain_loss(&h.table, m, down, label)) / (2 * step);
  if (fabs(slope / square - 1) > 0.01) fail_msg("slope %g, squared gradient %g", slope, square);
  fake_host_end(&h);
}

/* The call must fail with `status` and a message that contains `part`; the host forgets it. */
static void expect_failure(fake_host *h, wb_status got, wb_status status, const char *part) {
  if (got != status || h->status != status || !strstr(h->message, part))
    fail_msg("status %d, expected %d with \"%s\":\n%s", got, status, part, h->message);
  h->status = WB_OK;
}

static void test_refusals(void **state) {
  (void)state;
  static float images[SIZE], out[SIZE];
  const int32_t label = 10;
  wb_model *m;
  fake_host h;
  fake_host_start(&h, write_run("untrained.h5", (made_run){.untrained = true}), NULL);
  assert_ok(engine->model(&h.table, "model", 0, 2, &m), h);
  uint32_t dims[3];
  assert_null(engine->layer(m, 19, dims));
  static const char *const logits[] = {"logits"}, *const unknown[] = {"layer5.0"};
  static const char *const input[] = {"readout_input"};
  expect_failure(&h, engine->forward(&h.table, m, images, 1, 1, logits, (float *[]){out}), WB_INPUT,
                 "no classifier");
  expect_failure(&h, engine->forward(&h.table, m, images, 1, 1, input, (float *[]){out}), WB_INPUT,
                 "no classifier");
  expect_failure(&h, engine->forward(&h.table, m, images, 1, 1, unknown, (float *[]){out}), WB_ARG,
                 "no layer layer5.0");
  expect_failure(&h, engine->forward(&h.table, m, images, 3, 0, NULL, NULL), WB_INTERNAL, "at most 2");
  expect_failure(&h, engine->input_gradient(&h.table, m, images, &label, 1, out, NULL), WB_INPUT,
                 "no classifier");
  engine->model_free(m);
  expect_failure(&h, engine->forward(&h.table, m, images, 1, 0, NULL, NULL), WB_INTERNAL, "after model_free");
  assert_null(engine->layer(m, 0, dims));
  fake_host_end(&h);

  fake_host_start(&h, write_run("ce.h5", (made_run){0}), NULL);
  expect_failure(&h, engine->model(&h.table, "model", 0, 0, &m), WB_INTERNAL, "0 images");
  assert_ok(engine->model(&h.table, "model", 0, 1, &m), h);
  expect_failure(&h, engine->input_gradient(&h.table, m, images, &label, 1, out, NULL), WB_INPUT,
                 "label 10 is not one of the 10 classes");
  fake_host_end(&h);

  write_data("foreign.h5", 0);
  fake_host_start(&h, made("foreign.h5"), NULL);
  expect_failure(&h, engine->model(&h.table, "model", 0, 1, &m), WB_INPUT, "is no run file");
  fake_host_end(&h);
}

/* The tensor of this name, or past the last. */
static uint32_t find_tensor(const wb_model *m, const char *name, size_t *count) {
  uint32_t rank, dims[WB_MAX_RANK], i = 0;
  const char *found;
  while ((found = engine->tensor(m, i, &rank, dims)) && strcmp(found, name) != 0) i++;
  *count = found ? 1 : 0;
  for (uint32_t a = 0; found && a < rank; a++) *count *= dims[a];
  return i;
}

/* Every tensor as written; each replaced one acts, in both kinds of pass, and put back is as before. */
static void test_tensors(void **state) {
  (void)state;
  static const char *const names[] = {"encoder.layer2.0.conv1.weight", "encoder.bn1.running_mean",
                                      "embedding.weight", "readout.weight", "readout.bias"};
  static float image[SIZE], gradient[SIZE], values[128 * 512], zeros[128 * 512];
  static const char *const logits[] = {"logits"};
  const int32_t label = 4;
  float before[CLASSES], changed[CLASSES], loss, changed_loss;
  fake_host h;
  fake_host_start(&h, write_run("supcon.h5", (made_run){.readout = true}), NULL);
  wb_model *m;
  assert_ok(engine->model(&h.table, "model", 0, 1, &m), h);
  wb_made_images(image, SIZE);
  assert_ok(engine->forward(&h.table, m, image, 1, 1, logits, (float *[]){before}), h);
  assert_ok(engine->input_gradient(&h.table, m, image, &label, 1, gradient, &loss), h);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    size_t count;
    const uint32_t i = find_tensor(m, names[k], &count);
    assert_in_range(count, 1, sizeof values / sizeof *values);
    assert_ok(engine->tensor_get(&h.table, m, i, values), h);
    for (size_t v = 0; v < count; v++) zeros[v] = 0.5f * values[v];
    assert_ok(engine->tensor_set(&h.table, m, i, zeros), h);
    assert_ok(engine->forward(&h.table, m, image, 1, 1, logits, (float *[]){changed}), h);
    assert_memory_not_equal(before, changed, sizeof before);
    assert_ok(engine->input_gradient(&h.table, m, image, &label, 1, gradient, &changed_loss), h);
    assert_true(fabsf(changed_loss - loss) > 0);
    assert_ok(engine->tensor_set(&h.table, m, i, values), h);
    assert_ok(engine->forward(&h.table, m, image, 1, 1, logits, (float *[]){changed}), h);
    assert_memory_equal(before, changed, sizeof before);
  }
  /* Halved, the readout's weights and bias halve the logits. */
  size_t count;
  for (int part = 3; part < 5; part++) {
    const uint32_t i = find_tensor(m, names[part], &count);
    assert_ok(engine->tensor_get(&h.table, m, i, values), h);
    for (size_t v = 0; v < count; v++) values[v] *= 0.5f;
    assert_ok(engine->tensor_set(&h.table, m, i, values), h);
  }
  assert_ok(engine->forward(&h.table, m, image, 1, 1, logits, (float *[]){changed}), h);
  for (int c = 0; c < CLASSES; c++) assert_true(fabsf(changed[c] - before[c] / 2) < 1e-6f);
  fake_host_end(&h);
}

/* Order, names and shapes; what training wrote is what one gets. */
static void test_tensor_table(void **state) {
  (void)state;
  fake_host h;
  wb_model *m;
  uint32_t rank, dims[WB_MAX_RANK], last = 0;
  size_t count;
  float bias[CLASSES];
  fake_host_start(&h, write_run("supcon.h5", (made_run){.readout = true}), NULL);
  assert_ok(engine->model(&h.table, "model", 0, 1, &m), h);
  assert_string_equal(engine->tensor(m, 0, &rank, dims), "encoder.conv1.weight");
  assert_true(rank == 4 && dims[0] == 8 && dims[1] == 3 && dims[2] == 3 && dims[3] == 3);
  while (engine->tensor(m, last, &rank, dims)) last++;
  assert_int_equal(find_tensor(m, "readout.bias", &count), last - 1);
  assert_ok(engine->tensor_get(&h.table, m, last - 1, bias), h);
  for (size_t c = 0; c < CLASSES; c++) assert_true(bias[c] == (float)(0.2 * wb_made("bias", c)));
  find_tensor(m, "embedding.weight", &count);
  assert_int_equal(count, UNITS * 64);
  expect_failure(&h, engine->tensor_get(&h.table, m, last, bias), WB_INTERNAL, "has no tensor");
  expect_failure(&h, engine->tensor_set(&h.table, m, last, bias), WB_INTERNAL, "has no tensor");
  engine->model_free(m);
  assert_null(engine->tensor(m, 0, &rank, dims));
  expect_failure(&h, engine->tensor_set(&h.table, m, 0, bias), WB_INTERNAL, "after model_free");
  fake_host_end(&h);

  fake_host_start(&h, write_run("untrained.h5", (made_run){.untrained = true}), NULL);
  assert_ok(engine->model(&h.table, "model", 0, 1, &m), h);
  find_tensor(m, "readout.weight", &count);
  assert_int_equal(count, 0);
  fake_host_end(&h);
}

/* A run file whose weights do not fit its own description. */
static void test_damaged(void **state) {
  (void)state;
  const hid_t file = H5Fopen(write_run("damaged.h5", (made_run){0}), H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(H5Ldelete(file, "/model/encoder.layer3.0.bn1.bias", H5P_DEFAULT) >= 0);
  H5Fclose(file);
  wb_model *m;
  fake_host h;
  fake_host_start(&h, made("damaged.h5"), NULL);
  expect_failure(&h, engine->model(&h.table, "model", 0, 1, &m), WB_INPUT, "encoder.layer3.0.bn1.bias");
  fake_host_end(&h);
}

/* ---- Images ---- */

static void test_images(void **state) {
  (void)state;
  write_data("grey.h5", 5);
  char spec[MADE_PATH + 8];
  snprintf(spec, sizeof spec, "h5:%s", made("grey.h5"));
  const char *path = write_run("grey-run.h5", (made_run){0});
  fake_host h;
  fake_host_start(&h, path, spec);
  wb_imageset *set;
  assert_ok(engine->images(&h.table, "images", 0, "test", &set), h);
  uint64_t count;
  uint32_t image[3];
  engine->images_shape(set, &count, image);
  assert_true(count == 2 && image[0] == 1 && image[1] == 3 && image[2] == 4);
  uint8_t pixels[12];
  int32_t label;
  assert_ok(engine->images_read(&h.table, set, 1, 1, pixels, &label), h);
  assert_int_equal(label, 1);
  for (int i = 0; i < 12; i++) assert_int_equal(pixels[i], 100 + 10 * (i / 4) + i % 4 + 5);
  assert_ok(engine->images_read(&h.table, set, 0, 2, NULL, NULL), h);
  expect_failure(&h, engine->images_read(&h.table, set, 1, 2, pixels, NULL), WB_INTERNAL, "1 to 3 of 2");
  expect_failure(&h, engine->images(&h.table, "images", 0, "train", &set), WB_INPUT, "no images to train");
  expect_failure(&h, engine->images(&h.table, "images", 0, "val", &set), WB_INTERNAL, "\"val\"");
  h.data_spec = NULL;
  expect_failure(&h, engine->images(&h.table, "images", 0, "test", &set), WB_INPUT, "--data");
  fake_host_end(&h);
}

/* Loaded once, kept while in use and until another data set is opened, then dropped. */
static void test_cache(void **state) {
  (void)state;
  write_data("kept.h5", 3);
  write_data("next.h5", 4);
  char spec[MADE_PATH + 8], next[MADE_PATH + 8];
  snprintf(spec, sizeof spec, "h5:%s", made("kept.h5"));
  snprintf(next, sizeof next, "h5:%s", made("next.h5"));
  const char *path = write_run("cached-run.h5", (made_run){0});
  wb_imageset *first, *second;
  uint8_t pixel[12];
  fake_host h;
  fake_host_start(&h, path, spec);
  assert_ok(engine->images(&h.table, "images", 0, "test", &first), h);
  unlink(made("kept.h5"));
  h.data_spec = next;
  assert_ok(engine->images(&h.table, "images", 0, "test", &second), h);
  assert_ok(engine->images_read(&h.table, first, 0, 1, pixel, NULL), h);
  assert_int_equal(pixel[0], 3);
  assert_ok(engine->images_read(&h.table, second, 0, 1, pixel, NULL), h);
  assert_int_equal(pixel[0], 4);
  fake_host_end(&h);

  fake_host_start(&h, path, spec); // still there for the next run
  assert_ok(engine->images(&h.table, "images", 0, "test", &first), h);
  fake_host_end(&h);
  write_data("third.h5", 4);
  char third[MADE_PATH + 8];
  snprintf(third, sizeof third, "h5:%s", made("third.h5"));
  fake_host_start(&h, path, third);
  assert_ok(engine->images(&h.table, "images", 0, "test", &first), h);
  h.data_spec = spec; // the file is gone, and now the images are, too
  expect_failure(&h, engine->images(&h.table, "images", 0, "test", &second), WB_INPUT, "kept.h5");
  fake_host_end(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forward),  cmocka_unit_test(test_gradient), cmocka_unit_test(test_readout),
      cmocka_unit_test(test_refusals), cmocka_unit_test(test_damaged),  cmocka_unit_test(test_images),
      cmocka_unit_test(test_cache),    cmocka_unit_test(test_tensors),  cmocka_unit_test(test_tensor_table),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
