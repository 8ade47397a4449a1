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

#include "base/rng.h"
#include "text/number.h"
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

static void check_number(double value) {
  char ours[WB_NUMBER_SIZE], theirs[WB_NUMBER_SIZE];
  const size_t length = wb_print_number(value, ours);
  snprintf(theirs, sizeof theirs, "%.9g", value);
  assert_string_equal(ours, theirs);
  assert_int_equal(length, strlen(theirs));
}

/* Numbers of every size, their neighbours, ties and those that round up to another power of ten, beside
 * printf. */
static void test_numbers(void **state) {
  (void)state;
  static const double ties[] = {0,
                                -0.0,
                                0.5,
                                1e-4,
                                9.9999999949e-5,
                                9.9999999951e-5,
                                1e9,
                                999999999.5,
                                999999999.4,
                                99999999.995,
                                100000000.5,
                                100000001.5,
                                0.000244140625,
                                1.0000000005,
                                123456.7890625,
                                INFINITY,
                                -INFINITY,
                                5e-324};
  for (size_t i = 0; i < sizeof ties / sizeof *ties; i++)
    for (int step = -1; step <= 1; step++) {
      const double value = step ? nextafter(ties[i], (double)step * (double)INFINITY) : ties[i];
      check_number(value);
      check_number(-value);
    }
  wb_rng rng = wb_rng_make(7, "numbers", 0);
  for (size_t i = 0; i < 200000; i++) {
    const double uniform = (wb_rng_u32(&rng) + wb_rng_u32(&rng) * 0x1p-32) * 0x1p-32;
    const double scaled = (uniform - 0.5) * pow(10, (int)(i % 24) - 10);
    check_number(scaled);
    check_number((float)scaled);
    check_number(rint(scaled * 64) / 64); // short binary fractions: the ties
    check_number(rint(scaled * 1e4) / 1e4);
  }
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
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells), cmocka_unit_test(test_numbers),
                                     cmocka_unit_test(test_failures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
