/* train.h: the training loop that every training plugin runs with its own objective.
 *
 * Data, first weights, epochs with validation and early stopping, checkpoints, readout, test activations, run
 * file: formats/SCHEMA.md says what is written, DEFINITIONS.md ("Balancing", "Training") what is computed.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TRAIN_H
#define WB_TRAIN_H

#include "objective.h"
#include "train_params.h"

#define WB_TRAIN_VERSION "1.0" /* of every training plugin */

/* The `run` of a training plugin. Failures are recorded with the host. WB_CANCELLED after the last complete
 * epoch was kept. */
wb_status wb_train_run(const wb_host *host, const wb_objective *objective, const wb_train_params *params);

#endif
