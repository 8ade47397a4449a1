/* net_arch.c: the architectures, as lists of layers. SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What to build next; zero means: kernel 3, stride 1, nothing added. */
typedef struct recipe {
  int input; // layer or WB_NO_LAYER
  int channels, kernel, stride;
  bool bias, pool, inactive;
  bool bare; // no batch norm
  bool add;  // add what follows before ReLU
  int residual, shortcut;
} recipe;

/* Adds conv and norm under these names; returns the layer's index. */
static int add_layer(wb_net *net, const char *conv, const char *norm, recipe r) {
  wb_layer *l = &net->layers[net->layer_count];
  const wb_layer *in = r.input == WB_NO_LAYER ? NULL : &net->layers[r.input];
  const wb_net_config *c = &net->config;
  const int kernel = r.kernel ? r.kernel : 3, stride = r.stride ? r.stride : 1;
  l->shape = (wb_conv_shape){.batch = c->batch,
                             .in_channels = in ? in->shape.out_channels : c->channels,
                             .out_channels = r.channels,
                             .height = in ? in->out_height : c->height,
                             .width = in ? in->out_width : c->img_width,
                             .kernel = kernel,
                             .stride = stride};
  l->input = r.input;
  l->residual = r.add ? r.residual : WB_NO_LAYER;
  l->shortcut = r.add ? r.shortcut : WB_NO_LAYER;
  l->active = !r.inactive;
  l->pool = r.pool;
  l->blocks = r.channels / 8;
  l->height = wb_conv_out(l->shape.height, stride);
  l->width = wb_conv_out(l->shape.width, stride);
  l->out_height = r.pool ? l->height / 2 : l->height;
  l->out_width = r.pool ? l->width / 2 : l->width;

  snprintf(l->name, sizeof l->name, "%s", wb_net_short_name(conv));

  const int dims[4] = {r.channels, l->shape.in_channels, kernel, kernel};
  const double fan_in = (double)l->shape.in_channels * kernel * kernel;
  const double fan_out = (double)r.channels * kernel * kernel;
  char name[WB_NET_NAME];
  snprintf(name, sizeof name, "%s.weight", conv);
  if (r.bias) {
    l->weight = wb_net_add(net, name, 4, dims, false, WB_INIT_UNIFORM, 1 / sqrt(fan_in));
    snprintf(name, sizeof name, "%s.bias", conv);
    l->bias = wb_net_add(net, name, 1, dims, false, WB_INIT_UNIFORM, 1 / sqrt(fan_in));
  } else {
    l->weight = wb_net_add(net, name, 4, dims, false, WB_INIT_NORMAL, sqrt(2 / fan_out));
    l->bias = -1;
  }
  l->norm = r.bare ? -1 : wb_net_add_norm(net, norm, r.channels);
  return net->layer_count++;
}

/* `count` convolutions, each of twice the channels of the one before; pooling after the first `pools`. */
static void add_chain(wb_net *net, int count, int pools, bool bare) {
  const char *prefix = net->plain_names ? "" : "encoder.";
  int last = WB_NO_LAYER;
  for (int i = 0; i < count; i++) {
    char conv[36], norm[36];
    snprintf(conv, sizeof conv, "%sconv%d", prefix, i + 1);
    snprintf(norm, sizeof norm, "%sbn%d", prefix, i + 1);
    const recipe r = {
        .input = last, .channels = net->config.width << i, .bias = true, .pool = i < pools, .bare = bare};
    last = add_layer(net, conv, norm, r);
  }
}

static void build_shallowcnn(wb_net *net) {
  add_chain(net, 4, 3, false);
}

static void build_truong_mnist(wb_net *net) {
  net->plain_names = net->relu_readout = true;
  add_chain(net, 2, 2, true);
}

static void build_truong_cifar(wb_net *net) {
  net->plain_names = net->relu_readout = true;
  add_chain(net, 4, 3, false);
}

