/* test_h5.c: HDF5 files: round trips, atomic writing, mapping, digests, and files that are not as they should
 * be. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "h5_folder.h"

static wb_h5 *opened(void) {
  wb_error err = {0};
  wb_h5 *file = NULL;
  if (wb_h5_open(path, &file, &err) != WB_OK) fail_msg("%s", err.message);
  return file;
}

#define assert_said(err, part)                                                                               \
  do {                                                                                                       \
    if (!strstr((err).message, part)) fail_msg("no '%s' in: %s", part, (err).message);                       \
  } while (0)

static const uint64_t DIMS[2] = {3, 4};

static void data_survive(void **state) {
  (void)state;
  float f32[12];
  double f64[12];
  int32_t i32[12];
  int64_t i64[12];
  uint8_t u8[12];
  for (int i = 0; i < 12; i++) {
    f32[i] = (float)i / 3;
    f64[i] = sqrt(i);
    i32[i] = -i;
    i64[i] = (int64_t)i << 40;
    u8[i] = (uint8_t)(i * 20);
  }
  wb_h5 *file = created();
  assert_int_equal(wb_h5_write(file, "/a/deep/f32", WB_F32, 2, DIMS, f32, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/f64", WB_F64, 2, DIMS, f64, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/i32", WB_I32, 2, DIMS, i32, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/i64", WB_I64, 2, DIMS, i64, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/u8", WB_U8, 2, DIMS, u8, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/scalar", WB_F64, 0, NULL, f64 + 2, NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/rows", WB_F32, 2, DIMS, NULL, NULL), WB_OK);
  assert_int_equal(wb_h5_write_rows(file, "/rows", WB_F32, 1, 2, f32 + 4, NULL), WB_OK);
  assert_int_equal(wb_h5_write_rows(file, "/rows", WB_F32, 0, 1, f32, NULL), WB_OK);
  assert_int_equal(wb_h5_write_rows(file, "/rows", WB_F32, 2, 2, f32, NULL), WB_INTERNAL);
  assert_int_equal(wb_h5_soft_link(file, "/roles/weight", "/a/deep/f32", NULL), WB_OK);
  assert_int_equal(wb_h5_soft_link(file, "/roles/dangling", "/nowhere", NULL), WB_OK);
  assert_int_equal(wb_h5_make_group(file, "/empty/inner", NULL), WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);

  file = opened();
  assert_string_equal(wb_h5_path(file), path);
  union {
    float f32[12];
    double f64[12];
    int32_t i32[12];
    int64_t i64[12];
    uint8_t u8[12];
  } got;
  assert_int_equal(wb_h5_read(file, "/a/deep/f32", WB_F32, got.f32, NULL), WB_OK);
  assert_memory_equal(got.f32, f32, sizeof f32);
  assert_int_equal(wb_h5_read(file, "/f64", WB_F64, got.f64, NULL), WB_OK);
  assert_memory_equal(got.f64, f64, sizeof f64);
  assert_int_equal(wb_h5_read(file, "/i32", WB_I32, got.i32, NULL), WB_OK);
  assert_memory_equal(got.i32, i32, sizeof i32);
  assert_int_equal(wb_h5_read(file, "/i64", WB_I64, got.i64, NULL), WB_OK);
  assert_memory_equal(got.i64, i64, sizeof i64);
  assert_int_equal(wb_h5_read(file, "/u8", WB_U8, got.u8, NULL), WB_OK);
  assert_memory_equal(got.u8, u8, sizeof u8);
  assert_int_equal(wb_h5_read(file, "/scalar", WB_F64, got.f64, NULL), WB_OK);
  assert_true(got.f64[0] == f64[2]);
  assert_int_equal(wb_h5_read(file, "/rows", WB_F32, got.f32, NULL), WB_OK);
  assert_memory_equal(got.f32, f32, sizeof f32);

  /* Converted, by rows, through a link. */
  assert_int_equal(wb_h5_read_rows(file, "/roles/weight", WB_F64, 1, 1, got.f64, NULL), WB_OK);
  for (int i = 0; i < 4; i++) assert_true(got.f64[i] == (double)f32[4 + i]);
  assert_int_equal(wb_h5_read(file, "/u8", WB_I64, got.i64, NULL), WB_OK);
  assert_true(got.i64[11] == 220);

  assert_true(wb_h5_exists(file, "/roles/weight"));
  assert_true(wb_h5_exists(file, "/empty/inner"));
  assert_true(wb_h5_exists(file, "/"));
  assert_false(wb_h5_exists(file, "/roles/dangling"));
  assert_false(wb_h5_exists(file, "/no/such/thing"));

  wb_h5_shape shape;
  assert_int_equal(wb_h5_get_shape(file, "/a/deep/f32", &shape, NULL), WB_OK);
  assert_true(shape.rank == 2 && shape.dims[0] == 3 && shape.dims[1] == 4);
  assert_true(shape.element == WB_F32 && shape.contiguous);
  assert_int_equal(wb_h5_get_shape(file, "/scalar", &shape, NULL), WB_OK);
  assert_true(shape.rank == 0 && shape.element == WB_F64);

  char **names;
  size_t count;
  static const char *const expected[] = {"/a/deep/f32", "/f64", "/i32", "/i64", "/rows", "/scalar", "/u8"};
  assert_int_equal(wb_h5_datasets(file, "/", &names, &count, NULL), WB_OK);
  assert_int_equal(count, 7);
  for (size_t i = 0; i < count; i++) assert_string_equal(names[i], expected[i]);
  wb_h5_free_texts(names, count);
  assert_int_equal(wb_h5_datasets(file, "/a", &names, &count, NULL), WB_OK);
  assert_int_equal(count, 1);
  assert_string_equal(names[0], "/a/deep/f32");
  wb_h5_free_texts(names, count);
  wb_h5_close(file);
}

