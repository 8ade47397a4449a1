/* train-margin.c: trains a network with the hierarchical margin loss and a topographic loss, then a linear
 * readout on the frozen embedding.
 *
 *   d_ij = 1 - cos(z_i, z_j) of the projections z of two images
 *   loss = mean over pairs of h(d_ij) + lambda * topo
 *   h(d) = max(0, d - 0.05)^2   within a class
 *          max(0, 0.3 - d)^2    between classes of one superclass
 *          max(0, 0.5 - d)^2    across superclasses
 *
 * Sander & Hasson, "Similar Accuracy but Different Topographies under Cross-Entropy and Contrastive
 * Learning".
 *
 *   workbench run train-margin --rho 0.2 --seed 3
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train.h"

#define MARGIN_ROWS                                                                                          \
  WB_TRAIN_ROW("margin-class", "loss", WB_FLOAT, margins[0], .default_text = "0.05", .min = 0, .max = 2,     \
               .help = "cosine distance that images of one class may have"),                                 \
      WB_TRAIN_ROW("margin-superclass", "loss", WB_FLOAT, margins[1], .default_text = "0.3", .min = 0,       \
                   .max = 2, .help = "distance that classes of one superclass must have"),                   \
      WB_TRAIN_ROW("margin-across", "loss", WB_FLOAT, margins[2], .default_text = "0.5", .min = 0, .max = 2, \
                   .help = "distance that superclasses must have")

static const wb_param params_table[] = {WB_TRAIN_DATA_ROWS("crop"), WB_TRAIN_MODEL_ROWS,
                                        WB_TRAIN_PROJECTION_ROWS,   MARGIN_ROWS,
                                        WB_TRAIN_TOPOGRAPHY_ROWS,   WB_TRAIN_OPTIMISATION_ROWS("15", "64"),
                                        WB_TRAIN_READOUT_ROWS,      WB_TRAIN_RUN_ROWS};

static wb_status check(const wb_host *host, const void *params) {
  return wb_train_check(host, &wb_objective_margin, params);
}

static wb_status run(const wb_host *host, const void *params) {
  return wb_train_run(host, &wb_objective_margin, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_TRAIN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(wb_train_params),
    .id = "train-margin",
    .version = WB_TRAIN_VERSION,
    .title = "hierarchical margin loss with a topographic loss",
    .summary =
        "Trains a network to give images of one class similar projections, those of different classes "
        "dissimilar ones, and those of different superclasses more dissimilar ones, while neighbouring units "
        "of its embedding layer are drawn to similar weights; then a linear readout on the frozen embedding. "
        "The data set says which classes form a superclass. Writes a run file with the model, its history "
        "and its test activations.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Similar Accuracy but Different Topographies under "
                 "Cross-Entropy and Contrastive Learning",
    .example = "workbench run train-margin --rho 0.2 --seed 3",
    .params = WB_TABLE(params_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
