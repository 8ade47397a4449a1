/* values.h: what one call of a plugin emitted, in memory and as an HDF5 file (the form of a cache entry).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_VALUES_H
#define WB_VALUES_H

#include <stdbool.h>
#include <workbench/plugin.h>

#include "base/error.h"
#include "hdf5/h5.h"

/* One emitted output. Arrays and texts are owned. By shape:
 *   SCALAR     data[1]
 *   CURVE      rows = n, cols = 1: data[n], x[n]
 *   MATRIX     data[rows][cols]; row_labels (rows), col_labels (cols) or NULL
 *   POINTS     rows = n, cols = 2: data[n][2]; classes[n] or NULL
 *   HISTOGRAM  rows = bins, cols = 1: data[bins] counts, x[bins + 1] edges
 * A missing value has no arrays and rows = cols = 0. */
typedef struct wb_value {
  char *name;     // without '/'; unique within its wb_values
  uint32_t shape; // wb_shape
  char *missing;  // the reason, where the value is missing; else NULL
  size_t rows, cols;
  double *data, *x;
  int32_t *classes;
  char **row_labels, **col_labels;
  /* What the host knows beside what was emitted, for the figures. */
  uint32_t grid_rows, grid_cols;          // WB_PLOT_MAPS: the unit grid of a row; 0 where unknown
  size_t class_count;                     // POINTS, WB_OUTPUT_CLASSES: of the run's labels; 0 where unknown
  char **class_names, **superclass_names; // (class_count) each, or NULL
} wb_value;

typedef struct wb_values {
  wb_value *items;
  size_t count;
} wb_values;

/* Deep copy of `value` appended; a curve without x gets 0 .. n-1. WB_NOMEM; WB_INTERNAL for a name that is
 * there already or cannot be stored, an unknown shape, or missing arrays. */
wb_status wb_values_add(wb_values *values, const wb_value *value, wb_error *err);
const wb_value *wb_values_find(const wb_values *values, const char *name); // NULL where there is none
void wb_values_free(wb_values *values);                                    // the contents, not the struct

/* Numbers in `data` and `x` for the value's shape, rows and cols. WB_INTERNAL for an unknown shape or
 * overflow. */
wb_status wb_value_sizes(const wb_value *value, size_t *data, size_t *x, wb_error *err);

/* A file of its own, written atomically; reading fills *values, which must be empty, and leaves it empty on
 * failure (WB_INPUT where the file is not such a file). Not thread-safe (HDF5). */
wb_status wb_values_write(const char *path, const wb_values *values, wb_error *err);
wb_status wb_values_read(const char *path, wb_values *values, wb_error *err);

/* Why one value of such a file is missing, malloc'ed; *reason stays NULL where it is there. */
wb_status wb_values_missing(const char *path, const char *name, char **reason, wb_error *err);

/* The same as a group of an open file; `group` is absolute, without a trailing '/' ("" is the root). */
wb_status wb_values_put(wb_h5 *file, const char *group, const wb_values *values, wb_error *err);
wb_status wb_values_get(const wb_h5 *file, const char *group, wb_values *values, wb_error *err);

#endif
