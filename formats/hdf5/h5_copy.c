/* h5_copy.c: from one file to another, see h5.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5/h5_internal.h"

/* One attribute, as it is. */
static bool copy_attribute(hid_t source, hid_t target, const char *name) {
  const hid_t attribute = H5Aopen(source, name, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  const size_t size = H5Tget_size(type);
  void *values = count >= 0 ? calloc((size_t)count + 1, size ? size : 1) : NULL;
  bool copied = values && H5Aread(attribute, type, values) >= 0;
  if (copied) {
    const hid_t copy = H5Acreate2(target, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    copied = copy >= 0 && H5Awrite(copy, type, values) >= 0;
    if (copy >= 0) H5Aclose(copy);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
  }
  free(values);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return copied;
}

wb_status wb_h5_copy_attributes(const wb_h5 *from, const char *object, wb_h5 *to, wb_error *err) {
  char **names = NULL;
  size_t count = 0;
  wb_status status = wb_h5_attribute_names(from, object, &names, &count, err);
  if (status != WB_OK) return status;
  const hid_t source = H5Oopen(from->id, object, H5P_DEFAULT), target = H5Oopen(to->id, object, H5P_DEFAULT);
  for (size_t i = 0; i < count && status == WB_OK; i++)
    if (H5Aexists(target, names[i]) <= 0 && !copy_attribute(source, target, names[i]))
      status = wb_h5_fail(err, WB_INPUT, "cannot copy the attribute %s of %s from %s", names[i], object,
                          from->path);
  if (source >= 0) H5Oclose(source);
  if (target >= 0) H5Oclose(target);
  wb_h5_free_texts(names, count);
  return status;
}

typedef struct copying {
  const wb_h5 *from;
  wb_h5 *to;
  const char *object;
  wb_error *err;
} copying;

/* The attributes of one object below `object`; "." is itself. */
static herr_t copy_below(hid_t group, const char *name, const H5O_info_t *info, void *data) {
  (void)group, (void)info;
  const copying *c = data;
  char path[1024];
  const bool itself = strcmp(name, ".") == 0;
  if (snprintf(path, sizeof path, "%s%s%s", c->object, itself ? "" : "/", itself ? "" : name) >=
      (int)sizeof path)
    return wb_fail(c->err, WB_INPUT, "%s has an object with too long a name", c->from->path), -1;
  return wb_h5_copy_attributes(c->from, path, c->to, c->err) == WB_OK ? 0 : -1;
}

/* Attributes apart: H5Ocopy of HDF5 1.10 crashes on an object with more than eight of which one is a text. */
wb_status wb_h5_copy(const wb_h5 *from, const char *object, wb_h5 *to, wb_error *err) {
  const hid_t links = H5Pcreate(H5P_LINK_CREATE), how = H5Pcreate(H5P_OBJECT_COPY);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_copy_object(how, H5O_COPY_WITHOUT_ATTR_FLAG);
  wb_status status = WB_OK;
  copying c = {from, to, object, err};
  if (H5Ocopy(from->id, object, to->id, object, how, links) < 0)
    status = wb_h5_fail(err, WB_INPUT, "cannot copy %s from %s to %s", object, from->path, to->path);
  else if (H5Ovisit_by_name1(from->id, object, H5_INDEX_NAME, H5_ITER_INC, copy_below, &c, H5P_DEFAULT) < 0)
    status = wb_h5_fail(err, WB_INPUT, "cannot copy the attributes of %s from %s", object, from->path);
  H5Pclose(how);
  H5Pclose(links);
  return status;
}
