/* rdm-target.c: how well a run's geometry agrees with a given one: of brains, of behaviour, of another model.
 *
 * The run's RDM over the stimuli that both have is compared with each subject's RDM of the target (Pearson r,
 * Spearman r, Kendall tau-a or cosine); the mean over subjects counts. 1: the same geometry; 0: unrelated.
 * The noise ceiling says how well any model could do: how alike subjects are to their mean, with the subject
 * in it (upper) and without (lower). The interval draws stimuli with replacement and drops pairs of copies; p
 * exchanges the run's stimuli at random, two-sided.
 *
 * The target is an HDF5, .npz or .npy file with RDMs [subject, stimulus, stimulus], one RDM [stimulus,
 * stimulus], condensed ones [subject, pair], or features [stimulus, unit], whose RDM is made. Its
 * `stimulus_id` [stimulus] names stimuli by the run's index in the test set; without it they are 0, 1, ..
 *
 * Kriegeskorte, Mur & Bandettini 2008; Nili et al. 2014.
 *
 *     workbench run rdm-target --in runs/x.h5 --target fmri.h5 --compare spearman
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "comparison.h"
#include "inference.h"
#include "stimuli.h"
#include "target.h"

typedef struct target_params {
  wb_target_options target;
  int32_t compare, distance, after_relu;
  int64_t per_class, bootstrap, permutations, seed;
} target_params;

static const char *const compare_choices[] = {"pearson", "spearman", "kendall", "cosine", NULL};

static const wb_param params_table[] = {
    {.name = "target",
     .help = "file with the RDMs or features to compare with: HDF5, .npz or .npy",
     .type = WB_PATH,
     .flags = WB_PARAM_REQUIRED,
     .offset = offsetof(target_params, target.path)},
    {.name = "target-object",
     .help = "which array of it; where unset rdms, rdm, features or /activations/test/embedding",
     .type = WB_STRING,
     .offset = offsetof(target_params, target.object)},
    {.name = "target-form",
     .help = "what the array holds; auto tells RDMs by their shape, symmetry and zero diagonal",
     .type = WB_CHOICE,
     .choices = wb_target_forms,
     .default_text = "auto",
     .offset = offsetof(target_params, target.form)},
    {.name = "target-ids",
     .help = "array of the target that names its stimuli by their index in the test set",
     .type = WB_STRING,
     .default_text = "stimulus_id",
     .offset = offsetof(target_params, target.ids)},
    {.name = "target-distance",
     .help = "between stimuli where the target holds features",
     .type = WB_CHOICE,
     .choices = wb_target_distances,
     .default_text = "pearson",
     .offset = offsetof(target_params, target.distance)},
    {.name = "compare",
     .help = "comparison of two RDMs: Pearson r, Spearman r, Kendall tau-a, or cosine",
     .type = WB_CHOICE,
     .choices = compare_choices,
     .default_text = "pearson",
     .offset = offsetof(target_params, compare)},
    WB_PARAM_DISTANCE(target_params),
    {.name = "per-class",
     .help =
         "stimuli of each class of the run: the first so many in the order of the target; 0 for all. Without "
         "labels all are compared",
     .unit = "stimuli",
     .type = WB_INT,
     .default_text = "100",
     .max = 1e9,
     .offset = offsetof(target_params, per_class)},
    WB_PARAM_AFTER_RELU(target_params),
    {.name = "bootstrap",
     .help = "draws of stimuli for the interval; 0 for none. Not with --compare kendall, whose every draw "
             "would count discordant pairs of distances anew: spearman has one",
     .type = WB_INT,
     .default_text = "1000",
     .max = 100000,
     .offset = offsetof(target_params, bootstrap)},
    {.name = "permutations",
     .help = "exchanges of stimuli for p (not with --compare kendall); 0 for none",
     .type = WB_INT,
     .default_text = "999",
     .max = 1000000,
     .offset = offsetof(target_params, permutations)},
    {.name = "seed",
     .help = "of the bootstrap and the permutations",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(target_params, seed)},
};

static const wb_input inputs_table[] = {
    WB_INPUT_EMBEDDING(0),
    WB_INPUT_CLASSES,
    {.role = "index",
     .help = "of the stimuli in the test set; 0, 1, .. where it is missing",
     .object = "/activations/test/index",
     .axes = {"stimulus"},
     .element = WB_I64,
     .rank = 1,
     .flags = WB_INPUT_OPTIONAL},
};

#define ALIKE(output_name, output_title, what)                                                               \
  .name = (output_name), .title = (output_title), .help = (what), .higher_means = "more alike", .low = -1,   \
  .high = 1, .reference = NAN, .shape = WB_SCALAR

static const wb_output outputs_table[] = {
    {ALIKE("similarity", "similarity to the target", "mean over subjects of the comparison of RDMs"),
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("similarity-low", "95% from", "lower end of the interval over stimuli (bootstrap)"),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("similarity-high", "95% to", "upper end of the interval over stimuli (bootstrap)"),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "p",
     .title = "p (permutation)",
     .help = "two-sided, against the run's stimuli in random order",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("ceiling-lower", "noise ceiling, lower", "subjects to the mean of the others"),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("ceiling-upper", "noise ceiling, upper", "subjects to the mean of all, themselves included"),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "subjects",
     .title = "similarity",
     .help = "to each subject of the target",
     .higher_means = "more alike",
     .x_label = "subject",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "stimuli",
     .title = "stimuli",
     .help = "how many were compared: those that the run and the target share, within --per-class",
     .low = 3,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE},
};

/* Whether `most` of the chosen stimuli have that label. */
static bool is_full(const wb_stimuli *chosen, int32_t label, int64_t most) {
  int64_t count = 0;
  for (size_t k = 0; k < chosen->count; k++) count += chosen->labels[k] == label;
  return count >= most;
}

