/* test_dataset.c: what all kinds of data sets share: specs, subsets, normalisation, digest, hold-out; on
 * small made MNIST files. SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/sha.h>

#include "dataset_made.h"

enum { TRAIN = 47, TEST = 30, SIDE = 2, IMAGE = SIDE * SIDE };

/* Labels without order; of TRAIN images the classes have 9, 4, 4, 5, 4, 4, 4, 5, 4, 4. */
static int32_t label_of(int i) {
  return i * 7 % 11 % 10;
}

static void write_split(const char *dir, const char *prefix, int count) {
  uint8_t bytes[512] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
  char path[2 * MADE_PATH];
  for (int i = 0; i < count * IMAGE; i++) bytes[16 + i] = (uint8_t)i;
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", made(dir), prefix);
  write_file(path, bytes, 16 + (size_t)count * IMAGE);
  uint8_t labels[512] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)count};
  for (int i = 0; i < count; i++) labels[8 + i] = (uint8_t)label_of(i);
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", made(dir), prefix);
  write_file(path, labels, 8 + (size_t)count);
}

static int make_files(void **state) {
  if (make_dir(state) || mkdir(made("a,b=c"), 0700) || mkdir(made("a,b=c/set"), 0700)) return -1;
  write_split("a,b=c/set", "train", TRAIN);
  write_split("a,b=c/set", "t10k", TEST);
  return 0;
}

static const char *spec(const char *options) {
  return spec_of("mnist", made("a,b=c/set"), options);
}

static void paths_are_made_absolute(void **state) {
  (void)state;
  char before[4096];
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(made("a,b=c")), 0);
  wb_dataset *data = open_ok("mnist:../a,b=c/./set,test=10,train=20");
  assert_int_equal(chdir(before), 0);
  assert_string_equal(data->spec, spec(",test=10,train=20"));
  assert_int_equal(data->train.count, 20);
  assert_int_equal(data->test.count, 10);
  wb_dataset_free(data);
}

static void malformed_specs_are_refused(void **state) {
  (void)state;
  refused("cifer10:/x", WB_ARG, "\"cifer10:/x\"", "did you mean cifar10:DIR?", "the kinds are builtin", NULL);
  refused("/x/y.h5", WB_ARG, "no data set \"/x/y.h5\"", "h5:FILE", NULL);
  refused("", WB_ARG, "the kinds are", NULL);
  refused("cifar10", WB_ARG, "needs a path: cifar10:DIR", NULL);
  refused("h5:", WB_ARG, "needs a path: h5:FILE", NULL);
  refused("mnist:/x,tran=5", WB_ARG, "no option tran", "train", NULL);
  refused("mnist:/x,train=", WB_ARG, "train must be a whole number", NULL);
  refused("mnist:/x,train=-1", WB_ARG, "train must be a whole number", "\"-1\"", NULL);
  refused("mnist:/x,train=1e3", WB_ARG, "\"1e3\"", NULL);
  refused("mnist:/x,test=99999999999", WB_ARG, "test must be", "1,000,000,000", NULL);
  refused("mnist:/x,train=5,train=6", WB_ARG, "train twice", NULL);
  refused("mnist:/x,train=0,test=0", WB_ARG, "no images", NULL);
  refused("mnist:/x,seed=3", WB_ARG, "seed is for builtin", NULL);
}

static void missing_paths_are_refused(void **state) {
  (void)state;
  refused(spec_of("mnist", made("none"), ""), WB_INPUT, made("none"), "does not exist", NULL);
  refused(spec_of("cifar10", made("none"), ",train=10"), WB_INPUT, made("none"), "does not exist", NULL);
  refused(spec_of("h5", made("none.h5"), ""), WB_INPUT, made("none.h5"), "does not exist", NULL);
}

/* Against the definition: image i is in if fewer than its class' share came before it. */
static void check_subset(int wanted) {
  char options[32];
  snprintf(options, sizeof options, ",train=%d", wanted);
  wb_dataset *data = open_ok(spec(options));
  assert_int_equal(data->test.count, TEST);
  assert_int_equal(data->train.count, wanted);
  int kept = 0;
  for (int i = 0; i < TRAIN; i++) {
    int before = 0;
    for (int j = 0; j < i; j++) before += label_of(j) == label_of(i);
    if (before >= wanted / 10 + (label_of(i) < wanted % 10)) continue;
    assert_int_equal(data->train.index[kept], i);
    assert_int_equal(data->train.labels[kept], label_of(i));
    for (int p = 0; p < IMAGE; p++) assert_int_equal(data->train.pixels[kept * IMAGE + p], i * IMAGE + p);
    kept++;
  }
  assert_int_equal(kept, wanted);
  wb_dataset_free(data);
}

static void subsets_are_stratified(void **state) {
  (void)state;
  check_subset(40);
  check_subset(10);
  check_subset(23);
  check_subset(3);
  check_subset(0);
}

