/* test_runfile.c: run files: factors, activations, digests, and files of other kinds and versions.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hdf5/runfile.h"

static char path[] = "/tmp/workbench-runfile-XXXXXX";

static int make_path(void **state) {
  (void)state;
  const int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
  (void)state;
  return unlink(path);
}

#define assert_said(err, part)                                                                               \
  do {                                                                                                       \
    if (!strstr((err).message, part)) fail_msg("no '%s' in: %s", part, (err).message);                       \
  } while (0)

static const float EMBEDDING[6] = {1, 2, 3, 4, 5, 6}, LOGITS[4] = {1, 0, 0, 1};

/* A complete run file as training writes it, but tiny. */
static void write_run(const char *state) {
  static const int32_t labels[2] = {0, 1};
  static const int64_t index[2] = {7, 9};
  static const char *const classes[] = {"cat", "ship"}, *const superclasses[] = {"animate", "inanimate"};
  static const wb_runfile_factor factors[] = {{.name = "objective", .text = "ce"},
                                              {.name = "rho", .type = WB_FACTOR_FLOAT, .real = 0.2},
                                              {.name = "third", .type = WB_FACTOR_FLOAT, .real = 1.0 / 3},
                                              {.name = "lambda", .type = WB_FACTOR_FLOAT, .real = 5},
                                              {.name = "seed", .type = WB_FACTOR_INT, .whole = 4294967295}};
  const wb_runfile_activations a = {.split = "test",
                                    .count = 2,
                                    .units = 3,
                                    .classes = 2,
                                    .rows = 1,
                                    .cols = 3,
                                    .embedding = EMBEDDING,
                                    .logits = LOGITS,
                                    .labels = labels,
                                    .index = index,
                                    .class_names = classes,
                                    .superclass_names = superclasses,
                                    .data_spec = "builtin",
                                    .data_digest = "00"};
  wb_h5 *file;
  wb_error err = {0};
  assert_int_equal(wb_runfile_create(path, &file, &err), WB_OK);
  assert_int_equal(wb_runfile_write_factors(file, factors, 5, &err), WB_OK);
  assert_int_equal(wb_h5_make_group(file, "/config", &err), WB_OK);
  assert_int_equal(wb_h5_set_text(file, "/config", "epochs", "12", &err), WB_OK);
  assert_int_equal(wb_h5_write(file, "/model/fc.weight", WB_F32, 1, (uint64_t[]){6}, EMBEDDING, &err), WB_OK);
  assert_int_equal(wb_runfile_write_activations(file, &a, &err), WB_OK);
  assert_int_equal(wb_runfile_commit(file, state, &err), WB_OK);
}

static wb_h5 *opened(void) {
  wb_h5 *file;
  wb_error err = {0};
  if (wb_runfile_open(path, &file, &err) != WB_OK) fail_msg("%s", err.message);
  return file;
}

static void factors_read_as_they_were_written(void **state) {
  (void)state;
  static const char *const expected[][2] = {{"objective", "ce"},
                                            {"rho", "0.2"},
                                            {"third", "0.3333333333333333"},
                                            {"lambda", "5"},
                                            {"seed", "4294967295"}};
  write_run("complete");
  wb_h5 *file = opened();
  char **names, **values;
  size_t count;
  bool complete = false;
  assert_int_equal(wb_runfile_is_complete(file, &complete, NULL), WB_OK);
  assert_true(complete);
  assert_int_equal(wb_runfile_read_factors(file, &names, &values, &count, NULL), WB_OK);
  assert_int_equal(count, 5);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(names[i], expected[i][0]);
    assert_string_equal(values[i], expected[i][1]);
  }
  wb_h5_free_texts(names, count);
  wb_h5_free_texts(values, count);
  wb_h5_close(file);

  write_run("training");
  file = opened();
  assert_int_equal(wb_runfile_is_complete(file, &complete, NULL), WB_OK);
  assert_false(complete);
  wb_h5_close(file);
}

static void activations_carry_grid_and_names(void **state) {
  (void)state;
  write_run("complete");
  wb_h5 *file = opened();
  float embedding[6];
  int64_t grid[2], index[2];
  size_t count;
  char **names, *text;
  assert_int_equal(wb_h5_read(file, "/activations/test/embedding", WB_F32, embedding, NULL), WB_OK);
  assert_memory_equal(embedding, EMBEDDING, sizeof embedding);
  assert_int_equal(wb_h5_get_ints(file, "/activations/test/embedding", "grid", grid, 2, &count, NULL), WB_OK);
  assert_true(count == 2 && grid[0] == 1 && grid[1] == 3);
  assert_int_equal(wb_h5_read(file, "/activations/test/index", WB_I64, index, NULL), WB_OK);
  assert_true(index[0] == 7 && index[1] == 9);
  assert_int_equal(wb_h5_get_texts(file, "/activations/test/labels", "classes", &names, &count, NULL), WB_OK);
  assert_int_equal(count, 2);
  assert_string_equal(names[1], "ship");
  wb_h5_free_texts(names, count);
  assert_int_equal(wb_h5_get_texts(file, "/activations/test/labels", "superclasses", &names, &count, NULL),
                   WB_OK);
  assert_string_equal(names[0], "animate");
  wb_h5_free_texts(names, count);
  assert_int_equal(wb_h5_get_text(file, "/activations/test", "data_spec", &text, NULL), WB_OK);
  assert_string_equal(text, "builtin");
  free(text);
  assert_false(wb_h5_exists(file, "/activations/test/stimulus_id")); // none were given
  wb_h5_close(file);
}

