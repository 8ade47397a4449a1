/* readout_fit.c: see readout_fit.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "readout_fit.h"

#include <string.h>

#include "batch_loader.h"
#include "evaluate.h"
#include "readout.h"

static size_t units_of(const wb_readout_images *in) {
  return (size_t)wb_net_get_config(in->net)->units;
}

wb_status wb_readout_embed(const wb_readout_images *in, const wb_images *images, const uint32_t *samples,
                           size_t count, float *embedding, float *logits, int32_t *labels, wb_error *err) {
  const size_t units = units_of(in), classes = (size_t)wb_net_get_config(in->net)->outputs, piece = 1024;
  wb_status status = WB_OK;
  for (size_t first = 0; first < count && status == WB_OK; first += piece) {
    if (in->host->cancelled(in->host)) return WB_CANCELLED;
    status = wb_evaluate(in->net, images, samples, first, count - first < piece ? count - first : piece,
                         in->mean, in->sd, embedding + first * units,
                         logits ? logits + first * classes : NULL, labels ? labels + first : NULL, err);
  }
  return status;
}

static void rectify(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] > 0 ? x[i] : 0;
}

/* What the classifier reads of some training images; arrays by the host. */
static wb_status read_images(const wb_readout_images *in, const uint32_t *samples, size_t count,
                             wb_readout_data *out, float **embedding, wb_error *err) {
  const size_t floats = count * units_of(in);
  int32_t *labels = WB_ALLOC(in->host, int32_t, count + 1);
  *embedding = WB_ALLOC(in->host, float, floats + 1);
  if (!*embedding || !labels) return WB_NOMEM;
  *out = (wb_readout_data){.embedding = *embedding, .labels = labels, .count = count};
  const wb_status status =
      wb_readout_embed(in, &in->data->train, samples, count, *embedding, NULL, labels, err);
  if (status == WB_OK && in->relu) rectify(*embedding, floats);
  return status;
}

/* The training images cropped and flipped, in the order that they have without. */
typedef struct augmented {
  const wb_readout_images *in;
  wb_loader *loader;
  float *embedding;
  int epochs;
} augmented;

static wb_status augment(void *context, int epoch, wb_error *err) {
  const augmented *a = context;
  const wb_host *host = a->in->host;
  const size_t units = units_of(a->in);
  wb_status status = WB_OK;
  size_t done = 0;
  host->progress(host, epoch, a->epochs, "readout");
  wb_loader_start(a->loader, (uint64_t)epoch);
  for (wb_batch b = wb_loader_next(a->loader); b.count && status == WB_OK; b = wb_loader_next(a->loader)) {
    if (host->cancelled(host)) return WB_CANCELLED;
    status = wb_net_infer(a->in->net, b.images, (int)b.count, a->embedding + done * units, NULL, err);
    done += b.count;
  }
  if (status == WB_OK && a->in->relu) rectify(a->embedding, done * units);
  return status;
}

static void release_loader(void *loader) {
  wb_loader_free(loader);
}

static wb_status prepare_augmentation(augmented *a, const wb_train_params *p, uint64_t seed,
                                      wb_readout_data *train, wb_error *err) {
  const wb_readout_images *in = a->in;
  wb_loader_config config = {.images = &in->data->train,
                             .samples = in->kept,
                             .sample_count = in->kept_count,
                             .batch = (size_t)wb_net_get_config(in->net)->batch,
                             .least = 1,
                             .views = 1,
                             .policy = wb_augment_find(wb_train_readout_augments[p->readout_augment]),
                             .stream = "readout",
                             .seed = seed};
  memcpy(config.mean, in->mean, in->data->train.channels * sizeof *config.mean);
  memcpy(config.sd, in->sd, in->data->train.channels * sizeof *config.sd);
  const wb_status status = wb_loader_create(&config, &a->loader, err);
  if (status != WB_OK) return status;
  train->refresh = augment;
  train->context = a;
  return in->host->defer(in->host, release_loader, a->loader);
}

wb_status wb_readout_fit(const wb_readout_images *in, const wb_train_params *p, uint64_t seed, float **weight,
                         float **bias, wb_error *err) {
  const wb_readout_config config = {.units = units_of(in),
                                    .classes = in->data->classes,
                                    .batch = (size_t)p->readout_batch,
                                    .epochs = (int)p->readout_epochs,
                                    .patience = (int)p->readout_patience,
                                    .rate = p->readout_rate,
                                    .cosine = p->readout_schedule == WB_SCHEDULE_COSINE,
                                    .decay = 0.01,
                                    .seed = seed};
  *weight = WB_ALLOC(in->host, float, config.classes *config.units);
  *bias = WB_ALLOC(in->host, float, config.classes);
  if (!*weight || !*bias) return WB_NOMEM;
  wb_readout_data train, validation;
  wb_readout_report report;
  augmented a = {.in = in, .epochs = config.epochs};
  float *held;
  wb_readout_init(*weight, *bias, &config);
  wb_status status = read_images(in, in->kept, in->kept_count, &train, &a.embedding, err);
  if (status == WB_OK) status = read_images(in, in->held, in->held_count, &validation, &held, err);
  if (status == WB_OK && p->readout_augment) status = prepare_augmentation(&a, p, seed, &train, err);
  if (status == WB_OK) status = wb_readout_train(*weight, *bias, &report, &config, &train, &validation, err);
  if (status != WB_OK) return status;
  if (in->held_count)
    wb_host_log(in->host, WB_INFO, "readout %d epochs, validation accuracy %.1f%%", report.epochs,
                100 * report.accuracy);
  else
    wb_host_log(in->host, WB_INFO, "readout %d epochs", report.epochs);
  return WB_OK;
}

wb_status wb_readout_apply(const wb_readout_images *in, float *logits, const float *weight, const float *bias,
                           const float *embedding, size_t count) {
  const wb_readout_config config = {.units = units_of(in), .classes = in->data->classes};
  const float *read = embedding;
  if (in->relu) {
    const size_t floats = count * config.units;
    float *copy = WB_ALLOC(in->host, float, floats + 1);
    if (!copy) return WB_NOMEM;
    memcpy(copy, embedding, floats * sizeof *copy);
    rectify(copy, floats);
    read = copy;
  }
  wb_readout_logits(logits, weight, bias, &config, read, count);
  return WB_OK;
}

wb_status wb_readout_activations(const wb_readout_images *in, size_t rows, size_t cols,
                                 const float *embedding, const float *logits, wb_runfile_activations *out) {
  const wb_dataset *data = in->data;
  const wb_images *images = &data->test;
  const char **superclasses = NULL;
  if (data->superclass_of) {
    if (!(superclasses = WB_ALLOC(in->host, const char *, data->classes))) return WB_NOMEM;
    for (uint32_t c = 0; c < data->classes; c++)
      superclasses[c] = data->superclass_names[data->superclass_of[c]];
  }
  *out = (wb_runfile_activations){.split = "test",
                                  .count = images->count,
                                  .units = units_of(in),
                                  .classes = data->classes,
                                  .rows = rows,
                                  .cols = cols,
                                  .embedding = embedding,
                                  .logits = logits,
                                  .labels = images->labels,
                                  .index = images->index,
                                  .ids = images->ids,
                                  .class_names = (const char *const *)data->class_names,
                                  .superclass_names = superclasses,
                                  .data_spec = data->spec,
                                  .data_digest = data->digest};
  return WB_OK;
}
