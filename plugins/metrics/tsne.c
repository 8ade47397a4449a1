/* tsne.c: a map of the stimuli in the plane, in which those that the embedding has near are near.
 *
 * t-SNE: p_ij from Gaussians around each stimulus that reach `perplexity` neighbours, q_ij = 1/(1 + |y_i -
 * y_j|^2) normalised over all pairs, and the map y that makes
 *
 *     KL = sum_ij p_ij log(p_ij / q_ij)
 *
 * small by gradient descent; 0 would be a perfect map. Distances between far groups, and the sizes of groups,
 * mean little. The silhouette, mean of (b - a) / max(a, b) with a the mean distance to one's own and b that
 * to the nearest other class, is 1 for tight classes far apart and 0 or less where they overlap: in the
 * embedding it measures the representation, in the map the picture.
 *
 * van der Maaten & Hinton 2008; Rousseeuw 1987; Sander & Hasson, Fig. 2.
 *
 *     workbench run tsne --in runs/x.h5 --perplexity 50
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

#include "base/rng.h"
#include "memory.h"
#include "silhouette.h"
#include "tsne.h"

typedef struct tsne_params {
  int64_t stimuli, iterations, exaggerated, seed;
  double perplexity, exaggeration, learning_rate;
  int32_t start, repulsion;
} tsne_params;

static const char *const start_choices[] = {"pca", "random", NULL};
static const char *const repulsion_choices[] = {"by-size", "exact", "grid", NULL};

static const wb_param params_table[] = {
    {.name = "stimuli",
     .help = "how many to map, one drawn from each of as many stretches of the file; 0 for all",
     .type = WB_INT,
     .default_text = "2000",
     .max = 10000000,
     .offset = offsetof(tsne_params, stimuli)},
    {.name = "perplexity",
     .help = "neighbours that a stimulus looks at; three times as many are found",
     .type = WB_FLOAT,
     .default_text = "30",
     .min = 1,
     .max = 1000,
     .offset = offsetof(tsne_params, perplexity)},
    {.name = "iterations",
     .help = "steps of the descent",
     .type = WB_INT,
     .default_text = "1000",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(tsne_params, iterations)},
    {.name = "start",
     .help = "first map: the two largest principal components, or noise",
     .type = WB_CHOICE,
     .choices = start_choices,
     .default_text = "pca",
     .offset = offsetof(tsne_params, start)},
    {.name = "seed",
     .help = "of the draw of stimuli and of the noise in the first map",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(tsne_params, seed)},
    {.name = "exaggeration",
     .help = "how much stronger attraction is at first",
     .type = WB_FLOAT,
     .default_text = "12",
     .min = 1,
     .max = 1000,
     .offset = offsetof(tsne_params, exaggeration),
     .flags = WB_PARAM_ADVANCED},
    {.name = "exaggerated",
     .help = "first iterations in which it is",
     .unit = "iterations",
     .type = WB_INT,
     .default_text = "250",
     .max = 1000000,
     .offset = offsetof(tsne_params, exaggerated),
     .flags = WB_PARAM_ADVANCED},
    {.name = "learning-rate",
     .help = "length of a step; where unset a 48th of the stimuli, at least 50",
     .type = WB_FLOAT,
     .min = 1e-3,
     .max = 1e6,
     .offset = offsetof(tsne_params, learning_rate),
     .flags = WB_PARAM_ADVANCED},
    {.name = "repulsion",
     .help = "over all pairs, or through a grid; by size: a grid for more than 2,500 stimuli",
     .type = WB_CHOICE,
     .choices = repulsion_choices,
     .default_text = "by-size",
     .offset = offsetof(tsne_params, repulsion),
     .flags = WB_PARAM_ADVANCED},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
    {.role = "labels",
     .help = "classes of the stimuli; negative: none",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1,
     .flags = WB_INPUT_OPTIONAL},
};

#define SILHOUETTE(id, label, about, more)                                                                   \
  {                                                                                                          \
    .name = (id), .title = (label), .help = (about), .higher_means = "better separated", .low = -1,          \
    .high = 1, .reference = 0, .shape = WB_SCALAR, .flags = WB_OUTPUT_MAY_BE_MISSING | (more)                \
  }

static const wb_output outputs_table[] = {
    {.name = "map",
     .title = "map by t-SNE",
     .help = "the stimuli in the plane; axes have no unit",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_POINTS,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "divergence",
     .title = "KL divergence of the map",
     .help = "over each stimulus' nearest, three times the perplexity, normalised over all pairs; 0: perfect",
     .unit = "nats",
     .higher_means = "a worse map",
     .low = -1e-9,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    SILHOUETTE("class", "silhouette of classes", "how well classes are separated in the embedding",
               WB_OUTPUT_HEADLINE),
    SILHOUETTE("class-map", "silhouette of classes in the map", "how well classes are separated in the map",
               0),
    SILHOUETTE("superclass", "silhouette of superclasses",
               "how well superclasses are separated in the embedding", WB_OUTPUT_HEADLINE),
    SILHOUETTE("superclass-map", "silhouette of superclasses in the map",
               "how well superclasses are separated in the map", 0),
};

/* The chosen stimuli. */
typedef struct data {
  size_t n, units;
  float *x, *xy;                   // (n, units), (n, 2)
  int32_t *classes, *superclasses; // (n), negative: none; NULL where there are none
  uint32_t iterations;
  const wb_host *host;
} data;

