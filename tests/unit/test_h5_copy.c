/* test_h5_copy.c: objects and attributes that go from one file to another.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hdf5/h5.h"

static char folder[] = "/tmp/workbench-copy-XXXXXX";
static char source[64], target[64];

static int write_source(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(source, sizeof source, "%s/from.h5", folder);
  snprintf(target, sizeof target, "%s/to.h5", folder);
  static const float values[] = {1, 2, 3};
  static const char *const texts[] = {"a", "", "third"};
  const uint64_t dims[] = {3};
  const double numbers[] = {0.5, -1};
  wb_h5 *file;
  if (wb_h5_create(source, &file, NULL) != WB_OK) return -1;
  wb_h5_write(file, "/model/x.weight", WB_F32, 1, dims, values, NULL);
  wb_h5_set_texts(file, "/model/x.weight", "names", texts, 3, NULL);
  wb_h5_set_text(file, "/model", "arch", "cnn", NULL);
  for (char name[] = "a"; *name < 'a' + 12; ++*name) wb_h5_set_text(file, "/model", name, "many", NULL);
  wb_h5_soft_link(file, "/model/link", "/model/x.weight", NULL);
  wb_h5_set_text(file, "/", "state", "complete", NULL);
  wb_h5_set_texts(file, "/", "factors", texts, 3, NULL);
  wb_h5_set_doubles(file, "/", "numbers", numbers, 2, NULL);
  wb_h5_set_ints(file, "/", "seed", (const int64_t[]){7}, 1, NULL);
  wb_h5_set_texts(file, "/", "none", texts, 0, NULL);
  return wb_h5_commit(file, NULL) == WB_OK ? 0 : -1;
}

static int remove_files(void **state) {
  (void)state;
  unlink(source);
  unlink(target);
  return rmdir(folder);
}

static void same_digest(const wb_h5 *a, const char *object, const wb_h5 *b, const char *other) {
  char x[WB_DIGEST_SIZE], y[WB_DIGEST_SIZE];
  assert_int_equal(wb_h5_digest(a, object, x, NULL), WB_OK);
  assert_int_equal(wb_h5_digest(b, other, y, NULL), WB_OK);
  assert_string_equal(x, y);
}

static void copies_are_equal(void **state) {
  (void)state;
  wb_h5 *from, *to;
  assert_int_equal(wb_h5_open(source, &from, NULL), WB_OK);
  assert_int_equal(wb_h5_create(target, &to, NULL), WB_OK);
  assert_int_equal(wb_h5_copy(from, "/model", to, NULL), WB_OK);
  same_digest(from, "/model", to, "/model");
  same_digest(from, "/model/x.weight", to, "/model/x.weight");
  assert_true(wb_h5_exists(to, "/model/link"));
  assert_int_equal(wb_h5_copy_attributes(from, "/", to, NULL), WB_OK);
  same_digest(from, "/", to, "/");
  wb_h5_close(from);
  wb_h5_close(to);
}

static void attributes_that_are_there_stay(void **state) {
  (void)state;
  wb_h5 *from, *to;
  assert_int_equal(wb_h5_open(source, &from, NULL), WB_OK);
  assert_int_equal(wb_h5_create(target, &to, NULL), WB_OK);
  wb_h5_set_text(to, "/", "state", "mine", NULL);
  assert_int_equal(wb_h5_copy_attributes(from, "/", to, NULL), WB_OK);
  char *text;
  assert_int_equal(wb_h5_get_text(to, "/", "state", &text, NULL), WB_OK);
  assert_string_equal(text, "mine");
  free(text);
  assert_true(wb_h5_has_attribute(to, "/", "factors"));
  wb_error err = {0};
  assert_int_equal(wb_h5_copy(from, "/nothing", to, &err), WB_INPUT);
  assert_non_null(strstr(err.message, "/nothing"));
  wb_h5_close(from);
  wb_h5_close(to);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(copies_are_equal),
                                     cmocka_unit_test(attributes_that_are_there_stay)};
  return cmocka_run_group_tests(tests, write_source, remove_files);
}
