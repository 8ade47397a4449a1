/* net_head.c: what follows global average pooling: the embedding layer and the head. Arrays are row-major.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "linear.h"
#include "net_impl.h"

#include <math.h>
#include <string.h>

static int add_linear(wb_net *net, const char *weight, const char *bias, int ins, int outs) {
  const int dims[2] = {outs, ins};
  const double bound = 1 / sqrt((double)ins);
  const int first = wb_net_add(net, weight, 2, dims, false, WB_INIT_UNIFORM, bound);
  wb_net_add(net, bias, 1, dims, false, WB_INIT_UNIFORM, bound);
  return first;
}

void wb_head_build(wb_net *net) {
  const wb_net_config *c = &net->config;
  wb_head_state *h = &net->head;
  const bool plain = net->plain_names;
  net->embedding_weight = add_linear(net, plain ? "fc1.weight" : "encoder.fc.weight",
                                     plain ? "fc1.bias" : "encoder.fc.bias", net->feature_count, c->units);
  net->embedding_bias = net->embedding_weight + 1;
  h->norm = h->weight = -1;
  if (c->head == WB_HEAD_LINEAR)
    h->weight = add_linear(net, plain ? "fc2.weight" : "fc.weight", plain ? "fc2.bias" : "fc.bias", c->units,
                           c->outputs);
  if (c->head == WB_HEAD_PROJECTION) {
    h->norm = wb_net_add_norm(net, "head.0", c->units);
    h->weight = add_linear(net, "head.3.weight", "head.3.bias", c->units, c->outputs);
  }
  h->bias = h->weight + 1;
}

/* sums (2, units) of g and g * e over n rows. */
static void column_products(double *sums, const float *g, const float *e, int n, int units) {
  memset(sums, 0, (size_t)units * 2 * sizeof *sums);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < units; j++) {
      const size_t at = (size_t)i * (size_t)units + (size_t)j;
      sums[j] += (double)g[at];
      sums[units + j] += (double)g[at] * (double)e[at];
    }
}

/* hidden = relu(scale e + shift), in evaluation and training. */
static void norm_relu(float *hidden, const float *e, const float *scale, const float *shift, int n,
                      int units) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < units; j++) {
      const size_t at = (size_t)i * (size_t)units + (size_t)j;
      const float v = scale[j] * e[at] + shift[j];
      hidden[at] = v > 0 ? v : 0;
    }
}

static void relu(float *hidden, const float *e, size_t count) {
  for (size_t i = 0; i < count; i++) hidden[i] = e[i] > 0 ? e[i] : 0;
}

void wb_head_forward(wb_net *net, int n, uint64_t seed, uint64_t step) {
  wb_head_state *h = &net->head;
  const int units = net->config.units;
  wb_linear_forward(h->embedding, net->features, wb_net_value(net, net->embedding_weight),
                    wb_net_value(net, net->embedding_bias), n, net->feature_count, units);
  if (net->config.head == WB_HEAD_NONE) return;
  const float *read = h->embedding;
  if (h->norm >= 0) {
    const wb_norm norm = wb_net_norm(net, h->norm, -1);
    if (net->frozen) {
      wb_norm_eval(h->scale, h->shift, &norm, units);
    } else {
      column_products(h->sums, h->embedding, h->embedding, n, units);
      wb_norm_train(h->scale, h->shift, h->mean, h->rstd, &norm, h->sums, n, units);
    }
    norm_relu(h->hidden, h->embedding, h->scale, h->shift, n, units);
    read = h->hidden;
  }
  const size_t count = (size_t)n * (size_t)units;
  if (wb_net_relu_readout(net)) {
    relu(h->hidden, h->embedding, count);
    read = h->hidden;
  }
  if (net->config.dropout > 0 && !net->frozen) {
    wb_dropout_factors(h->factors, n, units, net->config.dropout, seed, step);
    for (size_t i = 0; i < count; i++) h->hidden[i] = read[i] * h->factors[i];
  } else if (read != h->hidden) {
    memcpy(h->hidden, read, count * sizeof *read);
  }
  wb_linear_forward(h->output, h->hidden, wb_net_value(net, h->weight), wb_net_value(net, h->bias), n, units,
                    net->config.outputs);
}

