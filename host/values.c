/* values.c: see values.h; memory. SPDX-License-Identifier: GPL-3.0-or-later */
#include "values.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void free_texts(char **texts, size_t count) {
  for (size_t i = 0; texts && i < count; i++) free(texts[i]);
  free(texts);
}

static void free_value(wb_value *value) {
  free_texts(value->row_labels, value->rows);
  free_texts(value->col_labels, value->cols);
  free_texts(value->class_names, value->class_count);
  free_texts(value->superclass_names, value->class_count);
  free(value->name);
  free(value->missing);
  free(value->data);
  free(value->x);
  free(value->classes);
}

/* A copy of `count` items of `size` bytes in *out; of at least one byte, so that NULL means no memory. */
static bool copy_array(void *out, const void *from, size_t count, size_t size) {
  void *copy = calloc(count ? count : 1, size);
  if (copy && count) memcpy(copy, from, count * size);
  memcpy(out, &copy, sizeof copy);
  return copy != NULL;
}

static bool copy_text(char **out, const char *from) {
  if (!from) return true;
  *out = strdup(from);
  return *out != NULL;
}

static bool copy_texts(char ***out, char *const *from, size_t count) {
  if (!from) return true;
  *out = calloc(count ? count : 1, sizeof **out);
  if (!*out) return false;
  for (size_t i = 0; i < count; i++)
    if (!copy_text(&(*out)[i], from[i] ? from[i] : "")) return false;
  return true;
}

static bool count_up(double **x, size_t count) {
  *x = calloc(count ? count : 1, sizeof **x);
  for (size_t i = 0; *x && i < count; i++) (*x)[i] = (double)i;
  return *x != NULL;
}

wb_status wb_value_sizes(const wb_value *value, size_t *data, size_t *x, wb_error *err) {
  *x = 0;
  switch (value->shape) {
  case WB_SCALAR:
    *data = 1;
    break;
  case WB_CURVE:
    *data = *x = value->rows;
    break;
  case WB_MATRIX:
    if (value->cols && value->rows > SIZE_MAX / sizeof(double) / value->cols)
      return wb_fail(err, WB_INTERNAL, "output %s is too large: %zu x %zu", value->name, value->rows,
                     value->cols);
    *data = value->rows * value->cols;
    break;
  case WB_POINTS:
    *data = 2 * value->rows;
    break;
  case WB_HISTOGRAM:
    *data = value->rows;
    *x = value->rows + 1;
    break;
  default:
    return wb_fail(err, WB_INTERNAL, "output %s has the unknown shape %u", value->name, value->shape);
  }
  return WB_OK;
}

static wb_status check(const wb_values *values, const wb_value *value, wb_error *err) {
  if (!value->name || !*value->name || strchr(value->name, '/') || value->name[0] == '.')
    return wb_fail(err, WB_INTERNAL, "an output cannot be named \"%s\"", value->name ? value->name : "");
  if (wb_values_find(values, value->name))
    return wb_fail(err, WB_INTERNAL, "output %s was emitted twice", value->name);
  size_t data = 0, x = 0;
  const wb_status status = wb_value_sizes(value, &data, &x, err);
  if (status == WB_OK && !value->missing &&
      ((data && !value->data) || (value->shape == WB_HISTOGRAM && !value->x)))
    return wb_fail(err, WB_INTERNAL, "output %s was emitted without its numbers", value->name);
  return status;
}

/* The arrays and texts of `from`, into a zeroed `to`. */
static bool copy_value(wb_value *to, const wb_value *from, size_t data, size_t x) {
  to->shape = from->shape;
  if (!copy_text(&to->name, from->name) || !copy_text(&to->missing, from->missing)) return false;
  if (from->missing) return true;
  to->rows = from->shape == WB_SCALAR ? 1 : from->rows;
  to->cols = from->shape == WB_MATRIX ? from->cols : from->shape == WB_POINTS ? 2 : 1;
  to->grid_rows = from->grid_rows;
  to->grid_cols = from->grid_cols;
  to->class_count = from->class_count;
  return copy_array(&to->data, from->data, data, sizeof(double)) &&
         (!x || (from->x ? copy_array(&to->x, from->x, x, sizeof(double)) : count_up(&to->x, x))) &&
         (!from->classes || copy_array(&to->classes, from->classes, from->rows, sizeof(int32_t))) &&
         copy_texts(&to->row_labels, from->row_labels, to->rows) &&
         copy_texts(&to->col_labels, from->col_labels, to->cols) &&
         copy_texts(&to->class_names, from->class_names, from->class_count) &&
         copy_texts(&to->superclass_names, from->superclass_names, from->class_count);
}

wb_status wb_values_add(wb_values *values, const wb_value *value, wb_error *err) {
  wb_status status = check(values, value, err);
  if (status != WB_OK) return status;
  size_t data = 0, x = 0;
  wb_value_sizes(value, &data, &x, err);
  wb_value *items = realloc(values->items, (values->count + 1) * sizeof *items);
  if (!items) return wb_fail_nomem(err, "an output", sizeof *items);
  values->items = items;
  wb_value copy = {0};
  if (!copy_value(&copy, value, data, x)) {
    free_value(&copy);
    return wb_fail_nomem(err, value->name, data * sizeof(double));
  }
  items[values->count++] = copy;
  return WB_OK;
}

const wb_value *wb_values_find(const wb_values *values, const char *name) {
  for (size_t i = 0; i < values->count; i++)
    if (!strcmp(values->items[i].name, name)) return &values->items[i];
  return NULL;
}

void wb_values_free(wb_values *values) {
  if (!values) return;
  for (size_t i = 0; i < values->count; i++) free_value(&values->items[i]);
  free(values->items);
  *values = (wb_values){0};
}
