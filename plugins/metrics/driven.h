/* driven.h: what metrics that show made stimuli to the network share: its embedding, a batch at a time.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DRIVEN_H
#define WB_DRIVEN_H

#include "unit_map.h"

enum { WB_DRIVEN_BATCH = 64 };

/* The rows of an input table that wb_driven_open needs: the network, and its units' place on the grid. */
#define WB_DRIVEN_INPUTS                                                                                     \
  {.role = "model", .help = "the network", .kind = WB_MODEL}, {                                              \
    .role = "embedding_weight", .help = "weight of the embedding layer: how many units, and their grid",     \
    .object = "/roles/embedding_weight", .axes = {"unit", "fan_in"}, .element = WB_F32, .rank = 2            \
  }

typedef struct wb_driven {
  const wb_engine_1 *engine;
  wb_model *model;
  uint32_t channels, height, width, units;
  size_t pixels;   // of an image, all channels
  float *images;   // (WB_DRIVEN_BATCH, channels, height, width), in [0, 1]: fill them
  float *response; // (WB_DRIVEN_BATCH, units): the embedding before ReLU
} wb_driven;

static inline wb_status wb_driven_open(const wb_host *host, wb_driven *d) {
  uint32_t image[3], classes;
  uint64_t dims[WB_MAX_RANK];
  *d = (wb_driven){.engine = host->service(host, "engine/1")};
  if (!d->engine) return host->fail(host, WB_UNSUPPORTED, "this host has no service engine/1");
  WB_TRY(d->engine->model(host, "model", 0, WB_DRIVEN_BATCH, &d->model));
  d->engine->model_shape(d->model, image, &d->units, &classes);
  WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  if (dims[0] != d->units)
    return wb_host_fail(host, WB_INPUT, "%s: the embedding weight has %llu rows, the network %u units",
                        host->run_path(host, 0), (unsigned long long)dims[0], d->units);
  d->channels = image[0];
  d->height = image[1];
  d->width = image[2];
  d->pixels = (size_t)image[0] * image[1] * image[2];
  d->images = WB_ALLOC(host, float, WB_DRIVEN_BATCH * d->pixels);
  d->response = WB_ALLOC(host, float, (size_t)WB_DRIVEN_BATCH * d->units);
  return d->images && d->response ? WB_OK : WB_NOMEM;
}

/* response = the embedding of the first n images; n up to WB_DRIVEN_BATCH. */
static inline wb_status wb_driven_show(const wb_host *host, wb_driven *d, uint32_t n) {
  static const char *const layers[] = {"embedding"};
  float *const outs[] = {d->response};
  if (host->cancelled(host)) return WB_CANCELLED;
  return d->engine->forward(host, d->model, d->images, n, 1, layers, outs);
}

#endif
