/* heap.c: see heap.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"

void *wb_must(void *pointer) {
  if (pointer) return pointer;
  fputs("workbench: not enough memory\n", stderr);
  exit(WB_EXIT_FAILED);
}

void *wb_new_bytes(size_t count, size_t size) {
  return wb_must(calloc(count ? count : 1, size));
}

/* Doubles at powers of two, so that the capacity follows from the count. */
void *wb_grow_bytes(void *items, size_t count, size_t size) {
  if (count & (count - 1)) return items;
  void *moved = wb_must(realloc(items, (count ? 2 * count : 1) * size));
  memset((char *)moved + count * size, 0, (count ? count : 1) * size);
  return moved;
}

char *wb_copy(const char *text) {
  return text ? wb_must(strdup(text)) : NULL;
}

char *wb_format(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) text = NULL;
  va_end(args);
  return wb_must(text);
}
