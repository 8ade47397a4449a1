/* values_h5.c: see values.h; values as a group of an HDF5 file:
 *
 *   GROUP            schema "workbench.values/1", count, outputs (names in the order they were emitted)
 *   GROUP/NAME       shape ("scalar", ..); missing (the reason), or else:
 *   GROUP/NAME/data  the numbers, as wb_value describes; row_labels, col_labels, grid, class_names,
 * superclass_names GROUP/NAME/x, /classes    where the shape has them
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define SCHEMA "workbench.values/1"

static const char *const shape_names[] = {"", "scalar", "curve", "matrix", "points", "histogram"};
enum { SHAPE_COUNT = sizeof shape_names / sizeof *shape_names, PATH_SIZE = 512 };

static wb_status join(char out[PATH_SIZE], const char *group, const char *name, const char *leaf,
                      wb_error *err) {
  const int n = snprintf(out, PATH_SIZE, "%s/%s%s", group, name, leaf);
  if (n < 0 || n >= PATH_SIZE) return wb_fail(err, WB_INTERNAL, "the output name %.60s.. is too long", name);
  return WB_OK;
}

static wb_status put_texts(wb_h5 *file, const char *object, const char *name, char *const *texts,
                           size_t count, wb_error *err) {
  if (!texts || !count) return WB_OK;
  return wb_h5_set_texts(file, object, name, (const char *const *)texts, count, err);
}

static wb_status put_data(wb_h5 *file, const char *group, const wb_value *v, wb_error *err) {
  char data[PATH_SIZE], other[PATH_SIZE];
  wb_status status = join(data, group, v->name, "/data", err);
  const uint32_t rank = v->shape == WB_MATRIX || v->shape == WB_POINTS ? 2 : 1;
  if (status == WB_OK)
    status = wb_h5_write(file, data, WB_F64, rank, (uint64_t[]){v->rows, v->cols}, v->data, err);
  if (status == WB_OK) status = put_texts(file, data, "row_labels", v->row_labels, v->rows, err);
  if (status == WB_OK) status = put_texts(file, data, "col_labels", v->col_labels, v->cols, err);
  if (status == WB_OK) status = put_texts(file, data, "class_names", v->class_names, v->class_count, err);
  if (status == WB_OK)
    status = put_texts(file, data, "superclass_names", v->superclass_names, v->class_count, err);
  if (status == WB_OK && v->grid_rows)
    status = wb_h5_set_ints(file, data, "grid", (int64_t[]){v->grid_rows, v->grid_cols}, 2, err);
  if (status == WB_OK && v->x && (status = join(other, group, v->name, "/x", err)) == WB_OK)
    status =
        wb_h5_write(file, other, WB_F64, 1, (uint64_t[]){v->rows + (v->shape == WB_HISTOGRAM)}, v->x, err);
  if (status == WB_OK && v->classes && (status = join(other, group, v->name, "/classes", err)) == WB_OK)
    status = wb_h5_write(file, other, WB_I32, 1, (uint64_t[]){v->rows}, v->classes, err);
  return status;
}

static wb_status put_value(wb_h5 *file, const char *group, const wb_value *v, wb_error *err) {
  char path[PATH_SIZE];
  wb_status status = join(path, group, v->name, "", err);
  if (status == WB_OK) status = wb_h5_make_group(file, path, err);
  if (status == WB_OK) status = wb_h5_set_text(file, path, "shape", shape_names[v->shape], err);
  if (status != WB_OK) return status;
  return v->missing ? wb_h5_set_text(file, path, "missing", v->missing, err) : put_data(file, group, v, err);
}

wb_status wb_values_put(wb_h5 *file, const char *group, const wb_values *values, wb_error *err) {
  const char *head = *group ? group : "/";
  wb_status status = WB_OK;
  const char **names = calloc(values->count + 1, sizeof *names);
  if (!names) return wb_fail_nomem(err, "the names of outputs", values->count * sizeof *names);
  for (size_t i = 0; i < values->count; i++) names[i] = values->items[i].name;
  if (*group) status = wb_h5_make_group(file, group, err);
  if (status == WB_OK) status = wb_h5_set_text(file, head, "schema", SCHEMA, err);
  if (status == WB_OK)
    status = wb_h5_set_ints(file, head, "count", (int64_t[]){(int64_t)values->count}, 1, err);
  if (status == WB_OK && values->count)
    status = wb_h5_set_texts(file, head, "outputs", names, values->count, err);
  for (size_t i = 0; i < values->count && status == WB_OK; i++)
    status = put_value(file, group, &values->items[i], err);
  free(names);
  return status;
}

/* An optional attribute of `expected` texts. */
static wb_status get_texts(const wb_h5 *file, const char *object, const char *name, size_t expected,
                           char ***texts, wb_error *err) {
  if (!wb_h5_has_attribute(file, object, name)) return WB_OK;
  size_t count = 0;
  wb_status status = wb_h5_get_texts(file, object, name, texts, &count, err);
  if (status == WB_OK && count != expected) {
    wb_h5_free_texts(*texts, count);
    *texts = NULL;
    status = wb_fail(err, WB_INPUT, "%s: %s has %zu %s, expected %zu", wb_h5_path(file), object, count, name,
                     expected);
  }
  return status;
}

