/* text.c: see text.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_WORD = 64 };

const char *wb_text_grouped(char text[WB_GROUPED_SIZE], unsigned long long number) {
  char digits[WB_GROUPED_SIZE];
  const int count = snprintf(digits, sizeof digits, "%llu", number);
  char *out = text;
  for (int i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0) *out++ = ',';
    *out++ = digits[i];
  }
  *out = '\0';
  return text;
}

/* Edit distance by the usual table, of which one row is kept; b has at most LONGEST_WORD letters. */
static size_t distance(const char *a, const char *b) {
  size_t row[LONGEST_WORD + 1];
  const size_t width = strlen(b);
  for (size_t j = 0; j <= width; j++) row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= width; j++) {
      const size_t swap = diagonal + (a[i - 1] != b[j - 1]);
      const size_t edge = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = swap < edge ? swap : edge;
    }
  }
  return row[width];
}

const char *wb_text_nearest(const char *text, const char *const *words, size_t count) {
  const char *best = NULL;
  size_t least = (size_t)-1;
  for (size_t i = 0; i < count; i++) {
    const size_t length = strlen(words[i]), typed = strlen(text);
    if (length > LONGEST_WORD) continue;
    const size_t longer = length > typed ? length : typed, d = distance(text, words[i]);
    const size_t allowed = longer / 3 > 2 ? longer / 3 : 2;
    if (d > allowed || d >= longer || d >= least) continue;
    best = words[i];
    least = d;
  }
  return best;
}
