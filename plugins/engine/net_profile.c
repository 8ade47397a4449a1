/* net_profile.c: what the parts of a network's passes amount to. SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_impl.h"

/* Values of n images in so many channels. */
static double values(int n, int channels, int height, int width) {
  return (double)n * channels * height * width;
}

void wb_net_profile_conv(const wb_net *net, const wb_layer *l, int n, double start, const char *pass) {
  if (!net->config.profile) return;
  const wb_conv_shape *s = &l->shape;
  const double x = values(n, s->in_channels, s->height, s->width);
  const double y = values(n, s->out_channels, l->height, l->width);
  const double weights = (double)wb_conv_weight_count(s);
  wb_profile_stop(net->config.profile, start, l->name, pass, 2 * y * weights / s->out_channels,
                  (x + y + weights) * sizeof(float));
}

void wb_net_profile_pass(const wb_net *net, const wb_layer *l, int n, double start, const char *pass,
                         int outputs, int activations) {
  if (!net->config.profile) return;
  const double y = values(n, l->shape.out_channels, l->height, l->width);
  const double a = values(n, l->shape.out_channels, l->out_height, l->out_width);
  wb_profile_stop(net->config.profile, start, l->name, pass, 0,
                  (outputs * y + activations * a) * sizeof(float));
}
