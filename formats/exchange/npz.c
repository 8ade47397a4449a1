/* npz.c: finds the members of a .npz file: a zip archive of .npy files, stored or deflated, zip64 included;
 * see arrays.h. Members that do not end in .npy are left alone. Sizes are those of the central directory.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "exchange/arrays_internal.h"

enum {
  END_SIZE = 22, // of the end record, which a comment may follow
  END64_SIZE = 56,
  LOCATOR_SIZE = 20, // of the record that says where zip64's end record is
  ENTRY_SIZE = 46,   // of a member in the central directory, without name, extra fields and comment
  LOCAL_SIZE = 30,
  LONGEST_COMMENT = 65535,
  LARGEST_DIRECTORY = 1 << 28,
  LARGEST_METADATA = 1 << 22,
  ENCRYPTED = 1, // a flag
  STORED = 0,    // methods
  DEFLATED = 8,
  ZIP64 = 1 // an extra field
};

static uint64_t number(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  while (bytes-- > 0) value = value << 8 | at[bytes];
  return value;
}

static bool has_mark(const uint8_t *at, const char *mark) {
  return at[0] == 'P' && at[1] == 'K' && at[2] == (uint8_t)mark[0] && at[3] == (uint8_t)mark[1];
}

typedef struct directory {
  uint64_t offset, size;
} directory;

static wb_status no_archive(const wb_arrays *file, const char *why, wb_error *err) {
  return wb_fail(err, WB_INPUT, "%s is not a .npz file, or incomplete: %s", file->path, why);
}

/* Where zip64's end record is, if a locator stands before the end record at `end`. */
static wb_status find_zip64(const wb_arrays *file, uint64_t end, directory *out, wb_error *err) {
  uint8_t locator[LOCATOR_SIZE], record[END64_SIZE];
  if (end < LOCATOR_SIZE) return WB_OK;
  wb_status status = wb_arrays_pread(file, end - LOCATOR_SIZE, locator, LOCATOR_SIZE, err);
  if (status != WB_OK || !has_mark(locator, "\6\7")) return status;
  status = wb_arrays_pread(file, number(locator + 8, 8), record, END64_SIZE, err);
  if (status != WB_OK) return status;
  if (!has_mark(record, "\6\6")) return no_archive(file, "its zip64 end record is damaged", err);
  *out = (directory){.offset = number(record + 48, 8), .size = number(record + 40, 8)};
  return WB_OK;
}

static wb_status find_directory(const wb_arrays *file, directory *out, wb_error *err) {
  if (file->size < END_SIZE) return no_archive(file, "it is too short", err);
  const uint64_t most = END_SIZE + LONGEST_COMMENT;
  const size_t size = (size_t)(file->size < most ? file->size : most);
  uint8_t *tail = malloc(size);
  if (!tail) return wb_fail_nomem(err, file->path, size);
  wb_status status = wb_arrays_pread(file, file->size - size, tail, size, err);
  size_t at = size - END_SIZE;
  while (status == WB_OK && at > 0 && !has_mark(tail + at, "\5\6")) at--;
  if (status == WB_OK && !has_mark(tail + at, "\5\6")) status = no_archive(file, "it has no end record", err);
  if (status == WB_OK) {
    *out = (directory){.offset = number(tail + at + 16, 4), .size = number(tail + at + 12, 4)};
    status = find_zip64(file, file->size - size + at, out, err);
  }
  free(tail);
  if (status == WB_OK &&
      (out->offset > file->size || out->size > file->size - out->offset || out->size > LARGEST_DIRECTORY))
    status = no_archive(file, "its directory lies outside", err);
  return status;
}

/* Replaces what does not fit 32 bits by the values of the extra field. */
static bool widen(uint64_t *size, uint64_t *stored, uint64_t *offset, const uint8_t *extra, size_t length) {
  uint64_t *const values[] = {size, stored, offset};
  while (length >= 4) {
    const size_t field = (size_t)number(extra + 2, 2);
    if (field > length - 4) return false;
    const uint8_t *at = extra + 4, *end = at + field;
    for (size_t i = 0; number(extra, 2) == ZIP64 && i < 3; i++) {
      if (*values[i] != UINT32_MAX) continue;
      if (end - at < 8) return false;
      *values[i] = number(at, 8);
      at += 8;
    }
    length -= 4 + field;
    extra = end;
  }
  return true;
}

/* The stored bytes of an entry begin after its local header. */
static wb_status locate(wb_arrays *file, wb_array_entry *entry, uint64_t local, wb_error *err) {
  uint8_t head[LOCAL_SIZE];
  wb_status status = wb_arrays_pread(file, local, head, LOCAL_SIZE, err);
  if (status != WB_OK) return status;
  entry->bytes.offset = local + LOCAL_SIZE + number(head + 26, 2) + number(head + 28, 2);
  if (!has_mark(head, "\3\4") || entry->bytes.offset > file->size ||
      entry->bytes.stored > file->size - entry->bytes.offset)
    return wb_fail(err, WB_INPUT, "%s: %s lies outside of the file, or where no member begins", file->path,
                   entry->name);
  return WB_OK;
}

