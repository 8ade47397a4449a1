/* test_arena.c: places of arrays against the definition. SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "arena.h"
#include "base/rng.h"

/* The most bytes in use at any tick: no arena can be smaller. */
static size_t most_in_use(const wb_span *spans, int count, int ticks) {
  size_t most = 0;
  for (int t = 0; t < ticks; t++) {
    size_t sum = 0;
    for (int i = 0; i < count; i++)
      if (spans[i].first <= t && t <= spans[i].last) sum += (spans[i].bytes + 63) / 64 * 64;
    if (sum > most) most = sum;
  }
  return most;
}

static void check(const wb_span *spans, int count, size_t size) {
  for (int i = 0; i < count; i++) {
    assert_true(spans[i].offset % 64 == 0 && spans[i].offset + spans[i].bytes <= size);
    for (int j = 0; j < i; j++) {
      const wb_span *a = &spans[i], *b = &spans[j];
      const bool together = a->first <= b->last && b->first <= a->last;
      const bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
      assert_true(!together || apart);
    }
  }
}

static void test_random(void **state) {
  (void)state;
  enum { MOST = 60, TICKS = 40 };
  for (uint64_t round = 0; round < 300; round++) {
    wb_rng rng = wb_rng_make(1, "spans", round);
    wb_span spans[MOST];
    const int count = (int)(wb_rng_u32(&rng) % (MOST + 1));
    for (int i = 0; i < count; i++) {
      const int a = (int)(wb_rng_u32(&rng) % TICKS), b = (int)(wb_rng_u32(&rng) % TICKS);
      spans[i] = (wb_span){wb_rng_u32(&rng) % 1000, a < b ? a : b, a < b ? b : a, 0};
    }
    const size_t size = wb_arena_place(spans, count), least = most_in_use(spans, count, TICKS);
    check(spans, count, size);
    assert_true(size >= least && (double)size <= 1.5 * (double)least);
  }
}

/* By hand: 0 and 2 never meet, nor do 1 and 3. */
static void test_chain(void **state) {
  (void)state;
  wb_span spans[] = {{640, 0, 1, 9}, {320, 1, 2, 9}, {640, 2, 3, 9}, {320, 3, 4, 9}};
  assert_int_equal(wb_arena_place(spans, 4), 960);
  assert_int_equal(spans[0].offset, 0);
  assert_int_equal(spans[1].offset, 640);
  assert_int_equal(spans[2].offset, 0);
  assert_int_equal(spans[3].offset, 640);
  assert_int_equal(wb_arena_place(spans, 0), 0);
  wb_span empty[] = {{0, 0, 5, 9}, {1, 0, 5, 9}};
  assert_int_equal(wb_arena_place(empty, 2), 64);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_chain)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
