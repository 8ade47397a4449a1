/* test_dataset_h5.c: images in HDF5, on made files. SPDX-License-Identifier: GPL-3.0-or-later */
#include <hdf5.h>
#include <math.h>

#include "dataset_made.h"

enum { COUNT = 6, HEIGHT = 2, WIDTH = 3, CHANNELS = 3, BYTES = COUNT * HEIGHT * WIDTH * CHANNELS };

static void put(hid_t file, const char *name, hid_t stored, hid_t given, int rank, const hsize_t *dims,
                const void *values) {
  const hid_t space = H5Screate_simple(rank, dims, NULL), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t array = H5Dcreate2(file, name, stored, space, links, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(array >= 0);
  assert_true(H5Dwrite(array, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(array);
  H5Pclose(links);
  H5Sclose(space);
}

/* Strings of variable length (size 0) or of `size` bytes each. */
static void put_strings(hid_t file, const char *object, const char *name, hsize_t count, size_t size,
                        const void *values) {
  const hid_t space = H5Screate_simple(1, &count, NULL), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, size ? size : H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  if (size) H5Tset_strpad(type, H5T_STR_NULLPAD);
  const hid_t attribute =
      H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, type, values) >= 0);
  H5Aclose(attribute);
  H5Tclose(type);
  H5Sclose(space);
}

static hid_t create(const char *name) {
  const hid_t file = H5Fcreate(made(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

/* Images whose byte at [n, h, w, c] is 100 c + 10 n + 3 h + w, and int64 labels n % 3. */
static void put_split(hid_t file, const char *split, int channels_too) {
  uint8_t pixels[BYTES];
  int64_t labels[COUNT];
  char name[64];
  const int channels = channels_too ? CHANNELS : 1;
  size_t at = 0;
  for (int n = 0; n < COUNT; n++) {
    labels[n] = n % 3;
    for (int p = 0; p < HEIGHT * WIDTH; p++)
      for (int c = 0; c < channels; c++) pixels[at++] = (uint8_t)(100 * c + 10 * n + p);
  }
  const hsize_t dims[4] = {COUNT, HEIGHT, WIDTH, CHANNELS};
  snprintf(name, sizeof name, "/%s/images", split);
  put(file, name, H5T_STD_U8LE, H5T_NATIVE_UINT8, channels_too ? 4 : 3, dims, pixels);
  snprintf(name, sizeof name, "/%s/labels", split);
  put(file, name, H5T_STD_I64LE, H5T_NATIVE_INT64, 1, dims, labels);
}

static const char *spec_h5(const char *name) {
  return spec_of("h5", made(name), "");
}

static void reads_colour_images_planar(void **state) {
  (void)state;
  const hid_t file = create("my shapes.h5");
  put_split(file, "train", 1);
  put_split(file, "test", 1);
  const char *const names[] = {"tree", "house", "bush"}, *const groups[] = {"plant", "made", "plant"};
  put_strings(file, "/train/labels", "classes", 3, 0, names);
  put_strings(file, "/train/labels", "superclasses", 3, 0, groups);
  H5Fclose(file);
  wb_dataset *data = open_ok(spec_h5("my shapes.h5"));
  assert_string_equal(data->name, "my shapes");
  assert_int_equal(data->train.count, COUNT);
  assert_int_equal(data->train.channels, CHANNELS);
  assert_int_equal(data->train.height, HEIGHT);
  assert_int_equal(data->train.width, WIDTH);
  for (int n = 0; n < COUNT; n++)
    for (int c = 0; c < CHANNELS; c++)
      for (int p = 0; p < HEIGHT * WIDTH; p++)
        assert_int_equal(data->test.pixels[(n * CHANNELS + c) * HEIGHT * WIDTH + p], 100 * c + 10 * n + p);
  assert_int_equal(data->train.labels[5], 2);
  assert_null(data->train.ids);
  assert_int_equal(data->classes, 3);
  assert_string_equal(data->class_names[1], "house");
  assert_int_equal(data->superclasses, 2);
  assert_string_equal(data->superclass_names[0], "made");
  assert_string_equal(data->superclass_names[1], "plant");
  const int32_t of[] = {1, 0, 1};
  assert_memory_equal(data->superclass_of, of, sizeof of);
  wb_dataset_free(data);
}

static void reads_grey_images_of_test_only(void **state) {
  (void)state;
  const hid_t file = create("grey.h5");
  put_split(file, "test", 0);
  const int32_t ids[COUNT] = {70, 71, 72, 73, 74, -75};
  const hsize_t count = COUNT;
  put(file, "/test/stimulus_id", H5T_STD_I32BE, H5T_NATIVE_INT32, 1, &count, ids);
  put_strings(file, "/", "classes", 3, 3, "ab\0cdef\0\0"); // fixed length, "cde" without a NUL
  H5Fclose(file);
  wb_dataset *data = open_ok(spec_of("h5", made("grey.h5"), ",test=3"));
  assert_int_equal(data->train.count, 0);
  assert_int_equal(data->test.count, 3);
  assert_int_equal(data->test.channels, 1);
  assert_int_equal(data->test.ids[2], 72);
  assert_string_equal(data->class_names[0], "ab");
  assert_string_equal(data->class_names[1], "cde");
  assert_string_equal(data->class_names[2], "f");
  assert_int_equal(data->superclasses, 0);
  assert_float_equal(data->mean[0], 12.5 / 255, 1e-6); // 0..5, 10..15, 20..25
  wb_dataset_free(data);
  refused(spec_of("h5", made("grey.h5"), ",train=3"), WB_ARG, "train=3", "0 train images", NULL);
}

static void classes_without_names_are_counted(void **state) {
  (void)state;
  const hid_t file = create("unnamed.h5");
  put_split(file, "test", 1);
  const uint8_t labels[COUNT] = {0, 1, 11, 0, 0, 0};
  const hsize_t count = COUNT;
  H5Ldelete(file, "/test/labels", H5P_DEFAULT);
  put(file, "/test/labels", H5T_STD_U8LE, H5T_NATIVE_UINT8, 1, &count, labels);
  H5Fclose(file);
  wb_dataset *data = open_ok(spec_h5("unnamed.h5"));
  assert_int_equal(data->classes, 12);
  assert_string_equal(data->class_names[11], "11");
  wb_dataset_free(data);
}

static void many_slabs_are_joined(void **state) {
  (void)state;
  enum { N = 5, SIDE = 1700 }; // 8.7 MB an image: one at a time
  const size_t size = (size_t)SIDE * SIDE * 3;
  uint8_t *pixels = malloc(N * size);
  assert_non_null(pixels);
  for (size_t i = 0; i < N * size; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 24);
  const hsize_t dims[4] = {N, SIDE, SIDE, 3};
  const int8_t labels[N] = {0, 1, 0, 1, 0};
  const hid_t file = create("large.h5");
  put(file, "/test/images", H5T_STD_U8LE, H5T_NATIVE_UINT8, 4, dims, pixels);
  put(file, "/test/labels", H5T_STD_I8LE, H5T_NATIVE_INT8, 1, dims, labels);
  H5Fclose(file);
  wb_dataset *data = open_ok(spec_h5("large.h5"));
  size_t wrong = 0;
  for (size_t n = 0; n < N; n++)
    for (size_t p = 0; p < size; p++)
      wrong += data->test.pixels[n * size + p % 3 * (size / 3) + p / 3] != pixels[n * size + p];
  assert_int_equal(wrong, 0);
  wb_dataset_free(data);
  free(pixels);
}

/* Against two plain passes in double precision; a constant channel counts as of sd 1. */
static void normalisation_is_measured_on_train(void **state) {
  (void)state;
  enum { N = 8, PLANE = 25 };
  uint8_t pixels[N][PLANE][2];
  for (int n = 0; n < N; n++)
    for (int p = 0; p < PLANE; p++) {
      pixels[n][p][0] = (uint8_t)(n * 31 + p * p);
      pixels[n][p][1] = 77;
    }
  const hsize_t dims[4] = {N, 5, 5, 2};
  const uint32_t labels[N] = {0, 1, 0, 1, 0, 1, 0, 1};
  const hid_t file = create("norm.h5");
  put(file, "/train/images", H5T_STD_U8LE, H5T_NATIVE_UINT8, 4, dims, pixels);
  put(file, "/train/labels", H5T_STD_U32LE, H5T_NATIVE_UINT32, 1, dims, labels);
  memset(pixels, 0, sizeof pixels);
  put(file, "/test/images", H5T_STD_U8LE, H5T_NATIVE_UINT8, 4, dims, pixels);
  put(file, "/test/labels", H5T_STD_U32LE, H5T_NATIVE_UINT32, 1, dims, labels);
  H5Fclose(file);
  wb_dataset *data = open_ok(spec_h5("norm.h5"));
  double mean = 0, variance = 0;
  for (int n = 0; n < N; n++)
    for (int p = 0; p < PLANE; p++) mean += (uint8_t)(n * 31 + p * p) / 255.0 / (N * PLANE);
  for (int n = 0; n < N; n++)
    for (int p = 0; p < PLANE; p++)
      variance += pow((uint8_t)(n * 31 + p * p) / 255.0 - mean, 2) / (N * PLANE);
  assert_float_equal(data->mean[0], (float)mean, 1e-6);
  assert_float_equal(data->sd[0], (float)sqrt(variance), 1e-6);
  assert_float_equal(data->mean[1], 77 / 255.0f, 1e-6);
  assert_float_equal(data->sd[1], 1, 0);
  wb_dataset_free(data);
}

/* A file with a good /test whose object `name` is replaced. */
static void replaced(const char *name, hid_t type, int rank, const hsize_t *dims) {
  static const int64_t zeros[1024];
  const hid_t file = create("replaced.h5");
  put_split(file, "test", 1);
  if (H5Lexists(file, name, H5P_DEFAULT)) H5Ldelete(file, name, H5P_DEFAULT);
  if (type >= 0) put(file, name, type, type, rank, dims, zeros);
  H5Fclose(file);
}

static void wrong_images_are_refused(void **state) {
  (void)state;
  const hsize_t dims[5] = {COUNT, HEIGHT, WIDTH, CHANNELS, 1}, planar[4] = {COUNT, CHANNELS, HEIGHT, 32};
  replaced("/test/images", H5T_NATIVE_FLOAT, 4, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, made("replaced.h5"), "/test/images must be uint8", NULL);
  replaced("/test/images", H5T_NATIVE_INT8, 4, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/images must be uint8", NULL);
  replaced("/test/images", H5T_NATIVE_UINT8, 5, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/images is [6, 2, 3, 3, 1]",
          "[images, height, width, channels]", NULL);
  replaced("/test/images", H5T_NATIVE_UINT8, 0, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/images is a single value", NULL);
  replaced("/test/images", H5T_NATIVE_UINT8, 4, planar);
  refused(spec_h5("replaced.h5"), WB_INPUT, "32 channels", "1 to 4, as the last dimension", NULL);
  const hsize_t none[3] = {0, HEIGHT, WIDTH};
  replaced("/test/images", H5T_NATIVE_UINT8, 3, none);
  refused(spec_h5("replaced.h5"), WB_INPUT, "0 images", NULL);
  replaced("/test/images", -1, 0, NULL);
  refused(spec_h5("replaced.h5"), WB_INPUT, "has no dataset /test/images", NULL);
}

static void wrong_labels_are_refused(void **state) {
  (void)state;
  const hsize_t dims[2] = {COUNT, 1}, less = COUNT - 1;
  replaced("/test/labels", H5T_NATIVE_DOUBLE, 1, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/labels must be integers", NULL);
  replaced("/test/labels", H5T_NATIVE_INT, 2, dims);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/labels is [6, 1]; expected [6]", NULL);
  replaced("/test/labels", H5T_NATIVE_INT, 1, &less);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/labels is [5]; expected [6]", NULL);
  replaced("/test/labels", -1, 0, NULL);
  refused(spec_h5("replaced.h5"), WB_INPUT, "has no dataset /test/labels", NULL);
  replaced("/test/stimulus_id", H5T_NATIVE_INT, 1, &less);
  refused(spec_h5("replaced.h5"), WB_INPUT, "/test/stimulus_id is [5]; expected [6]", NULL);
}

static void label_out_of_range_is_refused(void **state) {
  (void)state;
  const hsize_t count = COUNT;
  const int64_t negative[COUNT] = {0, 1, 2, 0, -1, 2}, huge[COUNT] = {0, 1, (int64_t)1 << 40};
  hid_t file = create("range.h5");
  put_split(file, "test", 1);
  put(file, "/other", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &count, negative);
  H5Ldelete(file, "/test/labels", H5P_DEFAULT);
  put(file, "/test/labels", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &count, negative);
  H5Fclose(file);
  refused(spec_h5("range.h5"), WB_INPUT, made("range.h5"), "value 4 of /test/labels is -1", NULL);
  file = create("range.h5");
  put_split(file, "test", 1);
  H5Ldelete(file, "/test/labels", H5P_DEFAULT);
  put(file, "/test/labels", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &count, huge);
  H5Fclose(file);
  refused(spec_h5("range.h5"), WB_INPUT, "is 1099511627776", NULL);
  file = create("range.h5");
  put_split(file, "test", 1);
  put_strings(file, "/test/labels", "classes", 2, 2, "a\0b");
  H5Fclose(file);
  refused(spec_h5("range.h5"), WB_INPUT, "image 2 ", "is 2", "0 to 1", NULL);
}

static void wrong_names_are_refused(void **state) {
  (void)state;
  const char *const names[] = {"a", "b"};
  hid_t file = create("names.h5");
  put_split(file, "test", 1);
  put_strings(file, "/test/labels", "superclasses", 2, 0, names);
  H5Fclose(file);
  refused(spec_h5("names.h5"), WB_INPUT, "superclasses has 2 names; expected 3", NULL);
  file = create("names.h5");
  put_split(file, "test", 1);
  const hsize_t count = 3;
  const hid_t space = H5Screate_simple(1, &count, NULL);
  const hid_t attribute =
      H5Acreate_by_name(file, "/", "classes", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Fclose(file);
  refused(spec_h5("names.h5"), WB_INPUT, "attribute classes must hold strings", NULL);
}

static void splits_must_have_one_size(void **state) {
  (void)state;
  const hid_t file = create("sizes.h5");
  put_split(file, "train", 0);
  put_split(file, "test", 1);
  H5Fclose(file);
  refused(spec_h5("sizes.h5"), WB_INPUT, "2x3x1", "2x3x3", "must agree", NULL);
}

static void other_files_are_refused(void **state) {
  (void)state;
  write_file(made("text.h5"), "no HDF5", 7);
  refused(spec_h5("text.h5"), WB_INPUT, made("text.h5"), "cannot be opened as HDF5", NULL);
  const hid_t file = create("cut.h5");
  put_split(file, "test", 1);
  H5Fclose(file);
  assert_int_equal(truncate(made("cut.h5"), 1000), 0);
  refused(spec_h5("cut.h5"), WB_INPUT, made("cut.h5"), "truncated", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_colour_images_planar),
      cmocka_unit_test(reads_grey_images_of_test_only),
      cmocka_unit_test(classes_without_names_are_counted),
      cmocka_unit_test(many_slabs_are_joined),
      cmocka_unit_test(normalisation_is_measured_on_train),
      cmocka_unit_test(wrong_images_are_refused),
      cmocka_unit_test(wrong_labels_are_refused),
      cmocka_unit_test(label_out_of_range_is_refused),
      cmocka_unit_test(wrong_names_are_refused),
      cmocka_unit_test(splits_must_have_one_size),
      cmocka_unit_test(other_files_are_refused),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
