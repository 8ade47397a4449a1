/* net_pass.c: a network's training and backward passes. Evaluation is in net_infer.c.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "layers.h"
#include "net_impl.h"

#include <string.h>

static size_t pixels(const wb_layer *l) {
  return (size_t)l->height * (size_t)l->width;
}

static size_t out_pixels(const wb_layer *l) {
  return (size_t)l->out_height * (size_t)l->out_width;
}

static wb_norm norm_of(const wb_net *net, const wb_layer *l) {
  return wb_net_norm(net, l->norm, l->bias);
}

static bool batch_statistics(const wb_net *net, const wb_layer *l) {
  return l->norm >= 0 && !net->frozen;
}

/* The scale and shift of what follows a convolution: its bias where there is no batch norm, else batch norm
 * in evaluation (n 0), or over the n images whose sums are in net->sums. */
void wb_net_settle_norm(wb_net *net, wb_layer *l, int n) {
  const int channels = l->shape.out_channels;
  if (l->norm < 0) {
    for (int c = 0; c < channels; c++) l->scale[c] = 1;
    memcpy(l->shift, wb_net_value(net, l->bias), (size_t)channels * sizeof *l->shift);
    return;
  }
  const wb_norm norm = norm_of(net, l);
  if (n == 0)
    wb_norm_eval(l->scale, l->shift, &norm, channels);
  else
    wb_norm_train(l->scale, l->shift, l->mean, l->rstd, &norm, net->sums, (double)n * (double)pixels(l),
                  channels);
}

static wb_conv_input input_of(const wb_net *net, const wb_layer *l) {
  if (l->input == WB_NO_LAYER) return (wb_conv_input){.x = net->images};
  const wb_layer *from = &net->layers[l->input];
  return from->lazy ? (wb_conv_input){from->y, from->scale, from->shift} : (wb_conv_input){.x = from->a};
}

static wb_status convolve(wb_net *net, const wb_layer *l, int n, wb_error *err) {
  const wb_conv_input input = input_of(net, l);
  return wb_conv_forward(l->conv, n, &input, wb_net_value(net, l->weight), l->y,
                         batch_statistics(net, l) ? net->sums : NULL, net->scratch, err);
}

/* What follows a convolution: normalisation, what is added, ReLU, pooling; y -> a. */
static void activate(const wb_net *net, const wb_layer *l, int n) {
  if (!l->active || l->lazy) return;
  if (l->pool) {
    wb_norm_relu_pool(l->a, l->y, l->scale, l->shift, n, l->blocks, l->height, l->width);
  } else if (l->residual != WB_NO_LAYER) {
    wb_norm_add_relu(l->a, l->y, l->scale, l->shift, net->layers[l->residual].a, NULL, NULL, n, l->blocks,
                     pixels(l));
  } else if (l->shortcut != WB_NO_LAYER) {
    const wb_layer *s = &net->layers[l->shortcut];
    wb_norm_add_relu(l->a, l->y, l->scale, l->shift, s->y, s->scale, s->shift, n, l->blocks, pixels(l));
  } else {
    wb_norm_relu(l->a, l->y, l->scale, l->shift, n, l->blocks, pixels(l));
  }
}

/* The mean over pixels of a layer's activation. */
static void average(float *mean, const wb_layer *l, int n) {
  if (l->lazy)
    wb_norm_relu_mean(mean, l->y, l->scale, l->shift, n, l->blocks, pixels(l));
  else
    wb_mean_pixels(mean, l->a, n, l->blocks, out_pixels(l));
}

static wb_status forward_layer(wb_net *net, wb_layer *l, int n, wb_error *err) {
  l->y = l->forward_y;
  l->a = l->forward_a;
  double start = wb_profile_start(net->config.profile);
  const wb_status status = convolve(net, l, n, err);
  if (status) return status;
  wb_net_profile_conv(net, l, n, start, "forward");
  start = wb_profile_start(net->config.profile);
  wb_net_settle_norm(net, l, batch_statistics(net, l) ? n : 0);
  activate(net, l, n);
  if (l->means) average(l->means, l, n);
  const bool added = l->residual != WB_NO_LAYER || l->shortcut != WB_NO_LAYER;
  const bool stored = l->active && !l->lazy;
  wb_net_profile_pass(net, l, n, start, "norm, ReLU", stored, stored + added);
  return WB_OK;
}

/* Once more what the forward pass made of a segment, but the last activation, which is still there. The same
 * functions of the same numbers: the same bits. */
static wb_status forward_again(wb_net *net, const wb_layer *last, int n, wb_error *err) {
  for (wb_layer *l = &net->layers[last->segment]; l <= last; l++) {
    l->y = l->backward_y;
    l->a = l->backward_a;
    const double start = wb_profile_start(net->config.profile);
    const wb_status status = convolve(net, l, n, err);
    if (status) return status;
    if (l != last) activate(net, l, n);
    wb_net_profile_conv(net, l, n, start, "forward again");
  }
  return WB_OK;
}

