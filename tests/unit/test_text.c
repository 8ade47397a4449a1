/* test_text.c: helpers for messages. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static void groups_thousands(void **state) {
  (void)state;
  char text[WB_GROUPED_SIZE];
  assert_string_equal(wb_text_grouped(text, 0), "0");
  assert_string_equal(wb_text_grouped(text, 999), "999");
  assert_string_equal(wb_text_grouped(text, 1000), "1,000");
  assert_string_equal(wb_text_grouped(text, 30730000), "30,730,000");
  assert_string_equal(wb_text_grouped(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void finds_the_nearest_word(void **state) {
  (void)state;
  static const char *const words[] = {"neighbours", "permutations", "seed", "speed"};
  assert_string_equal(wb_text_nearest("neighbors", words, 4), "neighbours"); // one insertion
  assert_string_equal(wb_text_nearest("premutations", words, 4),
                      "permutations"); // a transposition: two edits
  assert_string_equal(wb_text_nearest("sed", words, 4), "seed");
  assert_string_equal(wb_text_nearest("sseed", words, 4), "seed"); // one edit from both: the first
  assert_string_equal(wb_text_nearest("speed", words, 4), "speed");
}

static void far_words_are_no_match(void **state) {
  (void)state;
  static const char *const words[] = {"h5", "permutations"};
  assert_null(wb_text_nearest("colour", words, 2));
  assert_null(wb_text_nearest("", words, 2));
  assert_null(wb_text_nearest("xy", words, 2)); // two edits, but then nothing is left of it
  assert_null(wb_text_nearest("permXXXXXons", words, 2));
  assert_string_equal(wb_text_nearest("permXXXXions", words, 2), "permutations"); // 4 of 12
  assert_null(wb_text_nearest("h5", words, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_thousands),
      cmocka_unit_test(finds_the_nearest_word),
      cmocka_unit_test(far_words_are_no_match),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
