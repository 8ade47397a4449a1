/* ensemble.c: what the seeds of a condition answer together, against what one of them answers alone.
 *
 *     gain = accuracy of the soft vote (largest mean of the members' softmax) - mean accuracy of the members
 *
 * 0: voting does not help; higher: the members err on different images. Clean and under each type and level
 * of noise, with a 95% interval over images (bootstrap: the runs stay, images are drawn with replacement).
 * Also by four other schemes (averaged logits, majority, most confident member, weighted by confidence),
 * measures of diversity, and the gain of all subsets of members of each size, or of a sample of them
 * (plugins/stats/voting.h has the formulas). The logits come from noise-logits, computed once for each run.
 *
 * Sander & Hasson, Fig. 7; Kuncheva & Whitaker 2003.
 *
 *     workbench run ensemble --in runs/x.h5 --levels 0.05,0.1
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>

#include "inference.h"
#include "members.h"

typedef struct ensemble_params {
  wb_noise_params noise;
  int64_t bootstrap, subsets;
} ensemble_params;

static const wb_param params_table[] = {
    WB_NOISE_PARAM_ROWS(ensemble_params),
    WB_PARAM_BOOTSTRAP(ensemble_params),
    {.name = "subsets",
     .help = "for the growth with members: all subsets of a size, or so many drawn where there are more",
     .type = WB_INT,
     .default_text = "252",
     .min = 1,
     .max = 100000,
     .offset = offsetof(ensemble_params, subsets)},
};

static const wb_input inputs_table[] = {WB_MEMBERS_INPUT_ROWS};

#define TABLE(output_name, output_title, what, least)                                                        \
  .name = (output_name), .title = (output_title), .help = (what), .x_label = "noise level",                  \
  .y_label = "noise", .low = (least), .high = 1, .reference = NAN, .shape = WB_MATRIX

#define NUMBER(output_name, output_title, what, least)                                                       \
  .name = (output_name), .title = (output_title), .help = (what), .low = (least), .high = 1,                 \
  .reference = NAN, .shape = WB_SCALAR

static const wb_output outputs_table[] = {
    {TABLE("gain", "ensemble gain", "accuracy of the soft vote minus mean accuracy of its members", -1),
     .higher_means = "more gained by voting", .plot = WB_PLOT_PANELS,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_ZERO_LINE | WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {TABLE("gain-low", "gain from", "lower end of the 95% interval over images", -1), .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {TABLE("gain-high", "gain to", "upper end of the 95% interval over images", -1), .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {TABLE("accuracy", "accuracy of the ensemble", "share of images that the soft vote has right", 0),
     .higher_means = "better", .plot = WB_PLOT_PANELS,
     .flags = WB_OUTPUT_ZERO_LINE | WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {TABLE("single", "accuracy of one member", "mean over the members", 0), .higher_means = "better",
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "schemes",
     .title = "accuracy of the vote",
     .help = "by voting scheme, clean and under each noise",
     .higher_means = "better",
     .x_label = "noise",
     .y_label = "voting scheme",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "diversity",
     .title = "diversity",
     .help = "mean over pairs of members, clean and under each noise; blank where no pair has it",
     .x_label = "noise",
     .y_label = "measure",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("members-accuracy", "single", "mean clean accuracy of the members", 0), .plot = WB_PLOT_NONE,
     .higher_means = "better", .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("soft-vote", "ensemble", "clean accuracy of the soft vote", 0), .plot = WB_PLOT_NONE,
     .higher_means = "better", .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("clean-gain", "gain", "of the soft vote on clean images", -1),
     .higher_means = "more gained by voting", .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("clean-gain-low", "95% from", "lower end of the interval over images (bootstrap)", -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("clean-gain-high", "95% to", "upper end of the interval over images (bootstrap)", -1),
     .plot = WB_PLOT_NONE, .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("error-correlation", "error correlation", "phi of two members' errors on clean images", -1),
     .higher_means = "less diverse", .flags = WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("disagreement", "disagreement", "share of clean images that only one of two members has right",
            0),
     .higher_means = "more diverse", .flags = WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("q-statistic", "Q statistic", "Yule's Q of two members' errors on clean images", -1),
     .higher_means = "less diverse", .flags = WB_OUTPUT_MAY_BE_MISSING},
    {NUMBER("double-fault", "double fault", "share of clean images that two members both have wrong", 0),
     .higher_means = "less diverse", .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "growth",
     .title = "gain",
     .help = "of the soft vote on clean images, mean over subsets of so many members",
     .higher_means = "more gained by voting",
     .x_label = "members",
     .low = -1,
     .high = 1,
     .reference = 0,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "members",
     .title = "members",
     .help = "runs that vote",
     .low = 1,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

enum { MEASURES = 4 };
static const char *const measure_names[MEASURES] = {"error correlation", "disagreement", "Q", "double fault"};

typedef struct session {
  const wb_host *host;
  const ensemble_params *params;
  wb_members members;
  uint32_t *runs; // (count): 0, 1, ..
  size_t count;   // of members
  int32_t *vote;  // (WB_MEMBERS_BLOCK)
  double *scratch;
  double *schemes;   // (WB_VOTE_SCHEMES, settings): images right, then their share
  double *single;    // (settings): the same of the mean member
  double *diversity; // (MEASURES, settings)
  double *pairs;     // (count, count, 4)
  double *gain;      // (settings, images)
  double *growth;    // (count): sum over subsets of each size
  uint32_t *subsets;
  size_t *subset_counts; // (count)
} session;

static void release(void *block) {
  free(block);
}

static wb_status open(session *s) {
  const wb_host *host = s->host;
  wb_members *m = &s->members;
  wb_error err = {0};
  s->count = host->run_count(host);
  WB_TRY(wb_members_open(host, &s->params->noise.levels, s->count, m));
  const wb_status status = wb_subsets(&s->subsets, &s->subset_counts, s->count, (size_t)s->params->subsets,
                                      host->seed(host, "subsets"), &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  WB_TRY(host->defer(host, release, s->subsets));
  WB_TRY(host->defer(host, release, s->subset_counts));
  s->runs = WB_ALLOC(host, uint32_t, s->count);
  s->vote = WB_ALLOC(host, int32_t, WB_MEMBERS_BLOCK);
  s->scratch = WB_ALLOC(host, double, m->classes);
  s->pairs = WB_ALLOC(host, double, 4 * s->count * s->count);
  s->gain = WB_ALLOC(host, double, m->settings * m->count);
  const size_t sums = (WB_VOTE_SCHEMES + 1 + MEASURES) * m->settings + s->count;
  s->schemes = WB_ALLOC(host, double, sums);
  if (!s->runs || !s->vote || !s->scratch || !s->pairs || !s->gain || !s->schemes) return WB_NOMEM;
  memset(s->schemes, 0, sums * sizeof *s->schemes);
  s->single = s->schemes + WB_VOTE_SCHEMES * m->settings;
  s->diversity = s->single + m->settings;
  s->growth = s->diversity + MEASURES * m->settings;
  for (uint32_t k = 0; k < s->count; k++) s->runs[k] = k;
  return WB_OK;
}

static double count_right(const session *s, const int32_t *answers, size_t first) {
  size_t right = 0;
  for (size_t i = 0; i < s->members.ballots.n; i++) right += answers[i] == s->members.labels[first + i];
  return (double)right;
}

/* Adds, for each size, images that the vote has right minus those that its mean member has. */
static void grow(session *s, size_t first) {
  const wb_ballots *b = &s->members.ballots;
  const uint32_t *subset = s->subsets;
  double *right = s->pairs; // (count), not in use yet
  for (size_t k = 0; k < s->count; k++) right[k] = count_right(s, b->answers + k * b->n, first);
  for (size_t size = 1; size <= s->count; size++)
    for (size_t i = 0; i < s->subset_counts[size - 1]; i++, subset += size) {
      double mean = 0;
      for (size_t k = 0; k < size; k++) mean += right[subset[k]] / (double)size;
      wb_vote(s->vote, s->scratch, b, WB_VOTE_SOFT, subset, size);
      s->growth[size - 1] += count_right(s, s->vote, first) - mean;
    }
}

