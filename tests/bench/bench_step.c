/* bench_step.c: times whole training steps on random images.
 *
 *     bench_step ARCH BATCH [--steps N] [--width W] [--conv auto|onednn|winograd]
 *
 * A step is the forward pass with dropout 0.5, cross-entropy, the backward pass, the weight-similarity
 * gradient with matched balance (rho 0.2) and Adam. Prints one line of JSON: seconds of each step, the first
 * ones warming up, and the peak memory. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/rng.h"
#include "loss.h"
#include "net.h"
#include "optim.h"
#include "topo.h"

enum { CLASSES = 10, UNITS = 256 };

static const char *const conv_names[] = {
    [WB_CONV_AUTO] = "auto", [WB_CONV_ONEDNN] = "onednn", [WB_CONV_WINOGRAD] = "winograd"};

typedef struct bench {
  wb_net *net;
  float *images, *d_output, *topo, *m, *v;
  int32_t *labels;
  wb_balance balance;
  double loss;
} bench;

static void *need(void *p) {
  if (!p) {
    fprintf(stderr, "bench_step: not enough memory\n");
    exit(1);
  }
  return p;
}

static void stop(const wb_error *err) {
  fprintf(stderr, "bench_step: %s\n", err->message);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bench make(const wb_net_config *config) {
  bench b = {.balance = {.rho = 0.2}};
  wb_error err = {0};
  if (wb_net_create(config, &b.net, &err)) stop(&err);
  wb_net_init(b.net, 1);
  const size_t n = (size_t)config->batch, pixels = n * 3 * 32 * 32, weights = wb_net_weight_count(b.net);
  b.images = need(malloc(pixels * sizeof *b.images));
  b.labels = need(malloc(n * sizeof *b.labels));
  b.d_output = need(malloc(n * CLASSES * sizeof *b.d_output));
  b.topo = need(malloc(wb_net_tensor(b.net, wb_net_embedding_weight(b.net))->count * sizeof *b.topo));
  b.m = need(calloc(weights, sizeof *b.m));
  b.v = need(calloc(weights, sizeof *b.v));
  wb_rng rng = wb_rng_make(1, "images", 0);
  for (size_t i = 0; i < pixels; i++) b.images[i] = (float)wb_rng_normal(&rng);
  for (size_t i = 0; i < n; i++) b.labels[i] = (int32_t)(i % CLASSES);
  return b;
}

static void drop(bench *b) {
  wb_net_free(b->net);
  free(b->images);
  free(b->labels);
  free(b->d_output);
  free(b->topo);
  free(b->m);
  free(b->v);
}

/* Adds the topographic gradient, balanced against the task's over the embedding layer. */
static void add_topography(bench *b) {
  const wb_tensor *w = wb_net_tensor(b->net, wb_net_embedding_weight(b->net));
  const wb_tensor *bias = wb_net_tensor(b->net, wb_net_embedding_bias(b->net));
  float *dw = wb_net_gradients(b->net) + w->offset;
  wb_topo_ws(b->topo, wb_net_weights(b->net) + w->offset, 16, 16, (size_t)w->dims[1], WB_TOPO_L2,
             WB_TOPO_PAIR_MEAN);
  const double task =
      hypot(wb_norm(dw, w->count), wb_norm(wb_net_gradients(b->net) + bias->offset, bias->count));
  const float lambda = (float)wb_balance_update(&b->balance, task, wb_norm(b->topo, w->count));
  for (size_t i = 0; i < w->count; i++) dw[i] += lambda * b->topo[i];
}

static void step(bench *b, int64_t number) {
  static const wb_adam adam = {.rate = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  const int n = wb_net_get_config(b->net)->batch;
  wb_error err = {0};
  if (wb_net_forward_train(b->net, b->images, n, 1, (uint64_t)number, &err)) stop(&err);
  b->loss = wb_loss_ce(b->d_output, wb_net_output(b->net), b->labels, (size_t)n, CLASSES);
  if (wb_net_backward(b->net, b->d_output, NULL, &err)) stop(&err);
  add_topography(b);
  wb_adam_step(wb_net_weights(b->net), b->m, b->v, wb_net_gradients(b->net), wb_net_weight_count(b->net),
               &adam, number);
}

static int usage(void) {
  fprintf(stderr, "usage: bench_step ARCH BATCH [--steps N] [--width W] [--conv auto|onednn|winograd]\n");
  return 2;
}

/* Fills config and steps; nonzero where the command line is wrong. */
static int parse(int argc, char **argv, wb_net_config *config, int *steps) {
  if (argc < 3 || argc % 2 == 0) return 1;
  config->arch = argv[1];
  config->batch = atoi(argv[2]);
  for (int i = 3; i < argc; i += 2) {
    if (!strcmp(argv[i], "--steps")) {
      *steps = atoi(argv[i + 1]);
    } else if (!strcmp(argv[i], "--width")) {
      config->width = atoi(argv[i + 1]);
    } else if (!strcmp(argv[i], "--conv")) {
      int c = WB_CONV_AUTO;
      while (c <= WB_CONV_WINOGRAD && strcmp(conv_names[c], argv[i + 1])) c++;
      if (c > WB_CONV_WINOGRAD) return 1;
      config->conv = (wb_conv_choice)c;
    } else {
      return 1;
    }
  }
  return *steps < 1;
}

int main(int argc, char **argv) {
  wb_net_config config = {.channels = 3,
                          .height = 32,
                          .img_width = 32,
                          .units = UNITS,
                          .head = WB_HEAD_LINEAR,
                          .outputs = CLASSES,
                          .dropout = 0.5f,
                          .training = true};
  int steps = 7;
  if (parse(argc, argv, &config, &steps)) return usage();
  bench b = make(&config);
  double *seconds = need(malloc((size_t)steps * sizeof *seconds));
  for (int i = 0; i < steps; i++) {
    const double start = now();
    step(&b, i + 1);
    seconds[i] = now() - start;
  }
  struct rusage usage_now;
  getrusage(RUSAGE_SELF, &usage_now);
  printf("{\"arch\": \"%s\", \"batch\": %d, \"width\": %d, \"conv\": \"%s\", \"convolutions\": \"%s\", "
         "\"loss\": %.9g, "
         "\"seconds\": [",
         config.arch, config.batch, wb_net_get_config(b.net)->width, conv_names[config.conv],
         wb_net_conv_names(b.net), b.loss);
  for (int i = 0; i < steps; i++) printf("%s%.6f", i ? ", " : "", seconds[i]);
  printf("], \"peak_rss_kb\": %ld}\n", usage_now.ru_maxrss);
  free(seconds);
  drop(&b);
  return 0;
}
