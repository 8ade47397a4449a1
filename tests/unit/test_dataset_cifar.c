/* test_dataset_cifar.c: CIFAR-10's binary format, on made files. SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataset_made.h"

enum { RECORD = 3073, RECORDS = 10000, SIZE = RECORD * RECORDS };

/* A file whose record i has label (i + shift) % 10 and pixel bytes (i + 3 * position) % 256. */
static void write_batch(const char *path, int shift) {
  uint8_t *bytes = malloc(SIZE);
  assert_non_null(bytes);
  for (int i = 0; i < RECORDS; i++) {
    bytes[i * RECORD] = (uint8_t)((i + shift) % 10);
    for (int p = 0; p < RECORD - 1; p++) bytes[i * RECORD + 1 + p] = (uint8_t)(i + 3 * p);
  }
  write_file(path, bytes, SIZE);
  free(bytes);
}

/* DIR with six links to `first` (data_batch_1) and `rest`. */
static void link_batches(const char *dir, const char *first, const char *rest) {
  assert_int_equal(mkdir(dir, 0700), 0);
  for (int i = 1; i <= 6; i++) {
    char path[2 * MADE_PATH];
    if (i <= 5)
      snprintf(path, sizeof path, "%s/data_batch_%d.bin", dir, i);
    else
      snprintf(path, sizeof path, "%s/test_batch.bin", dir);
    assert_int_equal(symlink(i == 1 ? first : rest, path), 0);
  }
}

static int make_batches(void **state) {
  if (make_dir(state)) return -1;
  write_batch(made("interleaved"), 0);
  write_batch(made("shifted"), 6);
  link_batches(made("jpeg"), made("interleaved"), made("interleaved"));
  link_batches(made("official"), made("shifted"), made("interleaved"));
  return 0;
}

/* Replaces one file of a fresh directory and gives its spec. */
static const char *with_file(const char *dir, const char *name, const char *target) {
  char path[2 * MADE_PATH];
  link_batches(made(dir), made("interleaved"), made("interleaved"));
  snprintf(path, sizeof path, "%s/%s", made(dir), name);
  assert_int_equal(unlink(path), 0);
  if (target) assert_int_equal(symlink(made(target), path), 0);
  return spec_of("cifar10", made(dir), "");
}

static void reads_both_splits(void **state) {
  (void)state;
  const char *spec = spec_of("cifar10", made("official"), "");
  wb_dataset *data = open_ok(spec);
  assert_string_equal(data->name, "cifar10");
  assert_string_equal(data->spec, spec);
  assert_int_equal(data->train.count, 50000);
  assert_int_equal(data->test.count, 10000);
  assert_int_equal(data->train.channels, 3);
  assert_int_equal(data->train.height, 32);
  assert_int_equal(data->train.width, 32);
  assert_null(data->train.ids);
  const size_t record = 43210; // the fourth file of the shifted ones is links to the interleaved: record 3210
  assert_int_equal(data->train.labels[0], 6);
  assert_int_equal(data->train.labels[record], 0);
  assert_int_equal(data->train.index[record], record);
  const uint8_t *x = data->train.pixels + record * 3072;
  for (int p = 0; p < 3072; p++) assert_int_equal(x[p], (uint8_t)(3210 + 3 * p));
  assert_int_equal(data->test.labels[9999], 9);
  assert_float_equal(data->mean[2], 0.4465, 1e-7);
  assert_float_equal(data->sd[0], 0.2023, 1e-7);
  wb_dataset_free(data);
}

static void names_classes_and_superclasses(void **state) {
  (void)state;
  const char *spec = spec_of("cifar10", made("official"), ",train=10,test=10");
  wb_dataset *data = open_ok(spec);
  assert_int_equal(data->classes, 10);
  assert_string_equal(data->class_names[0], "airplane");
  assert_string_equal(data->class_names[9], "truck");
  assert_int_equal(data->superclasses, 2);
  assert_string_equal(data->superclass_names[0], "animate");
  assert_string_equal(data->superclass_names[1], "inanimate");
  const int32_t expected[10] = {1, 1, 0, 0, 0, 0, 0, 0, 1, 1};
  assert_memory_equal(data->superclass_of, expected, sizeof expected);
  wb_dataset_free(data);
}

static void interleaved_order_is_the_jpeg_version(void **state) {
  (void)state;
  const char *spec = spec_of("cifar10", made("jpeg"), "");
  wb_dataset *data = open_ok(spec);
  assert_string_equal(data->name, "cifar10-jpeg");
  wb_dataset_free(data);
}

static void parent_of_the_archive_folder_will_do(void **state) {
  (void)state;
  assert_int_equal(mkdir(made("parent"), 0700), 0);
  link_batches(made("parent/cifar-10-batches-bin"), made("shifted"), made("interleaved"));
  const char *spec = spec_of("cifar10", made("parent"), ",test=20");
  wb_dataset *data = open_ok(spec);
  assert_string_equal(data->spec, spec);
  assert_int_equal(data->test.count, 20);
  assert_int_equal(data->train.count, 50000);
  wb_dataset_free(data);
}

static void wrong_size_is_refused(void **state) {
  (void)state;
  write_file(made("short"), "x", 1);
  assert_int_equal(truncate(made("short"), 12288000), 0);
  refused(with_file("with-short", "data_batch_3.bin", "short"), WB_INPUT, made("with-short/data_batch_3.bin"),
          "12,288,000 bytes", "30,730,000", "fetch-data cifar10", NULL);
  write_file(made("long"), "x", 1);
  assert_int_equal(truncate(made("long"), SIZE + 1), 0);
  refused(with_file("with-long", "test_batch.bin", "long"), WB_INPUT, "test_batch.bin is 30,730,001 bytes",
          NULL);
}

static void missing_file_is_named(void **state) {
  (void)state;
  refused(with_file("without", "data_batch_5.bin", NULL), WB_INPUT, made("without/data_batch_5.bin"),
          "does not exist", "test_batch.bin", NULL);
  const char *spec = spec_of("cifar10", made("interleaved"), ""); // a file, not a directory
  refused(spec, WB_INPUT, "data_batch_1.bin", "does not exist", NULL);
}

static void label_out_of_range_is_refused(void **state) {
  (void)state;
  write_batch(made("bad-label"), 0);
  FILE *file = fopen(made("bad-label"), "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, 345 * RECORD, SEEK_SET), 0);
  assert_int_equal(fputc(10, file), 10);
  assert_int_equal(fclose(file), 0);
  refused(with_file("with-bad-label", "data_batch_2.bin", "bad-label"), WB_INPUT, "data_batch_2.bin",
          "image 345 is 10", "0 to 9", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_both_splits),
      cmocka_unit_test(names_classes_and_superclasses),
      cmocka_unit_test(interleaved_order_is_the_jpeg_version),
      cmocka_unit_test(parent_of_the_archive_folder_will_do),
      cmocka_unit_test(wrong_size_is_refused),
      cmocka_unit_test(missing_file_is_named),
      cmocka_unit_test(label_out_of_range_is_refused),
  };
  return cmocka_run_group_tests(tests, make_batches, remove_dir);
}
