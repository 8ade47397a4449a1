/* expert-units.c: units that detect one class.
 *
 * Each unit is taken as a detector of each class: how well does its activation alone tell the class' stimuli
 * from all others? By average precision, area under the ROC curve, or d':
 *
 *     AP = sum_k (recall_k - recall_(k-1)) precision_k      over distinct activations, from the highest down
 *     d' = (mean of the class - mean of the others) / sqrt((variance of the class + of the others) / 2)
 *
 * A unit's selectivity is its best class' value; it is an expert for that class where it reaches the
 * threshold. AP is the class' share of stimuli for a unit that tells nothing, and 1 for a perfect detector;
 * AUC 0.5 and 1; d' 0 and without bound. Definition chosen by workbench; d' with variances over n.
 *
 * After Truong & Hasson.
 *
 *     workbench run expert-units --in runs/x.h5 --measure auc --threshold 0.95
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <omp.h>
#include <string.h>

#include "detection.h"
#include "unit_map.h"

enum { MEASURE_AP, MEASURE_AUC, MEASURE_DPRIME, MEASURES };
enum { MOST_CLASSES = 10000, STRIP = 64 }; // STRIP units between two looks at the user

typedef struct expert_params {
  int32_t measure;
  double threshold;
} expert_params;

static const char *const measure_choices[] = {"ap", "auc", "dprime", NULL};
static const double usual_threshold[MEASURES] = {0.5, 0.9, 2};

static const wb_param params_table[] = {
    {.name = "measure",
     .help = "how well a unit detects a class: average precision, area under the ROC curve, or d'",
     .type = WB_CHOICE,
     .choices = measure_choices,
     .default_text = "ap",
     .offset = offsetof(expert_params, measure)},
    {.name = "threshold",
     .help = "of the measure, from which on a unit is an expert; unset: ap 0.5, auc 0.9, dprime 2",
     .type = WB_FLOAT,
     .min = -1000,
     .max = 1000,
     .offset = offsetof(expert_params, threshold)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
    {.role = "labels",
     .help = "classes of the stimuli; a negative one is in no class",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1},
};

static const wb_output outputs_table[] = {
    {.name = "experts",
     .title = "expert units",
     .help = "share of units that detect their best class at or above the threshold",
     .higher_means = "more class detectors",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "covered",
     .title = "classes with an expert",
     .help = "number of classes that at least one unit is an expert for",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "selectivity",
     .title = "selectivity",
     .help = "value of each unit's best class, mean over units",
     .higher_means = "more selective",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "selectivity-i",
     .title = "Moran's I of selectivity",
     .help = "of the map of selectivity, rook neighbours",
     .higher_means = "selective units closer together",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "class-i",
     .title = "Moran's I of class maps",
     .help = "of the map of each class' values, rook neighbours, mean over classes",
     .higher_means = "detectors of a class closer together",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "per-class",
     .title = "expert units",
     .help = "number of experts for each class, over its label",
     .x_label = "class label",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_CURVE},
    {.name = "expert-map",
     .title = "class",
     .help = "preferred class of each expert; other units are blank",
     .low = -1,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_CLASSES},
    {.name = "preferred",
     .title = "preferred class",
     .help = "the class that each unit detects best; a constant unit has none",
     .low = -1,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_CLASSES},
    {.name = "selectivity-map",
     .title = "selectivity",
     .help = "value of each unit's best class",
     .higher_means = "more selective",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_NONFINITE_OK},
    {.name = "scores",
     .title = "detection",
     .help = "the measure of each unit (row) for each class (column) that has stimuli",
     .x_label = "class",
     .y_label = "unit",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_NONFINITE_OK},
};

/* One run. Classes that have stimuli are numbered in the order of their labels. */
typedef struct experts {
  const float *x; // (n, units)
  uint64_t n, units;
  size_t classes;
  int32_t *labels;               // (classes): of each class
  int32_t *class;                // (n): -1: none
  double *scores;                // (units, classes)
  double *best, *expert, *liked; // (units): best value, its label where it reaches the threshold, its label
  double *counts;                // (classes): experts
} experts;