/* Batch statistics need two values a channel. */
static bool too_few(const wb_net *net, int n) {
  if (n > 1) return false;
  const wb_layer *last = &net->layers[net->layer_count - 1];
  return (last->norm >= 0 && pixels(last) == 1) || net->config.head == WB_HEAD_PROJECTION;
}

static wb_status forward(wb_net *net, const float *images, int n, bool frozen, uint64_t seed, uint64_t step,
                         wb_error *err) {
  net->trained = 0;
  net->folded = false;
  net->frozen = frozen;
  if (!net->config.training)
    return wb_fail(err, WB_ARG, "A network made for evaluation was asked for a training pass.");
  if (n < 1 || n > net->config.batch)
    return wb_fail(err, WB_ARG, "A training pass takes 1 to %d images, not %d.", net->config.batch, n);
  if (!frozen && too_few(net, n))
    return wb_fail(err, WB_ARG, "Batch norm needs more than one image in training; use a larger batch.");
  net->images = images;
  for (int i = 0; i < net->layer_count; i++) {
    const wb_status status = forward_layer(net, &net->layers[i], n, err);
    if (status) return status;
  }
  const double start = wb_profile_start(net->config.profile);
  const wb_layer *last = &net->layers[net->layer_count - 1];
  wb_mean_pixels(net->features, last->a, n, last->blocks, out_pixels(last));
  wb_head_forward(net, n, seed, step);
  wb_profile_stop(net->config.profile, start, "head", "forward", 0, 0);
  net->trained = n;
  return WB_OK;
}

wb_status wb_net_forward_train(wb_net *net, const float *images, int n, uint64_t seed, uint64_t step,
                               wb_error *err) {
  return forward(net, images, n, false, seed, step, err);
}

void wb_net_layer_mean(const wb_net *net, int layer, float *out) {
  const wb_layer *l = wb_net_active(net, layer);
  if (l->means)
    memcpy(out, l->means, (size_t)net->trained * (size_t)l->shape.out_channels * sizeof *out);
  else
    average(out, l, net->trained);
}

wb_status wb_net_forward_frozen(wb_net *net, const float *images, int n, wb_error *err) {
  return forward(net, images, n, true, 0, 0, err);
}

/* k of dy = k1 g + k2 y + k3, and the gradients of the norm's parameters, from net->sums of g and g * y.
 * Frozen, or without a norm, it is y times scale plus shift. */
static void differentiate_norm(wb_net *net, const wb_layer *l, int n) {
  if (net->frozen || l->norm < 0) {
    const size_t channels = (size_t)l->shape.out_channels;
    memcpy(l->k, l->scale, channels * sizeof *l->k);
    memset(l->k + channels, 0, 2 * channels * sizeof *l->k);
    float *d_bias = net->frozen ? NULL : wb_net_gradient(net, l->bias);
    for (size_t c = 0; d_bias && c < channels; c++) d_bias[c] = (float)net->sums[c];
    return;
  }
  const wb_norm norm = norm_of(net, l);
  wb_norm_gradients(l->k, wb_net_gradient(net, l->norm), wb_net_gradient(net, l->norm + 1), &norm, net->sums,
                    l->mean, l->rstd, (double)n * (double)pixels(l), l->shape.out_channels);
}

/* Where the gradient of a layer's y lies: over y, unless another backward pass needs that. */
static float *dy_of(const wb_net *net, const wb_layer *l) {
  return net->again ? net->spare[l->active ? 0 : 1] : l->y;
}

/* The same with y in it, from which dy is made in place. */
static float *dy_from_y(const wb_net *net, const wb_layer *l, int n) {
  float *dy = dy_of(net, l);
  const size_t image = (size_t)l->blocks * 8 * pixels(l);
  if (!net->again) return dy;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) memcpy(dy + (size_t)i * image, l->y + (size_t)i * image, image * sizeof *dy);
  return dy;
}

/* From the gradient of the activation to dy; with a shortcut, to the shortcut's dy as well. Where a residual
 * goes on, g stays in the first gradient buffer. */
