/* test_batch_loader.c: batches made ahead equal those made one after the other, whatever the timing.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "batch_loader.h"

/* Stands before the system's, for a thread that cannot be had. */
static bool refuse_threads;
__attribute__((visibility("default"))) int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                                          void *(*start)(void *), void *context) {
  typedef int function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (refuse_threads) return EAGAIN;
  function *real;
  *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, start, context);
}

enum { COUNT = 37, SIZE = 12, PIXELS = 3 * SIZE * SIZE };

static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static wb_images images = {
    .count = COUNT, .channels = 3, .height = SIZE, .width = SIZE, .pixels = pixels, .labels = labels};

static int make_images(void **state) {
  (void)state;
  wb_rng rng = wb_rng_make(1, "pixels", 0);
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)wb_rng_u32(&rng);
  for (int i = 0; i < COUNT; i++) labels[i] = i; // a label names its image
  return 0;
}

static wb_loader_config config(const char *policy, uint32_t views) {
  return (wb_loader_config){.images = &images,
                            .batch = 8,
                            .least = 1,
                            .views = views,
                            .policy = policy ? wb_augment_find(policy) : NULL,
                            .stream = "train",
                            .mean = {0.5f, 0.4f, 0.3f},
                            .sd = {0.2f, 0.3f, 0.25f},
                            .seed = 9,
                            .shuffle = true};
}

static wb_loader *create(const wb_loader_config *c) {
  wb_error err = {0};
  wb_loader *loader;
  assert_int_equal(wb_loader_create(c, &loader, &err), WB_OK);
  assert_non_null(loader);
  return loader;
}

/* The batch's pixels as made here and now, by its labels. */
static void assert_content(const wb_batch *batch, const wb_loader_config *c, uint64_t epoch) {
  float *expected = malloc(PIXELS * sizeof *expected),
        *work = malloc(wb_augment_work(3, SIZE, SIZE) * sizeof *work);
  for (uint32_t v = 0; v < c->views; v++)
    for (size_t i = 0; i < batch->count; i++) {
      const size_t sample = (size_t)batch->labels[i];
      if (c->policy) {
        wb_augment_draw draw;
        wb_augment_sample(&draw, c->policy, SIZE, SIZE, c->seed, epoch, sample, v);
        wb_augment_apply(expected, pixels + sample * PIXELS, 3, SIZE, SIZE, c->policy, &draw, c->mean, c->sd,
                         work);
      } else {
        wb_normalize_images(expected, pixels + sample * PIXELS, 1, 3, SIZE, SIZE, c->mean, c->sd);
      }
      assert_memory_equal(batch->images + (v * batch->count + i) * PIXELS, expected,
                          PIXELS * sizeof *expected);
    }
  free(expected);
  free(work);
}

/* Runs an epoch, pausing up to `pause` microseconds between batches; order (COUNT) receives the labels.
 * Returns the number of images. */
static size_t run(wb_loader *loader, const wb_loader_config *c, uint64_t epoch, unsigned pause,
                  int32_t *order) {
  size_t seen = 0, batches = 0;
  wb_rng rng = wb_rng_make(pause, "pause", epoch);
  wb_loader_start(loader, epoch);
  for (wb_batch b = wb_loader_next(loader); b.count; b = wb_loader_next(loader)) {
    if (pause) usleep(wb_rng_below(&rng, pause));
    assert_true((uintptr_t)b.images % 64 == 0);
    assert_content(&b, c, epoch);
    for (size_t i = 0; i < b.count; i++) order[seen++] = b.labels[i];
    batches++;
  }
  assert_int_equal(batches, wb_loader_batches(loader));
  assert_int_equal(wb_loader_next(loader).count, 0);
  return seen;
}

static void test_content_and_order(void **state) {
  (void)state;
  const char *const policies[] = {NULL, "none", "crop", "contrastive", "pad"};
  for (size_t p = 0; p < 5; p++)
    for (uint32_t views = 1; views <= 2; views++) {
      const wb_loader_config c = config(policies[p], views);
      wb_loader *loader = create(&c);
      assert_int_equal(wb_loader_batches(loader), 5);
      for (uint64_t epoch = 0; epoch < 3; epoch++) {
        int32_t order[2][COUNT];
        assert_int_equal(run(loader, &c, epoch, 0, order[0]), COUNT);
        assert_int_equal(run(loader, &c, epoch, 2000, order[1]), COUNT);
        assert_memory_equal(order[0], order[1], sizeof order[0]);
        int times[COUNT] = {0};
        for (int i = 0; i < COUNT; i++) times[order[0][i]]++;
        for (int i = 0; i < COUNT; i++) assert_int_equal(times[i], 1);
      }
      wb_loader_free(loader);
    }
}

