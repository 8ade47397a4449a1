/* rsa-matrix.c: how alike all runs of a study are to each other.
 *
 * Runs x runs comparison of RDMs (rdm's stimuli and distances) of four things: the embedding before ReLU
 * (pre), after ReLU (post), its means over classes (classes), and the rows of the embedding layer's weight
 * (weight: units instead of stimuli). 1: the same geometry; 0: nothing in common. Each is also averaged over
 * pairs of runs by condition and by objective (by regulariser where there is one objective), never of a run
 * with itself.
 *
 * Contrasts test, before ReLU, each condition against its baseline (the one without topography that agrees in
 * all else): the difference of the mean similarity within the two conditions (consistency), and the mean
 * similarity within them minus that between them (geometry: above 0 where they differ in more than seeds do).
 * Runs of one seed start from the same weights, so in contrasts their pairs across conditions do not count.
 * p by exchanging runs between the two conditions, two-sided, all ways where they are few; Holm-corrected.
 *
 * Kriegeskorte, Mur & Bandettini 2008; Sander & Hasson's code; Holm 1979.
 *     workbench run rsa-matrix --in runs/x.h5 --contrasts all
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "comparison.h"
#include "inference.h"
#include "statistics.h"
#include "stimuli.h"

enum { PRE, POST, CLASSES, WEIGHT, SPACES };
enum { CONTRASTS_ALL = 1 }; // of contrasts_choices

typedef struct rsa_params {
  int32_t compare, distance, contrasts;
  int64_t per_class, permutations, seed;
} rsa_params;

static const char *const compare_choices[] = {"pearson", "spearman", "kendall", "cosine", NULL};
static const char *const contrasts_choices[] = {"baseline", "all", NULL};

static const wb_param params_table[] = {
    {.name = "compare",
     .help = "comparison of two RDMs: Pearson r, Spearman r, Kendall tau-a, or cosine",
     .type = WB_CHOICE,
     .choices = compare_choices,
     .default_text = "pearson",
     .offset = offsetof(rsa_params, compare)},
    WB_PARAM_DISTANCE(rsa_params),
    WB_PARAM_PER_CLASS(rsa_params),
    {.name = "contrasts",
     .help = "conditions to test: each against its baseline without topography, or all pairs",
     .type = WB_CHOICE,
     .choices = contrasts_choices,
     .default_text = "baseline",
     .offset = offsetof(rsa_params, contrasts)},
    {.name = "permutations",
     .help = "exchanges of runs for the p-values, at most; 0 for none",
     .type = WB_INT,
     .default_text = "9999",
     .max = 1000000,
     .offset = offsetof(rsa_params, permutations)},
    {.name = "seed",
     .help = "of the permutations",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(rsa_params, seed)},
};

static const wb_input inputs_table[] = {
    WB_INPUT_EMBEDDING(1u << 0),
    WB_INPUT_CLASSES,
    {.role = "embedding_weight",
     .help = "of the embedding layer",
     .object = "/roles/embedding_weight",
     .axes = {"unit", "fan_in"},
     .element = WB_F32,
     .rank = 2,
     .flags = WB_INPUT_OPTIONAL},
};

#define ALIKE(output_name, what, of)                                                                         \
  .name = (output_name), .title = "similarity of RDMs", .help = (what), .higher_means = "more alike",        \
  .x_label = (of), .y_label = (of), .low = -1, .high = 1, .reference = NAN, .shape = WB_MATRIX
#define SPACE(space, of, headline)                                                                           \
  {ALIKE(space, "of every two runs: " of, "run"), .flags = WB_OUTPUT_MAY_BE_MISSING | (headline)},           \
      {ALIKE(space "-conditions", "mean over pairs of runs by condition: " of, "condition"),                 \
       .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_NONFINITE_OK},                                          \
  {                                                                                                          \
    ALIKE(space "-groups", "mean over pairs of runs by objective (or regulariser): " of, "group"),           \
        .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_NONFINITE_OK                                           \
  }

static const wb_output outputs_table[] = {
    SPACE("pre", "embedding before ReLU", WB_OUTPUT_HEADLINE),
    SPACE("post", "embedding after ReLU", 0),
    SPACE("classes", "class means of the embedding", 0),
    SPACE("weight", "rows of the embedding layer's weight", 0),
    {.name = "within",
     .title = "similarity within conditions",
     .help = "mean over pairs of runs of one condition, before ReLU",
     .higher_means = "more alike",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "across",
     .title = "across conditions",
     .help = "mean over pairs of runs of different conditions, before ReLU",
     .higher_means = "more alike",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "contrasts",
     .title = "difference",
     .help =
         "a row for each two conditions: difference of consistency, its p, Holm-corrected p; difference of "
         "geometry (above 0: more than seeds differ), its p, Holm-corrected p. Empty where there are too "
         "few runs. Runs of one seed start alike: their pairs across conditions do not count",
     .x_label = "statistic",
     .y_label = "contrast",
     .low = -2,
     .high = 2,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_NONFINITE_OK},
};

static const char *const space_names[SPACES] = {"pre", "post", "classes", "weight"};

typedef struct study {
  const wb_host *host;
  const rsa_params *params;
  uint32_t runs, conditions;
  uint32_t *condition;     // (runs)
  const char **names;      // (runs): "ce rho 0.2 seed 3"
  const char **titles;     // (conditions): "ce rho 0.2"
  uint32_t *group, groups; // (runs): by objective or regulariser
  const char **group_names;
  wb_stimuli *stimuli; // (runs)
} study;

/* ---- Names ---- */

