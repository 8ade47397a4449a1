/* train_internal.h: one training in progress, shared by train*.c and checkpoint.c. Private to the engine.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TRAIN_INTERNAL_H
#define WB_TRAIN_INTERNAL_H

#include "batch_loader.h"
#include "data/dataset.h"
#include "hdf5/runfile.h"
#include "net.h"
#include "optim.h"
#include "train.h"

/* A value an epoch; wb_series_names are the names in /history. */
typedef enum wb_series {
  WB_TRAIN_TASK_LOSS,
  WB_TRAIN_TOPO_LOSS,
  WB_LAMBDA, // of the last step
  WB_TRAIN_ACCURACY,
  WB_VAL_TASK_LOSS,
  WB_VAL_ACCURACY,
  WB_SECONDS,
  WB_IMAGES_PER_SECOND,
  WB_WEIGHT_NORM, // mean L2 norm of the embedding layer's rows
  WB_NORM_PENALTY,
  WB_TERM_LOSS,                                  // of several terms: of each, by wb_topo_kind
  WB_TERM_LAMBDA = WB_TERM_LOSS + WB_TOPO_KINDS, // likewise
  WB_SERIES = WB_TERM_LAMBDA + WB_TOPO_KINDS
} wb_series;

/* A value a step, with --log-steps. */
typedef enum wb_step_series {
  WB_STEP_TASK_LOSS,
  WB_STEP_TOPO_LOSS,
  WB_STEP_LAMBDA,
  WB_STEP_TERM_LOSS,
  WB_STEP_TERM_LAMBDA = WB_STEP_TERM_LOSS + WB_TOPO_KINDS,
  WB_STEP_SERIES = WB_STEP_TERM_LAMBDA + WB_TOPO_KINDS
} wb_step_series;

extern const char *const wb_series_names[WB_SERIES], *const wb_step_series_names[WB_STEP_SERIES];

typedef struct wb_trainer {
  const wb_host *host;
  const wb_objective *objective;
  const wb_train_params *params;
  wb_objective_setting setting;
  wb_target target;

  wb_dataset *data;
  uint32_t *held, *kept; // positions of validation and training images in data->train
  size_t held_count, kept_count;
  uint32_t *fixed; // with --batches: positions (steps, batch), in place of kept
  size_t fixed_count;
  size_t batch;                  // images per step
  wb_loader *train, *validation; // validation NULL where nothing is held out

  wb_profile *profile; // NULL without --profile
  wb_net *net;
  size_t weight_count, buffer_count;
  size_t rows, cols; // the grid
  wb_train_topo topo;
  wb_topography *topography;
  float *m, *v;                       // Adam's moments, as the weights arena
  float *d_output, *work;             // (views * batch, outputs); the objective's work
  float *best_weights, *best_buffers; // of the epoch to keep

  int64_t epoch, step;           // complete ones
  int64_t judged;                // epoch, counting from 1, of the best validation; 0 before the first
  double best;                   // its value, larger is better
  int64_t kept_epoch;            // whose weights are kept
  int64_t written;               // last epoch that the target has of this very run; 0 where it has none
  double least_total;            // for --keep best-total
  double *history[WB_SERIES];    // (epochs), NaN where a value does not apply
  double *steps[WB_STEP_SERIES]; // (step_capacity) or NULL
  int64_t step_capacity;
} wb_trainer;

/* train_setup.c; what is allocated is released by the host. First data and target, then the network with its
 * first weights, arrays and loaders. */
wb_status wb_trainer_prepare_data(wb_trainer *t, wb_error *err);
wb_status wb_trainer_prepare_net(wb_trainer *t, wb_error *err);

/* train_step.c: one step on a batch. Adds to sums: losses and right answers, times images, and images. */
typedef struct wb_step_sums {
  double task, right, images, norm_penalty;
  double topo[WB_TOPO_KINDS]; // of each term
} wb_step_sums;
wb_status wb_trainer_step(wb_trainer *t, const wb_batch *batch, wb_step_sums *sums, wb_error *err);

/* WB_NUMERIC: `what` has a value that is not finite in this step, counting from 1, of the epoch going on.
 * Names the tensor with the largest gradient. */
wb_status wb_trainer_diverged(const wb_trainer *t, int64_t step, const char *what, double value,
                              wb_error *err);
/* The same unless every weight is finite. */
wb_status wb_trainer_check_weights(const wb_trainer *t, wb_error *err);

/* train_finish.c: readout, test activations, and the complete run file. */
wb_status wb_trainer_finish(wb_trainer *t, wb_error *err);

/* checkpoint.c: what the run file holds. */

/* Exchanges the weights of the network and those that are kept. */
void wb_trainer_swap_best(wb_trainer *t);

/* snapshots.c: --snapshot-epochs. Whether the weights of the epoch just ended are one; and all so far, the
 * last from the network and the others from the target as it was, into a file that will replace it. */
bool wb_snapshot_due(const wb_trainer *t);
wb_status wb_snapshots_write(const wb_trainer *t, wb_h5 *file, wb_error *err);

/* What is known only at the end. */
typedef struct wb_train_result {
  const float *readout_weight,
      *readout_bias; // (classes, units), (classes); NULL where the head is the readout
  wb_runfile_activations activations;
} wb_train_result;

/* Writes the run file: state "training" with what --resume needs where `result` is NULL, else "complete". */
wb_status wb_checkpoint_write(wb_trainer *t, const wb_train_result *result, wb_error *err);
/* Whether the target holds this very run already and nothing is left to do. WB_INPUT where it holds another
 * run: the message names a parameter that differs. */
wb_status wb_checkpoint_is_complete(wb_trainer *t, bool *complete, wb_error *err);
/* Continues from what the target holds. */
wb_status wb_checkpoint_restore(wb_trainer *t, wb_error *err);
/* Sets the network from a state dict at the root or under /model. */
wb_status wb_checkpoint_load(wb_net *net, const char *path, wb_error *err);

#endif