/* One member; `rest` bytes of the directory lie at `at`. Sets *used. */
static wb_status read_member(wb_arrays *file, const uint8_t *at, size_t rest, size_t *used, wb_error *err) {
  static const char ending[] = ".npy";
  const size_t name = (size_t)number(at + 28, 2), extra = (size_t)number(at + 30, 2);
  *used = ENTRY_SIZE + name + extra + (size_t)number(at + 32, 2);
  if (*used > rest) return no_archive(file, "its directory is damaged", err);
  const char *text = (const char *)at + ENTRY_SIZE;
  const size_t stem = name - (sizeof ending - 1);
  if (name < sizeof ending || memcmp(text + stem, ending, sizeof ending - 1) != 0) return WB_OK;
  if (memchr(text, 0, name)) return no_archive(file, "a name in its directory is damaged", err);
  wb_array_entry *entry = wb_arrays_append(file, text, stem, err);
  if (!entry) return WB_NOMEM;
  const uint64_t method = number(at + 10, 2);
  if (number(at + 8, 2) & ENCRYPTED)
    return wb_fail(err, WB_INPUT, "%s: %s is encrypted", file->path, entry->name);
  if (method != STORED && method != DEFLATED)
    return wb_fail(err, WB_INPUT, "%s: %s is compressed by method %llu; stored and deflated members are read",
                   file->path, entry->name, (unsigned long long)method);
  uint64_t local = number(at + 42, 4);
  wb_bytes *bytes = &entry->bytes;
  *bytes = (wb_bytes){.stored = number(at + 20, 4),
                      .size = number(at + 24, 4),
                      .deflated = method == DEFLATED,
                      .has_crc = true,
                      .crc = (uint32_t)number(at + 16, 4)};
  if (!widen(&bytes->size, &bytes->stored, &local, at + ENTRY_SIZE + name, extra))
    return no_archive(file, "an extra field of its directory is damaged", err);
  if (!bytes->deflated && bytes->stored != bytes->size)
    return wb_fail(err, WB_INPUT, "%s: %s is stored as it is, yet in another size", file->path, entry->name);
  const wb_status status = locate(file, entry, local, err);
  return status == WB_OK ? wb_npy_header(file, entry, err) : status;
}

/* UTF-32 to UTF-8, up to the first NUL; out holds four bytes a character and one more. */
static void narrow(char *out, const uint8_t *text, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t c = (uint32_t)number(text + 4 * i, 4);
    if (!c) break;
    if (c < 0x80) {
      *out++ = (char)c;
    } else if (c < 0x800) {
      *out++ = (char)(0xc0 | c >> 6);
      *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      *out++ = (char)(0xe0 | c >> 12);
      *out++ = (char)(0x80 | (c >> 6 & 0x3f));
      *out++ = (char)(0x80 | (c & 0x3f));
    } else {
      *out++ = (char)(0xf0 | (c >> 18 & 7));
      *out++ = (char)(0x80 | (c >> 12 & 0x3f));
      *out++ = (char)(0x80 | (c >> 6 & 0x3f));
      *out++ = (char)(0x80 | (c & 0x3f));
    }
  }
  *out = '\0';
}

/* The last member, where it is the metadata as arrays_write.h has them: a text that is a JSON object. */
static wb_status take_metadata(wb_arrays *file, wb_error *err) {
  wb_array_entry *last = file->count ? &file->entries[file->count - 1] : NULL;
  if (!last || strcmp(last->name, "metadata") != 0 || last->array.rank || strncmp(last->type, "<U", 2) != 0)
    return WB_OK;
  const uint64_t size = last->bytes.size - last->bytes.skip, count = size / 4;
  if (size > LARGEST_METADATA) return WB_OK;
  uint8_t *wide = malloc((size_t)size + 1);
  char *text = malloc((size_t)size + 1);
  wb_status status = wide && text ? WB_OK : wb_fail_nomem(err, file->path, 2 * size);
  if (status == WB_OK) status = wb_entry_read(file, last, last->bytes.skip, wide, (size_t)size, err);
  if (status == WB_OK) {
    narrow(text, wide, (size_t)count);
    file->metadata = json_loads(text, 0, NULL);
    if (!json_is_object(file->metadata)) {
      json_decref(file->metadata);
      file->metadata = NULL;
    } else {
      wb_inflation_end(&file->inflation);
      free(last->name);
      file->count--;
    }
  }
  free(text);
  free(wide);
  return status;
}

wb_status wb_npz_read(wb_arrays *file, wb_error *err) {
  directory where = {0};
  wb_status status = find_directory(file, &where, err);
  if (status != WB_OK) return status;
  uint8_t *bytes = malloc((size_t)where.size + 1);
  if (!bytes) return wb_fail_nomem(err, file->path, where.size);
  status = wb_arrays_pread(file, where.offset, bytes, (size_t)where.size, err);
  for (size_t at = 0, used = 0; status == WB_OK && at < where.size; at += used) {
    const size_t rest = (size_t)where.size - at;
    if (rest < ENTRY_SIZE || !has_mark(bytes + at, "\1\2"))
      status = no_archive(file, "its directory is damaged", err);
    else
      status = read_member(file, bytes + at, rest, &used, err);
    wb_inflation_end(&file->inflation); // it refers to an entry, and entries move
  }
  free(bytes);
  return status == WB_OK ? take_metadata(file, err) : status;
}
