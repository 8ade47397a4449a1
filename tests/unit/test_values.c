/* test_values.c: values in memory and in HDF5. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "values.h"

static char folder[] = "/tmp/wb_values_XXXXXX", path[64];

static int setup(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/values.h5", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

static void add(wb_values *values, wb_value value) {
  wb_error err = {0};
  if (wb_values_add(values, &value, &err) != WB_OK) fail_msg("%s", err.message);
}

/* One value of every shape, with everything optional, and the awkward ones. */
static void fill(wb_values *values) {
  add(values, (wb_value){.name = "i", .shape = WB_SCALAR, .data = (double[]){0.1 + 0.2}});
  add(values, (wb_value){.name = "inf", .shape = WB_SCALAR, .data = (double[]){-INFINITY}});
  add(values,
      (wb_value){.name = "gone", .shape = WB_CURVE, .missing = "no pair of units, \"r\" \xe2\x89\xa5 0.8"});
  add(values, (wb_value){.name = "curve", .shape = WB_CURVE, .rows = 3, .data = (double[]){1, NAN, 3}});
  add(values, (wb_value){.name = "empty", .shape = WB_CURVE});
  add(values, (wb_value){.name = "map",
                         .shape = WB_MATRIX,
                         .rows = 2,
                         .cols = 6,
                         .data = (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                         .row_labels = (char *[]){"a b", ""},
                         .col_labels = (char *[]){"1", "2", "3", "4", "\xc3\xa9", "'\"\\"},
                         .grid_rows = 2,
                         .grid_cols = 3});
  add(values, (wb_value){.name = "none", .shape = WB_MATRIX, .rows = 0, .cols = 4});
  add(values, (wb_value){.name = "points",
                         .shape = WB_POINTS,
                         .rows = 2,
                         .data = (double[]){0, 1, 2, 3},
                         .classes = (int32_t[]){1, 0},
                         .class_count = 2,
                         .class_names = (char *[]){"cat", "truck"},
                         .superclass_names = (char *[]){"animate", "inanimate"}});
  add(values, (wb_value){.name = "hist",
                         .shape = WB_HISTOGRAM,
                         .rows = 2,
                         .data = (double[]){4, 5},
                         .x = (double[]){0, 1, 3}});
}

static void assert_same_texts(char **a, char **b, size_t count) {
  assert_int_equal(a != NULL, b != NULL);
  for (size_t i = 0; a && i < count; i++) assert_string_equal(a[i], b[i]);
}

static void assert_same(const wb_values *a, const wb_values *b) {
  assert_int_equal(a->count, b->count);
  for (size_t i = 0; i < a->count; i++) {
    const wb_value *v = &a->items[i], *w = &b->items[i];
    size_t data = 0, x = 0;
    assert_string_equal(v->name, w->name);
    assert_int_equal(v->shape, w->shape);
    assert_int_equal(v->missing != NULL, w->missing != NULL);
    if (v->missing) {
      assert_string_equal(v->missing, w->missing);
      continue;
    }
    assert_true(v->rows == w->rows && v->cols == w->cols);
    assert_true(v->grid_rows == w->grid_rows && v->grid_cols == w->grid_cols &&
                v->class_count == w->class_count);
    assert_int_equal(wb_value_sizes(v, &data, &x, NULL), WB_OK);
    assert_memory_equal(v->data, w->data, data * sizeof(double));
    if (x) assert_memory_equal(v->x, w->x, x * sizeof(double));
    assert_int_equal(v->classes != NULL, w->classes != NULL);
    if (v->classes) assert_memory_equal(v->classes, w->classes, v->rows * sizeof(int32_t));
    assert_same_texts(v->row_labels, w->row_labels, v->rows);
    assert_same_texts(v->col_labels, w->col_labels, v->cols);
    assert_same_texts(v->class_names, w->class_names, v->class_count);
    assert_same_texts(v->superclass_names, w->superclass_names, v->class_count);
  }
}

static void test_memory(void **state) {
  (void)state;
  wb_values values = {0};
  fill(&values);
  const wb_value *curve = wb_values_find(&values, "curve");
  assert_non_null(curve);
  assert_true(curve->x[0] == 0 && curve->x[2] == 2 && curve->cols == 1);
  assert_true(wb_values_find(&values, "points")->cols == 2);
  assert_null(wb_values_find(&values, "curv"));
  wb_values_free(&values);
  assert_int_equal(values.count, 0);
  wb_values_free(NULL);
}

static void test_refusals(void **state) {
  (void)state;
  wb_values values = {0};
  fill(&values);
  const size_t count = values.count;
  double number = 1;
  const wb_value bad[] = {
      {.name = "i", .shape = WB_SCALAR, .data = &number}, // there already
      {.name = "a/b", .shape = WB_SCALAR, .data = &number},
      {.name = "..", .shape = WB_SCALAR, .data = &number},
      {.name = "", .shape = WB_SCALAR, .data = &number},
      {.name = "shape", .shape = 99, .data = &number},
      {.name = "bare", .shape = WB_SCALAR},
      {.name = "edges", .shape = WB_HISTOGRAM, .rows = 1, .data = &number},
      {.name = "huge", .shape = WB_MATRIX, .rows = SIZE_MAX / 4, .cols = 8, .data = &number}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    wb_error err = {0};
    assert_int_equal(wb_values_add(&values, &bad[i], &err), WB_INTERNAL);
    assert_true(err.message[0] != '\0');
  }
  assert_int_equal(values.count, count);
  wb_values_free(&values);
}

static void test_file(void **state) {
  (void)state;
  wb_values values = {0}, back = {0};
  wb_error err = {0};
  fill(&values);
  if (wb_values_write(path, &values, &err) != WB_OK || wb_values_read(path, &back, &err) != WB_OK)
    fail_msg("%s", err.message);
  assert_same(&values, &back);
  wb_values_free(&back);
  wb_values_free(&values);
  assert_int_equal(wb_values_write(path, &values, &err), WB_OK); // nothing emitted
  assert_int_equal(wb_values_read(path, &back, &err), WB_OK);
  assert_int_equal(back.count, 0);
  wb_values_free(&back);
}

static void test_group(void **state) {
  (void)state;
  wb_values values = {0}, back = {0};
  wb_error err = {0};
  wb_h5 *file = NULL;
  fill(&values);
  assert_int_equal(wb_h5_create(path, &file, &err), WB_OK);
  assert_int_equal(wb_values_put(file, "/runs/3", &values, &err), WB_OK);
  assert_int_equal(wb_h5_commit(file, &err), WB_OK);
  assert_int_equal(wb_h5_open(path, &file, &err), WB_OK);
  assert_int_equal(wb_values_get(file, "/runs/3", &back, &err), WB_OK);
  assert_same(&values, &back);
  wb_values_free(&back);
  wb_h5_close(file);
  assert_int_equal(wb_values_read(path, &back, &err), WB_INPUT); // the root holds none
  assert_non_null(strstr(err.message, path));
  assert_int_equal(back.count, 0);
  wb_values_free(&values);
}

static void test_many_labels(void **state) {
  (void)state;
  enum { N = 10000 };
  static char text[N][8], *labels[N];
  static double data[N];
  for (int i = 0; i < N; i++) {
    snprintf(text[i], sizeof text[i], "%d", i);
    labels[i] = text[i];
    data[i] = i;
  }
  wb_values values = {0}, back = {0};
  wb_error err = {0};
  add(&values,
      (wb_value){.name = "m", .shape = WB_MATRIX, .rows = N, .cols = 1, .data = data, .row_labels = labels});
  if (wb_values_write(path, &values, &err) != WB_OK || wb_values_read(path, &back, &err) != WB_OK)
    fail_msg("%s", err.message);
  assert_same(&values, &back);
  wb_values_free(&back);
  wb_values_free(&values);
}

static void test_unreadable(void **state) {
  (void)state;
  wb_values back = {0};
  wb_error err = {0};
  assert_int_equal(wb_values_read("/nowhere/values.h5", &back, &err), WB_INPUT);
  FILE *file = fopen(path, "w");
  fputs("not HDF5", file);
  fclose(file);
  err = (wb_error){0};
  assert_int_equal(wb_values_read(path, &back, &err), WB_INPUT);
  assert_int_equal(back.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory),      cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_file),        cmocka_unit_test(test_group),
                                     cmocka_unit_test(test_many_labels), cmocka_unit_test(test_unreadable)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
