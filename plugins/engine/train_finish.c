/* train_finish.c: what follows the last epoch: the readout where the objective has none of its own, the test
 * activations, the complete run file. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "readout_fit.h"
#include "train_internal.h"

/* The kept encoder and its images. */
static wb_readout_images readout_images(const wb_trainer *t) {
  return (wb_readout_images){.host = t->host,
                             .net = t->net,
                             .data = t->data,
                             .mean = t->data->mean,
                             .sd = t->data->sd,
                             .kept = t->kept,
                             .held = t->held,
                             .kept_count = t->kept_count,
                             .held_count = t->held_count};
}

static wb_status read_out(wb_trainer *t, const wb_readout_images *in, float *logits, const float *embedding,
                          wb_train_result *result, wb_error *err) {
  float *weight, *bias;
  const wb_status status = wb_readout_fit(in, t->params, (uint64_t)t->params->seed, &weight, &bias, err);
  if (status != WB_OK) return status;
  result->readout_weight = weight;
  result->readout_bias = bias;
  return wb_readout_apply(in, logits, weight, bias, embedding, t->data->test.count);
}

/* The test images through the kept model. */
static wb_status test(wb_trainer *t, wb_train_result *result, wb_error *err) {
  const wb_images *images = &t->data->test;
  const size_t units = wb_train_units(t->params), classes = t->data->classes;
  const bool linear = t->objective->head == WB_HEAD_LINEAR;
  float *embedding = WB_ALLOC(t->host, float, images->count *units + 1);
  float *logits = WB_ALLOC(t->host, float, images->count *classes + 1);
  if (!embedding || !logits) return WB_NOMEM;
  const wb_readout_images in = readout_images(t);
  wb_status status =
      wb_readout_embed(&in, images, NULL, images->count, embedding, linear ? logits : NULL, NULL, err);
  if (status == WB_OK && !linear) status = read_out(t, &in, logits, embedding, result, err);
  if (status != WB_OK) return status;
  return wb_readout_activations(&in, t->rows, t->cols, embedding, logits, &result->activations);
}

wb_status wb_trainer_finish(wb_trainer *t, wb_error *err) {
  wb_train_result result = {0};
  wb_trainer_swap_best(t);
  wb_status status = test(t, &result, err);
  wb_trainer_swap_best(t); // back, as the run file takes the kept weights from where they were
  if (status == WB_OK) status = wb_checkpoint_write(t, &result, err);
  if (status != WB_OK) return status;
  const wb_runfile_activations *a = &result.activations;
  if (a->count)
    wb_host_log(t->host, WB_INFO, "test    accuracy %.1f%%",
                100 * wb_accuracy(a->logits, a->labels, a->count, a->classes));
  return WB_OK;
}
