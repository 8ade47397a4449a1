/* train.c: epochs with validation, early stopping and checkpoints; see train.h. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "evaluate.h"
#include "train_internal.h"

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *grouped(char text[WB_GROUPED_SIZE], double number) {
  return wb_text_grouped(text, (unsigned long long)(number + 0.5));
}

/* ---- Talking ---- */

/* "ws topography, matched rho 0.2"; "ws (rho 0.2) and as (rho 0.1) topography, matched". */
static void describe_topography(char *out, size_t size, const wb_trainer *t) {
  const wb_train_topo *topo = &t->topo;
  const char *name = topo->matched ? "rho" : "lambda", *balance = topo->matched ? "matched" : "fixed";
  size_t n = (size_t)snprintf(out, size, "%s", topo->count ? "" : "no topography");
  for (int i = 0; topo->count > 1 && i < topo->count; i++)
    n += (size_t)snprintf(out + n, size - n, "%s%s (%s %g)",
                          i == 0                 ? ""
                          : i == topo->count - 1 ? " and "
                                                 : ", ",
                          wb_topo_kind_names[topo->terms[i].kind], name, topo->terms[i].weight);
  if (topo->count > 1) snprintf(out + n, size - n, " topography, %s", balance);
  if (topo->count == 1)
    snprintf(out, size, "%s topography, %s %s %g", wb_topo_kind_names[topo->terms[0].kind], balance, name,
             topo->terms[0].weight);
}

static void introduce(const wb_trainer *t) {
  const wb_dataset *data = t->data;
  const wb_net_config *net = wb_net_get_config(t->net);
  char a[WB_GROUPED_SIZE], b[WB_GROUPED_SIZE], c[WB_GROUPED_SIZE], superclasses[48] = "";
  size_t weights = 0;
  for (int i = 0; i < wb_net_tensor_count(t->net); i++)
    if (!wb_net_tensor(t->net, i)->is_buffer) weights += wb_net_tensor(t->net, i)->count;
  if (data->superclasses)
    snprintf(superclasses, sizeof superclasses, " in %u superclasses", data->superclasses);
  wb_host_log(t->host, WB_INFO, "data    %s: %s train, %s validation, %s test images, %dx%d %s, %u classes%s",
              data->name, grouped(a, (double)t->kept_count), grouped(b, (double)t->held_count),
              grouped(c, (double)data->test.count), net->height, net->img_width,
              net->channels == 3 ? "RGB" : "grey", data->classes, superclasses);
  wb_host_log(t->host, WB_INFO, "model   %s, embedding %d units on %zux%zu, %s weights", net->arch,
              net->units, t->rows, t->cols, grouped(a, (double)weights));
  char temperature[48] = "", topo[128];
  if (t->setting.temperature > 0)
    snprintf(temperature, sizeof temperature, " (temperature %g)", t->setting.temperature);
  describe_topography(topo, sizeof topo, t);
  wb_host_log(t->host, WB_INFO, "loss    %s%s + %s", t->objective->name, temperature, topo);
}

/* "loss 3.412  topo 0.231  lambda 4.87" of an epoch so far; of several terms "ws 0.231 x 4.87  as 0.9 x 0.2".
 */
static void describe_losses(char *out, size_t size, const wb_trainer *t, const wb_step_sums *sums) {
  size_t n = (size_t)snprintf(out, size, "loss %.3f", sums->task / sums->images);
  for (int i = 0; i < t->topo.count && n < size; i++) {
    const wb_topo_term *term = wb_topography_term(t->topography, i);
    const bool only = t->topo.count == 1;
    n += (size_t)snprintf(out + n, size - n, only ? "  %s %.3f  lambda %.3g" : "  %s %.3f x %.3g",
                          only ? "topo" : wb_topo_kind_names[term->kind], sums->topo[i] / sums->images,
                          term->lambda);
  }
}

static bool out_of_steps(const wb_trainer *t) {
  return t->params->max_steps && t->step >= t->params->max_steps;
}

/* Steps of all epochs, unless --max-steps ends before; early stopping is not foreseen. */
static double steps_in_all(const wb_trainer *t) {
  const double all = (double)wb_loader_batches(t->train) * (double)t->params->epochs;
  return t->params->max_steps ? fmin(all, (double)t->params->max_steps) : all;
}

/* At the pace of the last epoch. */
static double seconds_left(const wb_trainer *t, double epoch_seconds) {
  return epoch_seconds * (steps_in_all(t) - (double)t->step) / (double)wb_loader_batches(t->train);
}

