/* objective.h: what tells one training objective from another. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OBJECTIVE_H
#define WB_OBJECTIVE_H

#include "net.h"

/* What a loss needs beside the batch; what an objective does without is zero. */
typedef struct wb_objective_setting {
  double temperature;
  const int32_t *superclass_of; // (classes)
  double margins[3];            // of the same class, the same superclass, another superclass
} wb_objective_setting;

/* One batch as it leaves the head. */
typedef struct wb_objective_batch {
  const float *output;   // (views * images, outputs)
  const int32_t *labels; // (images)
  size_t images, outputs;
  const wb_objective_setting *setting;
} wb_objective_batch;

typedef struct wb_objective {
  const char *name;
  wb_head head;      // WB_HEAD_LINEAR: outputs are logits; WB_HEAD_PROJECTION: a readout is trained after
  uint32_t views;    // per image
  int least;         // images that a batch must have
  bool superclasses; // needs a data set whose classes are in superclasses
  const char *validation; // augmentation of the views that epochs are judged by; NULL: images as they are
  /* The loss and, unless NULL, its gradient d_output (views * images, outputs). `work` holds
   * work(views * images, outputs) floats. */
  double (*loss)(float *d_output, const wb_objective_batch *batch, float *work);
  size_t (*work)(size_t n, size_t outputs);
} wb_objective;

extern const wb_objective wb_objective_ce, wb_objective_supcon, wb_objective_simclr, wb_objective_margin;

#endif
