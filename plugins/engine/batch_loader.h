/* batch_loader.h: batches of augmented images, made by a helper thread while the network works on the one
 * before.
 *
 * The order of samples is a shuffle drawn from (seed, epoch); batch b of an epoch holds samples b*batch .. of
 * it, the last one what remains (dropped where fewer than `least` remain). Views of a batch follow each
 * other: first all images in their first view, then in their second. Augmentation draws from (seed, epoch,
 * position of the image, view). Timing never changes what a batch holds. One thread at a time uses a loader.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_BATCH_LOADER_H
#define WB_BATCH_LOADER_H

#include "augment.h"
#include "base/error.h"
#include "data/dataset.h"

typedef struct wb_loader_config {
  const wb_images *images; // outlives the loader
  const uint32_t *samples; // (sample_count) positions in images, or NULL for all; outlives the loader
  size_t sample_count;
  size_t batch, least;             // images per batch; the smallest remainder worth a step
  uint32_t views;                  // 1 or 2
  const wb_augment_policy *policy; // NULL: none
  const char *stream;              // name of the random stream, e.g. "train"; outlives the loader
  float mean[4], sd[4];
  uint64_t seed;
  bool shuffle;
} wb_loader_config;

typedef struct wb_batch {
  const float *images;   // (views * count, channels, height, width), valid until the next call
  const int32_t *labels; // (count)
  size_t count;          // images, not views
} wb_batch;

typedef struct wb_loader wb_loader;

/* WB_ARG for a batch of 0, other than 1 or 2 views or a sample out of range, WB_INPUT for too few images to
 * make a batch, WB_NOMEM (also where the thread cannot be had). Nothing is prepared before wb_loader_start.
 */
wb_status wb_loader_create(const wb_loader_config *config, wb_loader **out, wb_error *err);
void wb_loader_free(wb_loader *loader);            // at any moment; NULL is fine
size_t wb_loader_batches(const wb_loader *loader); // per epoch

/* Starts an epoch from its first batch; whatever was being prepared is discarded. */
void wb_loader_start(wb_loader *loader, uint64_t epoch);
/* The next batch, waited for if need be; count 0 after the last, and before the first start. */
wb_batch wb_loader_next(wb_loader *loader);

#endif
