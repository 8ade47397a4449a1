/* train_setup.c: everything that a training needs before its first step. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_internal.h"

static void release_dataset(void *data) {
  wb_dataset_free(data);
}

static void release_net(void *net) {
  wb_net_free(net);
}

static void release_topography(void *topography) {
  wb_topography_free(topography);
}

static void release_profile(void *profile) {
  wb_profile_free(profile);
}

static void release_loader(void *loader) {
  wb_loader_free(loader);
}

/* ---- Data ---- */

/* --batches: positions in the training images, a row a step. */
static wb_status read_batches(wb_trainer *t, wb_error *err) {
  const char *path = t->params->batches;
  const size_t images = t->data->train.count;
  wb_h5 *file;
  wb_h5_shape shape;
  int64_t *rows = NULL;
  wb_status status = wb_h5_open(path, &file, err);
  if (status != WB_OK) return status;
  status = wb_h5_get_shape(file, "/batches", &shape, err);
  if (status == WB_OK &&
      (shape.rank != 2 || shape.dims[0] < 1 || shape.dims[1] < (uint64_t)t->objective->least))
    status = wb_fail(err, WB_INPUT, "/batches of %s must be [steps, images], at least %d images a step", path,
                     t->objective->least);
  const size_t count = status == WB_OK ? (size_t)(shape.dims[0] * shape.dims[1]) : 0;
  if (status == WB_OK && count > UINT32_MAX)
    status = wb_fail(err, WB_INPUT, "/batches of %s is too long", path);
  if (status == WB_OK &&
      (!(rows = WB_ALLOC(t->host, int64_t, count)) || !(t->fixed = WB_ALLOC(t->host, uint32_t, count))))
    status = WB_NOMEM;
  if (status == WB_OK) status = wb_h5_read(file, "/batches", WB_I64, rows, err);
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    if (rows[i] < 0 || (uint64_t)rows[i] >= images)
      status = wb_fail(err, WB_INPUT, "/batches of %s names image %lld; there are %zu training images", path,
                       (long long)rows[i], images);
    else
      t->fixed[i] = (uint32_t)rows[i];
  }
  wb_h5_close(file);
  if (status != WB_OK) return status;
  t->fixed_count = count;
  t->batch = (size_t)shape.dims[1];
  return WB_OK;
}

/* A part of a file name: nothing but letters, digits, dots and hyphens. */
static void append_word(char *name, size_t size, const char *word) {
  size_t n = strlen(name);
  for (; *word && n + 1 < size; word++)
    name[n++] = (isalnum((unsigned char)*word) || *word == '.') ? *word : '-';
  name[n] = '\0';
}

/* objective_data_arch_topo-rhoR_doP_seedS */
static wb_status settle_target(wb_trainer *t) {
  const wb_train_params *p = t->params;
  char name[240], topo[100];
  wb_train_topo_name(topo, sizeof topo, &t->topo);
  snprintf(name, sizeof name, "%s_", t->objective->name);
  append_word(name, 100, t->data->name);
  const size_t n = strlen(name);
  snprintf(name + n, sizeof name - n, "_%s_%s_do%g_seed%lld", wb_train_archs[p->arch], topo, p->dropout,
           (long long)p->seed);
  return t->host->target(t->host, name, &t->target);
}

/* What the loss needs to know. simclr's published code takes another temperature for small batches. */
static wb_status settle_objective(wb_trainer *t, wb_error *err) {
  const wb_train_params *p = t->params;
  if (t->objective->superclasses && !t->data->superclass_of)
    return wb_fail(err, WB_INPUT,
                   "%s tells classes of one superclass from others, and %s has no superclasses. builtin, "
                   "cifar10 and cifar100 have them; h5:FILE takes them from the attribute superclasses",
                   t->objective->name, t->data->spec);
  const double temperature = isnan(p->temperature) ? (t->batch >= 512 ? 0.07 : 0.1) : p->temperature;
  t->setting = (wb_objective_setting){.temperature = temperature, .superclass_of = t->data->superclass_of};
  memcpy(t->setting.margins, p->margins, sizeof p->margins);
  return WB_OK;
}

