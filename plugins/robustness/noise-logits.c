/* noise-logits.c: what a run's network answers to its test images under one type of noise.
 *
 * Noise is added to images in [0, 1], which are clamped, then normalised as in training
 * (plugins/stats/noise.h defines the types). The draw is a function of --seed, type, level and the image's
 * number alone: the same for every run. input-noise and ensemble read these logits; they are computed once
 * for each run and type and kept in the cache, so that an interrupted evaluation goes on where it stopped.
 *
 * accuracy: 1 is perfect, 1 / classes is chance.
 *
 * Sander & Hasson, Fig. 7.
 *
 *     workbench run noise-logits --in runs/x.h5 --noise pink --levels 0.05,0.1
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <omp.h>

#include "images.h"
#include "noise.h"
#include "noise_params.h"

typedef struct logits_params {
  int32_t kind; // wb_noise_kind
  wb_noise_params noise;
} logits_params;

static const char *const noise_choices[] = {"none", "white", "pink", "salt-pepper", NULL};

static const wb_param params_table[] = {
    {.name = "noise",
     .help = "type of noise",
     .type = WB_CHOICE,
     .choices = noise_choices,
     .default_text = "white",
     .offset = offsetof(logits_params, kind)},
    WB_NOISE_PARAM_ROWS(logits_params),
};

static const wb_input inputs_table[] = {WB_TESTED_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "accuracy",
     .title = "test accuracy",
     .help = "share of images whose largest logit is their class, over the level of noise",
     .higher_means = "better",
     .x_label = "noise level",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "logits",
     .help = "a row for each image, level by level",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE},
    {.name = "labels",
     .help = "true class of each image",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_CURVE,
     .plot = WB_PLOT_NONE},
};

typedef struct session {
  const wb_host *host;
  wb_tested tested;
  wb_noise *noise;
  uint64_t seed;
  const double *levels;
  size_t level_count;
  float *noisy, *out; // (WB_TESTED_BATCH, image), (WB_TESTED_BATCH, classes)
  double *scratch;    // (threads, wb_noise_scratch)
  double *logits;     // (level_count, count, classes)
  double *labels;     // (count)
  double *right;      // (level_count): images so far that were classified rightly
} session;

static void release_noise(void *noise) {
  wb_noise_free(noise);
}

static wb_status open(session *s, const logits_params *p) {
  static const double clean = 0;
  const wb_host *host = s->host;
  wb_tested *t = &s->tested;
  wb_error err = {0};
  WB_TRY(wb_tested_open(host, 0, (uint64_t)p->noise.images, t));
  s->seed = host->seed(host, "noise");
  s->levels = p->kind == WB_NOISE_NONE ? &clean : p->noise.levels.items;
  s->level_count = p->kind == WB_NOISE_NONE ? 1 : p->noise.levels.count;
  const wb_status status = wb_noise_make(&s->noise, (wb_noise_kind)p->kind, p->noise.exponent ? 0.5 : 1,
                                         t->channels, t->height, t->width, &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  WB_TRY(host->defer(host, release_noise, s->noise));
  s->noisy = WB_ALLOC(host, float, WB_TESTED_BATCH * t->pixels);
  s->out = WB_ALLOC(host, float, WB_TESTED_BATCH *(size_t)t->classes);
  s->scratch = WB_ALLOC(host, double, host->threads(host) * wb_noise_scratch(s->noise));
  s->logits = WB_ALLOC(host, double, s->level_count * t->count * t->classes);
  s->labels = WB_ALLOC(host, double, t->count);
  s->right = WB_ALLOC(host, double, s->level_count);
  if (!s->noisy || !s->out || !s->scratch || !s->logits || !s->labels || !s->right) return WB_NOMEM;
  for (size_t l = 0; l < s->level_count; l++) s->right[l] = 0;
  return WB_OK;
}

/* noisy = the images read last, n of them from number `first` on. */
static void add_noise(session *s, uint64_t first, uint32_t n, double level) {
  const size_t pixels = s->tested.pixels, scratch = wb_noise_scratch(s->noise);
#pragma omp parallel for schedule(static) num_threads((int)s->host->threads(s->host))
  for (uint32_t i = 0; i < n; i++)
    wb_noise_apply(s->noisy + i * pixels, s->tested.clean + i * pixels, s->noise, level, s->seed, first + i,
                   s->scratch + (size_t)omp_get_thread_num() * scratch);
}

static wb_status answer_batch(session *s, uint64_t first, uint32_t n, size_t level) {
  const size_t classes = s->tested.classes;
  double *out = s->logits + (level * s->tested.count + first) * classes;
  add_noise(s, first, n, s->levels[level]);
  WB_TRY(wb_tested_logits(s->host, &s->tested, s->noisy, n, s->out));
  for (size_t i = 0; i < n * classes; i++) out[i] = (double)s->out[i];
  for (uint32_t i = 0; i < n; i++)
    s->right[level] += (int32_t)wb_noise_answer(s->out + i * classes, classes) == s->tested.labels[i];
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  const logits_params *p = params;
  session s = {.host = host};
  WB_TRY(open(&s, p));
  const double all = (double)s.tested.count * (double)s.level_count;
  double done = 0;
  uint32_t n;
  for (uint64_t first = 0; first < s.tested.count; first += n) {
    WB_TRY(wb_tested_read(host, &s.tested, first, &n));
    for (uint32_t i = 0; i < n; i++) s.labels[first + i] = s.tested.labels[i];
    for (size_t l = 0; l < s.level_count; l++) {
      WB_TRY(answer_batch(&s, first, n, l));
      host->progress(host, done += n, all, noise_choices[p->kind]);
    }
  }
  const size_t count = s.tested.count;
  for (size_t l = 0; l < s.level_count; l++) s.right[l] /= (double)count;
  WB_TRY(host->emit_curve(host, "accuracy", s.level_count, s.levels, s.right));
  WB_TRY(host->emit_curve(host, "labels", count, NULL, s.labels));
  return host->emit_matrix(host, "logits", s.level_count * count, s.tested.classes, s.logits, NULL, NULL);
}

static wb_status check(const wb_host *host, const void *params) {
  return wb_noise_params_check(host, &((const logits_params *)params)->noise);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(logits_params),
    .id = "noise-logits",
    .version = "1.0",
    .title = "logits of test images under one type of noise",
    .summary = "Shows the network its test images with white, pink, or salt-and-pepper noise and keeps its "
               "logits, which input-noise and ensemble read. The noise is the same for every run. Accuracy 1 "
               "is perfect, 1 over the number of classes is chance.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 7",
    .example = "workbench run noise-logits --in runs/*.h5 --noise pink --levels 0.05,0.1",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
