/* npy.c: reads the header of NumPy's .npy format, a file of its own or a member of a .npz; see arrays.h.
 *
 *   "\x93NUMPY", major, minor, length of what follows (16 bits, from major 2 on 32 bits)
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     a Python dictionary, in any order
 *   data
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/arrays_internal.h"

enum { LARGEST_HEADER = 1 << 20 };

/* The dictionary's text, from `at` on. */
typedef struct reader {
  const char *at;
} reader;

static void skip_space(reader *r) {
  r->at += strspn(r->at, " \t\r\n");
}

static bool take(reader *r, char expected) {
  skip_space(r);
  if (*r->at != expected) return false;
  r->at++;
  return true;
}

/* A quoted text without escapes; longer ones are cut off, which leaves them unknown. */
static bool take_text(reader *r, char *out, size_t size) {
  skip_space(r);
  const char quote = *r->at;
  if (quote != '\'' && quote != '"') return false;
  const char *end = strchr(r->at + 1, quote);
  if (!end) return false;
  snprintf(out, size, "%.*s", (int)(end - r->at - 1), r->at + 1);
  r->at = end + 1;
  return true;
}

static bool take_word(reader *r, const char *word) {
  skip_space(r);
  const size_t length = strlen(word);
  if (strncmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

static bool take_length(reader *r, uint64_t *out) {
  skip_space(r);
  const size_t digits = strspn(r->at, "0123456789");
  if (!digits || digits > 19) return false;
  *out = strtoull(r->at, NULL, 10);
  r->at += digits;
  if (*r->at == 'L') r->at++; // Python 2 wrote long integers so
  return true;
}

/* (), (3,), (3, 4) */
static bool take_shape(reader *r, wb_array *array) {
  array->rank = 0;
  if (!take(r, '(')) return false;
  while (!take(r, ')')) {
    if (array->rank == WB_ARRAY_RANK || !take_length(r, &array->dims[array->rank])) return false;
    array->rank++;
    if (!take(r, ',') && (skip_space(r), *r->at != ')')) return false;
  }
  return true;
}

/* The list of fields of a record array, up to its closing bracket: no numbers to us. */
static bool take_fields(reader *r) {
  int depth = 0;
  skip_space(r);
  for (; *r->at; r->at++) {
    depth += *r->at == '[' || *r->at == '(';
    depth -= *r->at == ']' || *r->at == ')';
    if (depth == 0) {
      r->at++;
      return true;
    }
  }
  return false;
}

static void set_type(wb_array_entry *entry) {
  static const struct {
    const char *name;
    wb_number number;
  } types[] = {{"b1", WB_NUMBER_BOOL}, {"u1", WB_NUMBER_U8},  {"i1", WB_NUMBER_I8},  {"u2", WB_NUMBER_U16},
               {"i2", WB_NUMBER_I16},  {"u4", WB_NUMBER_U32}, {"i4", WB_NUMBER_I32}, {"u8", WB_NUMBER_U64},
               {"i8", WB_NUMBER_I64},  {"f2", WB_NUMBER_F16}, {"f4", WB_NUMBER_F32}, {"f8", WB_NUMBER_F64}};
  const bool ordered = *entry->type && strchr("<>|=", entry->type[0]);
  const char *type = entry->type + ordered;
  entry->array.number = WB_NUMBER_OTHER;
  entry->swap = entry->type[0] == '>' && strcmp(type + 1, "1") != 0;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(types[i].name, type) == 0) entry->array.number = types[i].number;
}

static bool parse(wb_array_entry *entry, const char *text) {
  reader r = {text};
  char key[24];
  bool type = false, order = false, shape = false;
  if (!take(&r, '{')) return false;
  while (!take(&r, '}')) {
    if (!take_text(&r, key, sizeof key) || !take(&r, ':')) return false;
    if (strcmp(key, "descr") == 0) {
      type = take_text(&r, entry->type, sizeof entry->type);
      if (!type) {
        snprintf(entry->type, sizeof entry->type, "record");
        type = (skip_space(&r), *r.at == '[') && take_fields(&r);
      }
      if (!type) return false;
    } else if (strcmp(key, "fortran_order") == 0) {
      entry->columns = take_word(&r, "True");
      order = entry->columns || take_word(&r, "False");
      if (!order) return false;
    } else if (strcmp(key, "shape") == 0) {
      shape = take_shape(&r, &entry->array);
      if (!shape) return false;
    } else {
      return false;
    }
    if (!take(&r, ',') && (skip_space(&r), *r.at != '}')) return false;
  }
  if (!type || !order || !shape) return false;
  set_type(entry);
  return true;
}

static wb_status read_text(wb_arrays *file, wb_array_entry *entry, char **out, wb_error *err) {
  static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  uint8_t head[12] = {0};
  *out = NULL;
  wb_status status = wb_entry_read(file, entry, 0, head, 10, err);
  if (status != WB_OK) return status;
  if (memcmp(head, magic, sizeof magic) != 0)
    return wb_fail(err, WB_INPUT, "%s: %s is not in NumPy's format: it does not begin with \\x93NUMPY",
                   file->path, entry->name);
  if (head[6] < 1 || head[6] > 3)
    return wb_fail(err, WB_INPUT, "%s: %s is of version %d of NumPy's format; 1 to 3 are read", file->path,
                   entry->name, head[6]);
  const uint64_t prefix = head[6] == 1 ? 10 : 12;
  if (prefix == 12) status = wb_entry_read(file, entry, 10, head + 10, 2, err);
  const uint64_t length =
      head[8] | (uint64_t)head[9] << 8 | (uint64_t)head[10] << 16 | (uint64_t)head[11] << 24;
  if (status == WB_OK && (length > LARGEST_HEADER || prefix + length > entry->bytes.size))
    status = wb_fail(err, WB_INPUT, "%s: %s announces a header of %llu bytes and has %llu in all", file->path,
                     entry->name, (unsigned long long)length, (unsigned long long)entry->bytes.size);
  char *text = status == WB_OK ? calloc((size_t)length + 1, 1) : NULL;
  if (status == WB_OK && !text) status = wb_fail_nomem(err, file->path, length);
  if (status == WB_OK) status = wb_entry_read(file, entry, prefix, text, (size_t)length, err);
  entry->bytes.skip = prefix + length;
  if (status == WB_OK)
    *out = text;
  else
    free(text);
  return status;
}

wb_status wb_npy_header(wb_arrays *file, wb_array_entry *entry, wb_error *err) {
  char *text;
  wb_status status = read_text(file, entry, &text, err);
  if (status != WB_OK) return status;
  if (!parse(entry, text))
    status = wb_fail(
        err, WB_INPUT,
        "%s: the header of %s does not say descr, fortran_order and shape (of at most %d axes): %.80s",
        file->path, entry->name, WB_ARRAY_RANK, text);
  free(text);
  if (status != WB_OK || entry->array.number == WB_NUMBER_OTHER) return status;
  uint64_t bytes;
  const uint64_t rest = entry->bytes.size - entry->bytes.skip;
  if (!wb_array_bytes(&entry->array, &bytes) || bytes != rest)
    status =
        wb_fail(err, WB_INPUT, "%s: %s has %llu bytes of data, which its shape and its type %s contradict",
                file->path, entry->name, (unsigned long long)rest, entry->type);
  return status;
}

wb_status wb_npy_read(wb_arrays *file, wb_error *err) {
  wb_array_entry *entry = wb_arrays_append(file, "data", strlen("data"), err);
  if (!entry) return WB_NOMEM;
  entry->bytes = (wb_bytes){.stored = file->size, .size = file->size};
  return wb_npy_header(file, entry, err);
}