wb_status wb_trainer_prepare_data(wb_trainer *t, wb_error *err) {
  const wb_train_params *p = t->params;
  t->batch = (size_t)p->batch;
  (void)wb_train_grid(p, &t->rows, &t->cols);
  wb_status status = wb_train_topo_read(&t->topo, p, err);
  if (status != WB_OK) return status;
  status = wb_dataset_open(p->data, &t->data, err);
  if (status != WB_OK) return status;
  status = t->host->defer(t->host, release_dataset, t->data);
  if (status != WB_OK) return status;
  if (t->data->train.count == 0) return wb_fail(err, WB_INPUT, "%s has no training images", t->data->spec);
  status = wb_images_hold_out(&t->data->train, t->data->classes, (size_t)p->validation_per_class, &t->held,
                              &t->held_count, &t->kept, &t->kept_count, err);
  if (status != WB_OK) return status;
  status = t->host->defer(t->host, free, t->held);
  const wb_status second = t->host->defer(t->host, free, t->kept);
  if (status != WB_OK || second != WB_OK) return status != WB_OK ? status : second;
  if (p->batches)
    status = read_batches(t, err);
  else if (t->kept_count < (size_t)t->objective->least)
    status = wb_fail(err, WB_INPUT, "%s leaves %zu training images; %s needs at least %d", t->data->spec,
                     t->kept_count, t->objective->name, t->objective->least);
  else if (t->batch > t->kept_count)
    t->batch = t->kept_count;
  if (status == WB_OK) status = settle_objective(t, err);
  return status == WB_OK ? settle_target(t) : status;
}

/* ---- Network ---- */

static wb_status create_net(wb_trainer *t, wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_images *images = &t->data->train;
  const bool linear = t->objective->head == WB_HEAD_LINEAR;
  const wb_net_config config = {.arch = wb_train_archs[p->arch],
                                .width = (int)p->width,
                                .channels = (int)images->channels,
                                .height = (int)images->height,
                                .img_width = (int)images->width,
                                .units = (int)wb_train_units(p),
                                .head = t->objective->head,
                                .outputs = linear ? (int)t->data->classes : (int)p->projection_dim,
                                .dropout = (float)p->dropout,
                                .batch = (int)(t->objective->views * t->batch),
                                .training = true,
                                .recompute = p->recompute != 0,
                                .profile = t->profile,
                                .repeated =
                                    wb_topography_repeats(t->topo.terms, t->topo.count, t->topo.matched),
                                .conv = (wb_conv_choice)p->conv};
  wb_status status = wb_net_create(&config, &t->net, err);
  if (status == WB_OK) status = t->host->defer(t->host, release_net, t->net);
  if (status != WB_OK) return status;
  if (p->init) return wb_checkpoint_load(t->net, p->init, err);
  wb_net_init(t->net, (uint64_t)p->seed);
  return WB_OK;
}

static wb_status create_topography(wb_trainer *t, wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_topography_config config = {.terms = t->topo.terms,
                                       .term_count = t->topo.count,
                                       .layers = p->topo_layers.items,
                                       .layer_count = p->topo_layers.count,
                                       .rows = t->rows,
                                       .cols = t->cols,
                                       .distance = (wb_topo_distance)p->topo_distance,
                                       .mean = (wb_topo_mean)p->topo_mean,
                                       .matched = t->topo.matched,
                                       .over_encoder = p->balance_over == WB_BALANCE_ENCODER,
                                       .norm_penalty = p->norm_penalty};
  const wb_status status = wb_topography_create(&config, t->net, &t->topography, err);
  return status == WB_OK ? t->host->defer(t->host, release_topography, t->topography) : status;
}

