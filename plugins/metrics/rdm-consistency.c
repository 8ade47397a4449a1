/* rdm-consistency.c: whether seeds of one condition arrive at the same geometry.
 *
 * For the runs of a condition, the mean over pairs of runs of the comparison of their RDMs (the distances
 * that rdm gives, upper triangle without diagonal): Pearson r, Spearman r, Kendall tau-a or cosine. 1: all
 * seeds agree on which stimuli are alike; 0: they have nothing in common. Also from the embeddings
 * themselves: linear CKA and orthogonal Procrustes; and the whitened cosine of the RDMs of class means.
 *
 * Pairs share runs, so the interval leaves out each run in turn (jackknife; Student's t, runs - 1 degrees of
 * freedom). The second interval draws stimuli with replacement and drops pairs of copies of one stimulus.
 *
 * Sander & Hasson, Fig. 6; Kornblith et al. 2019; Diedrichsen et al. 2021; Schuett et al. 2023.
 *
 *     workbench run rdm-consistency --in runs/x.h5 --compare spearman
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "comparison.h"
#include "inference.h"
#include "stimuli.h"

typedef struct consistency_params {
  int32_t compare, distance, after_relu;
  int64_t per_class, bootstrap, seed;
} consistency_params;

static const char *const compare_choices[] = {"pearson", "spearman", "kendall", "cosine", NULL};

static const wb_param params_table[] = {
    {.name = "compare",
     .help = "comparison of two RDMs: Pearson r, Spearman r, Kendall tau-a, or cosine",
     .type = WB_CHOICE,
     .choices = compare_choices,
     .default_text = "pearson",
     .offset = offsetof(consistency_params, compare)},
    WB_PARAM_DISTANCE(consistency_params),
    WB_PARAM_PER_CLASS(consistency_params),
    WB_PARAM_AFTER_RELU(consistency_params),
    {.name = "bootstrap",
     .help = "draws of stimuli for the bootstrap interval; 0 for none. Not with --compare kendall, whose "
             "every draw would count discordant pairs of distances anew: spearman has one",
     .type = WB_INT,
     .default_text = "1000",
     .max = 100000,
     .offset = offsetof(consistency_params, bootstrap)},
    {.name = "seed",
     .help = "of the bootstrap",
     .type = WB_INT,
     .default_text = "0",
     .max = 4294967295.0,
     .offset = offsetof(consistency_params, seed)},
};

static const wb_input inputs_table[] = {
    {.role = "distances",
     .help = "of all pairs of stimuli",
     .kind = WB_DERIVED,
     .object = "rdm/pairs",
     .axes = {"rdm", "pair"},
     .element = WB_F64,
     .rank = 2},
    WB_INPUT_EMBEDDING(1u << 0),
    WB_INPUT_CLASSES,
};

#define ALIKE(output_name, output_title, what, least)                                                        \
  .name = (output_name), .title = (output_title), .help = (what), .higher_means = "more alike",              \
  .low = (least), .high = 1, .reference = NAN, .shape = WB_SCALAR

static const wb_output outputs_table[] = {
    {ALIKE("consistency", "RDM consistency", "mean comparison of the RDMs of two seeds", -1),
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("consistency-low", "95% from", "lower end of the interval over seeds (jackknife), within bounds",
           -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("consistency-high", "95% to", "upper end of the interval over seeds (jackknife), within bounds",
           -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "sd",
     .title = "sd over pairs of seeds",
     .help = "of the comparison",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "pairs",
     .title = "pairs of seeds",
     .help = "how many could be compared",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {ALIKE("bootstrap-low", "95% from (stimuli)", "lower end of the interval over stimuli (bootstrap)", -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("bootstrap-high", "95% to (stimuli)", "upper end of the interval over stimuli (bootstrap)", -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("cka", "linear CKA", "mean over pairs of seeds, of the embeddings", 0),
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("procrustes", "Procrustes similarity", "mean over pairs of seeds, after the best rotation", 0),
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {ALIKE("whitened-cosine", "whitened cosine", "mean over pairs of seeds, of the RDMs of class means", -1),
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "seeds",
     .title = "comparison of RDMs",
     .help = "of every two seeds",
     .higher_means = "more alike",
     .x_label = "seed",
     .y_label = "seed",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
};

/* ---- RDMs ---- */

/* rdms (runs, pairs), all runs' distances. */
static wb_status read_rdms(const wb_host *host, uint32_t runs, double **rdms, size_t *pairs) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "distances", 0, dims));
  *pairs = dims[1];
  *rdms = WB_ALLOC(host, double, runs **pairs);
  if (!*rdms) return WB_NOMEM;
  for (uint32_t r = 0; r < runs; r++) {
    WB_TRY(host->shape(host, "distances", r, dims));
    if (dims[1] != *pairs)
      return wb_host_fail(host, WB_INPUT, "%s has distances of %llu pairs of stimuli, %s of %zu",
                          host->run_path(host, r), (unsigned long long)dims[1], host->run_path(host, 0),
                          *pairs);
    WB_TRY(host->read(host, "distances", r, 0, 1, *rdms + r * *pairs));
  }
  return WB_OK;
}