static void attributes_survive(void **state) {
  (void)state;
  static const char *const classes[] = {"blob", "caf\xc3\xa9", ""};
  const int64_t grid[] = {16, 17}, big = INT64_MAX;
  const double rho = 0.2;
  wb_h5 *file = created();
  assert_int_equal(wb_h5_write(file, "/labels", WB_F64, 0, NULL, &rho, NULL), WB_OK);
  assert_int_equal(wb_h5_set_text(file, "/", "state", "training", NULL), WB_OK);
  assert_int_equal(wb_h5_set_text(file, "/", "state", "complete", NULL), WB_OK);
  assert_int_equal(wb_h5_set_text(file, "/", "empty", "", NULL), WB_OK);
  assert_int_equal(wb_h5_set_texts(file, "/labels", "classes", classes, 3, NULL), WB_OK);
  assert_int_equal(wb_h5_set_ints(file, "/labels", "grid", grid, 2, NULL), WB_OK);
  assert_int_equal(wb_h5_set_ints(file, "/labels", "big", &big, 1, NULL), WB_OK);
  assert_int_equal(wb_h5_set_doubles(file, "/labels", "rho", &rho, 1, NULL), WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);

  file = opened();
  char *text, **texts;
  size_t count;
  int64_t ints[2] = {0};
  double doubles[2] = {0};
  assert_int_equal(wb_h5_get_text(file, "/", "state", &text, NULL), WB_OK);
  assert_string_equal(text, "complete");
  free(text);
  assert_int_equal(wb_h5_get_text(file, "/", "empty", &text, NULL), WB_OK);
  assert_string_equal(text, "");
  free(text);
  assert_int_equal(wb_h5_get_texts(file, "/labels", "classes", &texts, &count, NULL), WB_OK);
  assert_int_equal(count, 3);
  for (size_t i = 0; i < 3; i++) assert_string_equal(texts[i], classes[i]);
  wb_h5_free_texts(texts, count);
  assert_int_equal(wb_h5_get_ints(file, "/labels", "grid", ints, 1, &count, NULL), WB_OK);
  assert_true(count == 2 && ints[0] == 16 && ints[1] == 0);
  assert_int_equal(wb_h5_get_doubles(file, "/labels", "grid", doubles, 2, &count, NULL), WB_OK);
  assert_true(count == 2 && doubles[1] == 17);
  assert_int_equal(wb_h5_get_ints(file, "/labels", "big", ints, 1, &count, NULL), WB_OK);
  assert_true(ints[0] == INT64_MAX);
  assert_int_equal(wb_h5_get_doubles(file, "/labels", "rho", doubles, 1, &count, NULL), WB_OK);
  assert_true(doubles[0] == 0.2);
  assert_true(wb_h5_has_attribute(file, "/labels", "rho"));
  assert_false(wb_h5_has_attribute(file, "/labels", "lambda"));
  assert_false(wb_h5_has_attribute(file, "/nothing", "rho"));

  wb_error err = {0};
  assert_int_equal(wb_h5_get_ints(file, "/labels", "rho", ints, 1, &count, &err), WB_INPUT);
  assert_said(err, "whole number");
  err = (wb_error){0};
  assert_int_equal(wb_h5_get_text(file, "/labels", "rho", &text, &err), WB_INPUT);
  assert_said(err, "is not text");
  err = (wb_error){0};
  assert_int_equal(wb_h5_get_doubles(file, "/", "lambda", doubles, 1, &count, &err), WB_INPUT);
  assert_said(err, "no attribute lambda");
  assert_int_equal(wb_h5_get_text(file, "/labels", "classes", &text, NULL), WB_INPUT);

  assert_int_equal(wb_h5_attribute_names(file, "/labels", &texts, &count, NULL), WB_OK);
  assert_int_equal(count, 4);
  assert_string_equal(texts[0], "big");
  assert_string_equal(texts[3], "rho");
  wb_h5_free_texts(texts, count);
  wb_h5_close(file);
}

