/* service_pass.c: what a network makes of images, and the gradient of its loss with respect to them.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "linear.h"
#include "service_internal.h"

enum { MOST_TAPS = 64 };

static wb_status check_call(const wb_host *host, const wb_model *m, uint32_t n) {
  if (!m->net) return wb_host_fail(host, WB_INTERNAL, "engine/1: a network was used after model_free");
  if (n < 1 || n > m->batch)
    return wb_host_fail(host, WB_INTERNAL, "engine/1: a network for at most %u images a call was given %u",
                        m->batch, n);
  return WB_OK;
}

static size_t image_size(const wb_model *m) {
  return (size_t)m->image[0] * m->image[1] * m->image[2];
}

static void normalise(wb_model *m, const float *images, uint32_t n) {
  const size_t area = (size_t)m->image[1] * m->image[2];
  const size_t planes = (size_t)n * m->image[0];
#pragma omp parallel for schedule(static)
  for (size_t k = 0; k < planes; k++) {
    const float mean = m->mean[k % m->image[0]], sd = m->sd[k % m->image[0]];
    for (size_t i = k * area; i < (k + 1) * area; i++) m->input[i] = (images[i] - mean) / sd;
  }
}

/* logits from the embedding. */
static void classify(wb_model *m, const float *embedding, uint32_t n) {
  const size_t count = (size_t)n * m->units;
  for (size_t i = 0; i < count; i++) m->read[i] = m->relu && !(embedding[i] > 0) ? 0 : embedding[i];
  wb_linear_rows(m->logits, m->read, m->weight, m->bias, (int)n, (int)m->units, (int)m->classes);
}

/* Position of a layer for wb_service_layer; one past the logits for what the classifier reads. */
static wb_status find_layer(const wb_host *host, const wb_model *m, const char *name, uint32_t *index) {
  uint32_t dims[3];
  const char *found;
  for (*index = 0; (found = wb_service_layer(m, *index, dims)); ++*index)
    if (strcmp(found, name) == 0) return WB_OK;
  const bool input = strcmp(name, "readout_input") == 0;
  if (input && m->classes) return WB_OK;
  if (input || strcmp(name, "logits") == 0)
    return wb_host_fail(host, WB_INPUT, "%s has no classifier: neither a linear head nor a readout", m->path);
  return wb_host_fail(host, WB_ARG, "the network of %s has no layer %s; it has %s and others", m->path, name,
                      wb_service_layer(m, 0, dims));
}

wb_status wb_service_forward(const wb_host *host, wb_model *m, const float *images, uint32_t n, uint32_t taps,
                             const char *const *layers, float *const *outs) {
  WB_TRY(check_call(host, m, n));
  if (taps > MOST_TAPS)
    return wb_host_fail(host, WB_INTERNAL,
                        "engine/1: %u layers were asked for in one call; it gives up to %d", taps, MOST_TAPS);
  const uint32_t inner = (uint32_t)wb_net_layer_count(m->net);
  uint32_t index[MOST_TAPS];
  wb_net_tap wanted[MOST_TAPS];
  int count = 0;
  bool logits = false;
  for (uint32_t t = 0; t < taps; t++) {
    WB_TRY(find_layer(host, m, layers[t], &index[t]));
    if (index[t] < inner) wanted[count++] = (wb_net_tap){(int)index[t], outs[t]};
    logits |= index[t] > inner;
  }
  wb_error err = {0};
  normalise(m, images, n);
  if (wb_net_infer_taps(m->net, m->input, (int)n, wanted, count, m->embedding, NULL, &err) != WB_OK)
    return wb_service_fail(host, &err);
  if (logits) classify(m, m->embedding, n);
  for (uint32_t t = 0; t < taps; t++) {
    if (index[t] == inner) memcpy(outs[t], m->embedding, (size_t)n * m->units * sizeof(float));
    if (index[t] == inner + 1) memcpy(outs[t], m->logits, (size_t)n * m->classes * sizeof(float));
    if (index[t] > inner + 1) memcpy(outs[t], m->read, (size_t)n * m->units * sizeof(float));
  }
  return WB_OK;
}