static void report_epoch(const wb_trainer *t, const wb_step_sums *sums) {
  const int64_t e = t->epoch - 1;
  const bool ce = t->objective->head == WB_HEAD_LINEAR;
  char losses[128], validation[64] = "", rate[WB_GROUPED_SIZE];
  describe_losses(losses, sizeof losses, t, sums);
  if (t->held_count && ce)
    snprintf(validation, sizeof validation, "  val %.1f%%", 100 * t->history[WB_VAL_ACCURACY][e]);
  else if (t->held_count)
    snprintf(validation, sizeof validation, "  val %.3f", t->history[WB_VAL_TASK_LOSS][e]);
  const int left = (int)(seconds_left(t, t->history[WB_SECONDS][e]) + 0.5);
  wb_host_log(t->host, WB_INFO, "epoch %2lld/%lld  %s%s  %s img/s  %d:%02d left", (long long)t->epoch,
              (long long)t->params->epochs, losses, validation,
              grouped(rate, t->history[WB_IMAGES_PER_SECOND][e]), left / 60, left % 60);
}

/* ---- One epoch ---- */

/* Waits for it where the helper thread is slower than the network. */
static wb_batch next_batch(const wb_trainer *t) {
  const double start = wb_profile_start(t->profile);
  const wb_batch batch = wb_loader_next(t->train);
  wb_profile_stop(t->profile, start, "images", "wait for batch", 0, 0);
  return batch;
}

static wb_status run_steps(wb_trainer *t, wb_step_sums *sums, wb_error *err) {
  char note[128];
  wb_loader_start(t->train, (uint64_t)t->epoch);
  for (wb_batch b = next_batch(t); b.count && !out_of_steps(t); b = next_batch(t)) {
    if (t->host->cancelled(t->host)) return WB_CANCELLED;
    const wb_status status = wb_trainer_step(t, &b, sums, err);
    if (status != WB_OK) return status;
    describe_losses(note, sizeof note, t, sums);
    t->host->progress(t->host, (double)t->step, steps_in_all(t), note);
  }
  return WB_OK;
}

static double mean_row_norm(const wb_trainer *t) {
  const wb_tensor *w = wb_net_tensor(t->net, wb_net_embedding_weight(t->net));
  return wb_topo_mean_norm(wb_net_weights(t->net) + w->offset, (size_t)w->dims[0], (size_t)w->dims[1]);
}

static wb_status validate(wb_trainer *t, int64_t e, wb_error *err) {
  if (!t->held_count) return WB_OK;
  const bool linear = t->objective->head == WB_HEAD_LINEAR;
  double loss, accuracy;
  const wb_status status =
      wb_evaluate_loss(t->net, t->objective, &t->setting, t->validation, &loss, &accuracy, err);
  if (status != WB_OK) return status;
  if (!isfinite(loss)) return wb_trainer_diverged(t, t->step, "validation loss", loss, err);
  t->history[WB_VAL_TASK_LOSS][e] = loss;
  if (linear) t->history[WB_VAL_ACCURACY][e] = accuracy;
  return WB_OK;
}

/* The topographic terms and the norm penalty after an epoch, each with its weight: ws of the weights as they
 * are, what depends on images as the epoch's mean. */
static double topographic_loss(wb_trainer *t, const wb_step_sums *sums) {
  double total = t->params->norm_penalty * sums->norm_penalty / sums->images;
  for (int i = 0; i < t->topo.count; i++) {
    const wb_topo_term *term = wb_topography_term(t->topography, i);
    total += term->lambda *
             (term->kind == WB_TOPO_WS ? wb_topography_ws(t->topography) : sums->topo[i] / sums->images);
  }
  return total;
}

static void record_epoch(wb_trainer *t, int64_t e, const wb_step_sums *sums) {
  const bool several = t->topo.count > 1;
  t->history[WB_TRAIN_TASK_LOSS][e] = sums->task / sums->images;
  t->history[WB_WEIGHT_NORM][e] = mean_row_norm(t);
  if (t->objective->head == WB_HEAD_LINEAR) t->history[WB_TRAIN_ACCURACY][e] = sums->right / sums->images;
  if (t->params->norm_penalty > 0) t->history[WB_NORM_PENALTY][e] = sums->norm_penalty / sums->images;
  for (int i = 0; i < t->topo.count; i++) {
    const wb_topo_term *term = wb_topography_term(t->topography, i);
    const int kind = (int)term->kind;
    t->history[several ? WB_TERM_LOSS + kind : WB_TRAIN_TOPO_LOSS][e] = sums->topo[i] / sums->images;
    t->history[several ? WB_TERM_LAMBDA + kind : WB_LAMBDA][e] = term->lambda;
  }
}

