/* dataset_h5.c: any images in HDF5.
 *
 *   /train/images       uint8 [N, H, W, C] or [N, H, W]; 0..255, channels last, C = 1 to 4
 *   /train/labels       any integer type [N]; 0..classes-1
 *   /train/stimulus_id  any integer type [N]; optional
 *   /test/...           the same. /train may be missing as a whole: a data set to measure on, not to train on
 *
 * Attributes of /train/labels, /test/labels or the root, looked for in this order, all optional:
 *   classes             strings [classes]: the name of each class. Without: "0", "1", .. up to the largest
 * label superclasses        strings [classes]: the name of each class' superclass
 *
 * The data set is named after the file. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset_internal.h"

enum { MOST_CLASSES = 1 << 16, SLAB_BYTES = 1 << 24 };

typedef struct source {
  hid_t file;
  const char *path;
  wb_error *err;
} source;

typedef struct array {
  hid_t id;
  char name[64]; // "/train/images"
  int rank;
  hsize_t dims[H5S_MAX_RANK];
  char shape[128]; // "[10000, 32, 32, 3]"
} array;

static void describe_shape(array *a) {
  size_t at = 0;
  for (int i = 0; i < a->rank && at < sizeof a->shape; i++)
    at += (size_t)snprintf(a->shape + at, sizeof a->shape - at, "%s%llu", i ? ", " : "[",
                           (unsigned long long)a->dims[i]);
  if (at < sizeof a->shape) snprintf(a->shape + at, sizeof a->shape - at, a->rank ? "]" : "a single value");
}

/* Opens /split/name, whose elements must be integers (with `bytes`: uint8). The caller closes a->id if >= 0.
 */
static wb_status open_array(const source *src, const char *split, const char *name, int bytes, array *a) {
  snprintf(a->name, sizeof a->name, "/%s/%s", split, name);
  a->id = H5Dopen2(src->file, a->name, H5P_DEFAULT);
  if (a->id < 0)
    return wb_fail(
        src->err, WB_INPUT,
        "%s has no dataset %s; image data hold /test/images, /test/labels and, to train on, /train/images "
        "and /train/labels",
        src->path, a->name);
  const hid_t type = H5Dget_type(a->id), space = H5Dget_space(a->id);
  const int integer = H5Tget_class(type) == H5T_INTEGER;
  const int byte = integer && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
  a->rank = H5Sget_simple_extent_dims(space, a->dims, NULL);
  H5Sclose(space);
  H5Tclose(type);
  describe_shape(a);
  if (bytes ? byte : integer) return WB_OK;
  return wb_fail(src->err, WB_INPUT, "%s: %s must be %s, but is of another type", src->path, a->name,
                 bytes ? "uint8 (0 to 255)" : "integers");
}

/* Reads [N, H, W, C] as (N, C, H, W), some images at a time. */
static wb_status read_planar(const source *src, const array *a, const wb_images *images, uint8_t *pixels) {
  const size_t channels = images->channels, plane = (size_t)images->height * images->width,
               size = channels * plane;
  const size_t slab = size < SLAB_BYTES ? SLAB_BYTES / size : 1;
  uint8_t *buffer = malloc(slab * size);
  if (!buffer) return wb_fail_nomem(src->err, "reading images", slab * size);
  const hid_t space = H5Dget_space(a->id);
  int failed = 0;
  for (size_t first = 0; first < images->count && !failed; first += slab) {
    const size_t rows = images->count - first < slab ? images->count - first : slab;
    const hsize_t start[4] = {first}, count[4] = {rows, images->height, images->width, channels};
    const hid_t memory = H5Screate_simple(a->rank, count, NULL);
    failed = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
             H5Dread(a->id, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, buffer) < 0;
    H5Sclose(memory);
    for (size_t i = 0; i < rows && !failed; i++)
      for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < plane; p++)
          pixels[(first + i) * size + c * plane + p] = buffer[i * size + p * channels + c];
  }
  H5Sclose(space);
  free(buffer);
  if (failed) return wb_fail(src->err, WB_INPUT, "%s: %s cannot be read; is it damaged?", src->path, a->name);
  return WB_OK;
}

