/* service_tensors.c: weights and buffers of an opened network, to read and to replace.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "service_internal.h"

/* The classifier is no part of the headless network: its two tensors follow those of the network. */
enum { READOUT_WEIGHT, READOUT_BIAS, READOUT_TENSORS };

const char *wb_service_tensor(const wb_model *m, uint32_t index, uint32_t *rank, uint32_t dims[WB_MAX_RANK]) {
  static const char *const readout[READOUT_TENSORS] = {"readout.weight", "readout.bias"};
  if (!m->net) return NULL;
  const uint32_t inner = (uint32_t)wb_net_tensor_count(m->net);
  if (index < inner) {
    const wb_tensor *t = wb_net_tensor(m->net, (int)index);
    *rank = (uint32_t)t->rank;
    for (int a = 0; a < t->rank; a++) dims[a] = (uint32_t)t->dims[a];
    return (int)index == wb_net_embedding_weight(m->net) ? "embedding.weight"
           : (int)index == wb_net_embedding_bias(m->net) ? "embedding.bias"
                                                         : t->name;
  }
  const uint32_t part = index - inner;
  if (!m->classes || part >= READOUT_TENSORS) return NULL;
  *rank = part == READOUT_WEIGHT ? 2 : 1;
  dims[0] = m->classes;
  if (part == READOUT_WEIGHT) dims[1] = m->units;
  return readout[part];
}

static wb_status check_index(const wb_host *host, const wb_model *m, uint32_t index) {
  uint32_t rank, dims[WB_MAX_RANK];
  if (!m->net) return wb_host_fail(host, WB_INTERNAL, "engine/1: a network was used after model_free");
  if (!wb_service_tensor(m, index, &rank, dims))
    return wb_host_fail(host, WB_INTERNAL, "engine/1: the network of %s has no tensor %u", m->path, index);
  return WB_OK;
}

/* Of a tensor of the classifier: where it lies, and how many values it has. */
static float *readout_values(const wb_model *m, uint32_t part, size_t *count) {
  *count = part == READOUT_WEIGHT ? (size_t)m->classes * m->units : m->classes;
  return part == READOUT_WEIGHT ? m->weight : m->bias;
}

wb_status wb_service_tensor_get(const wb_host *host, const wb_model *m, uint32_t index, float *values) {
  WB_TRY(check_index(host, m, index));
  const uint32_t inner = (uint32_t)wb_net_tensor_count(m->net);
  size_t count;
  if (index < inner) {
    wb_net_get(m->net, (int)index, values);
  } else {
    const float *from = readout_values(m, index - inner, &count);
    memcpy(values, from, count * sizeof *values);
  }
  return WB_OK;
}

wb_status wb_service_tensor_set(const wb_host *host, wb_model *m, uint32_t index, const float *values) {
  WB_TRY(check_index(host, m, index));
  const uint32_t inner = (uint32_t)wb_net_tensor_count(m->net);
  size_t count;
  if (index < inner) {
    wb_net_set(m->net, (int)index, values);
  } else {
    float *to = readout_values(m, index - inner, &count);
    memcpy(to, values, count * sizeof *values);
  }
  return WB_OK;
}
