/* activations.c: see activations.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "activations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5/runfile.h"

enum { MOST_LAYERS = 62 }; // beside the other two of a call of wb_service_forward

/* An array that is written. */
typedef struct target {
  const char *layer;
  char object[160];
  uint32_t dims[3];
  size_t values; // of the layer, for one image
  bool pooled;
  float *block; // (batch, values)
} target;

typedef struct writer {
  const wb_host *host;
  wb_model *model;
  const wb_activations_job *job;
  const wb_images *images;
  wb_h5 *file;
  target targets[MOST_LAYERS + 2];
  const char *layers[MOST_LAYERS + 2]; // of the targets, and where they go: for wb_service_forward
  float *blocks[MOST_LAYERS + 2];
  uint32_t count;
  float *pixels; // (batch, image), 0 to 1
} writer;

static wb_status unknown_layer(const writer *w, const char *name, wb_error *err) {
  char known[900] = "";
  uint32_t dims[3];
  size_t used = 0;
  const char *layer;
  for (uint32_t i = 0; (layer = wb_service_layer(w->model, i, dims)) && used < sizeof known; i++)
    used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", layer);
  return wb_fail(err, WB_ARG, "%s has no layer %s; it has %s", w->model->path, name, known);
}

static wb_status add_target(writer *w, const char *name, wb_error *err) {
  uint32_t dims[3], i = 0;
  const char *layer;
  while ((layer = wb_service_layer(w->model, i, dims)) && strcmp(layer, name) != 0) i++;
  if (!layer) return unknown_layer(w, name, err);
  for (uint32_t k = 0; k < w->count; k++)
    if (strcmp(w->layers[k], layer) == 0) return WB_OK; // asked for twice
  target *t = &w->targets[w->count];
  *t = (target){.layer = layer, .values = (size_t)dims[0] * dims[1] * dims[2]};
  t->pooled = w->job->pooled && dims[1] * dims[2] > 1;
  memcpy(t->dims, dims, sizeof dims);
  snprintf(t->object, sizeof t->object, "/activations/%s/%s", w->job->split, layer);
  t->block = WB_ALLOC(w->host, float, w->model->batch * t->values);
  if (!t->block) return WB_NOMEM;
  w->layers[w->count] = layer;
  w->blocks[w->count++] = t->block;
  const uint64_t shape[] = {w->images->count, t->pooled ? dims[0] : t->values};
  return wb_h5_write(w->file, t->object, WB_F32, 2, shape, NULL, err);
}

/* Means over pixels, in place. */
static void pool(const target *t, uint32_t n) {
  const size_t area = (size_t)t->dims[1] * t->dims[2], planes = (size_t)n * t->dims[0];
  for (size_t p = 0; p < planes; p++) {
    double sum = 0;
    for (size_t i = 0; i < area; i++) sum += (double)t->block[p * area + i];
    t->block[p] = (float)(sum / (double)area);
  }
}

static wb_status pass(writer *w, uint32_t n) {
  if (!w->job->batch_statistics)
    return wb_service_forward(w->host, w->model, w->pixels, n, w->count, w->layers, w->blocks);
  return wb_model_forward_batch(w->host, w->model, w->pixels, n, w->blocks[0],
                                w->count > 1 ? w->blocks[1] : NULL);
}

static wb_status write_block(writer *w, size_t first, uint32_t n, wb_error *err) {
  const wb_images *images = w->images;
  const size_t size = (size_t)images->channels * images->height * images->width;
  for (size_t i = 0; i < n * size; i++) w->pixels[i] = (float)images->pixels[first * size + i] / 255;
  wb_status status = pass(w, n);
  for (uint32_t t = 0; t < w->count && status == WB_OK; t++) {
    if (w->targets[t].pooled) pool(&w->targets[t], n);
    status = wb_h5_write_rows(w->file, w->targets[t].object, WB_F32, first, n, w->blocks[t], err);
  }
  return status;
}

static wb_status write_blocks(writer *w, wb_error *err) {
  const size_t count = w->images->count, batch = w->model->batch;
  wb_status status = WB_OK;
  for (size_t first = 0; first < count && status == WB_OK; first += batch) {
    if (w->host->cancelled(w->host)) return wb_fail(err, WB_CANCELLED, "stopped; nothing was written");
    const size_t n = count - first < batch ? count - first : batch;
    status = write_block(w, first, (uint32_t)n, err);
    w->host->progress(w->host, (double)(first + n), (double)count, NULL);
  }
  return status;
}