/* Numbers the classes that occur. */
static wb_status number_classes(const wb_host *host, experts *e) {
  int32_t *number = WB_ALLOC(host, int32_t, MOST_CLASSES);
  e->class = WB_ALLOC(host, int32_t, e->n);
  e->labels = WB_ALLOC(host, int32_t, MOST_CLASSES);
  if (!number || !e->class || !e->labels) return WB_NOMEM;
  WB_TRY(host->read(host, "labels", 0, 0, e->n, e->class));
  memset(number, -1, MOST_CLASSES * sizeof *number);
  bool others = false;
  for (uint64_t s = 0; s < e->n; s++) {
    if (e->class[s] >= MOST_CLASSES)
      return wb_host_fail(host, WB_INPUT, "%s: label %d of stimulus %llu; labels go up to %d here",
                          host->run_path(host, 0), e->class[s], (unsigned long long)s, MOST_CLASSES - 1);
    others |= e->class[s] < 0;
    if (e->class[s] >= 0) number[e->class[s]] = 0;
  }
  for (int32_t label = 0; label < MOST_CLASSES; label++) {
    if (number[label] < 0) continue;
    number[label] = (int32_t)e->classes;
    e->labels[e->classes++] = label;
  }
  if (e->classes == 0 || (e->classes == 1 && !others))
    return wb_host_fail(host, WB_INPUT,
                        "%s has stimuli of %zu class%s; detecting one takes others to tell it from",
                        host->run_path(host, 0), e->classes, e->classes == 1 ? "" : "es");
  for (uint64_t s = 0; s < e->n; s++) e->class[s] = e->class[s] < 0 ? -1 : number[e->class[s]];
  return WB_OK;
}

static void score_unit(const experts *e, int32_t measure, size_t unit, wb_scored *stimuli, double *work) {
  double *all[MEASURES] = {work, work + e->classes, work + 2 * e->classes};
  for (uint64_t s = 0; s < e->n; s++) stimuli[s] = (wb_scored){e->x[s * e->units + unit], e->class[s]};
  wb_detect(all[MEASURE_AP], all[MEASURE_AUC], all[MEASURE_DPRIME], stimuli, e->n, e->classes,
            work + 3 * e->classes);
  memcpy(e->scores + unit * e->classes, all[measure], e->classes * sizeof *e->scores);
}

/* All units, in parallel. */
static wb_status score(const wb_host *host, experts *e, int32_t measure) {
  const size_t threads = (size_t)omp_get_max_threads(),
               work_size = 3 * e->classes + WB_DETECT_WORK(e->classes);
  wb_scored *stimuli = WB_ALLOC(host, wb_scored, threads * e->n);
  double *work = WB_ALLOC(host, double, threads *work_size);
  e->scores = WB_ALLOC(host, double, e->units * e->classes);
  if (!stimuli || !work || !e->scores) return WB_NOMEM;
  for (size_t first = 0; first < e->units; first += STRIP) {
    const size_t end = first + STRIP < e->units ? first + STRIP : e->units;
#pragma omp parallel for schedule(dynamic)
    for (size_t u = first; u < end; u++) {
      const size_t thread = (size_t)omp_get_thread_num();
      score_unit(e, measure, u, stimuli + thread * e->n, work + thread * work_size);
    }
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)end, (double)e->units, NULL);
  }
  return WB_OK;
}

static bool is_constant(const experts *e, size_t unit) {
  for (uint64_t s = 1; s < e->n; s++)
    if (e->x[s * e->units + unit] != e->x[unit]) return false;
  return true;
}

/* Each unit's best class (the first of equal ones) and whether it is an expert for it. */
static void judge(experts *e, double threshold) {
  for (size_t u = 0; u < e->units; u++) {
    const double *scores = e->scores + u * e->classes;
    size_t best = 0;
    for (size_t c = 1; c < e->classes; c++)
      if (scores[c] > scores[best] || isnan(scores[best])) best = c;
    const bool known = !isnan(scores[best]) && !is_constant(e, u),
               expert = known && scores[best] >= threshold;
    e->best[u] = scores[best];
    e->liked[u] = known ? e->labels[best] : -1;
    e->expert[u] = expert ? e->labels[best] : -1;
    e->counts[best] += expert;
  }
}

