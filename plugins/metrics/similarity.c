/* similarity.c: how alike embeddings are within and across classes.
 *
 * Cosine similarity x.y / (|x| |y|) of the embeddings of every pair of rdm's stimuli (the first 100 test
 * images of each class): mean and population sd over pairs of one class (within), and over pairs of two
 * (across). 1: the same direction; 0: unrelated; -1: opposite. Within high and across low: classes stand
 * apart. A zero embedding has similarity 0 with all others and is counted.
 *
 * Sander & Hasson, Table 1; similarity-table sets it beside the published one.
 *
 *     workbench run similarity --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "stimuli.h"

enum { STRIP = 384, BINS = 100 };

typedef struct similarity_params {
  int32_t after_relu;
  int64_t per_class;
} similarity_params;

static const wb_param params_table[] = {WB_PARAM_PER_CLASS(similarity_params),
                                        WB_PARAM_AFTER_RELU(similarity_params)};

static const wb_input inputs_table[] = {WB_INPUT_EMBEDDING(0), WB_INPUT_CLASSES};

#define SIMILARITY(output_name, output_title, what, ...)                                                     \
  {                                                                                                          \
    .name = (output_name), .title = (output_title), .help = (what), .reference = NAN, .shape = WB_SCALAR,    \
    .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING, .high = 1, __VA_ARGS__                           \
  }
#define DISTRIBUTION(output_name, what)                                                                      \
  {                                                                                                          \
    .name = (output_name), .title = "pairs of stimuli", .help = (what), .x_label = "cosine similarity",      \
    .higher_means = "more pairs of that similarity", .high = INFINITY, .reference = NAN,                     \
    .shape = WB_HISTOGRAM, .flags = WB_OUTPUT_MAY_BE_MISSING                                                 \
  }

static const wb_output outputs_table[] = {
    SIMILARITY("within", "similarity within classes", "mean cosine similarity of two stimuli of one class",
               .higher_means = "more alike", .low = -1),
    SIMILARITY("within-sd", "sd over pairs", "population sd of the similarity within classes",
               .higher_means = "more varied pairs", .low = 0, .plot = WB_PLOT_NONE),
    SIMILARITY("across", "similarity across classes",
               "mean cosine similarity of two stimuli of different classes", .higher_means = "more alike",
               .low = -1),
    SIMILARITY("across-sd", "sd over pairs", "population sd of the similarity across classes",
               .higher_means = "more varied pairs", .low = 0, .plot = WB_PLOT_NONE),
    DISTRIBUTION("within-distribution", "similarity of pairs of stimuli of one class"),
    DISTRIBUTION("across-distribution", "similarity of pairs of stimuli of different classes"),
    {.name = "zero",
     .title = "zero embeddings",
     .help = "stimuli whose embedding is zero: similarity 0 with all others",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

/* Pairs across classes, or within. */
typedef struct kind {
  double sum, square, count; // of distances 1 - similarity, which are small where all are alike
  double bins[BINS];
} kind;

static void gather(kind kinds[2], const double *distance, const wb_stimuli *stimuli, size_t i) {
  for (size_t j = i + 1; j < stimuli->count; j++) {
    kind *k = &kinds[stimuli->labels[i] == stimuli->labels[j]];
    const double d = distance[j - i - 1];
    const int bin = (int)((2 - d) / 2 * BINS);
    k->sum += d;
    k->square += d * d;
    k->count++;
    k->bins[bin < 0 ? 0 : bin < BINS ? bin : BINS - 1]++;
  }
}

static wb_status emit(const wb_host *host, const kind kinds[2]) {
  static const char *const names[2][3] = {{"across", "across-sd", "across-distribution"},
                                          {"within", "within-sd", "within-distribution"}};
  static const char *const reasons[] = {"there is only one class", "no class has two stimuli"};
  double edges[BINS + 1];
  for (int b = 0; b <= BINS; b++) edges[b] = -1 + 2.0 * b / BINS;
  for (int i = 0; i < 2; i++) {
    const kind *k = &kinds[i];
    for (int o = 0; o < 3 && k->count == 0; o++) WB_TRY(host->emit_missing(host, names[i][o], reasons[i]));
    if (k->count == 0) continue;
    const double mean = k->sum / k->count;
    WB_TRY(host->emit_scalar(host, names[i][0], 1 - mean));
    WB_TRY(host->emit_scalar(host, names[i][1], sqrt(fmax(k->square / k->count - mean * mean, 0))));
    WB_TRY(host->emit_histogram(host, names[i][2], BINS, edges, k->bins));
  }
  return WB_OK;
}

static wb_status measure(const wb_host *host, kind kinds[2], const wb_stimuli *stimuli, double *x) {
  const size_t n = stimuli->count;
  double *square = WB_ALLOC(host, double, n), *distances = WB_ALLOC(host, double, STRIP *n);
  size_t zero;
  wb_error err = {0};
  if (!square || !distances) return WB_NOMEM;
  wb_status status = wb_distance_prepare(x, square, &zero, WB_DISTANCE_COSINE, n, stimuli->units, &err);
  for (size_t first = 0; first + 1 < n && status == WB_OK; first += STRIP) {
    const size_t count = n - first < STRIP ? n - first : STRIP, start = wb_pair_place(first, first + 1, n);
    status =
        wb_distance_rows(distances, x, square, WB_DISTANCE_COSINE, first, count, n, stimuli->units, &err);
    for (size_t i = first; i < first + count && i + 1 < n && status == WB_OK; i++)
      gather(kinds, distances + wb_pair_place(i, i + 1, n) - start, stimuli, i);
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)n, NULL);
  }
  return status == WB_OK ? host->emit_scalar(host, "zero", (double)zero)
                         : host->fail(host, status, err.message);
}

static wb_status run(const wb_host *host, const void *params) {
  const similarity_params *p = params;
  wb_stimuli stimuli;
  kind kinds[2] = {0};
  WB_TRY(wb_stimuli_choose(host, 0, p->per_class, &stimuli));
  char what[1024];
  snprintf(what, sizeof what, "%s: the similarity of %zu stimuli", host->run_path(host, 0), stimuli.count);
  WB_TRY(wb_check_memory(
      host, wb_stimuli_bytes(&stimuli, WB_DISTANCE_COSINE) + 8 * (double)stimuli.count * (1 + STRIP), what,
      "--per-class takes fewer stimuli"));
  double *x = WB_ALLOC(host, double, stimuli.count *stimuli.units);
  if (!x) return WB_NOMEM;
  WB_TRY(wb_stimuli_read(host, 0, &stimuli, p->after_relu, x));
  WB_TRY(measure(host, kinds, &stimuli, x));
  return emit(host, kinds);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(similarity_params),
    .id = "similarity",
    .version = "1.0",
    .title = "similarity of embeddings within and across classes",
    .summary =
        "Mean cosine similarity of the embeddings of two stimuli of one class (within) and of two "
        "classes (across), with the standard deviation over pairs. 1: the same direction; 0: unrelated; "
        "-1: opposite. High within and low across: classes stand apart.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Table 1",
    .example = "workbench run similarity --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
