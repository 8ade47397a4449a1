/* heap.h: allocation for the program's own bookkeeping. Where these few bytes cannot be had, the process
 * ends in words: no caller could do better. Data, whose size files decide, is allocated with malloc and
 * checked. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_HEAP_H
#define WB_HEAP_H

#include <stddef.h>

/* Zeroed; freed with free(). */
void *wb_new_bytes(size_t count, size_t size);
#define wb_new(type, count) ((type *)wb_new_bytes((count), sizeof(type)))

/* One more item at the end of an array: returns the array, moved if need be. `count` is how many it holds. */
void *wb_grow_bytes(void *items, size_t count, size_t size);
#define wb_grow(items, count) ((items) = wb_grow_bytes((items), (count), sizeof *(items)))

char *wb_copy(const char *text); // NULL gives NULL
char *wb_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the process when `pointer` is NULL: for libraries that return NULL without memory. */
void *wb_must(void *pointer);

#endif
