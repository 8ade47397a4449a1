/* import_fit.c: the network that a file's tensors fit, and what does not fit; see import_internal.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_internal.h"

static const char readout_weight[] = "readout.weight", readout_bias[] = "readout.bias";

/* ---- What the tensors imply ---- */

/* Length of an axis of a tensor, 0 where the file has no such tensor or axis. */
static uint64_t axis(const wb_import *in, const char *name, uint32_t rank, uint32_t a) {
  const wb_array *array = wb_arrays_find(in->arrays, name);
  return array && array->rank == rank ? array->dims[a] : 0;
}

/* A network of the architecture with few units, to learn its tensors' names. */
static wb_status sketch(const wb_import *in, wb_head head, wb_net **out, wb_error *err) {
  wb_net_config config = in->config;
  config.units = 2;
  config.head = head;
  config.outputs = head == WB_HEAD_NONE ? 0 : 2;
  return wb_net_create(&config, out, err);
}

/* Width, channels and units: axes of the first convolution and of the embedding layer. */
static wb_status find_sizes(wb_import *in, wb_error *err) {
  wb_net *net;
  const wb_status status = sketch(in, WB_HEAD_NONE, &net, err);
  if (status != WB_OK) return status;
  const char *first = wb_net_tensor(net, 0)->name;
  const uint64_t width = axis(in, first, 4, 0), channels = axis(in, first, 4, 1);
  const uint64_t units = axis(in, wb_net_tensor(net, wb_net_embedding_weight(net))->name, 2, 0);
  if (width >= 8 && width <= 512 && width % 8 == 0) in->config.width = (int)width;
  if (channels >= 1 && channels <= 3) in->config.channels = (int)channels;
  in->config.units = units >= 1 && units <= 65536 ? (int)units : 256;
  wb_net_free(net);
  return WB_OK;
}

/* The head whose own tensors the file has, and its outputs. */
static wb_status find_head(wb_import *in, wb_error *err) {
  static const wb_head heads[] = {WB_HEAD_LINEAR, WB_HEAD_PROJECTION};
  wb_net *bare;
  wb_status status = sketch(in, WB_HEAD_NONE, &bare, err);
  for (size_t h = 0; h < 2 && status == WB_OK && in->config.head == WB_HEAD_NONE; h++) {
    wb_net *net;
    status = sketch(in, heads[h], &net, err);
    for (int i = 0; status == WB_OK && i < wb_net_tensor_count(net); i++) {
      const wb_tensor *t = wb_net_tensor(net, i);
      if (wb_net_find(bare, t->name) >= 0 || !wb_arrays_find(in->arrays, t->name)) continue;
      in->config.head = heads[h];
      const uint64_t outputs = t->rank == 2 ? axis(in, t->name, 2, 0) : 0;
      if (outputs >= 1 && outputs <= 65536) in->config.outputs = (int)outputs;
    }
    if (status == WB_OK) wb_net_free(net);
  }
  if (in->config.head != WB_HEAD_NONE && !in->config.outputs) in->config.outputs = 10; // misshapen anyway
  if (status == WB_OK || bare) wb_net_free(bare);
  return status;
}

/* ---- What does not fit ---- */

typedef struct mismatch {
  const wb_import *in;
  size_t missing, extra, misshapen;
} mismatch;

static void shape_text(char *out, size_t size, uint32_t rank, const uint64_t *dims) {
  size_t used = (size_t)snprintf(out, size, "[");
  for (uint32_t a = 0; a < rank && used < size; a++)
    used += (size_t)snprintf(out + used, size - used, "%s%llu", a ? ", " : "", (unsigned long long)dims[a]);
  if (used < size) snprintf(out + used, size - used, "]");
}

/* One expected tensor against what the file has. */
static void compare(mismatch *m, const char *name, uint32_t rank, const uint64_t *dims) {
  const wb_array *array = wb_arrays_find(m->in->arrays, name);
  char expected[120], found[240];
  shape_text(expected, sizeof expected, rank, dims);
  if (!array) {
    m->missing++;
    wb_host_log(m->in->host, WB_WARNING, "missing: %s %s", name, expected);
    return;
  }
  bool same = array->rank == rank && array->number != WB_NUMBER_OTHER;
  for (uint32_t a = 0; same && a < rank; a++) same = array->dims[a] == dims[a];
  if (same) return;
  m->misshapen++;
  shape_text(found, sizeof found, array->rank, array->dims);
  wb_host_log(m->in->host, WB_WARNING, "another shape: %s is %s of %s; the network has %s", name, found,
              array->type, expected);
}

