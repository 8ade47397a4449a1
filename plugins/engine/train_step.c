/* train_step.c: one step of training: both losses, their balance, the optimiser.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>

#include "loss.h"
#include "train_internal.h"

const float *wb_trainer_embedding(const wb_trainer *t, size_t *fan_in) {
  const wb_tensor *w = wb_net_tensor(t->net, wb_net_embedding_weight(t->net));
  *fan_in = (size_t)w->dims[1];
  return wb_net_weights(t->net) + w->offset;
}

double wb_trainer_topo(const wb_trainer *t, float *gradient) {
  if (!t->topographic) return 0;
  size_t fan_in;
  const float *w = wb_trainer_embedding(t, &fan_in);
  return wb_topo_ws(gradient, w, t->rows, t->cols, fan_in, (wb_topo_distance)t->params->topo_distance,
                    (wb_topo_mean)t->params->topo_mean);
}

static double tensor_norm(const wb_trainer *t, int i) {
  const wb_tensor *tensor = wb_net_tensor(t->net, i);
  return wb_norm(wb_net_gradients(t->net) + tensor->offset, tensor->count);
}

/* Norm of the task gradient that rho is relative to. */
static double task_norm(const wb_trainer *t) {
  double sum = 0;
  for (int i = 0; i < wb_net_tensor_count(t->net); i++) {
    const bool counts = t->params->balance_over == WB_BALANCE_ENCODER
                            ? wb_net_tensor(t->net, i)->in_encoder
                            : i == wb_net_embedding_weight(t->net) || i == wb_net_embedding_bias(t->net);
    if (!counts || wb_net_tensor(t->net, i)->is_buffer) continue;
    const double norm = tensor_norm(t, i);
    sum += norm * norm;
  }
  return sqrt(sum);
}

/* Adds lambda times the topographic gradient to the embedding layer's. */
static void add_topographic(wb_trainer *t, double lambda) {
  const wb_tensor *w = wb_net_tensor(t->net, wb_net_embedding_weight(t->net));
  float *g = wb_net_gradients(t->net) + w->offset;
  const float factor = (float)lambda;
  for (size_t i = 0; i < w->count; i++) g[i] += factor * t->topo_gradient[i];
}

/* The gradients in the arena are mostly those of the step before, and there are none in the first. */
static wb_status diverged(const wb_trainer *t, const char *what, double value, wb_error *err) {
  const char *name = NULL;
  double largest = -1;
  for (int i = 0; t->step > 0 && i < wb_net_tensor_count(t->net); i++) {
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
      what, value, (long long)t->epoch + 1, (long long)t->step + 1, name, largest);
}

/* The gradient of task + lambda * topo; NaN in a loss ends the step before any weight is touched. */
static wb_status gradients(wb_trainer *t, const wb_batch *batch, double *task, double *topo, double *lambda,
                           wb_error *err) {
  const wb_train_params *p = t->params;
  const wb_objective_batch b = {wb_net_output(t->net), batch->labels, batch->count,
                                (size_t)wb_net_get_config(t->net)->outputs, &t->setting};
  *task = t->objective->loss(t->d_output, &b, t->work);
  if (!isfinite(*task)) return diverged(t, "task loss", *task, err);
  *topo = wb_trainer_topo(t, t->topo_gradient);
  if (!isfinite(*topo)) return diverged(t, "topographic loss", *topo, err);
  wb_status status = wb_net_backward(t->net, t->d_output, NULL, err);
  if (status != WB_OK) return status;
  if (!t->topographic) return WB_OK;
  size_t fan_in;
  (void)wb_trainer_embedding(t, &fan_in);
  *lambda = t->matched ? wb_balance_update(&t->balance, task_norm(t),
                                           wb_norm(t->topo_gradient, (size_t)p->units * fan_in))
                       : p->lambda;
  if (!isfinite(*lambda)) return diverged(t, "balance of the two losses", *lambda, err);
  add_topographic(t, *lambda);
  return WB_OK;
}

wb_status wb_trainer_step(wb_trainer *t, const wb_batch *batch, wb_step_sums *sums, wb_error *err) {
  const wb_train_params *p = t->params;
  const int n = (int)(t->objective->views * batch->count);
  wb_status status =
      wb_net_forward_train(t->net, batch->images, n, (uint64_t)p->seed, (uint64_t)t->step, err);
  if (status != WB_OK) return status;
  double task = 0, topo = 0, lambda = 0;
  status = gradients(t, batch, &task, &topo, &lambda, err);
  if (status != WB_OK) return status;

  const double images = (double)batch->count;
  sums->task += images * task;
  sums->topo += images * topo;
  sums->images += images;
  sums->lambda = lambda;
  if (t->objective->head == WB_HEAD_LINEAR)
    sums->right += images * wb_accuracy(wb_net_output(t->net), batch->labels, batch->count,
                                        (size_t)wb_net_get_config(t->net)->outputs);
  if (t->step < t->step_capacity) {
    t->steps[WB_STEP_TASK_LOSS][t->step] = task;
    t->steps[WB_STEP_TOPO_LOSS][t->step] = topo;
    t->steps[WB_STEP_LAMBDA][t->step] = lambda;
  }
  const wb_adam adam = wb_adam_default(p->rate);
  wb_adam_step(wb_net_weights(t->net), t->m, t->v, wb_net_gradients(t->net), t->weight_count, &adam,
               ++t->step);
  return WB_OK;
}
