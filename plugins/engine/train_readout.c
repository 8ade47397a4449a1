/* train_readout.c: see train_readout.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "train_readout.h"

#include <ctype.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "model_file.h"
#include "readout_fit.h"
#include "service_internal.h"
#include "topo.h"
#include "train.h"

enum { BATCH = 256 }; // images that the encoder sees at once

typedef struct job {
  const wb_host *host;
  const wb_train_params *params;
  wb_h5 *source;
  wb_target target;
  wb_model *model;
  wb_dataset *data;
  wb_readout_images images;
  uint64_t seed;
  float *weight, *bias, *embedding, *logits;
} job;

static void release_dataset(void *data) {
  wb_dataset_free(data);
}

/* A whole number among the parameters that the model was trained with; `otherwise` where there is none. */
static int64_t trained_with(const job *j, const char *name, int64_t otherwise) {
  char *text = NULL;
  if (wb_h5_get_text(j->source, "/config", name, &text, NULL) != WB_OK) return otherwise;
  const int64_t value = *text ? atoll(text) : otherwise;
  free(text);
  return value;
}

/* ---- Reading ---- */

static wb_status open_source(job *j, wb_error *err) {
  const char *path = j->host->run_path(j->host, 0);
  wb_status status = wb_runfile_open(path, &j->source, err);
  bool complete = false;
  if (status == WB_OK) status = wb_runfile_is_complete(j->source, &complete, err);
  if (status == WB_OK && !complete)
    status = wb_fail(err, WB_INPUT, "%s is still in training; a readout needs a finished encoder", path);
  return status == WB_OK ? wb_service_model(j->host, "model", 0, BATCH, &j->model) : status;
}

static wb_status open_images(job *j, wb_error *err) {
  const wb_host *host = j->host;
  const wb_model *m = j->model;
  wb_status status = wb_dataset_open(host->data_spec(host, 0), &j->data, err);
  if (status == WB_OK) status = host->defer(host, release_dataset, j->data);
  if (status != WB_OK) return status;
  const wb_images *train = &j->data->train;
  if (train->count == 0) return wb_fail(err, WB_INPUT, "%s has no training images", j->data->spec);
  if (train->channels != m->image[0] || train->height != m->image[1] || train->width != m->image[2])
    return wb_fail(err, WB_INPUT,
                   "%s takes images of %ux%ux%u (channels, height, width), those of %s are %ux%ux%u", m->path,
                   m->image[0], m->image[1], m->image[2], j->data->spec, train->channels, train->height,
                   train->width);
  const int64_t wanted = j->params->validation_per_class;
  const int64_t per_class = wanted == WB_INT_UNSET ? trained_with(j, "validation-per-class", 0) : wanted;
  uint32_t *held, *kept;
  wb_readout_images *in = &j->images;
  *in = (wb_readout_images){
      .host = host, .net = m->net, .data = j->data, .mean = m->mean, .sd = m->sd, .relu = m->relu};
  status = wb_images_hold_out(train, j->data->classes, (size_t)per_class, &held, &in->held_count, &kept,
                              &in->kept_count, err);
  if (status != WB_OK) return status;
  in->held = held;
  in->kept = kept;
  status = host->defer(host, free, held);
  const wb_status second = host->defer(host, free, kept);
  return status != WB_OK ? status : second;
}

/* The source's name without its identity, and "_readout". */
static wb_status settle_target(job *j) {
  const char *slash = strrchr(j->host->run_path(j->host, 0), '/');
  char name[200];
  snprintf(name, sizeof name - 10, "%s", slash ? slash + 1 : j->host->run_path(j->host, 0));
  size_t n = strlen(name);
  if (n > 3 && !strcmp(name + n - 3, ".h5")) name[n -= 3] = '\0';
  size_t digits = 0;
  while (digits < 8 && digits < n && isxdigit((unsigned char)name[n - 1 - digits])) digits++;
  if (digits == 8 && n > 9 && name[n - 9] == '_') name[n - 9] = '\0';
  strcat(name, "_readout");
  return j->host->target(j->host, name, &j->target);
}

/* ---- Writing ---- */

/* What differs from the source's; everything else is copied. */
static wb_status write_root(const job *j, wb_h5 *file, wb_error *err) {
  char data[512];
  wb_data_factor(data, sizeof data, j->data);
  const char *const texts[][2] = {{"workbench_version", WORKBENCH_VERSION},
                                  {"plugin", "train-readout"},
                                  {"plugin_version", WB_TRAIN_VERSION},
                                  {"identity", j->target.identity},
                                  {"data", data},
                                  {"data_spec", j->data->spec},
                                  {"data_digest", j->data->digest}};
  const int64_t threads = omp_get_max_threads();
  wb_status status = wb_h5_set_ints(file, "/", "threads", &threads, 1, err);
  for (size_t i = 0; status == WB_OK && i < sizeof texts / sizeof *texts; i++)
    status = wb_h5_set_text(file, "/", texts[i][0], texts[i][1], err);
  return status == WB_OK ? wb_h5_copy_attributes(j->source, "/", file, err) : status;
}

/* A text attribute of the source, where it has it. */
static wb_status copy_text(const job *j, const char *object, const char *name, wb_h5 *file, const char *to,
                           wb_error *err) {
  char *text;
  if (wb_h5_get_text(j->source, object, name, &text, NULL) != WB_OK) return WB_OK;
  const wb_status status = wb_h5_set_text(file, to, name, text, err);
  free(text);
  return status;
}

