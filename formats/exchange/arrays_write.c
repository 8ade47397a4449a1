/* arrays_write.c: see arrays_write.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange/arrays_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "exchange/output.h"

static const struct {
  const char *safetensors, *numpy;
  size_t size;
} elements[] = {[WB_F32] = {"F32", "<f4", 4},
                [WB_F64] = {"F64", "<f8", 8},
                [WB_I32] = {"I32", "<i4", 4},
                [WB_I64] = {"I64", "<i8", 8},
                [WB_U8] = {"U8", "|u1", 1}};

static uint64_t bytes_of(const wb_array_data *array) {
  uint64_t bytes = elements[array->element].size;
  for (uint32_t a = 0; a < array->rank; a++) bytes *= array->dims[a];
  return bytes;
}

/* Numbers of a header, little-endian. */
static uint8_t *append(uint8_t *at, uint64_t value, int bytes) {
  for (int b = 0; b < bytes; b++) *at++ = b < 8 ? (uint8_t)(value >> 8 * b) : 0;
  return at;
}

/* ---- safetensors ---- */

static wb_status describe(json_t **out, const wb_array_data *arrays, size_t count, const json_t *metadata,
                          wb_error *err) {
  uint64_t from = 0;
  json_t *header = json_object();
  bool ok = header && (!metadata || json_object_set(header, "__metadata__", (json_t *)metadata) == 0);
  for (size_t i = 0; i < count && ok; i++) {
    const uint64_t to = from + bytes_of(&arrays[i]);
    json_t *shape = json_array();
    for (uint32_t a = 0; a < arrays[i].rank && ok; a++)
      ok = json_array_append_new(shape, json_integer((json_int_t)arrays[i].dims[a])) == 0;
    json_t *record = json_pack("{s:s, s:o, s:[I, I]}", "dtype", elements[arrays[i].element].safetensors,
                               "shape", shape, "data_offsets", (json_int_t)from, (json_int_t)to);
    ok = ok && record && json_object_set_new(header, arrays[i].name, record) == 0;
    from = to;
  }
  *out = header;
  return ok ? WB_OK : wb_fail_nomem(err, "a safetensors header", 100 * count);
}

wb_status wb_safetensors_write(const char *path, const wb_array_data *arrays, size_t count,
                               const json_t *metadata, wb_error *err) {
  json_t *header;
  wb_output_file *file = NULL;
  wb_status status = describe(&header, arrays, count, metadata, err);
  char *text = status == WB_OK ? json_dumps(header, JSON_COMPACT) : NULL;
  if (status == WB_OK && !text) status = wb_fail_nomem(err, "a safetensors header", 100 * count);
  if (status == WB_OK) status = wb_output_create(path, &file, err);
  if (status == WB_OK) {
    const size_t length = strlen(text), padding = (8 - length % 8) % 8; // tensors begin on 8 bytes
    uint8_t prefix[8];
    append(prefix, length + padding, 8);
    wb_output_write(file, prefix, sizeof prefix);
    wb_output_write(file, text, length);
    wb_output_write(file, "        ", padding);
    for (size_t i = 0; i < count; i++) wb_output_write(file, arrays[i].data, (size_t)bytes_of(&arrays[i]));
    status = wb_output_commit(file, err);
  }
  free(text);
  json_decref(header);
  return status;
}

/* ---- npz ---- */

enum { NPY_HEADER = 512, LOCAL_SIZE = 30, ENTRY_SIZE = 46, ZIP64_FIELD = 28 };
enum {
  VERSION = 45,
  DATE = 33
}; // of zip with zip64; 1 January 1980, so that equal contents make equal files

