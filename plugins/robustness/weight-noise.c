/* weight-noise.c: accuracy with perturbed weights.
 *
 *     W' = W + s sd(W) N(0, 1)      sd(W): population sd over all entries of the matrix or the filters
 *
 * for each level s and each of 20 seeded draws: on the readout, the embedding layer, or every layer of the
 * encoder (its embedding layer included), each with its own sd. Biases and batch norm stay. drop = clean
 * accuracy - mean accuracy over draws: 0 is unharmed, clean accuracy - chance is all lost.
 *
 * Of a perturbed readout also the cosine similarity between the upper triangles of the class-weight RSM
 * (Pearson r between the rows of W) before and after: 1 keeps the geometry of the classes, 0 loses it. A
 * constant row has r = 0. Definition chosen by workbench after Truong & Hasson.
 *
 * The draw is a function of --seed, layer, level and number of the draw: the same for every run.
 *
 *     workbench run weight-noise --in runs/x.h5 --target embedding --images 1000
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <cblas.h>
#include <string.h>

#include "images.h"
#include "noise.h"
#include "weight_rows.h"

enum { READOUT, EMBEDDING, ENCODER };

typedef struct weight_noise_params {
  int32_t target;
  wb_float_list levels;
  int64_t draws, images;
} weight_noise_params;

static const char *const target_choices[] = {"readout", "embedding", "encoder", NULL};

static const wb_param params_table[] = {
    {.name = "target",
     .help = "weights to perturb: the classifier's, the embedding layer's, or all of the encoder's",
     .type = WB_CHOICE,
     .choices = target_choices,
     .default_text = "readout",
     .offset = offsetof(weight_noise_params, target)},
    {.name = "levels",
     .help = "sd of the noise, in units of the weights' own sd",
     .type = WB_FLOAT_LIST,
     .default_text = "0.1,0.25,0.5,1,2",
     .max = 1000,
     .offset = offsetof(weight_noise_params, levels)},
    {.name = "draws",
     .help = "perturbations at each level",
     .type = WB_INT,
     .default_text = "20",
     .min = 1,
     .max = 100000,
     .offset = offsetof(weight_noise_params, draws)},
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "0",
     .max = 1e9,
     .offset = offsetof(weight_noise_params, images)},
};

static const wb_input inputs_table[] = {WB_TESTED_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "accuracy",
     .title = "test accuracy",
     .help = "with perturbed weights, mean over draws, by level",
     .higher_means = "more robust",
     .x_label = "weight noise (sd of the weights)",
     .beside = "similarity",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_SEM},
    {.name = "accuracy-sd",
     .title = "sd of accuracy",
     .help = "over draws, by level",
     .x_label = "weight noise (sd of the weights)",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "similarity",
     .title = "RSM similarity",
     .help = "cosine between the class-weight RSMs before and after, mean over draws, by level",
     .higher_means = "better preserved",
     .x_label = "weight noise (sd of the weights)",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_SEM},
    {.name = "clean",
     .title = "clean accuracy",
     .help = "with the weights as trained",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "drop",
     .title = "loss of accuracy",
     .help = "clean accuracy minus accuracy with perturbed weights, mean over levels and draws",
     .higher_means = "less robust",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
};

typedef struct layer {
  uint32_t tensor;
  const char *name;
  size_t count;
  float *whole; // as trained
  double sd;
} layer;

enum { MOST_LAYERS = 256 };

typedef struct session {
  const wb_host *host;
  const weight_noise_params *params;
  wb_tested t;
  layer layers[MOST_LAYERS];
  size_t layer_count;
  float *noisy;  // (largest layer)
  double *z;     // (largest layer)
  float *logits; // (WB_TESTED_BATCH, classes)
  double done, total;
  /* Of a perturbed readout, as the network is the same in every draw: */
  float *inputs;   // (images, units): what the readout reads
  float *outputs;  // (images, classes): its logits as trained
  int32_t *labels; // (images)
  float *change;   // (classes, units): W' - W
} session;

static bool targeted(int32_t target, const char *name, uint32_t rank) {
  const bool readout = strncmp(name, "readout.", 8) == 0;
  if (rank < 2) return false;
  return target == READOUT ? readout : target == EMBEDDING ? strcmp(name, "embedding.weight") == 0 : !readout;
}

static double spread(const float *values, size_t n) {
  double mean = 0, square = 0;
  for (size_t i = 0; i < n; i++) mean += (double)values[i] / (double)n;
  for (size_t i = 0; i < n; i++) square += ((double)values[i] - mean) * ((double)values[i] - mean);
  return sqrt(square / (double)n);
}

