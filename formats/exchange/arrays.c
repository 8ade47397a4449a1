/* arrays.c: see arrays.h; files, entries and their bytes. Values: arrays_values.c. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exchange/arrays_internal.h"

enum { INFLATE_BUFFER = 1 << 16, SKIP_BUFFER = 1 << 16, VERIFY_BUFFER = 1 << 20 };

typedef struct format {
  const char *ending;
  wb_status (*read)(wb_arrays *file, wb_error *err);
} format;

static const format formats[] = {
    {".safetensors", wb_safetensors_read}, {".npz", wb_npz_read}, {".npy", wb_npy_read}};

static const format *format_of(const char *path) {
  const size_t length = strlen(path);
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    const size_t ending = strlen(formats[i].ending);
    if (length > ending && strcmp(path + length - ending, formats[i].ending) == 0) return &formats[i];
  }
  return NULL;
}

bool wb_arrays_known(const char *path) {
  return format_of(path) != NULL;
}

/* ---- Bytes ---- */

wb_status wb_arrays_pread(const wb_arrays *file, uint64_t offset, void *out, size_t size, wb_error *err) {
  if (offset > file->size || size > file->size - offset)
    return wb_fail(err, WB_INPUT, "%s ends too early: %llu bytes, and %zu more are expected at byte %llu",
                   file->path, (unsigned long long)file->size, size, (unsigned long long)offset);
  for (char *at = out; size;) {
    const ssize_t got = pread(file->fd, at, size, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wb_fail_errno(err, "cannot read %s", file->path);
    if (got == 0) return wb_fail(err, WB_INPUT, "%s became shorter while it was read", file->path);
    at += got;
    offset += (uint64_t)got;
    size -= (size_t)got;
  }
  return WB_OK;
}

void wb_inflation_end(wb_inflation *inflation) {
  if (inflation->of) inflateEnd(&inflation->stream);
  free(inflation->buffer);
  *inflation = (wb_inflation){0};
}

static wb_status inflation_begin(wb_arrays *file, const wb_array_entry *entry, wb_error *err) {
  wb_inflation *in = &file->inflation;
  wb_inflation_end(in);
  in->buffer = malloc(INFLATE_BUFFER);
  if (!in->buffer || inflateInit2(&in->stream, -MAX_WBITS) != Z_OK)
    return wb_fail_nomem(err, file->path, INFLATE_BUFFER);
  in->of = entry;
  return WB_OK;
}

static wb_status damaged(const wb_arrays *file, const wb_array_entry *entry, wb_error *err) {
  return wb_fail(err, WB_INPUT, "%s: the compressed data of %s are damaged", file->path, entry->name);
}

/* The next `size` inflated bytes. */
static wb_status inflate_next(wb_arrays *file, void *out, size_t size, wb_error *err) {
  wb_inflation *in = &file->inflation;
  const wb_array_entry *entry = in->of;
  in->stream.next_out = out;
  while (size) {
    if (in->stream.avail_in == 0 && in->taken < entry->bytes.stored) {
      const uint64_t left = entry->bytes.stored - in->taken;
      const size_t take = left < INFLATE_BUFFER ? (size_t)left : INFLATE_BUFFER;
      const wb_status status = wb_arrays_pread(file, entry->bytes.offset + in->taken, in->buffer, take, err);
      if (status != WB_OK) return status;
      in->taken += take;
      in->stream.next_in = in->buffer;
      in->stream.avail_in = (unsigned)take;
    }
    const unsigned room = size < 1u << 30 ? (unsigned)size : 1u << 30;
    in->stream.avail_out = room;
    const int code = inflate(&in->stream, Z_NO_FLUSH);
    const unsigned made = room - in->stream.avail_out;
    size -= made;
    in->position += made;
    if (code == Z_MEM_ERROR) return wb_fail_nomem(err, file->path, INFLATE_BUFFER);
    if ((code != Z_OK && code != Z_STREAM_END) || (code == Z_STREAM_END && size) ||
        (!made && !in->stream.avail_in && in->taken == entry->bytes.stored && size))
      return damaged(file, entry, err);
  }
  return WB_OK;
}

wb_status wb_entry_read(wb_arrays *file, const wb_array_entry *entry, uint64_t offset, void *out, size_t size,
                        wb_error *err) {
  if (offset > entry->bytes.size || size > entry->bytes.size - offset)
    return wb_fail(err, WB_INPUT, "%s: %s ends too early", file->path, entry->name);
  if (!entry->bytes.deflated) return wb_arrays_pread(file, entry->bytes.offset + offset, out, size, err);
  wb_status status = WB_OK;
  if (file->inflation.of != entry || file->inflation.position > offset)
    status = inflation_begin(file, entry, err);
  while (status == WB_OK && file->inflation.position < offset) {
    char skipped[SKIP_BUFFER];
    const uint64_t left = offset - file->inflation.position;
    status = inflate_next(file, skipped, left < SKIP_BUFFER ? (size_t)left : SKIP_BUFFER, err);
  }
  if (status == WB_OK) status = inflate_next(file, out, size, err);
  if (status != WB_OK) wb_inflation_end(&file->inflation);
  return status;
}

wb_status wb_arrays_verify(wb_arrays *file, const wb_array *array, wb_error *err) {
  const wb_array_entry *entry = (const wb_array_entry *)array;
  if (!entry->bytes.has_crc) return WB_OK;
  uint8_t *buffer = malloc(VERIFY_BUFFER);
  if (!buffer) return wb_fail_nomem(err, file->path, VERIFY_BUFFER);
  uLong crc = crc32(0, NULL, 0);
  wb_status status = WB_OK;
  for (uint64_t at = 0; at < entry->bytes.size && status == WB_OK; at += VERIFY_BUFFER) {
    const uint64_t left = entry->bytes.size - at;
    const size_t take = left < VERIFY_BUFFER ? (size_t)left : VERIFY_BUFFER;
    status = wb_entry_read(file, entry, at, buffer, take, err);
    if (status == WB_OK) crc = crc32(crc, buffer, (unsigned)take);
  }
  free(buffer);
  if (status == WB_OK && crc != entry->bytes.crc)
    status =
        wb_fail(err, WB_INPUT, "%s: %s is damaged: its checksum does not match", file->path, entry->name);
  return status;
}

/* ---- Files ---- */

wb_array_entry *wb_arrays_append(wb_arrays *file, const char *name, size_t length, wb_error *err) {
  wb_array_entry *entries = realloc(file->entries, (file->count + 1) * sizeof *entries);
  char *copy = strndup(name, length);
  if (entries) file->entries = entries;
  if (!entries || !copy) {
    free(copy);
    wb_fail_nomem(err, file->path, sizeof *entries);
    return NULL;
  }
  wb_array_entry *entry = &entries[file->count++];
  *entry = (wb_array_entry){.name = copy};
  return entry;
}

/* Entries do not move any more: their arrays can point into them. Two of one name would hide one. */
static wb_status settle(wb_arrays *file, wb_error *err) {
  for (size_t i = 0; i < file->count; i++) {
    wb_array_entry *entry = &file->entries[i];
    entry->array.name = entry->name;
    entry->array.type = entry->type;
    if (wb_arrays_find(file, entry->name) != &entry->array)
      return wb_fail(err, WB_INPUT, "%s holds two arrays of the name %s", file->path, entry->name);
  }
  return WB_OK;
}

wb_status wb_arrays_open(const char *path, wb_arrays **out, wb_error *err) {
  *out = NULL;
  const format *known = format_of(path);
  if (!known)
    return wb_fail(err, WB_INPUT, "%s ends in none of .safetensors, .npz and .npy, which are read", path);
  wb_arrays *file = calloc(1, sizeof *file);
  char *copy = strdup(path);
  if (!file || !copy) {
    free(file);
    free(copy);
    return wb_fail_nomem(err, path, sizeof *file);
  }
  file->path = copy;
  struct stat info;
  wb_status status = WB_OK;
  file->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (file->fd < 0)
    status = errno == ENOENT || errno == ENOTDIR ? wb_fail(err, WB_INPUT, "there is no file %s", path)
                                                 : wb_fail_errno(err, "cannot read %s", path);
  else if (fstat(file->fd, &info) != 0)
    status = wb_fail_errno(err, "cannot read %s", path);
  else if (!S_ISREG(info.st_mode))
    status = wb_fail(err, WB_INPUT, "%s is not a file", path);
  if (status == WB_OK) {
    file->size = (uint64_t)info.st_size;
    status = known->read(file, err);
  }
  if (status == WB_OK) status = settle(file, err);
  if (status == WB_OK)
    *out = file;
  else
    wb_arrays_close(file);
  return status;
}

void wb_arrays_close(wb_arrays *file) {
  if (!file) return;
  wb_inflation_end(&file->inflation);
  for (size_t i = 0; i < file->count; i++) free(file->entries[i].name);
  free(file->entries);
  json_decref(file->metadata);
  if (file->fd >= 0) close(file->fd);
  free(file->path);
  free(file);
}

size_t wb_arrays_count(const wb_arrays *file) {
  return file->count;
}

const wb_array *wb_arrays_at(const wb_arrays *file, size_t i) {
  return &file->entries[i].array;
}

const wb_array *wb_arrays_find(const wb_arrays *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->entries[i].name, name) == 0) return &file->entries[i].array;
  return NULL;
}

const char *wb_arrays_metadata(const wb_arrays *file, const char *key) {
  return json_string_value(json_object_get(file->metadata, key));
}
