/* values.h: what one call of a plugin emitted, in memory and as an HDF5 file (the form of a cache entry).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_VALUES_H
#define WB_VALUES_H

#include <stdbool.h>
#include <workbench/plugin.h>

#include "base/error.h"

/* One emitted output. Arrays and texts are owned. By shape:
 *   SCALAR     data[1]
 *   CURVE      rows = n, cols = 1: data[n], x[n]
 *   MATRIX     data[rows][cols]; row_labels (rows), col_labels (cols) or NULL
 *   POINTS     rows = n, cols = 2: data[n][2]; classes[n] or NULL
 *   HISTOGRAM  rows = bins, cols = 1: data[bins] counts, x[bins + 1] edges */
typedef struct wb_value {
  char *name;
  uint32_t shape; // wb_shape
  char *missing;  // the reason, where the value is missing; else NULL
  size_t rows, cols;
  double *data, *x;
  int32_t *classes;
  char **row_labels, **col_labels;
} wb_value;

typedef struct wb_values {
  wb_value *items;
  size_t count;
} wb_values;

/* Deep copy of `value` appended. WB_NOMEM. */
wb_status wb_values_add(wb_values *values, const wb_value *value, wb_error *err);
const wb_value *wb_values_find(const wb_values *values, const char *name); // NULL where there is none
void wb_values_free(wb_values *values);                                    // the contents, not the struct

/* Written atomically. */
wb_status wb_values_write(const char *path, const wb_values *values, wb_error *err);
wb_status wb_values_read(const char *path, wb_values *values, wb_error *err);

#endif
