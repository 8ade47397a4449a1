/* embed.h: activations of a saved model for any data set: what plugins/train/embed.c runs.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_EMBED_H
#define WB_EMBED_H

#include <workbench/plugin_util.h>

enum { WB_EMBED_TEST, WB_EMBED_TRAIN };
enum { WB_EMBED_POOL_NONE, WB_EMBED_POOL_MEAN };
enum { WB_EMBED_RUNNING, WB_EMBED_BATCH };

extern const char *const wb_embed_splits[], *const wb_embed_pools[], *const wb_embed_norms[];

typedef struct wb_embed_params {
  const char *data; // NULL: what the model was trained on
  int32_t split, pool, batch_norm;
  wb_string_list layers;
  int64_t batch;
} wb_embed_params;

wb_status wb_embed_run(const wb_host *host, const wb_embed_params *params);

#endif
