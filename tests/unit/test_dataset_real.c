/* test_dataset_real.c: CIFAR-10 (JPEG re-encoding) and MNIST themselves. Needs WORKBENCH_TEST_DATA: a
 * directory with cifar-10-batches-bin and mnist in it. SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataset_made.h"

static const char *root;

static void cifar10_is_the_jpeg_version(void **state) {
  (void)state;
  wb_dataset *data = open_ok(spec_of("cifar10", root, ""));
  assert_string_equal(data->name, "cifar10-jpeg");
  assert_int_equal(data->train.count, 50000);
  assert_int_equal(data->test.count, 10000);
  size_t count[10] = {0};
  double mean[3] = {0};
  for (size_t i = 0; i < data->train.count; i++) {
    count[data->train.labels[i]]++;
    for (size_t p = 0; p < 3 * 1024; p++) mean[p / 1024] += data->train.pixels[i * 3072 + p];
  }
  for (int c = 0; c < 10; c++) assert_int_equal(count[c], 5000);
  // The published means are those of the original; JPEG hardly moves them.
  for (int c = 0; c < 3; c++)
    assert_float_equal((float)(mean[c] / (50000.0 * 1024 * 255)), data->mean[c], 1e-3);
  wb_dataset_free(data);
}

static void mnist_is_the_official_one(void **state) {
  (void)state;
  char path[MADE_PATH];
  snprintf(path, sizeof path, "%.400s/mnist", root);
  wb_dataset *data = open_ok(spec_of("mnist", path, ""));
  assert_int_equal(data->train.count, 60000);
  assert_int_equal(data->test.count, 10000);
  assert_int_equal(data->train.height, 28);
  assert_int_equal(data->train.width, 28);
  const int32_t first[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
  assert_memory_equal(data->train.labels, first, sizeof first);
  double mean = 0;
  for (size_t i = 0; i < data->train.count * 784; i++) mean += data->train.pixels[i];
  assert_float_equal((float)(mean / (60000.0 * 784 * 255)), data->mean[0], 1e-4);
  wb_dataset_free(data);
  refused(spec_of("mnist", path, ",train=58000"), WB_ARG, "5800 images of class 5", "only 5421", NULL);
}

int main(void) {
  root = getenv("WORKBENCH_TEST_DATA");
  if (!root || !*root) {
    puts("skipped: WORKBENCH_TEST_DATA is not set");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cifar10_is_the_jpeg_version),
      cmocka_unit_test(mnist_is_the_official_one),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
