/* inspect.c: see inspect.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

uint64_t wb_grid_rows(uint64_t units) {
  uint64_t rows = 1;
  for (uint64_t d = 2; d <= units / d; d++)
    if (units % d == 0) rows = d;
  return rows;
}

static bool is_square(uint64_t number) {
  const uint64_t rows = wb_grid_rows(number);
  return rows * rows == number;
}

typedef struct candidates {
  char *list;     // "/layer4 [10000, 512], /fc [10000, 256]"
  char *best;     // the one to try: if the role has units, one that fills a square grid
  uint64_t units; // its length along the unit axis; 0: the role has none
  size_t count;
} candidates;

static int unit_axis(const wb_input *input) {
  for (uint32_t a = 0; a < input->rank; a++)
    if (!strcmp(input->axes[a], "unit")) return (int)a;
  return -1;
}

static void add(candidates *c, const wb_input *input, const char *path, const wb_h5_shape *shape) {
  enum { LISTED = 12 };
  if (c->count++ >= LISTED) return;
  char dims[128];
  int used = 0;
  for (uint32_t a = 0; a < shape->rank && a < WB_MAX_RANK; a++)
    used += snprintf(dims + used, sizeof dims - (size_t)used, "%s%llu", a ? ", " : "",
                     (unsigned long long)shape->dims[a]);
  char *longer = wb_format("%s%s%s [%s]", c->list ? c->list : "", c->list ? ", " : "", path, dims);
  free(c->list);
  c->list = longer;
  const int axis = unit_axis(input);
  const uint64_t units = axis < 0 ? 0 : shape->dims[axis];
  if (c->best && axis >= 0 && is_square(c->units) && !is_square(units)) return;
  free(c->best);
  c->best = wb_copy(path);
  c->units = units;
}

static candidates find_candidates(const wb_h5 *file, const wb_input *input) {
  candidates c = {0};
  char **paths = NULL;
  size_t count = 0;
  wb_h5_datasets(file, "/", &paths, &count, NULL);
  for (size_t i = 0; i < count; i++) {
    wb_h5_shape shape;
    if (wb_h5_get_shape(file, paths[i], &shape, NULL) != WB_OK || !shape.element || shape.rank != input->rank)
      continue;
    add(&c, input, paths[i], &shape);
  }
  wb_h5_free_texts(paths, count);
  return c;
}

wb_status wb_fail_missing(const wb_h5 *file, const wb_spec *spec, const wb_input *input, const char *object,
                          wb_error *err) {
  const char *path = wb_h5_path(file);
  char *axes = wb_input_axes(input), *what, *held, *try = wb_copy("");
  candidates c = find_candidates(file, input);
  if (object)
    what = wb_format("%s has no %s, which %s reads as %s %s.", path, object, spec->id, input->role, axes);
  else
    what = wb_format("%s reads %s %s; --object %s=/PATH says where %s has it.", spec->id, input->role, axes,
                     input->role, path);
  if (c.list)
    held = wb_format("\nIt holds %u-D data at: %s%s.", input->rank, c.list, c.count > 12 ? ", and more" : "");
  else
    held = wb_format("\nIt holds no %u-D data.", input->rank);
  if (c.best) {
    free(try);
    char *grid = c.units > 1 ? wb_format(" --grid %llux%llu", (unsigned long long)wb_grid_rows(c.units),
                                         (unsigned long long)(c.units / wb_grid_rows(c.units)))
                             : wb_copy("");
    try = wb_format("\nTry: workbench run %s --in %s --object %s=%s%s", spec->id, path, input->role, c.best,
                    grid);
    free(grid);
  }
  wb_fail(err, WB_INPUT, "%s%s%s", what, held, try);
  free(axes);
  free(what);
  free(held);
  free(try);
  free(c.list);
  free(c.best);
  return WB_INPUT;
}
