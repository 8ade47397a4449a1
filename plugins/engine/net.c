/* net.c: networks: their life, and the training and evaluation passes.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "net_impl.h"
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wb_status create_convolutions(wb_net *net, wb_error *err) {
  for (int i = 0; i < net->layer_count; i++) {
    const wb_status status =
        wb_conv_create(&net->layers[i].shape, net->config.conv, &net->layers[i].conv, err);
    if (status) return status;
  }
  return WB_OK;
}

static wb_status create_state(wb_net *net, wb_error *err) {
  const size_t sets = net->config.training ? 2 : 1; // weights, gradients
  net->state_bytes = (sets * net->weight_count + net->buffer_count) * sizeof(float);
  net->weights = wb_pages_alloc(net->state_bytes);
  if (!net->weights) return wb_fail_nomem(err, "a network's weights", net->state_bytes);
  net->buffers = net->weights + sets * net->weight_count;
  if (net->config.training) net->gradients = net->weights + net->weight_count;
  return WB_OK;
}

static wb_status name_convolutions(wb_net *net, wb_error *err) {
  enum { LONGEST = WB_NET_NAME + 40 };
  const size_t size = (size_t)net->layer_count * LONGEST;
  net->conv_names = malloc(size);
  if (!net->conv_names) return wb_fail_nomem(err, "a network's description", size);
  size_t used = 0;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    const char *name = wb_net_short_name(net->params[l->weight].name);
    const int length = (int)(strlen(name) - strlen(".weight"));
    used += (size_t)snprintf(net->conv_names + used, size - used, "%s%.*s: %s", i ? "; " : "", length, name,
                             wb_conv_name(l->conv));
  }
  return WB_OK;
}

wb_status wb_net_create(const wb_net_config *config, wb_net **out, wb_error *err) {
  *out = NULL;
  wb_net *net = calloc(1, sizeof *net);
  if (!net) return wb_fail_nomem(err, "a network", sizeof *net);
  net->config = *config;
  wb_status status = wb_net_build(net, err);
  if (!status) {
    wb_net_settle_batches(net);
    status = create_state(net, err);
  }
  if (!status) status = create_convolutions(net, err);
  if (!status) status = wb_net_plan(net, err);
  if (!status) status = name_convolutions(net, err);
  if (status) {
    wb_net_free(net);
    return status;
  }
  *out = net;
  return WB_OK;
}

wb_status wb_net_outline(const char *arch, wb_net **out, wb_error *err) {
  *out = calloc(1, sizeof **out);
  if (!*out) return wb_fail_nomem(err, "a network", sizeof **out);
  (*out)->config =
      (wb_net_config){.arch = arch, .channels = 3, .height = 32, .img_width = 32, .units = 1, .batch = 1};
  const wb_status status = wb_net_build(*out, err);
  if (status == WB_OK) return WB_OK;
  wb_net_free(*out);
  *out = NULL;
  return status;
}

void wb_net_free(wb_net *net) {
  if (!net) return;
  for (int i = 0; i < net->layer_count; i++) wb_conv_free(net->layers[i].conv);
  wb_pages_free(net->weights, net->state_bytes);
  wb_pages_free(net->arena, net->arena_bytes);
  free(net->conv_names);
  free(net);
}

const wb_net_config *wb_net_get_config(const wb_net *net) {
  return &net->config;
}

size_t wb_net_weight_count(const wb_net *net) {
  return net->weight_count;
}

size_t wb_net_buffer_count(const wb_net *net) {
  return net->buffer_count;
}

float *wb_net_weights(wb_net *net) {
  net->folded = false;
  return net->weights;
}

float *wb_net_gradients(wb_net *net) {
  return net->gradients;
}

float *wb_net_buffers(wb_net *net) {
  net->folded = false;
  return net->buffers;
}

int wb_net_embedding_weight(const wb_net *net) {
  return net->embedding_weight;
}

int wb_net_embedding_bias(const wb_net *net) {
  return net->embedding_bias;
}

int wb_net_readout_weight(const wb_net *net) {
  return net->config.head == WB_HEAD_LINEAR ? net->head.weight : -1;
}

bool wb_net_relu_readout(const wb_net *net) {
  return net->config.head == WB_HEAD_LINEAR && net->relu_readout;
}

const float *wb_net_embedding(const wb_net *net) {
  return net->head.embedding;
}

const float *wb_net_output(const wb_net *net) {
  return net->config.head == WB_HEAD_NONE ? net->head.embedding : net->head.output;
}

int wb_net_layer_count(const wb_net *net) {
  int count = 1; // avgpool
  for (int i = 0; i < net->layer_count; i++) count += net->layers[i].active;
  return count;
}

const wb_layer *wb_net_active(const wb_net *net, int i) {
  for (int j = 0; j < net->layer_count; j++)
    if (net->layers[j].active && !i--) return &net->layers[j];
  return NULL;
}

const char *wb_net_layer(const wb_net *net, int i, int dims[3]) {
  const wb_layer *l = wb_net_active(net, i);
  dims[0] = l ? l->shape.out_channels : net->feature_count;
  dims[1] = l ? l->out_height : 1;
  dims[2] = l ? l->out_width : 1;
  return l ? l->name : "avgpool";
}

int wb_net_layer_weight(const wb_net *net, int layer) {
  return wb_net_active(net, layer)->weight;
}

const char *wb_net_conv_names(const wb_net *net) {
  return net->conv_names;
}
