/* readout.c: see readout.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "readout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "linear.h"
#include "loss.h"
#include "optim.h"

static const int warm_up = 3;
static const double last_rate = 1e-5;

void wb_readout_init(float *weight, float *bias, const wb_readout_config *config) {
  const float bound = 1 / sqrtf((float)config->units);
  wb_rng weights = wb_rng_make(config->seed, "readout weight", 0);
  wb_rng biases = wb_rng_make(config->seed, "readout bias", 0);
  for (size_t i = 0; i < config->classes * config->units; i++)
    weight[i] = wb_rng_range(&weights, -bound, bound);
  for (size_t c = 0; c < config->classes; c++) bias[c] = wb_rng_range(&biases, -bound, bound);
}

double wb_readout_rate(const wb_readout_config *config, int epoch) {
  if (!config->cosine) return config->rate;
  if (epoch < warm_up) return config->rate * (epoch + 1) / warm_up;
  const int span = config->epochs - 1 - warm_up;
  const double share = span > 0 ? (double)(epoch - warm_up) / span : 0;
  return last_rate + (config->rate - last_rate) * 0.5 * (1 + cos(3.141592653589793 * share));
}

void wb_readout_logits(float *logits, const float *weight, const float *bias, const wb_readout_config *config,
                       const float *embedding, size_t count) {
  wb_linear_forward(logits, embedding, weight, bias, (int)count, (int)config->units, (int)config->classes);
}

/* Everything that training needs, in one allocation. `size` counts weights and biases together. */
typedef struct fit {
  size_t size;
  float *w, *g, *m, *v, *best; // (classes * units + classes): weights, then biases
  float *rows, *logits, *d_logits;
  int32_t *labels;
  uint32_t *order;
  int64_t step;
} fit;

static void step(fit *f, const wb_readout_config *c, const wb_readout_data *data, size_t first, size_t count,
                 double rate) {
  const size_t bias = c->classes * c->units;
  const int n = (int)count, units = (int)c->units, classes = (int)c->classes;
  for (size_t i = 0; i < count; i++) {
    const size_t row = f->order[first + i];
    memcpy(f->rows + i * c->units, data->embedding + row * c->units, c->units * sizeof *f->rows);
    f->labels[i] = data->labels[row];
  }
  wb_linear_forward(f->logits, f->rows, f->w, f->w + bias, n, units, classes);
  wb_loss_ce(f->d_logits, f->logits, f->labels, count, c->classes);
  wb_linear_backward(NULL, f->g, f->g + bias, f->d_logits, f->rows, f->w, n, units, classes);
  wb_adam adam = wb_adam_default(rate);
  adam.decay = c->decay;
  wb_adam_step(f->w, f->m, f->v, f->g, f->size, &adam, ++f->step);
}

static void epoch(fit *f, const wb_readout_config *c, const wb_readout_data *data, int number) {
  for (size_t i = 0; i < data->count; i++) f->order[i] = (uint32_t)i;
  wb_rng rng = wb_rng_make(c->seed, "readout order", (uint64_t)number);
  wb_rng_shuffle(&rng, f->order, data->count);
  for (size_t first = 0; first < data->count; first += c->batch)
    step(f, c, data, first, data->count - first < c->batch ? data->count - first : c->batch,
         wb_readout_rate(c, number));
}

/* logits holds max(batch, validation->count) rows. */
static double validate(fit *f, const wb_readout_config *c, const wb_readout_data *data) {
  wb_readout_logits(f->logits, f->w, f->w + c->classes * c->units, c, data->embedding, data->count);
  return wb_accuracy(f->logits, data->labels, data->count, c->classes);
}

static void *carve(char **at, size_t bytes) {
  void *p = *at;
  *at += (bytes + 63) / 64 * 64;
  return p;
}

/* Returns the block to free; NULL without memory. */
static void *prepare(fit *f, const wb_readout_config *c, size_t samples, size_t validation) {
  const size_t most = c->batch > validation ? c->batch : validation;
  f->size = c->classes * c->units + c->classes;
  const size_t weights = f->size * sizeof(float), logits = most * c->classes * sizeof(float);
  const size_t bytes = 5 * (weights + 64) + c->batch * c->units * sizeof(float) + 2 * logits +
                       c->batch * sizeof(int32_t) + samples * sizeof(uint32_t) + 6 * 64;
  char *block = aligned_alloc(64, (bytes + 63) / 64 * 64), *at = block;
  if (!block) return NULL;
  memset(block, 0, bytes);
  float **const arrays[] = {&f->w, &f->g, &f->m, &f->v, &f->best};
  for (size_t i = 0; i < 5; i++) *arrays[i] = carve(&at, weights);
  f->rows = carve(&at, c->batch * c->units * sizeof(float));
  f->logits = carve(&at, logits);
  f->d_logits = carve(&at, logits);
  f->labels = carve(&at, c->batch * sizeof(int32_t));
  f->order = carve(&at, samples * sizeof(uint32_t));
  return block;
}

wb_status wb_readout_train(float *weight, float *bias, wb_readout_report *report,
                           const wb_readout_config *config, const wb_readout_data *train,
                           const wb_readout_data *validation, wb_error *err) {
  wb_readout_config c = *config;
  if (c.batch > train->count) c.batch = train->count;
  fit f = {0};
  void *block = prepare(&f, &c, train->count, validation->count);
  if (!block) return wb_fail_nomem(err, "the readout", c.batch * c.units * sizeof(float));
  const size_t weights = c.classes * c.units;
  memcpy(f.w, weight, weights * sizeof *f.w);
  memcpy(f.w + weights, bias, c.classes * sizeof *f.w);

  int best = -1, e = 0;
  double best_accuracy = NAN;
  wb_status status = WB_OK;
  while (e < c.epochs && (c.patience == 0 || !validation->count || e - best <= c.patience)) {
    if (train->refresh && (status = train->refresh(train->context, e, err)) != WB_OK) goto done;
    epoch(&f, &c, train, e++);
    const double accuracy = validation->count ? validate(&f, &c, validation) : NAN;
    if (best >= 0 && validation->count && !(accuracy > best_accuracy)) continue;
    best = e - 1;
    best_accuracy = accuracy;
    memcpy(f.best, f.w, f.size * sizeof *f.w);
  }
  memcpy(weight, f.best, weights * sizeof *f.w);
  memcpy(bias, f.best + weights, c.classes * sizeof *f.w);
  *report = (wb_readout_report){.epochs = e, .accuracy = best_accuracy};
done:
  free(block);
  return status;
}
