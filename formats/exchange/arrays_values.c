/* arrays_values.c: the values of arrays, see arrays.h: element types, byte order, order of axes.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/arrays_internal.h"

size_t wb_number_size(wb_number number) {
  switch (number) {
  case WB_NUMBER_BOOL:
  case WB_NUMBER_U8:
  case WB_NUMBER_I8:
    return 1;
  case WB_NUMBER_U16:
  case WB_NUMBER_I16:
  case WB_NUMBER_F16:
  case WB_NUMBER_BF16:
    return 2;
  case WB_NUMBER_U32:
  case WB_NUMBER_I32:
  case WB_NUMBER_F32:
    return 4;
  case WB_NUMBER_U64:
  case WB_NUMBER_I64:
  case WB_NUMBER_F64:
    return 8;
  case WB_NUMBER_OTHER:
    break;
  }
  return 0;
}

wb_element wb_array_element(const wb_array *array) {
  switch (array->number) {
  case WB_NUMBER_BOOL:
  case WB_NUMBER_U8:
    return WB_U8;
  case WB_NUMBER_I8:
  case WB_NUMBER_U16:
  case WB_NUMBER_I16:
  case WB_NUMBER_I32:
    return WB_I32;
  case WB_NUMBER_U32:
  case WB_NUMBER_U64:
  case WB_NUMBER_I64:
    return WB_I64;
  case WB_NUMBER_F16:
  case WB_NUMBER_BF16:
  case WB_NUMBER_F32:
    return WB_F32;
  case WB_NUMBER_F64:
    return WB_F64;
  case WB_NUMBER_OTHER:
    break;
  }
  return (wb_element)0;
}

bool wb_array_bytes(const wb_array *array, uint64_t *bytes) {
  *bytes = wb_number_size(array->number);
  for (uint32_t a = 0; a < array->rank; a++)
    if (__builtin_mul_overflow(*bytes, array->dims[a], bytes)) return false;
  return *bytes <= INT64_MAX;
}

static void swap_bytes(uint8_t *data, size_t count, size_t size) {
  for (size_t i = 0; i < count; i++) {
    uint8_t *item = data + i * size;
    for (size_t b = 0; b < size / 2; b++) {
      const uint8_t kept = item[b];
      item[b] = item[size - 1 - b];
      item[size - 1 - b] = kept;
    }
  }
}

static float from_half(uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const double magnitude = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                           : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                          : ldexp(fraction, -24);
  return (float)(h & 0x8000 ? -magnitude : magnitude);
}

#define ITEM(type)                                                                                           \
  type v;                                                                                                    \
  memcpy(&v, item, sizeof v)

/* A floating-point value. */
static double real_value(const uint8_t *item, wb_number number) {
  if (number == WB_NUMBER_F16) {
    ITEM(uint16_t);
    return (double)from_half(v);
  }
  if (number == WB_NUMBER_BF16) {
    ITEM(uint16_t);
    const uint32_t bits = (uint32_t)v << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return (double)wide;
  }
  if (number == WB_NUMBER_F32) {
    ITEM(float);
    return (double)v;
  }
  ITEM(double);
  return v;
}

/* An integer; false where it exceeds the 64 bits of the answer. */
static bool whole_value(const uint8_t *item, wb_number number, int64_t *out) {
  switch (number) {
  case WB_NUMBER_BOOL:
    *out = *item != 0;
    return true;
  case WB_NUMBER_U8:
    *out = *item;
    return true;
  case WB_NUMBER_I8:
    *out = *item < 128 ? *item : *item - 256;
    return true;
  case WB_NUMBER_U16: {
    ITEM(uint16_t);
    *out = v;
    return true;
  }
  case WB_NUMBER_I16: {
    ITEM(int16_t);
    *out = v;
    return true;
  }
  case WB_NUMBER_U32: {
    ITEM(uint32_t);
    *out = v;
    return true;
  }
  case WB_NUMBER_I32: {
    ITEM(int32_t);
    *out = v;
    return true;
  }
  case WB_NUMBER_U64: {
    ITEM(uint64_t);
    *out = (int64_t)v;
    return v <= INT64_MAX;
  }
  default: {
    ITEM(int64_t);
    *out = v;
    return true;
  }
  }
}

static bool is_real(wb_number number) {
  return number >= WB_NUMBER_F16;
}

