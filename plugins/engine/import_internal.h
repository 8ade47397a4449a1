/* import_internal.h: an import under way, shared by import*.c. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_IMPORT_INTERNAL_H
#define WB_IMPORT_INTERNAL_H

#include "data/dataset.h"
#include "exchange/arrays.h"
#include "import.h"
#include "net.h"

typedef struct wb_import {
  const wb_host *host;
  const wb_import_params *params;
  const char *path; // of the foreign file
  wb_arrays *arrays;
  wb_dataset *data;     // NULL: none
  wb_net_config config; // arch points into params or the file's metadata
  wb_net *net;
  float mean[4], sd[4];
  size_t rows, cols;
  double dropout;
  size_t readout_classes; // 0: the file has no readout
  float *readout_weight, *readout_bias;
} wb_import;

/* import_fit.c: finds the configuration that the tensors imply, and makes the network. Tensors that are
 * missing, of another shape, or left over are logged as warnings, all of them; then WB_INPUT. */
wb_status wb_import_fit(wb_import *in, wb_error *err);

/* import_write.c: the run file, up to its commit. */
wb_status wb_import_write(wb_import *in, wb_error *err);

/* A text of the file's metadata; NULL where there is none. */
static inline const char *wb_import_text(const wb_import *in, const char *key) {
  return wb_arrays_metadata(in->arrays, key);
}
/* import.c: numbers of a metadata text "3,32,32"; false unless there are just `count`. */
bool wb_import_numbers(const wb_import *in, const char *key, double *values, size_t count);

#endif
