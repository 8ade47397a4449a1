/* train_params.h: the parameters that all training plugins share: their struct and the rows of their tables.
 *
 * A plugin's table is put together from the groups below, so that help, parameter files and what is stored
 * with a model read alike everywhere. Rows whose default depends on the objective take it as an argument.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TRAIN_PARAMS_H
#define WB_TRAIN_PARAMS_H

#include <workbench/plugin_util.h>

#include "hdf5/runfile.h"
#include "objective.h"
#include "topography.h"

enum { WB_ARCH_SHALLOWCNN, WB_ARCH_RESNET18 };
enum { WB_BALANCE_EMBEDDING, WB_BALANCE_ENCODER };
enum { WB_KEEP_BEST, WB_KEEP_LAST, WB_KEEP_BEST_TOTAL };
enum { WB_SCHEDULE_COSINE, WB_SCHEDULE_CONSTANT };

extern const char *const wb_train_readout_augments[]; // names of augmentation policies, "none" first

extern const char *const wb_train_archs[],
    *const wb_train_augments[], *const wb_train_distances[], *const wb_train_means[],
                                                                 *const wb_train_balances[],
                                                                     *const wb_train_keeps[],
                                                                         *const wb_train_schedules[],
                                                                             *const wb_train_convs[];

typedef struct wb_train_params {
  const char *data;
  int64_t validation_per_class;
  int32_t augment;

  int32_t arch;
  int64_t width, units, projection_dim;
  const char *grid;
  double dropout;

  double temperature; // 0 in objectives without one, NaN for the batch's own
  double margins[3];  // of the margin objective: same class, same superclass, another superclass

  wb_string_list topo, topo_layers;
  int32_t topo_distance, topo_mean, balance_over;
  double rho, lambda, norm_penalty;

  int64_t epochs, batch, patience;
  double rate;
  int32_t keep;

  double readout_rate; // of contrastive objectives
  int64_t readout_epochs, readout_patience, readout_batch;
  int32_t readout_schedule, readout_augment;

  int64_t seed, checkpoint_every, max_steps;
  wb_int_list snapshot_epochs;
  int32_t conv, log_steps, recompute, profile;
  const char *init, *batches;
} wb_train_params;

/* One row; what follows the field are further members of wb_param. */
#define WB_TRAIN_ROW(row_name, row_group, row_type, field, ...)                                              \
  {                                                                                                          \
    .name = (row_name), .group = (row_group), .type = (row_type),                                            \
    .offset = offsetof(wb_train_params, field), __VA_ARGS__                                                  \
  }

#define WB_TRAIN_DATA_ROWS(default_augment)                                                                  \
  WB_TRAIN_ROW("data", "data", WB_STRING, data, .default_text = "builtin",                                   \
               .help = "builtin, cifar10:DIR, cifar100:DIR, mnist:DIR or h5:FILE; ,train=N,test=N after it " \
                       "takes a subset"),                                                                    \
      WB_TRAIN_ROW("validation-per-class", "data", WB_INT, validation_per_class, .default_text = "50",       \
                   .unit = "images", .min = 0, .max = 1e9,                                                   \
                   .help = "first images of each class that are held out to judge epochs; 0 for none"),      \
      WB_TRAIN_ROW("augment", "data", WB_CHOICE, augment, .default_text = (default_augment),                 \
                   .choices = wb_train_augments,                                                             \
                   .help =                                                                                   \
                       "random changes of training images: crops and flips; also colours and blur; shifts")

#define WB_TRAIN_MODEL_ROWS                                                                                  \
  WB_TRAIN_ROW("arch", "model", WB_CHOICE, arch, .default_text = "shallowcnn", .choices = wb_train_archs,    \
               .help = "the network"),                                                                       \
      WB_TRAIN_ROW("width", "model", WB_INT, width, .default_text = "0", .unit = "channels", .min = 0,       \
                   .max = 1024, .flags = WB_PARAM_ADVANCED,                                                  \
                   .help = "channels of the first stage, a multiple of 8; 0 for the network's own"),         \
      WB_TRAIN_ROW("units", "model", WB_INT, units, .default_text = "0", .min = 0, .max = 65536,             \
                   .help = "units of the embedding layer; 0 for the network's own: 256, truong nets 121"),   \
      WB_TRAIN_ROW(                                                                                          \
          "grid", "model", WB_STRING, grid,                                                                  \
          .help = "rows x columns that the units lie on, such as 16x16; unset for closest to a square"),     \
      WB_TRAIN_ROW("dropout", "model", WB_FLOAT, dropout, .default_text = "0.5", .min = 0, .max = 0.99,      \
                   .help = "probability, after the embedding layer")

#define WB_TRAIN_PROJECTION_ROWS                                                                             \
  WB_TRAIN_ROW("projection-dim", "model", WB_INT, projection_dim, .default_text = "128", .min = 2,           \
               .max = 65536, .help = "dimensions of the projection head")

#define WB_TRAIN_TEMPERATURE_ROWS                                                                            \
  WB_TRAIN_ROW("temperature", "loss", WB_FLOAT, temperature, .default_text = "0.07", .min = 0.001,           \
               .max = 100, .help = "divides the similarities")

