/* embed.c: the activations of a saved model for any data set, as a run file of their own.
 *
 *   workbench run embed --in runs/x.h5 --data cifar10:DIR --layers layer4.1,avgpool
 *
 * The result holds the model, and under /activations/SPLIT the embedding before ReLU, logits where the model
 * has a classifier, and each further layer after ReLU; every metric reads it: --object
 * activations=/activations/test/LAYER.
 *
 * Batch norm uses the running statistics, as in every evaluation. --batch-norm batch is its training mode:
 * each batch of --batch images is normalised by its own mean and variance (the last batch may be smaller);
 * dropout stays off.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "embed.h"

static const wb_param params_table[] = {
    {.name = "data",
     .help = "images: builtin, cifar10:DIR, cifar100:DIR, mnist:DIR or h5:FILE; unset: those that the model "
             "was trained on",
     .type = WB_STRING,
     .offset = offsetof(wb_embed_params, data)},
    {.name = "split",
     .help = "which of them",
     .default_text = "test",
     .choices = wb_embed_splits,
     .type = WB_CHOICE,
     .offset = offsetof(wb_embed_params, split)},
    {.name = "layers",
     .help = "further layers, after ReLU, beside embedding and logits: conv1,layer4.1,avgpool",
     .type = WB_STRING_LIST,
     .offset = offsetof(wb_embed_params, layers)},
    {.name = "pool",
     .help = "layers with pixels: all values, or the mean over pixels of each channel",
     .default_text = "none",
     .choices = wb_embed_pools,
     .type = WB_CHOICE,
     .offset = offsetof(wb_embed_params, pool)},
    {.name = "batch-norm",
     .help = "statistics: the running ones of the model, or those of each batch, as in training",
     .default_text = "running",
     .choices = wb_embed_norms,
     .type = WB_CHOICE,
     .flags = WB_PARAM_ADVANCED,
     .offset = offsetof(wb_embed_params, batch_norm)},
    {.name = "batch",
     .help = "images at once",
     .unit = "images",
     .default_text = "256",
     .min = 1,
     .max = 65536,
     .type = WB_INT,
     .flags = WB_PARAM_ADVANCED,
     .offset = offsetof(wb_embed_params, batch)},
};

static const wb_input inputs_table[] = {
    {.role = "model", .help = "the network of the run file", .kind = WB_MODEL}};

static wb_status check(const wb_host *host, const void *params) {
  const wb_embed_params *p = params;
  return p->batch_norm == WB_EMBED_BATCH && p->layers.count
             ? host->fail(host, WB_ARG,
                          "--batch-norm batch gives the embedding and logits only; leave --layers away")
             : WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_embed_run(host, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_CONVERT,
    .flags = WB_THREADED,
    .params_size = sizeof(wb_embed_params),
    .id = "embed",
    .version = "1.0",
    .title = "activations of a saved model for any data set",
    .summary =
        "Runs a saved model over images and writes a run file with its activations: the embedding, logits, "
        "and any further layer. Every metric reads the result.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .example = "workbench run embed --in runs/x.h5 --data cifar10:DIR --layers layer4.1 --pool mean",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
