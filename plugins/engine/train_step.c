/* train_step.c: one step of training: both losses, their balance, the optimiser.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>

#include "loss.h"
#include "train_internal.h"

static double tensor_norm(const wb_trainer *t, int i) {
  const wb_tensor *tensor = wb_net_tensor(t->net, i);
  return wb_norm(wb_net_gradients(t->net) + tensor->offset, tensor->count);
}

/* The gradients in the arena are mostly those of the step before; there are none in the first. */
wb_status wb_trainer_diverged(const wb_trainer *t, int64_t step, const char *what, double value,
                              wb_error *err) {
  const char *name = NULL;
  double largest = 0;
  for (int i = 0; i < wb_net_tensor_count(t->net); i++) {
    if (wb_net_tensor(t->net, i)->is_buffer) continue;
    const double norm = tensor_norm(t, i);
    if (isfinite(norm) && norm <= largest) continue;
    largest = norm;
    name = wb_net_tensor(t->net, i)->name;
    if (!isfinite(norm)) break;
  }
  if (!name)
    return wb_fail(err, WB_NUMERIC, "the %s is %g in the very first step; are the first weights finite?",
                   what, value);
  return wb_fail(
      err, WB_NUMERIC,
      "the %s became %g in epoch %lld, step %lld; the largest gradient was that of %s (norm %g). A "
      "smaller --lr may help",
      what, value, (long long)t->epoch + 1, (long long)step, name, largest);
}

/* The gradient of task and topographic terms; NaN in a loss ends the step before any weight is touched. */
static wb_status gradients(wb_trainer *t, const wb_batch *batch, double *task, wb_error *err) {
  const wb_objective_batch b = {wb_net_output(t->net), batch->labels, batch->count,
                                (size_t)wb_net_get_config(t->net)->outputs, &t->setting};
  double start = wb_profile_start(t->profile);
  *task = t->objective->loss(t->d_output, &b, t->work);
  wb_profile_stop(t->profile, start, "loss", "both ways", 0, 0);
  if (!isfinite(*task)) return wb_trainer_diverged(t, t->step + 1, "task loss", *task, err);
  start = wb_profile_start(t->profile);
  wb_topography_measure(t->topography, (int)(t->objective->views * batch->count));
  wb_profile_stop(t->profile, start, "topography", "both ways", 0, 0);
  for (int i = 0; i < t->topo.count; i++) {
    const double loss = wb_topography_term(t->topography, i)->loss;
    if (!isfinite(loss)) return wb_trainer_diverged(t, t->step + 1, "topographic loss", loss, err);
  }
  const wb_status status = wb_topography_backward(t->topography, t->d_output, err);
  if (status != WB_OK) return status;
  for (int i = 0; i < t->topo.count; i++) {
    const double lambda = wb_topography_term(t->topography, i)->lambda;
    if (!isfinite(lambda)) return wb_trainer_diverged(t, t->step + 1, "balance of the losses", lambda, err);
  }
  return WB_OK;
}

static void record_step(wb_trainer *t, double task) {
  if (t->step >= t->step_capacity) return;
  const bool several = t->topo.count > 1;
  t->steps[WB_STEP_TASK_LOSS][t->step] = task;
  for (int i = 0; i < t->topo.count; i++) {
    const wb_topo_term *term = wb_topography_term(t->topography, i);
    const int kind = (int)term->kind;
    t->steps[several ? WB_STEP_TERM_LOSS + kind : WB_STEP_TOPO_LOSS][t->step] = term->loss;
    t->steps[several ? WB_STEP_TERM_LAMBDA + kind : WB_STEP_LAMBDA][t->step] = term->lambda;
  }
}

wb_status wb_trainer_step(wb_trainer *t, const wb_batch *batch, wb_step_sums *sums, wb_error *err) {
  const wb_train_params *p = t->params;
  const int n = (int)(t->objective->views * batch->count);
  wb_status status =
      wb_net_forward_train(t->net, batch->images, n, (uint64_t)p->seed, (uint64_t)t->step, err);
  if (status != WB_OK) return status;
  double task = 0;
  status = gradients(t, batch, &task, err);
  if (status != WB_OK) return status;

  const double images = (double)batch->count;
  sums->task += images * task;
  sums->images += images;
  sums->norm_penalty += images * wb_topography_norm_loss(t->topography);
  for (int i = 0; i < t->topo.count; i++)
    sums->topo[i] += images * wb_topography_term(t->topography, i)->loss;
  if (t->objective->head == WB_HEAD_LINEAR)
    sums->right += images * wb_accuracy(wb_net_output(t->net), batch->labels, batch->count,
                                        (size_t)wb_net_get_config(t->net)->outputs);
  record_step(t, task);
  const double start = wb_profile_start(t->profile);
  const wb_adam adam = wb_adam_default(p->rate);
  wb_adam_step(wb_net_weights(t->net), t->m, t->v, wb_net_gradients(t->net), t->weight_count, &adam,
               ++t->step);
  /* Weights and two moments are read and written, gradients read. */
  wb_profile_stop(t->profile, start, "weights", "optimiser", 0,
                  7.0 * (double)t->weight_count * sizeof(float));
  return WB_OK;
}

wb_status wb_trainer_check_weights(const wb_trainer *t, wb_error *err) {
  const double norm = wb_norm(wb_net_weights(t->net), t->weight_count);
  return isfinite(norm) ? WB_OK : wb_trainer_diverged(t, t->step, "norm of all weights", norm, err);
}
