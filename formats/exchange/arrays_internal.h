/* arrays_internal.h: what the readers of the three formats share; see arrays.h. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_ARRAYS_INTERNAL_H
#define WB_ARRAYS_INTERNAL_H

#include <jansson.h>
#include <zlib.h>

#include "exchange/arrays.h"

/* The bytes of one array: a part of the file, perhaps deflated. */
typedef struct wb_bytes {
  uint64_t offset; // in the file, of what is stored
  uint64_t stored; // how many bytes lie there
  uint64_t skip;   // bytes before the array's own: the header of a .npy member
  uint64_t size;   // of header and array, inflated
  bool deflated, has_crc;
  uint32_t crc; // over `size` bytes
} wb_bytes;

typedef struct wb_array_entry {
  wb_array array; // first: a wb_array * of a file points to an entry
  char *name;
  char type[24];
  bool swap;    // the other byte order
  bool columns; // Fortran order: the first axis varies fastest
  wb_bytes bytes;
} wb_array_entry;

/* An inflation under way. */
typedef struct wb_inflation {
  const wb_array_entry *of; // NULL: none
  z_stream stream;
  uint64_t position, taken; // inflated bytes given so far, stored bytes read so far
  uint8_t *buffer;          // of stored bytes
} wb_inflation;

struct wb_arrays {
  char *path;
  int fd;
  uint64_t size;
  wb_array_entry *entries;
  size_t count;
  json_t *metadata; // object of texts, or NULL
  wb_inflation inflation;
};

/* Appends an entry named by `length` bytes of `name`; NULL without memory. Valid until the next. */
wb_array_entry *wb_arrays_append(wb_arrays *file, const char *name, size_t length, wb_error *err);

/* `size` bytes at `offset` of the file. */
wb_status wb_arrays_pread(const wb_arrays *file, uint64_t offset, void *out, size_t size, wb_error *err);
/* `size` bytes of an entry, inflated, from `offset` on, its header included. */
wb_status wb_entry_read(wb_arrays *file, const wb_array_entry *entry, uint64_t offset, void *out, size_t size,
                        wb_error *err);
void wb_inflation_end(wb_inflation *inflation);

size_t wb_number_size(wb_number number);
/* Product of the dims and the number's size; false where that is no size at all. */
bool wb_array_bytes(const wb_array *array, uint64_t *bytes);

/* The formats: fill file->entries. */
wb_status wb_safetensors_read(wb_arrays *file, wb_error *err);
wb_status wb_npz_read(wb_arrays *file, wb_error *err);
wb_status wb_npy_read(wb_arrays *file, wb_error *err);

/* Reads the .npy header at the beginning of an entry whose bytes are known, and checks that the rest is just
 * the array. */
wb_status wb_npy_header(wb_arrays *file, wb_array_entry *entry, wb_error *err);

#endif
