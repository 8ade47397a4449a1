/* model_file.c: see model_file.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wb_data_factor(char *out, size_t size, const wb_dataset *data) {
  const char *options = data->spec + strlen(data->spec);
  for (const char *comma = options; comma > data->spec; comma--) {
    if (*comma == '/' || *comma == ':') break;
    if (*comma == ',') options = comma;
  }
  snprintf(out, size, "%s%s", data->name, options);
}

/* What one needs beside the weights to run the model on images. */
static wb_status describe(const wb_net *net, const wb_model_notes *notes, wb_h5 *file, wb_error *err) {
  static const char *const heads[] = {"none", "linear", "projection"};
  const wb_net_config *c = wb_net_get_config(net);
  const size_t channels = (size_t)c->channels;
  const int64_t image[3] = {c->channels, c->height, c->img_width}, width = c->width, units = c->units,
                outputs = c->outputs, grid[2] = {(int64_t)notes->rows, (int64_t)notes->cols};
  double mean[4], sd[4];
  for (size_t k = 0; k < channels; k++) {
    mean[k] = (double)notes->mean[k];
    sd[k] = (double)notes->sd[k];
  }
  wb_status status = wb_h5_make_group(file, "/model", err);
  if (status == WB_OK) status = wb_h5_set_text(file, "/model", "arch", c->arch, err);
  if (status == WB_OK) status = wb_h5_set_text(file, "/model", "head", heads[c->head], err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "width", &width, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "units", &units, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "outputs", &outputs, 1, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "image", image, 3, err);
  if (status == WB_OK) status = wb_h5_set_ints(file, "/model", "grid", grid, 2, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "dropout", &notes->dropout, 1, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "mean", mean, channels, err);
  if (status == WB_OK) status = wb_h5_set_doubles(file, "/model", "sd", sd, channels, err);
  if (status == WB_OK && notes->class_names)
    status = wb_h5_set_texts(file, "/model", "classes", notes->class_names, notes->classes, err);
  return status;
}

wb_status wb_model_write_tensors(const wb_net *net, const char *group, wb_h5 *file, wb_error *err) {
  float *plain = NULL;
  wb_status status = WB_OK;
  for (int i = 0; status == WB_OK && i < wb_net_tensor_count(net); i++) {
    const wb_tensor *tensor = wb_net_tensor(net, i);
    char object[128];
    uint64_t dims[4];
    for (int a = 0; a < tensor->rank; a++) dims[a] = (uint64_t)tensor->dims[a];
    snprintf(object, sizeof object, "%s/%s", group, tensor->name);
    float *larger = realloc(plain, tensor->count * sizeof *plain);
    if (!larger) {
      status = wb_fail_nomem(err, object, tensor->count * sizeof *plain);
      break;
    }
    plain = larger;
    wb_net_get(net, i, plain);
    status = wb_h5_write(file, object, WB_F32, (uint32_t)tensor->rank, dims, plain, err);
  }
  free(plain);
  return status;
}

static wb_status link_role(const wb_net *net, wb_h5 *file, const char *role, int tensor, wb_error *err) {
  char target[128];
  snprintf(target, sizeof target, "/model/%s", wb_net_tensor(net, tensor)->name);
  return wb_h5_soft_link(file, role, target, err);
}

/* The head's classifier, or the readout. */
static wb_status write_readout(const wb_net *net, const wb_model_notes *notes, wb_h5 *file, wb_error *err) {
  const int linear = wb_net_readout_weight(net);
  if (linear >= 0) {
    const wb_status status = link_role(net, file, "/roles/readout_weight", linear, err);
    return status == WB_OK ? link_role(net, file, "/roles/readout_bias", linear + 1, err) : status;
  }
  if (!notes->readout_weight) return WB_OK;
  const uint64_t dims[] = {notes->classes, (uint64_t)wb_net_get_config(net)->units};
  wb_status status = wb_h5_write(file, "/readout/weight", WB_F32, 2, dims, notes->readout_weight, err);
  if (status == WB_OK) status = wb_h5_write(file, "/readout/bias", WB_F32, 1, dims, notes->readout_bias, err);
  if (status == WB_OK) status = wb_h5_soft_link(file, "/roles/readout_weight", "/readout/weight", err);
  return status == WB_OK ? wb_h5_soft_link(file, "/roles/readout_bias", "/readout/bias", err) : status;
}

wb_status wb_model_write(const wb_net *net, const wb_model_notes *notes, wb_h5 *file, wb_error *err) {
  wb_status status = describe(net, notes, file, err);
  if (status == WB_OK) status = wb_model_write_tensors(net, "/model", file, err);
  if (status == WB_OK)
    status = link_role(net, file, "/roles/embedding_weight", wb_net_embedding_weight(net), err);
  if (status == WB_OK)
    status = link_role(net, file, "/roles/embedding_bias", wb_net_embedding_bias(net), err);
  return status == WB_OK ? write_readout(net, notes, file, err) : status;
}
