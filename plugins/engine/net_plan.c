/* net_plan.c: which array lies where in a network's one arena.
 *
 * Training keeps each convolution's output and each activation until the backward pass; gradients pass
 * through a few buffers. Evaluation has only buffers, over the same memory: results of either last until the
 * next pass. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "net_impl.h"
#include "pages.h"

/* A free buffer, grown to `floats`. Of those free, the largest: the last to need growing. */
static int take(wb_buffers *b, size_t floats) {
  int best = -1;
  for (int i = 0; i < WB_NET_BUFFERS; i++)
    if (!b->busy[i] && (best < 0 || b->size[i] > b->size[best])) best = i;
  b->busy[best] = true;
  if (b->size[best] < floats) b->size[best] = floats;
  return best;
}

static size_t y_floats(const wb_layer *l) {
  return (size_t)l->shape.batch * (size_t)l->shape.out_channels * (size_t)(l->height * l->width);
}

static size_t a_floats(const wb_layer *l) {
  return (size_t)l->shape.batch * (size_t)l->shape.out_channels * (size_t)(l->out_height * l->out_width);
}

static bool reads(const wb_layer *l, int source) {
  return l->input == source || l->residual == source || l->shortcut == source;
}

/* Frees the buffers of layers whose last reader is layer i. */
static void release_read(wb_net *net, int i) {
  for (int s = 0; s < i; s++) {
    int last = -1;
    for (int j = 0; j < net->layer_count; j++)
      if (reads(&net->layers[j], s)) last = j;
    if (last == i) net->infer.busy[net->layers[s].infer_a] = false;
  }
}

static void plan_infer(wb_net *net) {
  wb_buffers *b = &net->infer;
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    l->infer_y = l->infer_a = take(b, y_floats(l));
    release_read(net, i);
    if (!l->pool) continue;
    l->infer_a = take(b, a_floats(l));
    b->busy[l->infer_y] = false;
  }
}

/* A buffer for (part of) the gradient of layer i's activation. */
static void add_gradient(wb_net *net, int i, int buffer) {
  wb_layer *l = &net->layers[i];
  l->gradient[l->gradients++] = buffer;
}

/* The order of wb_net_backward: from the last layer to the first, each with all its readers done. */
static void plan_backward(wb_net *net) {
  wb_buffers *b = &net->backward;
  const int last = net->layer_count - 1;
  add_gradient(net, last, take(b, a_floats(&net->layers[last])));
  for (int i = last; i >= 0; i--) {
    wb_layer *l = &net->layers[i];
    if (l->gradients == 2) b->busy[l->gradient[1]] = false;
    if (l->active && l->residual == WB_NO_LAYER) b->busy[l->gradient[0]] = false;
    if (l->residual != WB_NO_LAYER) add_gradient(net, l->residual, l->gradient[0]);
    if (l->input == WB_NO_LAYER) continue;
    l->input_gradient = take(b, a_floats(&net->layers[l->input]));
    add_gradient(net, l->input, l->input_gradient);
  }
}

/* The next `bytes` of the arena; NULL while the arena is only being measured. */
static void *carve(char *arena, size_t *used, size_t bytes) {
  void *p = arena ? arena + *used : NULL;
  *used += (bytes + 63) / 64 * 64;
  return p;
}

static float *floats(char *arena, size_t *used, size_t count) {
  return carve(arena, used, count * sizeof(float));
}

static double *doubles(char *arena, size_t *used, size_t count) {
  return carve(arena, used, count * sizeof(double));
}

/* What evaluation and training both need. */
static void carve_common(wb_net *net, char *arena, size_t *used) {
  const size_t batch = (size_t)net->config.batch, units = (size_t)net->config.units;
  size_t widest = 0, scratch = 0;
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    const size_t channels = (size_t)l->shape.out_channels;
    l->scale = floats(arena, used, channels);
    l->shift = floats(arena, used, channels);
    const size_t work = wb_channel_sums_work(l->shape.batch, l->blocks) * sizeof(double);
    const size_t conv = wb_conv_scratch(l->conv);
    if (channels > widest) widest = channels;
    if (work > scratch) scratch = work;
    if (conv > scratch) scratch = conv;
  }
  for (int i = 0; i < net->param_count; i++) { // wb_net_init draws a tensor there
    const size_t bytes = net->params[i].tensor.count * sizeof(float);
    if (bytes > scratch) scratch = bytes;
  }
  wb_head_state *h = &net->head;
  net->sums = doubles(arena, used, 2 * widest);
  net->features = floats(arena, used, batch * (size_t)net->feature_count);
  h->embedding = floats(arena, used, batch * units);
  h->hidden = floats(arena, used, batch * units);
  h->output = floats(arena, used, batch * (size_t)net->config.outputs);
  h->scale = floats(arena, used, units);
  h->shift = floats(arena, used, units);
  net->scratch = carve(arena, used, scratch);
}

static void carve_buffers(wb_buffers *b, char *arena, size_t *used) {
  for (int i = 0; i < WB_NET_BUFFERS; i++) b->data[i] = floats(arena, used, b->size[i]);
}

static void carve_training(wb_net *net, char *arena, size_t *used) {
  const size_t batch = (size_t)net->config.batch, units = (size_t)net->config.units;
  wb_head_state *h = &net->head;
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    const size_t channels = (size_t)l->shape.out_channels;
    l->k = floats(arena, used, 3 * channels);
    l->mean = doubles(arena, used, channels);
    l->rstd = doubles(arena, used, channels);
    l->y = floats(arena, used, y_floats(l));
    if (l->active) l->a = floats(arena, used, a_floats(l));
  }
  h->factors = floats(arena, used, batch * units);
  h->d_hidden = floats(arena, used, batch * units);
  h->k = floats(arena, used, 3 * units);
  h->mean = doubles(arena, used, units);
  h->rstd = doubles(arena, used, units);
  h->sums = doubles(arena, used, 2 * units);
  net->d_features = floats(arena, used, batch * (size_t)net->feature_count);
  carve_buffers(&net->backward, arena, used);
  if (!net->config.repeated) return;
  size_t largest = 0, shortcut = 0;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    size_t *size = l->active ? &largest : &shortcut;
    if (y_floats(l) > *size) *size = y_floats(l);
  }
  net->spare[0] = floats(arena, used, largest);
  net->spare[1] = floats(arena, used, shortcut);
}

/* Returns the arena's size in bytes. */
static size_t carve_all(wb_net *net, char *arena) {
  size_t common = 0;
  carve_common(net, arena, &common);
  size_t infer = common, training = common;
  carve_buffers(&net->infer, arena, &infer);
  if (net->config.training) carve_training(net, arena, &training);
  return infer > training ? infer : training;
}

wb_status wb_net_plan(wb_net *net, wb_error *err) {
  plan_infer(net);
  if (net->config.training) plan_backward(net);
  net->arena_bytes = carve_all(net, NULL);
  net->arena = wb_pages_alloc(net->arena_bytes);
  if (!net->arena) return wb_fail_nomem(err, "a network's activations", net->arena_bytes);
  carve_all(net, net->arena);
  return WB_OK;
}
