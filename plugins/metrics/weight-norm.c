/* weight-norm.c: how long the units' weight vectors are.
 *
 *     norm = mean over units u of |w_u| ,   w_u = row u of the embedding layer's weight
 *
 * A topographic loss on distances between weights can be lowered by shrinking all weights as well as by
 * making neighbours alike: a norm far below that without topography is such a collapse. See
 * weight-topography.
 *
 * Sander & Hasson, Fig. 4b.
 *
 *     workbench run weight-norm --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <workbench/plugin_util.h>

#include "weight_rows.h"

static const wb_input inputs_table[] = {
    {.role = "embedding_weight",
     .help = "weight of the embedding layer",
     .object = "/roles/embedding_weight",
     .axes = {"unit", "fan_in"},
     .element = WB_F32,
     .rank = 2},
};

static const wb_output outputs_table[] = {
    {.name = "norm",
     .title = "mean weight norm",
     .help = "L2 norm of a unit's weights, mean over units",
     .higher_means = "longer weight vectors",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_ZERO_LINE},
    {.name = "spread",
     .title = "spread of weight norms",
     .help = "standard deviation over units, divided by the mean",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "map",
     .title = "weight norm",
     .help = "L2 norm of each unit's weights",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS},
};

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  const size_t units = dims[0], fan_in = dims[1];
  if (units == 0 || fan_in == 0)
    return wb_host_fail(host, WB_INPUT, "%s has an empty embedding weight", host->run_path(host, 0));
  float *w = WB_ALLOC(host, float, units *fan_in);
  double *norm = WB_ALLOC(host, double, units), mean = 0, square = 0;
  if (!w || !norm) return WB_NOMEM;
  WB_TRY(host->read(host, "embedding_weight", 0, 0, units, w));
  wb_row_norms(norm, w, units, fan_in);
  for (size_t u = 0; u < units; u++) mean += norm[u] / (double)units;
  for (size_t u = 0; u < units; u++) square += (norm[u] - mean) * (norm[u] - mean) / (double)units;
  WB_TRY(host->emit_scalar(host, "norm", mean));
  WB_TRY(mean > 0 ? host->emit_scalar(host, "spread", sqrt(square) / mean)
                  : host->emit_missing(host, "spread", "all weights are zero"));
  return host->emit_matrix(host, "map", 1, units, norm, NULL, NULL);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .id = "weight-norm",
    .version = "1.0",
    .title = "length of the units' weight vectors",
    .summary =
        "Mean L2 norm of the rows of the embedding layer's weight. Far below the norm without topography "
        "(the horizontal lines): the topographic loss was lowered by shrinking all weights, not only by "
        "making neighbours alike.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 4b",
    .example = "workbench run weight-norm --in runs/*.h5",
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
