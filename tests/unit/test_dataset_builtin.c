/* test_dataset_builtin.c: the built-in images. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <omp.h>

#include "dataset_made.h"

enum { SIZE = 3 * 32 * 32 };

static void default_is_balanced_and_interleaved(void **state) {
  (void)state;
  wb_dataset *data = open_ok("builtin");
  assert_string_equal(data->name, "builtin");
  assert_string_equal(data->spec, "builtin");
  assert_int_equal(data->train.count, 4500);
  assert_int_equal(data->test.count, 1000);
  assert_int_equal(data->train.channels, 3);
  assert_int_equal(data->train.height, 32);
  assert_int_equal(data->train.width, 32);
  for (size_t i = 0; i < data->train.count; i++) assert_int_equal(data->train.labels[i], i % 10);
  for (size_t i = 0; i < data->test.count; i++) assert_int_equal(data->test.index[i], i);
  wb_dataset_free(data);
}

static void classes_form_two_superclasses(void **state) {
  (void)state;
  wb_dataset *data = open_ok("builtin,train=0,test=1");
  assert_int_equal(data->train.count, 0);
  assert_int_equal(data->test.count, 1);
  assert_int_equal(data->classes, 10);
  assert_string_equal(data->class_names[0], "blob");
  assert_string_equal(data->class_names[9], "ladder");
  assert_int_equal(data->superclasses, 2);
  assert_string_equal(data->superclass_names[0], "organic");
  assert_string_equal(data->superclass_names[1], "rigid");
  for (int c = 0; c < 10; c++) assert_int_equal(data->superclass_of[c], c >= 5);
  wb_dataset_free(data);
}

static void images_depend_on_seed_and_position_only(void **state) {
  (void)state;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  wb_dataset *one = open_ok("builtin,train=60,test=25");
  omp_set_num_threads(2);
  wb_dataset *two = open_ok("builtin,train=60,test=25,seed=0"), *less = open_ok("builtin,train=23,test=25");
  omp_set_num_threads(threads);
  assert_string_equal(one->digest, two->digest);
  assert_memory_equal(one->train.pixels, less->train.pixels, 23 * SIZE);
  wb_dataset *other = open_ok("builtin,train=60,test=25,seed=1");
  for (size_t i = 0; i < 25; i++) { // neither the other seed nor the other split repeats an image
    assert_memory_not_equal(one->test.pixels + i * SIZE, other->test.pixels + i * SIZE, SIZE);
    assert_memory_not_equal(one->test.pixels + i * SIZE, one->train.pixels + i * SIZE, SIZE);
  }
  wb_dataset_free(one);
  wb_dataset_free(two);
  wb_dataset_free(less);
  wb_dataset_free(other);
}

/* Colours do not tell the class: the mean of a corner's pixels, which shapes hardly ever cover, differs
 * between a class and all by no more than chance (4 standard errors; 10 classes, 3 channels). */
static void backgrounds_are_alike_in_all_classes(void **state) {
  (void)state;
  wb_dataset *data = open_ok("builtin,train=5000,test=0");
  for (int channel = 0; channel < 3; channel++) {
    double sum[10] = {0}, all = 0, squares = 0;
    for (size_t i = 0; i < 5000; i++) {
      const double x = data->train.pixels[i * SIZE + (size_t)channel * 1024];
      sum[i % 10] += x;
      all += x;
      squares += x * x;
    }
    const double mean = all / 5000, error = sqrt((squares / 5000 - mean * mean) / 500);
    for (int c = 0; c < 10; c++) assert_true(fabs(sum[c] / 500 - mean) < 4 * error);
  }
  wb_dataset_free(data);
}

static void normalisation_is_of_the_images(void **state) {
  (void)state;
  wb_dataset *data = open_ok("builtin,train=30,test=10");
  double mean = 0;
  for (size_t i = 0; i < 30; i++)
    for (size_t p = 0; p < 1024; p++) mean += data->train.pixels[i * SIZE + 1024 + p] / (30.0 * 1024 * 255);
  assert_float_equal(data->mean[1], (float)mean, 1e-6f);
  assert_true(data->sd[1] > 0.1f && data->sd[1] < 0.4f);
  wb_dataset_free(data);
}

static void wrong_requests_are_refused(void **state) {
  (void)state;
  refused("bultin", WB_ARG, "did you mean builtin?", NULL);
  refused("builtin:shapes", WB_ARG, "takes no path", NULL);
  refused("builtin,train=1000001", WB_ARG, "at most 1,000,000", NULL);
  refused("builtin,seed=x", WB_ARG, "seed must be a whole number", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(default_is_balanced_and_interleaved),
      cmocka_unit_test(classes_form_two_superclasses),
      cmocka_unit_test(images_depend_on_seed_and_position_only),
      cmocka_unit_test(backgrounds_are_alike_in_all_classes),
      cmocka_unit_test(normalisation_is_of_the_images),
      cmocka_unit_test(wrong_requests_are_refused),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
