/* batch_loader.c: batches made ahead by one helper thread. See batch_loader.h.
 *
 * Two slots: while the caller works on one, the helper fills the other. What a batch holds is a function of
 * the configuration, the epoch and its number alone, so timing cannot change it.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "batch_loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

typedef enum task { NOTHING, MAKE, QUIT } task;

typedef struct slot {
  float *images;   // (views * batch, channels, height, width)
  int32_t *labels; // (batch)
  size_t count;
} slot;

struct wb_loader {
  wb_loader_config config;
  wb_augment_policy policy;
  size_t batches, pixels; // per epoch; per image
  slot slots[2];
  float *work;
  uint32_t *order; // (sample_count) positions in images; changed only while the helper is idle
  uint64_t epoch;
  size_t next; // batch that the next call returns
  pthread_t helper;
  bool has_helper, has_lock;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  task task;     // under lock; the helper sets it back to NOTHING when it has done it
  size_t making; // batch to make, under lock
  atomic_bool discard;
};

static size_t batch_count(const wb_loader *l, size_t batch) {
  const size_t left = l->config.sample_count - batch * l->config.batch;
  return left < l->config.batch ? left : l->config.batch;
}

static void make_image(const wb_loader *l, float *out, size_t sample, uint32_t view) {
  const wb_images *images = l->config.images;
  const int channels = (int)images->channels, height = (int)images->height, width = (int)images->width;
  const uint8_t *pixels = images->pixels + sample * l->pixels;
  if (!l->config.policy) {
    wb_normalize_images(out, pixels, 1, channels, height, width, l->config.mean, l->config.sd);
    return;
  }
  wb_augment_draw draw;
  wb_augment_sample(&draw, &l->policy, height, width, l->config.seed, l->epoch, sample, view);
  wb_augment_apply(out, pixels, channels, height, width, &l->policy, &draw, l->config.mean, l->config.sd,
                   l->work);
}

static void make_batch(wb_loader *l, size_t batch) {
  slot *s = &l->slots[batch % 2];
  const uint32_t *order = l->order + batch * l->config.batch;
  s->count = batch_count(l, batch);
  for (size_t i = 0; i < s->count; i++) s->labels[i] = l->config.images->labels[order[i]];
  for (uint32_t v = 0; v < l->config.views; v++)
    for (size_t i = 0; i < s->count && !atomic_load_explicit(&l->discard, memory_order_relaxed); i++)
      make_image(l, s->images + (v * s->count + i) * l->pixels, order[i], v);
}

static void *help(void *context) {
  wb_loader *l = context;
  pthread_mutex_lock(&l->lock);
  while (l->task != QUIT) {
    if (l->task == NOTHING) {
      pthread_cond_wait(&l->changed, &l->lock);
      continue;
    }
    const size_t batch = l->making;
    pthread_mutex_unlock(&l->lock);
    make_batch(l, batch);
    pthread_mutex_lock(&l->lock);
    if (l->task == MAKE) l->task = NOTHING;
    pthread_cond_broadcast(&l->changed);
  }
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

/* Called with the lock held, as are the next two. */
static void wait_until_idle(wb_loader *l) {
  while (l->task == MAKE) pthread_cond_wait(&l->changed, &l->lock);
}

static void ask_for(wb_loader *l, size_t batch) {
  if (batch >= l->batches) return;
  l->making = batch;
  l->task = MAKE;
  pthread_cond_broadcast(&l->changed);
}

/* Signals are the main thread's business. */
static wb_status start_helper(wb_loader *l, wb_error *err) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int code = pthread_create(&l->helper, NULL, help, l);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code)
    return wb_fail(err, WB_NOMEM, "cannot start the thread that prepares batches: %s", strerror(code));
  l->has_helper = true;
  return WB_OK;
}

static wb_status check(const wb_loader_config *c, size_t samples, wb_error *err) {
  if (c->batch == 0) return wb_fail(err, WB_ARG, "the batch size is 0, expected at least 1");
  if (c->views < 1 || c->views > 2)
    return wb_fail(err, WB_ARG, "%u views of each image asked for, expected 1 or 2", c->views);
  if (c->images->channels < 1 || c->images->channels > 4)
    return wb_fail(err, WB_ARG, "images have %u channels, expected 1 to 4", c->images->channels);
  const size_t least = c->least > 1 ? c->least : 1;
  if (samples == 0 || (samples < c->batch && samples < least))
    return wb_fail(err, WB_INPUT,
                   "there are %zu images for stream \"%s\", expected at least %zu to make a batch", samples,
                   c->stream, least < c->batch ? least : c->batch);
  for (size_t i = 0; c->samples && i < samples; i++)
    if (c->samples[i] >= c->images->count)
      return wb_fail(err, WB_ARG, "sample %zu is image %u, but there are %zu images", i, c->samples[i],
                     c->images->count);
  return WB_OK;
}

