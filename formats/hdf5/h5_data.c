/* h5_data.c: data sets, see h5.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hdf5/h5_internal.h"

size_t wb_h5_element_size(wb_element element) {
  return element == WB_U8 ? 1 : element == WB_F32 || element == WB_I32 ? 4 : 8;
}

hid_t wb_h5_memory_type(wb_element element) {
  switch (element) {
  case WB_F32:
    return H5T_NATIVE_FLOAT;
  case WB_F64:
    return H5T_NATIVE_DOUBLE;
  case WB_I32:
    return H5T_NATIVE_INT32;
  case WB_I64:
    return H5T_NATIVE_INT64;
  case WB_U8:
    return H5T_NATIVE_UINT8;
  }
  return H5I_INVALID_HID;
}

static hid_t file_type(wb_element element) {
  switch (element) {
  case WB_F32:
    return H5T_IEEE_F32LE;
  case WB_F64:
    return H5T_IEEE_F64LE;
  case WB_I32:
    return H5T_STD_I32LE;
  case WB_I64:
    return H5T_STD_I64LE;
  case WB_U8:
    return H5T_STD_U8LE;
  }
  return H5I_INVALID_HID;
}

wb_element wb_h5_closest_element(hid_t type) {
  const size_t size = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT) return size <= 4 ? WB_F32 : WB_F64;
  if (kind != H5T_INTEGER) return (wb_element)0;
  const bool is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
  if (size == 1 && !is_signed) return WB_U8;
  return size < 4 || (size == 4 && is_signed) ? WB_I32 : WB_I64;
}

bool wb_h5_exists(const wb_h5 *file, const char *object) {
  return strcmp(object, "/") == 0 || H5Oexists_by_name(file->id, object, H5P_DEFAULT) > 0;
}

/* " It holds: /a [10, 5], /b [3]." into out. */
static void describe_contents(const wb_h5 *file, char *out, size_t size) {
  enum { SHOWN = 12 };
  char **paths = NULL;
  size_t count = 0, used = 0;
  if (wb_h5_datasets(file, "/", &paths, &count, NULL) != WB_OK) return;
  used += (size_t)snprintf(out, size, count ? " It holds" : " It holds no data sets at all");
  for (size_t i = 0; i < count && i < SHOWN && used < size; i++) {
    wb_h5_shape shape;
    if (wb_h5_get_shape(file, paths[i], &shape, NULL) != WB_OK) continue;
    used += (size_t)snprintf(out + used, size - used, "%s %s [", i ? "," : "", paths[i]);
    for (uint32_t a = 0; a < shape.rank && used < size; a++)
      used += (size_t)snprintf(out + used, size - used, "%s%llu", a ? ", " : "",
                               (unsigned long long)shape.dims[a]);
    if (used < size) used += (size_t)snprintf(out + used, size - used, "]");
  }
  if (count > SHOWN && used < size) snprintf(out + used, size - used, " and %zu more", count - SHOWN);
  wb_h5_free_texts(paths, count);
}

static wb_status open_dataset(const wb_h5 *file, const char *object, hid_t *out, wb_error *err) {
  *out = H5Dopen2(file->id, object, H5P_DEFAULT);
  if (*out >= 0) return WB_OK;
  char contents[700] = "";
  if (err && err->status == WB_OK) describe_contents(file, contents, sizeof contents);
  return wb_fail(err, WB_INPUT, "%s has no data set %s.%s", file->path, object, contents);
}

static bool mappable(hid_t dataset, hid_t type, wb_element element) {
  const hid_t list = H5Dget_create_plist(dataset);
  const bool plain = H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0;
  H5Pclose(list);
  const haddr_t offset = H5Dget_offset(dataset);
  return plain && element && H5Tequal(type, wb_h5_memory_type(element)) > 0 && offset != HADDR_UNDEF &&
         offset % wb_h5_element_size(element) == 0;
}

static wb_status shape_of(const wb_h5 *file, const char *object, hid_t dataset, wb_h5_shape *shape,
                          wb_error *err) {
  memset(shape, 0, sizeof *shape);
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const int rank = H5Sget_simple_extent_ndims(space);
  wb_status status = WB_OK;
  if (type < 0 || rank < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) {
    status = wb_fail(err, WB_INPUT, "%s of %s has no readable shape", object, file->path);
  } else if (rank > WB_H5_MAX_RANK) {
    status = wb_fail(err, WB_INPUT, "%s of %s has %d axes; at most %d are supported", object, file->path,
                     rank, WB_H5_MAX_RANK);
  } else {
    hsize_t dims[WB_H5_MAX_RANK] = {0};
    uint64_t count = 1;
    H5Sget_simple_extent_dims(space, dims, NULL);
    shape->rank = (uint32_t)rank;
    for (int a = 0; a < rank && status == WB_OK; a++) {
      shape->dims[a] = dims[a];
      if (__builtin_mul_overflow(count, dims[a], &count) || count > INT64_MAX / 8)
        status = wb_fail(err, WB_INPUT, "%s of %s claims an impossible size", object, file->path);
    }
    shape->element = wb_h5_closest_element(type);
    shape->contiguous = mappable(dataset, type, shape->element);
  }
  H5Sclose(space);
  H5Tclose(type);
  return status;
}

