/* conv_onednn.c: convolution by oneDNN 2.x, for every shape. The only file that calls oneDNN.
 *
 * Primitives are made for a number of images at their first use. Each pass keeps the one for the full batch
 * and the one for the last other number (the remainder of an epoch); making one again is cheap, since oneDNN
 * remembers compiled kernels. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "conv_finish.h"
#include "conv_impl.h"
#include "layers.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

enum { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, PASSES };

typedef struct pass {
  int n; // images it was made for; 0: none yet
  dnnl_primitive_t primitive;
  dnnl_memory_t x, w, y; // or their gradients; handles are set for each call
} pass;

typedef struct state {
  wb_conv_shape shape;
  bool widened;   // a stem whose images get zero channels in backward_weights
  size_t weights; // floats
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t flip; // OIhw8i8o -> OIhw8o8i, which backward_data reads; NULL in stems
  dnnl_memory_t flip_from, flip_to;
  pass passes[PASSES][2]; // full batch, other
} state;

static wb_status check(dnnl_status_t status, const char *what, wb_error *err) {
  if (status == dnnl_success) return WB_OK;
  if (status == dnnl_out_of_memory) return wb_fail(err, WB_NOMEM, "Not enough memory for oneDNN's %s.", what);
  return wb_fail(err, WB_INTERNAL, "oneDNN's %s failed with status %d.", what, (int)status);
}

static bool supports(const wb_conv_shape *shape) {
  (void)shape;
  return true;
}

static void clear(pass *p) {
  if (p->primitive) dnnl_primitive_destroy(p->primitive);
  if (p->x) dnnl_memory_destroy(p->x);
  if (p->w) dnnl_memory_destroy(p->w);
  if (p->y) dnnl_memory_destroy(p->y);
  *p = (pass){0};
}

static void destroy(void *opaque) {
  state *s = opaque;
  if (!s) return;
  for (int i = 0; i < PASSES; i++)
    for (int j = 0; j < 2; j++) clear(&s->passes[i][j]);
  if (s->flip) dnnl_primitive_destroy(s->flip);
  if (s->flip_from) dnnl_memory_destroy(s->flip_from);
  if (s->flip_to) dnnl_memory_destroy(s->flip_to);
  if (s->stream) dnnl_stream_destroy(s->stream);
  if (s->engine) dnnl_engine_destroy(s->engine);
  free(s);
}

typedef struct descs {
  dnnl_memory_desc_t x, w, y;
} descs;

static dnnl_status_t describe(descs *d, const state *s, int which, int n) {
  const wb_conv_shape *c = &s->shape;
  const bool stem = c->in_channels < 8;
  const int ins = which == BACKWARD_WEIGHTS && s->widened ? 3 : c->in_channels;
  const dnnl_dims_t x = {n, ins, c->height, c->width}, w = {c->out_channels, ins, c->kernel, c->kernel};
  const dnnl_dims_t y = {n, c->out_channels, wb_conv_out(c->height, c->stride),
                         wb_conv_out(c->width, c->stride)};
  const dnnl_format_tag_t blocked = which == BACKWARD_DATA ? dnnl_OIhw8o8i : dnnl_OIhw8i8o;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&d->x, 4, x, dnnl_f32, stem ? dnnl_nchw : dnnl_nChw8c);
  if (!status) status = dnnl_memory_desc_init_by_tag(&d->w, 4, w, dnnl_f32, stem ? dnnl_Ohwi8o : blocked);
  if (!status) status = dnnl_memory_desc_init_by_tag(&d->y, 4, y, dnnl_f32, dnnl_nChw8c);
  return status;
}

/* The primitive descriptor of one pass; `hint` is the forward pass's, which backward passes ask for. */
static dnnl_status_t describe_pass(dnnl_primitive_desc_t *out, const state *s, int which, const descs *d,
                                   const_dnnl_primitive_desc_t hint) {
  const int step = s->shape.stride, border = s->shape.kernel / 2;
  const dnnl_dims_t strides = {step, step}, pad = {border, border};
  dnnl_convolution_desc_t desc;
  dnnl_status_t status;
  if (which == FORWARD)
    status = dnnl_convolution_forward_desc_init(&desc, dnnl_forward_training, dnnl_convolution_direct, &d->x,
                                                &d->w, NULL, &d->y, strides, pad, pad);
  else if (which == BACKWARD_DATA)
    status = dnnl_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct, &d->x, &d->w, &d->y,
                                                      strides, pad, pad);
  else
    status = dnnl_convolution_backward_weights_desc_init(&desc, dnnl_convolution_direct, &d->x, &d->w, NULL,
                                                         &d->y, strides, pad, pad);
  if (status) return status;
  return dnnl_primitive_desc_create(out, &desc, NULL, s->engine, hint);
}

