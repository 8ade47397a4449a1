/* net.h: the networks: an encoder that ends in an embedding layer whose units lie on a grid, and a head.
 *
 * Architectures (DEFINITIONS.md, "Networks"): resnet18, shallowcnn, truong-mnist (without batch norm),
 * truong-cifar; heads: linear classifier, projection.
 * Weights, gradients and optimiser moments of a network lie in flat arenas of equal layout; convolution
 * weights in it are blocked (conv.h), everything else is plain row-major. Names and plain shapes are those of
 * the PyTorch state dict, without batch norm's num_batches_tracked, which nothing reads at a fixed momentum.
 *
 * Under batch norm the gradient of a convolution's bias is zero. Here it is exactly so, and Adam leaves the
 * bias alone, where PyTorch lets it drift with the rounding noise.
 *
 * A network is used by one thread at a time; its passes use OpenMP threads. Bit-identical for a seed and
 * thread count. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_NET_H
#define WB_NET_H

#include "conv.h"
#include "profile.h"

typedef enum wb_head {
  WB_HEAD_NONE,      // none: the output is the embedding, gradients come by d_embedding alone
  WB_HEAD_LINEAR,    // (truong nets: ReLU,) dropout, linear units -> outputs: logits
  WB_HEAD_PROJECTION // BN, ReLU, dropout, linear units -> outputs: projections, not yet normalised
} wb_head;

typedef struct wb_net_config {
  const char *arch; // "resnet18", "shallowcnn", "truong-mnist" or "truong-cifar"
  int width; // channels of the first stage, a multiple of 8; 0: the architecture's own (64; the others 32)
  int channels, height, img_width; // of the images
  int units;                       // of the embedding layer
  wb_head head;
  int outputs;   // classes or projection dimensions; 0 for WB_HEAD_NONE
  float dropout; // probability, 0 <= p < 1
  int batch;     // the most images in one call
  bool training; // backward passes will be asked for
  bool repeated; // and several of them for one forward pass
  /* Training keeps the activations at the ends of residual blocks (shallowcnn: of layers) only and computes
   * the others again in the backward pass: up to a third more time for about half the memory, the same bits.
   */
  bool recompute;
  wb_profile *profile; // takes the time of every part of every pass; NULL: none. Outlives the network
  wb_conv_choice conv;
} wb_net_config;

typedef struct wb_tensor {
  const char *name;  // state-dict name, e.g. "encoder.layer1.0.conv1.weight"
  int rank, dims[4]; // plain shape
  size_t count;      // product of dims
  size_t offset;     // of the first value in the weights arena (is_buffer false) or the buffers arena (true)
  bool is_buffer;    // running statistics: saved, never trained
  bool in_encoder;   // belongs to the encoder rather than to the head
} wb_tensor;

typedef struct wb_net wb_net;

/* Builds a network; weights are zero until wb_net_init or wb_net_set. WB_ARG for an unknown architecture
 * (with the nearest name) or a configuration out of range, WB_NOMEM. */
wb_status wb_net_create(const wb_net_config *config, wb_net **out, wb_error *err);
void wb_net_free(wb_net *net);
const wb_net_config *wb_net_get_config(const wb_net *net); // width resolved

/* State dict. */
int wb_net_tensor_count(const wb_net *net);
const wb_tensor *wb_net_tensor(const wb_net *net, int i);
int wb_net_find(const wb_net *net, const char *name); // -1 where there is none
void wb_net_get(const wb_net *net, int i, float *plain);
void wb_net_set(wb_net *net, int i, const float *plain);
void wb_net_get_gradient(const wb_net *net, int i, float *plain); // zero for buffers
/* Adds factor * plain to the gradient of weight i. */
void wb_net_add_gradient(wb_net *net, int i, const float *plain, float factor);

/* Flat arenas: weights and gradients [wb_net_weight_count], buffers [wb_net_buffer_count]. Evaluation works
 * with filters derived from weights and buffers once, until the next training pass or call of wb_net_set,
 * wb_net_weights or wb_net_buffers: to write through these pointers after an evaluation pass, ask for them
 * again. */
size_t wb_net_weight_count(const wb_net *net);
size_t wb_net_buffer_count(const wb_net *net);
float *wb_net_weights(wb_net *net);
float *wb_net_gradients(wb_net *net);
float *wb_net_buffers(wb_net *net);

