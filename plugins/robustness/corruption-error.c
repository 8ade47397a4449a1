/* corruption-error.c: corruption errors of each condition, relative to a baseline condition's.
 *
 *     CE          = 100 * sum_s E(s) / sum_s E'(s)
 *     relative CE = 100 * sum_s (E(s) - E(clean)) / sum_s (E'(s) - E'(clean))
 *
 * for each type of corruption; E(s) the share of images classified wrongly at severity s, mean over the seeds
 * of the condition, E' the same of its baseline. mCE and relative mCE are their means over types. 100: like
 * the baseline. Below: more robust; relative CE 0: corruption costs nothing beyond the clean error, below 0:
 * it helps.
 *
 * The baseline is the first condition without topography (topo none, or rho or lambda 0) with the same data,
 * architecture, width, objective and dropout; --baseline chooses another. Where a type costs the baseline
 * nothing there is no ratio, and no mean. That seeds are averaged before dividing is workbench's choice.
 *
 * Hendrycks & Dietterich (2019), "Benchmarking neural network robustness to common corruptions and
 * perturbations", section 4.1 (there with AlexNet as the baseline).
 *
 *     workbench run corruption-error --in runs/x.h5 runs/y.h5 --images 500
 *     workbench run corruption-error --in runs/x.h5 runs/y.h5 --baseline objective=ce,rho=0
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdbool.h>
#include <string.h>
#include <workbench/plugin_util.h>

#include "corruption.h"
#include "corruption_error.h"

typedef struct error_params {
  wb_string_list only;
  int64_t images;
  const char *corrupted;
  wb_string_list baseline;
} error_params;

/* The first three are those of corruptions, passed on to it. */
static const wb_param params_table[] = {
    {.name = "only",
     .help = "names of corruptions, as in fog,jpeg_compression; otherwise all fifteen",
     .type = WB_STRING_LIST,
     .offset = offsetof(error_params, only)},
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "1000",
     .max = 100000000,
     .offset = offsetof(error_params, images)},
    {.name = "corrupted",
     .help = "folder with CIFAR-10-C's files, fog.npy and so on and labels.npy, to use instead of corrupting "
             "here",
     .type = WB_STRING,
     .offset = offsetof(error_params, corrupted)},
    {.name = "baseline",
     .help =
         "factors of the condition to divide by, as in objective=ce,rho=0, for all conditions of the same "
         "data; otherwise each condition's own without topography",
     .type = WB_STRING_LIST,
     .offset = offsetof(error_params, baseline)},
};

static const wb_input inputs_table[] = {
    {.role = "errors",
     .help = "share of images classified wrongly",
     .kind = WB_DERIVED,
     .object = "corruptions/errors",
     .axes = {"corruption", "severity"},
     .element = WB_F64,
     .rank = 2},
    {.role = "clean",
     .help = "accuracy on the same images as they are",
     .kind = WB_DERIVED,
     .object = "corruptions/clean",
     .element = WB_F64},
    {.role = "images", .help = "test images, the same for all runs", .kind = WB_IMAGES},
};

#define RATIO(output_name, output_title, what)                                                               \
  .name = (output_name), .title = (output_title), .help = (what), .unit = "%", .higher_means = "worse",      \
  .y_label = "condition", .high = INFINITY, .reference = 100, .shape = WB_MATRIX,                            \
  .flags = WB_OUTPUT_MAY_BE_MISSING | WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_DIVERGING

static const wb_output outputs_table[] = {
    {RATIO("mce", "mean corruption error",
           "mCE and relative mCE, means over corruptions; 100 is the baseline"),
     .low = -INFINITY, .x_label = "mean", .plot = WB_PLOT_NONE},
    {RATIO("ce", "corruption error", "error under each corruption divided by the baseline's"), .low = 0,
     .x_label = "corruption"},
    {RATIO("relative-ce", "relative corruption error",
           "error added by each corruption to the clean error, divided by what it adds to the baseline's"),
     .low = -INFINITY, .x_label = "corruption"},
};

static const char *const mean_names[] = {"mCE", "relative mCE"};

typedef struct session {
  const wb_host *host;
  const error_params *params;
  uint32_t conditions;
  size_t types;
  const char *const *type_names; // (types)
  const char **names;            // (conditions)
  uint32_t *first;               // (conditions + 1): first run of each; runs are ordered by condition
  double *errors;                // (conditions, types, WB_SEVERITIES): mean over seeds
  double *clean;                 // (conditions): errors, mean over seeds
  double *ratios[2];             // absolute and relative, each (conditions, types)
  double *means;                 // (conditions, 2)
} session;

/* ---- Conditions ---- */