static dnnl_status_t fill(pass *p, const state *s, int which, int n) {
  descs d;
  dnnl_primitive_desc_t forward = NULL, own = NULL;
  dnnl_status_t status = describe(&d, s, FORWARD, n);
  if (!status && which != FORWARD) status = describe_pass(&forward, s, FORWARD, &d, NULL);
  if (!status) status = describe(&d, s, which, n);
  if (!status) status = describe_pass(&own, s, which, &d, forward);
  if (!status) status = dnnl_primitive_create(&p->primitive, own);
  if (!status) status = dnnl_memory_create(&p->x, &d.x, s->engine, DNNL_MEMORY_NONE);
  if (!status) status = dnnl_memory_create(&p->w, &d.w, s->engine, DNNL_MEMORY_NONE);
  if (!status) status = dnnl_memory_create(&p->y, &d.y, s->engine, DNNL_MEMORY_NONE);
  if (!status) p->n = n;
  if (own) dnnl_primitive_desc_destroy(own);
  if (forward) dnnl_primitive_desc_destroy(forward);
  return status;
}

/* The pass for n images, made where it is not there yet. */
static wb_status get(pass **out, state *s, int which, int n, wb_error *err) {
  pass *p = *out = &s->passes[which][n == s->shape.batch ? 0 : 1];
  if (p->n == n) return WB_OK;
  clear(p);
  return check(fill(p, s, which, n), "convolution", err);
}

static wb_status make_flip(state *s, wb_error *err) {
  descs from, to;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = describe(&from, s, FORWARD, 1);
  if (!status) status = describe(&to, s, BACKWARD_DATA, 1);
  if (!status) status = dnnl_reorder_primitive_desc_create(&desc, &from.w, s->engine, &to.w, s->engine, NULL);
  if (!status) status = dnnl_primitive_create(&s->flip, desc);
  if (!status) status = dnnl_memory_create(&s->flip_from, &from.w, s->engine, DNNL_MEMORY_NONE);
  if (!status) status = dnnl_memory_create(&s->flip_to, &to.w, s->engine, DNNL_MEMORY_NONE);
  if (desc) dnnl_primitive_desc_destroy(desc);
  return check(status, "reorder", err);
}

static wb_status create(const wb_conv_shape *shape, void **out, wb_error *err) {
  state *s = calloc(1, sizeof *s);
  if (!s) return wb_fail_nomem(err, "a convolution", sizeof *s);
  s->shape = *shape;
  s->weights = wb_conv_weight_count(shape);
  /* oneDNN has a fast weight gradient of a stem for three channels only. */
  s->widened = shape->in_channels < 3;
  wb_status status = check(dnnl_engine_create(&s->engine, dnnl_cpu, 0), "engine", err);
  if (!status)
    status = check(dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags), "stream", err);
  if (!status && shape->in_channels >= 8) status = make_flip(s, err);
  pass *full;
  if (!status) status = get(&full, s, FORWARD, shape->batch, err);
  if (status) {
    destroy(s);
    return status;
  }
  *out = s;
  return WB_OK;
}

static size_t image_pixels(const state *s) {
  return (size_t)s->shape.height * (size_t)s->shape.width;
}

static size_t out_pixels(const state *s) {
  return (size_t)wb_conv_out(s->shape.height, s->shape.stride) *
         (size_t)wb_conv_out(s->shape.width, s->shape.stride);
}

static size_t scratch_size(const void *opaque) {
  const state *s = opaque;
  const size_t n = (size_t)s->shape.batch, outs = (size_t)s->shape.out_channels;
  const size_t sums = wb_channel_sums_work(s->shape.batch, s->shape.out_channels / 8) * sizeof(double);
  size_t backward = s->weights * sizeof(float);
  if (s->widened)
    backward =
        (n * 3 * image_pixels(s) + outs * 3 * (size_t)(s->shape.kernel * s->shape.kernel)) * sizeof(float);
  const size_t y = n * outs * out_pixels(s) * sizeof(float); // of `infer`
  const size_t most = sums > backward ? sums : backward;
  return most > y ? most : y;
}

static wb_status execute(const state *s, dnnl_primitive_t primitive, int count, const dnnl_exec_arg_t *args,
                         wb_error *err) {
  dnnl_status_t status = dnnl_primitive_execute(primitive, s->stream, count, args);
  if (!status) status = dnnl_stream_wait(s->stream);
  return check(status, "convolution", err);
}