/* Reads a data set of known element count into a new array. */
static wb_status get_array(const wb_h5 *file, const char *object, wb_element element, size_t expected,
                           void **out, wb_error *err) {
  wb_h5_shape shape = {0};
  wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  uint64_t count = 1;
  for (uint32_t a = 0; a < shape.rank; a++) count *= shape.dims[a];
  if (count != expected)
    return wb_fail(err, WB_INPUT, "%s: %s holds %llu numbers, expected %zu", wb_h5_path(file), object,
                   (unsigned long long)count, expected);
  const size_t size = element == WB_I32 ? sizeof(int32_t) : sizeof(double);
  *out = calloc(expected ? expected : 1, size);
  if (!*out) return wb_fail_nomem(err, object, expected * size);
  return expected ? wb_h5_read(file, object, element, *out, err) : WB_OK;
}

static wb_status get_labels(const wb_h5 *file, const char *data, wb_value *v, wb_error *err) {
  wb_status status = get_texts(file, data, "row_labels", v->rows, &v->row_labels, err);
  if (status == WB_OK) status = get_texts(file, data, "col_labels", v->cols, &v->col_labels, err);
  if (status == WB_OK && wb_h5_has_attribute(file, data, "class_names")) {
    status = wb_h5_get_texts(file, data, "class_names", &v->class_names, &v->class_count, err);
    if (status == WB_OK)
      status = get_texts(file, data, "superclass_names", v->class_count, &v->superclass_names, err);
  }
  int64_t grid[2] = {0};
  size_t count = 0;
  if (status == WB_OK && wb_h5_has_attribute(file, data, "grid") &&
      (status = wb_h5_get_ints(file, data, "grid", grid, 2, &count, err)) == WB_OK) {
    v->grid_rows = (uint32_t)grid[0];
    v->grid_cols = (uint32_t)grid[1];
  }
  return status;
}

static wb_status get_data(const wb_h5 *file, const char *path, wb_value *v, wb_error *err) {
  char data[PATH_SIZE], x[PATH_SIZE], classes[PATH_SIZE];
  wb_h5_shape shape = {0};
  size_t data_count = 0, x_count = 0;
  wb_status status = join(data, path, "data", "", err);
  if (status == WB_OK) status = join(x, path, "x", "", err);
  if (status == WB_OK) status = join(classes, path, "classes", "", err);
  if (status == WB_OK) status = wb_h5_get_shape(file, data, &shape, err);
  if (status != WB_OK) return status;
  v->rows = shape.rank ? (size_t)shape.dims[0] : 1;
  v->cols = shape.rank == 2 ? (size_t)shape.dims[1] : 1;
  status = wb_value_sizes(v, &data_count, &x_count, err);
  if (status == WB_OK) status = get_array(file, data, WB_F64, data_count, (void **)&v->data, err);
  if (status == WB_OK && x_count) status = get_array(file, x, WB_F64, x_count, (void **)&v->x, err);
  if (status == WB_OK && v->shape == WB_POINTS && wb_h5_exists(file, classes))
    status = get_array(file, classes, WB_I32, v->rows, (void **)&v->classes, err);
  return status == WB_OK ? get_labels(file, data, v, err) : status;
}