/* Counters that batch norm does without. */
static bool ignored(const char *name) {
  static const char ending[] = ".num_batches_tracked";
  const size_t length = strlen(name), tail = sizeof ending - 1;
  return length > tail && strcmp(name + length - tail, ending) == 0;
}

static void compare_readout(mismatch *m) {
  const wb_import *in = m->in;
  if (!wb_arrays_find(in->arrays, readout_weight) && !wb_arrays_find(in->arrays, readout_bias)) return;
  const wb_array *weight = wb_arrays_find(in->arrays, readout_weight);
  const uint64_t classes = weight && weight->rank ? weight->dims[0] : axis(in, readout_bias, 1, 0);
  const uint64_t dims[] = {classes, (uint64_t)in->config.units};
  compare(m, readout_weight, 2, dims);
  compare(m, readout_bias, 1, dims);
}

static wb_status compare_all(const wb_import *in, wb_error *err) {
  mismatch m = {.in = in};
  for (int i = 0; i < wb_net_tensor_count(in->net); i++) {
    const wb_tensor *t = wb_net_tensor(in->net, i);
    uint64_t dims[4] = {0};
    for (int a = 0; a < t->rank; a++) dims[a] = (uint64_t)t->dims[a];
    compare(&m, t->name, (uint32_t)t->rank, dims);
  }
  compare_readout(&m);
  for (size_t i = 0; i < wb_arrays_count(in->arrays); i++) {
    const wb_array *array = wb_arrays_at(in->arrays, i);
    if (wb_net_find(in->net, array->name) >= 0 || ignored(array->name) ||
        strcmp(array->name, readout_weight) == 0 || strcmp(array->name, readout_bias) == 0)
      continue;
    char found[240];
    shape_text(found, sizeof found, array->rank, array->dims);
    wb_host_log(in->host, WB_WARNING, "not of this network: %s %s", array->name, found);
    m.extra++;
  }
  if (m.missing + m.extra + m.misshapen == 0) return WB_OK;
  return wb_fail(
      err, WB_INPUT,
      "%s does not fit %s with %d units: %zu tensors are missing, %zu have another shape, %zu are not of "
      "this network; they are listed above",
      in->path, in->config.arch, in->config.units, m.missing, m.misshapen, m.extra);
}

/* ---- Loading ---- */

static wb_status read_tensor(const wb_import *in, const char *name, float *out, size_t count, wb_error *err) {
  const wb_array *array = wb_arrays_find(in->arrays, name);
  wb_status status = wb_arrays_verify(in->arrays, array, err);
  if (status == WB_OK)
    status = wb_arrays_read(in->arrays, array, WB_F32, 0, array->rank ? array->dims[0] : 1, out, err);
  for (size_t i = 0; i < count && status == WB_OK; i++)
    if (!isfinite(out[i]))
      status = wb_fail(err, WB_INPUT, "%s: %s holds %s at position %zu", in->path, name,
                       isnan(out[i]) ? "NaN" : "infinity", i);
  return status;
}

static wb_status load(wb_import *in, wb_error *err) {
  wb_status status = WB_OK;
  for (int i = 0; i < wb_net_tensor_count(in->net) && status == WB_OK; i++) {
    const wb_tensor *t = wb_net_tensor(in->net, i);
    float *plain = malloc(t->count * sizeof *plain);
    if (!plain) return wb_fail_nomem(err, t->name, t->count * sizeof *plain);
    status = read_tensor(in, t->name, plain, t->count, err);
    if (status == WB_OK) wb_net_set(in->net, i, plain);
    free(plain);
  }
  const wb_array *weight = wb_arrays_find(in->arrays, readout_weight);
  if (status != WB_OK || !weight) return status;
  const size_t classes = (size_t)weight->dims[0], count = classes * (size_t)in->config.units;
  in->readout_weight = WB_ALLOC(in->host, float, count);
  in->readout_bias = WB_ALLOC(in->host, float, classes);
  if (!in->readout_weight || !in->readout_bias) return WB_NOMEM;
  in->readout_classes = classes;
  status = read_tensor(in, readout_weight, in->readout_weight, count, err);
  return status == WB_OK ? read_tensor(in, readout_bias, in->readout_bias, classes, err) : status;
}

static void release_net(void *net) {
  wb_net_free(net);
}

wb_status wb_import_fit(wb_import *in, wb_error *err) {
  wb_status status = find_sizes(in, err);
  if (status == WB_OK) status = find_head(in, err);
  if (status == WB_OK) status = wb_net_create(&in->config, &in->net, err);
  if (status == WB_OK) status = in->host->defer(in->host, release_net, in->net);
  if (status == WB_OK) status = compare_all(in, err);
  return status == WB_OK ? load(in, err) : status;
}