static wb_status measure_setting(session *s, size_t setting) {
  wb_members *m = &s->members;
  const wb_ballots *b = &m->ballots;
  const double images = (double)m->count, blocks = ceil(images / WB_MEMBERS_BLOCK);
  for (size_t first = 0; setting == 0 && first < m->count; first += WB_MEMBERS_BLOCK) {
    WB_TRY(wb_members_read(m, setting, first, s->runs, s->count));
    grow(s, first);
  }
  memset(s->pairs, 0, 4 * s->count * s->count * sizeof *s->pairs);
  for (size_t first = 0, block = 0; first < m->count; first += WB_MEMBERS_BLOCK) {
    WB_TRY(wb_members_read(m, setting, first, s->runs, s->count));
    for (int scheme = WB_VOTE_SCHEMES - 1; scheme >= 0; scheme--) { // soft last: its vote is used below
      wb_vote(s->vote, s->scratch, b, (wb_vote_scheme)scheme, s->runs, s->count);
      s->schemes[(size_t)scheme * m->settings + setting] += count_right(s, s->vote, first) / images;
    }
    for (size_t k = 0; k < s->count; k++)
      s->single[setting] += count_right(s, b->answers + k * b->n, first) / images / (double)s->count;
    wb_members_gain(m, first, s->vote, s->gain + setting * m->count + first);
    wb_agreement_add(s->pairs, b, m->labels + first);
    s->host->progress(s->host, (double)setting + (double)++block / blocks, (double)m->settings, NULL);
  }
  const wb_diversity d = wb_agreement_diversity(s->pairs, s->count);
  const double measures[MEASURES] = {d.error_correlation, d.disagreement, d.q, d.double_fault};
  for (size_t k = 0; k < MEASURES; k++) s->diversity[k * m->settings + setting] = measures[k];
  return WB_OK;
}