static wb_status get_shape(const wb_h5 *file, const char *path, uint32_t *shape, wb_error *err) {
  char *text = NULL;
  const wb_status status = wb_h5_get_text(file, path, "shape", &text, err);
  if (status != WB_OK) return status;
  for (uint32_t i = 1; i < SHAPE_COUNT; i++)
    if (!strcmp(text, shape_names[i])) *shape = i;
  free(text);
  return *shape ? WB_OK
                : wb_fail(err, WB_INPUT, "%s: %s has a shape of output that this version does not know",
                          wb_h5_path(file), path);
}

static wb_status get_value(const wb_h5 *file, const char *group, const char *name, wb_value *v,
                           wb_error *err) {
  char path[PATH_SIZE];
  wb_status status = join(path, group, name, "", err);
  v->name = strdup(name);
  if (!v->name) return wb_fail_nomem(err, "the name of an output", strlen(name));
  if (status == WB_OK) status = get_shape(file, path, &v->shape, err);
  if (status != WB_OK) return status;
  if (wb_h5_has_attribute(file, path, "missing"))
    return wb_h5_get_text(file, path, "missing", &v->missing, err);
  return get_data(file, path, v, err);
}

static wb_status check_schema(const wb_h5 *file, const char *head, int64_t *count, wb_error *err) {
  char *schema = NULL;
  size_t n = 0;
  if (!wb_h5_has_attribute(file, head, "schema") || !wb_h5_has_attribute(file, head, "count") ||
      wb_h5_get_text(file, head, "schema", &schema, NULL) != WB_OK || strcmp(schema, SCHEMA) != 0) {
    free(schema);
    return wb_fail(err, WB_INPUT, "%s: %s holds no outputs of an analysis (schema %s)", wb_h5_path(file),
                   head, SCHEMA);
  }
  free(schema);
  return wb_h5_get_ints(file, head, "count", count, 1, &n, err);
}

wb_status wb_values_get(const wb_h5 *file, const char *group, wb_values *values, wb_error *err) {
  const char *head = *group ? group : "/";
  char **names = NULL;
  size_t name_count = 0;
  int64_t count = 0;
  wb_status status = check_schema(file, head, &count, err);
  if (status == WB_OK && count) status = wb_h5_get_texts(file, head, "outputs", &names, &name_count, err);
  if (status == WB_OK && (int64_t)name_count != count)
    status = wb_fail(err, WB_INPUT, "%s: %s names %zu outputs, expected %lld", wb_h5_path(file), head,
                     name_count, (long long)count);
  if (status == WB_OK && !(values->items = calloc(name_count + 1, sizeof *values->items)))
    status = wb_fail_nomem(err, "outputs", name_count * sizeof *values->items);
  for (size_t i = 0; i < name_count && status == WB_OK; i++)
    status = get_value(file, group, names[i], &values->items[values->count++], err);
  wb_h5_free_texts(names, name_count);
  if (status != WB_OK) wb_values_free(values);
  return status;
}

wb_status wb_values_write(const char *path, const wb_values *values, wb_error *err) {
  wb_h5 *file = NULL;
  wb_status status = wb_h5_create(path, &file, err);
  if (status == WB_OK) status = wb_values_put(file, "", values, err);
  if (status == WB_OK) return wb_h5_commit(file, err);
  wb_h5_close(file);
  return status;
}

wb_status wb_values_read(const char *path, wb_values *values, wb_error *err) {
  wb_h5 *file = NULL;
  wb_status status = wb_h5_open(path, &file, err);
  if (status == WB_OK) status = wb_values_get(file, "", values, err);
  wb_h5_close(file);
  return status;
}

wb_status wb_values_missing(const char *path, const char *name, char **reason, wb_error *err) {
  wb_h5 *file = NULL;
  char object[PATH_SIZE];
  *reason = NULL;
  wb_status status = wb_h5_open(path, &file, err);
  if (status == WB_OK) status = join(object, "", name, "", err);
  if (status == WB_OK && wb_h5_has_attribute(file, object, "missing"))
    status = wb_h5_get_text(file, object, "missing", reason, err);
  wb_h5_close(file);
  return status;
}
