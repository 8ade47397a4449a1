/* train-supcon.c: trains a network with the supervised contrastive loss and a topographic loss, then a linear
 * readout on the frozen embedding.
 *
 *   loss = supcon(normalised projections of two augmented views, label) + lambda * topo
 *
 * Khosla et al. 2020; Sander & Hasson, "Similar Accuracy but Different Topographies under Cross-Entropy and
 * Contrastive Learning".
 *
 *   workbench run train-supcon --rho 0.2 --seed 3
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train.h"

static const wb_param params_table[] = {WB_TRAIN_DATA_ROWS("contrastive"),
                                        WB_TRAIN_MODEL_ROWS,
                                        WB_TRAIN_PROJECTION_ROWS,
                                        WB_TRAIN_TEMPERATURE_ROWS,
                                        WB_TRAIN_TOPOGRAPHY_ROWS,
                                        WB_TRAIN_OPTIMISATION_ROWS("15", "64"),
                                        WB_TRAIN_READOUT_ROWS,
                                        WB_TRAIN_RUN_ROWS};

static wb_status check(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_supcon, params);
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_supcon, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_TRAIN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(wb_train_params),
    .id = "train-supcon",
    .version = WB_TRAIN_VERSION,
    .title = "supervised contrastive learning with a topographic loss",
    .summary =
        "Trains a network to give images of one class similar projections and those of different classes "
        "dissimilar ones, while neighbouring units of its embedding layer are drawn to similar weights; then "
        "a linear readout on the frozen embedding. Writes a run file with the model, its history and its "
        "test activations.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Khosla et al. 2020; Sander & Hasson, Similar Accuracy but Different Topographies under "
                 "Cross-Entropy and Contrastive Learning",
    .example = "workbench run train-supcon --rho 0.2 --seed 3",
    .params = WB_TABLE(params_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
