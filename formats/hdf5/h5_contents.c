/* h5_contents.c: what is in a file, and its digests; see h5.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "hdf5/h5_internal.h"

/* ---- Listings ---- */

typedef struct listing {
  const char *prefix; // put before each name; NULL for none
  char **items;
  size_t count, capacity;
  bool failed;
} listing;

static void append(listing *list, const char *name) {
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity ? 2 * list->capacity : 32;
    char **items = realloc(list->items, capacity * sizeof *items);
    if (!items) {
      list->failed = true;
      return;
    }
    list->items = items;
    list->capacity = capacity;
  }
  const size_t lead = list->prefix ? strlen(list->prefix) + 1 : 0;
  char *item = malloc(lead + strlen(name) + 1);
  if (!item) {
    list->failed = true;
    return;
  }
  if (lead) {
    memcpy(item, list->prefix, lead - 1);
    item[lead - 1] = '/';
  }
  strcpy(item + lead, name);
  list->items[list->count++] = item;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static wb_status finish_listing(listing *list, bool walked, const wb_h5 *file, const char *object,
                                char ***items, size_t *count, wb_error *err) {
  if (!walked || list->failed) {
    wb_h5_free_texts(list->items, list->count);
    return list->failed ? wb_fail_nomem(err, "a listing", sizeof *list->items * list->capacity)
                        : wb_fail(err, WB_INPUT, "%s has no readable %s", file->path, object);
  }
  if (list->count) qsort(list->items, list->count, sizeof *list->items, by_text);
  *items = list->items;
  *count = list->count;
  return WB_OK;
}

static herr_t on_attribute(hid_t object, const char *name, const H5A_info_t *info, void *data) {
  (void)object, (void)info;
  listing *list = data;
  append(list, name);
  return list->failed;
}

wb_status wb_h5_attribute_names(const wb_h5 *file, const char *object, char ***names, size_t *count,
                                wb_error *err) {
  *names = NULL;
  *count = 0;
  listing list = {0};
  const herr_t walked = H5Aiterate_by_name(file->id, object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL,
                                           on_attribute, &list, H5P_DEFAULT);
  return finish_listing(&list, walked >= 0, file, object, names, count, err);
}

