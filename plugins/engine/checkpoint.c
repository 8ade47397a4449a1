/* checkpoint.c: writes the run file of a training, in progress or complete. Reading: checkpoint_read.c.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train_internal.h"

const char *const wb_series_names[WB_SERIES] = {"train_task_loss", "train_topo_loss",   "lambda",
                                                "train_accuracy",  "val_task_loss",     "val_accuracy",
                                                "seconds",         "images_per_second", "weight_norm"};
const char *const wb_step_series_names[WB_STEP_SERIES] = {"train_task_loss", "train_topo_loss", "lambda"};

/* ---- What the run is ---- */

/* "builtin", or "builtin,train=400,test=100" where only a part is used: runs on another part are another
 * condition. */
static void data_factor(char *out, size_t size, const wb_dataset *data) {
  const char *options = data->spec + strlen(data->spec);
  for (const char *comma = options; comma > data->spec; comma--) {
    if (*comma == '/' || *comma == ':') break;
    if (*comma == ',') options = comma;
  }
  snprintf(out, size, "%s%s", data->name, options);
}

static wb_status write_factors(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_net_config *net = wb_net_get_config(t->net);
  char data[512];
  data_factor(data, sizeof data, t->data);
  wb_runfile_factor f[12];
  size_t n = 0;
  f[n++] = (wb_runfile_factor){.name = "objective", .text = t->objective->name};
  f[n++] = (wb_runfile_factor){.name = "topo", .text = wb_train_topos[p->topo]};
  if (t->topographic && t->matched) {
    f[n++] = (wb_runfile_factor){.name = "balance", .text = "matched"};
    f[n++] = (wb_runfile_factor){.name = "rho", .type = WB_FACTOR_FLOAT, .real = p->rho};
  } else if (t->topographic) {
    f[n++] = (wb_runfile_factor){.name = "balance", .text = "fixed"};
    f[n++] = (wb_runfile_factor){.name = "lambda", .type = WB_FACTOR_FLOAT, .real = p->lambda};
  }
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

/* What one needs beside the weights to run the model on images. */
static wb_status describe_model(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  const wb_net_config *net = wb_net_get_config(t->net);
  const wb_dataset *data = t->data;
  const int64_t image[3] = {net->channels, net->height, net->img_width}, width = net->width,
                units = net->units, outputs = net->outputs, grid[2] = {(int64_t)t->rows, (int64_t)t->cols};
  const double dropout = t->params->dropout;
  double mean[4], sd[4];
  for (int c = 0; c < 4; c++) {
    mean[c] = (double)data->mean[c];
    sd[c] = (double)data->sd[c];
  }
  const char *head = net->head == WB_HEAD_LINEAR ? "linear" : "projection";
  const size_t channels = (size_t)net->channels;
  wb_status status = wb_h5_make_group(file, "/model", err);
  if (status == WB_OK) status = wb_h5_set_text(file, "/model", "arch", net->arch, err);
  if (status == WB_OK) status = wb_h5_set_text(file, "/model", "head", head, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "width", &width, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "units", &units, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "outputs", &outputs, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "image", image, 3, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "grid", grid, 2, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "dropout", &dropout, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "mean", mean, channels, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "sd", sd, channels, err);
  if (status == WB_OK)
    status = wb_h5_set_texts(file, "/model", "classes", (const char *const *)data->class_names, data->classes,
                             err);
  return status;
}

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

static wb_status write_tensors(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  float *plain = NULL;
  wb_status status = WB_OK;
  for (int i = 0; status == WB_OK && i < wb_net_tensor_count(t->net); i++) {
    const wb_tensor *tensor = wb_net_tensor(t->net, i);
    char object[128];
    uint64_t dims[4];
    for (int a = 0; a < tensor->rank; a++) dims[a] = (uint64_t)tensor->dims[a];
    snprintf(object, sizeof object, "/model/%s", tensor->name);
    float *larger = realloc(plain, tensor->count * sizeof *plain);
    if (!larger) {
      status = wb_fail_nomem(err, object, tensor->count * sizeof *plain);
      break;
    }
    plain = larger;
    wb_net_get(t->net, i, plain);
    status = wb_h5_write(file, object, WB_F32, (uint32_t)tensor->rank, dims, plain, err);
  }
  free(plain);
  return status;
}

static wb_status link_role(const wb_trainer *t, wb_h5 *file, const char *role, int tensor, wb_error *err) {
  char target[128];
  snprintf(target, sizeof target, "/model/%s", wb_net_tensor(t->net, tensor)->name);
  return wb_h5_soft_link(file, role, target, err);
}

static wb_status write_readout(const wb_trainer *t, wb_h5 *file, const wb_train_result *result,
                               wb_error *err) {
  const int linear = wb_net_readout_weight(t->net);
  if (linear >= 0) {
    const wb_status status = link_role(t, file, "/roles/readout_weight", linear, err);
    return status == WB_OK ? link_role(t, file, "/roles/readout_bias", linear + 1, err) : status;
  }
  if (!result) return WB_OK;
  const uint64_t dims[] = {t->data->classes, (uint64_t)t->params->units};
  wb_status status = wb_h5_write(file, "/readout/weight", WB_F32, 2, dims, result->readout_weight, err);
  if (status == WB_OK)
    status = wb_h5_write(file, "/readout/bias", WB_F32, 1, dims, result->readout_bias, err);
  if (status == WB_OK) status = wb_h5_soft_link(file, "/roles/readout_weight", "/readout/weight", err);
  return status == WB_OK ? wb_h5_soft_link(file, "/roles/readout_bias", "/readout/bias", err) : status;
}

static wb_status write_model(wb_trainer *t, wb_h5 *file, const wb_train_result *result, wb_error *err) {
  wb_status status = describe_model(t, file, err);
  wb_trainer_swap_best(t);
  if (status == WB_OK) status = write_tensors(t, file, err);
  wb_trainer_swap_best(t);
  if (status == WB_OK)
    status = link_role(t, file, "/roles/embedding_weight", wb_net_embedding_weight(t->net), err);
  if (status == WB_OK)
    status = link_role(t, file, "/roles/embedding_bias", wb_net_embedding_bias(t->net), err);
  return status == WB_OK ? write_readout(t, file, result, err) : status;
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
  for (int s = 0; status == WB_OK && s < WB_SERIES; s++) {
    snprintf(object, sizeof object, "/history/%s", wb_series_names[s]);
    if (!isnan(t->history[s][0])) status = wb_h5_write(file, object, WB_F64, 1, &epochs, t->history[s], err);
  }
  for (int s = 0; status == WB_OK && t->step_capacity && s < WB_STEP_SERIES; s++) {
    snprintf(object, sizeof object, "/history/steps/%s", wb_step_series_names[s]);
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
  const int64_t started = t->balance.started;
  if (status == WB_OK) status = wb_h5_set_ints(file, "/resume", "judged_epoch", &t->judged, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/resume", "best", &t->best, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/resume", "least_total", &t->least_total, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/resume", "lambda", &t->balance.lambda, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/resume", "lambda_started", &started, 1, err);
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
  if (status == WB_OK)
    status =
        result ? wb_runfile_write_activations(file, &result->activations, err) : write_resume(t, file, err);
  if (status == WB_OK) return wb_runfile_commit(file, result ? "complete" : "training", err);
  wb_h5_close(file);
  return status;
}
