/* net_spans.c: how long each activation and gradient of a network is needed, and where it therefore lies.
 *
 * The operations of a pass are numbered in their order, two ticks each: a convolution and what follows it
 * forward, what follows it and the convolution backward. An array lives from the tick that writes it to the
 * last that reads it, and arrays that never live together share memory (arena.h). Gradients of the first
 * layers thus lie where activations of the last ones were.
 *
 * Where activations are computed again (wb_net_config.recompute), layers come in segments: runs of layers of
 * which later ones read the last activation only. That activation is kept; the others and all convolution
 * outputs live twice, briefly in the forward pass, and from just before the segment's backward pass on. The
 * last segment is followed by its backward pass at once and has nothing to compute again.
 *
 * An activation that is the input of one convolution and nothing else need not be anywhere, where that
 * convolution can take batch norm and ReLU of its input as it reads it.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "arena.h"
#include "net_impl.h"

enum { NONE = -1, MOST_SPANS = 6 * WB_NET_LAYERS + 2 };

/* Spans of one layer. */
typedef struct places {
  int y, a;             // as the forward pass leaves them
  int again_y, again_a; // as the backward pass computes them; those above where it does not
  int gradient[2], gradients, input_gradient;
} places;

typedef struct plan {
  wb_net *net;
  wb_span spans[MOST_SPANS];
  int count;
  places at[WB_NET_LAYERS];
  int forward[WB_NET_LAYERS], again[WB_NET_LAYERS], backward[WB_NET_LAYERS]; // first ticks
  int end;                                                                   // the last tick of all
} plan;

static size_t y_bytes(const wb_layer *l, int n) {
  return (size_t)n * (size_t)l->shape.out_channels * (size_t)l->height * (size_t)l->width * sizeof(float);
}

static size_t a_bytes(const wb_layer *l, int n) {
  return (size_t)n * (size_t)l->shape.out_channels * (size_t)l->out_height * (size_t)l->out_width *
         sizeof(float);
}

static bool adds(const wb_layer *l, int source) {
  return l->residual == source || l->shortcut == source;
}

static int add_span(plan *p, size_t bytes, int first, int last) {
  p->spans[p->count] = (wb_span){.bytes = bytes, .first = first, .last = last};
  return p->count++;
}

static void extend(plan *p, int span, int last) {
  if (p->spans[span].last < last) p->spans[span].last = last;
}

static float *address(const plan *p, char *base, int span) {
  return span == NONE ? NULL : (float *)(void *)(base + p->spans[span].offset);
}

/* Whether layers after i read no other layer up to i. */
static bool ends_segment(const wb_net *net, int i) {
  if (!net->layers[i].active) return false;
  for (int j = i + 1; j < net->layer_count; j++) {
    const wb_layer *l = &net->layers[j];
    if (l->input < i || (l->residual != WB_NO_LAYER && l->residual < i) ||
        (l->shortcut != WB_NO_LAYER && l->shortcut <= i))
      return false;
  }
  return true;
}

void wb_net_settle_segments(wb_net *net) {
  const int last = net->layer_count - 1;
  for (int i = 0; i <= last; i++) net->layers[i].segment = WB_NO_LAYER;
  for (int i = 0, start = 0; i < last && net->config.recompute; i++) {
    if (!ends_segment(net, i)) continue;
    for (int j = start; j <= i; j++) net->layers[j].segment = start;
    net->layers[i].segment_end = true;
    start = i + 1;
  }
}

/* Whether a layer's activation is read by one convolution only, which can make it from y. */
static bool can_be_lazy(const wb_net *net, int i) {
  const wb_layer *l = &net->layers[i];
  int readers = 0;
  if (!l->active || l->pool || l->segment_end || l->residual != WB_NO_LAYER || l->shortcut != WB_NO_LAYER)
    return false;
  for (int j = i + 1; j < net->layer_count; j++) {
    const wb_layer *reader = &net->layers[j];
    if (adds(reader, i) || (reader->input == i && !wb_conv_takes_norm(reader->conv))) return false;
    readers += reader->input == i;
  }
  return readers == 1;
}

void wb_net_settle_lazy(wb_net *net) {
  for (int i = 0; i < net->layer_count; i++) net->layers[i].lazy = can_be_lazy(net, i);
}

static void number_operations(plan *p) {
  const int layers = p->net->layer_count;
  int tick = 0;
  for (int i = 0; i < layers; i++, tick += 2) p->forward[i] = tick;
  for (int i = layers - 1; i >= 0; i--) {
    const wb_layer *l = &p->net->layers[i];
    for (int j = l->segment; l->segment_end && j <= i; j++, tick += 2) p->again[j] = tick;
    p->backward[i] = tick;
    tick += 2;
  }
  p->end = tick;
}

