/* h5_attributes.c: attributes, see h5.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5/h5_internal.h"

/* ---- Writing ---- */

static wb_status set_attribute(wb_h5 *file, const char *object, const char *name, hid_t file_type,
                               hid_t memory_type, const size_t *count, const void *values, wb_error *err) {
  if (H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0)
    H5Adelete_by_name(file->id, object, name, H5P_DEFAULT);
  const hsize_t extent = count ? *count : 1;
  const hid_t space = count ? H5Screate_simple(1, &extent, NULL) : H5Screate(H5S_SCALAR);
  const hid_t attribute =
      H5Acreate_by_name(file->id, object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  wb_status status = WB_OK;
  if (attribute < 0 || (extent > 0 && H5Awrite(attribute, memory_type, values) < 0))
    status = wb_h5_fail(err, WB_IO, "cannot write the attribute %s of %s in %s", name, object, file->path);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  return status;
}

static hid_t text_type(void) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

wb_status wb_h5_set_text(wb_h5 *file, const char *object, const char *name, const char *text, wb_error *err) {
  const hid_t type = text_type();
  const wb_status status = set_attribute(file, object, name, type, type, NULL, &text, err);
  H5Tclose(type);
  return status;
}

wb_status wb_h5_set_texts(wb_h5 *file, const char *object, const char *name, const char *const *texts,
                          size_t count, wb_error *err) {
  const hid_t type = text_type();
  const wb_status status = set_attribute(file, object, name, type, type, &count, texts, err);
  H5Tclose(type);
  return status;
}

/* One number is a scalar, as h5py users expect. */
wb_status wb_h5_set_ints(wb_h5 *file, const char *object, const char *name, const int64_t *values,
                         size_t count, wb_error *err) {
  return set_attribute(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, count == 1 ? NULL : &count,
                       values, err);
}

wb_status wb_h5_set_doubles(wb_h5 *file, const char *object, const char *name, const double *values,
                            size_t count, wb_error *err) {
  return set_attribute(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, count == 1 ? NULL : &count,
                       values, err);
}

/* ---- Reading ---- */

bool wb_h5_has_attribute(const wb_h5 *file, const char *object, const char *name) {
  return wb_h5_exists(file, object) && H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0;
}

typedef struct opened {
  hid_t id, type;
  H5T_class_t kind;
  size_t count;
} opened;

static void close_attribute(opened *a) {
  if (a->type >= 0) H5Tclose(a->type);
  if (a->id >= 0) H5Aclose(a->id);
}

static wb_status open_attribute(const wb_h5 *file, const char *object, const char *name, opened *a,
                                wb_error *err) {
  a->type = H5I_INVALID_HID;
  a->id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (a->id < 0) return wb_fail(err, WB_INPUT, "%s of %s has no attribute %s", object, file->path, name);
  a->type = H5Aget_type(a->id);
  const hid_t space = H5Aget_space(a->id);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  a->kind = H5Tget_class(a->type);
  a->count = count < 0 ? 0 : (size_t)count;
  if (count >= 0 && count < (1 << 24)) return WB_OK;
  close_attribute(a);
  return wb_fail(err, WB_INPUT, "the attribute %s of %s in %s is damaged", name, object, file->path);
}

static wb_status wrong_kind(const wb_h5 *file, const char *object, const char *name, const char *expected,
                            wb_error *err) {
  return wb_fail(err, WB_INPUT, "the attribute %s of %s in %s is not %s", name, object, file->path, expected);
}

void wb_h5_free_texts(char **texts, size_t count) {
  if (!texts) return;
  for (size_t i = 0; i < count; i++) free(texts[i]);
  free(texts);
}

static bool read_variable_texts(const opened *a, char **texts) {
  const hid_t space = H5Aget_space(a->id), memory = text_type();
  H5Tset_cset(memory, H5Tget_cset(a->type));
  char **raw = calloc(a->count + 1, sizeof *raw);
  bool ok = raw && H5Aread(a->id, memory, raw) >= 0;
  for (size_t i = 0; ok && i < a->count; i++) ok = (texts[i] = strdup(raw[i] ? raw[i] : "")) != NULL;
  if (raw) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
  free(raw);
  H5Tclose(memory);
  H5Sclose(space);
  return ok;
}

static bool read_fixed_texts(const opened *a, char **texts) {
  const size_t size = H5Tget_size(a->type);
  const bool spaces = H5Tget_strpad(a->type) == H5T_STR_SPACEPAD;
  char *raw = size < (1 << 20) ? calloc(a->count + 1, size) : NULL;
  bool ok = raw && H5Aread(a->id, a->type, raw) >= 0;
  for (size_t i = 0; ok && i < a->count; i++) {
    size_t length = strnlen(raw + i * size, size);
    while (spaces && length && raw[i * size + length - 1] == ' ') length--;
    ok = (texts[i] = strndup(raw + i * size, length)) != NULL;
  }
  free(raw);
  return ok;
}

wb_status wb_h5_get_texts(const wb_h5 *file, const char *object, const char *name, char ***texts,
                          size_t *count, wb_error *err) {
  *texts = NULL;
  *count = 0;
  opened a = {0};
  wb_status status = open_attribute(file, object, name, &a, err);
  if (status != WB_OK) return status;
  char **out = calloc(a.count + 1, sizeof *out);
  if (!out)
    status = wb_fail_nomem(err, "an attribute", (a.count + 1) * sizeof *out);
  else if (a.kind != H5T_STRING)
    status = wrong_kind(file, object, name, "text", err);
  else if (!(H5Tis_variable_str(a.type) > 0 ? read_variable_texts(&a, out) : read_fixed_texts(&a, out)))
    status = wrong_kind(file, object, name, "readable: the file is damaged", err);
  if (status == WB_OK) {
    *texts = out;
    *count = a.count;
  } else {
    wb_h5_free_texts(out, a.count);
  }
  close_attribute(&a);
  return status;
}

wb_status wb_h5_get_text(const wb_h5 *file, const char *object, const char *name, char **text,
                         wb_error *err) {
  *text = NULL;
  char **texts;
  size_t count;
  wb_status status = wb_h5_get_texts(file, object, name, &texts, &count, err);
  if (status != WB_OK) return status;
  if (count == 1) {
    *text = texts[0];
    texts[0] = NULL;
  } else {
    status = wrong_kind(file, object, name, "a single text", err);
  }
  wb_h5_free_texts(texts, count);
  return status;
}

wb_status wb_h5_get_doubles(const wb_h5 *file, const char *object, const char *name, double *values,
                            size_t capacity, size_t *count, wb_error *err) {
  *count = 0;
  opened a = {0};
  wb_status status = open_attribute(file, object, name, &a, err);
  if (status != WB_OK) return status;
  double *all = calloc(a.count + 1, sizeof *all);
  if (!all)
    status = wb_fail_nomem(err, "an attribute", (a.count + 1) * sizeof *all);
  else if (a.kind != H5T_FLOAT && a.kind != H5T_INTEGER)
    status = wrong_kind(file, object, name, "a number", err);
  else if (a.count && H5Aread(a.id, H5T_NATIVE_DOUBLE, all) < 0)
    status = wrong_kind(file, object, name, "readable: the file is damaged", err);
  if (status == WB_OK) {
    *count = a.count;
    memcpy(values, all, sizeof *all * (a.count < capacity ? a.count : capacity));
  }
  free(all);
  close_attribute(&a);
  return status;
}

/* Floats must be whole numbers within 2^53. */
static bool read_whole(const opened *a, int64_t *out) {
  if (a->kind == H5T_INTEGER) return !a->count || H5Aread(a->id, H5T_NATIVE_INT64, out) >= 0;
  double *values = calloc(a->count + 1, sizeof *values);
  bool ok = values && (!a->count || H5Aread(a->id, H5T_NATIVE_DOUBLE, values) >= 0);
  for (size_t i = 0; ok && i < a->count; i++) {
    ok = fabs(values[i]) <= 0x1p53 && values[i] == floor(values[i]);
    if (ok) out[i] = (int64_t)values[i];
  }
  free(values);
  return ok;
}

wb_status wb_h5_get_ints(const wb_h5 *file, const char *object, const char *name, int64_t *values,
                         size_t capacity, size_t *count, wb_error *err) {
  *count = 0;
  opened a = {0};
  wb_status status = open_attribute(file, object, name, &a, err);
  if (status != WB_OK) return status;
  int64_t *all = calloc(a.count + 1, sizeof *all);
  if (!all)
    status = wb_fail_nomem(err, "an attribute", (a.count + 1) * sizeof *all);
  else if ((a.kind != H5T_FLOAT && a.kind != H5T_INTEGER) || !read_whole(&a, all))
    status = wrong_kind(file, object, name, "a whole number", err);
  if (status == WB_OK) {
    *count = a.count;
    memcpy(values, all, sizeof *all * (a.count < capacity ? a.count : capacity));
  }
  free(all);
  close_attribute(&a);
  return status;
}