static bool equal(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_control(const wb_host *host, uint32_t run) {
  return equal(host->factor(host, run, "topo"), "none") || wb_host_factor(host, run, "rho", 1) == 0 ||
         wb_host_factor(host, run, "lambda", 1) == 0;
}

/* Whether a run has the factor as "name=value" says, numbers by their value. */
static bool has_factor(const wb_host *host, uint32_t run, const char *wanted) {
  char name[64], *end;
  const char *value = strchr(wanted, '=') + 1;
  snprintf(name, sizeof name, "%.*s", (int)(value - 1 - wanted), wanted);
  const double number = strtod(value, &end);
  return equal(host->factor(host, run, name), value) ||
         (end != value && !*end && wb_host_factor(host, run, name, NAN) == number);
}

static bool is_named(const session *s, uint32_t condition) {
  const wb_string_list *wanted = &s->params->baseline;
  bool all = wanted->count > 0;
  for (size_t k = 0; k < wanted->count; k++)
    all = all && has_factor(s->host, s->first[condition], wanted->items[k]);
  return all;
}

/* The baseline of condition c, or `conditions`. */
static uint32_t find_baseline(const session *s, uint32_t c) {
  static const char *const same[] = {"data", "arch", "width", "objective", "dropout"};
  const bool named = s->params->baseline.count > 0;
  const size_t alike = named ? 1 : sizeof same / sizeof *same;
  for (uint32_t b = 0; b < s->conditions; b++) {
    bool fits = named ? is_named(s, b) : is_control(s->host, s->first[b]);
    for (size_t f = 0; f < alike; f++)
      fits = fits && equal(s->host->factor(s->host, s->first[c], same[f]),
                           s->host->factor(s->host, s->first[b], same[f]));
    if (fits) return b;
  }
  return s->conditions;
}

/* "ce rho 0.2": the factors in which the study's conditions differ. */
static char *name_condition(const session *s, uint32_t condition) {
  static const char *const factors[] = {"data", "arch",    "width", "units",  "objective",
                                        "topo", "balance", "rho",   "lambda", "dropout"};
  const wb_host *host = s->host;
  char *name = WB_ALLOC(host, char, 512);
  size_t used = 0;
  if (!name) return NULL;
  for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
    const char *own = host->factor(host, s->first[condition], factors[f]);
    bool varies = false;
    for (uint32_t c = 0; c < s->conditions; c++)
      varies = varies || !equal(own, host->factor(host, s->first[c], factors[f]));
    if (!varies || !own || used > 400) continue;
    const bool bare = strcmp(factors[f], "objective") == 0;
    used += (size_t)snprintf(name + used, 512 - used, "%s%s%s%.40s", used ? " " : "", bare ? "" : factors[f],
                             bare ? "" : " ", own);
  }
  if (!used) snprintf(name, 512, "condition %u", condition + 1);
  return name;
}

static wb_status open(session *s) {
  const wb_host *host = s->host;
  const wb_string_list *only = &s->params->only;
  s->conditions = host->condition_count(host);
  s->types = only->count ? only->count : WB_CORRUPTIONS;
  s->type_names = only->count ? only->items : wb_corruption_names;
  s->names = WB_ALLOC(host, const char *, s->conditions);
  s->first = WB_ALLOC(host, uint32_t, s->conditions + 1);
  s->errors = WB_ALLOC(host, double, s->conditions * s->types * WB_SEVERITIES);
  s->clean = WB_ALLOC(host, double, s->conditions);
  s->means = WB_ALLOC(host, double, s->conditions * 2);
  for (int k = 0; k < 2; k++) s->ratios[k] = WB_ALLOC(host, double, s->conditions * s->types);
  if (!s->names || !s->first || !s->errors || !s->clean || !s->means || !s->ratios[0] || !s->ratios[1])
    return WB_NOMEM;
  s->first[s->conditions] = host->run_count(host);
  for (uint32_t r = s->first[s->conditions]; r-- > 0;) s->first[host->condition(host, r)] = r;
  for (uint32_t c = 0; c < s->conditions; c++)
    if (!(s->names[c] = name_condition(s, c))) return WB_NOMEM;
  return WB_OK;
}

/* ---- Errors and their ratios ---- */

static wb_status average(session *s, uint32_t condition) {
  const wb_host *host = s->host;
  const size_t cells = s->types * WB_SEVERITIES;
  double *mean = s->errors + condition * cells, *one = WB_ALLOC(host, double, cells), accuracy;
  const double runs = s->first[condition + 1] - s->first[condition];
  if (!one) return WB_NOMEM;
  memset(mean, 0, cells * sizeof *mean);
  s->clean[condition] = 0;
  for (uint32_t r = s->first[condition]; r < s->first[condition + 1]; r++) {
    WB_TRY(host->read(host, "errors", r, 0, s->types, one));
    WB_TRY(host->read(host, "clean", r, 0, 1, &accuracy));
    for (size_t i = 0; i < cells; i++) mean[i] += one[i] / runs;
    s->clean[condition] += (1 - accuracy) / runs;
  }
  return WB_OK;
}

