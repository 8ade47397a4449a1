/* test_dataset_cifar100.c: CIFAR-100's binary format, on made files. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "dataset_made.h"

enum { RECORD = 3074, TRAIN = 50000, TEST = 10000 };

/* The true superclass of some classes, which the made files follow: apple is in fruit_and_vegetables, .. */
static int superclass(int fine) {
  static const struct { int fine, coarse; } known[] = {{0, 4}, {1, 1}, {2, 14}, {3, 8}, {99, 13}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].fine == fine) return known[i].coarse;
  return fine % 20;
}

/* Record i is of class (7 i + shift) % 100 and has pixel bytes (i + 3 * position) % 256. */
static void write_records(const char *path, size_t records, int shift) {
  uint8_t *bytes = malloc(records * RECORD);
  assert_non_null(bytes);
  for (size_t i = 0; i < records; i++) {
    const int fine = (int)((7 * i + (size_t)shift) % 100);
    bytes[i * RECORD] = (uint8_t)superclass(fine);
    bytes[i * RECORD + 1] = (uint8_t)fine;
    for (size_t p = 0; p < RECORD - 2; p++) bytes[i * RECORD + 2 + p] = (uint8_t)(i + 3 * p);
  }
  write_file(path, bytes, records * RECORD);
  free(bytes);
}

static void link_files(const char *dir, const char *train, const char *test) {
  char path[2 * MADE_PATH];
  assert_int_equal(mkdir(dir, 0700), 0);
  snprintf(path, sizeof path, "%s/train.bin", dir);
  assert_int_equal(symlink(train, path), 0);
  snprintf(path, sizeof path, "%s/test.bin", dir);
  assert_int_equal(symlink(test, path), 0);
}

static int make_files(void **state) {
  if (make_dir(state)) return -1;
  write_records(made("train"), TRAIN, 0);
  write_records(made("test"), TEST, 5);
  link_files(made("official"), made("train"), made("test"));
  return 0;
}

static void reads_both_splits(void **state) {
  (void)state;
  const char *spec = spec_of("cifar100", made("official"), "");
  wb_dataset *data = open_ok(spec);
  assert_string_equal(data->name, "cifar100");
  assert_string_equal(data->spec, spec);
  assert_int_equal(data->train.count, TRAIN);
  assert_int_equal(data->test.count, TEST);
  assert_true(data->train.channels == 3 && data->train.height == 32 && data->train.width == 32);
  assert_int_equal(data->train.labels[43210], 70);
  assert_int_equal(data->test.labels[3], 26);
  const uint8_t *x = data->train.pixels + (size_t)43210 * 3072;
  for (int p = 0; p < 3072; p++) assert_int_equal(x[p], (uint8_t)(43210 + 3 * p));
  assert_int_equal(data->classes, 100);
  assert_string_equal(data->class_names[0], "apple");
  assert_string_equal(data->class_names[99], "worm");
  assert_int_equal(data->superclasses, 20);
  assert_string_equal(data->superclass_names[data->superclass_of[0]], "fruit_and_vegetables");
  assert_string_equal(data->superclass_names[data->superclass_of[3]], "large_carnivores");
  assert_string_equal(data->superclass_names[data->superclass_of[99]], "non-insect_invertebrates");
  assert_true(data->mean[0] > 0.4f && data->mean[0] < 0.6f); // measured: the bytes are spread evenly
  wb_dataset_free(data);
}

static void coarse_labels_are_classes(void **state) {
  (void)state;
  const char *spec = spec_of("cifar100", made("official"), ",labels=coarse,train=400,test=40");
  wb_dataset *data = open_ok(spec);
  assert_string_equal(data->spec, spec);
  assert_int_equal(data->classes, 20);
  assert_int_equal(data->superclasses, 0);
  assert_null(data->superclass_of);
  assert_string_equal(data->class_names[14], "people");
  int seen[20] = {0};
  for (size_t i = 0; i < data->train.count; i++) {
    const int fine = (int)((7 * (size_t)data->train.index[i]) % 100);
    assert_int_equal(data->train.labels[i], superclass(fine));
    seen[data->train.labels[i]]++;
  }
  for (int c = 0; c < 20; c++) assert_int_equal(seen[c], 20);
  wb_dataset_free(data);
  data = open_ok(spec_of("cifar100", made("official"), ",train=100,test=100,labels=fine"));
  assert_int_equal(data->classes, 100);
  wb_dataset_free(data);
}

static void parent_of_the_archive_folder_will_do(void **state) {
  (void)state;
  assert_int_equal(mkdir(made("parent"), 0700), 0);
  link_files(made("parent/cifar-100-binary"), made("train"), made("test"));
  wb_dataset_free(open_ok(spec_of("cifar100", made("parent"), ",train=100,test=100")));
}

/* A copy of the training file with two bytes changed. */
static void with_labels(const char *name, long record, int coarse, int fine) {
  char command[3 * MADE_PATH];
  snprintf(command, sizeof command, "cp '%s' '%s'", made("train"), made(name));
  assert_int_equal(system(command), 0);
  FILE *file = fopen(made(name), "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, record * RECORD, SEEK_SET), 0);
  assert_int_equal(fputc(coarse, file), coarse);
  assert_int_equal(fputc(fine, file), fine);
  assert_int_equal(fclose(file), 0);
}

static void damaged_files_are_refused(void **state) {
  (void)state;
  write_file(made("short"), "x", 1);
  link_files(made("with-short"), made("short"), made("test"));
  refused(spec_of("cifar100", made("with-short"), ""), WB_INPUT, "with-short/train.bin is 1 bytes",
          "153,700,000", "50,000 records", NULL);
  link_files(made("without"), made("train"), made("nothing"));
  refused(spec_of("cifar100", made("without"), ""), WB_INPUT, "without/test.bin", "does not exist",
          "fetch-data cifar100", NULL);
  with_labels("moved", 300, 9, 0); // an apple among large man-made outdoor things
  link_files(made("with-moved"), made("moved"), made("test"));
  refused(spec_of("cifar100", made("with-moved"), ""), WB_INPUT, "image 300 puts apple into large_man-made",
          "fruit_and_vegetables", NULL);
  with_labels("beyond", 17, 20, 0);
  link_files(made("with-beyond"), made("beyond"), made("test"));
  refused(spec_of("cifar100", made("with-beyond"), ""), WB_INPUT, "image 17 are 20 (coarse)", NULL);
}

static void options_are_checked(void **state) {
  (void)state;
  refused(spec_of("cifar100", made("official"), ",labels=medium"), WB_ARG, "fine or coarse", "medium", NULL);
  refused(spec_of("cifar100", made("official"), ",labels=fine,labels=fine"), WB_ARG, "labels twice", NULL);
  refused("builtin,labels=coarse", WB_ARG, "labels is for cifar100", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_both_splits),         cmocka_unit_test(coarse_labels_are_classes),
      cmocka_unit_test(damaged_files_are_refused), cmocka_unit_test(parent_of_the_archive_folder_will_do),
      cmocka_unit_test(options_are_checked),
  };
  return cmocka_run_group_tests(tests, make_files, remove_dir);
}