/* The last tick of the forward pass that reads layer i's y or activation. */
static int last_forward_use(const plan *p, int i) {
  int last = p->forward[i] + 1;
  for (int j = i + 1; j < p->net->layer_count; j++) {
    const wb_layer *l = &p->net->layers[j];
    if (l->input == i) last = p->forward[j];
    if (adds(l, i)) last = p->forward[j] + 1;
  }
  return last;
}

static void add_activations(plan *p) {
  const wb_net *net = p->net;
  const int n = net->config.batch;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    places *at = &p->at[i];
    const int forward = p->forward[i], again = p->again[i], backward = p->backward[i];
    const bool twice = l->segment != WB_NO_LAYER;
    const int kept = net->config.repeated ? p->end : backward + 1;
    const int brief = l->active && !l->lazy ? forward + 1 : last_forward_use(p, i);
    at->y = at->again_y = add_span(p, y_bytes(l, n), forward, twice ? brief : kept);
    if (twice) at->again_y = add_span(p, y_bytes(l, n), again, backward + 1);
    at->a = at->again_a = NONE;
    if (!l->active || l->lazy) continue;
    const bool a_twice = twice && !l->segment_end;
    at->a = at->again_a = add_span(p, a_bytes(l, n), forward + 1, a_twice ? last_forward_use(p, i) : kept);
    if (a_twice) at->again_a = add_span(p, a_bytes(l, n), again + 1, backward + 1);
  }
}

static void add_gradient(plan *p, int layer, int span) {
  places *at = &p->at[layer];
  at->gradient[at->gradients++] = span;
}

/* In the order of the backward pass: each layer with all its readers done. */
static void add_gradients(plan *p) {
  const wb_net *net = p->net;
  const int last = net->layer_count - 1, n = net->config.batch;
  add_gradient(p, last, add_span(p, a_bytes(&net->layers[last], n), p->backward[last], p->backward[last]));
  for (int i = last; i >= 0; i--) {
    const wb_layer *l = &net->layers[i];
    places *at = &p->at[i];
    for (int k = 0; k < at->gradients; k++) extend(p, at->gradient[k], p->backward[i]);
    if (l->residual != WB_NO_LAYER) add_gradient(p, l->residual, at->gradient[0]);
    at->input_gradient = NONE;
    if (l->input == WB_NO_LAYER) continue;
    const int tick = p->backward[i] + 1;
    at->input_gradient = add_span(p, a_bytes(&net->layers[l->input], n), tick, tick);
    add_gradient(p, l->input, at->input_gradient);
  }
}

/* Room for the largest dy of a layer and of a shortcut, beside what another backward pass needs. */
static void add_spare(plan *p, int spare[2]) {
  size_t most[2] = {0, 0};
  for (int i = 0; i < p->net->layer_count; i++) {
    const wb_layer *l = &p->net->layers[i];
    size_t *size = &most[l->active ? 0 : 1];
    if (y_bytes(l, p->net->config.batch) > *size) *size = y_bytes(l, p->net->config.batch);
  }
  for (int k = 0; k < 2; k++) spare[k] = add_span(p, most[k], p->backward[p->net->layer_count - 1], p->end);
}

static void point(const plan *p, char *base, const int spare[2]) {
  wb_net *net = p->net;
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    const places *at = &p->at[i];
    l->forward_y = address(p, base, at->y);
    l->forward_a = address(p, base, at->a);
    l->backward_y = address(p, base, at->again_y);
    l->backward_a = address(p, base, at->again_a);
    l->gradients = at->gradients;
    for (int k = 0; k < at->gradients; k++) l->gradient[k] = address(p, base, at->gradient[k]);
    l->input_gradient = address(p, base, at->input_gradient);
  }
  for (int k = 0; k < 2 && net->config.repeated; k++) net->spare[k] = address(p, base, spare[k]);
}

size_t wb_net_place_training(wb_net *net, char *base) {
  plan p = {.net = net};
  int spare[2] = {NONE, NONE};
  number_operations(&p);
  add_activations(&p);
  add_gradients(&p);
  if (net->config.repeated) add_spare(&p, spare);
  const size_t bytes = wb_arena_place(p.spans, p.count);
  if (base) point(&p, base, spare);
  return bytes;
}

/* One tick a layer. The end of a residual block lies where what it adds lay, and is the last to read it. */
size_t wb_net_place_evaluation(wb_net *net, char *base) {
  plan p = {.net = net};
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    const int added = l->residual != WB_NO_LAYER ? l->residual : l->shortcut;
    p.at[i].a = added != WB_NO_LAYER ? p.at[added].a : add_span(&p, a_bytes(l, net->piece), i, i);
    extend(&p, p.at[i].a, i);
    if (l->input != WB_NO_LAYER) extend(&p, p.at[l->input].a, i);
  }
  extend(&p, p.at[net->layer_count - 1].a, net->layer_count);
  const size_t bytes = wb_arena_place(p.spans, p.count);
  for (int i = 0; i < net->layer_count && base; i++) net->layers[i].out = address(&p, base, p.at[i].a);
  return bytes;
}