/* The stimuli of both: those of the run in out, in the order of the target, whose places are in common. */
static wb_status align(const wb_host *host, const wb_target_rdms *target, int64_t per_class, wb_stimuli *out,
                       size_t *common) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  const uint64_t n = dims[0];
  const bool labelled = host->has(host, "labels", 0);
  int64_t *ids = WB_ALLOC(host, int64_t, n);
  int32_t *labels = WB_ALLOC(host, int32_t, n);
  *out = (wb_stimuli){.all = n,
                      .units = dims[1],
                      .rows = WB_ALLOC(host, uint64_t, target->n),
                      .labels = WB_ALLOC(host, int32_t, target->n)};
  if (!ids || !labels || !out->rows || !out->labels) return WB_NOMEM;
  for (uint64_t s = 0; s < n; s++) ids[s] = (int64_t)s;
  memset(labels, 0, n * sizeof *labels);
  if (host->has(host, "index", 0)) WB_TRY(host->read(host, "index", 0, 0, n, ids));
  if (labelled) WB_TRY(host->read(host, "labels", 0, 0, n, labels));
  size_t shared = 0;
  for (size_t t = 0; t < target->n; t++) {
    uint64_t s = 0;
    while (s < n && ids[s] != target->ids[t]) s++;
    if (s == n) continue;
    shared++;
    if (labelled && per_class > 0 && is_full(out, labels[s], per_class)) continue;
    common[out->count] = t;
    out->rows[out->count] = s;
    out->labels[out->count++] = labels[s];
  }
  if (out->count >= 3) return WB_OK;
  if (shared >= 3)
    return wb_host_fail(host, WB_INPUT, "--per-class %lld leaves %zu stimuli of %s; at least 3 are needed",
                        (long long)per_class, out->count, host->run_path(host, 0));
  return wb_host_fail(host, WB_INPUT,
                      "%s and the target share %zu stimuli (of %llu and %zu); at least 3 are needed. The "
                      "target's %s must hold the run's index in the test set",
                      host->run_path(host, 0), shared, (unsigned long long)n, target->n,
                      target->named ? "stimulus ids" : "order");
}

