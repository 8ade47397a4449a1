/* bench_step.c: times whole training steps, or inference, on random images.
 *
 *     bench_step ARCH BATCH [--work ce|supcon|inference] [--steps N] [--width W]
 *                [--conv auto|onednn|winograd] [--recompute no|yes] [--profile no|yes]
 *
 * A step is the forward pass with dropout 0.5, the loss, the backward pass, the weight-similarity gradient
 * with matched balance (rho 0.2) and Adam; supcon takes two views of each image. Inference is a pass over one
 * batch of images, to embeddings and logits. Prints one line of JSON: seconds of each step, the first ones
 * warming up, and the peak memory; the profile goes to standard error. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/rng.h"
#include "net.h"
#include "objective.h"
#include "optim.h"
#include "topo.h"

enum { CLASSES = 10, FEATURES = 128 };

static const char *const conv_names[] = {
    [WB_CONV_AUTO] = "auto", [WB_CONV_ONEDNN] = "onednn", [WB_CONV_WINOGRAD] = "winograd", NULL};
static const char *const work_names[] = {"ce", "supcon", "inference", NULL};
static const char *const switches[] = {"no", "yes", NULL};
enum { CE, SUPCON, INFERENCE };

typedef struct options {
  wb_net_config config;
  int images, steps, work;
  bool profile;
} options;

typedef struct bench {
  const options *options;
  const wb_objective *objective;
  wb_net *net;
  float *images, *d_output, *embedding, *topo, *m, *v, *scratch;
  int32_t *labels;
  size_t rows, cols;
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

static float *zeros(size_t count) {
  return need(calloc(count + 1, sizeof(float)));
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bench make(const options *o) {
  bench b = {.options = o, .balance = {.rho = 0.2}};
  const wb_net_config *c = &o->config;
  wb_error err = {0};
  b.objective = o->work == SUPCON ? &wb_objective_supcon : &wb_objective_ce;
  if (wb_net_create(c, &b.net, &err)) stop(&err);
  wb_net_init(b.net, 1);
  const size_t n = (size_t)c->batch, outputs = (size_t)c->outputs, weights = wb_net_weight_count(b.net);
  const size_t pixels = n * (size_t)(c->channels * c->height * c->img_width);
  b.images = zeros(pixels);
  b.labels = need(malloc(n * sizeof *b.labels));
  b.d_output = zeros(n * outputs);
  b.embedding = zeros(n * (size_t)c->units);
  wb_rng rng = wb_rng_make(1, "images", 0);
  for (size_t i = 0; i < pixels; i++) b.images[i] = (float)wb_rng_normal(&rng);
  for (size_t i = 0; i < n; i++) b.labels[i] = (int32_t)(i % CLASSES);
  if (o->work == INFERENCE) return b;
  b.topo = zeros(wb_net_tensor(b.net, wb_net_embedding_weight(b.net))->count);
  b.scratch = zeros(b.objective->work(n, outputs));
  b.m = zeros(weights);
  b.v = zeros(weights);
  wb_grid_for_units((size_t)c->units, &b.rows, &b.cols);
  return b;
}

static void drop(bench *b) {
  wb_net_free(b->net);
  float *const all[] = {b->images, b->d_output, b->embedding, b->topo, b->m, b->v, b->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  free(b->labels);
}

/* Adds the topographic gradient, balanced against the task's over the embedding layer. */
static void add_topography(bench *b) {
  const wb_tensor *w = wb_net_tensor(b->net, wb_net_embedding_weight(b->net));
  const wb_tensor *bias = wb_net_tensor(b->net, wb_net_embedding_bias(b->net));
  float *dw = wb_net_gradients(b->net) + w->offset;
  wb_topo_ws(b->topo, wb_net_weights(b->net) + w->offset, b->rows, b->cols, (size_t)w->dims[1], WB_TOPO_L2,
             WB_TOPO_PAIR_MEAN);
  const double task =
      hypot(wb_norm(dw, w->count), wb_norm(wb_net_gradients(b->net) + bias->offset, bias->count));
  const float lambda = (float)wb_balance_update(&b->balance, task, wb_norm(b->topo, w->count));
  for (size_t i = 0; i < w->count; i++) dw[i] += lambda * b->topo[i];
}