static void test_order_depends_on_seed_epoch_and_stream(void **state) {
  (void)state;
  int32_t order[4][COUNT];
  for (int k = 0; k < 4; k++) {
    wb_loader_config c = config(NULL, 1);
    if (k == 1) c.seed++;
    if (k == 2) c.stream = "readout";
    wb_loader *loader = create(&c);
    run(loader, &c, k == 3, 0, order[k]);
    wb_loader_free(loader);
  }
  for (int k = 0; k < 4; k++)
    for (int j = k + 1; j < 4; j++) assert_memory_not_equal(order[k], order[j], sizeof order[k]);
}

static void test_samples_in_order(void **state) {
  (void)state;
  const uint32_t samples[5] = {30, 2, 2, 17, 0};
  wb_loader_config c = config(NULL, 1);
  c.samples = samples;
  c.sample_count = 5;
  c.shuffle = false;
  c.batch = 2;
  wb_loader *loader = create(&c);
  int32_t order[COUNT];
  assert_int_equal(run(loader, &c, 4, 0, order), 5);
  for (int i = 0; i < 5; i++) assert_int_equal(order[i], samples[i]);
  wb_loader_free(loader);
}

static void test_remainder(void **state) {
  (void)state;
  const size_t cases[][4] = {// batch, least, batches, images in the last
                             {8, 5, 5, 5},    {8, 6, 4, 8},    {8, 0, 5, 5},
                             {37, 37, 1, 37}, {36, 2, 1, 36},  {36, 1, 2, 1},
                             {50, 1, 1, 37},  {50, 37, 1, 37}, {1000000000, 0, 1, 37}};
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    wb_loader_config c = config(NULL, 1);
    c.batch = cases[k][0];
    c.least = cases[k][1];
    wb_loader *loader = create(&c);
    assert_int_equal(wb_loader_batches(loader), cases[k][2]);
    wb_loader_start(loader, 0);
    size_t last = 0;
    for (wb_batch b = wb_loader_next(loader); b.count; b = wb_loader_next(loader)) last = b.count;
    assert_int_equal(last, cases[k][3]);
    wb_loader_free(loader);
  }
}

static void test_restart_discards(void **state) {
  (void)state;
  const wb_loader_config c = config("contrastive", 2);
  wb_loader *loader = create(&c);
  int32_t order[COUNT], again[COUNT];
  assert_int_equal(wb_loader_next(loader).count, 0); // not started
  run(loader, &c, 6, 0, order);
  for (int taken = 0; taken < 5; taken++) {
    wb_loader_start(loader, 3);
    for (int i = 0; i < taken; i++) assert_int_equal(wb_loader_next(loader).count, i < 4 ? 8 : 5);
    assert_int_equal(run(loader, &c, 6, 0, again), COUNT);
    assert_memory_equal(order, again, sizeof order);
  }
  wb_loader_free(loader);
}

static void test_free_at_any_moment(void **state) {
  (void)state;
  for (int k = 0; k < 60; k++) {
    wb_loader_config c = config("contrastive", 2);
    c.batch = COUNT;
    wb_loader *loader = create(&c);
    if (k % 3) wb_loader_start(loader, 0);
    if (k % 3 == 2) wb_loader_next(loader);
    if (k % 2) usleep((unsigned)k * 10);
    wb_loader_free(loader);
  }
  wb_loader_free(NULL);
}

static void assert_refused(const wb_loader_config *c, wb_status status, const char *part) {
  wb_error err = {0};
  wb_loader *loader = (wb_loader *)&err;
  assert_int_equal(wb_loader_create(c, &loader, &err), status);
  assert_null(loader);
  assert_non_null(strstr(err.message, part));
}

static void test_errors(void **state) {
  (void)state;
  wb_loader_config c = config(NULL, 1);
  refuse_threads = true;
  assert_refused(&c, WB_NOMEM, "thread");
  refuse_threads = false;
  c.batch = 0;
  assert_refused(&c, WB_ARG, "batch size is 0");
  c = config(NULL, 3);
  assert_refused(&c, WB_ARG, "3 views");
  c = config(NULL, 1);
  c.batch = 64;
  c.least = 38;
  assert_refused(&c, WB_INPUT, "37 images");
  const uint32_t samples[2] = {36, 37};
  c = config(NULL, 1);
  c.samples = samples;
  c.sample_count = 2;
  assert_refused(&c, WB_ARG, "there are 37 images");
  c.sample_count = 0;
  assert_refused(&c, WB_INPUT, "0 images");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_content_and_order),
      cmocka_unit_test(test_order_depends_on_seed_epoch_and_stream),
      cmocka_unit_test(test_samples_in_order),
      cmocka_unit_test(test_remainder),
      cmocka_unit_test(test_restart_discards),
      cmocka_unit_test(test_free_at_any_moment),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, make_images, NULL);
}
