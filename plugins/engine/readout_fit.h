/* readout_fit.h: the readout of an encoder: embeds images and trains the linear classifier on them. What
 * follows contrastive training and what train-readout does alike. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_READOUT_FIT_H
#define WB_READOUT_FIT_H

#include "data/dataset.h"
#include "hdf5/runfile.h"
#include "net.h"
#include "train_params.h"

/* Which images, seen through which encoder. */
typedef struct wb_readout_images {
  const wb_host *host;
  wb_net *net; // its weights are those of the encoder
  const wb_dataset *data;
  const float *mean, *sd;      // per channel, to normalise images by
  bool relu;                   // the classifier reads the embedding after ReLU
  const uint32_t *kept, *held; // positions of training and validation images in data->train
  size_t kept_count, held_count;
} wb_readout_images;

/* Embedding (count, units) before ReLU, and logits and labels unless NULL, of the images at the positions
 * `samples`, or of the first `count` where that is NULL. In pieces, so that a stop need not wait for all:
 * WB_CANCELLED. */
wb_status wb_readout_embed(const wb_readout_images *in, const wb_images *images, const uint32_t *samples,
                           size_t count, float *embedding, float *logits, int32_t *labels, wb_error *err);

/* Trains a classifier as the parameters say; weight (classes, units) and bias (classes) live as long as the
 * host's allocations. Logs how it went. With --readout-augment, the training images are cropped, flipped and
 * embedded anew in every epoch. */
wb_status wb_readout_fit(const wb_readout_images *in, const wb_train_params *params, uint64_t seed,
                         float **weight, float **bias, wb_error *err);

/* logits (count, classes) of embeddings (count, units), before ReLU. */
wb_status wb_readout_apply(const wb_readout_images *in, float *logits, const float *weight, const float *bias,
                           const float *embedding, size_t count);

/* What a run file says of the test images: points into the arguments and the data set. rows x cols: the grid.
 */
wb_status wb_readout_activations(const wb_readout_images *in, size_t rows, size_t cols,
                                 const float *embedding, const float *logits, wb_runfile_activations *out);

#endif
