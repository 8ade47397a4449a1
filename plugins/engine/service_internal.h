/* service_internal.h: the parts of the service engine/1. Private to the engine.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_SERVICE_INTERNAL_H
#define WB_SERVICE_INTERNAL_H

#include <workbench/plugin_util.h>

#include "base/error.h"
#include "hdf5/h5.h"
#include "net.h"

/* Hands a failure of the libraries below to the host; never WB_OK. */
static inline wb_status wb_service_fail(const wb_host *host, const wb_error *err) {
  host->fail(host, err->status, err->message);
  return err->status != WB_OK ? err->status : WB_INTERNAL;
}

/* The encoder up to the embedding; its classifier, whether it was trained with the encoder or after it, is a
 * linear layer of its own. */
struct wb_model {
  const char *path; // of the run file, for messages
  wb_net *net;      // headless; NULL once freed
  uint32_t image[3], units, classes, batch;
  float mean[4], sd[4];             // per channel of images in [0, 1]
  float *weight, *bias;             // (classes, units), (classes); NULL where classes is 0
  bool relu;                        // before the classifier
  float *input;                     // (batch, image), normalised
  float *embedding, *read, *logits; // (batch, units) twice, (batch, classes); read: by the classifier
};

/* service_model.c */
/* The network of /model in an open run file, freed when `run` returns. `path` is for messages and lives as
 * long. A failure is in *err or with the host. */
wb_status wb_model_read(const wb_host *host, const wb_h5 *file, const char *path, uint32_t batch,
                        wb_model **out, wb_error *err);
wb_status wb_service_model(const wb_host *host, const char *role, uint32_t run, uint32_t batch,
                           wb_model **out);
void wb_service_model_free(wb_model *model);
void wb_service_model_shape(const wb_model *model, uint32_t image[3], uint32_t *units, uint32_t *classes);
const char *wb_service_layer(const wb_model *model, uint32_t index, uint32_t dims[3]);

/* service_pass.c */
wb_status wb_service_forward(const wb_host *host, wb_model *model, const float *images, uint32_t n,
                             uint32_t taps, const char *const *layers, float *const *outs);
/* Embedding (n, units) and logits (n, classes; may be NULL) with batch norm in training mode: by the
 * statistics of these n images, dropout off. Leaves other running statistics in the network, which evaluation
 * would then use. */
wb_status wb_model_forward_batch(const wb_host *host, wb_model *model, const float *images, uint32_t n,
                                 float *embedding, float *logits);
wb_status wb_service_input_gradient(const wb_host *host, wb_model *model, const float *images,
                                    const int32_t *labels, uint32_t n, float *gradient, float *loss);

/* service_tensors.c */
const char *wb_service_tensor(const wb_model *model, uint32_t index, uint32_t *rank,
                              uint32_t dims[WB_MAX_RANK]);
wb_status wb_service_tensor_get(const wb_host *host, const wb_model *model, uint32_t index, float *values);
wb_status wb_service_tensor_set(const wb_host *host, wb_model *model, uint32_t index, const float *values);

/* service_images.c */
wb_status wb_service_images(const wb_host *host, const char *role, uint32_t run, const char *split,
                            wb_imageset **out);
void wb_service_images_shape(const wb_imageset *set, uint64_t *count, uint32_t image[3]);
wb_status wb_service_images_read(const wb_host *host, const wb_imageset *set, uint64_t first, uint64_t count,
                                 uint8_t *pixels, int32_t *labels);

#endif
