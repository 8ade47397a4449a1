/* unit_map.h: what metrics over the unit grid share: where units lie, and Moran's I of one map of them.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_UNIT_MAP_H
#define WB_UNIT_MAP_H

#include <workbench/plugin_util.h>

#include "autocorrelation.h"

/* The row of an input table that wb_unit_positions reads. */
#define WB_POSITIONS_INPUT                                                                                   \
  {                                                                                                          \
    .role = "positions", .help = "where each unit lies; the grid unless the file has positions",             \
    .object = "/positions", .axes = {"unit", "xy"}, .element = WB_F64, .rank = 2                             \
  }

/* positions (units, 2): x and y of each unit, in grid cells. */
static inline wb_status wb_unit_positions(const wb_host *host, uint64_t units, double *positions) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "positions", 0, dims));
  if (dims[1] != 2)
    return wb_host_fail(host, WB_INPUT, "%s has %llu numbers a unit as positions; expected 2, x and y",
                        host->run_path(host, 0), (unsigned long long)dims[1]);
  return host->read(host, "positions", 0, 0, units, positions);
}

/* Binary neighbours on the grid of the run; wb_spatial_free frees them. */
static inline wb_status wb_unit_neighbours(const wb_host *host, wb_neighbours which, wb_spatial *out) {
  wb_error err = {0};
  uint32_t rows, cols;
  WB_TRY(host->grid(host, 0, &rows, &cols));
  const wb_status status = wb_spatial_grid(out, rows, cols, which, false, false, &err);
  return status == WB_OK ? WB_OK : host->fail(host, status, err.message);
}

/* Emits Moran's I, rook neighbours, of a map of `dims` numbers a unit: x (units, dims), NaN where a unit has
 * none. */
static inline wb_status wb_unit_map_moran(const wb_host *host, const char *output, const double *x,
                                          size_t dims) {
  wb_spatial spatial;
  WB_TRY(wb_unit_neighbours(host, WB_ROOK, &spatial));
  const double i = wb_moran_map(x, dims, &spatial);
  wb_spatial_free(&spatial);
  return wb_host_emit_or_missing(host, output, i, "the map is constant, or no two neighbours have a value");
}

#endif
