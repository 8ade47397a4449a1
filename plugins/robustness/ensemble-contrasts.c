/* ensemble-contrasts.c: whether voting gains more in one condition than in another.
 *
 *     difference = gain of the second condition - gain of the first
 *
 * for every two conditions, clean and under each type and level of noise; gain as ensemble defines it (soft
 * vote). Above 0: the second gains more. The 95% interval is a bootstrap over images, paired: both conditions
 * see the same drawn images, and the runs stay. It does not tell what other seeds would give.
 *
 * Sander & Hasson, Fig. 7.
 *
 *     workbench run ensemble-contrasts --in runs/x.h5 runs/y.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "inference.h"
#include "members.h"

typedef struct contrasts_params {
  wb_noise_params noise;
  int64_t bootstrap;
} contrasts_params;

static const wb_param params_table[] = {WB_NOISE_PARAM_ROWS(contrasts_params),
                                        WB_PARAM_BOOTSTRAP(contrasts_params)};

static const wb_input inputs_table[] = {WB_MEMBERS_INPUT_ROWS};

#define DIFFERENCE(output_name, output_title, what)                                                          \
  .name = (output_name), .title = (output_title), .help = (what), .x_label = "noise",                        \
  .y_label = "conditions", .low = -2, .high = 2, .reference = 0, .shape = WB_MATRIX, .plot = WB_PLOT_NONE

static const wb_output outputs_table[] = {
    {DIFFERENCE("difference", "difference in gain", "gain of the second condition minus gain of the first"),
     .higher_means = "more gained by the second", .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_HEADLINE},
    {DIFFERENCE("difference-low", "difference from", "lower end of the 95% interval over images"),
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {DIFFERENCE("difference-high", "difference to", "upper end of the 95% interval over images"),
     .flags = WB_OUTPUT_MAY_BE_MISSING},
};

/* gain (settings, count) of one condition's soft vote, image by image. */
static wb_status measure_condition(wb_members *m, const uint32_t *runs, size_t members, double *gain) {
  static const wb_vote_scheme soft = WB_VOTE_SOFT;
  const wb_host *host = m->host;
  uint32_t *all = WB_ALLOC(host, uint32_t, members);
  int32_t *vote = WB_ALLOC(host, int32_t, WB_MEMBERS_BLOCK);
  double *scratch = WB_ALLOC(host, double, m->classes);
  if (!all || !vote || !scratch) return WB_NOMEM;
  for (uint32_t k = 0; k < members; k++) all[k] = k;
  for (size_t setting = 0; setting < m->settings; setting++)
    for (size_t first = 0; first < m->count; first += WB_MEMBERS_BLOCK) {
      WB_TRY(wb_members_read(m, setting, first, runs, members));
      wb_vote(vote, scratch, &m->ballots, soft, all, members);
      wb_members_gain(m, first, vote, gain + setting * m->count + first);
    }
  return WB_OK;
}

/* "rho 0.2 - rho 0": what tells two conditions apart, by their first runs. */
static char *pair_label(const wb_host *host, uint32_t first, uint32_t second) {
  static const char *const factors[] = {"objective", "topo", "rho",   "lambda", "dropout",
                                        "balance",   "arch", "width", "units",  "data"};
  char *label = WB_ALLOC(host, char, 512);
  size_t used = 0;
  if (!label) return NULL;
  for (int side = 0; side < 2; side++) {
    const uint32_t run = side ? first : second;
    used += (size_t)snprintf(label + used, 512 - used, "%s", side ? " -" : "");
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
      const char *a = host->factor(host, first, factors[f]), *b = host->factor(host, second, factors[f]);
      const char *own = host->factor(host, run, factors[f]);
      if ((a && b && !strcmp(a, b)) || !own || used > 400) continue;
      used += (size_t)snprintf(label + used, 512 - used, "%s%s %.40s", used ? " " : "", factors[f], own);
    }
  }
  return label;
}

typedef struct session {
  const wb_host *host;
  const contrasts_params *params;
  wb_members members;
  size_t conditions, pairs;
  uint32_t *first; // (conditions + 1): first run of each; runs are ordered by condition
  double *means;   // (draws + 1, conditions x settings): the last row of all images, the others of drawn ones
} session;

