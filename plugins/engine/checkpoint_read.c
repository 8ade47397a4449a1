/* checkpoint_read.c: continues from a run file, and starts from a state dict. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state_dict.h"
#include "train_internal.h"

wb_status wb_checkpoint_load(wb_net *net, const char *path, wb_error *err) {
  wb_h5 *file;
  wb_status status = wb_h5_open(path, &file, err);
  if (status != WB_OK) return status;
  status = wb_state_dict_load(net, file, wb_h5_exists(file, "/model") ? "/model" : "", err);
  wb_h5_close(file);
  return status;
}

/* ---- Continuing ---- */

/* Why the file is another run: the first parameter that differs. */
static wb_status other_run(const wb_trainer *t, const wb_h5 *file, wb_error *err) {
  const char *name, *value;
  for (uint32_t i = 0; (value = t->host->parameter(t->host, i, &name)); i++) {
    char *stored;
    if (wb_h5_get_text(file, "/config", name, &stored, NULL) != WB_OK) continue;
    const bool same = strcmp(stored, value) == 0;
    if (!same)
      wb_fail(err, WB_INPUT,
              "%s is another run: its --%s is %s, here it is %s. Use another --out, or --overwrite",
              wb_h5_path(file), name, *stored ? stored : "unset", *value ? value : "unset");
    free(stored);
    if (!same) return WB_INPUT;
  }
  return wb_fail(err, WB_INPUT, "%s is another run than this one. Use another --out, or --overwrite",
                 wb_h5_path(file));
}

static bool has_text(const wb_h5 *file, const char *attribute, const char *text) {
  char *stored = NULL;
  const bool same = wb_h5_get_text(file, "/", attribute, &stored, NULL) == WB_OK && strcmp(stored, text) == 0;
  free(stored);
  return same;
}

static wb_status open_same(const wb_trainer *t, wb_h5 **out, wb_error *err) {
  wb_status status = wb_runfile_open(t->target.path, out, err);
  if (status != WB_OK) return status;
  if (!has_text(*out, "identity", t->target.identity))
    status = other_run(t, *out, err);
  else if (!has_text(*out, "data_digest", t->data->digest))
    status = wb_fail(err, WB_INPUT, "%s cannot be continued: %s holds other images now", t->target.path,
                     t->data->spec);
  if (status != WB_OK) {
    wb_h5_close(*out);
    *out = NULL;
  }
  return status;
}

wb_status wb_checkpoint_is_complete(wb_trainer *t, bool *complete, wb_error *err) {
  wb_h5 *file;
  wb_status status = open_same(t, &file, err);
  if (status != WB_OK) return status;
  status = wb_runfile_is_complete(file, complete, err);
  wb_h5_close(file);
  return status;
}

static wb_status verify(const wb_h5 *file, wb_error *err) {
  char **changed;
  size_t count;
  wb_status status = wb_runfile_verify(file, &changed, &count, err);
  if (status == WB_OK && count)
    status = wb_fail(err, WB_INPUT, "%s cannot be continued: %s does not match its digest", wb_h5_path(file),
                     changed[0]);
  wb_h5_free_texts(changed, count);
  return status;
}

static wb_status read_array(const wb_h5 *file, const char *object, wb_element element, void *out,
                            size_t count, wb_error *err) {
  wb_h5_shape shape;
  const wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  if (shape.rank != 1 || shape.dims[0] != count)
    return wb_fail(err, WB_INPUT, "%s cannot be continued: %s should hold %zu numbers", wb_h5_path(file),
                   object, count);
  return wb_h5_read(file, object, element, out, err);
}

