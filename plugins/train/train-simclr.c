/* train-simclr.c: trains a network without labels, by telling an image from others under augmentation, with a
 * topographic loss; then a linear readout on the frozen embedding.
 *
 *   loss = (t / 0.07) simclr(normalised projections of two augmented views; temperature t) + lambda * topo
 *
 * Chen et al. 2020; Sander & Hasson, "Similar Accuracy but Different Topographies under Cross-Entropy and
 * Contrastive Learning".
 *
 *   workbench run train-simclr --rho 0.2 --seed 3
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train.h"

#define TEMPERATURE_ROW                                                                                      \
  WB_TRAIN_ROW("temperature", "loss", WB_FLOAT, temperature, .min = 0.001, .max = 100,                       \
               .help = "divides the similarities; unset for 0.07 in batches of 512 or more, else 0.1")

static const wb_param params_table[] = {WB_TRAIN_DATA_ROWS("contrastive"),
                                        WB_TRAIN_MODEL_ROWS,
                                        WB_TRAIN_PROJECTION_ROWS,
                                        TEMPERATURE_ROW,
                                        WB_TRAIN_TOPOGRAPHY_ROWS,
                                        WB_TRAIN_OPTIMISATION_ROWS("15", "64"),
                                        WB_TRAIN_READOUT_ROWS,
                                        WB_TRAIN_RUN_ROWS};

static wb_status check(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_simclr, params);
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_simclr, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_TRAIN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(wb_train_params),
    .id = "train-simclr",
    .version = WB_TRAIN_VERSION,
    .title = "contrastive learning without labels, with a topographic loss",
    .summary =
        "Trains a network, without labels, to give two random views of an image similar projections and "
        "those "
        "of different images dissimilar ones, while neighbouring units of its embedding layer are drawn to "
        "similar weights; then a linear readout on the frozen embedding. Writes a run file with the model, "
        "its history and its test activations.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Chen et al. 2020; Sander & Hasson, Similar Accuracy but Different Topographies under "
                 "Cross-Entropy and Contrastive Learning",
    .example = "workbench run train-simclr --rho 0.2 --seed 3",
    .params = WB_TABLE(params_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