static wb_status find_conditions(session *s, size_t *most) {
  const uint32_t runs = s->host->run_count(s->host);
  s->conditions = s->host->condition_count(s->host);
  s->pairs = s->conditions * (s->conditions - 1) / 2;
  s->first = WB_ALLOC(s->host, uint32_t, s->conditions + 1);
  if (!s->first) return WB_NOMEM;
  for (uint32_t r = runs; r-- > 0;) s->first[s->host->condition(s->host, r)] = r;
  s->first[s->conditions] = runs;
  *most = 0;
  for (size_t c = 0; c < s->conditions; c++)
    if (s->first[c + 1] - s->first[c] > *most) *most = s->first[c + 1] - s->first[c];
  return WB_OK;
}

static wb_status measure(session *s) {
  const wb_host *host = s->host;
  wb_members *m = &s->members;
  const size_t rows = s->conditions * m->settings, draws = (size_t)s->params->bootstrap;
  double *gain = WB_ALLOC(host, double, rows * m->count);
  uint32_t *runs = WB_ALLOC(host, uint32_t, s->first[s->conditions]);
  s->means = WB_ALLOC(host, double, (draws + 1) * rows);
  if (!gain || !runs || !s->means) return WB_NOMEM;
  for (uint32_t r = 0; r < s->first[s->conditions]; r++) runs[r] = r;
  for (size_t c = 0; c < s->conditions; c++) {
    WB_TRY(measure_condition(m, runs + s->first[c], s->first[c + 1] - s->first[c],
                             gain + c * m->settings * m->count));
    host->progress(host, (double)c + 1, (double)s->conditions, NULL);
  }
  wb_error err = {0};
  const wb_status status =
      wb_resample_means(s->means, gain, rows, m->count, draws, host->seed(host, "bootstrap"), &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  for (size_t row = 0; row < rows; row++) {
    double sum = 0;
    for (size_t i = 0; i < m->count; i++) sum += gain[row * m->count + i];
    s->means[draws * rows + row] = sum / (double)m->count;
  }
  return WB_OK;
}

/* Differences of every two conditions: of all images, or a quantile over the draws. */
static wb_status emit(const session *s, const char *name, double quantile) {
  const wb_host *host = s->host;
  const size_t settings = s->members.settings, draws = (size_t)s->params->bootstrap;
  const size_t rows = s->conditions * settings;
  const char **pairs = WB_ALLOC(host, const char *, s->pairs), **names;
  double *table = WB_ALLOC(host, double, s->pairs *settings), *ordered = WB_ALLOC(host, double, draws + 1);
  if (!pairs || !table || !ordered) return WB_NOMEM;
  WB_TRY(wb_members_names(&s->members, &names));
  size_t pair = 0;
  for (size_t a = 0; a < s->conditions; a++)
    for (size_t b = a + 1; b < s->conditions; b++, pair++) {
      if (!(pairs[pair] = pair_label(host, s->first[a], s->first[b]))) return WB_NOMEM;
      for (size_t k = 0; k < settings; k++) {
        for (size_t d = 0; d <= draws; d++)
          ordered[d] = s->means[d * rows + b * settings + k] - s->means[d * rows + a * settings + k];
        table[pair * settings + k] = isnan(quantile) ? ordered[draws] : wb_quantile(ordered, draws, quantile);
      }
    }
  return host->emit_matrix(host, name, s->pairs, settings, table, pairs, names);
}

static wb_status check(const wb_host *host, const void *params) {
  return wb_noise_params_check(host, &((const contrasts_params *)params)->noise);
}

static wb_status run(const wb_host *host, const void *params) {
  static const double quantiles[] = {NAN, 0.025, 0.975};
  session s = {.host = host, .params = params};
  size_t most;
  WB_TRY(find_conditions(&s, &most));
  if (s.conditions > 1) {
    WB_TRY(wb_members_open(host, &s.params->noise.levels, most, &s.members));
    WB_TRY(measure(&s));
  }
  for (size_t k = 0; k < 3; k++) {
    const char *reason = s.conditions < 2            ? "there is only one condition"
                         : k && !s.params->bootstrap ? "no draws were asked for"
                                                     : NULL;
    WB_TRY(reason ? host->emit_missing(host, outputs_table[k].name, reason)
                  : emit(&s, outputs_table[k].name, quantiles[k]));
  }
  return WB_OK;
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_STUDY,
    .flags = WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(contrasts_params),
    .id = "ensemble-contrasts",
    .version = "1.0",
    .title = "differences in ensemble gain between conditions",
    .summary =
        "For every two conditions, how much more voting gains in the second than in the first, clean and "
        "under noise: 0 is the same gain. The 95% interval draws images, the same for both conditions.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 7",
    .example = "workbench run ensemble-contrasts --in runs/*.h5",
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
