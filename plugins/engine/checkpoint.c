/* checkpoint.c: writes the run file of a training, in progress or complete. Reading: checkpoint_read.c.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_file.h"
#include "train_internal.h"

const char *const wb_series_names[WB_SERIES] = {"train_task_loss",
                                                "train_topo_loss",
                                                "lambda",
                                                "train_accuracy",
                                                "val_task_loss",
                                                "val_accuracy",
                                                "seconds",
                                                "images_per_second",
                                                "weight_norm",
                                                "norm_penalty",
                                                "train_topo_loss_ws",
                                                "train_topo_loss_as",
                                                "train_topo_loss_global",
                                                "lambda_ws",
                                                "lambda_as",
                                                "lambda_global"};
const char *const wb_step_series_names[WB_STEP_SERIES] = {
    "train_task_loss",        "train_topo_loss", "lambda",    "train_topo_loss_ws", "train_topo_loss_as",
    "train_topo_loss_global", "lambda_ws",       "lambda_as", "lambda_global"};

/* ---- What the run is ---- */

static wb_status write_factors(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_net_config *net = wb_net_get_config(t->net);
  char data[512];
  wb_data_factor(data, sizeof data, t->data);
  wb_train_topo_texts texts;
  wb_runfile_factor f[8 + WB_TRAIN_TOPO_FACTORS];
  size_t n = 0;
  f[n++] = (wb_runfile_factor){.name = "objective", .text = t->objective->name};
  n += wb_train_topo_factors(f + n, &texts, &t->topo, p);
  f[n++] = (wb_runfile_factor){.name = "dropout", .type = WB_FACTOR_FLOAT, .real = p->dropout};
  f[n++] = (wb_runfile_factor){.name = "arch", .text = net->arch};
  f[n++] = (wb_runfile_factor){.name = "width", .type = WB_FACTOR_INT, .whole = net->width};
  f[n++] = (wb_runfile_factor){.name = "units", .type = WB_FACTOR_INT, .whole = net->units};
  f[n++] = (wb_runfile_factor){.name = "data", .text = data};
  f[n++] = (wb_runfile_factor){.name = "seed", .type = WB_FACTOR_INT, .whole = p->seed};
  return wb_runfile_write_factors(file, f, n, err);
}

static const char *instruction_set(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "avx2" : "sse2";
#else
  return "generic";
#endif
}

static wb_status write_provenance(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  char plugin[64];
  snprintf(plugin, sizeof plugin, "train-%s", t->objective->name);
  const char *const texts[][2] = {{"workbench_version", WORKBENCH_VERSION},
                                  {"plugin", plugin},
                                  {"plugin_version", WB_TRAIN_VERSION},
                                  {"identity", t->target.identity},
                                  {"isa", instruction_set()},
                                  {"convolutions", wb_net_conv_names(t->net)},
                                  {"data_spec", t->data->spec},
                                  {"data_digest", t->data->digest},
                                  {"readout_input", wb_net_relu_readout(t->net) ? "relu" : "identity"}};
  const int64_t threads = omp_get_max_threads();
  wb_status status = wb_h5_set_ints(file, "/", "threads", &threads, 1, err);
  for (size_t i = 0; status == WB_OK && i < sizeof texts / sizeof *texts; i++)
    status = wb_h5_set_text(file, "/", texts[i][0], texts[i][1], err);
  if (status == WB_OK) status = wb_h5_make_group(file, "/config", err);
  const char *name, *value;
  for (uint32_t i = 0; status == WB_OK && (value = t->host->parameter(t->host, i, &name)); i++)
    status = wb_h5_set_text(file, "/config", name, value, err);
  return status;
}

/* ---- The model ---- */

static void swap(float *a, float *b, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float x = a[i];
    a[i] = b[i];
    b[i] = x;
  }
}

void wb_trainer_swap_best(wb_trainer *t) {
  swap(wb_net_weights(t->net), t->best_weights, t->weight_count);
  swap(wb_net_buffers(t->net), t->best_buffers, t->buffer_count);
}

