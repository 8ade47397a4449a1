/* text.h: small helpers for messages that people read. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TEXT_H
#define WB_TEXT_H

#include <stddef.h>

enum { WB_GROUPED_SIZE = 27 }; // 2^64 - 1 with commas and the terminating NUL

/* Writes `number` with commas between thousands ("30,730,000") and returns `text`. */
const char *wb_text_grouped(char text[WB_GROUPED_SIZE], unsigned long long number);

/* The word that `text` was probably meant to be: the least edit distance (Levenshtein), the first of equals.
 * NULL if none is near: more than a third of the longer one's letters, but at least two, would have to
 * change. */
const char *wb_text_nearest(const char *text, const char *const *words, size_t count);

#endif
