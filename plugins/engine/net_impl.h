/* net_impl.h: the inside of wb_net, shared by net*.c. Private to the engine.
 *
 * A network is a list of layers in the order of their computation, each a convolution with its batch norm
 * and what follows it, then global average pooling, the linear embedding layer and the head.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_NET_IMPL_H
#define WB_NET_IMPL_H

#include "net.h"
#include "norm.h"

enum { WB_NET_LAYERS = 24, WB_NET_TENSORS = 128, WB_NET_NAME = 48 };
enum { WB_NO_LAYER = -1 }; // as an input: the images

typedef struct wb_layer {
  char name[WB_NET_NAME]; // as a tap
  wb_conv_shape shape;
  int input;    // the layer whose activation is convolved
  int residual; // the layer whose activation is added before ReLU, or WB_NO_LAYER
  int shortcut; // the layer without activation whose normalised output is added instead, or WB_NO_LAYER
  bool active;  // has ReLU and an activation of its own; false: a shortcut
  bool pool;    // 2 x 2 max-pooling after ReLU
  bool lazy;    // training never stores the activation: the convolution that alone reads it makes it from y
  int blocks, height, width; // of the convolution's output
  int out_height, out_width; // of the activation
  int weight, bias;          // tensors of the convolution; bias -1: none
  int norm;                  // first tensor of batch norm: weight, bias, running mean, running var; -1: none
  wb_conv *conv;
  float *scale, *shift, *k; // (channels), (channels), (3, channels)
  double *mean, *rstd;      // (channels)
  float *filters, *out;     // evaluation: as wb_conv_prepare leaves them, the activation

  /* Training: the convolution's output and the activation, where they are now; where a forward pass leaves
   * them and where the backward pass wants them, elsewhere if it computes them again. a is NULL in a
   * shortcut and where it is lazy. */
  float *y, *a;
  float *forward_y, *forward_a, *backward_y, *backward_a;
  float *means;          // (batch, channels) of a over pixels, where a does not last; else NULL
  int segment;           // the first of the layers that are computed again together, or WB_NO_LAYER
  bool segment_end;      // the last of them
  float *gradient[2];    // of a, in one or two parts
  int gradients;         // how many
  float *input_gradient; // where that of the input goes
} wb_layer;

typedef enum wb_init { WB_INIT_ZERO, WB_INIT_ONE, WB_INIT_UNIFORM, WB_INIT_NORMAL } wb_init;

typedef struct wb_net_param {
  wb_tensor tensor;
  char name[WB_NET_NAME];
  wb_init init;
  double spread;    // bound of the uniform, sd of the normal
  bool convolution; // blocked in the arena
} wb_net_param;

typedef struct wb_head_state {
  int norm, weight, bias;    // tensors; norm -1: none
  float *embedding, *output; // (batch, units), (batch, outputs)
  float *hidden, *factors;   // (batch, units): what the last layer reads, dropout's factors
  float *d_hidden;           // (batch, units)
  float *scale, *shift, *k;  // of the projection's batch norm
  double *mean, *rstd, *sums;
} wb_head_state;

struct wb_net {
  wb_net_config config;
  wb_layer layers[WB_NET_LAYERS];
  int layer_count;
  wb_net_param params[WB_NET_TENSORS];
  int param_count;
  size_t weight_count, buffer_count;
  float *weights, *gradients, *buffers; // gradients NULL unless training
  size_t state_bytes;                   // of those three, one allocation at weights
  bool plain_names;  // of the encoder's tensors: "conv1.weight", "fc1.weight", without "encoder."
  bool relu_readout; // the linear head reads the embedding after ReLU
  int embedding_weight, embedding_bias;
  int feature_count;            // of the last layer's channels
  float *features, *d_features; // (batch, feature_count)
  wb_head_state head;
  int piece;       // images that evaluation takes at once
  bool folded;     // filters and shifts are those of the weights as they are
  float *spare[2]; // where dy goes in a backward pass that another follows: a layer's, a shortcut's
  void *arena, *scratch;
  size_t arena_bytes;
  double *sums;        // (2, channels) of the widest layer
  const float *images; // of the forward pass
  int trained;         // images of a forward pass whose backward pass may follow
  bool frozen;         // that pass took running statistics, without dropout
  bool again;          // the backward pass going on is to leave everything for another
  char *conv_names;
};

/* net_state.c: a tensor's name without "encoder.". */
const char *wb_net_short_name(const char *name);
/* net.c: the layer whose activation wb_net_layer calls i; NULL for "avgpool". */
const wb_layer *wb_net_active(const wb_net *net, int i);
/* net_arch.c: fills layers and parameters. */
wb_status wb_net_build(wb_net *net, wb_error *err);
/* net_state.c: adds a tensor, returns its index. dims are plain; in_encoder is found from the name (all but
 * those of the heads: fc., fc2., head.). */
int wb_net_add(wb_net *net, const char *name, int rank, const int *dims, bool is_buffer, wb_init init,
               double spread);
int wb_net_add_norm(wb_net *net, const char *name, int channels); // four tensors, the first's index
float *wb_net_value(const wb_net *net, int tensor);
float *wb_net_gradient(const wb_net *net, int tensor);
wb_norm wb_net_norm(const wb_net *net, int first, int input_bias); // input_bias -1: none
/* net_plan.c: who lies where. wb_net_settle_batches decides on the piece, before convolutions are made;
 * wb_net_plan gives layers their memory. */
void wb_net_settle_batches(wb_net *net);
wb_status wb_net_plan(wb_net *net, wb_error *err);
/* net_profile.c: ends a part of the profile, if there is one: a convolution pass, or one that reads or writes
 * each of n images' outputs `outputs` times and their activations `activations` times. */
void wb_net_profile_conv(const wb_net *net, const wb_layer *l, int n, double start, const char *pass);
void wb_net_profile_pass(const wb_net *net, const wb_layer *l, int n, double start, const char *pass,
                         int outputs, int activations);
/* net_spans.c: which layers are computed again together, and, once they have convolutions, which are lazy;
 * memory that passes share, whose size is returned and which is handed out unless base is NULL. */
void wb_net_settle_segments(wb_net *net);
void wb_net_settle_lazy(wb_net *net);
size_t wb_net_place_training(wb_net *net, char *base);
size_t wb_net_place_evaluation(wb_net *net, char *base);
/* net_pass.c: scale and shift of a layer; n 0: those of evaluation, else of the n images in net->sums. */
void wb_net_settle_norm(wb_net *net, wb_layer *l, int n);
/* net_head.c */
void wb_head_build(wb_net *net);
void wb_head_forward(wb_net *net, int n, uint64_t seed, uint64_t step);
/* Leaves the gradient of the features in d_features. d_output and d_embedding may be NULL. */
void wb_head_backward(wb_net *net, int n, const float *d_output, const float *d_embedding);
/* From features to embedding and output in evaluation; both may be NULL. */
void wb_head_infer(wb_net *net, int n, float *embedding, float *output);

#endif