/* ---- Output ---- */

/* Values by setting as rows clean, white, .. and columns clean, level .. */
static wb_status emit_table(const session *s, const char *name, const double *values) {
  const wb_host *host = s->host;
  const wb_float_list *levels = s->members.levels;
  const size_t rows = WB_NOISE_TYPES + 1, cols = levels->count + 1;
  const char *names[WB_NOISE_TYPES + 1] = {"clean"};
  const char **columns = WB_ALLOC(host, const char *, cols);
  double *table = WB_ALLOC(host, double, rows *cols);
  if (!columns || !table) return WB_NOMEM;
  for (size_t k = 0; k < cols; k++)
    if (!(columns[k] = k ? wb_noise_level_label(host, "level ", levels->items[k - 1]) : "clean"))
      return WB_NOMEM;
  for (size_t i = 0; i < rows * cols; i++) table[i] = NAN;
  table[0] = values[0];
  for (size_t type = 0; type < WB_NOISE_TYPES; type++) {
    names[type + 1] = wb_noise_types[type];
    for (size_t level = 0; level < levels->count; level++)
      table[(type + 1) * cols + level + 1] = values[1 + type * levels->count + level];
  }
  return host->emit_matrix(host, name, rows, cols, table, names, columns);
}

/* The gain of each setting with its interval. */
static wb_status emit_gain(const session *s) {
  const wb_host *host = s->host;
  const wb_members *m = &s->members;
  const size_t draws = (size_t)s->params->bootstrap, settings = m->settings;
  static const char *const ends[] = {"gain-low", "gain-high"}, *const clean[] = {"clean-gain-low",
                                                                                 "clean-gain-high"};
  static const char none[] = "no draws were asked for";
  double *means = WB_ALLOC(host, double, (draws + 1) * settings),
         *ordered = WB_ALLOC(host, double, draws + 1);
  double *values = WB_ALLOC(host, double, settings);
  if (!means || !ordered || !values) return WB_NOMEM;
  for (size_t i = 0; i < settings; i++) values[i] = s->schemes[i] - s->single[i];
  WB_TRY(emit_table(s, "gain", values));
  WB_TRY(host->emit_scalar(host, "clean-gain", values[0]));
  wb_error err = {0};
  const wb_status status =
      wb_resample_means(means, s->gain, settings, m->count, draws, host->seed(host, "bootstrap"), &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  for (int end = 0; end < 2; end++) {
    for (size_t i = 0; i < settings; i++) {
      for (size_t d = 0; d < draws; d++) ordered[d] = means[d * settings + i];
      values[i] = wb_quantile(ordered, draws, end ? 0.975 : 0.025);
    }
    WB_TRY(draws ? emit_table(s, ends[end], values) : host->emit_missing(host, ends[end], none));
    WB_TRY(wb_host_emit_or_missing(host, clean[end], values[0], none));
  }
  return WB_OK;
}

static wb_status emit_growth(const session *s) {
  double *x = WB_ALLOC(s->host, double, s->count), *y = WB_ALLOC(s->host, double, s->count);
  if (!x || !y) return WB_NOMEM;
  for (size_t k = 0; k < s->count; k++) {
    x[k] = (double)k + 1;
    y[k] = s->growth[k] / (double)s->subset_counts[k] / (double)s->members.count;
  }
  return s->host->emit_curve(s->host, "growth", s->count, x, y);
}

static wb_status emit(const session *s) {
  static const char *const scalars[MEASURES] = {"error-correlation", "disagreement", "q-statistic",
                                                "double-fault"};
  const wb_host *host = s->host;
  const size_t settings = s->members.settings;
  const char **names;
  WB_TRY(wb_members_names(&s->members, &names));
  WB_TRY(emit_gain(s));
  WB_TRY(emit_table(s, "accuracy", s->schemes));
  WB_TRY(emit_table(s, "single", s->single));
  WB_TRY(host->emit_matrix(host, "schemes", WB_VOTE_SCHEMES, settings, s->schemes, wb_vote_names, names));
  WB_TRY(host->emit_matrix(host, "diversity", MEASURES, settings, s->diversity, measure_names, names));
  for (size_t k = 0; k < MEASURES; k++)
    WB_TRY(wb_host_emit_or_missing(host, scalars[k], s->diversity[k * settings],
                                   "each member has all images right, or all wrong"));
  WB_TRY(host->emit_scalar(host, "members-accuracy", s->single[0]));
  WB_TRY(host->emit_scalar(host, "soft-vote", s->schemes[0]));
  WB_TRY(host->emit_scalar(host, "members", (double)s->count));
  return emit_growth(s);
}

static wb_status check(const wb_host *host, const void *params) {
  return wb_noise_params_check(host, &((const ensemble_params *)params)->noise);
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  if (host->run_count(host) < 2) {
    for (size_t i = 0; i < sizeof outputs_table / sizeof *outputs_table; i++)
      WB_TRY(outputs_table[i].flags & WB_OUTPUT_MAY_BE_MISSING
                 ? host->emit_missing(host, outputs_table[i].name, "there is only one run of this condition")
                 : host->emit_scalar(host, outputs_table[i].name, 1));
    return WB_OK;
  }
  WB_TRY(open(&s));
  for (size_t i = 0; i < s.members.settings; i++) WB_TRY(measure_setting(&s, i));
  return emit(&s);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_GROUP,
    .flags = WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(ensemble_params),
    .id = "ensemble",
    .version = "1.0",
    .title = "what voting gains over a single model, clean and under noise",
    .summary =
        "Lets the seeds of each condition vote on every test image and compares with the mean accuracy of "
        "one "
        "seed: a gain of 0 says that voting does not help, a higher one that the members err on different "
        "images. On clean images and under white, pink, and salt-and-pepper noise, by five voting schemes, "
        "with 95% intervals over images, measures of diversity, and the growth with the number of members.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 7; Kuncheva & Whitaker 2003",
    .example = "workbench run ensemble --in runs/*.h5",
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
