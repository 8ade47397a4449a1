/* service_model.c: the network behind a MODEL role, built from its run file.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "hdf5/runfile.h"
#include "service_internal.h"
#include "state_dict.h"

static wb_status get_ints(const wb_h5 *file, const char *name, int *values, size_t count, wb_error *err) {
  int64_t wide[4];
  size_t found;
  const wb_status status = wb_h5_get_ints(file, "/model", name, wide, count, &found, err);
  if (status != WB_OK) return status;
  bool fits = found == count;
  for (size_t i = 0; fits && i < count; i++) {
    fits = wide[i] >= 0 && wide[i] <= INT32_MAX;
    values[i] = (int)wide[i];
  }
  return fits ? WB_OK
              : wb_fail(err, WB_INPUT, "%s: the attribute %s of /model is not %zu sizes", wb_h5_path(file),
                        name, count);
}

static wb_status get_norm(const wb_h5 *file, const char *name, float *values, size_t channels,
                          wb_error *err) {
  double wide[4] = {0};
  size_t found;
  const wb_status status = wb_h5_get_doubles(file, "/model", name, wide, 4, &found, err);
  if (status != WB_OK) return status;
  if (found != channels)
    return wb_fail(err, WB_INPUT, "%s: the attribute %s of /model has %zu numbers, the images %zu channels",
                   wb_h5_path(file), name, found, channels);
  for (size_t c = 0; c < channels; c++) values[c] = (float)wide[c];
  return WB_OK;
}

static wb_status build_net(wb_model *m, const wb_h5 *file, wb_error *err) {
  int image[3], units, width;
  char *arch = NULL;
  wb_status status = wb_h5_get_text(file, "/model", "arch", &arch, err);
  if (status == WB_OK) status = get_ints(file, "image", image, 3, err);
  if (status == WB_OK) status = get_ints(file, "width", &width, 1, err);
  if (status == WB_OK) status = get_ints(file, "units", &units, 1, err);
  if (status == WB_OK) {
    const wb_net_config config = {.arch = arch,
                                  .width = width,
                                  .channels = image[0],
                                  .height = image[1],
                                  .img_width = image[2],
                                  .units = units,
                                  .head = WB_HEAD_NONE,
                                  .batch = (int)m->batch};
    status = wb_net_create(&config, &m->net, err);
  }
  free(arch);
  if (status != WB_OK) return status;
  for (int a = 0; a < 3; a++) m->image[a] = (uint32_t)image[a];
  m->units = (uint32_t)units;
  status = get_norm(file, "mean", m->mean, m->image[0], err);
  if (status == WB_OK) status = get_norm(file, "sd", m->sd, m->image[0], err);
  for (uint32_t c = 0; status == WB_OK && c < m->image[0]; c++)
    if (!(m->sd[c] > 0))
      status = wb_fail(err, WB_INPUT, "%s: sd of /model is not positive", wb_h5_path(file));
  return status == WB_OK ? wb_state_dict_load(m->net, file, "/model", err) : status;
}

/* The classifier, where the file has one. */
static wb_status load_classifier(const wb_host *host, wb_model *m, const wb_h5 *file, wb_error *err) {
  static const char weight[] = "/roles/readout_weight", bias[] = "/roles/readout_bias";
  wb_h5_shape w, b;
  char *input;
  if (!wb_h5_exists(file, weight)) return WB_OK;
  wb_status status = wb_h5_get_shape(file, weight, &w, err);
  if (status == WB_OK) status = wb_h5_get_shape(file, bias, &b, err);
  if (status != WB_OK) return status;
  if (w.rank != 2 || w.dims[1] != m->units || b.rank != 1 || b.dims[0] != w.dims[0] || w.dims[0] > UINT16_MAX)
    return wb_fail(err, WB_INPUT, "%s: %s and %s are not [class, %u] and [class]", m->path, weight, bias,
                   m->units);
  status = wb_h5_get_text(file, "/", "readout_input", &input, err);
  if (status != WB_OK) return status;
  m->relu = strcmp(input, "relu") == 0;
  if (!m->relu && strcmp(input, "identity") != 0)
    status = wb_fail(err, WB_INPUT, "%s: readout_input is %s, expected identity or relu", m->path, input);
  free(input);
  if (status != WB_OK) return status;
  m->classes = (uint32_t)w.dims[0];
  m->weight = WB_ALLOC(host, float, (size_t)m->classes * m->units);
  m->bias = WB_ALLOC(host, float, m->classes);
  if (!m->weight || !m->bias) return WB_NOMEM;
  status = wb_h5_read(file, weight, WB_F32, m->weight, err);
  return status == WB_OK ? wb_h5_read(file, bias, WB_F32, m->bias, err) : status;
}

static wb_status make_room(const wb_host *host, wb_model *m) {
  const size_t batch = m->batch, pixels = (size_t)m->image[0] * m->image[1] * m->image[2];
  m->input = WB_ALLOC(host, float, batch *pixels);
  m->embedding = WB_ALLOC(host, float, batch * m->units);
  m->read = WB_ALLOC(host, float, batch * m->units);
  m->logits = WB_ALLOC(host, float, batch *(m->classes + 1));
  return m->input && m->embedding && m->read && m->logits ? WB_OK : WB_NOMEM;
}

static void release(void *model) {
  wb_service_model_free(model);
}

wb_status wb_model_read(const wb_host *host, const wb_h5 *file, const char *path, uint32_t batch,
                        wb_model **out, wb_error *err) {
  wb_model *m = WB_ALLOC(host, wb_model, 1);
  if (!m) return WB_NOMEM;
  *m = (wb_model){.path = path, .batch = batch};
  WB_TRY(host->defer(host, release, m));
  wb_status status = build_net(m, file, err);
  if (status == WB_OK) status = load_classifier(host, m, file, err);
  if (status == WB_OK) status = make_room(host, m);
  if (status == WB_OK) *out = m;
  return status;
}

wb_status wb_service_model(const wb_host *host, const char *role, uint32_t run, uint32_t batch,
                           wb_model **out) {
  (void)role;
  if (batch < 1 || batch > 65536)
    return wb_host_fail(host, WB_INTERNAL,
                        "engine/1 was asked for a network for %u images a call; it does 1 to "
                        "65,536",
                        batch);
  const char *path = host->run_path(host, run);
  wb_error err = {0};
  wb_h5 *file;
  wb_status status = wb_runfile_open(path, &file, &err);
  if (status != WB_OK) return wb_service_fail(host, &err);
  status = wb_model_read(host, file, path, batch, out, &err);
  wb_h5_close(file);
  return err.status ? wb_service_fail(host, &err) : status;
}

void wb_service_model_free(wb_model *model) {
  wb_net_free(model->net);
  model->net = NULL;
}

void wb_service_model_shape(const wb_model *model, uint32_t image[3], uint32_t *units, uint32_t *classes) {
  memcpy(image, model->image, sizeof model->image);
  *units = model->units;
  *classes = model->classes;
}

const char *wb_service_layer(const wb_model *model, uint32_t index, uint32_t dims[3]) {
  if (!model->net) return NULL;
  const uint32_t inner = (uint32_t)wb_net_layer_count(model->net);
  dims[1] = dims[2] = 1;
  if (index < inner) {
    int sizes[3];
    const char *name = wb_net_layer(model->net, (int)index, sizes);
    for (int a = 0; a < 3; a++) dims[a] = (uint32_t)sizes[a];
    return name;
  }
  dims[0] = index == inner ? model->units : model->classes;
  if (index == inner) return "embedding";
  return index == inner + 1 && model->classes ? "logits" : NULL;
}