static float *zeros(const wb_host *host, size_t count) {
  float *p = WB_ALLOC(host, float, count);
  if (p) memset(p, 0, count * sizeof *p);
  return p;
}

static double *nans(const wb_host *host, int64_t count) {
  double *p = WB_ALLOC(host, double, count);
  for (int64_t i = 0; p && i < count; i++) p[i] = NAN;
  return p;
}

static wb_status create_arrays(wb_trainer *t) {
  const wb_host *host = t->host;
  t->weight_count = wb_net_weight_count(t->net);
  t->buffer_count = wb_net_buffer_count(t->net);
  const size_t n = t->objective->views * t->batch, outputs = (size_t)wb_net_get_config(t->net)->outputs;
  const bool ok = (t->m = zeros(host, t->weight_count)) && (t->v = zeros(host, t->weight_count)) &&
                  (t->best_weights = zeros(host, t->weight_count)) &&
                  (t->best_buffers = zeros(host, t->buffer_count + 1)) &&
                  (t->d_output = zeros(host, n * outputs)) &&
                  (t->work = zeros(host, t->objective->work(n, outputs) + 1));
  for (int s = 0; ok && s < WB_SERIES; s++)
    if (!(t->history[s] = nans(host, t->params->epochs))) return WB_NOMEM;
  return ok ? WB_OK : WB_NOMEM;
}

static wb_status create_loader(wb_trainer *t, wb_loader_config config, wb_loader **out, wb_error *err) {
  config.images = &t->data->train;
  config.batch = t->batch;
  config.views = t->objective->views;
  config.seed = (uint64_t)t->params->seed;
  memcpy(config.mean, t->data->mean, sizeof config.mean);
  memcpy(config.sd, t->data->sd, sizeof config.sd);
  const wb_status status = wb_loader_create(&config, out, err);
  return status == WB_OK ? t->host->defer(t->host, release_loader, *out) : status;
}

static wb_status create_loaders(wb_trainer *t, wb_error *err) {
  const char *augment = wb_train_augments[t->params->augment];
  const wb_loader_config train = {.samples = t->fixed ? t->fixed : t->kept,
                                  .sample_count = t->fixed ? t->fixed_count : t->kept_count,
                                  .least = (size_t)t->objective->least,
                                  .policy = wb_augment_find(augment),
                                  .stream = "train",
                                  .shuffle = !t->fixed};
  const wb_loader_config validation = {
      .samples = t->held,
      .sample_count = t->held_count,
      .least = 1,
      .policy = t->objective->validation ? wb_augment_find(t->objective->validation) : NULL,
      .stream = "validation"};
  const wb_status status = create_loader(t, train, &t->train, err);
  return status == WB_OK && t->held_count ? create_loader(t, validation, &t->validation, err) : status;
}

static wb_status create_step_series(wb_trainer *t) {
  if (!t->params->log_steps) return WB_OK;
  t->step_capacity = t->params->epochs * (int64_t)wb_loader_batches(t->train);
  if (t->params->max_steps && t->params->max_steps < t->step_capacity)
    t->step_capacity = t->params->max_steps;
  for (int s = 0; s < WB_STEP_SERIES; s++)
    if (!(t->steps[s] = nans(t->host, t->step_capacity))) return WB_NOMEM;
  return WB_OK;
}

static wb_status create_profile(wb_trainer *t, wb_error *err) {
  if (!t->params->profile) return WB_OK;
  const wb_status status = wb_profile_create(&t->profile, err);
  return status == WB_OK ? t->host->defer(t->host, release_profile, t->profile) : status;
}

wb_status wb_trainer_prepare_net(wb_trainer *t, wb_error *err) {
  wb_status status = create_profile(t, err);
  if (status == WB_OK) status = create_net(t, err);
  if (status == WB_OK) status = create_topography(t, err);
  if (status == WB_OK) status = create_arrays(t);
  if (status == WB_OK) status = create_loaders(t, err);
  return status == WB_OK ? create_step_series(t) : status;
}
