/* train_readout.h: a new readout for the model of a run file. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TRAIN_READOUT_H
#define WB_TRAIN_READOUT_H

#include "train_params.h"

/* The `run` of train-readout: roles "model" and "images". Of the parameters only the readout's, the seed and
 * validation_per_class count; the latter two, unset, are those that the model was trained with. Writes a run
 * file that holds the old one's model and history, and the new readout with its test activations. */
wb_status wb_train_readout_run(const wb_host *host, const wb_train_params *params);

#endif