static void train(bench *b, int64_t number) {
  static const wb_adam adam = {.rate = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  static const wb_objective_setting setting = {.temperature = 0.07};
  const wb_net_config *c = &b->options->config;
  wb_error err = {0};
  if (wb_net_forward_train(b->net, b->images, c->batch, 1, (uint64_t)number, &err)) stop(&err);
  const wb_objective_batch batch = {wb_net_output(b->net), b->labels, (size_t)b->options->images,
                                    (size_t)c->outputs, &setting};
  b->loss = b->objective->loss(b->d_output, &batch, b->scratch);
  if (wb_net_backward(b->net, b->d_output, NULL, &err)) stop(&err);
  add_topography(b);
  wb_adam_step(wb_net_weights(b->net), b->m, b->v, wb_net_gradients(b->net), wb_net_weight_count(b->net),
               &adam, number);
}

static void infer(bench *b) {
  wb_error err = {0};
  if (wb_net_infer(b->net, b->images, b->options->images, b->embedding, b->d_output, &err)) stop(&err);
  b->loss = wb_norm(b->d_output, (size_t)(b->options->images * b->options->config.outputs));
}

static int usage(void) {
  fprintf(stderr, "usage: bench_step ARCH BATCH [--work ce|supcon|inference] [--steps N] [--width W] "
                  "[--conv auto|onednn|winograd] [--recompute no|yes] [--profile no|yes]\n");
  return 2;
}

static int find(const char *const *names, const char *name) {
  for (int i = 0; names[i]; i++)
    if (!strcmp(names[i], name)) return i;
  return -1;
}

/* One option; false where there is no such one or its value is wrong. */
static bool set(options *o, const char *name, const char *value) {
  int choice = 0;
  if (!strcmp(name, "--steps"))
    o->steps = atoi(value);
  else if (!strcmp(name, "--width"))
    o->config.width = atoi(value);
  else if (!strcmp(name, "--work"))
    o->work = choice = find(work_names, value);
  else if (!strcmp(name, "--recompute"))
    o->config.recompute = (choice = find(switches, value)) == 1;
  else if (!strcmp(name, "--profile"))
    o->profile = (choice = find(switches, value)) == 1;
  else if (!strcmp(name, "--conv"))
    o->config.conv = (wb_conv_choice)(choice = find(conv_names, value));
  else
    return false;
  return choice >= 0;
}

/* The papers' settings of each network. */
static void settle(options *o, const char *arch) {
  wb_net_config *c = &o->config;
  const bool truong = !strncmp(arch, "truong", 6), grey = !strcmp(arch, "truong-mnist");
  c->arch = arch;
  c->channels = grey ? 1 : 3;
  c->height = c->img_width = grey ? 28 : 32;
  c->units = truong ? 121 : 256;
  c->dropout = 0.5f;
  c->training = o->work != INFERENCE;
  c->head = o->work == SUPCON ? WB_HEAD_PROJECTION : WB_HEAD_LINEAR;
  c->outputs = o->work == SUPCON ? FEATURES : CLASSES;
  c->batch = o->work == SUPCON ? 2 * o->images : o->images;
}

static void say(void *context, const char *text) {
  (void)context;
  fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv) {
  options o = {.steps = 7};
  if (argc < 3 || argc % 2 == 0) return usage();
  o.images = atoi(argv[2]);
  for (int i = 3; i < argc; i += 2)
    if (!set(&o, argv[i], argv[i + 1])) return usage();
  if (o.steps < 1) return usage();
  settle(&o, argv[1]);
  wb_error err = {0};
  if (o.profile && wb_profile_create(&o.config.profile, &err)) stop(&err);
  bench b = make(&o);
  double *seconds = need(malloc((size_t)o.steps * sizeof *seconds));
  for (int i = 0; i < o.steps; i++) {
    const double start = now();
    if (o.work == INFERENCE)
      infer(&b);
    else
      train(&b, i + 1);
    seconds[i] = now() - start;
  }
  struct rusage usage_now;
  getrusage(RUSAGE_SELF, &usage_now);
  printf("{\"arch\": \"%s\", \"work\": \"%s\", \"batch\": %d, \"width\": %d, \"conv\": \"%s\", "
         "\"convolutions\": \"%s\", \"loss\": %.9g, \"seconds\": [",
         argv[1], work_names[o.work], o.images, wb_net_get_config(b.net)->width, conv_names[o.config.conv],
         wb_net_conv_names(b.net), b.loss);
  for (int i = 0; i < o.steps; i++) printf("%s%.6f", i ? ", " : "", seconds[i]);
  printf("], \"peak_rss_kb\": %ld}\n", usage_now.ru_maxrss);
  wb_profile_report(o.config.profile, say, NULL);
  free(seconds);
  drop(&b);
  wb_profile_free(o.config.profile);
  return 0;
}
