/* pruning.c: accuracy when the weights of the smallest magnitude are removed, without training again.
 *
 * Of the targeted weights (filters and matrices, never biases or batch norm) the given share with the
 * smallest |w| is set to zero: over all of them together, or of each layer. Accuracy on test images, by
 * share, and the share at which it has fallen by one point.
 *
 * A share near 1: few weights carry the result, and a sparse subnetwork was there all along. Near 0: all
 * matter. A network that never falls by a point has no such share. Magnitude pruning after Han et al. (2015),
 * "Learning both weights and connections for efficient neural networks"; shares chosen by workbench.
 *
 *     workbench run pruning --in runs/x.h5 --target embedding
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "images.h"
#include "pruning.h"

typedef struct pruning_params {
  wb_float_list shares;
  int64_t images;
  int32_t target, per_layer;
} pruning_params;

enum { ENCODER, EMBEDDING, READOUT };
static const char *const targets[] = {"encoder", "embedding", "readout", NULL};

static const wb_param params_table[] = {
    {.name = "target",
     .help = "weights that are pruned: of the whole encoder (its filters and the embedding layer), of the "
             "embedding layer, or of the classifier",
     .type = WB_CHOICE,
     .choices = targets,
     .default_text = "encoder",
     .offset = offsetof(pruning_params, target)},
    {.name = "per-layer",
     .help = "remove the share from each layer; otherwise from all targeted weights together",
     .type = WB_BOOL,
     .default_text = "no",
     .offset = offsetof(pruning_params, per_layer)},
    {.name = "shares",
     .help = "of weights removed, ascending",
     .type = WB_FLOAT_LIST,
     .default_text = "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,0.95,0.99",
     .max = 1,
     .offset = offsetof(pruning_params, shares)},
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "0",
     .max = 100000000,
     .offset = offsetof(pruning_params, images)},
};

static const wb_input inputs_table[] = {WB_TESTED_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "accuracy",
     .title = "accuracy",
     .help = "share of test images classified rightly, by share of weights removed",
     .x_label = "share of weights removed",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "clean",
     .title = "accuracy of all weights",
     .help = "share of the same images classified rightly by the whole network",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "share-lost-1",
     .title = "share that costs 1 point",
     .help = "share of weights removed at which accuracy is 1 point below that of all weights",
     .higher_means = "more weights can go",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "weights",
     .title = "weights",
     .help = "that can be removed",
     .low = 1,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

/* A targeted tensor: where its values begin among all targeted ones. */
typedef struct layer {
  uint32_t tensor;
  size_t first, count;
} layer;

enum { MOST_LAYERS = 256 };

typedef struct session {
  const wb_host *host;
  const pruning_params *params;
  wb_tested t;
  layer layers[MOST_LAYERS];
  size_t layer_count, weight_count;
  float *whole, *pruned; // (weight_count): as trained, and with zeros
  uint64_t *order;       // (weight_count): of each layer, or of all
  float *logits;         // (WB_TESTED_BATCH, classes)
  double done, total;    // images
} session;

static bool targeted(const session *s, const char *name, uint32_t rank) {
  const bool readout = strncmp(name, "readout.", 8) == 0;
  if (rank < 2) return false;
  return s->params->target == READOUT     ? readout
         : s->params->target == EMBEDDING ? strcmp(name, "embedding.weight") == 0
                                          : !readout;
}

static wb_status find_layers(session *s) {
  const wb_engine_1 *engine = s->t.engine;
  uint32_t rank, dims[WB_MAX_RANK];
  const char *name;
  for (uint32_t i = 0; (name = engine->tensor(s->t.model, i, &rank, dims)); i++) {
    if (!targeted(s, name, rank)) continue;
    if (s->layer_count == MOST_LAYERS)
      return wb_host_fail(s->host, WB_UNSUPPORTED, "the network has more than %d layers", MOST_LAYERS);
    layer *l = &s->layers[s->layer_count++];
    *l = (layer){.tensor = i, .first = s->weight_count, .count = 1};
    for (uint32_t a = 0; a < rank; a++) l->count *= dims[a];
    s->weight_count += l->count;
  }
  return WB_OK;
}