#define WB_TRAIN_TOPOGRAPHY_ROWS                                                                             \
  WB_TRAIN_ROW(                                                                                              \
      "topo", "topography", WB_STRING_LIST, topo, .default_text = "ws",                                      \
      .help = "losses that make neighbouring units alike: ws in their weights, as in their activations; "    \
              "global over all pairs; or none. With weights of their own: ws:0.2,as:0.1"),                   \
      WB_TRAIN_ROW("rho", "topography", WB_FLOAT, rho, .default_text = "0.2", .min = 0, .max = 1e6,          \
                   .help = "size of a topographic gradient relative to the task's"),                         \
      WB_TRAIN_ROW("lambda", "topography", WB_FLOAT, lambda, .min = 0, .max = 1e6,                           \
                   .help = "constant weight of a topographic loss, instead of --rho; weights in --topo are " \
                           "then constant too"),                                                             \
      WB_TRAIN_ROW("topo-distance", "topography", WB_CHOICE, topo_distance, .default_text = "l2",            \
                   .choices = wb_train_distances, .help = "ws: distance of two units' weights"),             \
      WB_TRAIN_ROW("topo-mean", "topography", WB_CHOICE, topo_mean, .default_text = "pair-mean",             \
                   .choices = wb_train_means,                                                                \
                   .help = "ws: mean over pairs, or the sum over units of the mean over their neighbours"),  \
      WB_TRAIN_ROW("topo-layers", "topography", WB_STRING_LIST, topo_layers,                                 \
                   .help = "convolutions on which the losses act too, such as conv3,conv4: their channels "  \
                           "lie on a grid closest to a square"),                                             \
      WB_TRAIN_ROW("balance-over", "topography", WB_CHOICE, balance_over, .default_text = "embedding",       \
                   .choices = wb_train_balances,                                                             \
                   .help = "ws: gradients that --rho compares, of the layers it acts on or of the encoder; " \
                           "as and global always compare the encoder's"),                                    \
      WB_TRAIN_ROW("norm-penalty", "topography", WB_FLOAT, norm_penalty, .default_text = "0", .min = 0,      \
                   .max = 1e6,                                                                               \
                   .help = "weight of a loss that keeps the norms of units' weights near their first mean")

#define WB_TRAIN_OPTIMISATION_ROWS(default_epochs, default_batch)                                            \
  WB_TRAIN_ROW("epochs", "optimisation", WB_INT, epochs, .default_text = (default_epochs), .min = 1,         \
               .max = 100000, .help = "the most passes over the training images"),                           \
      WB_TRAIN_ROW("batch", "optimisation", WB_INT, batch, .default_text = (default_batch),                  \
                   .unit = "images", .min = 2, .max = 65536, .help = "images per step"),                     \
      WB_TRAIN_ROW("lr", "optimisation", WB_FLOAT, rate, .default_text = "0.002", .min = 0, .max = 10,       \
                   .help = "learning rate of Adam"),                                                         \
      WB_TRAIN_ROW("patience", "optimisation", WB_INT, patience, .default_text = "25", .unit = "epochs",     \
                   .min = 0, .max = 100000,                                                                  \
                   .help = "stop after so many without a better validation; 0 for never"),                   \
      WB_TRAIN_ROW("keep", "optimisation", WB_CHOICE, keep, .default_text = "best",                          \
                   .choices = wb_train_keeps,                                                                \
                   .help = "epoch to keep: best validation, last, or least task + lambda topographic loss")

#define WB_TRAIN_READOUT_ROWS                                                                                \
  WB_TRAIN_ROW("readout-lr", "readout", WB_FLOAT, readout_rate, .default_text = "0.003", .min = 0,           \
               .max = 10, .help = "learning rate (AdamW) of the linear classifier on the frozen embedding"), \
      WB_TRAIN_ROW("readout-schedule", "readout", WB_CHOICE, readout_schedule, .default_text = "cosine",     \
                   .choices = wb_train_schedules, .flags = WB_PARAM_ADVANCED,                                \
                   .help = "3 epochs of warm-up and cosine decay to 1e-5, or constant"),                     \
      WB_TRAIN_ROW("readout-augment", "readout", WB_CHOICE, readout_augment, .default_text = "none",         \
                   .choices = wb_train_readout_augments, .flags = WB_PARAM_ADVANCED,                         \
                   .help = "training images as they are, or shifted by up to 4 pixels and flipped anew in "  \
                           "every epoch, which takes much longer"),                                          \
      WB_TRAIN_ROW("readout-epochs", "readout", WB_INT, readout_epochs, .default_text = "200", .min = 1,     \
                   .max = 100000, .flags = WB_PARAM_ADVANCED, .help = "the most epochs"),                    \
      WB_TRAIN_ROW("readout-patience", "readout", WB_INT, readout_patience, .default_text = "25",            \
                   .unit = "epochs", .min = 0, .max = 100000, .flags = WB_PARAM_ADVANCED,                    \
                   .help = "stop after so many without a better validation accuracy; 0 for never"),          \
      WB_TRAIN_ROW("readout-batch", "readout", WB_INT, readout_batch, .default_text = "2048",                \
                   .unit = "images", .min = 1, .max = 1e6, .flags = WB_PARAM_ADVANCED,                       \
                   .help = "images per step")

