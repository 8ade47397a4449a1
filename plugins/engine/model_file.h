/* model_file.h: a network in a run file: /model with its attributes, /readout, /roles (formats/SCHEMA.md).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_MODEL_FILE_H
#define WB_MODEL_FILE_H

#include "data/dataset.h"
#include "hdf5/h5.h"
#include "net.h"

/* What a network does not say itself. */
typedef struct wb_model_notes {
  size_t rows, cols; // the grid
  double dropout;
  const float *mean, *sd;         // (channels), of images in [0, 1]
  const char *const *class_names; // (classes); NULL where they are not known
  size_t classes;
  const float *readout_weight, *readout_bias; // of a classifier on the frozen embedding, (classes, units) and
                                              // (classes); NULL where there is none
} wb_model_notes;

wb_status wb_model_write(const wb_net *net, const wb_model_notes *notes, wb_h5 *file, wb_error *err);

/* Its weights and buffers alone, below `group`. */
wb_status wb_model_write_tensors(const wb_net *net, const char *group, wb_h5 *file, wb_error *err);

/* The factor "data": "builtin", or "builtin,train=400,test=100" where only a part is used: runs on another
 * part are another condition. */
void wb_data_factor(char *out, size_t size, const wb_dataset *data);

#endif