/* Says which ratios of condition c are not there. */
static void warn(const session *s, uint32_t c, uint32_t baseline, bool relative) {
  char list[512] = "";
  size_t used = 0;
  for (size_t t = 0; t < s->types; t++)
    if (isnan(s->ratios[relative][c * s->types + t]) && used < 400)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", s->type_names[t]);
  if (used)
    wb_host_log(s->host, WB_WARNING,
                "%s: no %s, because its baseline (%s) loses nothing under %s; more images or --only may help",
                s->names[c], mean_names[relative], s->names[baseline], list);
}

static void divide(session *s, uint32_t c) {
  const uint32_t b = find_baseline(s, c);
  const size_t cells = s->types * WB_SEVERITIES;
  for (int relative = 0; relative < 2; relative++) {
    double *ratio = s->ratios[relative] + c * s->types, *mean = &s->means[2 * c + relative];
    *mean = NAN;
    for (size_t t = 0; t < s->types; t++) ratio[t] = NAN;
    if (b == s->conditions) continue;
    *mean = wb_corruption_error(ratio, s->errors + c * cells, relative ? s->clean[c] : 0,
                                s->errors + b * cells, relative ? s->clean[b] : 0, s->types, WB_SEVERITIES);
    warn(s, c, b, relative);
    if (!isnan(*mean))
      wb_host_log(s->host, WB_INFO, "%-28s %s %.1f%%, baseline %s", s->names[c], mean_names[relative], *mean,
                  s->names[b]);
  }
  if (b == s->conditions)
    wb_host_log(s->host, WB_WARNING, "%s: no corruption error relative to a baseline, because it has none",
                s->names[c]);
}

/* values (conditions, cols); missing where no cell is there. */
static wb_status emit(const session *s, const char *output, const double *values, size_t cols,
                      const char *const *columns, bool compared) {
  bool any = false;
  for (size_t i = 0; i < s->conditions * cols; i++) any = any || !isnan(values[i]);
  if (any) return s->host->emit_matrix(s->host, output, s->conditions, cols, values, s->names, columns);
  return s->host->emit_missing(
      s->host, output,
      compared
          ? "the corruptions cost the baseline nothing that one could divide by"
          : "no condition has a baseline: one without topography (topo none, or rho or lambda 0) with the "
            "same data, architecture, width, objective and dropout; --baseline names another");
}

static wb_status check(const wb_host *host, const void *params) {
  const wb_string_list *baseline = &((const error_params *)params)->baseline;
  for (size_t k = 0; k < baseline->count; k++) {
    const char *equals = strchr(baseline->items[k], '=');
    if (!equals || equals == baseline->items[k] || !equals[1])
      return wb_host_fail(host, WB_ARG, "--baseline has %s; it needs factors with values, as in rho=0",
                          baseline->items[k]);
  }
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  bool compared = false, named = s.params->baseline.count == 0;
  WB_TRY(open(&s));
  for (uint32_t c = 0; c < s.conditions; c++) named = named || is_named(&s, c);
  if (!named) return host->fail(host, WB_ARG, "no condition of these runs has the factors of --baseline");
  for (uint32_t c = 0; c < s.conditions; c++) WB_TRY(average(&s, c));
  for (uint32_t c = 0; c < s.conditions; c++) {
    divide(&s, c);
    compared = compared || find_baseline(&s, c) < s.conditions;
  }
  WB_TRY(emit(&s, "mce", s.means, 2, mean_names, compared));
  WB_TRY(emit(&s, "ce", s.ratios[0], s.types, s.type_names, compared));
  return emit(&s, "relative-ce", s.ratios[1], s.types, s.type_names, compared);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_STUDY,
    .flags = WB_STOCHASTIC, // in corruptions, which gets the seed from here
    .params_size = sizeof(error_params),
    .id = "corruption-error",
    .version = "1.0",
    .title = "corruption errors relative to a baseline condition",
    .summary =
        "Divides each condition's errors under the fifteen corruptions by those of a baseline condition, in "
        "percent, and averages them over corruptions (mCE): 100 is like the baseline, lower is more robust. "
        "The relative mCE does so with what corruption adds to the clean error. The baseline is the "
        "condition without topography of the same objective, unless --baseline names another.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference =
        "Hendrycks & Dietterich (2019), section 4.1; averaging seeds before dividing is workbench's choice",
    .example = "workbench run corruption-error --in runs/*.h5",
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