/* Updates what early stopping knows and takes over the weights if they are to be kept. */
static void judge(wb_trainer *t, int64_t e, double topographic) {
  bool better = !t->held_count, keep = better || t->params->keep == WB_KEEP_LAST;
  if (t->held_count) {
    const double value = t->objective->head == WB_HEAD_LINEAR ? t->history[WB_VAL_ACCURACY][e]
                                                              : -t->history[WB_VAL_TASK_LOSS][e];
    const double total = t->history[WB_VAL_TASK_LOSS][e] + topographic;
    better = t->judged == 0 || value > t->best;
    if (better) t->best = value;
    const bool least = t->judged == 0 || total < t->least_total;
    if (least) t->least_total = total;
    if (t->params->keep != WB_KEEP_LAST) keep = t->params->keep == WB_KEEP_BEST ? better : least;
  }
  if (better) t->judged = e + 1;
  if (!keep) return;
  t->kept_epoch = e + 1;
  memcpy(t->best_weights, wb_net_weights(t->net), t->weight_count * sizeof *t->best_weights);
  memcpy(t->best_buffers, wb_net_buffers(t->net), t->buffer_count * sizeof *t->best_buffers);
}

static wb_status run_epoch(wb_trainer *t, wb_error *err) {
  const double start = seconds_now();
  const int64_t e = t->epoch;
  wb_step_sums sums = {0};
  wb_status status = run_steps(t, &sums, err);
  if (status != WB_OK) return status;
  const double seconds = seconds_now() - start;
  status = wb_trainer_check_weights(t, err);
  if (status == WB_OK) status = validate(t, e, err);
  if (status != WB_OK) return status;
  record_epoch(t, e, &sums);
  t->history[WB_SECONDS][e] = seconds_now() - start;
  t->history[WB_IMAGES_PER_SECOND][e] = sums.images / seconds;
  judge(t, e, topographic_loss(t, &sums));
  t->epoch++;
  report_epoch(t, &sums);
  return WB_OK;
}

/* ---- All epochs ---- */

static bool ended(const wb_trainer *t) {
  const int64_t patience = t->held_count ? t->params->patience : 0;
  return t->epoch >= t->params->epochs || out_of_steps(t) ||
         (patience && t->epoch > 0 && t->epoch - t->judged >= patience);
}

static wb_status stopped(int64_t written, wb_error *err) {
  if (written == 0)
    return wb_fail(err, WB_CANCELLED, "stopped before the end of the first epoch; nothing was written");
  return wb_fail(err, WB_CANCELLED, "stopped after epoch %lld", (long long)written);
}

static wb_status run_epochs(wb_trainer *t, wb_error *err) {
  while (!ended(t)) {
    wb_status status = run_epoch(t, err);
    if (status == WB_OK && (t->epoch % t->params->checkpoint_every == 0 || wb_snapshot_due(t) || ended(t)))
      status = wb_checkpoint_write(t, NULL, err);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}

static void say(void *host, const char *text) {
  wb_host_log(host, WB_INFO, "%s", text);
}

static wb_status train(wb_trainer *t, wb_error *err) {
  wb_status status = wb_trainer_prepare_data(t, err);
  if (status != WB_OK) return status;
  const bool resume = t->target.resume && t->target.exists;
  bool complete = false;
  if (resume) status = wb_checkpoint_is_complete(t, &complete, err);
  if (status != WB_OK) return status;
  if (complete) {
    wb_host_log(t->host, WB_INFO, "%s is complete", t->target.path);
    return WB_OK;
  }
  status = wb_trainer_prepare_net(t, err);
  if (status == WB_OK && resume) status = wb_checkpoint_restore(t, err);
  if (status != WB_OK) return status;
  introduce(t);
  if (resume) wb_host_log(t->host, WB_INFO, "resume  after epoch %lld", (long long)t->epoch);
  status = run_epochs(t, err);
  if (status == WB_OK) status = wb_trainer_finish(t, err);
  wb_profile_report(t->profile, say, (void *)(uintptr_t)t->host);
  return status == WB_CANCELLED ? stopped(t->written, err) : status;
}

wb_status wb_train_run(const wb_host *host, const wb_objective *objective, const wb_train_params *params) {
  wb_trainer t = {.host = host, .objective = objective, .params = params};
  wb_error err = {0};
  const wb_status status = train(&t, &err);
  return err.status != WB_OK ? host->fail(host, status, err.message) : status;
}