static wb_status allocate(wb_loader *l, wb_error *err) {
  const wb_images *images = l->config.images;
  size_t floats, bytes;
  if (__builtin_mul_overflow(l->config.batch * l->config.views, l->pixels, &floats) ||
      __builtin_mul_overflow(floats, sizeof(float), &bytes) || l->config.batch > SIZE_MAX / 8)
    return wb_fail_nomem(err, "a batch of images", SIZE_MAX);
  bytes = (bytes + 63) / 64 * 64;
  for (int i = 0; i < 2; i++) {
    l->slots[i].images = aligned_alloc(64, bytes);
    l->slots[i].labels = malloc(l->config.batch * sizeof(int32_t));
    if (!l->slots[i].images || !l->slots[i].labels) return wb_fail_nomem(err, "a batch of images", bytes);
  }
  const size_t work = wb_augment_work((int)images->channels, (int)images->height, (int)images->width);
  l->work = malloc(work * sizeof(float));
  l->order = malloc(l->config.sample_count * sizeof *l->order);
  if (!l->work || !l->order)
    return wb_fail_nomem(err, "the order of the images", l->config.sample_count * sizeof *l->order);
  return WB_OK;
}

wb_status wb_loader_create(const wb_loader_config *config, wb_loader **out, wb_error *err) {
  *out = NULL;
  const size_t samples = config->samples ? config->sample_count : config->images->count;
  wb_status status = check(config, samples, err);
  if (status) return status;
  wb_loader *l = calloc(1, sizeof *l);
  if (!l) return wb_fail_nomem(err, "a loader", sizeof *l);
  l->config = *config;
  l->config.sample_count = samples;
  if (l->config.batch > samples) l->config.batch = samples; // one batch holds them all
  if (config->policy) l->policy = *config->policy;
  const size_t rest = samples % l->config.batch;
  l->batches = samples / l->config.batch + (rest > 0 && rest >= config->least);
  l->pixels = (size_t)config->images->channels * config->images->height * config->images->width;
  atomic_init(&l->discard, false);
  status = allocate(l, err);
  if (status) goto done;
  l->next = l->batches; // nothing to return until started
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->changed, NULL);
  l->has_lock = true;
  status = start_helper(l, err);
done:
  if (status) {
    wb_loader_free(l);
    l = NULL;
  }
  *out = l;
  return status;
}

void wb_loader_free(wb_loader *l) {
  if (!l) return;
  if (l->has_helper) {
    atomic_store(&l->discard, true);
    pthread_mutex_lock(&l->lock);
    l->task = QUIT;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->helper, NULL);
  }
  if (l->has_lock) {
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
  }
  for (int i = 0; i < 2; i++) {
    free(l->slots[i].images);
    free(l->slots[i].labels);
  }
  free(l->work);
  free(l->order);
  free(l);
}

size_t wb_loader_batches(const wb_loader *l) {
  return l->batches;
}

void wb_loader_start(wb_loader *l, uint64_t epoch) {
  atomic_store(&l->discard, true);
  pthread_mutex_lock(&l->lock);
  wait_until_idle(l);
  atomic_store(&l->discard, false);
  l->epoch = epoch;
  l->next = 0;
  for (size_t i = 0; i < l->config.sample_count; i++)
    l->order[i] = l->config.samples ? l->config.samples[i] : (uint32_t)i;
  if (l->config.shuffle) {
    wb_rng rng = wb_rng_make(l->config.seed, l->config.stream, epoch);
    wb_rng_shuffle(&rng, l->order, l->config.sample_count);
  }
  ask_for(l, 0);
  pthread_mutex_unlock(&l->lock);
}

wb_batch wb_loader_next(wb_loader *l) {
  if (l->next >= l->batches) return (wb_batch){0};
  pthread_mutex_lock(&l->lock);
  wait_until_idle(l);
  const slot *s = &l->slots[l->next % 2];
  l->next++;
  ask_for(l, l->next);
  pthread_mutex_unlock(&l->lock);
  return (wb_batch){.images = s->images, .labels = s->labels, .count = s->count};
}
