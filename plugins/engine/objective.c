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

/* The contrastive losses of normalised projections: work holds the features (n, outputs), their norms (n),
 * and the rest. */
typedef struct normalised {
  float *features, *norms, *rest;
  size_t n;
} normalised;

static normalised normalise(const wb_objective_batch *b, float *work) {
  const size_t n = 2 * b->images;
  const normalised x = {work, work + n * b->outputs, work + n * b->outputs + n, n};
  wb_normalize_rows(x.features, x.norms, b->output, n, b->outputs);
  return x;
}

static double supcon_loss(float *d_output, const wb_objective_batch *b, float *work) {
  const normalised x = normalise(b, work);
  const double loss = wb_loss_supcon(d_output, x.features, b->labels, b->images, 2, b->outputs,
                                     b->setting->temperature, x.rest);
  if (d_output) wb_normalize_rows_backward(d_output, d_output, x.features, x.norms, x.n, b->outputs);
  return loss;
}

static double simclr_loss(float *d_output, const wb_objective_batch *b, float *work) {
  const normalised x = normalise(b, work);
  const double temperature = b->setting->temperature, scale = temperature / 0.07;
  const double loss = wb_loss_simclr(d_output, x.features, b->images, b->outputs, temperature, scale, x.rest);
  if (d_output) wb_normalize_rows_backward(d_output, d_output, x.features, x.norms, x.n, b->outputs);
  return loss;
}

static size_t normalised_work(size_t n, size_t outputs) {
  return n * outputs + n + wb_loss_contrastive_work(n, outputs);
}

const wb_objective wb_objective_supcon = {.name = "supcon",
                                          .head = WB_HEAD_PROJECTION,
                                          .views = 2,
                                          .least = 2,
                                          .validation = "validation",
                                          .loss = supcon_loss,
                                          .work = normalised_work};

const wb_objective wb_objective_simclr = {.name = "simclr",
                                          .head = WB_HEAD_PROJECTION,
                                          .views = 2,
                                          .least = 2,
                                          .validation = "validation",
                                          .loss = simclr_loss,
                                          .work = normalised_work};

static double margin_loss(float *d_output, const wb_objective_batch *b, float *work) {
  return wb_loss_margin(d_output, b->output, b->labels, b->setting->superclass_of, b->images, b->outputs,
                        b->setting->margins, work);
}

const wb_objective wb_objective_margin = {.name = "margin",
                                          .head = WB_HEAD_PROJECTION,
                                          .views = 1,
                                          .least = 2,
                                          .superclasses = true,
                                          .loss = margin_loss,
                                          .work = wb_loss_contrastive_work};
