/* rdm.c: representational dissimilarity matrices.
 *
 * The distance of the embeddings x, y of every pair of stimuli:
 *
 *     pearson      1 - r(x, y)                     0: the same pattern; 1: unrelated; 2: opposite
 *     spearman     the same of the units' ranks
 *     cosine       1 - x.y / (|x| |y|)
 *     euclidean    |x - y|                         0: the same; no upper bound
 *     mahalanobis  sqrt((x - y)' S^-1 (x - y))     S: covariance within classes, pooled, shrunk by
 * Ledoit-Wolf
 *
 * A pattern without a direction (constant under pearson and spearman, zero under cosine) is at distance 1
 * from all others and counted in `flat`. The stimuli are the first 100 test images of each class, in class
 * order.
 *
 * Kriegeskorte, Mur & Bandettini 2008; Ledoit & Wolf 2004; Sander & Hasson.
 *
 *     workbench run rdm --in runs/x.h5 --distance cosine
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "stimuli.h"

enum { STRIP = 384, MOST_CELLS = 200 };

typedef struct rdm_params {
  int32_t distance, after_relu, keep_pairs;
  int64_t per_class;
} rdm_params;

static const wb_param params_table[] = {
    WB_PARAM_DISTANCE(rdm_params),
    WB_PARAM_PER_CLASS(rdm_params),
    WB_PARAM_AFTER_RELU(rdm_params),
    {.name = "keep-pairs",
     .help =
         "keep the distance of every pair, which other analyses need; without, only means and the picture",
     .type = WB_BOOL,
     .default_text = "yes",
     .offset = offsetof(rdm_params, keep_pairs)},
};

static const wb_input inputs_table[] = {WB_INPUT_EMBEDDING(0), WB_INPUT_CLASSES};

static const wb_output outputs_table[] = {
    {.name = "map",
     .title = "distance",
     .help = "of the stimuli in class order; of more than 200 stimuli, means over blocks of them",
     .higher_means = "less alike",
     .x_label = "stimulus",
     .y_label = "stimulus",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_RUNS,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "pairs",
     .title = "distance",
     .help = "of all pairs of stimuli: the upper triangle of the RDM without its diagonal, row by row",
     .higher_means = "less alike",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "mean",
     .title = "mean distance",
     .help = "over all pairs of stimuli",
     .higher_means = "less alike",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "within",
     .title = "distance within classes",
     .help = "mean over pairs of stimuli of one class",
     .higher_means = "less alike",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "across",
     .title = "distance across classes",
     .help = "mean over pairs of stimuli of different classes",
     .higher_means = "less alike",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "stimuli",
     .title = "stimuli",
     .help = "how many were compared",
     .low = 2,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "flat",
     .title = "stimuli without a direction",
     .help = "constant embeddings (zero ones under cosine): at distance 1 from all others",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "shrinkage",
     .title = "Ledoit-Wolf shrinkage",
     .help = "weight of the identity in the covariance within classes",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
};

/* What is gathered from strips of rows. */
typedef struct gathered {
  const wb_stimuli *stimuli;
  size_t step, cells;        // stimuli to a cell of the map; cells along its side
  double *map;               // (cells, cells): sums, then means
  double sums[2], counts[2]; // across, within
} gathered;

/* Adds the distances of row i to the rows after it. */
static void gather(gathered *g, const double *distance, size_t i) {
  const size_t n = g->stimuli->count;
  for (size_t j = i + 1; j < n; j++) {
    const bool same = g->stimuli->labels[i] == g->stimuli->labels[j];
    const double d = distance[j - i - 1];
    g->sums[same] += d;
    g->counts[same]++;
    g->map[i / g->step * g->cells + j / g->step] += d;
  }
}

/* Sums to means over the pairs of each cell; a cell of one stimulus and itself stays at zero. */
static void finish_map(gathered *g) {
  const size_t n = g->stimuli->count;
  for (size_t r = 0; r < g->cells; r++)
    for (size_t c = r; c < g->cells; c++) {
      const size_t rows = (r + 1) * g->step < n ? g->step : n - r * g->step;
      const size_t cols = (c + 1) * g->step < n ? g->step : n - c * g->step;
      const size_t pairs = r == c ? wb_pair_count(rows) : rows * cols;
      double *cell = &g->map[r * g->cells + c];
      if (pairs) *cell /= (double)pairs;
      g->map[c * g->cells + r] = *cell;
    }
}

static wb_status emit_map(const wb_host *host, gathered *g) {
  const char *const *names;
  uint32_t named;
  const bool labelled = host->has(host, "labels", 0);
  WB_TRY(host->names(host, 0, "class", &names, &named));
  const char **labels = WB_ALLOC(host, const char *, g->cells);
  if (!labels) return WB_NOMEM;
  for (size_t r = 0; r < g->cells; r++) {
    const int32_t label = g->stimuli->labels[r * g->step];
    char *number = WB_ALLOC(host, char, 16);
    if (!number) return WB_NOMEM;
    snprintf(number, 16, "%d", label);
    labels[r] = (uint32_t)label < named ? names[label] : number;
  }
  finish_map(g);
  const char *const *shown = labelled ? labels : NULL;
  return host->emit_matrix(host, "map", g->cells, g->cells, g->map, shown, shown);
}