/* "(3, 4)", "(3,)", "()" behind the rest of the header; returns its length, a multiple of 64. */
static size_t npy_header(char out[NPY_HEADER], const char *type, uint32_t rank, const uint64_t *dims) {
  char shape[WB_ARRAY_RANK * 22 + 4] = "";
  size_t used = 0;
  for (uint32_t a = 0; a < rank; a++)
    used += (size_t)snprintf(shape + used, sizeof shape - used, "%llu%s", (unsigned long long)dims[a],
                             a + 1 < rank || rank == 1 ? ", " : "");
  memset(out, ' ', NPY_HEADER);
  const int length = snprintf(out + 10, NPY_HEADER - 10,
                              "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
  const size_t whole = ((size_t)length + 10 + 1 + 63) / 64 * 64;
  out[10 + length] = ' ';
  out[whole - 1] = '\n';
  memcpy(out, "\x93NUMPY\1", 8);
  append((uint8_t *)out + 8, whole - 10, 2);
  return whole;
}

/* A member of the archive, for the directory at its end. */
typedef struct member {
  char name[256];
  uint64_t offset, size;
  uint32_t crc;
} member;

static uint32_t checksum(uint32_t crc, const void *data, uint64_t size) {
  const uint8_t *at = data;
  for (uint64_t done = 0; done < size;) {
    const uint64_t left = size - done, piece = left < 1u << 30 ? left : 1u << 30;
    crc = (uint32_t)crc32(crc, at + done, (unsigned)piece);
    done += piece;
  }
  return crc;
}

/* version, flags, method, date, checksum, sizes, lengths of name and extra field: both headers have them. */
static uint8_t *common(uint8_t *at, const member *m, size_t extra) {
  at = append(at, VERSION, 2);
  at = append(at, 0, 6);
  at = append(at, DATE, 2);
  at = append(at, m->crc, 4);
  at = append(at, UINT32_MAX, 4);
  at = append(at, UINT32_MAX, 4);
  at = append(at, strlen(m->name), 2);
  return append(at, extra, 2);
}

/* Sizes stand in the zip64 field, whether they need it or not. */
static uint8_t *zip64_field(uint8_t *at, const member *m, bool offset) {
  at = append(at, 1, 2);
  at = append(at, offset ? 24 : 16, 2);
  at = append(at, m->size, 8);
  at = append(at, m->size, 8);
  return offset ? append(at, m->offset, 8) : at;
}

static void write_member(wb_output_file *file, member *m, const char *name, const char *type, uint32_t rank,
                         const uint64_t *dims, const void *data, uint64_t bytes) {
  char npy[NPY_HEADER];
  uint8_t head[LOCAL_SIZE + ZIP64_FIELD] = "PK\3\4", field[ZIP64_FIELD];
  const size_t length = npy_header(npy, type, rank, dims);
  snprintf(m->name, sizeof m->name, "%s.npy", name);
  m->offset = wb_output_position(file);
  m->size = length + bytes;
  m->crc = checksum(checksum(0, npy, length), data, bytes);
  const size_t extra = (size_t)(zip64_field(field, m, false) - field);
  wb_output_write(file, head, (size_t)(common(head + 4, m, extra) - head));
  wb_output_write(file, m->name, strlen(m->name));
  wb_output_write(file, field, extra);
  wb_output_write(file, npy, length);
  wb_output_write(file, data, (size_t)bytes);
}

static void write_directory(wb_output_file *file, const member *members, size_t count) {
  const uint64_t start = wb_output_position(file);
  for (size_t i = 0; i < count; i++) {
    uint8_t head[ENTRY_SIZE] = "PK\1\2", field[ZIP64_FIELD];
    const size_t extra = (size_t)(zip64_field(field, &members[i], true) - field);
    uint8_t *at = append(head + 4, VERSION, 2);
    at = common(at, &members[i], extra);
    at = append(at, 0, 10);
    append(at, UINT32_MAX, 4);
    wb_output_write(file, head, sizeof head);
    wb_output_write(file, members[i].name, strlen(members[i].name));
    wb_output_write(file, field, extra);
  }
  const uint64_t end = wb_output_position(file);
  uint8_t records[56 + 20 + 22], *at = records;
  memcpy(at, "PK\6\6", 4);
  at = append(at + 4, 44, 8);
  at = append(append(at, VERSION, 2), VERSION, 2);
  at = append(at, 0, 8);
  at = append(append(at, count, 8), count, 8);
  at = append(append(at, end - start, 8), start, 8);
  memcpy(at, "PK\6\7", 4);
  at = append(at + 4, 0, 4);
  at = append(append(at, end, 8), 1, 4);
  memcpy(at, "PK\5\6", 4);
  at = append(at + 4, 0, 4);
  at = append(append(at, UINT16_MAX, 2), UINT16_MAX, 2);
  at = append(append(at, UINT32_MAX, 4), UINT32_MAX, 4);
  append(at, 0, 2);
  wb_output_write(file, records, sizeof records);
}

/* UTF-8 to NumPy's UTF-32; returns how many characters. What is no UTF-8 becomes a question mark. */
static size_t widen(uint32_t *out, const char *text) {
  size_t n = 0;
  for (const uint8_t *c = (const uint8_t *)text; *c;) {
    const int more = *c < 0x80 ? 0 : *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : *c >= 0xc0 ? 1 : -1;
    uint32_t code = more < 0 ? '?' : more ? *c & (0x3fu >> more) : *c;
    c++;
    for (int i = 0; i < more && (*c & 0xc0) == 0x80; i++) code = code << 6 | (*c++ & 0x3f);
    out[n++] = code;
  }
  return n;
}

static wb_status write_metadata(wb_output_file *file, member *m, const json_t *metadata, wb_error *err) {
  char *text = json_dumps(metadata, JSON_COMPACT), type[32];
  uint32_t *wide = text ? malloc((strlen(text) + 1) * sizeof *wide) : NULL;
  if (!wide) {
    free(text);
    return wb_fail_nomem(err, "the metadata", json_object_size(metadata));
  }
  const size_t length = widen(wide, text);
  snprintf(type, sizeof type, "<U%zu", length);
  write_member(file, m, "metadata", type, 0, NULL, wide, length * sizeof *wide);
  free(wide);
  free(text);
  return WB_OK;
}

wb_status wb_npz_write(const char *path, const wb_array_data *arrays, size_t count, const json_t *metadata,
                       wb_error *err) {
  wb_output_file *file;
  member *members = calloc(count + 1, sizeof *members);
  if (!members) return wb_fail_nomem(err, path, (count + 1) * sizeof *members);
  wb_status status = wb_output_create(path, &file, err);
  if (status == WB_OK) {
    for (size_t i = 0; i < count; i++)
      write_member(file, &members[i], arrays[i].name, elements[arrays[i].element].numpy, arrays[i].rank,
                   arrays[i].dims, arrays[i].data, bytes_of(&arrays[i]));
    size_t all = count;
    if (metadata) status = write_metadata(file, &members[all++], metadata, err);
    write_directory(file, members, all);
    if (status == WB_OK)
      status = wb_output_commit(file, err);
    else
      wb_output_abandon(file);
  }
  free(members);
  return status;
}
