/* net_plan.c: what a network's one arena holds: first what lasts, then what each pass needs.
 *
 * Evaluation and training share the memory behind what lasts: results of either, and the filters prepared for
 * evaluation, last until the other's next pass. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "net_impl.h"
#include "pages.h"

enum { PIECE_BYTES = 32 << 20 }; // of the widest activation of a piece

void wb_net_settle_batches(wb_net *net) {
  size_t widest = 1;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    const size_t values = (size_t)l->shape.out_channels * (size_t)l->out_height * (size_t)l->out_width;
    if (values > widest) widest = values;
  }
  const size_t most = PIECE_BYTES / (widest * sizeof(float)), batch = (size_t)net->config.batch;
  net->piece = (int)(most < 1 ? 1 : most < batch ? most : batch);
  for (int i = 0; i < net->layer_count && !net->config.training; i++) net->layers[i].shape.batch = net->piece;
  wb_net_settle_segments(net);
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
  const size_t batch = (size_t)(net->config.training ? net->config.batch : net->piece);
  const size_t units = (size_t)net->config.units;
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

static void carve_evaluation(wb_net *net, char *arena, size_t *used) {
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    l->filters = floats(arena, used, wb_conv_filter_count(l->conv));
  }
  const size_t bytes = wb_net_place_evaluation(net, NULL);
  char *base = carve(arena, used, bytes);
  if (base) wb_net_place_evaluation(net, base);
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
    if (net->config.recompute && l->active) l->means = floats(arena, used, batch * channels);
  }
  h->factors = floats(arena, used, batch * units);
  h->d_hidden = floats(arena, used, batch * units);
  h->k = floats(arena, used, 3 * units);
  h->mean = doubles(arena, used, units);
  h->rstd = doubles(arena, used, units);
  h->sums = doubles(arena, used, 2 * units);
  net->d_features = floats(arena, used, batch * (size_t)net->feature_count);
  const size_t bytes = wb_net_place_training(net, NULL);
  char *base = carve(arena, used, bytes);
  if (base) wb_net_place_training(net, base);
}

/* Returns the arena's size in bytes. */
static size_t carve_all(wb_net *net, char *arena) {
  size_t common = 0;
  carve_common(net, arena, &common);
  size_t evaluation = common, training = common;
  carve_evaluation(net, arena, &evaluation);
  if (net->config.training) carve_training(net, arena, &training);
  return evaluation > training ? evaluation : training;
}

wb_status wb_net_plan(wb_net *net, wb_error *err) {
  wb_net_settle_lazy(net);
  net->arena_bytes = carve_all(net, NULL);
  net->arena = wb_pages_alloc(net->arena_bytes);
  if (!net->arena) return wb_fail_nomem(err, "a network's activations", net->arena_bytes);
  carve_all(net, net->arena);
  return WB_OK;
}