/* Two convolutions, and around them the identity or, where the size changes, a 1 x 1 convolution. */
static int add_block(wb_net *net, const char *block, int input, int channels, int stride) {
  char names[6][36];
  static const char *const parts[6] = {"conv1", "bn1", "conv2", "bn2", "shortcut.0", "shortcut.1"};
  for (int i = 0; i < 6; i++) snprintf(names[i], sizeof names[i], "%s.%s", block, parts[i]);
  const int first =
      add_layer(net, names[0], names[1], (recipe){.input = input, .channels = channels, .stride = stride});
  int shortcut = WB_NO_LAYER;
  if (stride > 1)
    shortcut = add_layer(
        net, names[4], names[5],
        (recipe){.input = input, .channels = channels, .kernel = 1, .stride = stride, .inactive = true});
  const int second = add_layer(net, names[2], names[3],
                               (recipe){.input = first,
                                        .channels = channels,
                                        .add = true,
                                        .residual = stride > 1 ? WB_NO_LAYER : input,
                                        .shortcut = shortcut});
  wb_layer *l = &net->layers[second];
  snprintf(l->name, sizeof l->name, "%s", block + strlen("encoder."));
  return second;
}

static void build_resnet18(wb_net *net) {
  const int width = net->config.width;
  int last =
      add_layer(net, "encoder.conv1", "encoder.bn1", (recipe){.input = WB_NO_LAYER, .channels = width});
  for (int stage = 0; stage < 4; stage++)
    for (int block = 0; block < 2; block++) {
      char name[24];
      snprintf(name, sizeof name, "encoder.layer%d.%d", stage + 1, block);
      last = add_block(net, name, last, width << stage, stage > 0 && block == 0 ? 2 : 1);
    }
}

static const struct {
  const char *name;
  int width, smallest; // first stage's channels; the least height and width of images
  void (*build)(wb_net *net);
} architectures[] = {{"resnet18", 64, 1, build_resnet18},
                     {"shallowcnn", 32, 8, build_shallowcnn},
                     {"truong-mnist", 32, 4, build_truong_mnist},
                     {"truong-cifar", 32, 8, build_truong_cifar}};

static wb_status check(const wb_net_config *c, int smallest, wb_error *err) {
  if (c->width < 8 || c->width % 8 || c->width > 512)
    return wb_fail(err, WB_ARG, "A network's width is a multiple of 8 up to 512, not %d.", c->width);
  if (c->channels < 1 || c->channels > 3)
    return wb_fail(err, WB_ARG, "%s reads images of 1 to 3 channels, not %d.", c->arch, c->channels);
  if (c->height < smallest || c->img_width < smallest || c->height > 1024 || c->img_width > 1024)
    return wb_fail(err, WB_ARG, "%s reads images of %d to 1024 pixels a side, not %d x %d.", c->arch,
                   smallest, c->height, c->img_width);
  if (c->units < 1 || c->units > 65536)
    return wb_fail(err, WB_ARG, "The embedding has 1 to 65536 units, not %d.", c->units);
  if (c->head == WB_HEAD_NONE ? c->outputs != 0 : c->outputs < 1 || c->outputs > 65536)
    return wb_fail(err, WB_ARG, "A head has 1 to 65536 outputs, and no head has none, not %d.", c->outputs);
  if (!(c->dropout >= 0 && c->dropout < 1))
    return wb_fail(err, WB_ARG, "The dropout probability is at least 0 and below 1, not %g.",
                   (double)c->dropout);
  if (c->batch < 1 || c->batch > 65536)
    return wb_fail(err, WB_ARG, "A batch has 1 to 65536 images, not %d.", c->batch);
  return WB_OK;
}

wb_status wb_net_build(wb_net *net, wb_error *err) {
  const char *arch = net->config.arch ? net->config.arch : "";
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
    if (strcmp(architectures[i].name, arch) != 0) continue;
    net->config.arch = architectures[i].name;
    if (!net->config.width) net->config.width = architectures[i].width;
    const wb_status status = check(&net->config, architectures[i].smallest, err);
    if (status) return status;
    architectures[i].build(net);
    net->feature_count = net->layers[net->layer_count - 1].shape.out_channels;
    wb_head_build(net);
    return WB_OK;
  }
  return wb_fail(
      err, WB_ARG,
      "There is no architecture \"%s\"; choose resnet18, shallowcnn, truong-mnist or truong-cifar.", arch);
}
