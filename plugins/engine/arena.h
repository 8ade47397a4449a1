/* arena.h: which of many short-lived arrays may lie in the same memory. Pure.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ARENA_H
#define WB_ARENA_H

#include <stddef.h>

/* An array that is in use from tick `first` to tick `last`, both included. */
typedef struct wb_span {
  size_t bytes;
  int first, last;
  size_t offset; // where it lies, a multiple of 64; filled by wb_arena_place
} wb_span;

/* Gives each span a place that it shares with no span of the same tick; returns the bytes needed in all. */
size_t wb_arena_place(wb_span *spans, int count);

#endif
