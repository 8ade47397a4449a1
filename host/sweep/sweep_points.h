/* sweep_points.h: the combinations of parameters that a sweep file asks for.
 *
 * `grid` maps parameters to the values they take: every combination is trained. Each entry of `extra` is the
 * same grid with some of it changed: parameters that it names take its values, the others those of `grid`; so
 * {dropout: 0, seed: 0} adds one run without dropout to every condition. An entry's `plugins` are those it is
 * for. Values are single or lists; the item 0..4 stands for 0, 1, 2, 3, 4.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SWEEP_POINTS_H
#define WB_SWEEP_POINTS_H

#include <jansson.h>
#include <stdbool.h>

#include "sweep.h"

enum { WB_SWEEP_AXES = 16 };

typedef struct wb_sweep_value {
  json_t *json;
  char *pointer; // JSON pointer of where the file says so
} wb_sweep_value;

typedef struct wb_sweep_axis {
  char *name;    // of the parameter
  char *pointer; // of the parameter in the file
  wb_sweep_value *values;
  size_t value_count;
  bool varied; // takes more than one value in the whole sweep
} wb_sweep_axis;

typedef struct wb_sweep_points {
  wb_sweep_axis axes[WB_SWEEP_AXES];
  size_t axis_count;
  const json_t *plugins; // ids; NULL: all
} wb_sweep_points;

/* grid, then each of extra. WB_ARG with a sentence, and in *pointer where (a JSON pointer, malloc'ed). Freed
 * by wb_sweep_points_free. */
wb_status wb_sweep_points_read(const json_t *file, wb_sweep_points **out, size_t *count, char **pointer,
                               wb_error *err);
void wb_sweep_points_free(wb_sweep_points *points, size_t count);

/* Whether an array of texts holds one. */
bool wb_sweep_lists(const json_t *texts, const char *text);

#endif
