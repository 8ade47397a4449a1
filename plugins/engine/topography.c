/* topography.c: topographic terms on a network, see topography.h. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "topography.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "optim.h"

enum { MOST_LAYERS = 32, EMBEDDING = -1 };

const char *const wb_topo_kind_names[WB_TOPO_KINDS] = {"ws", "as", "global"};

/* A layer that the terms act on. Arrays are NULL where no term needs them. */
typedef struct place {
  int layer;  // of wb_net_layer, or EMBEDDING
  int weight; // tensor
  int bias;   // tensor, or -1
  size_t rows, cols, units, fan_in;
  float *w, *dw;            // ws: (units, fan_in)
  float *mean;              // (batch, units) of a convolution
  float *da[WB_TOPO_KINDS]; // as, global: gradient by the activations (batch, units)
} place;

struct wb_topography {
  wb_topography_config config;
  wb_net *net;
  wb_topo_term terms[WB_TOPO_KINDS];
  float *passed[WB_TOPO_KINDS]; // matched as, global: the term's own gradients, as the arena
  place places[MOST_LAYERS];
  int place_count;
  int images;
  float *work;
  double first_norm, norm_loss; // of the embedding's rows
  float *norm_gradient;         // (units, fan_in)
};

/* ---- Which layers ---- */

static int find_layer(const wb_net *net, const char *name) {
  int dims[3];
  for (int i = 0; i < wb_net_layer_count(net) - 1; i++)
    if (strcmp(wb_net_layer(net, i, dims), name) == 0) return i;
  return -1;
}

static wb_status unknown_layer(const wb_net *net, const char *name, wb_error *err) {
  const char *names[MOST_LAYERS];
  const int count = wb_net_layer_count(net) - 1;
  int dims[3];
  char all[512] = "";
  for (int i = 0; i < count; i++) {
    names[i] = wb_net_layer(net, i, dims);
    strncat(all, i ? ", " : "", sizeof all - strlen(all) - 1);
    strncat(all, names[i], sizeof all - strlen(all) - 1);
  }
  const char *near = wb_text_nearest(name, names, (size_t)count);
  return wb_fail(err, WB_ARG, "%s has no layer %s for --topo-layers, only %s%s%s%s",
                 wb_net_get_config(net)->arch, name, all, near ? "; did you mean " : "", near ? near : "",
                 near ? "?" : "");
}

wb_status wb_topography_check_layers(const char *arch, const char *const *layers, size_t count,
                                     wb_error *err) {
  wb_net *net;
  wb_status status = wb_net_outline(arch, &net, err);
  for (size_t i = 0; status == WB_OK && i < count; i++) {
    if (find_layer(net, layers[i]) < 0) status = unknown_layer(net, layers[i], err);
    for (size_t j = 0; status == WB_OK && j < i; j++)
      if (strcmp(layers[i], layers[j]) == 0)
        status = wb_fail(err, WB_ARG, "--topo-layers names %s twice", layers[i]);
  }
  wb_net_free(net);
  return status;
}

/* ---- Making one ---- */

bool wb_topography_repeats(const wb_topo_term *terms, int count, bool matched) {
  for (int i = 0; i < count; i++)
    if (matched && terms[i].kind != WB_TOPO_WS && terms[i].weight > 0) return true;
  return false;
}

static place *add_place(wb_topography *t, int layer, int weight, int bias) {
  const wb_tensor *w = wb_net_tensor(t->net, weight);
  place *p = &t->places[t->place_count++];
  *p = (place){.layer = layer, .weight = weight, .bias = bias, .units = (size_t)w->dims[0]};
  p->fan_in = w->count / p->units;
  wb_grid_for_units(p->units, &p->rows, &p->cols);
  return p;
}

static int bias_of(const wb_net *net, int weight) {
  char name[64];
  const char *weight_name = wb_net_tensor(net, weight)->name;
  snprintf(name, sizeof name, "%.*sbias", (int)(strlen(weight_name) - strlen("weight")), weight_name);
  return wb_net_find(net, name);
}

