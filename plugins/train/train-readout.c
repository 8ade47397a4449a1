/* train-readout.c: trains a linear classifier on the frozen embedding of a run file's model, and writes a new
 * run file with it. What train-supcon, train-simclr and train-margin do at their end; on a model that was
 * trained with a classifier, another one in its place.
 *
 *   logits = W e + b,   e = the embedding as the run file's readout reads it; AdamW, cross-entropy
 *
 * Sander & Hasson, "Similar Accuracy but Different Topographies under Cross-Entropy and Contrastive
 * Learning".
 *
 *   workbench run train-readout --in runs/x.h5 --readout-augment pad
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "train_readout.h"

#include "train.h"

static const wb_param params_table[] = {
    WB_TRAIN_READOUT_ROWS,
    WB_TRAIN_ROW("validation-per-class", "readout", WB_INT, validation_per_class, .unit = "images", .min = 0,
                 .max = 1e9,
                 .help = "first training images of each class that judge epochs; unset: as in training"),
    WB_TRAIN_ROW("seed", "readout", WB_INT, seed, .min = 0, .max = 4294967295.0,
                 .help = "of first weights, order and augmentation; unset: the model's own")};

static const wb_input inputs_table[] = {
    {.role = "model", .help = "the network, whose encoder stays as it is", .kind = WB_MODEL},
    {.role = "images", .help = "to train the classifier on, and to test it with", .kind = WB_IMAGES}};

static wb_status run(const wb_host *host, const void *params) {
  return wb_train_readout_run(host, params);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_CONVERT,
    .flags = WB_THREADED | WB_NEEDS_ENGINE,
    .params_size = sizeof(wb_train_params),
    .id = "train-readout",
    .version = WB_TRAIN_VERSION,
    .title = "a linear classifier on a frozen encoder",
    .summary =
        "Trains a linear classifier on the embedding of a finished run's model, which stays as it is, and "
        "writes "
        "a new run file with the old model and history, the new classifier, and what both make of the test "
        "images. Contrastive training does the same at its end.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Similar Accuracy but Different Topographies under Cross-Entropy and "
                 "Contrastive Learning",
    .example = "workbench run train-readout --in runs/x.h5 --readout-augment pad",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