static wb_status read_images(const source *src, const char *split, wb_images *images, int32_t **labels) {
  array a;
  uint8_t *pixels;
  wb_status status = open_array(src, split, "images", 1, &a);
  if (!status && a.rank != 3 && a.rank != 4)
    status = wb_fail(src->err, WB_INPUT,
                     "%s: %s is %s; expected [images, height, width, channels] or [images, height, width]",
                     src->path, a.name, a.shape);
  const uint64_t channels = a.rank == 4 ? a.dims[3] : 1;
  if (!status)
    status = wb_images_alloc(images, src->path, a.dims[0], channels, a.dims[1], a.dims[2], &pixels, labels,
                             src->err);
  if (!status) status = read_planar(src, &a, images, pixels);
  if (a.id >= 0) H5Dclose(a.id);
  return status;
}

/* Reads /split/name [count] into *out, malloc'ed. */
static wb_status read_integers(const source *src, const char *split, const char *name, size_t count,
                               int64_t **out) {
  array a;
  int64_t *values = NULL;
  wb_status status = open_array(src, split, name, 0, &a);
  if (!status && (a.rank != 1 || a.dims[0] != count))
    status = wb_fail(src->err, WB_INPUT, "%s: %s is %s; expected [%zu], one for each image", src->path,
                     a.name, a.shape, count);
  if (!status && !(values = malloc(count * sizeof *values)))
    status = wb_fail_nomem(src->err, a.name, count * sizeof *values);
  if (!status && H5Dread(a.id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    status = wb_fail(src->err, WB_INPUT, "%s: %s cannot be read; is it damaged?", src->path, a.name);
  if (a.id >= 0) H5Dclose(a.id);
  if (status)
    free(values);
  else
    *out = values;
  return status;
}

static wb_status read_split(const source *src, const char *split, wb_images *images) {
  int32_t *labels;
  int64_t *values;
  wb_status status = read_images(src, split, images, &labels);
  if (!status) status = read_integers(src, split, "labels", images->count, &values);
  if (status) return status;
  size_t wrong = images->count;
  for (size_t i = 0; i < images->count; i++) {
    if (values[i] < 0 || values[i] >= MOST_CLASSES) wrong = wrong < i ? wrong : i;
    labels[i] = (int32_t)values[i];
  }
  if (wrong < images->count)
    status =
        wb_fail(src->err, WB_INPUT, "%s: value %zu of /%s/labels is %lld; expected a class, 0 to %d at most",
                src->path, wrong, split, (long long)values[wrong], MOST_CLASSES - 1);
  free(values);
  char ids[64];
  snprintf(ids, sizeof ids, "/%s/stimulus_id", split);
  if (status || H5Lexists(src->file, ids, H5P_DEFAULT) <= 0) return status;
  if (!(status = read_integers(src, split, "stimulus_id", images->count, &values))) images->ids = values;
  return status;
}

/* Copies attribute value `i` of `id`, fixed (size bytes each, perhaps without NUL) or of variable length. */
static char *copy_name(const void *values, size_t i, size_t size, int variable) {
  if (!variable) return strndup((const char *)values + i * size, size);
  const char *text = ((char *const *)values)[i];
  return strdup(text ? text : "");
}

/* Reads an attribute of strings [*count] into *names, all malloc'ed. */
static wb_status read_strings(const source *src, hid_t attribute, const char *name, char ***names,
                              size_t *count) {
  const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  const int text = H5Tget_class(type) == H5T_STRING, variable = text && H5Tis_variable_str(type) > 0;
  const size_t size = H5Tget_size(type);
  wb_status status = WB_OK;
  void *values = NULL;
  char **copies = NULL;
  if (!text || points < 1 || points > MOST_CLASSES) {
    status =
        wb_fail(src->err, WB_INPUT, "%s: the attribute %s must hold strings, one for each of 1 to %d classes",
                src->path, name, MOST_CLASSES);
    goto done;
  }
  values = calloc((size_t)points, size);
  copies = calloc((size_t)points, sizeof *copies);
  if (!values || !copies) {
    status = wb_fail_nomem(src->err, "class names", (size_t)points * size);
    goto done;
  }
  if (H5Aread(attribute, type, values) < 0) {
    status =
        wb_fail(src->err, WB_INPUT, "%s: the attribute %s cannot be read; is it damaged?", src->path, name);
    goto done;
  }
  for (size_t i = 0; i < (size_t)points; i++)
    if (!(copies[i] = copy_name(values, i, size, variable)))
      status = wb_fail_nomem(src->err, "class names", size);
  if (variable) H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
  *names = copies;
  *count = (size_t)points;
  copies = NULL;
done:
  free(copies);
  free(values);
  H5Sclose(space);
  H5Tclose(type);
  return status;
}

/* Looks for the attribute in its three places; *names stays NULL if there is none. */
static wb_status find_strings(const source *src, const char *name, char ***names, size_t *count) {
  static const char *const places[] = {"/train/labels", "/test/labels", "/"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const hid_t attribute = H5Aopen_by_name(src->file, places[i], name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) continue;
    const wb_status status = read_strings(src, attribute, name, names, count);
    H5Aclose(attribute);
    return status;
  }
  return WB_OK;
}

static uint32_t classes_seen(const wb_images *images) {
  int32_t most = -1;
  for (size_t i = 0; i < images->count; i++) most = images->labels[i] > most ? images->labels[i] : most;
  return (uint32_t)(most + 1);
}

/* The file's name without directory and extension. */
static char *stem(const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  return dot && dot > base ? strndup(base, (size_t)(dot - base)) : strdup(base);
}

static void free_strings(char **strings, size_t count) {
  for (size_t i = 0; strings && i < count; i++) free(strings[i]);
  free(strings);
}

static wb_status describe(const source *src, wb_dataset *data) {
  char **names = NULL, **groups = NULL, *name = stem(src->path);
  size_t named = 0, grouped = 0;
  wb_status status = name ? WB_OK : wb_fail_nomem(src->err, "a name", strlen(src->path));
  if (!status) status = find_strings(src, "classes", &names, &named);
  if (!status) status = find_strings(src, "superclasses", &groups, &grouped);
  const uint32_t train = classes_seen(&data->train), test = classes_seen(&data->test);
  const uint32_t classes = names ? (uint32_t)named : train > test ? train : test;
  if (!status && groups && grouped != classes)
    status =
        wb_fail(src->err, WB_INPUT,
                "%s: the attribute superclasses has %zu names; expected %u, the superclass of each class",
                src->path, grouped, classes);
  if (!status)
    status = wb_dataset_describe(data, name, classes, (const char *const *)names, (const char *const *)groups,
                                 src->err);
  if (!status) status = wb_images_check_labels(&data->train, classes, src->path, src->err);
  if (!status) status = wb_images_check_labels(&data->test, classes, src->path, src->err);
  free_strings(names, named);
  free_strings(groups, grouped);
  free(name);
  return status;
}

static wb_status load(source *src, wb_dataset *data) {
  src->file = H5Fopen(src->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (src->file < 0)
    return wb_fail(src->err, WB_INPUT,
                   "%s cannot be opened as HDF5; it is damaged, truncated or another kind of file",
                   src->path);
  wb_status status = WB_OK;
  if (H5Lexists(src->file, "/train", H5P_DEFAULT) > 0) status = read_split(src, "train", &data->train);
  if (!status) status = read_split(src, "test", &data->test);
  if (!status) status = describe(src, data);
  H5Fclose(src->file);
  return status;
}

wb_status wb_dataset_load_h5(const wb_dataset_request *request, wb_dataset *data, wb_error *err) {
  H5E_auto2_t handler;
  void *context;
  H5Eget_auto2(H5E_DEFAULT, &handler, &context);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  source src = {.path = request->path, .err = err};
  const wb_status status = load(&src, data);
  H5Eset_auto2(H5E_DEFAULT, handler, context);
  return status;
}