static wb_status emit(const wb_host *host, gathered *g, size_t flat, double shrinkage) {
  static const char *const names[] = {"across", "within"};
  static const char *const reasons[] = {"there is only one class", "no class has two stimuli"};
  WB_TRY(emit_map(host, g));
  WB_TRY(host->emit_scalar(host, "mean", (g->sums[0] + g->sums[1]) / (g->counts[0] + g->counts[1])));
  for (int k = 0; k < 2; k++)
    WB_TRY(g->counts[k] > 0 ? host->emit_scalar(host, names[k], g->sums[k] / g->counts[k])
                            : host->emit_missing(host, names[k], reasons[k]));
  WB_TRY(host->emit_scalar(host, "stimuli", (double)g->stimuli->count));
  WB_TRY(host->emit_scalar(host, "flat", (double)flat));
  return wb_host_emit_or_missing(host, "shrinkage", shrinkage, "only the Mahalanobis distance has one");
}

/* Strips of rows: into `pairs` (all of them), or into scratch where that is NULL. */
static wb_status measure(const wb_host *host, const rdm_params *p, gathered *g, const double *x,
                         const double *square, double *pairs) {
  const size_t n = g->stimuli->count;
  double *scratch = pairs ? NULL : WB_ALLOC(host, double, STRIP *n);
  if (!pairs && !scratch) return WB_NOMEM;
  for (size_t first = 0; first + 1 < n; first += STRIP) {
    const size_t count = n - first < STRIP ? n - first : STRIP, start = wb_pair_place(first, first + 1, n);
    double *out = pairs ? pairs + start : scratch;
    wb_error err = {0};
    const wb_status status =
        wb_distance_rows(out, x, square, (wb_distance)p->distance, first, count, n, g->stimuli->units, &err);
    if (status != WB_OK) return host->fail(host, status, err.message);
    for (size_t i = first; i < first + count && i + 1 < n; i++)
      gather(g, out + wb_pair_place(i, i + 1, n) - start, i);
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + count), (double)n, NULL);
  }
  return WB_OK;
}

/* The pairs stand in memory twice: here, and as what the host took. */
static wb_status check_size(const wb_host *host, const rdm_params *p, const wb_stimuli *stimuli) {
  const double n = (double)stimuli->count, pairs = p->keep_pairs ? n * (n - 1) / 2 : 0;
  char what[1024];
  snprintf(what, sizeof what, "%s: an RDM of %zu stimuli, %llu units", host->run_path(host, 0),
           stimuli->count, (unsigned long long)stimuli->units);
  return wb_check_memory(host, wb_stimuli_bytes(stimuli, p->distance) + 8 * (2 * pairs + n * STRIP), what,
                         p->keep_pairs
                             ? "--no-keep-pairs keeps only means and the picture, --per-class takes "
                               "fewer stimuli"
                             : "--per-class takes fewer stimuli");
}

static wb_status run(const wb_host *host, const void *params) {
  const rdm_params *p = params;
  wb_stimuli stimuli;
  WB_TRY(wb_stimuli_choose(host, 0, p->per_class, &stimuli));
  WB_TRY(check_size(host, p, &stimuli));
  const size_t n = stimuli.count, step = 1 + (n - 1) / MOST_CELLS, cells = (n + step - 1) / step;
  double *x = WB_ALLOC(host, double, n *stimuli.units), *square = WB_ALLOC(host, double, n);
  double *pairs = p->keep_pairs ? WB_ALLOC(host, double, wb_pair_count(n)) : NULL;
  gathered g = {
      .stimuli = &stimuli, .step = step, .cells = cells, .map = WB_ALLOC(host, double, cells *cells)};
  if (!x || !square || !g.map || (p->keep_pairs && !pairs)) return WB_NOMEM;
  memset(g.map, 0, cells * cells * sizeof *g.map);
  double shrinkage = NAN;
  size_t flat;
  wb_error err = {0};
  WB_TRY(wb_stimuli_read(host, 0, &stimuli, p->after_relu, x));
  WB_TRY(wb_stimuli_whiten(host, 0, &stimuli, p->distance, x, &shrinkage));
  const wb_status status =
      wb_distance_prepare(x, square, &flat, (wb_distance)p->distance, n, stimuli.units, &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  WB_TRY(measure(host, p, &g, x, square, pairs));
  WB_TRY(pairs ? host->emit_matrix(host, "pairs", 1, wb_pair_count(n), pairs, NULL, NULL)
               : host->emit_missing(host, "pairs", "--no-keep-pairs was given"));
  return emit(host, &g, flat, shrinkage);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(rdm_params),
    .id = "rdm",
    .version = "1.0",
    .title = "distances of the embeddings of all pairs of stimuli",
    .summary =
        "The representational dissimilarity matrix: how far apart the embeddings of every two stimuli "
        "are. 0: the same pattern of activity; higher: less alike. Under the default, 1 - Pearson r, "
        "unrelated patterns are at 1 and opposite ones at 2. Dark blocks along the diagonal are classes "
        "whose stimuli look alike to the network.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Kriegeskorte, Mur & Bandettini 2008; Sander & Hasson",
    .example = "workbench run rdm --in runs/*.h5 --distance cosine",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