static wb_status read_history(wb_trainer *t, const wb_h5 *file, wb_error *err) {
  char object[96];
  size_t n;
  wb_status status = wb_h5_get_ints(file, "/history", "epochs", &t->epoch, 1, &n, err);
  if (status == WB_OK) status = wb_h5_get_ints(file, "/history", "steps", &t->step, 1, &n, err);
  if (status == WB_OK) status = wb_h5_get_ints(file, "/history", "kept_epoch", &t->kept_epoch, 1, &n, err);
  if (status == WB_OK && (t->epoch < 1 || t->epoch > t->params->epochs))
    status = wb_fail(err, WB_INPUT, "%s cannot be continued: it claims %lld epochs", wb_h5_path(file),
                     (long long)t->epoch);
  for (int s = 0; status == WB_OK && s < WB_SERIES; s++) {
    snprintf(object, sizeof object, "/history/%s", wb_series_names[s]);
    if (wb_h5_exists(file, object))
      status = read_array(file, object, WB_F64, t->history[s], (size_t)t->epoch, err);
  }
  const int64_t steps = t->step < t->step_capacity ? t->step : t->step_capacity;
  for (int s = 0; status == WB_OK && t->step_capacity && s < WB_STEP_SERIES; s++) {
    snprintf(object, sizeof object, "/history/steps/%s", wb_step_series_names[s]);
    if (wb_h5_exists(file, object))
      status = read_array(file, object, WB_F64, t->steps[s], (size_t)steps, err);
  }
  return status;
}

/* A running lambda for each term. */
static wb_status read_balances(wb_trainer *t, const wb_h5 *file, wb_error *err) {
  const size_t terms = (size_t)t->topo.count;
  double lambda[WB_TOPO_KINDS];
  int64_t started[WB_TOPO_KINDS];
  size_t n, m;
  wb_status status = wb_h5_get_doubles(file, "/resume", "lambda", lambda, terms, &n, err);
  if (status == WB_OK) status = wb_h5_get_ints(file, "/resume", "lambda_started", started, terms, &m, err);
  if (status == WB_OK && (n != terms || m != terms))
    status = wb_fail(err, WB_INPUT, "%s cannot be continued: /resume should have %zu values of lambda",
                     wb_h5_path(file), terms);
  for (size_t i = 0; i < terms && status == WB_OK; i++) {
    wb_balance *balance = &wb_topography_term(t->topography, (int)i)->balance;
    balance->lambda = lambda[i];
    balance->started = (int32_t)started[i];
  }
  return status;
}

static wb_status read_resume(wb_trainer *t, const wb_h5 *file, wb_error *err) {
  size_t n;
  wb_status status =
      read_array(file, "/resume/weights", WB_F32, wb_net_weights(t->net), t->weight_count, err);
  if (status == WB_OK)
    status = read_array(file, "/resume/buffers", WB_F32, wb_net_buffers(t->net), t->buffer_count, err);
  if (status == WB_OK) status = read_array(file, "/resume/adam_m", WB_F32, t->m, t->weight_count, err);
  if (status == WB_OK) status = read_array(file, "/resume/adam_v", WB_F32, t->v, t->weight_count, err);
  if (status == WB_OK) status = wb_h5_get_ints(file, "/resume", "judged_epoch", &t->judged, 1, &n, err);
  if (status == WB_OK) status = wb_h5_get_doubles(file, "/resume", "best", &t->best, 1, &n, err);
  if (status == WB_OK)
    status = wb_h5_get_doubles(file, "/resume", "least_total", &t->least_total, 1, &n, err);
  return status == WB_OK && t->topo.count ? read_balances(t, file, err) : status;
}

static void warn_of_other_machine(const wb_trainer *t, const wb_h5 *file) {
  int64_t threads = 0;
  size_t n;
  if (wb_h5_get_ints(file, "/", "threads", &threads, 1, &n, NULL) == WB_OK &&
      threads != omp_get_max_threads())
    wb_host_log(t->host, WB_WARNING,
                "%s was begun with %lld threads and goes on with %d: the same bits as in one "
                "go need the same number",
                t->target.path, (long long)threads, omp_get_max_threads());
  else if (!has_text(file, "convolutions", wb_net_conv_names(t->net)))
    wb_host_log(t->host, WB_WARNING,
                "%s was begun with other convolutions than this machine's: the model will "
                "differ in its last bits from one trained in one go",
                t->target.path);
}

wb_status wb_checkpoint_restore(wb_trainer *t, wb_error *err) {
  wb_h5 *file;
  wb_status status = open_same(t, &file, err);
  if (status != WB_OK) return status;
  warn_of_other_machine(t, file);
  status = verify(file, err);
  if (status == WB_OK) status = read_history(t, file, err);
  if (status == WB_OK) status = wb_state_dict_load(t->net, file, "/model", err);
  wb_trainer_swap_best(t); // what was just loaded are the kept weights
  if (status == WB_OK) status = read_resume(t, file, err);
  t->written = t->epoch;
  wb_h5_close(file);
  return status;
}
