/* topography.h: the topographic terms of one training on one network, and the gradient of task and terms
 * together.
 *
 *   loss = task + sum over terms of lambda * L + norm_penalty * P
 *
 * L is the sum of a loss of topo.h over the layers that the terms act on: the embedding, whose units lie on
 * the grid given, and convolutions, whose output channels lie row-major on wb_grid_for_units(channels)
 * (definition chosen by workbench). ws takes the rows of the layer's weight, a filter being a row; as and
 * global take the activations of the batch, all views: the embedding's before ReLU, a convolution's after
 * ReLU, pooling or addition, averaged over its pixels. P is wb_topo_norm_penalty of the embedding's rows.
 *
 * Matched, each term has its own running lambda (wb_balance), from the norm of the task's gradient and that
 * of L's. For ws they are taken over the weights, and biases, of the layers it acts on, or over the encoder;
 * for as and global over the encoder, which takes a backward pass of its own for each: two passes in place
 * of one. Fixed, lambda is the term's weight and nothing is added to the one pass.
 *
 * One thread at a time; OpenMP inside. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TOPOGRAPHY_H
#define WB_TOPOGRAPHY_H

#include "net.h"
#include "topo.h"

typedef enum wb_topo_kind { WB_TOPO_WS, WB_TOPO_AS, WB_TOPO_GLOBAL, WB_TOPO_KINDS } wb_topo_kind;
extern const char *const wb_topo_kind_names[WB_TOPO_KINDS]; // "ws", "as", "global"

typedef struct wb_topo_term {
  wb_topo_kind kind;
  double weight;      // its rho, or its lambda where fixed
  wb_balance balance; // matched: the running lambda
  /* of the last step */
  double loss, lambda;
  double task_norm, topo_norm; // matched, NAN otherwise; topo_norm NAN where rho is 0 and it was not needed
} wb_topo_term;

typedef struct wb_topography_config {
  const wb_topo_term *terms; // kind and weight, each kind once; copied
  int term_count;
  const char *const *layers; // beside the embedding, as wb_net_layer names them
  size_t layer_count;
  size_t rows, cols;         // the embedding's grid
  wb_topo_distance distance; // of ws
  wb_topo_mean mean;         // of ws
  bool matched, over_encoder;
  double norm_penalty; // weight of P; its mean norm is that of the rows that the network has now
} wb_topography_config;

/* Whether an architecture has these layers: WB_ARG with the nearest name otherwise, or for one named twice.
 */
wb_status wb_topography_check_layers(const char *arch, const char *const *layers, size_t count,
                                     wb_error *err);

/* Whether a network needs wb_net_config.repeated. */
bool wb_topography_repeats(const wb_topo_term *terms, int count, bool matched);

typedef struct wb_topography wb_topography;

/* For a network with its first weights, which must live as long. */
wb_status wb_topography_create(const wb_topography_config *config, wb_net *net, wb_topography **out,
                               wb_error *err);
void wb_topography_free(wb_topography *t);

int wb_topography_count(const wb_topography *t);
wb_topo_term *wb_topography_term(wb_topography *t, int i);
double wb_topography_norm_loss(const wb_topography *t); // P of the last step, unweighted

/* After wb_net_forward_train of n images: the loss of each term and P. */
void wb_topography_measure(wb_topography *t, int n);
/* Then, once: fills the network's gradients from the task's d_output and all terms. */
wb_status wb_topography_backward(wb_topography *t, const float *d_output, wb_error *err);

/* The ws loss of the weights as they are now; changes nothing. */
double wb_topography_ws(wb_topography *t);

#endif