static wb_status emit_bootstrap(const wb_host *host, const consistency_params *p, uint32_t runs,
                                const double *rdms, size_t stimuli) {
  const char *reason = "no draws were asked for";
  double low = NAN, high = NAN;
  if (p->bootstrap && p->compare == WB_COMPARE_KENDALL) {
    reason = "stimuli are not drawn for --compare kendall: each draw would count discordant pairs anew";
  } else if (p->bootstrap) {
    const size_t draws = (size_t)p->bootstrap;
    double *means = WB_ALLOC(host, double, draws);
    wb_error err = {0};
    if (!means) return WB_NOMEM;
    const wb_status status =
        wb_bootstrap_stimuli(means, rdms, (wb_comparison)p->compare, runs, stimuli, draws, (uint64_t)p->seed,
                             wb_is_stopped, (void *)(uintptr_t)host, &err);
    WB_TRY(wb_forward(host, status, &err));
    size_t defined = 0;
    for (size_t r = 0; r < draws; r++)
      if (!isnan(means[r])) means[defined++] = means[r];
    low = wb_quantile(means, defined, 0.025);
    high = wb_quantile(means, defined, 0.975);
    reason = "no draw of stimuli had distances that vary";
  }
  WB_TRY(wb_host_emit_or_missing(host, "bootstrap-low", low, reason));
  return wb_host_emit_or_missing(host, "bootstrap-high", high, reason);
}

static wb_status emit_seeds(const wb_host *host, const double *similarity, uint32_t runs, bool complete) {
  const char **seeds = WB_ALLOC(host, const char *, runs);
  if (!seeds) return WB_NOMEM;
  if (!complete) return host->emit_missing(host, "seeds", "the distances of a run do not vary");
  for (uint32_t r = 0; r < runs; r++) {
    seeds[r] = host->factor(host, r, "seed");
    if (!seeds[r]) seeds[r] = "";
  }
  return host->emit_matrix(host, "seeds", runs, runs, similarity, seeds, seeds);
}

static wb_status compare_rdms(const wb_host *host, const consistency_params *p, uint32_t runs, double *rdms,
                              size_t pairs, size_t stimuli) {
  double *similarity = WB_ALLOC(host, double, (size_t)runs *runs);
  wb_error err = {0};
  if (!similarity) return WB_NOMEM;
  WB_TRY(emit_bootstrap(host, p, runs, rdms, stimuli));
  WB_TRY(wb_forward(host, wb_rdm_similarities(similarity, rdms, (wb_comparison)p->compare, runs, pairs, &err),
                    &err));
  const wb_pair_mean m = wb_pairs_summarize(similarity, runs);
  const char *constant = "the distances of the runs do not vary";
  WB_TRY(wb_host_emit_or_missing(host, "consistency", m.mean, constant));
  const char *few = runs < 3 ? "an interval over seeds needs three runs" : constant;
  WB_TRY(wb_host_emit_or_missing(host, "consistency-low", m.low < -1 ? -1 : m.low, few));
  WB_TRY(wb_host_emit_or_missing(host, "consistency-high", m.high > 1 ? 1 : m.high, few));
  WB_TRY(wb_host_emit_or_missing(host, "sd", m.sd, "there is only one pair of seeds"));
  WB_TRY(host->emit_scalar(host, "pairs", (double)m.pairs));
  bool complete = true;
  for (size_t i = 0; i < (size_t)runs * runs; i++) complete = complete && !isnan(similarity[i]);
  return emit_seeds(host, similarity, runs, complete);
}

/* ---- Embeddings ---- */

typedef struct patterns {
  wb_stimuli stimuli;
  double *x;     // (stimuli, units), centred
  double *means; // condensed RDM of class means
} patterns;

/* Chooses the stimuli of all runs, and refuses what would not fit: RDMs with copies for ranks and draws, and
 * the patterns of all runs with what comparing two of them needs. */
static wb_status choose(const wb_host *host, const consistency_params *p, uint32_t runs, patterns *all) {
  double kept = 0, work = 0;
  for (uint32_t r = 0; r < runs; r++) {
    WB_TRY(wb_stimuli_choose(host, r, p->per_class, &all[r].stimuli));
    const wb_stimuli *s = &all[r].stimuli;
    const double count = (double)s->count, units = (double)s->units, classes = (double)s->classes;
    kept += 8 * (count * units + classes * classes / 2);
    work = fmax(work, wb_stimuli_bytes(s, p->distance) + 8 * units * (classes + 3 * units));
  }
  const size_t count = all[0].stimuli.count;
  const double pairs = 24 * (double)runs * (double)wb_pair_count(count);
  char what[160];
  snprintf(what, sizeof what, "comparing the RDMs and embeddings of %u runs over %zu stimuli", runs, count);
  return wb_check_memory(host, pairs + 8 * (double)count * (double)p->bootstrap + kept + work, what,
                         "--per-class takes fewer stimuli");
}

