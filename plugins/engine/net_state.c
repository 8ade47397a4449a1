/* net_state.c: a network's tensors: their table, access by plain values, and initialisation.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "base/rng.h"
#include "net_impl.h"

#include <stdio.h>
#include <string.h>

enum { ALIGN = 16 }; // floats: a tensor begins on a cache line

static bool begins(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

const char *wb_net_short_name(const char *name) {
  return begins(name, "encoder.") ? name + strlen("encoder.") : name;
}

int wb_net_add(wb_net *net, const char *name, int rank, const int *dims, bool is_buffer, wb_init init,
               double spread) {
  wb_net_param *p = &net->params[net->param_count];
  wb_tensor *t = &p->tensor;
  snprintf(p->name, sizeof p->name, "%s", name);
  t->name = p->name;
  t->rank = rank;
  t->count = 1;
  for (int i = 0; i < rank; i++) {
    t->dims[i] = dims[i];
    t->count *= (size_t)dims[i];
  }
  size_t *used = is_buffer ? &net->buffer_count : &net->weight_count;
  t->offset = *used;
  *used += (t->count + ALIGN - 1) / ALIGN * ALIGN;
  t->is_buffer = is_buffer;
  t->in_encoder = !begins(name, "fc.") && !begins(name, "fc2.") && !begins(name, "head.");
  p->convolution = rank == 4;
  p->init = init;
  p->spread = spread;
  return net->param_count++;
}

int wb_net_add_norm(wb_net *net, const char *name, int channels) {
  static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
  const int first = net->param_count;
  for (int i = 0; i < 4; i++) {
    char full[WB_NET_NAME];
    snprintf(full, sizeof full, "%s.%s", name, parts[i]);
    wb_net_add(net, full, 1, &channels, i >= 2, i == 0 || i == 3 ? WB_INIT_ONE : WB_INIT_ZERO, 0);
  }
  return first;
}

float *wb_net_value(const wb_net *net, int tensor) {
  const wb_tensor *t = &net->params[tensor].tensor;
  return (t->is_buffer ? net->buffers : net->weights) + t->offset;
}

float *wb_net_gradient(const wb_net *net, int tensor) {
  return net->gradients + net->params[tensor].tensor.offset;
}

wb_norm wb_net_norm(const wb_net *net, int first, int input_bias) {
  return (wb_norm){.weight = wb_net_value(net, first),
                   .bias = wb_net_value(net, first + 1),
                   .running_mean = wb_net_value(net, first + 2),
                   .running_var = wb_net_value(net, first + 3),
                   .input_bias = input_bias < 0 ? NULL : wb_net_value(net, input_bias)};
}

int wb_net_tensor_count(const wb_net *net) {
  return net->param_count;
}

const wb_tensor *wb_net_tensor(const wb_net *net, int i) {
  return &net->params[i].tensor;
}

int wb_net_find(const wb_net *net, const char *name) {
  for (int i = 0; i < net->param_count; i++)
    if (!strcmp(net->params[i].name, name)) return i;
  return -1;
}

static void unpack(float *plain, const wb_net_param *p, const float *stored) {
  const wb_tensor *t = &p->tensor;
  if (p->convolution)
    wb_conv_unpack_weights(plain, stored, t->dims[0], t->dims[1], t->dims[2]);
  else
    memcpy(plain, stored, t->count * sizeof *plain);
}

void wb_net_get(const wb_net *net, int i, float *plain) {
  unpack(plain, &net->params[i], wb_net_value(net, i));
}

void wb_net_get_gradient(const wb_net *net, int i, float *plain) {
  const wb_net_param *p = &net->params[i];
  if (p->tensor.is_buffer || !net->gradients)
    memset(plain, 0, p->tensor.count * sizeof *plain);
  else
    unpack(plain, p, wb_net_gradient(net, i));
}

static void pack(float *stored, const wb_net_param *p, const float *plain) {
  const wb_tensor *t = &p->tensor;
  if (p->convolution)
    wb_conv_pack_weights(stored, plain, t->dims[0], t->dims[1], t->dims[2]);
  else
    memcpy(stored, plain, t->count * sizeof *plain);
}

void wb_net_set(wb_net *net, int i, const float *plain) {
  net->folded = false;
  pack(wb_net_value(net, i), &net->params[i], plain);
}

void wb_net_add_gradient(wb_net *net, int i, const float *plain, float factor) {
  float *packed = net->scratch, *gradient = wb_net_gradient(net, i);
  pack(packed, &net->params[i], plain);
  for (size_t j = 0; j < net->params[i].tensor.count; j++) gradient[j] += factor * packed[j];
}

static float draw(wb_rng *rng, const wb_net_param *p) {
  switch (p->init) {
  case WB_INIT_UNIFORM:
    return (float)(p->spread * (2 * ((double)wb_rng_u32(rng) + 0.5) * 0x1p-32 - 1));
  case WB_INIT_NORMAL:
    return (float)(p->spread * wb_rng_normal(rng));
  case WB_INIT_ONE:
    return 1;
  case WB_INIT_ZERO:
    break;
  }
  return 0;
}

/* Drawn in the plain order, so that weights do not depend on how they are stored. */
void wb_net_init(wb_net *net, uint64_t seed) {
  float *plain = net->scratch;
  for (int i = 0; i < net->param_count; i++) {
    const wb_net_param *p = &net->params[i];
    wb_rng rng = wb_rng_make(seed, p->name, 0);
    for (size_t j = 0; j < p->tensor.count; j++) plain[j] = draw(&rng, p);
    wb_net_set(net, i, plain);
  }
}
