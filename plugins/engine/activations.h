/* activations.h: what a network makes of the images of a data set, layer by layer, into a run file, in
 * blocks. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ACTIVATIONS_H
#define WB_ACTIVATIONS_H

#include "data/dataset.h"
#include "service_internal.h"

typedef struct wb_activations_job {
  const wb_dataset *data;
  const char *split;         // "test" or "train"
  const char *const *layers; // (layer_count) further ones, beside embedding and logits
  size_t layer_count;
  bool pooled;           // layers as the mean over pixels, (N, channels), instead of (N, channels x pixels)
  bool batch_statistics; // batch norm in training mode, see wb_model_forward_batch; without layers
  size_t rows, cols;     // the grid of the embedding's units
} wb_activations_job;

/* Writes /activations/SPLIT of a file under construction. A failure is in *err or with the host; WB_CANCELLED
 * when the user stopped. */
wb_status wb_activations_write(const wb_host *host, wb_model *model, const wb_activations_job *job,
                               wb_h5 *file, wb_error *err);

#endif