static wb_status refuse_size(const wb_host *host, const tsne_params *p, const data *d) {
  const double each = 8 * (double)d->units + 40 * (double)wb_tsne_neighbours(p->perplexity) + 100;
  char what[1024], instead[64];
  snprintf(what, sizeof what, "%s: t-SNE of %zu stimuli", host->run_path(host, 0), d->n);
  snprintf(instead, sizeof instead, "--stimuli %.0f fits", floor(0.5 * wb_memory_limit() / each));
  return wb_check_memory(host, each * (double)d->n, what, instead);
}

/* A number for each superclass name, in the order in which classes name them. */
static wb_status read_superclasses(const wb_host *host, data *d) {
  const char *const *names;
  uint32_t count;
  WB_TRY(host->names(host, 0, "superclass", &names, &count));
  if (count == 0) return WB_OK;
  d->superclasses = WB_ALLOC(host, int32_t, d->n);
  if (!d->superclasses) return WB_NOMEM;
  for (size_t i = 0; i < d->n; i++) {
    const int32_t class = d->classes[i];
    d->superclasses[i] = -1;
    for (uint32_t c = 0; class >= 0 && (uint32_t) class < count && d->superclasses[i] < 0; c++) {
      if (strcmp(names[c], names[class]) == 0) d->superclasses[i] = (int32_t)c;
    }
  }
  return WB_OK;
}

/* One of the i-th of n equal stretches of a file: neither sorted nor alternating classes bias the draw. */
static uint64_t draw_row(uint64_t seed, size_t i, size_t n, uint64_t rows) {
  const uint64_t first = i * rows / n, end = (i + 1) * rows / n;
  wb_rng rng = wb_rng_make(seed, "tsne-stimuli", i);
  return first + wb_rng_below(&rng, (uint32_t)(end - first));
}

static wb_status read_stimuli(const wb_host *host, const tsne_params *p, data *d) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  const uint64_t wanted = (uint64_t)p->stimuli;
  d->n = wanted == 0 || wanted > dims[0] ? dims[0] : wanted;
  d->units = dims[1];
  if (d->n <= wb_tsne_neighbours(1) || d->units < 1)
    return wb_host_fail(host, WB_INPUT, "%s: %zu stimuli of %zu units; t-SNE needs at least %zu of 1",
                        host->run_path(host, 0), d->n, d->units, wb_tsne_neighbours(1) + 1);
  if (d->n <= wb_tsne_neighbours(p->perplexity)) {
    return wb_host_fail(
        host, WB_INPUT,
        "%s: %zu stimuli of %zu units; t-SNE with perplexity %g looks at %zu neighbours of each and "
        "needs more stimuli than that: --perplexity %g would do",
        host->run_path(host, 0), d->n, d->units, p->perplexity, wb_tsne_neighbours(p->perplexity),
        fmax(1, floor(((double)d->n - 1) / 3)));
  }
  WB_TRY(refuse_size(host, p, d));
  d->x = WB_ALLOC(host, float, d->n * d->units);
  d->xy = WB_ALLOC(host, float, 2 * d->n);
  if (!d->x || !d->xy) return WB_NOMEM;
  const int labelled = host->has(host, "labels", 0);
  if (labelled && !(d->classes = WB_ALLOC(host, int32_t, d->n))) return WB_NOMEM;
  if (d->n == dims[0]) { // all at once
    WB_TRY(host->read(host, "activations", 0, 0, d->n, d->x));
    if (labelled) WB_TRY(host->read(host, "labels", 0, 0, d->n, d->classes));
  }
  for (size_t i = 0; d->n < dims[0] && i < d->n; i++) {
    const uint64_t row = draw_row((uint64_t)p->seed, i, d->n, dims[0]);
    WB_TRY(host->read(host, "activations", 0, row, 1, d->x + i * d->units));
    if (labelled) WB_TRY(host->read(host, "labels", 0, row, 1, d->classes + i));
  }
  return labelled ? read_superclasses(host, d) : WB_OK;
}

