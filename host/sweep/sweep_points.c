/* sweep_points.c: see sweep_points.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

enum { MOST_OF_A_RANGE = 10000 };

bool wb_sweep_lists(const json_t *texts, const char *text) {
  const json_t *item;
  size_t i;
  json_array_foreach(texts, i, item) {
    if (json_is_string(item) && !strcmp(json_string_value(item), text)) return true;
  }
  return false;
}

static void add_value(wb_sweep_axis *axis, json_t *json, const char *pointer) {
  wb_grow(axis->values, axis->value_count);
  axis->values[axis->value_count++] = (wb_sweep_value){json, wb_copy(pointer)};
}

/* "0..4"; false where the text is something else. */
static bool read_range(const char *text, long *first, long *last) {
  char *end;
  *first = strtol(text, &end, 10);
  if (end == text || strncmp(end, "..", 2)) return false;
  const char *second = end + 2;
  *last = strtol(second, &end, 10);
  return end != second && !*end && *last >= *first && *last - *first < MOST_OF_A_RANGE;
}

static void add_item(wb_sweep_axis *axis, json_t *item, const char *pointer) {
  long first, last;
  if (!json_is_string(item) || !read_range(json_string_value(item), &first, &last)) {
    add_value(axis, json_incref(item), pointer);
    return;
  }
  for (long i = first; i <= last; i++) {
    char number[24];
    snprintf(number, sizeof number, "%ld", i);
    add_value(axis, wb_must(json_string(number)), pointer);
  }
}

static void clear_axis(wb_sweep_axis *axis) {
  for (size_t i = 0; i < axis->value_count; i++) {
    json_decref(axis->values[i].json);
    free(axis->values[i].pointer);
  }
  free(axis->values);
  free(axis->name);
  free(axis->pointer);
  *axis = (wb_sweep_axis){0};
}

/* The values of one parameter; a list of lists is a list of values that are lists themselves. */
static void fill_axis(wb_sweep_axis *axis, const char *name, json_t *value, char *pointer) {
  *axis = (wb_sweep_axis){.name = wb_copy(name), .pointer = pointer};
  if (!json_is_array(value)) {
    add_item(axis, value, pointer);
    return;
  }
  json_t *item;
  size_t i;
  json_array_foreach(value, i, item) {
    char *where = wb_format("%s/%zu", pointer, i);
    add_item(axis, item, where);
    free(where);
  }
}

static wb_sweep_axis *find_axis(wb_sweep_points *points, const char *name) {
  for (size_t a = 0; a < points->axis_count; a++)
    if (!strcmp(points->axes[a].name, name)) return &points->axes[a];
  return NULL;
}

static wb_status refuse(const char *at, char **pointer, wb_error *err, const char *message) {
  *pointer = wb_copy(at);
  return wb_fail(err, WB_ARG, "%s", message);
}

/* Lets the mapping at `at` replace and add axes. */
static wb_status overlay(wb_sweep_points *points, const json_t *mapping, const char *at, char **pointer,
                         wb_error *err) {
  if (!json_is_object(mapping))
    return refuse(at, pointer, err, "it must hold lines such as \"rho: [0, 0.2]\"");
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)mapping, name, value) {
    if (!strcmp(name, "plugins")) {
      points->plugins = value;
      continue;
    }
    char *where = wb_format("%s/%s", at, name);
    wb_sweep_axis *axis = find_axis(points, name);
    if (axis)
      clear_axis(axis);
    else if (points->axis_count < WB_SWEEP_AXES)
      axis = &points->axes[points->axis_count++];
    if (!axis) {
      const wb_status status = refuse(where, pointer, err, "more than 16 parameters vary");
      free(where);
      return status;
    }
    fill_axis(axis, name, value, where);
    if (!axis->value_count) return refuse(axis->pointer, pointer, err, "the list of values is empty");
  }
  return WB_OK;
}

static void mark_varied(wb_sweep_points *points, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t a = 0; a < points[i].axis_count; a++) {
      wb_sweep_axis *axis = &points[i].axes[a];
      bool varied = axis->value_count > 1;
      for (size_t k = 0; k < count; k++) {
        const wb_sweep_axis *other = find_axis(&points[k], axis->name);
        varied = varied || !other || other->value_count != 1 ||
                 !json_equal(other->values[0].json, axis->values[0].json);
      }
      axis->varied = varied;
    }
}

wb_status wb_sweep_points_read(const json_t *file, wb_sweep_points **out, size_t *count, char **pointer,
                               wb_error *err) {
  const json_t *grid = json_object_get(file, "grid"), *extra = json_object_get(file, "extra");
  if (extra && !json_is_null(extra) && !json_is_array(extra))
    return refuse("/extra", pointer, err, "extra must be a list: \"- {dropout: 0, seed: 0}\"");
  *count = 1 + json_array_size(extra);
  *out = wb_new(wb_sweep_points, *count);
  wb_status status = WB_OK;
  for (size_t i = 0; i < *count && status == WB_OK; i++) {
    if (grid && !json_is_null(grid)) status = overlay(&(*out)[i], grid, "/grid", pointer, err);
    if (!i || status != WB_OK) continue;
    char *at = wb_format("/extra/%zu", i - 1);
    status = overlay(&(*out)[i], json_array_get(extra, i - 1), at, pointer, err);
    free(at);
  }
  if (status == WB_OK) {
    mark_varied(*out, *count);
    return WB_OK;
  }
  wb_sweep_points_free(*out, *count);
  *out = NULL;
  return status;
}

void wb_sweep_points_free(wb_sweep_points *points, size_t count) {
  for (size_t i = 0; points && i < count; i++)
    for (size_t a = 0; a < points[i].axis_count; a++) clear_axis(&points[i].axes[a]);
  free(points);
}
