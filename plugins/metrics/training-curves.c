/* training-curves.c: how a training went: what its run file holds in /history, against the epoch.
 *
 * Losses, the weight lambda of the topographic loss, accuracies, and the mean L2 norm of the embedding
 * weight's rows, each a curve over epochs 1, 2, ..; a series that does not apply is missing (accuracies under
 * contrastive objectives, the topographic loss without topography, validation where nothing was held out).
 *
 *     workbench run training-curves --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <workbench/plugin_util.h>

#define SERIES(name_, title_, help_, low_, high_, flags_)                                                    \
  {                                                                                                          \
    .name = (name_), .title = (title_), .help = (help_), .x_label = "epoch", .low = (low_), .high = (high_), \
    .reference = NAN, .shape = WB_CURVE, .flags = (flags_) | WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_OWN_SCALE  \
  }

#define LAST(name_, title_, help_, higher_, low_, high_)                                                     \
  {                                                                                                          \
    .name = (name_), .title = (title_), .help = (help_), .higher_means = (higher_), .low = (low_),           \
    .high = (high_), .reference = NAN, .shape = WB_SCALAR, .plot = WB_PLOT_NONE,                             \
    .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING                                                   \
  }

static const wb_output outputs_table[] = {
    SERIES("train-loss", "training loss", "task loss, mean over the epoch's images while weights move",
           -INFINITY, INFINITY, WB_OUTPUT_HEADLINE),
    SERIES("val-loss", "validation loss", "task loss of held-out images after the epoch", -INFINITY, INFINITY,
           0),
    SERIES("train-accuracy", "training accuracy", "of the passes of the training loss", 0, 1, 0),
    SERIES("val-accuracy", "validation accuracy", "of held-out images after the epoch", 0, 1, 0),
    SERIES("weight-norm", "mean weight norm", "mean L2 norm of the embedding weight's rows after the epoch",
           0, INFINITY, 0),
    SERIES("topo-loss", "topographic loss", "mean over the epoch's images", -INFINITY, INFINITY, 0),
    SERIES("lambda", "\xce\xbb", "weight of the topographic loss in the epoch's last step", 0, INFINITY, 0),
    SERIES("topo-loss-ws", "weight-similarity loss", "of several topographic losses", -INFINITY, INFINITY, 0),
    SERIES("lambda-ws", "\xce\xbb of weight similarity", "of several topographic losses", 0, INFINITY, 0),
    SERIES("topo-loss-as", "activation-similarity loss", "of several topographic losses", -INFINITY, INFINITY,
           0),
    SERIES("lambda-as", "\xce\xbb of activation similarity", "of several topographic losses", 0, INFINITY, 0),
    SERIES("topo-loss-global", "global topographic loss", "of several topographic losses", -INFINITY,
           INFINITY, 0),
    SERIES("lambda-global", "\xce\xbb of the global loss", "of several topographic losses", 0, INFINITY, 0),
    LAST("epochs", "epochs", "that ran", NULL, 1, INFINITY),
    LAST("last-loss", "training loss", "of the last epoch", NULL, -INFINITY, INFINITY),
    LAST("last-accuracy", "validation accuracy", "of the last epoch", "better", 0, 1),
};

#define HISTORY(series, help_, flags_)                                                                       \
  {                                                                                                          \
    .role = (series), .help = (help_), .object = "/history/" series, .axes = {"epoch"}, .element = WB_F64,   \
    .rank = 1, .flags = (flags_)                                                                             \
  }

/* In the order of the outputs. */
static const wb_input inputs_table[] = {
    HISTORY("train_task_loss", "task loss of each epoch", 0),
    HISTORY("val_task_loss", "task loss of held-out images", WB_INPUT_OPTIONAL),
    HISTORY("train_accuracy", "of objectives with a classifier", WB_INPUT_OPTIONAL),
    HISTORY("val_accuracy", "of objectives with a classifier", WB_INPUT_OPTIONAL),
    HISTORY("weight_norm", "of the embedding layer", WB_INPUT_OPTIONAL),
    HISTORY("train_topo_loss", "with a topographic loss", WB_INPUT_OPTIONAL),
    HISTORY("lambda", "with a topographic loss", WB_INPUT_OPTIONAL),
    HISTORY("train_topo_loss_ws", "with several topographic losses", WB_INPUT_OPTIONAL),
    HISTORY("lambda_ws", "with several topographic losses", WB_INPUT_OPTIONAL),
    HISTORY("train_topo_loss_as", "with several topographic losses", WB_INPUT_OPTIONAL),
    HISTORY("lambda_as", "with several topographic losses", WB_INPUT_OPTIONAL),
    HISTORY("train_topo_loss_global", "with several topographic losses", WB_INPUT_OPTIONAL),
    HISTORY("lambda_global", "with several topographic losses", WB_INPUT_OPTIONAL),
};

enum { SERIES_COUNT = sizeof inputs_table / sizeof *inputs_table, VAL_ACCURACY = 3 };

/* One series as a curve; *last is its last value, left alone where it is missing. */
static wb_status emit_series(const wb_host *host, size_t s, const double *epochs, uint64_t n, double *values,
                             double *last) {
  const char *role = inputs_table[s].role, *output = outputs_table[s].name;
  if (!host->has(host, role, 0))
    return host->emit_missing(host, output, "the run's history does not have it");
  WB_TRY(host->read(host, role, 0, 0, n, values));
  *last = values[n - 1];
  return host->emit_curve(host, output, n, epochs, values);
}

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  uint64_t dims[WB_MAX_RANK];
  double last[SERIES_COUNT];
  WB_TRY(host->shape(host, inputs_table[0].role, 0, dims));
  const uint64_t n = dims[0];
  if (n == 0) return wb_host_fail(host, WB_INPUT, "%s has a history of no epochs", host->run_path(host, 0));
  double *epochs = WB_ALLOC(host, double, n), *values = WB_ALLOC(host, double, n);
  if (!epochs || !values) return WB_NOMEM;
  for (uint64_t e = 0; e < n; e++) epochs[e] = (double)(e + 1);
  for (size_t s = 0; s < SERIES_COUNT; s++) {
    last[s] = NAN;
    WB_TRY(emit_series(host, s, epochs, n, values, &last[s]));
  }
  WB_TRY(host->emit_scalar(host, "epochs", (double)n));
  WB_TRY(host->emit_scalar(host, "last-loss", last[0]));
  return wb_host_emit_or_missing(host, "last-accuracy", last[VAL_ACCURACY],
                                 "the run's history does not have it");
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .id = "training-curves",
    .version = "1.0",
    .title = "losses, lambda, accuracy and weight norm over epochs",
    .summary = "What a run's history says of each epoch of its training. Loss still falling at the end: more "
               "epochs would "
               "help; validation worse while training gets better: overfitting; a weight norm that falls "
               "throughout: the topographic loss shrinks all weights.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .example = "workbench run training-curves --in runs/*.h5",
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