/* Through ReLU and batch norm, in place in d_hidden: from the gradient of relu(...) to that of the embedding.
 */
static void norm_relu_backward(wb_net *net, int n) {
  wb_head_state *h = &net->head;
  const int units = net->config.units;
  const wb_norm norm = wb_net_norm(net, h->norm, -1);
  const size_t count = (size_t)n * (size_t)units;
  for (size_t i = 0; i < count; i++) {
    const size_t j = i % (size_t)units;
    if (!(h->scale[j] * h->embedding[i] + h->shift[j] > 0)) h->d_hidden[i] = 0;
    if (net->frozen) h->d_hidden[i] *= h->scale[j];
  }
  if (net->frozen) return;
  column_products(h->sums, h->d_hidden, h->embedding, n, units);
  wb_norm_gradients(h->k, wb_net_gradient(net, h->norm), wb_net_gradient(net, h->norm + 1), &norm, h->sums,
                    h->mean, h->rstd, n, units);
  const float *k1 = h->k, *k2 = k1 + units, *k3 = k2 + units;
  for (size_t i = 0; i < count; i++) {
    const size_t j = i % (size_t)units;
    h->d_hidden[i] = k1[j] * h->d_hidden[i] + (k2[j] * h->embedding[i] + k3[j]);
  }
}

static void clear_head_gradients(wb_net *net) {
  for (int i = net->embedding_bias + 1; i < net->param_count; i++) {
    const wb_tensor *t = &net->params[i].tensor;
    if (!t->is_buffer) memset(wb_net_gradient(net, i), 0, t->count * sizeof(float));
  }
}

void wb_head_backward(wb_net *net, int n, const float *d_output, const float *d_embedding) {
  wb_head_state *h = &net->head;
  const int units = net->config.units;
  const size_t count = (size_t)n * (size_t)units;
  if (net->config.head == WB_HEAD_NONE || !d_output) {
    memset(h->d_hidden, 0, count * sizeof *h->d_hidden);
    clear_head_gradients(net);
  } else {
    wb_linear_backward(h->d_hidden, wb_net_gradient(net, h->weight), wb_net_gradient(net, h->bias), d_output,
                       h->hidden, wb_net_value(net, h->weight), n, units, net->config.outputs);
    if (net->config.dropout > 0 && !net->frozen)
      for (size_t i = 0; i < count; i++) h->d_hidden[i] *= h->factors[i];
    if (h->norm >= 0) norm_relu_backward(net, n);
    for (size_t i = 0; wb_net_relu_readout(net) && i < count; i++)
      if (!(h->embedding[i] > 0)) h->d_hidden[i] = 0;
  }
  if (d_embedding)
    for (size_t i = 0; i < count; i++) h->d_hidden[i] += d_embedding[i];
  wb_linear_backward(net->d_features, wb_net_gradient(net, net->embedding_weight),
                     wb_net_gradient(net, net->embedding_bias), h->d_hidden, net->features,
                     wb_net_value(net, net->embedding_weight), n, net->feature_count, units);
}

void wb_head_infer(wb_net *net, int n, float *embedding, float *output) {
  wb_head_state *h = &net->head;
  const int units = net->config.units;
  float *e = embedding ? embedding : h->embedding;
  wb_linear_rows(e, net->features, wb_net_value(net, net->embedding_weight),
                 wb_net_value(net, net->embedding_bias), n, net->feature_count, units);
  if (!output || net->config.head == WB_HEAD_NONE) return;
  const float *read = e;
  if (h->norm >= 0) {
    const wb_norm norm = wb_net_norm(net, h->norm, -1);
    wb_norm_eval(h->scale, h->shift, &norm, units);
    norm_relu(h->hidden, e, h->scale, h->shift, n, units);
    read = h->hidden;
  } else if (wb_net_relu_readout(net)) {
    relu(h->hidden, e, (size_t)n * (size_t)units);
    read = h->hidden;
  }
  wb_linear_rows(output, read, wb_net_value(net, h->weight), wb_net_value(net, h->bias), n, units,
                 net->config.outputs);
}