static wb_status add_places(wb_topography *t, wb_error *err) {
  place *embedding = add_place(t, EMBEDDING, wb_net_embedding_weight(t->net), wb_net_embedding_bias(t->net));
  embedding->rows = t->config.rows;
  embedding->cols = t->config.cols;
  for (size_t i = 0; i < t->config.layer_count; i++) {
    const char *name = t->config.layers[i];
    const int layer = find_layer(t->net, name);
    if (layer < 0) return unknown_layer(t->net, name, err);
    if (t->place_count == MOST_LAYERS) return wb_fail(err, WB_ARG, "too many layers");
    const int weight = wb_net_layer_weight(t->net, layer);
    add_place(t, layer, weight, bias_of(t->net, weight));
  }
  return WB_OK;
}

static bool has(const wb_topography *t, wb_topo_kind kind) {
  for (int i = 0; i < t->config.term_count; i++)
    if (t->terms[i].kind == kind) return true;
  return false;
}

static float *zeros(size_t count, bool *ok) {
  float *p = calloc(count, sizeof *p);
  if (!p) *ok = false;
  return p;
}

static wb_status create_arrays(wb_topography *t, wb_error *err) {
  const size_t batch = (size_t)wb_net_get_config(t->net)->batch;
  const bool active = has(t, WB_TOPO_AS) || has(t, WB_TOPO_GLOBAL);
  size_t work = 1;
  bool ok = true;
  for (int i = 0; i < t->place_count; i++) {
    place *p = &t->places[i];
    if (has(t, WB_TOPO_WS)) p->w = zeros(p->units * p->fan_in, &ok);
    if (has(t, WB_TOPO_WS)) p->dw = zeros(p->units * p->fan_in, &ok);
    if (active && p->layer != EMBEDDING) p->mean = zeros(batch * p->units, &ok);
    for (int k = WB_TOPO_AS; k <= WB_TOPO_GLOBAL; k++)
      if (has(t, (wb_topo_kind)k)) p->da[k] = zeros(batch * p->units, &ok);
    if (active && wb_topo_work(batch, p->units) > work) work = wb_topo_work(batch, p->units);
  }
  for (int i = 0; i < t->config.term_count; i++)
    if (wb_topography_repeats(&t->terms[i], 1, t->config.matched))
      t->passed[i] = zeros(wb_net_weight_count(t->net), &ok);
  t->work = zeros(work, &ok);
  t->norm_gradient = zeros(t->places[0].units * t->places[0].fan_in, &ok);
  return ok ? WB_OK
            : wb_fail_nomem(err, "the topographic terms", wb_net_weight_count(t->net) * sizeof(float));
}

static const float *embedding_weight(const wb_topography *t) {
  return wb_net_weights(t->net) + wb_net_tensor(t->net, t->places[0].weight)->offset;
}

wb_status wb_topography_create(const wb_topography_config *config, wb_net *net, wb_topography **out,
                               wb_error *err) {
  *out = NULL;
  wb_topography *t = calloc(1, sizeof *t);
  if (!t) return wb_fail_nomem(err, "the topographic terms", sizeof *t);
  t->config = *config;
  t->net = net;
  for (int i = 0; i < config->term_count; i++) {
    t->terms[i] = config->terms[i];
    t->terms[i].balance = (wb_balance){.rho = config->terms[i].weight};
  }
  wb_status status = add_places(t, err);
  if (status == WB_OK) status = create_arrays(t, err);
  if (status != WB_OK) {
    wb_topography_free(t);
    return status;
  }
  t->first_norm = wb_topo_mean_norm(embedding_weight(t), t->places[0].units, t->places[0].fan_in);
  *out = t;
  return WB_OK;
}

