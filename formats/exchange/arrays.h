/* arrays.h: named arrays in the files of other programs: .safetensors, .npz (stored or deflated) and .npy.
 *
 * Every field of a header is checked against the file before it is believed: whatever the bytes, the answer
 * is an array or a sentence. Arrays are read by rows, in blocks, whatever their order on disk. One thread at
 * a time uses a file. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ARRAYS_H
#define WB_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { WB_ARRAY_RANK = 8 };

typedef enum wb_number {
  WB_NUMBER_OTHER, // text, complex numbers, Python objects, ..: listed, not read
  WB_NUMBER_BOOL,
  WB_NUMBER_U8,
  WB_NUMBER_I8,
  WB_NUMBER_U16,
  WB_NUMBER_I16,
  WB_NUMBER_U32,
  WB_NUMBER_I32,
  WB_NUMBER_U64,
  WB_NUMBER_I64,
  WB_NUMBER_F16,
  WB_NUMBER_BF16,
  WB_NUMBER_F32,
  WB_NUMBER_F64
} wb_number;

typedef struct wb_array {
  const char *name; // of the tensor or member; "data" in a .npy file
  const char *type; // as the file writes it: "F32", "<f4"
  wb_number number;
  uint32_t rank;
  uint64_t dims[WB_ARRAY_RANK];
} wb_array;

typedef struct wb_arrays wb_arrays;

/* Whether a path ends in one of the three names. */
bool wb_arrays_known(const char *path);

/* Reads the headers. WB_INPUT where the file is missing, is none of the three, or its header contradicts
 * itself or the file's size; the message names file, array, what was found and what was expected. Closed with
 * wb_arrays_close. */
wb_status wb_arrays_open(const char *path, wb_arrays **out, wb_error *err);
void wb_arrays_close(wb_arrays *file); // NULL is fine

size_t wb_arrays_count(const wb_arrays *file);
const wb_array *wb_arrays_at(const wb_arrays *file, size_t i);           // in the order of the file
const wb_array *wb_arrays_find(const wb_arrays *file, const char *name); // NULL where there is none
/* A text of the metadata: safetensors' __metadata__, or what wb_npz_write left; NULL where there is none.
 * Owned by the file. */
const char *wb_arrays_metadata(const wb_arrays *file, const char *key);

/* Reads an array once, from end to end, and compares its checksum, where the format has one: .npz. */
wb_status wb_arrays_verify(wb_arrays *file, const wb_array *array, wb_error *err);

/* The element that holds all values of an array: f16 and bf16 become f32, small integers i32. 0 for others.
 */
wb_element wb_array_element(const wb_array *array);

/* Rows first .. first+count-1 along the first axis, row-major, converted to `element`, into `out` (a scalar
 * is one row). WB_INPUT where the data are no numbers, the file ends too early, or an integer was asked for
 * and a value is none or does not fit. */
wb_status wb_arrays_read(wb_arrays *file, const wb_array *array, wb_element element, uint64_t first,
                         uint64_t count, void *out, wb_error *err);

#endif