static bool stop(void *context, size_t iteration) {
  const data *d = context;
  d->host->progress(d->host, (double)iteration, d->iterations, NULL);
  return d->host->cancelled(d->host);
}

static wb_status make_map(const wb_host *host, const tsne_params *p, data *d) {
  wb_error err = {0};
  wb_tsne_options o = wb_tsne_defaults();
  o.perplexity = p->perplexity;
  o.iterations = (size_t)p->iterations;
  o.exaggerated = (size_t)p->exaggerated;
  o.exaggeration = p->exaggeration;
  o.learning_rate = isnan(p->learning_rate) ? 0 : p->learning_rate;
  o.start = (wb_tsne_start)p->start;
  o.repulsion = (wb_tsne_repulsion)p->repulsion;
  o.seed = (uint64_t)p->seed;
  o.stop = stop;
  o.context = d;
  double divergence;
  const wb_status status = wb_tsne(d->xy, &divergence, d->x, d->n, d->units, &o, &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  double *map = WB_ALLOC(host, double, 2 * d->n);
  if (!map) return WB_NOMEM;
  for (size_t k = 0; k < 2 * d->n; k++) map[k] = (double)d->xy[k];
  WB_TRY(host->emit_points(host, "map", d->n, map, d->classes));
  return host->emit_scalar(host, "divergence", divergence);
}

/* Of one division into classes, in the embedding and in the map. */
static wb_status emit_silhouette(const wb_host *host, const data *d, const int32_t *classes, const char *name,
                                 const char *map_name, const char *none) {
  double embedding, map;
  wb_error err = {0};
  if (!classes) {
    WB_TRY(host->emit_missing(host, name, none));
    return host->emit_missing(host, map_name, none);
  }
  if (wb_silhouette(&embedding, d->x, classes, d->n, d->units, &err) != WB_OK ||
      wb_silhouette(&map, d->xy, classes, d->n, 2, &err) != WB_OK)
    return host->fail(host, err.status, err.message);
  if (isnan(embedding)) {
    WB_TRY(host->emit_missing(host, name, "all stimuli are of one class"));
    return host->emit_missing(host, map_name, "all stimuli are of one class");
  }
  WB_TRY(host->emit_scalar(host, name, embedding));
  return host->emit_scalar(host, map_name, map);
}

static wb_status run(const wb_host *host, const void *params) {
  const tsne_params *p = params;
  data d = {.host = host, .iterations = (uint32_t)p->iterations};
  WB_TRY(read_stimuli(host, p, &d));
  WB_TRY(make_map(host, p, &d));
  WB_TRY(emit_silhouette(host, &d, d.classes, "class", "class-map", "the file has no labels"));
  return emit_silhouette(host, &d, d.superclasses, "superclass", "superclass-map",
                         "the file names no superclasses");
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(tsne_params),
    .id = "tsne",
    .version = "1.0",
    .title = "map of the stimuli in the plane (t-SNE)",
    .summary =
        "A t-SNE map: stimuli that are near in the embedding are near in the plane; distances between far "
        "groups mean little. With it the divergence that the map could not avoid (0: none), and the "
        "silhouette of classes and superclasses, in the embedding and in the map: 1, tight and far apart; "
        "0 or less, overlapping.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "van der Maaten & Hinton 2008; Rousseeuw 1987; Sander & Hasson, Fig. 2",
    .example = "workbench run tsne --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