/* The embedding layer: indices of its weight (units, fan_in) and bias (units), plain in the arena. */
int wb_net_embedding_weight(const wb_net *net);
int wb_net_embedding_bias(const wb_net *net);

/* The linear head: index of its weight (outputs, units), that of its bias following; -1 for other heads.
 * Whether it reads the embedding after ReLU, as the truong nets' does. */
int wb_net_readout_weight(const wb_net *net);
bool wb_net_relu_readout(const wb_net *net);

/* PyTorch's default initialisation, as the papers' code uses it (DEFINITIONS.md); seeded, a stream per
 * tensor. */
void wb_net_init(wb_net *net, uint64_t seed);

/* Training pass over n images (n, channels, height, width), normalised float32. Batch norm uses and updates
 * batch statistics; dropout draws from (seed, step). The results stay in the network until the next pass:
 * wb_net_embedding (n, units), wb_net_output (n, outputs). */
wb_status wb_net_forward_train(wb_net *net, const float *images, int n, uint64_t seed, uint64_t step,
                               wb_error *err);
const float *wb_net_embedding(const wb_net *net);
const float *wb_net_output(const wb_net *net);

/* Gradients of all weights from d_output (n, outputs) and, unless NULL, d_embedding (n, units), added to what
 * comes back through the head. Overwrites the gradient arena. Once per forward pass. */
wb_status wb_net_backward(wb_net *net, const float *d_output, const float *d_embedding, wb_error *err);

/* The same from whatever a loss was computed of; NULL where it was not. The head's gradients are zero without
 * `output`. */
typedef struct wb_net_mean_gradient {
  int layer;             // as in wb_net_layer, not "avgpool"
  const float *gradient; // by wb_net_layer_mean (n, channels)
} wb_net_mean_gradient;

typedef struct wb_net_inflow {
  const float *output;    // (n, outputs)
  const float *embedding; // (n, units)
  const wb_net_mean_gradient *means;
  int mean_count;
  bool again; // another backward pass of the same forward pass follows: `repeated` networks only
} wb_net_inflow;
wb_status wb_net_backward_from(wb_net *net, const wb_net_inflow *inflow, wb_error *err);

/* Evaluation pass: running statistics, no dropout; n may exceed the batch (done in pieces). embedding (n,
 * units) and output (n, outputs) may be NULL. */
wb_status wb_net_infer(wb_net *net, const float *images, int n, float *embedding, float *output,
                       wb_error *err);

/* Layers whose activations an evaluation pass can hand out, in the order of their computation: a
 * convolution's after batch norm, ReLU and pooling ("conv1", "layer1.0.conv1"), a residual block's after the
 * addition
 * ("layer1.0"), and global average pooling ("avgpool"). dims: channels, height, width. */
int wb_net_layer_count(const wb_net *net);
const char *wb_net_layer(const wb_net *net, int i, int dims[3]);

/* The tensor of a layer's filters ("layer1.0": those of the block's second convolution), and, after
 * wb_net_forward_train, the mean over pixels of its activation: out (n, channels). Not for "avgpool". */
int wb_net_layer_weight(const wb_net *net, int layer);
void wb_net_layer_mean(const wb_net *net, int layer, float *out);

/* An architecture's layers and nothing else: for wb_net_layer_count, wb_net_layer and wb_net_free. */
wb_status wb_net_outline(const char *arch, wb_net **out, wb_error *err);

typedef struct wb_net_tap {
  int layer;
  float *out; // (n, channels, height, width), plain
} wb_net_tap;

/* wb_net_infer that also fills taps (tap_count). */
wb_status wb_net_infer_taps(wb_net *net, const float *images, int n, const wb_net_tap *taps, int tap_count,
                            float *embedding, float *output, wb_error *err);

/* Gradient with respect to the images of what evaluation computes: wb_net_forward_frozen is a training pass
 * with running statistics and without dropout, that changes nothing; wb_net_backward_images, once after it,
 * leaves d_images (n, channels, height, width), and no meaning in the gradients of the weights. */
wb_status wb_net_forward_frozen(wb_net *net, const float *images, int n, wb_error *err);
wb_status wb_net_backward_images(wb_net *net, const float *d_output, const float *d_embedding,
                                 float *d_images, wb_error *err);

/* "conv1 stem: onednn; conv2: winograd-..": the implementation of each convolution, for the record. Owned by
 * net. */
const char *wb_net_conv_names(const wb_net *net);

#endif