/* The same network with room for a backward pass. Most models never need it, so it is made at first use. */
static wb_status prepare_backward(wb_model *m, wb_error *err) {
  if (wb_net_get_config(m->net)->training) return WB_OK;
  wb_net_config config = *wb_net_get_config(m->net);
  config.training = true;
  wb_net *net;
  const wb_status status = wb_net_create(&config, &net, err);
  if (status != WB_OK) return status;
  memcpy(wb_net_weights(net), wb_net_weights(m->net), wb_net_weight_count(net) * sizeof(float));
  memcpy(wb_net_buffers(net), wb_net_buffers(m->net), wb_net_buffer_count(net) * sizeof(float));
  wb_net_free(m->net);
  m->net = net;
  return WB_OK;
}

wb_status wb_model_forward_batch(const wb_host *host, wb_model *m, const float *images, uint32_t n,
                                 float *embedding, float *logits) {
  WB_TRY(check_call(host, m, n));
  wb_error err = {0};
  wb_status status = prepare_backward(m, &err);
  normalise(m, images, n);
  if (status == WB_OK) status = wb_net_forward_train(m->net, m->input, (int)n, 0, 0, &err);
  if (status != WB_OK) return wb_service_fail(host, &err);
  memcpy(embedding, wb_net_embedding(m->net), (size_t)n * m->units * sizeof *embedding);
  if (!logits) return WB_OK;
  classify(m, embedding, n);
  memcpy(logits, m->logits, (size_t)n * m->classes * sizeof *logits);
  return WB_OK;
}

/* Cross-entropy of one stimulus; its gradient replaces the logits. */
static double cross_entropy(float *logits, size_t classes, size_t label) {
  double top = (double)logits[0], sum = 0;
  for (size_t c = 1; c < classes; c++) top = fmax(top, (double)logits[c]);
  for (size_t c = 0; c < classes; c++) sum += exp((double)logits[c] - top);
  const double loss = log(sum) + top - (double)logits[label];
  for (size_t c = 0; c < classes; c++)
    logits[c] = (float)(exp((double)logits[c] - top) / sum - (c == label ? 1 : 0));
  return loss;
}

wb_status wb_service_input_gradient(const wb_host *host, wb_model *m, const float *images,
                                    const int32_t *labels, uint32_t n, float *gradient, float *loss) {
  WB_TRY(check_call(host, m, n));
  if (!m->classes)
    return wb_host_fail(host, WB_INPUT, "%s has no classifier: neither a linear head nor a readout", m->path);
  for (uint32_t i = 0; i < n; i++)
    if (labels[i] < 0 || (uint32_t)labels[i] >= m->classes)
      return wb_host_fail(host, WB_INPUT, "label %d is not one of the %u classes of %s", labels[i],
                          m->classes, m->path);
  wb_error err = {0};
  wb_status status = prepare_backward(m, &err);
  normalise(m, images, n);
  if (status == WB_OK) status = wb_net_forward_frozen(m->net, m->input, (int)n, &err);
  if (status != WB_OK) return wb_service_fail(host, &err);
  const size_t units = m->units, classes = m->classes;
  classify(m, wb_net_embedding(m->net), n);
  for (uint32_t i = 0; i < n; i++) {
    const double l = cross_entropy(m->logits + i * classes, classes, (size_t)labels[i]);
    if (loss) loss[i] = (float)l;
  }
  float *d_embedding = m->embedding;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)units, (int)classes, 1, m->logits,
              (int)classes, m->weight, (int)units, 0, d_embedding, (int)units);
  for (size_t i = 0; m->relu && i < n * units; i++)
    if (!(m->read[i] > 0)) d_embedding[i] = 0;
  float *d_input = m->input; // the caller's gradient may lie anywhere
  status = wb_net_backward_images(m->net, NULL, d_embedding, d_input, &err);
  if (status != WB_OK) return wb_service_fail(host, &err);
  const size_t area = (size_t)m->image[1] * m->image[2], values = n * image_size(m);
  for (size_t i = 0; i < values; i++) gradient[i] = d_input[i] / m->sd[i / area % m->image[0]];
  return WB_OK;
}