static wb_status open(session *s) {
  const wb_host *host = s->host;
  const wb_engine_1 *engine;
  uint32_t rank, dims[WB_MAX_RANK];
  const char *name;
  size_t largest = 0;
  WB_TRY(wb_tested_open(host, 0, (uint64_t)s->params->images, &s->t));
  engine = s->t.engine;
  if (engine->struct_size < offsetof(wb_engine_1, tensor_set) + sizeof engine->tensor_set)
    return host->fail(host, WB_UNSUPPORTED, "this host's service engine/1 cannot replace weights");
  for (uint32_t i = 0; (name = engine->tensor(s->t.model, i, &rank, dims)); i++) {
    if (!targeted(s->params->target, name, rank)) continue;
    if (s->layer_count == MOST_LAYERS)
      return wb_host_fail(host, WB_UNSUPPORTED, "the network has more than %d layers", MOST_LAYERS);
    layer *l = &s->layers[s->layer_count++];
    *l = (layer){.tensor = i, .name = name, .count = 1};
    for (uint32_t a = 0; a < rank; a++) l->count *= dims[a];
    if (!(l->whole = WB_ALLOC(host, float, l->count))) return WB_NOMEM;
    WB_TRY(engine->tensor_get(host, s->t.model, i, l->whole));
    l->sd = spread(l->whole, l->count);
    if (l->count > largest) largest = l->count;
  }
  s->noisy = WB_ALLOC(host, float, largest);
  s->z = WB_ALLOC(host, double, largest);
  s->logits = WB_ALLOC(host, float, (size_t)WB_TESTED_BATCH * s->t.classes);
  if (!s->noisy || !s->z || !s->logits) return WB_NOMEM;
  if (s->params->target != READOUT) return WB_OK;
  s->inputs = WB_ALLOC(host, float, s->t.count * s->t.units);
  s->outputs = WB_ALLOC(host, float, s->t.count * s->t.classes);
  s->labels = WB_ALLOC(host, int32_t, s->t.count);
  s->change = WB_ALLOC(host, float, largest);
  return s->inputs && s->outputs && s->labels && s->change ? WB_OK : WB_NOMEM;
}

/* Puts W' in the place of W in every targeted layer of the encoder; the last one stays in `noisy`, and the
 * readout's only there. */
static wb_status perturb(session *s, double level, uint64_t draw) {
  const wb_host *host = s->host;
  for (size_t i = 0; i < s->layer_count; i++) {
    const layer *l = &s->layers[i];
    char stream[160];
    snprintf(stream, sizeof stream, "%s %.17g", l->name, level);
    wb_rng rng = wb_rng_make(host->seed(host, "weight-noise"), stream, draw);
    wb_noise_normals(s->z, l->count, &rng);
    for (size_t k = 0; k < l->count; k++)
      s->noisy[k] = (float)((double)l->whole[k] + level * l->sd * s->z[k]);
    if (s->params->target != READOUT) WB_TRY(s->t.engine->tensor_set(host, s->t.model, l->tensor, s->noisy));
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
    s->host->progress(s->host, s->done += n, s->total, NULL);
  }
  *accuracy = (double)right / (double)s->t.count;
  return WB_OK;
}

/* Runs the network once for all perturbations of its readout; accuracy with the weights as trained. */
static wb_status keep_readout(session *s, double *accuracy) {
  static const char *const layers[] = {"readout_input", "logits"};
  const wb_host *host = s->host;
  uint64_t right = 0;
  for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
    float *const outs[] = {s->inputs + first * s->t.units, s->outputs + first * s->t.classes};
    uint32_t n;
    if (host->cancelled(host)) return WB_CANCELLED;
    WB_TRY(wb_tested_read(host, &s->t, first, &n));
    WB_TRY(s->t.engine->forward(host, s->t.model, s->t.clean, n, 2, layers, outs));
    memcpy(s->labels + first, s->t.labels, n * sizeof *s->labels);
    right += wb_tested_right(&s->t, outs[1], n);
    host->progress(host, s->done += n, s->total, NULL);
  }
  *accuracy = (double)right / (double)s->t.count;
  return WB_OK;
}

/* Accuracy with the readout in `noisy`: what it reads, x, is kept, and the logits change by x (W' - W)^T. */
static wb_status evaluate_readout(session *s, double *accuracy) {
  const size_t units = s->t.units, classes = s->t.classes;
  wb_tested batch = s->t;
  uint64_t right = 0;
  for (size_t k = 0; k < classes * units; k++) s->change[k] = s->noisy[k] - s->layers[0].whole[k];
  for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
    const uint64_t left = s->t.count - first;
    const uint32_t n = left < WB_TESTED_BATCH ? (uint32_t)left : WB_TESTED_BATCH;
    if (s->host->cancelled(s->host)) return WB_CANCELLED;
    memcpy(s->logits, s->outputs + first * classes, n * classes * sizeof *s->logits);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)classes, (int)units, 1,
                s->inputs + first * units, (int)units, s->change, (int)units, 1, s->logits, (int)classes);
    batch.labels = s->labels + first;
    right += wb_tested_right(&batch, s->logits, n);
  }
  *accuracy = (double)right / (double)s->t.count;
  return WB_OK;
}

