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
#include "memory.h"
#include "unit_map.h"

enum { MEASURE_AP, MEASURE_AUC, MEASURE_DPRIME, MEASURES };
enum { MOST_CLASSES = 10000, AT_ONCE = 64 }; // AT_ONCE units between two looks at the user
static const size_t BLOCK_BYTES = (size_t)16 << 20, STRIP_BYTES = (size_t)256 << 20;

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
  uint64_t n, units, block, strip; // stimuli read at once; units held at once
  float *rows;                     // (block, units)
  float *x;                        // (strip, n): the activations of some units
  bool *constant;                  // (units)
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

/* work (SCORE_WORK(classes)), stimuli (2, n). */
#define SCORE_WORK(classes) (3 * (classes) + WB_DETECT_WORK(classes))
static void score_unit(experts *e, int32_t measure, size_t unit, const float *x, wb_scored *stimuli,
                       double *work) {
  double *all[MEASURES] = {work, work + e->classes, work + 2 * e->classes};
  e->constant[unit] = true;
  for (uint64_t s = 0; s < e->n; s++) {
    e->constant[unit] = e->constant[unit] && x[s] == x[0];
    stimuli[s] = (wb_scored){x[s], e->class[s]};
  }
  wb_detect(all[MEASURE_AP], all[MEASURE_AUC], all[MEASURE_DPRIME], stimuli, stimuli + e->n, e->n, e->classes,
            work + 3 * e->classes);
  memcpy(e->scores + unit * e->classes, all[measure], e->classes * sizeof *e->scores);
}

/* x = the activations of `count` units from `first` on: one pass over the file. */
static wb_status read_strip(const wb_host *host, const experts *e, size_t first, size_t count) {
  enum { CHUNK = 16 }; // units: a cache line of a row
  for (uint64_t done = 0; done < e->n; done += e->block) {
    const uint64_t rows = e->n - done < e->block ? e->n - done : e->block;
    WB_TRY(host->read(host, "activations", 0, done, rows, e->rows));
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < count; c += CHUNK) {
      const size_t end = c + CHUNK < count ? c + CHUNK : count;
      for (uint64_t s = 0; s < rows; s++)
        for (size_t u = c; u < end; u++) e->x[u * e->n + done + s] = e->rows[s * e->units + first + u];
    }
    if (host->cancelled(host)) return WB_CANCELLED;
  }
  return WB_OK;
}

/* Room for all that grows with stimuli or units; refuses what would not fit. */
static wb_status make_room(const wb_host *host, experts *e, size_t threads) {
  const uint64_t block = BLOCK_BYTES / (e->units * sizeof *e->rows) + 1;
  const uint64_t strip = STRIP_BYTES / (e->n * sizeof *e->x) + 1;
  e->block = block < e->n ? block : e->n;
  e->strip = strip < e->units ? strip : e->units;
  const double floats = (double)(e->block * e->units) + (double)(e->strip * e->n);
  const double scores = 2 * (double)e->units * (double)e->classes; // here, and as what the host took
  WB_TRY(wb_check_units(host,
                        sizeof(float) * floats + sizeof(double) * scores +
                            2 * sizeof(wb_scored) * (double)threads * (double)e->n,
                        "the detection of classes by", e->units));
  e->rows = WB_ALLOC(host, float, e->block * e->units);
  e->x = WB_ALLOC(host, float, e->strip * e->n);
  e->constant = WB_ALLOC(host, bool, e->units);
  e->scores = WB_ALLOC(host, double, e->units * e->classes);
  return e->rows && e->x && e->constant && e->scores ? WB_OK : WB_NOMEM;
}

/* The units of a strip, in parallel. stimuli (threads, 2, n) and work (threads, ..) are scratch. */
static wb_status score_strip(const wb_host *host, experts *e, int32_t measure, size_t first, size_t count,
                             wb_scored *stimuli, double *work) {
  const size_t work_size = SCORE_WORK(e->classes);
  WB_TRY(read_strip(host, e, first, count));
  for (size_t begin = 0; begin < count; begin += AT_ONCE) {
    const size_t end = begin + AT_ONCE < count ? begin + AT_ONCE : count;
#pragma omp parallel for schedule(dynamic)
    for (size_t u = begin; u < end; u++) {
      const size_t thread = (size_t)omp_get_thread_num();
      score_unit(e, measure, first + u, e->x + u * e->n, stimuli + 2 * thread * e->n,
                 work + thread * work_size);
    }
    if (host->cancelled(host)) return WB_CANCELLED;
    host->progress(host, (double)(first + end), (double)e->units, NULL);
  }
  return WB_OK;
}

/* All units, as many at once as STRIP_BYTES hold. */
static wb_status score(const wb_host *host, experts *e, int32_t measure) {
  const size_t threads = (size_t)omp_get_max_threads();
  WB_TRY(make_room(host, e, threads));
  wb_scored *stimuli = WB_ALLOC(host, wb_scored, 2 * threads * e->n);
  double *work = WB_ALLOC(host, double, threads *SCORE_WORK(e->classes));
  if (!stimuli || !work) return WB_NOMEM;
  for (size_t first = 0; first < e->units; first += e->strip) {
    const size_t left = e->units - first;
    WB_TRY(score_strip(host, e, measure, first, left < e->strip ? left : e->strip, stimuli, work));
  }
  return WB_OK;
}

/* Each unit's best class (the first of equal ones) and whether it is an expert for it. */
static void judge(experts *e, double threshold) {
  for (size_t u = 0; u < e->units; u++) {
    const double *scores = e->scores + u * e->classes;
    size_t best = 0;
    for (size_t c = 1; c < e->classes; c++)
      if (scores[c] > scores[best] || isnan(scores[best])) best = c;
    const bool known = !isnan(scores[best]) && !e->constant[u], expert = known && scores[best] >= threshold;
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
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  experts e = {.n = dims[0], .units = dims[1]};
  if (e.n < 2 || e.units < 2)
    return wb_host_fail(host, WB_INPUT,
                        "%s has activations [%llu stimuli, %llu units]; at least 2 of each are needed",
                        host->run_path(host, 0), (unsigned long long)e.n, (unsigned long long)e.units);
  WB_TRY(number_classes(host, &e));
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