static wb_status write_model(wb_trainer *t, wb_h5 *file, const wb_train_result *result, wb_error *err) {
  const wb_dataset *data = t->data;
  const wb_model_notes notes = {.rows = t->rows,
                                .cols = t->cols,
                                .dropout = t->params->dropout,
                                .mean = data->mean,
                                .sd = data->sd,
                                .class_names = (const char *const *)data->class_names,
                                .classes = data->classes,
                                .readout_weight = result ? result->readout_weight : NULL,
                                .readout_bias = result ? result->readout_bias : NULL};
  wb_trainer_swap_best(t);
  const wb_status status = wb_model_write(t->net, &notes, file, err);
  wb_trainer_swap_best(t);
  return status;
}

/* ---- The training ---- */

static wb_status write_history(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  const uint64_t epochs = (uint64_t)t->epoch,
                 steps = (uint64_t)(t->step < t->step_capacity ? t->step : t->step_capacity);
  char object[96];
  wb_status status = wb_h5_make_group(file, "/history", err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/history", "epochs", &t->epoch, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/history", "steps", &t->step, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/history", "kept_epoch", &t->kept_epoch, 1, err);
  const int64_t per_epoch = (int64_t)wb_loader_batches(t->train);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/history", "steps_per_epoch", &per_epoch, 1, err);
  for (int s = 0; status == WB_OK && s < WB_SERIES; s++) {
    snprintf(object, sizeof object, "/history/%s", wb_series_names[s]);
    if (!isnan(t->history[s][0])) status = wb_h5_write(file, object, WB_F64, 1, &epochs, t->history[s], err);
  }
  for (int s = 0; status == WB_OK && t->step_capacity && s < WB_STEP_SERIES; s++) {
    snprintf(object, sizeof object, "/history/steps/%s", wb_step_series_names[s]);
    if (steps && !isnan(t->steps[s][0]))
      status = wb_h5_write(file, object, WB_F64, 1, &steps, t->steps[s], err);
  }
  return status;
}

static wb_status write_resume(wb_trainer *t, wb_h5 *file, wb_error *err) {
  const struct {
    const char *name;
    const float *data;
    size_t count;
  } arrays[] = {{"/resume/weights", wb_net_weights(t->net), t->weight_count},
                {"/resume/buffers", wb_net_buffers(t->net), t->buffer_count},
                {"/resume/adam_m", t->m, t->weight_count},
                {"/resume/adam_v", t->v, t->weight_count}};
  wb_status status = WB_OK;
  for (size_t i = 0; status == WB_OK && i < sizeof arrays / sizeof *arrays; i++) {
    const uint64_t count = arrays[i].count;
    status = wb_h5_write(file, arrays[i].name, WB_F32, 1, &count, arrays[i].data, err);
  }
  double lambda[WB_TOPO_KINDS];
  int64_t started[WB_TOPO_KINDS];
  const size_t terms = (size_t)t->topo.count;
  for (size_t i = 0; i < terms; i++) {
    const wb_balance *balance = &wb_topography_term(t->topography, (int)i)->balance;
    lambda[i] = balance->lambda;
    started[i] = balance->started;
  }
  if (status == WB_OK) status = wb_h5_set_ints(file, "/resume", "judged_epoch", &t->judged, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/resume", "best", &t->best, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/resume", "least_total", &t->least_total, 1, err);
  if (status == WB_OK && terms) status = wb_h5_set_doubles(file, "/resume", "lambda", lambda, terms, err);
  if (status == WB_OK && terms)
    status = wb_h5_set_ints(file, "/resume", "lambda_started", started, terms, err);
  return status;
}

wb_status wb_checkpoint_write(wb_trainer *t, const wb_train_result *result, wb_error *err) {
  wb_h5 *file;
  wb_status status = wb_runfile_create(t->target.path, &file, err);
  if (status != WB_OK) return status;
  status = write_factors(t, file, err);
  if (status == WB_OK) status = write_provenance(t, file, err);
  if (status == WB_OK) status = write_model(t, file, result, err);
  if (status == WB_OK) status = write_history(t, file, err);
  if (status == WB_OK) status = wb_snapshots_write(t, file, err);
  if (status == WB_OK)
    status =
        result ? wb_runfile_write_activations(file, &result->activations, err) : write_resume(t, file, err);
  if (status != WB_OK) {
    wb_h5_close(file);
    return status;
  }
  status = wb_runfile_commit(file, result ? "complete" : "training", err);
  if (status == WB_OK) t->written = t->epoch;
  return status;
}