/* rdms (1 + subjects, pairs): the run's RDM, then the target's, over the common stimuli. */
static wb_status fill(const wb_host *host, const target_params *p, const wb_target_rdms *target,
                      const wb_stimuli *stimuli, const size_t *common, double *rdms) {
  const size_t n = stimuli->count;
  double *x = WB_ALLOC(host, double, n * stimuli->units);
  wb_error err = {0};
  if (!x) return WB_NOMEM;
  WB_TRY(wb_stimuli_read(host, 0, stimuli, p->after_relu, x));
  WB_TRY(wb_stimuli_whiten(host, 0, stimuli, p->distance, x, NULL));
  WB_TRY(wb_forward(host, wb_rdm(rdms, x, NULL, (wb_distance)p->distance, n, stimuli->units, &err), &err));
  return wb_forward(host, wb_target_take(target, common, n, rdms + wb_pair_count(n), &err), &err);
}

/* The mean over subjects of each draw. */
static wb_status emit_interval(const wb_host *host, const target_params *p, const double *rdms,
                               size_t subjects, size_t n) {
  const size_t pairs = wb_pair_count(n), draws = (size_t)p->bootstrap;
  const bool kendall = p->compare == WB_COMPARE_KENDALL;
  const char *reason = !draws    ? "no draws were asked for"
                       : kendall ? "stimuli are not drawn for --compare kendall: each draw would count "
                                   "discordant pairs anew"
                                 : "no draw of stimuli had distances that vary";
  double low = NAN, high = NAN;
  if (draws && !kendall) {
    double *means = WB_ALLOC(host, double, 2 * draws), *one = means ? means + draws : NULL;
    double *both = WB_ALLOC(host, double, 2 * pairs);
    if (!means || !both) return WB_NOMEM;
    memset(means, 0, draws * sizeof *means);
    memcpy(both, rdms, pairs * sizeof *both);
    for (size_t s = 0; s < subjects; s++) {
      wb_error err = {0};
      memcpy(both + pairs, rdms + (1 + s) * pairs, pairs * sizeof *both);
      const wb_status status =
          wb_bootstrap_stimuli(one, both, (wb_comparison)p->compare, 2, n, draws, (uint64_t)p->seed,
                               wb_is_stopped, (void *)(uintptr_t)host, &err);
      WB_TRY(wb_forward(host, status, &err));
      for (size_t r = 0; r < draws; r++) means[r] += one[r];
      host->progress(host, (double)s + 1, (double)subjects, NULL);
    }
    size_t defined = 0;
    for (size_t r = 0; r < draws; r++)
      if (!isnan(means[r])) means[defined++] = means[r] / (double)subjects;
    low = wb_quantile(means, defined, 0.025);
    high = wb_quantile(means, defined, 0.975);
  }
  WB_TRY(wb_host_emit_or_missing(host, "similarity-low", low, reason));
  return wb_host_emit_or_missing(host, "similarity-high", high, reason);
}

/* rdms (1 + subjects, pairs) normalised in place: the mean of the target's RDMs says all about T. */
static wb_status emit_p(const wb_host *host, const target_params *p, double *rdms, size_t subjects,
                        size_t n) {
  const size_t pairs = wb_pair_count(n);
  wb_error err = {0};
  double value;
  if (!p->permutations) return host->emit_missing(host, "p", "no permutations were asked for");
  if (p->compare == WB_COMPARE_KENDALL)
    return host->emit_missing(host, "p",
                              "stimuli are exchanged for --compare pearson, spearman and cosine only");
  for (size_t s = 0; s <= subjects; s++)
    WB_TRY(
        wb_forward(host, wb_rdm_normalise(rdms + s * pairs, (wb_comparison)p->compare, pairs, &err), &err));
  double *mean = rdms + pairs;
  for (size_t s = 1; s < subjects; s++)
    for (size_t k = 0; k < pairs; k++) mean[k] += rdms[(1 + s) * pairs + k];
  WB_TRY(wb_forward(host,
                    wb_stimuli_test(&value, rdms, mean, n, (size_t)p->permutations, (uint64_t)p->seed,
                                    wb_is_stopped, (void *)(uintptr_t)host, &err),
                    &err));
  return host->emit_scalar(host, "p", value);
}