/* Puts a value where it belongs; false where an integer cannot hold it. */
static bool put(void *out, size_t at, wb_element element, const uint8_t *item, wb_number number) {
  int64_t whole = 0;
  double real = 0;
  if (is_real(number)) {
    real = real_value(item, number);
    if (element == WB_F32 || element == WB_F64)
      whole = 0;
    else if (!(real >= -0x1p63 && real < 0x1p63) || real != floor(real))
      return false;
    else
      whole = (int64_t)real;
  } else {
    const bool fits = whole_value(item, number, &whole);
    real = (double)whole;
    if (!fits && element != WB_F32 && element != WB_F64) return false;
    if (!fits) real += 0x1p64;
  }
  switch (element) {
  case WB_F32:
    ((float *)out)[at] = (float)real;
    return true;
  case WB_F64:
    ((double *)out)[at] = real;
    return true;
  case WB_I64:
    ((int64_t *)out)[at] = whole;
    return true;
  case WB_I32:
    ((int32_t *)out)[at] = (int32_t)whole;
    return whole >= INT32_MIN && whole <= INT32_MAX;
  case WB_U8:
    ((uint8_t *)out)[at] = (uint8_t)whole;
    return whole >= 0 && whole <= UINT8_MAX;
  }
  return false;
}

/* `count` values as they lie in the file to out[at], out[at + step], .. */
static wb_status convert(const wb_arrays *file, const wb_array_entry *entry, uint8_t *raw, size_t count,
                         wb_element element, void *out, size_t at, size_t step, wb_error *err) {
  const wb_number number = entry->array.number;
  const size_t size = wb_number_size(number);
  if (entry->swap) swap_bytes(raw, count, size);
  if (number == WB_NUMBER_F32 && element == WB_F32 && step == 1) {
    memcpy((float *)out + at, raw, count * sizeof(float));
    return WB_OK;
  }
  for (size_t i = 0; i < count; i++)
    if (!put(out, at + i * step, element, raw + i * size, number))
      return wb_fail(err, WB_INPUT, "%s: %s holds a number that is no integer or out of range", file->path,
                     entry->name);
  return WB_OK;
}

/* Where the value at position `column` of the axes but the first, counted in Fortran order, belongs in a row.
 */
static uint64_t place_in_row(const wb_array *array, uint64_t column) {
  uint64_t place = 0, stride = 1;
  for (uint32_t a = array->rank; a-- > 1;) stride *= array->dims[a];
  for (uint32_t a = 1; a < array->rank; a++) {
    stride /= array->dims[a];
    place += column % array->dims[a] * stride;
    column /= array->dims[a];
  }
  return place;
}

/* Reads pieces of at most PIECE values, so that any number of rows takes little memory beside `out`. */
enum { PIECE = 1 << 18 };

static wb_status read_run(wb_arrays *file, const wb_array_entry *entry, uint8_t *raw, uint64_t from,
                          uint64_t count, wb_element element, void *out, size_t at, size_t step,
                          wb_error *err) {
  const size_t size = wb_number_size(entry->array.number);
  wb_status status = WB_OK;
  for (uint64_t done = 0; done < count && status == WB_OK; done += PIECE) {
    const size_t n = count - done < PIECE ? (size_t)(count - done) : PIECE;
    status = wb_entry_read(file, entry, entry->bytes.skip + (from + done) * size, raw, n * size, err);
    if (status == WB_OK)
      status = convert(file, entry, raw, n, element, out, at + (size_t)done * step, step, err);
  }
  return status;
}

wb_status wb_arrays_read(wb_arrays *file, const wb_array *array, wb_element element, uint64_t first,
                         uint64_t count, void *out, wb_error *err) {
  const wb_array_entry *entry = (const wb_array_entry *)array;
  if (array->number == WB_NUMBER_OTHER)
    return wb_fail(err, WB_INPUT, "%s: %s is of type %s, which holds no real numbers", file->path,
                   array->name, array->type);
  const uint64_t rows = array->rank ? array->dims[0] : 1;
  if (first > rows || count > rows - first)
    return wb_fail(err, WB_INPUT, "%s: %s has %llu rows; rows %llu to %llu were asked for", file->path,
                   array->name, (unsigned long long)rows, (unsigned long long)first,
                   (unsigned long long)(first + count));
  uint64_t row = 1;
  for (uint32_t a = 1; a < array->rank; a++) row *= array->dims[a];
  if (!count || !row) return WB_OK;
  uint8_t *raw = malloc(PIECE * wb_number_size(array->number));
  if (!raw) return wb_fail_nomem(err, file->path, PIECE * wb_number_size(array->number));
  wb_status status = WB_OK;
  if (!entry->columns || array->rank < 2) {
    status = read_run(file, entry, raw, first * row, count * row, element, out, 0, 1, err);
  } else {
    for (uint64_t c = 0; c < row && status == WB_OK; c++)
      status =
          read_run(file, entry, raw, c * rows + first, count, element, out, place_in_row(array, c), row, err);
  }
  free(raw);
  return status;
}