void wb_topography_free(wb_topography *t) {
  if (!t) return;
  for (int i = 0; i < t->place_count; i++) {
    const place *p = &t->places[i];
    free(p->w);
    free(p->dw);
    free(p->mean);
    for (int k = 0; k < WB_TOPO_KINDS; k++) free(p->da[k]);
  }
  for (int k = 0; k < WB_TOPO_KINDS; k++) free(t->passed[k]);
  free(t->work);
  free(t->norm_gradient);
  free(t);
}

int wb_topography_count(const wb_topography *t) {
  return t->config.term_count;
}

wb_topo_term *wb_topography_term(wb_topography *t, int i) {
  return &t->terms[i];
}

double wb_topography_norm_loss(const wb_topography *t) {
  return t->norm_loss;
}

/* ---- Losses ---- */

static double measure_ws(wb_topography *t, const place *p, float *dw) {
  wb_net_get(t->net, p->weight, p->w);
  return wb_topo_ws(dw, p->w, p->rows, p->cols, p->fan_in, t->config.distance, t->config.mean);
}

static double measure_at(wb_topography *t, const place *p, wb_topo_kind kind) {
  const size_t n = (size_t)t->images;
  if (kind == WB_TOPO_WS) return measure_ws(t, p, p->dw);
  const float *e = p->layer == EMBEDDING ? wb_net_embedding(t->net) : p->mean;
  return kind == WB_TOPO_AS ? wb_topo_as(p->da[kind], e, n, p->rows, p->cols, t->work)
                            : wb_topo_global(p->da[kind], e, n, p->rows, p->cols, t->work);
}

void wb_topography_measure(wb_topography *t, int n) {
  t->images = n;
  for (int j = 0; j < t->place_count; j++)
    if (t->places[j].mean) wb_net_layer_mean(t->net, t->places[j].layer, t->places[j].mean);
  for (int i = 0; i < t->config.term_count; i++) {
    t->terms[i].loss = 0;
    for (int j = 0; j < t->place_count; j++)
      t->terms[i].loss += measure_at(t, &t->places[j], t->terms[i].kind);
  }
  if (t->config.norm_penalty > 0)
    t->norm_loss = wb_topo_norm_penalty(t->norm_gradient, embedding_weight(t), t->places[0].units,
                                        t->places[0].fan_in, t->first_norm);
}

double wb_topography_ws(wb_topography *t) {
  double loss = 0;
  for (int j = 0; j < t->place_count && has(t, WB_TOPO_WS); j++) loss += measure_ws(t, &t->places[j], NULL);
  return loss;
}

/* ---- Gradients ---- */

static double tensor_norm(const wb_topography *t, int tensor) {
  const wb_tensor *w = wb_net_tensor(t->net, tensor);
  return wb_norm(wb_net_gradients(t->net) + w->offset, w->count);
}

/* Norm of the network's gradients over the encoder, or over the layers that the terms act on. */
static double gradient_norm(const wb_topography *t, bool encoder) {
  double sum = 0;
  for (int i = 0; i < wb_net_tensor_count(t->net); i++) {
    const wb_tensor *tensor = wb_net_tensor(t->net, i);
    bool counts = encoder && tensor->in_encoder;
    for (int j = 0; j < t->place_count && !encoder; j++)
      counts |= i == t->places[j].weight || i == t->places[j].bias;
    if (counts && !tensor->is_buffer) sum += pow(tensor_norm(t, i), 2);
  }
  return sqrt(sum);
}

static double ws_norm(const wb_topography *t) {
  double sum = 0;
  for (int j = 0; j < t->place_count; j++)
    sum += pow(wb_norm(t->places[j].dw, t->places[j].units * t->places[j].fan_in), 2);
  return sqrt(sum);
}

/* What a term sends into a backward pass; `means` holds MOST_LAYERS. */
static wb_net_inflow inflow_of(const wb_topography *t, wb_topo_kind kind, wb_net_mean_gradient *means) {
  wb_net_inflow in = {.embedding = t->places[0].da[kind], .means = means};
  for (int j = 1; j < t->place_count; j++)
    means[in.mean_count++] = (wb_net_mean_gradient){t->places[j].layer, t->places[j].da[kind]};
  return in;
}

