/* evaluate.c: see evaluate.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "evaluate.h"

#include <stdlib.h>

#include "augment.h"
#include "loss.h"

wb_status wb_evaluate(wb_net *net, const wb_images *images, const uint32_t *samples, size_t first,
                      size_t count, const float mean[4], const float sd[4], float *embedding, float *output,
                      int32_t *labels, wb_error *err) {
  const wb_net_config *config = wb_net_get_config(net);
  const size_t batch = (size_t)config->batch, units = (size_t)config->units,
               outputs = (size_t)config->outputs;
  const int channels = (int)images->channels, height = (int)images->height, width = (int)images->width;
  const size_t size = (size_t)images->channels * images->height * images->width;
  float *input = malloc(batch * size * sizeof *input);
  if (!input) return wb_fail_nomem(err, "a batch of images", batch * size * sizeof *input);
  wb_status status = WB_OK;
  for (size_t done = 0; done < count && status == WB_OK; done += batch) {
    const size_t n = count - done < batch ? count - done : batch;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
      const size_t at = samples ? samples[first + done + i] : first + done + i;
      wb_normalize_images(input + i * size, images->pixels + at * size, 1, channels, height, width, mean, sd);
      if (labels) labels[done + i] = images->labels[at];
    }
    status = wb_net_infer(net, input, (int)n, embedding ? embedding + done * units : NULL,
                          output ? output + done * outputs : NULL, err);
  }
  free(input);
  return status;
}

wb_status wb_evaluate_loss(wb_net *net, const wb_objective *objective, const wb_objective_setting *setting,
                           wb_loader *loader, double *loss, double *accuracy, wb_error *err) {
  const wb_net_config *config = wb_net_get_config(net);
  const size_t most = (size_t)config->batch, outputs = (size_t)config->outputs;
  const size_t floats = most * outputs + objective->work(most, outputs);
  float *output = malloc(floats * sizeof *output);
  if (!output) return wb_fail_nomem(err, "validation", floats * sizeof *output);
  double sum = 0, right = 0;
  size_t images = 0;
  wb_status status = WB_OK;
  wb_loader_start(loader, 0); // the same views every time, so that epochs are judged alike
  for (wb_batch b = wb_loader_next(loader); b.count && status == WB_OK; b = wb_loader_next(loader)) {
    status = wb_net_infer(net, b.images, (int)(objective->views * b.count), NULL, output, err);
    if (status != WB_OK) break;
    const wb_objective_batch batch = {output, b.labels, b.count, outputs, setting};
    sum += objective->loss(NULL, &batch, output + most * outputs) * (double)b.count;
    if (accuracy && objective->head == WB_HEAD_LINEAR)
      right += wb_accuracy(output, b.labels, b.count, outputs) * (double)b.count;
    images += b.count;
  }
  free(output);
  *loss = sum / (double)images;
  if (accuracy) *accuracy = right / (double)images;
  return status;
}
