/* readout.h: a linear classifier on a frozen embedding (DEFINITIONS.md, "Readout"): cross-entropy, AdamW with
 * decay on weights and biases. No I/O. OpenMP inside; bit-identical for a given number of threads.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_READOUT_H
#define WB_READOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_readout_config {
  size_t units, classes;
  size_t batch;
  int epochs, patience; // patience 0: no early stopping
  double rate;
  bool cosine;   // 3 epochs of linear warm-up, then cosine decay to 1e-5 in the last epoch; else constant
  double decay;  // 0.01
  uint64_t seed; // of the first weights and the order of samples
} wb_readout_config;

/* Embeddings of one split with their labels. */
typedef struct wb_readout_data {
  const float *embedding; // (count, units)
  const int32_t *labels;  // (count)
  size_t count;
  /* Called before each epoch, counting from 0, to put other embeddings of the same images in place; NULL:
   * they stay. What it fails with, the training fails with. */
  wb_status (*refresh)(void *context, int epoch, wb_error *err);
  void *context;
} wb_readout_data;

typedef struct wb_readout_report {
  int epochs;      // that ran
  double accuracy; // best on the validation data; NaN without
} wb_readout_report;

/* PyTorch's default: uniform +-1/sqrt(units). weight (classes, units), bias (classes). */
void wb_readout_init(float *weight, float *bias, const wb_readout_config *config);

/* Learning rate of an epoch, counting from 0. */
double wb_readout_rate(const wb_readout_config *config, int epoch);

/* Trains weight and bias from what they hold and leaves the epoch of best validation accuracy, the last
 * without validation data (count 0), whose refresh is not called. WB_NOMEM. */
wb_status wb_readout_train(float *weight, float *bias, wb_readout_report *report,
                           const wb_readout_config *config, const wb_readout_data *train,
                           const wb_readout_data *validation, wb_error *err);

/* logits (count, classes) = embedding weight^T + bias. */
void wb_readout_logits(float *logits, const float *weight, const float *bias, const wb_readout_config *config,
                       const float *embedding, size_t count);

#endif