wb_status wb_h5_get_shape(const wb_h5 *file, const char *object, wb_h5_shape *shape, wb_error *err) {
  hid_t dataset;
  wb_status status = open_dataset(file, object, &dataset, err);
  if (status != WB_OK) return status;
  status = shape_of(file, object, dataset, shape, err);
  H5Dclose(dataset);
  return status;
}

/* A number that an integer cannot hold ends the reading; HDF5 would clip it. */
static H5T_conv_ret_t refuse_inexact(H5T_conv_except_t what, hid_t from, hid_t to, void *source, void *target,
                                     void *data) {
  (void)from, (void)to, (void)source, (void)target, (void)data;
  return what == H5T_CONV_EXCEPT_PRECISION ? H5T_CONV_UNHANDLED : H5T_CONV_ABORT;
}

static wb_status read_selection(const wb_h5 *file, const char *object, hid_t dataset,
                                const wb_h5_shape *shape, wb_element element, uint64_t first, uint64_t count,
                                void *out, wb_error *err) {
  hid_t file_space = H5S_ALL, memory_space = H5S_ALL, list = H5P_DEFAULT;
  if (shape->rank) {
    hsize_t start[WB_H5_MAX_RANK] = {first}, block[WB_H5_MAX_RANK] = {count};
    for (uint32_t a = 1; a < shape->rank; a++) block[a] = shape->dims[a];
    file_space = H5Dget_space(dataset);
    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, block, NULL);
    memory_space = H5Screate_simple((int)shape->rank, block, NULL);
  }
  if (element != WB_F32 && element != WB_F64) {
    list = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_type_conv_cb(list, refuse_inexact, NULL);
  }
  wb_status status = WB_OK;
  if (H5Dread(dataset, wb_h5_memory_type(element), memory_space, file_space, list, out) < 0)
    status = wb_h5_fail(err, WB_INPUT, "cannot read %s of %s%s", object, file->path,
                        element != shape->element && list != H5P_DEFAULT
                            ? ": it is damaged or holds numbers that are no integers"
                            : ": it is damaged");
  if (shape->rank) {
    H5Sclose(file_space);
    H5Sclose(memory_space);
  }
  if (list != H5P_DEFAULT) H5Pclose(list);
  return status;
}

wb_status wb_h5_read_rows(const wb_h5 *file, const char *object, wb_element element, uint64_t first,
                          uint64_t count, void *out, wb_error *err) {
  hid_t dataset;
  wb_h5_shape shape;
  wb_status status = open_dataset(file, object, &dataset, err);
  if (status != WB_OK) return status;
  status = shape_of(file, object, dataset, &shape, err);
  const uint64_t rows = shape.rank ? shape.dims[0] : 1;
  if (status == WB_OK && !shape.element)
    status = wb_fail(err, WB_INPUT, "%s of %s does not hold numbers", object, file->path);
  if (status == WB_OK && (first > rows || count > rows - first))
    status =
        wb_fail(err, WB_INPUT, "%s of %s has %llu rows; rows %llu to %llu were asked for", object, file->path,
                (unsigned long long)rows, (unsigned long long)first, (unsigned long long)(first + count) - 1);
  if (status == WB_OK && count > 0)
    status = read_selection(file, object, dataset, &shape, element, first, count, out, err);
  H5Dclose(dataset);
  return status;
}

wb_status wb_h5_read(const wb_h5 *file, const char *object, wb_element element, void *out, wb_error *err) {
  wb_h5_shape shape;
  const wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  return wb_h5_read_rows(file, object, element, 0, shape.rank ? shape.dims[0] : 1, out, err);
}

wb_status wb_h5_map(const wb_h5 *file, const char *object, wb_h5_mapping *out, wb_error *err) {
  memset(out, 0, sizeof *out);
  hid_t dataset;
  wb_h5_shape shape;
  wb_status status = open_dataset(file, object, &dataset, err);
  if (status != WB_OK) return status;
  status = shape_of(file, object, dataset, &shape, err);
  const haddr_t offset = H5Dget_offset(dataset);
  H5Dclose(dataset);
  if (status != WB_OK) return status;
  if (!shape.contiguous)
    return wb_fail(err, WB_UNSUPPORTED, "%s of %s cannot be mapped: it is chunked or converted", object,
                   file->path);
  size_t bytes = wb_h5_element_size(shape.element);
  for (uint32_t a = 0; a < shape.rank; a++) bytes *= shape.dims[a];

  /* HDF5's own descriptor: the path may name a newer file by now. */
  int *fd = NULL;
  struct stat info;
  if (H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&fd) < 0 || fstat(*fd, &info) != 0) {
    status = wb_fail(err, WB_UNSUPPORTED, "%s cannot be mapped", file->path);
  } else if ((uint64_t)info.st_size < bytes || offset > (uint64_t)info.st_size - bytes) {
    status = wb_fail(err, WB_INPUT, "%s is too short to hold %s", file->path, object);
  } else {
    const size_t lead = offset % (size_t)sysconf(_SC_PAGESIZE);
    void *base = mmap(NULL, lead + bytes, PROT_READ, MAP_PRIVATE, *fd, (off_t)(offset - lead));
    if (base == MAP_FAILED)
      status = wb_fail_errno(err, "cannot map %s", file->path);
    else
      *out = (wb_h5_mapping){.data = (const char *)base + lead, .base = base, .length = lead + bytes};
  }
  return status;
}

