/* net_infer.c: a network's evaluation pass.
 *
 * Batch norm in evaluation is y = scale * conv(x, w) + shift with constants, so it is folded: w times scale,
 * plus shift. Filters are then prepared once for as long as the weights stay as they are, and each layer is
 * one pass that ends in its activation (wb_conv_infer). The end of a residual block is written over what it
 * adds. Images go through the whole network in pieces, so that activations stay near the caches.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "net_impl.h"

/* w times its output channel's factor, blocked: eight outputs are innermost (conv.h). */
static void scale_weights(float *scaled, const float *w, const float *scale, size_t count, int blocks) {
  const size_t each = count / (size_t)blocks;
#pragma omp parallel for schedule(static)
  for (int b = 0; b < blocks; b++)
    for (size_t i = (size_t)b * each; i < (size_t)(b + 1) * each; i += 8)
      for (size_t j = 0; j < 8; j++) scaled[i + j] = w[i + j] * scale[8 * b + (int)j];
}

static void fold(wb_net *net) {
  const double start = wb_profile_start(net->config.profile);
  for (int i = 0; i < net->layer_count; i++) {
    wb_layer *l = &net->layers[i];
    wb_net_settle_norm(net, l, 0);
    scale_weights(net->scratch, wb_net_value(net, l->weight), l->scale, wb_conv_weight_count(&l->shape),
                  l->blocks);
    wb_conv_prepare(l->conv, l->filters, net->scratch);
  }
  net->folded = true;
  wb_profile_stop(net->config.profile, start, "all", "prepare evaluation", 0, 0);
}

static wb_status infer_layer(wb_net *net, const wb_layer *l, const float *images, int n, wb_error *err) {
  const float *x = l->input == WB_NO_LAYER ? images : net->layers[l->input].out;
  const wb_conv_finish finish = {.bias = l->shift,
                                 .add = l->residual != WB_NO_LAYER || l->shortcut != WB_NO_LAYER,
                                 .relu = l->active,
                                 .pool = l->pool};
  const double start = wb_profile_start(net->config.profile);
  const wb_status status = wb_conv_infer(l->conv, n, x, l->filters, &finish, l->out, net->scratch, err);
  wb_net_profile_conv(net, l, n, start, "evaluation");
  return status;
}

/* nChw8c to nchw. */
static void unpack(float *plain, const float *blocked, int n, int blocks, size_t size) {
  const int count = n * blocks;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++)
    for (size_t p = 0; p < size; p++)
      for (size_t j = 0; j < 8; j++)
        plain[((size_t)i * 8 + j) * size + p] = blocked[((size_t)i * size + p) * 8 + j];
}

/* What one call wants of an evaluation pass. */
typedef struct wanted {
  const wb_net_tap *taps;
  int tap_count;
  float *embedding, *output;
} wanted;

/* The activation of tappable layer `index` for n images from image `first` on. */
static void hand_out(const wb_net *net, const wanted *w, int index, const float *a, int blocks, int first,
                     int n) {
  for (int t = 0; t < w->tap_count; t++) {
    if (w->taps[t].layer != index) continue;
    int dims[3];
    wb_net_layer(net, index, dims);
    const size_t size = (size_t)dims[1] * (size_t)dims[2];
    unpack(w->taps[t].out + (size_t)first * (size_t)dims[0] * size, a, n, blocks, size);
  }
}

static wb_status infer_piece(wb_net *net, const float *images, int first, int n, const wanted *w,
                             wb_error *err) {
  int tap = 0;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_layer *l = &net->layers[i];
    const wb_status status = infer_layer(net, l, images, n, err);
    if (status) return status;
    if (l->active) hand_out(net, w, tap++, l->out, l->blocks, first, n);
  }
  const wb_layer *last = &net->layers[net->layer_count - 1];
  const double start = wb_profile_start(net->config.profile);
  wb_mean_pixels(net->features, last->out, n, last->blocks, (size_t)(last->out_height * last->out_width));
  hand_out(net, w, tap, net->features, net->feature_count / 8, first, n);
  const size_t at = (size_t)first;
  wb_head_infer(net, n, w->embedding ? w->embedding + at * (size_t)net->config.units : NULL,
                w->output ? w->output + at * (size_t)net->config.outputs : NULL);
  wb_profile_stop(net->config.profile, start, "head", "evaluation", 0, 0);
  return WB_OK;
}

wb_status wb_net_infer_taps(wb_net *net, const float *images, int n, const wb_net_tap *taps, int tap_count,
                            float *embedding, float *output, wb_error *err) {
  const wanted w = {taps, tap_count, embedding, output};
  const wb_net_config *c = &net->config;
  const size_t image = (size_t)c->channels * (size_t)c->height * (size_t)c->img_width;
  net->trained = 0;
  if (n > 0 && !net->folded) fold(net);
  for (int done = 0; done < n;) {
    const int count = n - done < net->piece ? n - done : net->piece;
    const wb_status status = infer_piece(net, images + (size_t)done * image, done, count, &w, err);
    if (status) return status;
    done += count;
  }
  return WB_OK;
}

wb_status wb_net_infer(wb_net *net, const float *images, int n, float *embedding, float *output,
                       wb_error *err) {
  return wb_net_infer_taps(net, images, n, NULL, 0, embedding, output, err);
}