static wb_status emit_class_i(const wb_host *host, const experts *e) {
  double *map = WB_ALLOC(host, double, e->units), sum = 0;
  size_t defined = 0;
  wb_spatial spatial;
  if (!map) return WB_NOMEM;
  WB_TRY(wb_unit_neighbours(host, WB_ROOK, &spatial));
  for (size_t c = 0; c < e->classes; c++) {
    for (size_t u = 0; u < e->units; u++) map[u] = e->scores[u * e->classes + c];
    const double i = wb_moran_map(map, 1, &spatial);
    if (isnan(i)) continue;
    sum += i;
    defined++;
  }
  wb_spatial_free(&spatial);
  return defined ? host->emit_scalar(host, "class-i", sum / (double)defined)
                 : host->emit_missing(host, "class-i", "every class' map is constant");
}

static wb_status emit_counts(const wb_host *host, const experts *e) {
  double *x = WB_ALLOC(host, double, e->classes), sum = 0, found = 0;
  size_t covered = 0, known = 0;
  if (!x) return WB_NOMEM;
  for (size_t c = 0; c < e->classes; c++) {
    x[c] = e->labels[c];
    covered += e->counts[c] > 0;
    found += e->counts[c];
  }
  for (size_t u = 0; u < e->units; u++) {
    if (isnan(e->best[u])) continue;
    sum += e->best[u];
    known++;
  }
  WB_TRY(host->emit_scalar(host, "experts", found / (double)e->units));
  WB_TRY(host->emit_scalar(host, "covered", (double)covered));
  WB_TRY(known ? host->emit_scalar(host, "selectivity", sum / (double)known)
               : host->emit_missing(host, "selectivity", "no unit's activation varies within a class"));
  return host->emit_curve(host, "per-class", e->classes, x, e->counts);
}

static wb_status emit_maps(const wb_host *host, const experts *e) {
  const char *const *names;
  uint32_t named;
  const char **shown = WB_ALLOC(host, const char *, e->classes);
  if (!shown) return WB_NOMEM;
  WB_TRY(host->names(host, 0, "class", &names, &named));
  for (size_t c = 0; c < e->classes; c++) {
    char *number = WB_ALLOC(host, char, 16);
    if (!number) return WB_NOMEM;
    snprintf(number, 16, "%d", e->labels[c]);
    shown[c] = (uint32_t)e->labels[c] < named ? names[e->labels[c]] : number;
  }
  WB_TRY(host->emit_matrix(host, "expert-map", 1, e->units, e->expert, NULL, NULL));
  WB_TRY(host->emit_matrix(host, "preferred", 1, e->units, e->liked, NULL, NULL));
  WB_TRY(host->emit_matrix(host, "selectivity-map", 1, e->units, e->best, NULL, NULL));
  return host->emit_matrix(host, "scores", e->units, e->classes, e->scores, NULL, shown);
}

static wb_status run(const wb_host *host, const void *params) {
  const expert_params *p = params;
  const void *activations;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  experts e = {.n = dims[0], .units = dims[1]};
  if (e.n < 2 || e.units < 2)
    return wb_host_fail(host, WB_INPUT,
                        "%s has activations [%llu stimuli, %llu units]; at least 2 of each are needed",
                        host->run_path(host, 0), (unsigned long long)e.n, (unsigned long long)e.units);
  WB_TRY(number_classes(host, &e));
  WB_TRY(host->map(host, "activations", 0, &activations));
  e.x = activations;
  WB_TRY(score(host, &e, p->measure));
  e.best = WB_ALLOC(host, double, 3 * e.units);
  e.counts = WB_ALLOC(host, double, e.classes);
  if (!e.best || !e.counts) return WB_NOMEM;
  e.expert = e.best + e.units;
  e.liked = e.expert + e.units;
  memset(e.counts, 0, e.classes * sizeof *e.counts);
  judge(&e, isnan(p->threshold) ? usual_threshold[p->measure] : p->threshold);
  WB_TRY(emit_counts(host, &e));
  WB_TRY(wb_unit_map_moran(host, "selectivity-i", e.best, 1));
  WB_TRY(emit_class_i(host, &e));
  return emit_maps(host, &e);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(expert_params),
    .id = "expert-units",
    .version = "1.0",
    .title = "units that detect one class",
    .summary = "How well single units detect single classes, which units are experts, and where on the grid "
               "they lie. "
               "Many experts: classes are told by single units; few: by many units together. Moran's I well "
               "above 0: "
               "experts form clusters. Definition chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "after Truong & Hasson (2025); definition chosen by workbench",
    .example = "workbench run expert-units --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
