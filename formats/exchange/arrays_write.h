/* arrays_write.h: writes arrays for other programs: .safetensors and .npz. Files are written under a
 * temporary name in the same folder, synced and renamed. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ARRAYS_WRITE_H
#define WB_ARRAYS_WRITE_H

#include <jansson.h>

#include "exchange/arrays.h"

typedef struct wb_array_data {
  const char *name;
  wb_element element;
  uint32_t rank;
  uint64_t dims[WB_ARRAY_RANK];
  const void *data; // row-major
} wb_array_data;

/* Row-major and little-endian, in the order given. metadata: an object of texts, kept as __metadata__. Equal
 * contents make equal files. WB_IO. */
wb_status wb_safetensors_write(const char *path, const wb_array_data *arrays, size_t count,
                               const json_t *metadata, wb_error *err);

/* Stored, not deflated; np.load reads it without pickle. The metadata are the member "metadata", a text: the
 * object as JSON. */
wb_status wb_npz_write(const char *path, const wb_array_data *arrays, size_t count, const json_t *metadata,
                       wb_error *err);

#endif
