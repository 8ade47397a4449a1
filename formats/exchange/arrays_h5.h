/* arrays_h5.h: the arrays of another program's file as an HDF5 file. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_ARRAYS_H5_H
#define WB_ARRAYS_H5_H

#include "base/error.h"

/* Writes `target`, read from `source` (see arrays.h) in blocks: each array of numbers is a data set /NAME of
 * the element that holds it, and a single number is an attribute of the root, too. `stamp` becomes the
 * attribute source_stamp. What holds no real numbers is left out. */
wb_status wb_arrays_to_h5(const char *source, const char *target, const char *stamp, wb_error *err);

#endif
