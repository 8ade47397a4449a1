/* arrays_h5.c: see arrays_h5.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange/arrays_h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/arrays.h"
#include "hdf5/h5.h"

enum { BLOCK = 32 << 20 }; // bytes

static wb_status copy_blocks(wb_arrays *from, const wb_array *array, wb_h5 *to, const char *object,
                             wb_error *err) {
  const wb_element element = wb_array_element(array);
  uint64_t row = element == WB_U8 ? 1 : element == WB_F32 || element == WB_I32 ? 4 : 8;
  for (uint32_t a = 1; a < array->rank; a++) row *= array->dims[a];
  const uint64_t rows = array->rank ? array->dims[0] : 1;
  if (!rows || !row) return WB_OK;
  const uint64_t fits = row < BLOCK ? BLOCK / row : 1, piece = fits < rows ? fits : rows;
  void *buffer = malloc((size_t)(piece * row));
  if (!buffer) return wb_fail_nomem(err, array->name, piece * row);
  wb_status status = WB_OK;
  for (uint64_t first = 0; first < rows && status == WB_OK; first += piece) {
    const uint64_t count = rows - first < piece ? rows - first : piece;
    status = wb_arrays_read(from, array, element, first, count, buffer, err);
    if (status == WB_OK) status = wb_h5_write_rows(to, object, element, first, count, buffer, err);
  }
  free(buffer);
  return status;
}

static wb_status copy_number(wb_arrays *from, const wb_array *array, wb_h5 *to, const char *object,
                             wb_error *err) {
  const wb_element element = wb_array_element(array);
  double real;
  int64_t whole;
  wb_status status = wb_arrays_read(from, array, WB_F64, 0, 1, &real, err);
  if (status == WB_OK) status = wb_h5_write(to, object, WB_F64, 0, NULL, &real, err);
  if (status != WB_OK) return status;
  if (element == WB_F32 || element == WB_F64) return wb_h5_set_doubles(to, "/", array->name, &real, 1, err);
  status = wb_arrays_read(from, array, WB_I64, 0, 1, &whole, err);
  return status == WB_OK ? wb_h5_set_ints(to, "/", array->name, &whole, 1, err) : status;
}

static wb_status copy_array(wb_arrays *from, const wb_array *array, wb_h5 *to, wb_error *err) {
  if (array->number == WB_NUMBER_OTHER) return WB_OK;
  char object[512];
  if (snprintf(object, sizeof object, "/%s", array->name) >= (int)sizeof object)
    return wb_fail(err, WB_INPUT, "the name %.60s.. of an array is too long", array->name);
  wb_status status = wb_arrays_verify(from, array, err);
  if (status != WB_OK) return status;
  if (!array->rank) return copy_number(from, array, to, object, err);
  status = wb_h5_write(to, object, wb_array_element(array), array->rank, array->dims, NULL, err);
  return status == WB_OK ? copy_blocks(from, array, to, object, err) : status;
}

wb_status wb_arrays_to_h5(const char *source, const char *target, const char *stamp, wb_error *err) {
  wb_arrays *from;
  wb_h5 *to;
  wb_status status = wb_arrays_open(source, &from, err);
  if (status != WB_OK) return status;
  status = wb_h5_create(target, &to, err);
  if (status == WB_OK) {
    status = wb_h5_set_text(to, "/", "source_stamp", stamp, err);
    for (size_t i = 0; i < wb_arrays_count(from) && status == WB_OK; i++)
      status = copy_array(from, wb_arrays_at(from, i), to, err);
    if (status == WB_OK)
      status = wb_h5_commit(to, err);
    else
      wb_h5_close(to);
  }
  wb_arrays_close(from);
  return status;
}
