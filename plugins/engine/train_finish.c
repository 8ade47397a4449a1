/* train_finish.c: what follows the last epoch: the readout where the objective has none of its own, the test
 * activations, the complete run file. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "loss.h"
#include "readout.h"
#include "train_internal.h"

/* wb_evaluate in pieces, so that a stop need not wait for all of it. */
static wb_status evaluate(wb_trainer *t, const wb_images *images, const uint32_t *samples, size_t count,
                          float *embedding, float *logits, int32_t *labels, wb_error *err) {
  const size_t units = (size_t)t->params->units, classes = t->data->classes, piece = 1024;
  wb_status status = WB_OK;
  for (size_t first = 0; first < count && status == WB_OK; first += piece) {
    if (t->host->cancelled(t->host)) return WB_CANCELLED;
    status = wb_evaluate(t->net, images, samples, first, count - first < piece ? count - first : piece,
                         t->data->mean, t->data->sd, embedding + first * units,
                         logits ? logits + first * classes : NULL, labels ? labels + first : NULL, err);
  }
  return status;
}

/* Embeddings of some training images as data for the readout; arrays by the host. */
static wb_status embed(wb_trainer *t, const uint32_t *samples, size_t count, wb_readout_data *out,
                       wb_error *err) {
  float *embedding = WB_ALLOC(t->host, float, count *(size_t)t->params->units + 1);
  int32_t *labels = WB_ALLOC(t->host, int32_t, count + 1);
  if (!embedding || !labels) return WB_NOMEM;
  *out = (wb_readout_data){.embedding = embedding, .labels = labels, .count = count};
  return evaluate(t, &t->data->train, samples, count, embedding, NULL, labels, err);
}

static wb_status read_out(wb_trainer *t, float *logits, const float *embedding, wb_train_result *result,
                          wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_readout_config config = {.units = (size_t)p->units,
                                    .classes = t->data->classes,
                                    .batch = (size_t)p->readout_batch,
                                    .epochs = (int)p->readout_epochs,
                                    .patience = (int)p->readout_patience,
                                    .rate = p->readout_rate,
                                    .cosine = p->readout_schedule == WB_SCHEDULE_COSINE,
                                    .decay = 0.01,
                                    .seed = (uint64_t)p->seed};
  float *weight = WB_ALLOC(t->host, float, config.classes *config.units);
  float *bias = WB_ALLOC(t->host, float, config.classes);
  if (!weight || !bias) return WB_NOMEM;
  wb_readout_data train, validation;
  wb_readout_report report;
  wb_readout_init(weight, bias, &config);
  wb_status status = embed(t, t->kept, t->kept_count, &train, err);
  if (status == WB_OK) status = embed(t, t->held, t->held_count, &validation, err);
  if (status == WB_OK) status = wb_readout_train(weight, bias, &report, &config, &train, &validation, err);
  if (status != WB_OK) return status;
  if (t->held_count)
    wb_host_log(t->host, WB_INFO, "readout %d epochs, validation accuracy %.1f%%", report.epochs,
                100 * report.accuracy);
  else
    wb_host_log(t->host, WB_INFO, "readout %d epochs", report.epochs);
  wb_readout_logits(logits, weight, bias, &config, embedding, t->data->test.count);
  result->readout_weight = weight;
  result->readout_bias = bias;
  return WB_OK;
}

static const char **superclass_names(const wb_trainer *t) {
  const wb_dataset *data = t->data;
  const char **names = WB_ALLOC(t->host, const char *, data->classes);
  for (uint32_t c = 0; names && c < data->classes; c++)
    names[c] = data->superclass_names[data->superclass_of[c]];
  return names;
}

/* The test images through the kept model. */
static wb_status test(wb_trainer *t, wb_train_result *result, wb_error *err) {
  const wb_images *images = &t->data->test;
  const size_t units = (size_t)t->params->units, classes = t->data->classes;
  const bool linear = t->objective->head == WB_HEAD_LINEAR;
  float *embedding = WB_ALLOC(t->host, float, images->count *units + 1);
  float *logits = WB_ALLOC(t->host, float, images->count *classes + 1);
  if (!embedding || !logits) return WB_NOMEM;
  wb_status status = evaluate(t, images, NULL, images->count, embedding, linear ? logits : NULL, NULL, err);
  if (status == WB_OK && !linear) status = read_out(t, logits, embedding, result, err);
  if (status != WB_OK) return status;
  result->activations = (wb_runfile_activations){.split = "test",
                                                 .count = images->count,
                                                 .units = units,
                                                 .classes = classes,
                                                 .rows = t->rows,
                                                 .cols = t->cols,
                                                 .embedding = embedding,
                                                 .logits = logits,
                                                 .labels = images->labels,
                                                 .index = images->index,
                                                 .ids = images->ids,
                                                 .class_names = (const char *const *)t->data->class_names,
                                                 .data_spec = t->data->spec,
                                                 .data_digest = t->data->digest};
  if (t->data->superclass_of && !(result->activations.superclass_names = superclass_names(t)))
    return WB_NOMEM;
  return WB_OK;
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