static size_t changed_count(const char *first) {
  wb_h5 *file = opened();
  char **changed;
  size_t count;
  assert_int_equal(wb_runfile_verify(file, &changed, &count, NULL), WB_OK);
  if (first && count) assert_string_equal(changed[0], first);
  wb_h5_free_texts(changed, count);
  wb_h5_close(file);
  return count;
}

static void digests_notice_any_change(void **state) {
  (void)state;
  write_run("complete");
  assert_int_equal(changed_count(NULL), 0);

  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT); // one logit
  hid_t data = H5Dopen2(file, "/activations/test/logits", H5P_DEFAULT);
  const float other[4] = {1, 0, 0, 1.0000001f};
  H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, other);
  H5Dclose(data);
  H5Fclose(file);
  assert_int_equal(changed_count("/activations/test/logits"), 1);

  write_run("complete");
  file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT); // the grid
  data = H5Dopen2(file, "/activations/test/embedding", H5P_DEFAULT);
  hid_t attribute = H5Aopen(data, "grid", H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_INT64, (int64_t[]){3, 1});
  H5Aclose(attribute);
  H5Dclose(data);
  H5Fclose(file);
  assert_int_equal(changed_count("/activations/test/embedding"), 1);

  write_run("complete");
  file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT); // a factor
  attribute = H5Aopen(file, "rho", H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_DOUBLE, (double[]){1});
  H5Aclose(attribute);
  H5Fclose(file);
  assert_int_equal(changed_count("/"), 1);

  write_run("complete");
  file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT); // labels gone, and something new
  H5Ldelete(file, "/activations/test/labels", H5P_DEFAULT);
  hid_t space = H5Screate(H5S_SCALAR);
  H5Dclose(H5Dcreate2(file, "/extra", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
  H5Fclose(file);
  assert_int_equal(changed_count("/extra"), 2);
}

static void other_files_are_told_apart(void **state) {
  (void)state;
  wb_h5 *file;
  wb_error err = {0};
  bool is_run = true;
  char **names, **values;
  size_t count;
  assert_int_equal(wb_h5_create(path, &file, &err), WB_OK); // plain HDF5
  assert_int_equal(wb_h5_write(file, "/fc", WB_F32, 1, (uint64_t[]){6}, EMBEDDING, &err), WB_OK);
  assert_int_equal(wb_h5_commit(file, &err), WB_OK);
  assert_int_equal(wb_runfile_open(path, &file, &err), WB_INPUT);
  assert_said(err, "is no run file");
  assert_null(file);
  err = (wb_error){0};
  assert_int_equal(wb_h5_open(path, &file, &err), WB_OK);
  assert_int_equal(wb_runfile_check(file, &is_run, &err), WB_OK);
  assert_false(is_run);
  assert_int_equal(wb_runfile_read_factors(file, &names, &values, &count, &err), WB_OK);
  assert_int_equal(count, 0);
  wb_h5_close(file);

  assert_int_equal(wb_h5_create(path, &file, &err), WB_OK); // another kind of ours
  assert_int_equal(wb_h5_set_text(file, "/", "schema", "workbench.values/1", &err), WB_OK);
  assert_int_equal(wb_runfile_check(file, &is_run, &err), WB_OK);
  assert_false(is_run);
  wb_h5_close(file);

  assert_int_equal(wb_h5_create(path, &file, &err), WB_OK); // from the future
  assert_int_equal(wb_h5_set_text(file, "/", "schema", "workbench.run/2", &err), WB_OK);
  assert_int_equal(wb_h5_commit(file, &err), WB_OK);
  assert_int_equal(wb_runfile_open(path, &file, &err), WB_INPUT);
  assert_said(err, "has the schema workbench.run/2; this program reads workbench.run/1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(factors_read_as_they_were_written),
      cmocka_unit_test(activations_carry_grid_and_names),
      cmocka_unit_test(digests_notice_any_change),
      cmocka_unit_test(other_files_are_told_apart),
  };
  return cmocka_run_group_tests(tests, make_path, remove_path);
}