static wb_status emit_similarity(const wb_host *host, const target_params *p, const double *rdms,
                                 double *work, size_t subjects, size_t n) {
  const size_t pairs = wb_pair_count(n), count = 1 + subjects;
  double *similarity = WB_ALLOC(host, double, count *count), mean = 0, lower, upper;
  wb_error err = {0};
  if (!similarity) return WB_NOMEM;
  memcpy(work, rdms, count * pairs * sizeof *work);
  WB_TRY(wb_forward(
      host, wb_rdm_similarities(similarity, work, (wb_comparison)p->compare, count, pairs, &err), &err));
  for (size_t s = 1; s < count; s++) mean += similarity[s];
  mean /= (double)subjects; // at the end: never above 1 by rounding
  const char *constant = "the distances of the run or of a subject do not vary";
  WB_TRY(wb_host_emit_or_missing(host, "similarity", mean, constant));
  WB_TRY(isnan(mean) ? host->emit_missing(host, "subjects", constant)
                     : host->emit_curve(host, "subjects", subjects, NULL, similarity + 1));
  memcpy(work, rdms + pairs, subjects * pairs * sizeof *work);
  WB_TRY(wb_forward(
      host, wb_noise_ceiling(&lower, &upper, work, (wb_comparison)p->compare, subjects, pairs, &err), &err));
  const char *few = subjects < 2 ? "the target has one subject" : constant;
  WB_TRY(wb_host_emit_or_missing(host, "ceiling-lower", lower, few));
  WB_TRY(wb_host_emit_or_missing(host, "ceiling-upper", upper, few));
  WB_TRY(emit_interval(host, p, rdms, subjects, n));
  memcpy(work, rdms, count * pairs * sizeof *work);
  return isnan(mean) ? host->emit_missing(host, "p", constant) : emit_p(host, p, work, subjects, n);
}

static void free_target(void *object) {
  wb_target_free(object);
}

static wb_status run(const wb_host *host, const void *params) {
  const target_params *p = params;
  wb_target_rdms *target = WB_ALLOC(host, wb_target_rdms, 1); // outlives this function: freed after it
  wb_stimuli stimuli;
  wb_error err = {0};
  if (!target) return WB_NOMEM;
  *target = (wb_target_rdms){0};
  WB_TRY(host->defer(host, free_target, target));
  WB_TRY(wb_forward(host, wb_target_read(&p->target, target, &err), &err));
  size_t *common = WB_ALLOC(host, size_t, target->n);
  if (!common) return WB_NOMEM;
  WB_TRY(align(host, target, p->per_class, &stimuli, common));
  const size_t pairs = wb_pair_count(stimuli.count), count = 1 + target->subjects;
  char what[1024];
  snprintf(what, sizeof what, "%s: comparing with %zu RDMs over %zu stimuli", host->run_path(host, 0),
           target->subjects, stimuli.count);
  WB_TRY(wb_check_memory(
      host, wb_stimuli_bytes(&stimuli, p->distance) + 8 * (double)pairs * (2 * (double)count + 8), what,
      "--per-class takes fewer stimuli"));
  double *rdms = WB_ALLOC(host, double, count *pairs), *work = WB_ALLOC(host, double, count *pairs);
  if (!rdms || !work) return WB_NOMEM;
  WB_TRY(fill(host, p, target, &stimuli, common, rdms));
  WB_TRY(host->emit_scalar(host, "stimuli", (double)stimuli.count));
  return emit_similarity(host, p, rdms, work, target->subjects, stimuli.count);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(target_params),
    .id = "rdm-target",
    .version = "1.0",
    .title = "agreement of the geometry with a given one: brains, behaviour, another model",
    .summary = "Compares each run's dissimilarity matrix with those of a target, over the stimuli that both "
               "have. 1: the same geometry; 0: unrelated. Where the target has several subjects the noise "
               "ceiling says how well any model could do: between its lower and upper end a model is as like "
               "the subjects as they are to each other.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Kriegeskorte, Mur & Bandettini 2008; Nili et al. 2014",
    .example = "workbench run rdm-target --in runs/*.h5 --target fmri.h5 --compare spearman",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