/* Matched as or global: a backward pass of the term alone. */
static wb_status pass(wb_topography *t, int i, wb_error *err) {
  wb_net_mean_gradient means[MOST_LAYERS];
  wb_net_inflow in = inflow_of(t, t->terms[i].kind, means);
  in.again = true;
  const wb_status status = wb_net_backward_from(t->net, &in, err);
  if (status != WB_OK) return status;
  t->terms[i].topo_norm = gradient_norm(t, true);
  memcpy(t->passed[i], wb_net_gradients(t->net), wb_net_weight_count(t->net) * sizeof(float));
  return WB_OK;
}

/* Fixed: lambda times the gradients of as and global, over those of the first of them. Returns its kind, or
 * WB_TOPO_WS where there is neither. */
static wb_topo_kind combine(wb_topography *t) {
  wb_topo_kind into = WB_TOPO_WS;
  for (int i = 0; i < t->config.term_count; i++) {
    const wb_topo_kind kind = t->terms[i].kind;
    if (kind == WB_TOPO_WS) continue;
    const float factor = (float)t->terms[i].weight;
    const bool first = into == WB_TOPO_WS;
    if (first) into = kind;
    for (int j = 0; j < t->place_count; j++) {
      const place *p = &t->places[j];
      const size_t count = (size_t)t->images * p->units;
      for (size_t k = 0; k < count; k++)
        p->da[into][k] = factor * p->da[kind][k] + (first ? 0 : p->da[into][k]);
    }
  }
  return into;
}

static void settle_lambda(wb_topography *t, int i) {
  wb_topo_term *term = &t->terms[i];
  const bool ws = term->kind == WB_TOPO_WS;
  if (!t->config.matched) {
    term->lambda = term->weight;
    term->task_norm = term->topo_norm = NAN;
    return;
  }
  term->task_norm = gradient_norm(t, !ws || t->config.over_encoder);
  if (ws) term->topo_norm = ws_norm(t);
  if (!ws && !t->passed[i]) term->topo_norm = NAN;
  term->lambda = term->weight > 0 ? wb_balance_update(&term->balance, term->task_norm, term->topo_norm) : 0;
}

static void add_gradient(wb_topography *t, int i) {
  const float factor = (float)t->terms[i].lambda;
  if (t->passed[i]) {
    float *g = wb_net_gradients(t->net);
    const size_t count = wb_net_weight_count(t->net);
#pragma omp parallel for simd schedule(static)
    for (size_t k = 0; k < count; k++) g[k] += factor * t->passed[i][k];
  } else if (t->terms[i].kind == WB_TOPO_WS) {
    for (int j = 0; j < t->place_count; j++)
      wb_net_add_gradient(t->net, t->places[j].weight, t->places[j].dw, factor);
  }
}

wb_status wb_topography_backward(wb_topography *t, const float *d_output, wb_error *err) {
  wb_net_mean_gradient means[MOST_LAYERS];
  wb_net_inflow task = {0};
  wb_status status = WB_OK;
  for (int i = 0; i < t->config.term_count && status == WB_OK; i++)
    if (t->passed[i]) status = pass(t, i, err);
  const wb_topo_kind combined = t->config.matched ? WB_TOPO_WS : combine(t);
  if (combined != WB_TOPO_WS) task = inflow_of(t, combined, means);
  task.output = d_output;
  if (status == WB_OK) status = wb_net_backward_from(t->net, &task, err);
  if (status != WB_OK) return status;
  for (int i = 0; i < t->config.term_count; i++) settle_lambda(t, i);
  for (int i = 0; i < t->config.term_count; i++) add_gradient(t, i);
  if (t->config.norm_penalty > 0)
    wb_net_add_gradient(t->net, t->places[0].weight, t->norm_gradient, (float)t->config.norm_penalty);
  return WB_OK;
}
