/* evaluate.h: what a network makes of images in evaluation mode. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_EVALUATE_H
#define WB_EVALUATE_H

#include "batch_loader.h"
#include "data/dataset.h"
#include "net.h"
#include "objective.h"

/* Embedding (count, units) and output (count, outputs), either NULL, of the images at the positions
 * samples[first .. first+count-1], or first .. first+count-1 where samples is NULL; normalised by mean and sd
 * per channel. labels (count), NULL or filled. */
wb_status wb_evaluate(wb_net *net, const wb_images *images, const uint32_t *samples, size_t first,
                      size_t count, const float mean[4], const float sd[4], float *embedding, float *output,
                      int32_t *labels, wb_error *err);

/* The objective's loss over one pass of a loader, mean over images, in evaluation mode. Where the loader has
 * one view and the output is logits, *accuracy (may be NULL) receives their accuracy. */
wb_status wb_evaluate_loss(wb_net *net, const wb_objective *objective, const wb_objective_setting *setting,
                           wb_loader *loader, double *loss, double *accuracy, wb_error *err);

#endif