static void subsets_beyond_the_data_are_refused(void **state) {
  (void)state;
  wb_dataset *all = open_ok(spec(",train=47,test=30"));
  wb_dataset *plain = open_ok(spec(""));
  assert_int_equal(all->train.count, TRAIN); // unbalanced, but all that there is
  assert_string_equal(all->digest, plain->digest);
  wb_dataset_free(all);
  wb_dataset_free(plain);
  refused(spec(",train=48"), WB_ARG, "train=48", "47 train images", NULL);
  refused(spec(",test=31"), WB_ARG, "test=31", "30 test images", NULL);
  refused(spec(",train=43"), WB_ARG, "train=43 takes 5 images of class 1", "only 4 of them", NULL);
}

/* The digest again, in one piece, from its definition. */
static void digest_covers_what_it_says(void **state) {
  (void)state;
  wb_dataset *data = open_ok(spec(",test=10"));
  uint8_t bytes[2048], raw[SHA256_DIGEST_LENGTH];
  size_t size = 0;
  const wb_images *splits[] = {&data->train, &data->test};
  for (int s = 0; s < 2; s++) {
    const uint64_t shape[4] = {s ? 10 : TRAIN, 1, SIDE, SIDE};
    memcpy(bytes + size, shape, sizeof shape);
    size += sizeof shape;
    for (size_t i = 0; i < shape[0] * IMAGE; i++) bytes[size++] = splits[s]->pixels[i];
    memcpy(bytes + size, splits[s]->labels, shape[0] * 4);
    size += shape[0] * 4;
  }
  for (char c = '0'; c <= '9'; c++) { // each name and its NUL, then an empty superclass name
    bytes[size++] = (uint8_t)c;
    bytes[size++] = 0;
    bytes[size++] = 0;
  }
  SHA256(bytes, size, raw);
  char hex[WB_DIGEST_SIZE];
  for (size_t i = 0; i < sizeof raw; i++) snprintf(hex + 2 * i, 3, "%02x", raw[i]);
  assert_string_equal(data->digest, hex);
  wb_dataset_free(data);
}

static void digest_ignores_the_path_but_not_the_subset(void **state) {
  (void)state;
  assert_int_equal(rename(made("a,b=c/set"), made("moved")), 0);
  wb_dataset *moved = open_ok(spec_of("mnist", made("moved"), ""));
  assert_int_equal(rename(made("moved"), made("a,b=c/set")), 0);
  wb_dataset *data = open_ok(spec("")), *less = open_ok(spec(",test=20"));
  assert_string_equal(data->digest, moved->digest);
  assert_string_not_equal(data->digest, less->digest);
  wb_dataset_free(moved);
  wb_dataset_free(data);
  wb_dataset_free(less);
}

static void hold_out_takes_the_first_of_each_class(void **state) {
  (void)state;
  wb_dataset *data = open_ok(spec(""));
  uint32_t *held, *kept;
  size_t held_count, kept_count;
  assert_int_equal(wb_images_hold_out(&data->train, 10, 3, &held, &held_count, &kept, &kept_count, NULL),
                   WB_OK);
  assert_int_equal(held_count, 30);
  assert_int_equal(kept_count, TRAIN - 30);
  size_t h = 0, k = 0;
  for (uint32_t i = 0; i < TRAIN; i++) {
    int before = 0;
    for (uint32_t j = 0; j < i; j++) before += label_of((int)j) == label_of((int)i);
    if (before < 3)
      assert_int_equal(held[h++], i);
    else
      assert_int_equal(kept[k++], i);
  }
  free(held);
  free(kept);
  assert_int_equal(wb_images_hold_out(&data->train, 10, 0, &held, &held_count, &kept, &kept_count, NULL),
                   WB_OK);
  assert_int_equal(held_count, 0);
  assert_int_equal(kept_count, TRAIN);
  free(held);
  free(kept);
  wb_dataset_free(data);
}

static void hold_out_leaves_some_to_train_on(void **state) {
  (void)state;
  wb_dataset *data = open_ok(spec(""));
  uint32_t *held = NULL, *kept = NULL;
  size_t held_count, kept_count;
  wb_error err = {0};
  assert_int_equal(wb_images_hold_out(&data->train, 10, 4, &held, &held_count, &kept, &kept_count, &err),
                   WB_INPUT);
  assert_non_null(strstr(err.message, "class 1 has 4 training images"));
  assert_null(held);
  assert_null(kept);
  err = (wb_error){0};
  assert_int_equal(wb_images_hold_out(&data->train, 11, 1, &held, &held_count, &kept, &kept_count, &err),
                   WB_INPUT);
  assert_non_null(strstr(err.message, "class 10 has 0"));
  wb_dataset_free(data);
}

static void freeing_nothing_is_fine(void **state) {
  (void)state;
  wb_dataset_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_are_made_absolute),
      cmocka_unit_test(malformed_specs_are_refused),
      cmocka_unit_test(missing_paths_are_refused),
      cmocka_unit_test(subsets_are_stratified),
      cmocka_unit_test(subsets_beyond_the_data_are_refused),
      cmocka_unit_test(digest_covers_what_it_says),
      cmocka_unit_test(digest_ignores_the_path_but_not_the_subset),
      cmocka_unit_test(hold_out_takes_the_first_of_each_class),
      cmocka_unit_test(hold_out_leaves_some_to_train_on),
      cmocka_unit_test(freeing_nothing_is_fine),
  };
  return cmocka_run_group_tests(tests, make_files, remove_dir);
}