/* x and means of one run; work (count + classes, units) is scratch. */
static wb_status read_patterns(const wb_host *host, const consistency_params *p, uint32_t run, double *work,
                               patterns *out) {
  wb_error err = {0};
  const size_t count = out->stimuli.count, units = out->stimuli.units, classes = out->stimuli.classes;
  out->x = WB_ALLOC(host, double, count *units);
  out->means = WB_ALLOC(host, double, wb_pair_count(classes));
  if (!out->x || !out->means) return WB_NOMEM;
  WB_TRY(wb_stimuli_read(host, run, &out->stimuli, p->after_relu, out->x));
  memcpy(work, out->x, count * units * sizeof *work);
  WB_TRY(wb_stimuli_whiten(host, run, &out->stimuli, p->distance, work, NULL));
  double *means = work + count * units;
  wb_stimuli_class_means(means, &out->stimuli, work);
  WB_TRY(wb_forward(host, wb_rdm(out->means, means, NULL, (wb_distance)p->distance, classes, units, &err),
                    &err));
  wb_centre_columns(out->x, count, units);
  return WB_OK;
}

static wb_status compare_patterns(const wb_host *host, const consistency_params *p, uint32_t runs,
                                  patterns *all) {
  size_t most = 0;
  for (uint32_t r = 0; r < runs; r++) {
    const size_t room = (all[r].stimuli.count + all[r].stimuli.classes) * all[r].stimuli.units;
    most = room > most ? room : most;
  }
  double *work = WB_ALLOC(host, double, most);
  if (!work) return WB_NOMEM;
  for (uint32_t r = 0; r < runs; r++) WB_TRY(read_patterns(host, p, r, work, &all[r]));
  const size_t count = all[0].stimuli.count, classes = all[0].stimuli.classes;
  double sums[3] = {0}, pairs = (double)runs * (runs - 1) / 2, done = 0;
  for (uint32_t a = 0; a < runs; a++)
    for (uint32_t b = 0; b < a; b++) {
      const size_t u = all[a].stimuli.units, v = all[b].stimuli.units;
      double cka, procrustes;
      wb_error err = {0};
      WB_TRY(wb_forward(host, wb_cka(&cka, all[a].x, all[b].x, count, u, v, &err), &err));
      WB_TRY(wb_forward(host, wb_procrustes(&procrustes, all[a].x, all[b].x, count, u, v, &err), &err));
      sums[0] += cka;
      sums[1] += procrustes;
      sums[2] += wb_rdm_whitened_cosine(all[a].means, all[b].means, classes);
      if (host->cancelled(host)) return WB_CANCELLED;
      host->progress(host, ++done, pairs, NULL);
    }
  WB_TRY(wb_host_emit_or_missing(host, "cka", sums[0] / pairs, "the embedding of a run does not vary"));
  WB_TRY(
      wb_host_emit_or_missing(host, "procrustes", sums[1] / pairs, "the embedding of a run does not vary"));
  return classes < 3 ? host->emit_missing(host, "whitened-cosine", "it needs three classes")
                     : wb_host_emit_or_missing(host, "whitened-cosine", sums[2] / pairs,
                                               "the class means of a run are all alike");
}

static wb_status run(const wb_host *host, const void *params) {
  const uint32_t runs = host->run_count(host);
  double *rdms;
  size_t pairs;
  if (runs < 2) {
    for (size_t i = 0; i < sizeof outputs_table / sizeof *outputs_table; i++)
      WB_TRY(outputs_table[i].flags & WB_OUTPUT_MAY_BE_MISSING
                 ? host->emit_missing(host, outputs_table[i].name, "there is only one run of this condition")
                 : host->emit_scalar(host, outputs_table[i].name, 0));
    return WB_OK;
  }
  patterns *all = WB_ALLOC(host, patterns, runs);
  if (!all) return WB_NOMEM;
  WB_TRY(choose(host, params, runs, all));
  WB_TRY(read_rdms(host, runs, &rdms, &pairs));
  const size_t stimuli = (size_t)((1 + sqrt(1 + 8 * (double)pairs)) / 2 + 0.5);
  WB_TRY(compare_rdms(host, params, runs, rdms, pairs, stimuli));
  return compare_patterns(host, params, runs, all);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_GROUP,
    .flags = WB_STOCHASTIC | WB_THREADED,
    .params_size = sizeof(consistency_params),
    .id = "rdm-consistency",
    .version = "1.0",
    .title = "how alike the geometries of seeds of one condition are",
    .summary =
        "Mean over pairs of seeds of the correlation of their dissimilarity matrices. 1: training again "
        "from another seed gives the same geometry of stimuli; 0: another one altogether. The band is a "
        "95% interval over seeds that takes into account that pairs share runs. Linear CKA and "
        "Procrustes compare the embeddings themselves; in all of them higher is more alike.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 6; Kornblith et al. 2019; Diedrichsen et al. 2021",
    .example = "workbench run rdm-consistency --in runs/*.h5 --compare spearman",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
