/* test_tsv.c: tables as text. SPDX-License-Identifier: GPL-3.0-or-later */
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

#include "text/tsv.h"

static void test_cells(void **state) {
  (void)state;
  char path[] = "/tmp/wb_tsv_XXXXXX", text[512] = "";
  close(mkstemp(path));
  wb_tsv *table = NULL;
  assert_int_equal(wb_tsv_create(path, &table, NULL), WB_OK);
  wb_tsv_text(table, "name");
  wb_tsv_text(table, "value");
  wb_tsv_end_row(table);
  wb_tsv_text(table, "tab\there, line\nbreak\r, back\\slash, \"quoted\" # \xc3\xa9");
  wb_tsv_number(table, 1.0 / 3);
  wb_tsv_end_row(table);
  wb_tsv_text(table, NULL);
  wb_tsv_number(table, NAN);
  wb_tsv_number(table, -INFINITY);
  wb_tsv_number(table, 1e-300);
  wb_tsv_integer(table, INT64_MIN);
  wb_tsv_end_row(table);
  assert_int_equal(wb_tsv_close(table, NULL), WB_OK);
  FILE *file = fopen(path, "r");
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  unlink(path);
  assert_string_equal(text, "name\tvalue\n"
                            "tab\\there, line\\nbreak\\r, back\\\\slash, \"quoted\" # \xc3\xa9\t0.333333333\n"
                            "\t\t-inf\t1e-300\t-9223372036854775808\n");
}

static void test_failures(void **state) {
  (void)state;
  wb_tsv *table = NULL;
  wb_error err = {0};
  assert_int_equal(wb_tsv_create("/nowhere/table.tsv", &table, &err), WB_IO);
  assert_non_null(strstr(err.message, "/nowhere/table.tsv"));
  assert_null(table);
  assert_int_equal(wb_tsv_close(NULL, &err), WB_OK);
  if (access("/dev/full", W_OK) != 0) return;
  err = (wb_error){0};
  assert_int_equal(wb_tsv_create("/dev/full", &table, &err), WB_OK);
  wb_tsv_text(table, "no room");
  wb_tsv_end_row(table);
  assert_int_equal(wb_tsv_close(table, &err), WB_IO);
  assert_non_null(strstr(err.message, "/dev/full"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells), cmocka_unit_test(test_failures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
