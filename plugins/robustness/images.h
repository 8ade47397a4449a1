/* images.h: what robustness plugins share: a run's network and its test images, a batch at a time.
 * Header-only; the rest of a call's rules are plugin.h's. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ROBUSTNESS_IMAGES_H
#define WB_ROBUSTNESS_IMAGES_H

#include <stdbool.h>
#include <workbench/plugin_util.h>

/* The rows of an input table that wb_tested_open needs. */
#define WB_TESTED_INPUTS                                                                                     \
  {.role = "model", .help = "the network", .kind = WB_MODEL}, {                                              \
    .role = "images", .help = "its test images", .kind = WB_IMAGES                                           \
  }

enum { WB_TESTED_BATCH = 256 };

typedef struct wb_tested {
  const wb_engine_1 *engine;
  wb_model *model;
  wb_imageset *images;
  uint64_t count;                   // test images
  uint32_t channels, height, width; // of an image
  uint32_t units, classes;          // of the embedding and of the classifier
  size_t pixels;                    // of an image, all channels
  uint8_t *bytes;                   // (WB_TESTED_BATCH, channels, height, width): what was read last
  int32_t *labels;                  // (WB_TESTED_BATCH): theirs, each one of the classes
  float *clean;                     // (WB_TESTED_BATCH, channels, height, width): the same in [0, 1]
} wb_tested;

/* The first `count` test images (0: all), one run at a time. WB_INPUT where the network has no classifier or
 * takes other images than these. */
static inline wb_status wb_tested_open(const wb_host *host, uint32_t run, uint64_t count, wb_tested *t) {
  uint32_t image[3], taken[3];
  *t = (wb_tested){.engine = host->service(host, "engine/1")};
  if (!t->engine) return host->fail(host, WB_UNSUPPORTED, "this host has no service engine/1");
  WB_TRY(t->engine->model(host, "model", run, WB_TESTED_BATCH, &t->model));
  WB_TRY(t->engine->images(host, "images", run, "test", &t->images));
  t->engine->model_shape(t->model, taken, &t->units, &t->classes);
  t->engine->images_shape(t->images, &t->count, image);
  if (!t->classes)
    return wb_host_fail(host, WB_INPUT, "%s has no classifier: neither a linear head nor a readout",
                        host->run_path(host, run));
  if (image[0] != taken[0] || image[1] != taken[1] || image[2] != taken[2])
    return wb_host_fail(host, WB_INPUT,
                        "%s takes images of %u x %u x %u (channels, height, width); the data set has "
                        "%u x %u x %u",
                        host->run_path(host, run), taken[0], taken[1], taken[2], image[0], image[1],
                        image[2]);
  if (count && count < t->count) t->count = count;
  t->channels = image[0];
  t->height = image[1];
  t->width = image[2];
  t->pixels = (size_t)image[0] * image[1] * image[2];
  t->bytes = WB_ALLOC(host, uint8_t, WB_TESTED_BATCH * t->pixels);
  t->clean = WB_ALLOC(host, float, WB_TESTED_BATCH * t->pixels);
  t->labels = WB_ALLOC(host, int32_t, WB_TESTED_BATCH);
  return t->bytes && t->clean && t->labels ? WB_OK : WB_NOMEM;
}

/* Reads the batch that begins at image `first` into bytes, clean and labels; how many in *n. */
static inline wb_status wb_tested_read(const wb_host *host, wb_tested *t, uint64_t first, uint32_t *n) {
  *n = t->count - first < WB_TESTED_BATCH ? (uint32_t)(t->count - first) : WB_TESTED_BATCH;
  WB_TRY(t->engine->images_read(host, t->images, first, *n, t->bytes, t->labels));
  for (size_t i = 0; i < *n * t->pixels; i++) t->clean[i] = (float)t->bytes[i] / 255;
  for (uint32_t i = 0; i < *n; i++)
    if (t->labels[i] < 0 || (uint32_t)t->labels[i] >= t->classes)
      return wb_host_fail(host, WB_INPUT, "test image %llu has label %d; %s tells %u classes",
                          (unsigned long long)(first + i), t->labels[i], host->run_path(host, 0), t->classes);
  return WB_OK;
}

/* logits (n, classes) of n images in [0, 1]; n up to WB_TESTED_BATCH. WB_CANCELLED when the user stopped. */
static inline wb_status wb_tested_logits(const wb_host *host, wb_tested *t, const float *images, uint32_t n,
                                         float *logits) {
  static const char *const layers[] = {"logits"};
  float *const outs[] = {logits};
  if (host->cancelled(host)) return WB_CANCELLED;
  return t->engine->forward(host, t->model, images, n, 1, layers, outs);
}

/* How many of the n images read last these logits (n, classes) classify rightly; ties go to the lowest class.
 */
static inline uint32_t wb_tested_right(const wb_tested *t, const float *logits, uint32_t n) {
  uint32_t right = 0;
  for (uint32_t i = 0; i < n; i++, logits += t->classes) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < t->classes; c++)
      if (logits[c] > logits[best]) best = c;
    right += best == (uint32_t)t->labels[i];
  }
  return right;
}

#endif