static wb_status open(session *s) {
  const wb_host *host = s->host;
  WB_TRY(wb_tested_open(host, 0, (uint64_t)s->params->images, &s->t));
  if (s->t.engine->struct_size < offsetof(wb_engine_1, tensor_set) + sizeof s->t.engine->tensor_set)
    return host->fail(host, WB_UNSUPPORTED, "this host's service engine/1 cannot replace weights");
  WB_TRY(find_layers(s));
  s->whole = WB_ALLOC(host, float, s->weight_count);
  s->pruned = WB_ALLOC(host, float, s->weight_count);
  s->order = WB_ALLOC(host, uint64_t, s->weight_count);
  s->logits = WB_ALLOC(host, float, (size_t)WB_TESTED_BATCH * s->t.classes);
  if (!s->whole || !s->pruned || !s->order || !s->logits) return WB_NOMEM;
  for (size_t i = 0; i < s->layer_count; i++) {
    const layer *l = &s->layers[i];
    WB_TRY(s->t.engine->tensor_get(host, s->t.model, l->tensor, s->whole + l->first));
    if (s->params->per_layer) wb_magnitude_order(s->order + l->first, s->whole + l->first, l->count);
  }
  if (!s->params->per_layer) wb_magnitude_order(s->order, s->whole, s->weight_count);
  return WB_OK;
}

static void remove_smallest(float *weights, const uint64_t *order, double share, size_t n) {
  const size_t count = wb_pruned_count(share, n);
  for (size_t k = 0; k < count; k++) weights[(uint32_t)order[k]] = 0;
}

static wb_status prune(session *s, double share) {
  memcpy(s->pruned, s->whole, s->weight_count * sizeof *s->pruned);
  if (!s->params->per_layer) remove_smallest(s->pruned, s->order, share, s->weight_count);
  for (size_t i = 0; i < s->layer_count; i++) {
    const layer *l = &s->layers[i];
    if (s->params->per_layer) remove_smallest(s->pruned + l->first, s->order + l->first, share, l->count);
    WB_TRY(s->t.engine->tensor_set(s->host, s->t.model, l->tensor, s->pruned + l->first));
  }
  return WB_OK;
}

static wb_status evaluate(session *s, double *accuracy) {
  uint64_t right = 0;
  for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
    uint32_t n;
    WB_TRY(wb_tested_read(s->host, &s->t, first, &n));
    WB_TRY(wb_tested_logits(s->host, &s->t, s->t.clean, n, s->logits));
    right += wb_tested_right(&s->t, s->logits, n);
    s->done += n;
    s->host->progress(s->host, s->done, s->total, NULL);
  }
  *accuracy = (double)right / (double)s->t.count;
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  WB_TRY(open(&s));
  const wb_float_list *shares = &s.params->shares;
  const size_t extra = shares->items[0] > 0, count = shares->count + extra; // the whole network comes first
  double *x = WB_ALLOC(host, double, count), *y = WB_ALLOC(host, double, count);
  if (!x || !y) return WB_NOMEM;
  x[0] = 0;
  memcpy(x + extra, shares->items, shares->count * sizeof *x);
  s.total = (double)count * (double)s.t.count;
  for (size_t i = 0; i < count; i++) {
    WB_TRY(prune(&s, x[i]));
    WB_TRY(evaluate(&s, &y[i]));
  }
  const double share = wb_share_of_drop(x, y, 0.01, count);
  WB_TRY(host->emit_curve(host, "accuracy", count, x, y));
  WB_TRY(host->emit_scalar(host, "clean", y[0]));
  WB_TRY(host->emit_scalar(host, "weights", (double)s.weight_count));
  return wb_host_emit_or_missing(host, "share-lost-1", share, "accuracy never falls by a point");
}

static wb_status check(const wb_host *host, const void *params) {
  const wb_float_list *shares = &((const pruning_params *)params)->shares;
  bool ascending = shares->count > 0;
  for (size_t i = 1; i < shares->count; i++) ascending = ascending && shares->items[i] > shares->items[i - 1];
  return ascending ? WB_OK : host->fail(host, WB_ARG, "--shares are in ascending order, as in 0,0.5,0.9");
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED,
    .params_size = sizeof(pruning_params),
    .id = "pruning",
    .version = "1.0",
    .title = "accuracy without the smallest weights",
    .summary =
        "Sets a growing share of the network's weights to zero, the smallest magnitudes first, without "
        "training again, and tells the accuracy that is left and the share that costs one point. A share "
        "near 1: few weights carry the result; near 0: all of them matter. Definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Han, Pool, Tran & Dally (2015); definition chosen by workbench",
    .example = "workbench run pruning --in runs/*.h5 --target encoder --per-layer",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