/* Cosine between the upper triangles of the matrices of Pearson r between the rows of a and of b (rows, n).
 */
static double rsm_similarity(const float *a, const float *b, size_t rows, size_t n) {
  double product = 0, square_a = 0, square_b = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t k = i + 1; k < rows; k++) {
      const double x = 1 - wb_row_distance_of(a + i * n, a + k * n, n, WB_ROW_CORRELATION);
      const double y = 1 - wb_row_distance_of(b + i * n, b + k * n, n, WB_ROW_CORRELATION);
      product += x * y;
      square_a += x * x;
      square_b += y * y;
    }
  return product / sqrt(square_a * square_b);
}

/* ---- Output ---- */

/* By level: mean and sd of accuracy over draws, mean similarity (NaN where there is none). */
typedef struct curves {
  double *accuracy, *sd, *similarity;
} curves;

static wb_status measure_level(session *s, size_t level, curves *c) {
  const double draws = (double)s->params->draws;
  const bool readout = s->params->target == READOUT;
  double sum = 0, square = 0, similarity = 0;
  for (uint64_t d = 0; d < (uint64_t)s->params->draws; d++) {
    double accuracy;
    WB_TRY(perturb(s, s->params->levels.items[level], d));
    WB_TRY(readout ? evaluate_readout(s, &accuracy) : evaluate(s, &accuracy));
    sum += accuracy;
    square += accuracy * accuracy;
    if (readout) similarity += rsm_similarity(s->layers[0].whole, s->noisy, s->t.classes, s->t.units) / draws;
  }
  c->accuracy[level] = sum / draws;
  c->sd[level] = draws > 1 ? sqrt(fmax(0, square - sum * sum / draws) / (draws - 1)) : NAN;
  c->similarity[level] = readout ? similarity : NAN;
  return WB_OK;
}

static wb_status emit(const session *s, const curves *c, double clean) {
  const wb_host *host = s->host;
  const wb_float_list *levels = &s->params->levels;
  double drop = 0;
  bool similar = true;
  for (size_t i = 0; i < levels->count; i++) {
    drop += (clean - c->accuracy[i]) / (double)levels->count;
    similar = similar && isfinite(c->similarity[i]);
  }
  WB_TRY(host->emit_scalar(host, "clean", clean));
  WB_TRY(host->emit_scalar(host, "drop", drop));
  WB_TRY(host->emit_curve(host, "accuracy", levels->count, levels->items, c->accuracy));
  WB_TRY(s->params->draws > 1 ? host->emit_curve(host, "accuracy-sd", levels->count, levels->items, c->sd)
                              : host->emit_missing(host, "accuracy-sd", "there is only one draw"));
  if (similar) return host->emit_curve(host, "similarity", levels->count, levels->items, c->similarity);
  return host->emit_missing(host, "similarity",
                            s->params->target == READOUT ? "the weights of the classes do not correlate"
                                                         : "it is that of the readout's weights");
}

static wb_status check(const wb_host *host, const void *params) {
  if (((const weight_noise_params *)params)->levels.count) return WB_OK;
  return host->fail(host, WB_ARG, "--levels is empty; it needs at least one level, such as 0.5");
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  const size_t levels = s.params->levels.count;
  curves c = {WB_ALLOC(host, double, levels), WB_ALLOC(host, double, levels), WB_ALLOC(host, double, levels)};
  const bool readout = s.params->target == READOUT;
  double clean;
  if (!c.accuracy || !c.sd || !c.similarity) return WB_NOMEM;
  WB_TRY(open(&s));
  s.total = (double)s.t.count * (readout ? 1 : 1 + (double)levels * (double)s.params->draws);
  WB_TRY(readout ? keep_readout(&s, &clean) : evaluate(&s, &clean));
  for (size_t i = 0; i < levels; i++) WB_TRY(measure_level(&s, i, &c));
  return emit(&s, &c, clean);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(weight_noise_params),
    .id = "weight-noise",
    .version = "1.0",
    .title = "accuracy with perturbed weights",
    .summary =
        "Adds Gaussian noise to the weights of the readout, the embedding layer, or the whole encoder and "
        "measures how much accuracy is lost: 0 is unharmed, clean accuracy minus chance is all. Of the "
        "readout also whether the similarities between the classes' weights survive (1: as before, 0: "
        "lost). Every run sees the same draws. Definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Truong & Hasson (2025); definition chosen by workbench",
    .example = "workbench run weight-noise --in runs/*.h5 --target embedding --images 1000",
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