/* Strings of fixed length, big-endian and chunked data, a data set of text: as other programs write them. */
static void foreign_files_are_read(void **state) {
  (void)state;
  const hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[2] = {3, 4}, two = 2;
  const hid_t plane = H5Screate_simple(2, dims, NULL), pair = H5Screate_simple(1, &two, NULL);
  const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE), fixed = H5Tcopy(H5T_C_S1);
  H5Pset_chunk(chunked, 2, dims);
  H5Tset_size(fixed, 4);
  H5Tset_strpad(fixed, H5T_STR_SPACEPAD);
  const double values[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5};
  const hid_t big = H5Dcreate2(id, "big", H5T_IEEE_F64BE, plane, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(big, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  const hid_t chunks = H5Dcreate2(id, "chunks", H5T_IEEE_F64LE, plane, H5P_DEFAULT, chunked, H5P_DEFAULT);
  H5Dwrite(chunks, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  const hid_t words = H5Dcreate2(id, "words", fixed, pair, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t names = H5Acreate2(big, "names", fixed, pair, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(names, fixed, "cat ball");
  H5Dclose(words);
  H5Aclose(names);
  H5Dclose(big);
  H5Dclose(chunks);
  H5Tclose(fixed);
  H5Pclose(chunked);
  H5Sclose(plane);
  H5Sclose(pair);
  H5Fclose(id);

  wb_h5 *file = opened();
  wb_h5_shape shape;
  double got[12];
  int32_t whole[12];
  assert_int_equal(wb_h5_read(file, "/big", WB_F64, got, NULL), WB_OK);
  assert_memory_equal(got, values, sizeof values);
  assert_int_equal(wb_h5_get_shape(file, "/big", &shape, NULL), WB_OK);
  assert_true(shape.element == WB_F64 && !shape.contiguous);
  assert_int_equal(wb_h5_get_shape(file, "/chunks", &shape, NULL), WB_OK);
  assert_false(shape.contiguous);
  assert_int_equal(wb_h5_read_rows(file, "/chunks", WB_I32, 0, 2, whole, NULL), WB_OK);
  assert_int_equal(whole[7], 7);

  wb_error err = {0};
  wb_h5_mapping mapping;
  assert_int_equal(wb_h5_read(file, "/chunks", WB_I32, whole, &err), WB_INPUT); // 11.5
  assert_said(err, "no integers");
  assert_int_equal(wb_h5_map(file, "/chunks", &mapping, NULL), WB_UNSUPPORTED);
  assert_int_equal(wb_h5_get_shape(file, "/words", &shape, NULL), WB_OK);
  assert_int_equal(shape.element, 0);
  err = (wb_error){0};
  assert_int_equal(wb_h5_read(file, "/words", WB_F32, got, &err), WB_INPUT);
  assert_said(err, "does not hold numbers");

  char **texts;
  size_t count;
  assert_int_equal(wb_h5_get_texts(file, "/big", "names", &texts, &count, NULL), WB_OK);
  assert_int_equal(count, 2);
  assert_string_equal(texts[0], "cat");
  assert_string_equal(texts[1], "ball");
  wb_h5_free_texts(texts, count);
  wb_h5_close(file);
}

static void a_mapping_shows_the_data(void **state) {
  (void)state;
  const uint64_t n = 5000;
  float *values = malloc(n * sizeof *values);
  for (uint64_t i = 0; i < n; i++) values[i] = (float)i;
  wb_h5 *file = created();
  assert_int_equal(wb_h5_write(file, "/before", WB_U8, 1, (uint64_t[]){3}, "abc", NULL), WB_OK);
  assert_int_equal(wb_h5_write(file, "/x", WB_F32, 1, &n, values, NULL), WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);
  file = opened();
  wb_h5_mapping mapping = {0};
  assert_int_equal(wb_h5_map(file, "/x", &mapping, NULL), WB_OK);
  wb_h5_close(file);
  assert_int_equal((uintptr_t)mapping.data % 64, 0);
  assert_memory_equal(mapping.data, values, n * sizeof *values);
  wb_h5_unmap(&mapping);
  wb_h5_unmap(&mapping);
  free(values);
}

static void nothing_appears_before_commit(void **state) {
  (void)state;
  const double old = 1, new = 2;
  wb_h5 *file = created();
  wb_h5_write(file, "/x", WB_F64, 0, NULL, &old, NULL);
  assert_int_equal(access(path, F_OK), -1);
  wb_h5_close(file); // given up
  assert_int_equal(count_files(), 0);

  file = created();
  wb_h5_write(file, "/x", WB_F64, 0, NULL, &old, NULL);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);

  /* A process killed while it replaces the file leaves the old one; the next writer sweeps up. */
  const pid_t child = fork();
  if (child == 0) {
    if (wb_h5_create(path, &file, NULL) == WB_OK &&
        wb_h5_write(file, "/x", WB_F64, 0, NULL, &new, NULL) == WB_OK)
      kill(getpid(), SIGKILL);
    _exit(1);
  }
  int how;
  waitpid(child, &how, 0);
  assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
  assert_int_equal(count_files(), 2);
  double got = 0;
  file = opened();
  assert_int_equal(wb_h5_read(file, "/x", WB_F64, &got, NULL), WB_OK);
  assert_true(got == old);
  wb_h5_close(file);

  file = created();
  wb_h5_write(file, "/x", WB_F64, 0, NULL, &new, NULL);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);
  assert_int_equal(count_files(), 1);
  file = opened();
  assert_int_equal(wb_h5_read(file, "/x", WB_F64, &got, NULL), WB_OK);
  assert_true(got == new);
  wb_h5_close(file);
}

static void bad_files_are_named(void **state) {
  (void)state;
  wb_h5 *file = NULL;
  wb_error err = {0};
  assert_int_equal(wb_h5_open(path, &file, &err), WB_INPUT);
  assert_said(err, "there is no file");
  assert_said(err, path);
  assert_null(file);

  err = (wb_error){0};
  assert_int_equal(wb_h5_open(folder, &file, &err), WB_INPUT);
  assert_said(err, "is not a file");

  FILE *text = fopen(path, "w");
  fputs("hello", text);
  fclose(text);
  err = (wb_error){0};
  assert_int_equal(wb_h5_open(path, &file, &err), WB_INPUT);
  assert_said(err, "is not an HDF5 file (5 bytes)");

  float values[1000] = {0};
  wb_h5 *good = created();
  wb_h5_write(good, "/x", WB_F32, 1, (uint64_t[]){1000}, values, NULL);
  assert_int_equal(wb_h5_commit(good, NULL), WB_OK);
  assert_int_equal(truncate(path, 3000), 0);
  err = (wb_error){0};
  assert_int_equal(wb_h5_open(path, &file, &err), WB_INPUT);
  assert_said(err, "damaged, incomplete");

  err = (wb_error){0};
  assert_int_equal(wb_h5_create("/no/such/folder/x.h5", &file, &err), WB_IO);
  assert_said(err, "/no/such/folder");
  assert_null(file);
}

static void missing_objects_are_named(void **state) {
  (void)state;
  const float values[12] = {0};
  wb_h5 *file = created();
  wb_h5_write(file, "/layer4", WB_F32, 2, DIMS, values, NULL);
  wb_h5_write(file, "/fc/out", WB_F32, 1, DIMS, values, NULL);
  wb_h5_commit(file, NULL);
  file = opened();
  wb_error err = {0};
  float got[12];
  wb_h5_shape shape;
  assert_int_equal(wb_h5_get_shape(file, "/activations", &shape, &err), WB_INPUT);
  assert_said(err, "has no data set /activations. It holds /fc/out [3], /layer4 [3, 4]");
  err = (wb_error){0};
  assert_int_equal(wb_h5_read(file, "/fc", WB_F32, got, &err), WB_INPUT);
  assert_said(err, "has no data set /fc");
  err = (wb_error){0};
  assert_int_equal(wb_h5_read_rows(file, "/layer4", WB_F32, 2, 2, got, &err), WB_INPUT);
  assert_said(err, "has 3 rows; rows 2 to 3 were asked for");
  char **paths, digest[WB_DIGEST_SIZE];
  size_t count;
  err = (wb_error){0};
  assert_int_equal(wb_h5_datasets(file, "/nowhere", &paths, &count, &err), WB_INPUT);
  assert_said(err, "/nowhere");
  err = (wb_error){0};
  assert_int_equal(wb_h5_digest(file, "/nowhere", digest, &err), WB_INPUT);
  assert_said(err, "has no /nowhere");
  wb_h5_close(file);
}

static void digest_of(const float *values, const char *note, char digest[WB_DIGEST_SIZE]) {
  wb_h5 *file = created();
  assert_int_equal(wb_h5_write(file, "/x", WB_F32, 2, DIMS, values, NULL), WB_OK);
  assert_int_equal(wb_h5_set_text(file, "/x", "note", note, NULL), WB_OK);
  assert_int_equal(wb_h5_set_ints(file, "/x", "grid", (int64_t[]){3, 4}, 2, NULL), WB_OK);
  assert_int_equal(wb_h5_commit(file, NULL), WB_OK);
  file = opened();
  assert_int_equal(wb_h5_digest(file, "/x", digest, NULL), WB_OK);
  wb_h5_close(file);
}

static void digests_are_of_the_content(void **state) {
  (void)state;
  float values[12] = {1, 2, 3};
  char first[WB_DIGEST_SIZE], again[WB_DIGEST_SIZE], other[WB_DIGEST_SIZE];
  digest_of(values, "n", first);
  digest_of(values, "n", again);
  assert_string_equal(first, again);
  /* Spelled out by hand from the definition, so that it cannot drift:
   * sha256("f32\0" + u64 2 + u64 3 + u64 4 + float32 values
   *        + "grid\0int\0" + u64 2 + i64 3 + i64 4 + "note\0text\0" + u64 1 + "n\0") */
  assert_string_equal(first, "3393bf60f7c89673620fe14aeda45054d32d7e4efcd415b34cf2fea21de2546f");
  digest_of(values, "m", other);
  assert_string_not_equal(first, other);
  values[11] = 1e-30f;
  digest_of(values, "n", other);
  assert_string_not_equal(first, other);

  wb_h5 *file = created();
  wb_h5_set_text(file, "/", "state", "training", NULL);
  assert_int_equal(wb_h5_digest(file, "/", first, NULL), WB_OK);
  wb_h5_set_text(file, "/", "state", "complete", NULL);
  assert_int_equal(wb_h5_digest(file, "/", other, NULL), WB_OK);
  assert_string_not_equal(first, other);
  wb_h5_close(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(data_survive, empty_folder),
      cmocka_unit_test_teardown(attributes_survive, empty_folder),
      cmocka_unit_test_teardown(foreign_files_are_read, empty_folder),
      cmocka_unit_test_teardown(a_mapping_shows_the_data, empty_folder),
      cmocka_unit_test_teardown(nothing_appears_before_commit, empty_folder),
      cmocka_unit_test_teardown(bad_files_are_named, empty_folder),
      cmocka_unit_test_teardown(missing_objects_are_named, empty_folder),
      cmocka_unit_test_teardown(digests_are_of_the_content, empty_folder),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