void wb_h5_unmap(wb_h5_mapping *mapping) {
  if (mapping->base) munmap(mapping->base, mapping->length);
  memset(mapping, 0, sizeof *mapping);
}

static hid_t link_properties(void) {
  const hid_t list = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(list, 1);
  return list;
}

wb_status wb_h5_write(wb_h5 *file, const char *object, wb_element element, uint32_t rank,
                      const uint64_t *dims, const void *data, wb_error *err) {
  if (rank > WB_H5_MAX_RANK) return wb_fail(err, WB_INTERNAL, "%s would have %u axes", object, rank);
  hsize_t extent[WB_H5_MAX_RANK];
  bool empty = false;
  for (uint32_t a = 0; a < rank; a++) {
    extent[a] = dims[a];
    empty |= dims[a] == 0;
  }
  const hid_t space = rank ? H5Screate_simple((int)rank, extent, NULL) : H5Screate(H5S_SCALAR);
  const hid_t create = H5Pcreate(H5P_DATASET_CREATE), links = link_properties();
  H5Pset_obj_track_times(create, false); // equal contents make equal files
  const hid_t dataset = H5Dcreate2(file->id, object, file_type(element), space, links, create, H5P_DEFAULT);
  wb_status status = WB_OK;
  if (dataset < 0 || (data && !empty &&
                      H5Dwrite(dataset, wb_h5_memory_type(element), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0))
    status = wb_h5_fail(err, WB_IO, "cannot write %s of %s", object, file->path);
  if (dataset >= 0) H5Dclose(dataset);
  H5Pclose(links);
  H5Pclose(create);
  H5Sclose(space);
  return status;
}

wb_status wb_h5_write_rows(wb_h5 *file, const char *object, wb_element element, uint64_t first,
                           uint64_t count, const void *data, wb_error *err) {
  hid_t dataset;
  wb_h5_shape shape;
  wb_status status = open_dataset(file, object, &dataset, err);
  if (status != WB_OK) return status;
  status = shape_of(file, object, dataset, &shape, err);
  if (status == WB_OK && (!shape.rank || first > shape.dims[0] || count > shape.dims[0] - first))
    status = wb_fail(err, WB_INTERNAL, "rows written beyond the end of %s", object);
  if (status == WB_OK && count > 0) {
    hsize_t start[WB_H5_MAX_RANK] = {first}, block[WB_H5_MAX_RANK] = {count};
    for (uint32_t a = 1; a < shape.rank; a++) block[a] = shape.dims[a];
    const hid_t file_space = H5Dget_space(dataset);
    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, block, NULL);
    const hid_t memory_space = H5Screate_simple((int)shape.rank, block, NULL);
    if (H5Dwrite(dataset, wb_h5_memory_type(element), memory_space, file_space, H5P_DEFAULT, data) < 0)
      status = wb_h5_fail(err, WB_IO, "cannot write %s of %s", object, file->path);
    H5Sclose(file_space);
    H5Sclose(memory_space);
  }
  H5Dclose(dataset);
  return status;
}

wb_status wb_h5_make_group(wb_h5 *file, const char *object, wb_error *err) {
  if (wb_h5_exists(file, object)) return WB_OK;
  const hid_t links = link_properties();
  const hid_t group = H5Gcreate2(file->id, object, links, H5P_DEFAULT, H5P_DEFAULT);
  wb_status status = WB_OK;
  if (group < 0)
    status = wb_h5_fail(err, WB_IO, "cannot write the group %s of %s", object, file->path);
  else
    H5Gclose(group);
  H5Pclose(links);
  return status;
}

wb_status wb_h5_soft_link(wb_h5 *file, const char *link, const char *target, wb_error *err) {
  const hid_t links = link_properties();
  wb_status status = WB_OK;
  if (H5Lcreate_soft(target, file->id, link, links, H5P_DEFAULT) < 0)
    status = wb_h5_fail(err, WB_IO, "cannot write the link %s of %s", link, file->path);
  H5Pclose(links);
  return status;
}