static void backward_activation(wb_net *net, wb_layer *l, int n) {
  float *y = dy_from_y(net, l, n);
  float *d = l->gradient[0];
  const float *d2 = l->gradients == 2 ? l->gradient[1] : NULL;
  double *work = net->scratch;
  if (l->pool) {
    if (!net->frozen)
      wb_norm_relu_pool_sums(net->sums, d, y, l->scale, l->shift, n, l->blocks, l->height, l->width, work);
    differentiate_norm(net, l, n);
    wb_norm_relu_pool_backward(y, d, l->scale, l->shift, l->k, n, l->blocks, l->height, l->width);
    return;
  }
  if (!d2 && l->residual == WB_NO_LAYER && l->shortcut == WB_NO_LAYER) {
    if (!net->frozen) wb_norm_relu_sums(net->sums, d, y, l->scale, l->shift, n, l->blocks, pixels(l), work);
    differentiate_norm(net, l, n);
    wb_norm_relu_backward(y, d, l->scale, l->shift, l->k, n, l->blocks, pixels(l));
    return;
  }
  wb_relu_merge_sums(net->sums, d, d2, l->a, y, n, l->blocks, pixels(l), work);
  differentiate_norm(net, l, n);
  wb_norm_backward(y, d, l->k, n, l->blocks, pixels(l));
  if (l->shortcut == WB_NO_LAYER) return;
  const wb_layer *s = &net->layers[l->shortcut];
  y = dy_from_y(net, s, n);
  if (!net->frozen) wb_channel_products(net->sums, d, y, n, l->blocks, pixels(l), work);
  differentiate_norm(net, s, n);
  wb_norm_backward(y, d, s->k, n, l->blocks, pixels(l));
}

/* Sums come first, from output and gradient; then the output's gradient, from both, over the output. Where
 * gradients merge or go on, the activation is read and the gradient written in between. */
static void profile_activation(const wb_net *net, const wb_layer *l, int n, double start) {
  const bool shortcut = l->shortcut != WB_NO_LAYER;
  const bool merges = l->gradients == 2 || l->residual != WB_NO_LAYER || shortcut;
  wb_net_profile_pass(net, l, n, start, "norm, ReLU backward", shortcut ? 6 : 3,
                      2 + (merges ? 1 + l->gradients : 0) + (shortcut ? 2 : 0));
}

/* The gradient of a convolution's bias under batch norm is exactly zero: it stays as it was made. */
static wb_status backward_layer(wb_net *net, wb_layer *l, int n, float *d_images, wb_error *err) {
  double start = wb_profile_start(net->config.profile);
  if (l->active) {
    backward_activation(net, l, n);
    profile_activation(net, l, n, start);
    start = wb_profile_start(net->config.profile);
  }
  const bool first = l->input == WB_NO_LAYER;
  const wb_conv_input input = input_of(net, l);
  const float *dy = dy_of(net, l);
  wb_status status = WB_OK;
  if (!net->frozen)
    status =
        wb_conv_backward_weights(l->conv, n, &input, dy, wb_net_gradient(net, l->weight), net->scratch, err);
  float *dx = first ? d_images : l->input_gradient;
  if (!net->frozen) wb_net_profile_conv(net, l, n, start, "backward weights");
  if (status || !dx) return status;
  start = wb_profile_start(net->config.profile);
  status = wb_conv_backward_data(l->conv, n, dy, wb_net_value(net, l->weight), dx, net->scratch, err);
  wb_net_profile_conv(net, l, n, start, "backward data");
  return status;
}

/* Adds what comes in by the mean over pixels of a layer's activation to the activation's gradient. */
static void add_means(wb_net *net, const wb_layer *l, int n, const wb_net_inflow *in) {
  for (int i = 0; i < in->mean_count; i++)
    if (wb_net_active(net, in->means[i].layer) == l)
      wb_mean_pixels_backward_add(l->gradient[0], in->means[i].gradient, n, l->blocks, out_pixels(l));
}

static wb_status backward(wb_net *net, const wb_net_inflow *in, float *d_images, wb_error *err) {
  const int n = net->trained;
  net->trained = in->again ? n : 0;
  net->again = in->again;
  if (!n || net->frozen != (d_images != NULL) || (in->again && !net->config.repeated))
    return wb_fail(err, WB_INTERNAL, "A backward pass needs its own forward pass right before it.");
  const double start = wb_profile_start(net->config.profile);
  wb_head_backward(net, n, in->output, in->embedding);
  const wb_layer *last = &net->layers[net->layer_count - 1];
  wb_mean_pixels_backward(last->gradient[0], net->d_features, n, last->blocks, out_pixels(last));
  wb_profile_stop(net->config.profile, start, "head", "backward", 0, 0);
  for (int i = net->layer_count - 1; i >= 0; i--) {
    wb_layer *l = &net->layers[i];
    wb_status status = l->segment_end ? forward_again(net, l, n, err) : WB_OK;
    if (status) return status;
    add_means(net, l, n, in);
    status = backward_layer(net, l, n, d_images, err);
    if (status) return status;
  }
  return WB_OK;
}

wb_status wb_net_backward_from(wb_net *net, const wb_net_inflow *inflow, wb_error *err) {
  return backward(net, inflow, NULL, err);
}

wb_status wb_net_backward(wb_net *net, const float *d_output, const float *d_embedding, wb_error *err) {
  return backward(net, &(wb_net_inflow){.output = d_output, .embedding = d_embedding}, NULL, err);
}

wb_status wb_net_backward_images(wb_net *net, const float *d_output, const float *d_embedding,
                                 float *d_images, wb_error *err) {
  return backward(net, &(wb_net_inflow){.output = d_output, .embedding = d_embedding}, d_images, err);
}