static herr_t on_link(hid_t group, const char *name, const H5L_info_t *link, void *data) {
  listing *list = data;
  H5O_info_t info;
  if (link->type != H5L_TYPE_HARD) return 0;
  if (H5Oget_info_by_name2(group, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return 0;
  if (info.type == H5O_TYPE_DATASET) append(list, name);
  return list->failed;
}

wb_status wb_h5_datasets(const wb_h5 *file, const char *group, char ***paths, size_t *count, wb_error *err) {
  *paths = NULL;
  *count = 0;
  listing list = {.prefix = strcmp(group, "/") == 0 ? "" : group};
  const herr_t walked =
      H5Lvisit_by_name(file->id, group, H5_INDEX_NAME, H5_ITER_INC, on_link, &list, H5P_DEFAULT);
  return finish_listing(&list, walked >= 0, file, group, paths, count, err);
}

/* ---- Digests ---- */

static void add_u64(wb_sha256 *hash, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  wb_sha256_update(hash, bytes, sizeof bytes);
}

static wb_status add_texts(wb_sha256 *hash, const wb_h5 *file, const char *object, const char *name,
                           wb_error *err) {
  char **texts;
  size_t count;
  const wb_status status = wb_h5_get_texts(file, object, name, &texts, &count, err);
  if (status != WB_OK) return status;
  wb_sha256_text(hash, "text");
  add_u64(hash, count);
  for (size_t i = 0; i < count; i++) wb_sha256_text(hash, texts[i]);
  wb_h5_free_texts(texts, count);
  return WB_OK;
}

static wb_status add_numbers(wb_sha256 *hash, const wb_h5 *file, const char *object, const char *name,
                             bool whole, size_t count, wb_error *err) {
  void *values = calloc(count + 1, 8); // int64_t or double
  if (!values) return wb_fail_nomem(err, "an attribute", (count + 1) * 8);
  const wb_status status = whole ? wb_h5_get_ints(file, object, name, values, count, &count, err)
                                 : wb_h5_get_doubles(file, object, name, values, count, &count, err);
  if (status == WB_OK) {
    wb_sha256_text(hash, whole ? "int" : "float");
    add_u64(hash, count);
    wb_sha256_update(hash, values, 8 * count);
  }
  free(values);
  return status;
}

/* Name, kind, number of values, values; of an attribute that is neither text nor number only the name. */
static wb_status add_attribute(wb_sha256 *hash, const wb_h5 *file, const char *object, const char *name,
                               wb_error *err) {
  const hid_t id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (id < 0) return wb_h5_fail(err, WB_INPUT, "cannot read the attribute %s of %s", name, object);
  const hid_t type = H5Aget_type(id), space = H5Aget_space(id);
  const H5T_class_t kind = H5Tget_class(type);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  H5Tclose(type);
  H5Aclose(id);
  wb_sha256_text(hash, name);
  if (kind == H5T_STRING) return add_texts(hash, file, object, name, err);
  if (kind == H5T_INTEGER || kind == H5T_FLOAT)
    return add_numbers(hash, file, object, name, kind == H5T_INTEGER, count > 0 ? (size_t)count : 0, err);
  return WB_OK;
}

static wb_status add_attributes(wb_sha256 *hash, const wb_h5 *file, const char *object, wb_error *err) {
  char **names;
  size_t count;
  wb_status status = wb_h5_attribute_names(file, object, &names, &count, err);
  for (size_t i = 0; status == WB_OK && i < count; i++)
    status = add_attribute(hash, file, object, names[i], err);
  wb_h5_free_texts(names, count);
  return status;
}

/* The data in pieces of about 4 MB. x86 and every other machine that this runs on is little-endian. */
static wb_status add_data(wb_sha256 *hash, const wb_h5 *file, const char *object, wb_error *err) {
  static const char *const names[] = {"", "f32", "f64", "i32", "i64", "u8"};
  wb_h5_shape shape;
  wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  if (!shape.element) return wb_fail(err, WB_INPUT, "%s of %s does not hold numbers", object, file->path);
  wb_sha256_text(hash, names[shape.element]);
  add_u64(hash, shape.rank);
  size_t row = wb_h5_element_size(shape.element);
  for (uint32_t a = 0; a < shape.rank; a++) {
    add_u64(hash, shape.dims[a]);
    if (a) row *= shape.dims[a];
  }
  const uint64_t rows = shape.rank ? shape.dims[0] : 1;
  if (!row || !rows) return WB_OK;
  const uint64_t piece = row < (4u << 20) ? (4u << 20) / row : 1;
  void *buffer = malloc((size_t)(piece < rows ? piece : rows) * row);
  if (!buffer) return wb_fail_nomem(err, object, (piece < rows ? piece : rows) * row);
  for (uint64_t first = 0; status == WB_OK && first < rows; first += piece) {
    const uint64_t count = rows - first < piece ? rows - first : piece;
    status = wb_h5_read_rows(file, object, shape.element, first, count, buffer, err);
    if (status == WB_OK) wb_sha256_update(hash, buffer, count * row);
  }
  free(buffer);
  return status;
}

wb_status wb_h5_digest(const wb_h5 *file, const char *object, char digest[WB_DIGEST_SIZE], wb_error *err) {
  H5O_info_t info;
  if (!wb_h5_exists(file, object) ||
      H5Oget_info_by_name2(file->id, object, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
    return wb_fail(err, WB_INPUT, "%s has no %s", file->path, object);
  wb_sha256 *hash = wb_sha256_new();
  wb_status status = WB_OK;
  if (info.type == H5O_TYPE_DATASET) status = add_data(hash, file, object, err);
  if (status == WB_OK) status = add_attributes(hash, file, object, err);
  char made[WB_DIGEST_SIZE];
  const wb_status finished = wb_sha256_finish(hash, made, status == WB_OK ? err : NULL);
  if (status == WB_OK) status = finished;
  if (status == WB_OK) memcpy(digest, made, sizeof made);
  return status;
}