static const char *const factors[] = {"data",    "arch", "width",  "objective", "topo",
                                      "balance", "rho",  "lambda", "dropout"};
static bool equal(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool varies(const study *s, const char *factor) {
  for (uint32_t r = 1; r < s->runs; r++)
    if (!equal(s->host->factor(s->host, r, factor), s->host->factor(s->host, 0, factor))) return true;
  return false;
}

/* What varies in the study, as text: the values, with names where they are numbers. */
static char *name_run(const study *s, uint32_t run, bool with_seed) {
  enum { ROOM = 256 };
  char *text = WB_ALLOC(s->host, char, ROOM);
  size_t used = 0;
  if (!text) return NULL;
  text[0] = '\0';
  const size_t listed = sizeof factors / sizeof *factors;
  for (size_t f = 0; f <= listed; f++) {
    const char *factor = f < listed ? factors[f] : "seed", *value = s->host->factor(s->host, run, factor);
    if (!value || (f < listed ? !varies(s, factor) : !with_seed)) continue;
    char *end;
    const bool word = (strtod(value, &end), end == value);
    const int wrote = snprintf(text + used, ROOM - used, "%s%s%s%s", used ? " " : "", word ? "" : factor,
                               word ? "" : " ", value);
    used += wrote > 0 && used + (size_t)wrote < ROOM ? (size_t)wrote : 0;
  }
  if (!used) snprintf(text, ROOM, with_seed ? "run %u" : "all runs", run);
  return text;
}

static wb_status describe(study *s) {
  const wb_host *host = s->host;
  const char *by = varies(s, "objective") ? "objective" : "topo";
  s->condition = WB_ALLOC(host, uint32_t, 2 * s->runs);
  s->names = WB_ALLOC(host, const char *, 2 * s->runs + s->conditions);
  if (!s->condition || !s->names) return WB_NOMEM;
  s->group = s->condition + s->runs;
  s->titles = s->names + s->runs;
  s->group_names = s->titles + s->conditions;
  for (uint32_t r = 0; r < s->runs; r++) {
    const uint32_t c = s->condition[r] = host->condition(host, r);
    const char *value = host->factor(host, r, by);
    s->names[r] = name_run(s, r, true);
    s->titles[c] = name_run(s, r, false);
    if (!s->names[r] || !s->titles[c]) return WB_NOMEM;
    for (s->group[r] = 0; s->group[r] < s->groups; s->group[r]++)
      if (equal(s->group_names[s->group[r]], value ? value : "none")) break;
    if (s->group[r] == s->groups) s->group_names[s->groups++] = value ? value : "none";
  }
  return WB_OK;
}

/* ---- RDMs of all runs ---- */

/* Refuses what would not fit: the RDMs of one space, with the embeddings of one run. */
static wb_status check_size(const study *s) {
  const wb_host *host = s->host;
  const size_t count = s->stimuli[0].count;
  uint64_t dims[WB_MAX_RANK] = {0};
  double most = 0;
  char what[160];
  for (uint32_t r = 0; r < s->runs; r++)
    most = fmax(most, wb_stimuli_bytes(&s->stimuli[r], s->params->distance));
  snprintf(what, sizeof what, "comparing the RDMs of %u runs over %zu stimuli", s->runs, count);
  WB_TRY(wb_check_memory(host, most + 8 * (double)s->runs * (double)wb_pair_count(count), what,
                         "--per-class takes fewer stimuli"));
  if (host->has(host, "embedding_weight", 0)) WB_TRY(host->shape(host, "embedding_weight", 0, dims));
  most = 12 * (double)(dims[0] * dims[1]) + 8 * (double)s->runs * (double)wb_pair_count(dims[0]);
  snprintf(what, sizeof what, "comparing the weights of %u runs over %llu units", s->runs,
           (unsigned long long)dims[0]);
  return wb_check_memory(host, most, what, "Fewer files after --in take less");
}

/* Chooses the stimuli of all runs, and refuses what would not fit. */
static wb_status choose(study *s) {
  const wb_host *host = s->host;
  s->stimuli = WB_ALLOC(host, wb_stimuli, s->runs);
  if (!s->stimuli) return WB_NOMEM;
  for (uint32_t r = 0; r < s->runs; r++) {
    WB_TRY(wb_stimuli_choose(host, r, s->params->per_class, &s->stimuli[r]));
    if (s->stimuli[r].count != s->stimuli[0].count || s->stimuli[r].classes != s->stimuli[0].classes)
      return wb_host_fail(host, WB_INPUT, "%s has other stimuli per class than %s", host->run_path(host, r),
                          host->run_path(host, 0));
  }
  return check_size(s);
}

/* The RDM of one run in one space, of `rows` stimuli or class means; x (count + classes, units) is scratch.
 */
static wb_status make_rdm(const study *s, int space, uint32_t run, double *rdm, double *x) {
  const wb_stimuli *stimuli = &s->stimuli[run];
  const size_t rows = space == CLASSES ? stimuli->classes : stimuli->count;
  double *means = x + stimuli->count * stimuli->units;
  wb_error err = {0};
  WB_TRY(wb_stimuli_read(s->host, run, stimuli, space == POST, x));
  WB_TRY(wb_stimuli_whiten(s->host, run, stimuli, s->params->distance, x, NULL));
  if (space == CLASSES) wb_stimuli_class_means(means, stimuli, x);
  const wb_status status = wb_rdm(rdm, space == CLASSES ? means : x, NULL, (wb_distance)s->params->distance,
                                  rows, stimuli->units, &err);
  return wb_forward(s->host, status, &err);
}

/* rdms (runs, pairs) of one space, malloc'ed; NULL where a single class leaves no pairs. */
static wb_status read_embeddings(const study *s, int space, double **rdms, size_t *pairs) {
  const wb_host *host = s->host;
  const wb_stimuli *first = &s->stimuli[0];
  *pairs = wb_pair_count(space == CLASSES ? first->classes : first->count);
  if (!*pairs) return WB_OK;
  *rdms = malloc(s->runs * *pairs * sizeof **rdms);
  if (!*rdms) return host->fail(host, WB_NOMEM, "not enough memory for the RDMs of all runs");
  for (uint32_t r = 0; r < s->runs; r++) {
    const wb_stimuli *stimuli = &s->stimuli[r];
    double *x = malloc((stimuli->count + stimuli->classes) * stimuli->units * sizeof *x);
    const wb_status status = x ? make_rdm(s, space, r, *rdms + r * *pairs, x)
                               : host->fail(host, WB_NOMEM, "not enough memory for the embeddings of a run");
    free(x);
    if (status != WB_OK) return status;
    host->progress(host, space + (double)r / s->runs, SPACES, space_names[space]);
    if (host->cancelled(host)) return WB_CANCELLED;
  }
  return WB_OK;
}

/* Units instead of stimuli; there are no classes of units, so Mahalanobis distances become Euclidean. */
static wb_status read_weights(const study *s, double **rdms, size_t *pairs, const char **missing) {
  const wb_host *host = s->host;
  uint64_t first[WB_MAX_RANK] = {0}, dims[WB_MAX_RANK];
  for (uint32_t r = 0; r < s->runs; r++) {
    *missing = "not all runs have the weight of an embedding layer";
    if (!host->has(host, "embedding_weight", r)) return WB_OK;
    WB_TRY(host->shape(host, "embedding_weight", r, dims));
    *missing = "not all runs have the same number of units";
    if (r && dims[0] != first[0]) return WB_OK;
    memcpy(first, dims, sizeof dims);
  }
  *pairs = wb_pair_count(first[0]);
  *missing = "the embedding layer has one unit";
  if (!*pairs) return WB_OK;
  *rdms = malloc(s->runs * *pairs * sizeof **rdms);
  if (!*rdms) return host->fail(host, WB_NOMEM, "not enough memory for the RDMs of all weights");
  const wb_distance distance = s->params->distance == WB_DISTANCE_MAHALANOBIS
                                   ? WB_DISTANCE_EUCLIDEAN
                                   : (wb_distance)s->params->distance;
  for (uint32_t r = 0; r < s->runs; r++) WB_TRY(wb_weight_rdm(host, r, distance, *rdms + r * *pairs));
  return WB_OK;
}

/* ---- What is emitted ---- */

static wb_status emit_space(const study *s, int space, const double *similarity, const char *missing) {
  const wb_host *host = s->host;
  char conditions[32], groups[32];
  snprintf(conditions, sizeof conditions, "%s-conditions", space_names[space]);
  snprintf(groups, sizeof groups, "%s-groups", space_names[space]);
  for (size_t i = 0; !missing && i < (size_t)s->runs * s->runs; i++)
    if (isnan(similarity[i])) missing = "the distances of a run do not vary";
  if (missing) {
    WB_TRY(host->emit_missing(host, space_names[space], missing));
    WB_TRY(host->emit_missing(host, conditions, missing));
    return host->emit_missing(host, groups, missing);
  }
  double *means = WB_ALLOC(host, double, (size_t)s->runs * s->runs);
  if (!means) return WB_NOMEM;
  WB_TRY(host->emit_matrix(host, space_names[space], s->runs, s->runs, similarity, s->names, s->names));
  wb_pairs_collapse(means, similarity, s->condition, s->runs, s->conditions);
  WB_TRY(host->emit_matrix(host, conditions, s->conditions, s->conditions, means, s->titles, s->titles));
  wb_pairs_collapse(means, similarity, s->group, s->runs, s->groups);
  return host->emit_matrix(host, groups, s->groups, s->groups, means, s->group_names, s->group_names);
}

static wb_status emit_means(const study *s, const double *similarity) {
  static const char *const names[] = {"across", "within"};
  static const char *const reasons[] = {"there is only one condition", "no condition has two runs"};
  double sums[2] = {0}, counts[2] = {0};
  for (uint32_t i = 0; i < s->runs; i++)
    for (uint32_t k = 0; k < i; k++) {
      const int same = s->condition[i] == s->condition[k];
      sums[same] += similarity[i * s->runs + k];
      counts[same]++;
    }
  for (int k = 0; k < 2; k++) {
    const double mean = counts[k] > 0 ? sums[k] / counts[k] : (double)NAN;
    WB_TRY(!isnan(mean)
               ? s->host->emit_scalar(s->host, names[k], mean)
               : s->host->emit_missing(s->host, names[k],
                                       counts[k] > 0 ? "the distances of a run do not vary" : reasons[k]));
  }
  return WB_OK;
}

/* ---- Contrasts ---- */

static uint32_t first_run(const study *s, uint32_t condition) {
  uint32_t r = 0;
  while (s->condition[r] != condition) r++;
  return r;
}

static bool is_baseline(const study *s, uint32_t condition) {
  const wb_host *host = s->host;
  const uint32_t r = first_run(s, condition);
  return equal(host->factor(host, r, "topo"), "none") || wb_host_factor(host, r, "rho", 1) == 0 ||
         wb_host_factor(host, r, "lambda", 1) == 0;
}

/* Whether b is what a is to be tested against. */
static bool is_contrast(const study *s, uint32_t a, uint32_t b) {
  static const char *const same[] = {"data", "arch", "width", "objective", "dropout"};
  if (s->params->contrasts == CONTRASTS_ALL) return b < a;
  bool agree = is_baseline(s, b) && !is_baseline(s, a);
  for (size_t f = 0; f < sizeof same / sizeof *same; f++)
    agree = agree && equal(s->host->factor(s->host, first_run(s, a), same[f]),
                           s->host->factor(s->host, first_run(s, b), same[f]));
  return agree;
}

/* rows (count, 6) and their names, of all contrasts; room for conditions^2. */
static wb_status test_contrasts(const study *s, const double *similarity, double *rows, const char **names,
                                size_t *count) {
  const wb_host *host = s->host;
  uint32_t *members = WB_ALLOC(host, uint32_t, s->runs);
  wb_error err = {0};
  if (!members) return WB_NOMEM;
  for (uint32_t a = 0; a < s->conditions; a++)
    for (uint32_t b = 0; b < s->conditions; b++) {
      if (a == b || !is_contrast(s, a, b)) continue;
      size_t n_a = 0, n = 0;
      for (uint32_t r = 0; r < s->runs; r++)
        if (s->condition[r] == a) members[n_a++] = r;
      n = n_a;
      for (uint32_t r = 0; r < s->runs; r++)
        if (s->condition[r] == b) members[n++] = r;
      double *row = rows + 6 * *count;
      for (int k = 0; k < 2; k++) {
        wb_group_test t;
        WB_TRY(
            wb_forward(host,
                       wb_groups_test(&t, similarity, s->runs, members, n_a, n - n_a, (wb_group_statistic)k,
                                      (size_t)s->params->permutations, (uint64_t)s->params->seed, &err),
                       &err));
        row[3 * k] = t.difference;
        row[3 * k + 1] = t.p;
      }
      char *name = WB_ALLOC(host, char, 600);
      if (!name) return WB_NOMEM;
      snprintf(name, 600, "%s - %s", s->titles[a], s->titles[b]);
      names[(*count)++] = name;
      if (host->cancelled(host)) return WB_CANCELLED;
    }
  return WB_OK;
}

/* Leaves out pairs of runs of one seed in two conditions. */
static wb_status emit_contrasts(const study *s, double *similarity) {
  static const char *const columns[] = {"consistency difference", "p", "p (Holm)",
                                        "geometry difference",    "p", "p (Holm)"};
  const wb_host *host = s->host;
  const size_t most = (size_t)s->conditions * s->conditions;
  double *rows = WB_ALLOC(host, double, 6 * most), *p = WB_ALLOC(host, double, most);
  const char **names = WB_ALLOC(host, const char *, most);
  size_t count = 0;
  if (!rows || !p || !names) return WB_NOMEM;
  for (uint32_t i = 0; i < s->runs; i++)
    for (uint32_t k = 0; k < s->runs; k++) {
      const char *seed = host->factor(host, i, "seed");
      if (s->condition[i] != s->condition[k] && seed && equal(seed, host->factor(host, k, "seed")))
        similarity[i * s->runs + k] = NAN;
    }
  WB_TRY(test_contrasts(s, similarity, rows, names, &count));
  if (!count)
    return host->emit_missing(host, "contrasts",
                              s->conditions < 2 ? "there is only one condition"
                                                : "no condition has a baseline without topography; try "
                                                  "--contrasts all");
  for (int k = 0; k < 2; k++) {
    for (size_t i = 0; i < count; i++) p[i] = rows[6 * i + 3 * k + 1];
    if (!wb_holm(p, p, count)) return host->fail(host, WB_NOMEM, "not enough memory for Holm's correction");
    for (size_t i = 0; i < count; i++) rows[6 * i + 3 * k + 2] = p[i];
  }
  return host->emit_matrix(host, "contrasts", count, 6, rows, names, columns);
}

static wb_status compare_space(const study *s, int space, double *similarity) {
  const char *missing = "there is only one class";
  double *rdms = NULL;
  size_t pairs = 0;
  wb_error err = {0};
  wb_status status =
      space == WEIGHT ? read_weights(s, &rdms, &pairs, &missing) : read_embeddings(s, space, &rdms, &pairs);
  if (rdms) missing = NULL;
  if (status == WB_OK && rdms)
    status = wb_forward(
        s->host,
        wb_rdm_similarities(similarity, rdms, (wb_comparison)s->params->compare, s->runs, pairs, &err), &err);
  free(rdms);
  if (status != WB_OK) return status;
  WB_TRY(emit_space(s, space, similarity, missing));
  if (space != PRE) return WB_OK;
  WB_TRY(emit_means(s, similarity));
  return emit_contrasts(s, similarity);
}

static wb_status run(const wb_host *host, const void *params) {
  study s = {.host = host, .params = params, .runs = host->run_count(host)};
  s.conditions = host->condition_count(host);
  double *similarity = WB_ALLOC(host, double, (size_t)s.runs *s.runs);
  if (!similarity) return WB_NOMEM;
  WB_TRY(describe(&s));
  WB_TRY(choose(&s));
  for (int space = 0; space < SPACES; space++) WB_TRY(compare_space(&s, space, similarity));
  return WB_OK;
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_STUDY,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(rsa_params),
    .id = "rsa-matrix",
    .version = "1.0",
    .title = "how alike all runs are to each other",
    .summary =
        "Compares the dissimilarity matrices of every two runs: of the embedding before and after ReLU, "
        "of its class means, and of the embedding layer's weight. 1: the same geometry; 0: nothing in "
        "common. Bright blocks along the diagonal are conditions whose seeds agree with each other more "
        "than with other conditions. Contrasts test whether conditions differ by more than seeds do.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Kriegeskorte, Mur & Bandettini 2008; Sander & Hasson; Holm 1979",
    .example = "workbench run rsa-matrix --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