/* The own parameters; below them those of the source, with what made it. */
static wb_status write_config(const job *j, wb_h5 *file, wb_error *err) {
  static const char below[] = "/config/source";
  char **names = NULL;
  size_t count = 0;
  wb_status status = wb_h5_make_group(file, below, err);
  const char *name, *value;
  for (uint32_t i = 0; status == WB_OK && (value = j->host->parameter(j->host, i, &name)); i++)
    status = wb_h5_set_text(file, "/config", name, value, err);
  if (status == WB_OK && wb_h5_exists(j->source, "/config"))
    status = wb_h5_attribute_names(j->source, "/config", &names, &count, err);
  for (size_t i = 0; status == WB_OK && i < count; i++)
    status = copy_text(j, "/config", names[i], file, below, err);
  wb_h5_free_texts(names, count);
  if (status == WB_OK) status = copy_text(j, "/", "plugin", file, below, err);
  return status == WB_OK ? copy_text(j, "/", "identity", file, below, err) : status;
}

static wb_status link_embedding(const job *j, wb_h5 *file, const char *role, int tensor, wb_error *err) {
  char object[128];
  snprintf(object, sizeof object, "/model/%s", wb_net_tensor(j->model->net, tensor)->name);
  return wb_h5_soft_link(file, role, object, err);
}

static wb_status write_readout(const job *j, wb_h5 *file, wb_error *err) {
  const wb_net *net = j->model->net;
  const uint64_t dims[] = {j->data->classes, j->model->units};
  wb_status status = wb_h5_write(file, "/readout/weight", WB_F32, 2, dims, j->weight, err);
  if (status == WB_OK) status = wb_h5_write(file, "/readout/bias", WB_F32, 1, dims, j->bias, err);
  if (status == WB_OK)
    status = link_embedding(j, file, "/roles/embedding_weight", wb_net_embedding_weight(net), err);
  if (status == WB_OK)
    status = link_embedding(j, file, "/roles/embedding_bias", wb_net_embedding_bias(net), err);
  if (status == WB_OK) status = wb_h5_soft_link(file, "/roles/readout_weight", "/readout/weight", err);
  return status == WB_OK ? wb_h5_soft_link(file, "/roles/readout_bias", "/readout/bias", err) : status;
}

static wb_status write_activations(const job *j, wb_h5 *file, wb_error *err) {
  size_t rows, cols, count;
  int64_t grid[2];
  wb_runfile_activations activations;
  wb_grid_for_units(j->model->units, &rows, &cols);
  if (wb_h5_get_ints(j->source, "/model", "grid", grid, 2, &count, NULL) == WB_OK && count == 2) {
    rows = (size_t)grid[0];
    cols = (size_t)grid[1];
  }
  const wb_status status =
      wb_readout_activations(&j->images, rows, cols, j->embedding, j->logits, &activations);
  return status == WB_OK ? wb_runfile_write_activations(file, &activations, err) : status;
}

static wb_status write_run(const job *j, wb_error *err) {
  static const char *const kept[] = {"/model", "/history", "/checkpoints"};
  wb_h5 *file;
  wb_status status = wb_runfile_create(j->target.path, &file, err);
  if (status != WB_OK) return status;
  status = write_root(j, file, err);
  for (size_t i = 0; status == WB_OK && i < sizeof kept / sizeof *kept; i++)
    if (wb_h5_exists(j->source, kept[i])) status = wb_h5_copy(j->source, kept[i], file, err);
  if (status == WB_OK) status = write_config(j, file, err);
  if (status == WB_OK) status = write_readout(j, file, err);
  if (status == WB_OK) status = write_activations(j, file, err);
  if (status == WB_OK) return wb_runfile_commit(file, "complete", err);
  wb_h5_close(file);
  return status;
}

/* ---- All of it ---- */

static wb_status fit(job *j, wb_error *err) {
  const wb_images *test = &j->data->test;
  const size_t units = j->model->units, classes = j->data->classes;
  j->seed = (uint64_t)(j->params->seed == WB_INT_UNSET ? trained_with(j, "seed", 0) : j->params->seed);
  j->embedding = WB_ALLOC(j->host, float, test->count *units + 1);
  j->logits = WB_ALLOC(j->host, float, test->count *classes + 1);
  if (!j->embedding || !j->logits) return WB_NOMEM;
  wb_status status = wb_readout_fit(&j->images, j->params, j->seed, &j->weight, &j->bias, err);
  if (status == WB_OK)
    status = wb_readout_embed(&j->images, test, NULL, test->count, j->embedding, NULL, NULL, err);
  if (status == WB_OK)
    status = wb_readout_apply(&j->images, j->logits, j->weight, j->bias, j->embedding, test->count);
  if (status == WB_OK && test->count)
    wb_host_log(j->host, WB_INFO, "test    accuracy %.1f%%",
                100 * wb_accuracy(j->logits, test->labels, test->count, classes));
  return status;
}

wb_status wb_train_readout_run(const wb_host *host, const wb_train_params *params) {
  job j = {.host = host, .params = params};
  wb_error err = {0};
  wb_status status = open_source(&j, &err);
  if (status == WB_OK) status = open_images(&j, &err);
  if (status == WB_OK) status = settle_target(&j);
  if (status == WB_OK) status = fit(&j, &err);
  if (status == WB_OK) status = write_run(&j, &err);
  wb_h5_close(j.source);
  return err.status != WB_OK ? host->fail(host, status, err.message) : status;
}