/* Runs a pass. oneDNN takes inputs as void *, too; it does not write to them. */
static wb_status run(const state *s, const pass *p, const void *x, const void *w, const void *y, int x_arg,
                     int w_arg, int y_arg, wb_error *err) {
  dnnl_status_t status = dnnl_memory_set_data_handle(p->x, (void *)(uintptr_t)x);
  if (!status) status = dnnl_memory_set_data_handle(p->w, (void *)(uintptr_t)w);
  if (!status) status = dnnl_memory_set_data_handle(p->y, (void *)(uintptr_t)y);
  if (status) return check(status, "memory", err);
  const dnnl_exec_arg_t args[] = {{x_arg, p->x}, {w_arg, p->w}, {y_arg, p->y}};
  return execute(s, p->primitive, 3, args, err);
}

static wb_status forward(void *opaque, int n, const wb_conv_input *input, const float *w, float *y,
                         double *sums, void *scratch, wb_error *err) {
  state *s = opaque;
  pass *p = NULL;
  wb_status status = get(&p, s, FORWARD, n, err);
  if (!status) status = run(s, p, input->x, w, y, DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, err);
  if (!status && sums) wb_channel_sums(sums, y, n, s->shape.out_channels / 8, out_pixels(s), scratch);
  return status;
}

static wb_status infer(void *opaque, int n, const float *x, const float *filters,
                       const wb_conv_finish *finish, float *y, void *scratch, wb_error *err) {
  const wb_conv_shape *c = &((const state *)opaque)->shape;
  const wb_status status = forward(opaque, n, &(wb_conv_input){.x = x}, filters, scratch, NULL, NULL, err);
  if (!status)
    wb_finish_planes(y, scratch, finish, n, c->out_channels / 8, wb_conv_out(c->height, c->stride),
                     wb_conv_out(c->width, c->stride));
  return status;
}

static wb_status backward_data(void *opaque, int n, const float *dy, const float *w, float *dx, void *scratch,
                               wb_error *err) {
  state *s = opaque;
  pass *p = NULL;
  wb_status status = get(&p, s, BACKWARD_DATA, n, err);
  if (status) return status;
  dnnl_status_t set = dnnl_memory_set_data_handle(s->flip_from, (void *)(uintptr_t)w);
  if (!set) set = dnnl_memory_set_data_handle(s->flip_to, scratch);
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, s->flip_from}, {DNNL_ARG_TO, s->flip_to}};
  status = set ? check(set, "memory", err) : execute(s, s->flip, 2, args, err);
  if (status) return status;
  return run(s, p, dx, scratch, dy, DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, err);
}

/* x with zero channels up to three. */
static void widen(float *wide, const float *x, size_t n, size_t channels, size_t pixels) {
  for (size_t i = 0; i < n; i++) {
    memcpy(wide + i * 3 * pixels, x + i * channels * pixels, channels * pixels * sizeof *x);
    memset(wide + (i * 3 + channels) * pixels, 0, (3 - channels) * pixels * sizeof *x);
  }
}

static wb_status backward_weights(void *opaque, int n, const wb_conv_input *input, const float *dy, float *dw,
                                  void *scratch, wb_error *err) {
  state *s = opaque;
  pass *p = NULL;
  wb_status status = get(&p, s, BACKWARD_WEIGHTS, n, err);
  if (status) return status;
  const int x_arg = DNNL_ARG_SRC, w_arg = DNNL_ARG_DIFF_WEIGHTS, y_arg = DNNL_ARG_DIFF_DST;
  if (!s->widened) return run(s, p, input->x, dw, dy, x_arg, w_arg, y_arg, err);
  float *wide = scratch, *wide_dw = wide + (size_t)s->shape.batch * 3 * image_pixels(s);
  const size_t channels = (size_t)s->shape.in_channels, taps = s->weights / channels / 8;
  widen(wide, input->x, (size_t)n, channels, image_pixels(s));
  status = run(s, p, wide, wide_dw, dy, x_arg, w_arg, y_arg, err);
  for (size_t t = 0; t < taps && !status; t++)
    memcpy(dw + t * channels * 8, wide_dw + t * 3 * 8, channels * 8 * sizeof *dw);
  return status;
}

const wb_conv_impl wb_conv_onednn = {
    .name = "onednn",
    .supports = supports,
    .create = create,
    .destroy = destroy,
    .scratch = scratch_size,
    .forward = forward,
    .backward_data = backward_data,
    .backward_weights = backward_weights,
    .infer = infer,
};
