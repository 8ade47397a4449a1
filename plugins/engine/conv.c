/* conv.c: the choice among implementations of convolution, and the packing of weights.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "conv_impl.h"

#include <stdlib.h>
#include <string.h>

struct wb_conv {
  wb_conv_shape shape;
  const wb_conv_impl *impl;
  void *state;
};

/* The rule: under WB_CONV_AUTO the first that supports the shape on this CPU. oneDNN, last, takes them all.
 */
static const struct {
  wb_conv_choice choice;
  const wb_conv_impl *impl;
} implementations[] = {
#if defined(__x86_64__)
    {WB_CONV_WINOGRAD, &wb_conv_winograd_3x3_avx512},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_stride2_avx512},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_1x1_avx512},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_1x1_stride2_avx512},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_3x3_avx2},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_stride2_avx2},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_1x1_avx2},
    {WB_CONV_WINOGRAD, &wb_conv_winograd_1x1_stride2_avx2},
    {WB_CONV_WINOGRAD, &wb_conv_stem},
#endif
    {WB_CONV_ONEDNN, &wb_conv_onednn},
};
enum { IMPLEMENTATIONS = sizeof implementations / sizeof *implementations };

static wb_status check(const wb_conv_shape *s, wb_error *err) {
  if (s->batch < 1 || s->height < 1 || s->width < 1)
    return wb_fail(err, WB_ARG, "A convolution needs at least one image of one pixel, not %d of %d x %d.",
                   s->batch, s->height, s->width);
  if ((s->kernel != 1 && s->kernel != 3) || (s->stride != 1 && s->stride != 2))
    return wb_fail(err, WB_ARG, "Convolutions have kernel 1 or 3 and stride 1 or 2, not %d and %d.",
                   s->kernel, s->stride);
  if (s->out_channels < 8 || s->out_channels % 8)
    return wb_fail(err, WB_ARG, "A convolution's output channels are a multiple of 8, not %d.",
                   s->out_channels);
  if (s->in_channels < 1 || (s->in_channels > WB_STEM_CHANNELS && s->in_channels % 8))
    return wb_fail(err, WB_ARG, "A convolution's input channels are 1 to 3 or a multiple of 8, not %d.",
                   s->in_channels);
  return WB_OK;
}

wb_status wb_conv_create(const wb_conv_shape *shape, wb_conv_choice choice, wb_conv **out, wb_error *err) {
  *out = NULL;
  wb_status status = check(shape, err);
  if (status) return status;
  const wb_conv_impl *impl = NULL;
  for (int i = 0; i < IMPLEMENTATIONS && !impl; i++)
    if ((choice == WB_CONV_AUTO || choice == implementations[i].choice) &&
        implementations[i].impl->supports(shape))
      impl = implementations[i].impl;
  if (!impl)
    return wb_fail(
        err, WB_UNSUPPORTED,
        "The chosen implementation of convolution cannot do %d -> %d channels, kernel %d, stride %d "
        "on this CPU; choose \"auto\".",
        shape->in_channels, shape->out_channels, shape->kernel, shape->stride);
  wb_conv *conv = calloc(1, sizeof *conv);
  if (!conv) return wb_fail_nomem(err, "a convolution", sizeof *conv);
  conv->shape = *shape;
  conv->impl = impl;
  status = impl->create(shape, &conv->state, err);
  if (status) {
    free(conv);
    return status;
  }
  *out = conv;
  return WB_OK;
}

void wb_conv_free(wb_conv *conv) {
  if (conv) conv->impl->destroy(conv->state);
  free(conv);
}

const char *wb_conv_name(const wb_conv *conv) {
  return conv->impl->name;
}

size_t wb_conv_scratch(const wb_conv *conv) {
  return conv->impl->scratch(conv->state);
}

bool wb_conv_takes_norm(const wb_conv *conv) {
  return conv->impl->takes_norm;
}

static wb_status check_images(const wb_conv *conv, int n, wb_error *err) {
  if (n >= 1 && n <= conv->shape.batch) return WB_OK;
  return wb_fail(err, WB_INTERNAL, "A convolution prepared for %d images was given %d.", conv->shape.batch,
                 n);
}

