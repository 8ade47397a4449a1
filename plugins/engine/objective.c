/* objective.c: the objectives, see objective.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "objective.h"

#include "loss.h"

static double ce_loss(float *d_output, const wb_objective_batch *b, float *work) {
  (void)work;
  return wb_loss_ce(d_output, b->output, b->labels, b->images, b->outputs);
}

static size_t no_work(size_t n, size_t outputs) {
  (void)n, (void)outputs;
  return 0;
}

const wb_objective wb_objective_ce = {
    .name = "ce", .head = WB_HEAD_LINEAR, .views = 1, .least = 2, .loss = ce_loss, .work = no_work};

/* Projections are normalised here: work holds the features (n, outputs), their norms (n), and the rest. */
static double supcon_loss(float *d_output, const wb_objective_batch *b, float *work) {
  const size_t n = 2 * b->images, dims = b->outputs;
  float *features = work, *norms = features + n * dims, *rest = norms + n;
  wb_normalize_rows(features, norms, b->output, n, dims);
  const double loss = wb_loss_supcon(d_output, features, b->labels, b->images, 2, dims, b->temperature, rest);
  if (d_output) wb_normalize_rows_backward(d_output, d_output, features, norms, n, dims);
  return loss;
}

static size_t supcon_work(size_t n, size_t outputs) {
  return n * outputs + n + wb_loss_contrastive_work(n, outputs);
}

const wb_objective wb_objective_supcon = {.name = "supcon",
                                          .head = WB_HEAD_PROJECTION,
                                          .views = 2,
                                          .least = 2,
                                          .validation = "validation",
                                          .loss = supcon_loss,
                                          .work = supcon_work};
