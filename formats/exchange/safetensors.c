/* safetensors.c: reads the header of a safetensors file, see arrays.h.
 *
 *   8 bytes    length of the header, little-endian
 *   header     JSON: {"name": {"dtype": "F32", "shape": [3, 4], "data_offsets": [from, to]}, ..,
 *              "__metadata__": {"key": "text", ..}}
 *   data       the tensors one after another, without holes, little-endian, row-major
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/arrays_internal.h"

enum { PREFIX = 8, LARGEST_HEADER = 100000000 };

static wb_number find_number(const char *type) {
  static const struct {
    const char *name;
    wb_number number;
  } types[] = {{"BOOL", WB_NUMBER_BOOL}, {"U8", WB_NUMBER_U8},     {"I8", WB_NUMBER_I8},
               {"U16", WB_NUMBER_U16},   {"I16", WB_NUMBER_I16},   {"U32", WB_NUMBER_U32},
               {"I32", WB_NUMBER_I32},   {"U64", WB_NUMBER_U64},   {"I64", WB_NUMBER_I64},
               {"F16", WB_NUMBER_F16},   {"BF16", WB_NUMBER_BF16}, {"F32", WB_NUMBER_F32},
               {"F64", WB_NUMBER_F64}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(types[i].name, type) == 0) return types[i].number;
  return WB_NUMBER_OTHER;
}

static bool natural(const json_t *value, uint64_t *out) {
  const json_int_t number = json_integer_value(value);
  *out = (uint64_t)number;
  return json_is_integer(value) && number >= 0;
}

/* One tensor's record into the entry. */
static wb_status read_entry(const wb_arrays *file, wb_array_entry *entry, const json_t *record, uint64_t data,
                            wb_error *err) {
  const char *type = json_string_value(json_object_get(record, "dtype"));
  const json_t *shape = json_object_get(record, "shape"), *offsets = json_object_get(record, "data_offsets");
  uint64_t from, to, bytes;
  if (!type || !json_is_array(shape) || json_array_size(offsets) != 2 ||
      !natural(json_array_get(offsets, 0), &from) || !natural(json_array_get(offsets, 1), &to))
    return wb_fail(err, WB_INPUT,
                   "%s: the header's record of %s lacks one of dtype, shape and data_offsets [from, to]",
                   file->path, entry->name);
  if (from > to || to > file->size - data)
    return wb_fail(err, WB_INPUT, "%s: %s is said to lie at bytes %llu to %llu of %llu", file->path,
                   entry->name, (unsigned long long)from, (unsigned long long)to,
                   (unsigned long long)(file->size - data));
  if (json_array_size(shape) > WB_ARRAY_RANK)
    return wb_fail(err, WB_INPUT, "%s: %s has %zu axes; at most %d are supported", file->path, entry->name,
                   json_array_size(shape), WB_ARRAY_RANK);
  snprintf(entry->type, sizeof entry->type, "%s", type);
  entry->array.number = find_number(type);
  entry->array.rank = (uint32_t)json_array_size(shape);
  for (uint32_t a = 0; a < entry->array.rank; a++)
    if (!natural(json_array_get(shape, a), &entry->array.dims[a]))
      return wb_fail(err, WB_INPUT, "%s: the shape of %s is not a list of lengths", file->path, entry->name);
  entry->bytes = (wb_bytes){.offset = data + from, .stored = to - from, .size = to - from};
  if (entry->array.number != WB_NUMBER_OTHER &&
      (!wb_array_bytes(&entry->array, &bytes) || bytes != to - from))
    return wb_fail(err, WB_INPUT, "%s: %s has %llu bytes, which its shape and its type %s contradict",
                   file->path, entry->name, (unsigned long long)(to - from), type);
  return WB_OK;
}

static int by_offset(const void *a, const void *b) {
  const wb_bytes *x = &((const wb_array_entry *)a)->bytes, *y = &((const wb_array_entry *)b)->bytes;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return x->stored < y->stored ? -1 : x->stored > y->stored;
}

/* The tensors cover the data, each byte once. */
static wb_status check_cover(wb_arrays *file, uint64_t data, wb_error *err) {
  if (file->count) qsort(file->entries, file->count, sizeof *file->entries, by_offset);
  uint64_t end = data;
  for (size_t i = 0; i < file->count; i++) {
    const wb_array_entry *entry = &file->entries[i];
    if (entry->bytes.offset != end)
      return wb_fail(err, WB_INPUT, "%s: %s does not begin where the tensor before it ends", file->path,
                     entry->name);
    end += entry->bytes.stored;
  }
  return end == file->size ? WB_OK
                           : wb_fail(err, WB_INPUT, "%s has %llu bytes that belong to no tensor", file->path,
                                     (unsigned long long)(file->size - end));
}

static wb_status read_records(wb_arrays *file, const json_t *header, uint64_t data, wb_error *err) {
  const char *name, *key;
  json_t *record, *value;
  json_object_foreach((json_t *)header, name, record) {
    if (strcmp(name, "__metadata__") == 0) {
      json_object_foreach(record, key, value) if (!json_is_string(value)) return wb_fail(
          err, WB_INPUT, "%s: __metadata__ holds %s, which is no text", file->path, key);
      file->metadata = json_incref(record);
      continue;
    }
    wb_array_entry *entry = wb_arrays_append(file, name, strlen(name), err);
    if (!entry) return WB_NOMEM;
    const wb_status status = read_entry(file, entry, record, data, err);
    if (status != WB_OK) return status;
  }
  return check_cover(file, data, err);
}

wb_status wb_safetensors_read(wb_arrays *file, wb_error *err) {
  uint8_t prefix[PREFIX];
  uint64_t length = 0;
  if (file->size < PREFIX)
    return wb_fail(err, WB_INPUT, "%s is too short for a safetensors file: %llu bytes", file->path,
                   (unsigned long long)file->size);
  wb_status status = wb_arrays_pread(file, 0, prefix, PREFIX, err);
  if (status != WB_OK) return status;
  for (int b = PREFIX; b-- > 0;) length = length << 8 | prefix[b];
  if (length < 2 || length > LARGEST_HEADER || length > file->size - PREFIX)
    return wb_fail(err, WB_INPUT,
                   "%s is not a safetensors file, or incomplete: its first bytes announce a header of %llu "
                   "bytes, and the file has %llu",
                   file->path, (unsigned long long)length, (unsigned long long)file->size);
  char *text = malloc((size_t)length);
  if (!text) return wb_fail_nomem(err, file->path, length);
  status = wb_arrays_pread(file, PREFIX, text, (size_t)length, err);
  json_error_t why;
  json_t *header = status == WB_OK ? json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &why) : NULL;
  free(text);
  if (status == WB_OK && !json_is_object(header))
    status = wb_fail(err, WB_INPUT, "%s is not a safetensors file: its header is not a JSON object%s%s",
                     file->path, header ? "" : ": ", header ? "" : why.text);
  if (status == WB_OK) status = read_records(file, header, PREFIX + length, err);
  json_decref(header);
  return status;
}