static wb_status check_input(const wb_conv *conv, int n, const wb_conv_input *input, wb_error *err) {
  if (input->scale && !conv->impl->takes_norm)
    return wb_fail(err, WB_INTERNAL, "The convolution %s does not normalise its input.", conv->impl->name);
  return check_images(conv, n, err);
}

wb_status wb_conv_forward(wb_conv *conv, int n, const wb_conv_input *input, const float *w, float *y,
                          double *sums, void *scratch, wb_error *err) {
  const wb_status status = check_input(conv, n, input, err);
  if (status) return status;
  return conv->impl->forward(conv->state, n, input, w, y, sums, scratch, err);
}

wb_status wb_conv_backward_data(wb_conv *conv, int n, const float *dy, const float *w, float *dx,
                                void *scratch, wb_error *err) {
  const wb_status status = check_images(conv, n, err);
  if (status) return status;
  if (conv->shape.in_channels < 8) {
    wb_conv_stem_backward_data(&conv->shape, n, dy, w, dx);
    return WB_OK;
  }
  return conv->impl->backward_data(conv->state, n, dy, w, dx, scratch, err);
}

wb_status wb_conv_backward_weights(wb_conv *conv, int n, const wb_conv_input *input, const float *dy,
                                   float *dw, void *scratch, wb_error *err) {
  const wb_status status = check_input(conv, n, input, err);
  if (status) return status;
  return conv->impl->backward_weights(conv->state, n, input, dy, dw, scratch, err);
}

size_t wb_conv_filter_count(const wb_conv *conv) {
  return conv->impl->filter_count ? conv->impl->filter_count(conv->state)
                                  : wb_conv_weight_count(&conv->shape);
}

void wb_conv_prepare(const wb_conv *conv, float *filters, const float *w) {
  if (conv->impl->prepare)
    conv->impl->prepare(conv->state, filters, w);
  else
    memcpy(filters, w, wb_conv_weight_count(&conv->shape) * sizeof *w);
}

wb_status wb_conv_infer(wb_conv *conv, int n, const float *x, const float *filters,
                        const wb_conv_finish *finish, float *y, void *scratch, wb_error *err) {
  const wb_status status = check_images(conv, n, err);
  if (status) return status;
  if (finish->pool && (finish->add || conv->shape.kernel == 1))
    return wb_fail(err, WB_INTERNAL, "Pooling follows convolutions of kernel 3 without a residual only.");
  return conv->impl->infer(conv->state, n, x, filters, finish, y, scratch, err);
}

/* Position of weight (o, i, tap) in the blocked layout. */
static size_t blocked_index(size_t o, size_t i, size_t tap, size_t in_channels, size_t taps) {
  if (in_channels < 8) return ((o / 8 * taps + tap) * in_channels + i) * 8 + o % 8;
  return ((o / 8 * (in_channels / 8) + i / 8) * taps + tap) * 64 + i % 8 * 8 + o % 8;
}

void wb_conv_pack_weights(float *blocked, const float *plain, int out_channels, int in_channels, int kernel) {
  const size_t outs = (size_t)out_channels, ins = (size_t)in_channels, taps = (size_t)(kernel * kernel);
  for (size_t o = 0; o < outs; o++)
    for (size_t i = 0; i < ins; i++)
      for (size_t t = 0; t < taps; t++)
        blocked[blocked_index(o, i, t, ins, taps)] = plain[(o * ins + i) * taps + t];
}

void wb_conv_unpack_weights(float *plain, const float *blocked, int out_channels, int in_channels,
                            int kernel) {
  const size_t outs = (size_t)out_channels, ins = (size_t)in_channels, taps = (size_t)(kernel * kernel);
  for (size_t o = 0; o < outs; o++)
    for (size_t i = 0; i < ins; i++)
      for (size_t t = 0; t < taps; t++)
        plain[(o * ins + i) * taps + t] = blocked[blocked_index(o, i, t, ins, taps)];
}