/* Labels, index, names, and what the arrays are. */
static wb_status describe(writer *w, wb_error *err) {
  const wb_activations_job *job = w->job;
  const wb_dataset *data = job->data;
  char group[48];
  snprintf(group, sizeof group, "/activations/%s", job->split);
  const char **superclasses = data->superclass_of ? WB_ALLOC(w->host, const char *, data->classes) : NULL;
  if (data->superclass_of && !superclasses) return WB_NOMEM;
  for (uint32_t c = 0; superclasses && c < data->classes; c++)
    superclasses[c] = data->superclass_names[data->superclass_of[c]];
  const wb_runfile_activations rest = {.split = job->split,
                                       .count = w->images->count,
                                       .classes = data->classes,
                                       .labels = w->images->labels,
                                       .index = w->images->index,
                                       .ids = w->images->ids,
                                       .class_names = (const char *const *)data->class_names,
                                       .superclass_names = superclasses,
                                       .data_spec = data->spec,
                                       .data_digest = data->digest};
  wb_status status = wb_runfile_write_activations(w->file, &rest, err);
  const int64_t grid[2] = {(int64_t)job->rows, (int64_t)job->cols};
  if (status == WB_OK) status = wb_h5_set_ints(w->file, w->targets[0].object, "grid", grid, 2, err);
  for (uint32_t t = 0; t < w->count && status == WB_OK; t++) {
    const target *x = &w->targets[t];
    const int64_t dims[3] = {x->dims[0], x->dims[1], x->dims[2]};
    if (!x->pooled && dims[1] * dims[2] > 1)
      status = wb_h5_set_ints(w->file, x->object, "layer_shape", dims, 3, err);
  }
  return status == WB_OK
             ? wb_h5_set_text(w->file, group, "batch_norm", job->batch_statistics ? "batch" : "running", err)
             : status;
}

static wb_status check(const writer *w, wb_error *err) {
  const wb_images *x = w->images;
  const uint32_t *image = w->model->image;
  const wb_activations_job *job = w->job;
  if (!x->count) return wb_fail(err, WB_INPUT, "%s has no images to %s", job->data->spec, job->split);
  if (x->channels != image[0] || x->height != image[1] || x->width != image[2])
    return wb_fail(
        err, WB_INPUT, "%s has images of %ux%u pixels and %u channels; the network of %s reads %ux%u and %u",
        job->data->spec, x->height, x->width, x->channels, w->model->path, image[1], image[2], image[0]);
  if (job->layer_count > MOST_LAYERS)
    return wb_fail(err, WB_ARG, "%zu layers are too many for one call; it takes %d", job->layer_count,
                   MOST_LAYERS);
  if (job->batch_statistics && job->layer_count)
    return wb_fail(err, WB_ARG,
                   "--batch-norm batch gives the embedding and logits only; leave --layers away");
  return WB_OK;
}

wb_status wb_activations_write(const wb_host *host, wb_model *model, const wb_activations_job *job,
                               wb_h5 *file, wb_error *err) {
  writer *w = WB_ALLOC(host, writer, 1);
  if (!w) return WB_NOMEM;
  const bool train = strcmp(job->split, "train") == 0;
  *w = (writer){.host = host,
                .model = model,
                .job = job,
                .images = train ? &job->data->train : &job->data->test,
                .file = file};
  wb_status status = check(w, err);
  if (status != WB_OK) return status;
  w->pixels =
      WB_ALLOC(host, float, (size_t)model->batch * model->image[0] * model->image[1] * model->image[2]);
  if (!w->pixels) return WB_NOMEM;
  status = add_target(w, "embedding", err);
  if (status == WB_OK && model->classes) status = add_target(w, "logits", err);
  for (size_t i = 0; i < job->layer_count && status == WB_OK; i++)
    status = add_target(w, job->layers[i], err);
  if (status == WB_OK) status = write_blocks(w, err);
  return status == WB_OK ? describe(w, err) : status;
}
