/* train-ce.c: trains a network with softmax cross-entropy and a topographic loss.
 *
 *   loss = CE(fc(dropout(e)), label) + lambda * topo,   e = the embedding before ReLU
 *
 * Sander & Hasson, "Similar Accuracy but Different Topographies under Cross-Entropy and Contrastive
 * Learning".
 *
 *   workbench run train-ce --rho 0.2 --seed 3
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train.h"

static const wb_param params_table[] = {WB_TRAIN_DATA_ROWS("crop"), WB_TRAIN_MODEL_ROWS,
                                        WB_TRAIN_TOPOGRAPHY_ROWS, WB_TRAIN_OPTIMISATION_ROWS("15", "64"),
                                        WB_TRAIN_RUN_ROWS};

static wb_status check(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_ce, params);
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_ce, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_TRAIN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(wb_train_params),
    .id = "train-ce",
    .version = WB_TRAIN_VERSION,
    .title = "cross-entropy with a topographic loss",
    .summary =
        "Trains a network to classify images, while neighbouring units of its embedding layer are drawn to "
        "similar weights. Writes a run file with the model, its history and its test activations.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Similar Accuracy but Different Topographies under Cross-Entropy and "
                 "Contrastive Learning",
    .example = "workbench run train-ce --rho 0.2 --seed 3",
    .params = WB_TABLE(params_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