#define WB_TRAIN_RUN_ROWS                                                                                    \
  WB_TRAIN_ROW("seed", "run", WB_INT, seed, .default_text = "0", .min = 0, .max = 4294967295.0,              \
               .help = "of everything random: first weights, order, augmentation, dropout"),                 \
      WB_TRAIN_ROW("checkpoint-every", "run", WB_INT, checkpoint_every, .default_text = "1",                 \
                   .unit = "epochs", .min = 1, .max = 100000,                                                \
                   .flags = WB_PARAM_NOT_IDENTITY | WB_PARAM_ADVANCED,                                       \
                   .help = "how often what --resume needs is written"),                                      \
      WB_TRAIN_ROW("snapshot-epochs", "run", WB_INT_LIST, snapshot_epochs, .min = 1, .max = 100000,          \
                   .flags = WB_PARAM_ADVANCED,                                                               \
                   .help = "epochs after which the weights are kept as well, in /checkpoints/EPOCH"),        \
      WB_TRAIN_ROW("conv", "run", WB_CHOICE, conv, .default_text = "auto", .choices = wb_train_convs,        \
                   .flags = WB_PARAM_ADVANCED, .help = "implementation of convolutions"),                    \
      WB_TRAIN_ROW("recompute-activations", "run", WB_BOOL, recompute, .default_text = "no",                 \
                   .flags = WB_PARAM_NOT_IDENTITY | WB_PARAM_ADVANCED,                                       \
                   .help = "keep half of the activations and compute the others again: less memory, a "      \
                           "third more time, the same result"),                                              \
      WB_TRAIN_ROW("profile", "run", WB_BOOL, profile, .default_text = "no",                                 \
                   .flags = WB_PARAM_NOT_IDENTITY | WB_PARAM_ADVANCED,                                       \
                   .help = "print where the time went, layer by layer, beside this machine's limits"),       \
      WB_TRAIN_ROW("init", "run", WB_PATH, init, .flags = WB_PARAM_ADVANCED,                                 \
                   .help = "HDF5 file with the first weights: a state dict at its root or under /model"),    \
      WB_TRAIN_ROW("batches", "run", WB_PATH, batches, .flags = WB_PARAM_ADVANCED,                           \
                   .help =                                                                                   \
                       "HDF5 file; its data set batches [step, image] says which images each step takes"),   \
      WB_TRAIN_ROW("max-steps", "run", WB_INT, max_steps, .default_text = "0", .min = 0, .max = 1e12,        \
                   .flags = WB_PARAM_ADVANCED, .help = "end after so many steps; 0 for no limit"),           \
      WB_TRAIN_ROW("log-steps", "run", WB_BOOL, log_steps, .default_text = "no", .flags = WB_PARAM_ADVANCED, \
                   .help = "keep losses and lambda of every step, not only of epochs")

/* For the `check` of a plugin: refuses what the table cannot express. */
wb_status wb_train_check(const wb_host *host, const wb_objective *objective, const wb_train_params *params);

/* The units of the embedding layer that --units or the network asks for. */
size_t wb_train_units(const wb_train_params *params);

/* The grid that --grid or the number of units asks for; false where --grid is malformed or does not hold
 * them.
 */
bool wb_train_grid(const wb_train_params *params, size_t *rows, size_t *cols);

/* What --topo, --rho and --lambda ask for. A term without a weight of its own has that of --lambda where that
 * is given, else that of --rho; balancing is matched unless --lambda is given. */
typedef struct wb_train_topo {
  wb_topo_term terms[WB_TOPO_KINDS]; // kind and weight
  int count;                         // 0: no topography
  bool own[WB_TOPO_KINDS];           // the weight is written beside the term
  bool matched;
} wb_train_topo;
wb_status wb_train_topo_read(wb_train_topo *out, const wb_train_params *params, wb_error *err);
/* The same, and whether --topo-layers exist: WB_ARG where anything is wrong. */
wb_status wb_train_topo_check(const wb_train_params *params, wb_error *err);

/* Part of a file name: "ws-rho0.2", "ws-rho0.2+as-rho0.1", "none". */
void wb_train_topo_name(char *out, size_t size, const wb_train_topo *topo);

/* The run's factors of topography: topo, balance, rho or lambda, rho_TERM or lambda_TERM of several terms
 * with their own weights; and what differs from its default of topo_distance, topo_mean, balance_over,
 * topo_layers, norm_penalty. At most WB_TRAIN_TOPO_FACTORS, whose texts are in `texts`; returns how many. */
enum { WB_TRAIN_TOPO_FACTORS = 10 };
typedef struct wb_train_topo_texts {
  char topo[32], layers[512], names[WB_TOPO_KINDS][24];
} wb_train_topo_texts;
size_t wb_train_topo_factors(wb_runfile_factor *factors, wb_train_topo_texts *texts,
                             const wb_train_topo *topo, const wb_train_params *params);

#endif
