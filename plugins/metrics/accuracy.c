/* accuracy.c: how many test stimuli the classifier gets right.
 *
 * A stimulus is right where its largest logit (the lowest class wins ties) is its label. Accuracy is the
 * share of right stimuli: 1 is perfect, 1/classes is chance. Also per class, and as a confusion matrix whose
 * rows (true class) sum to 1.
 *
 * Sander & Hasson, Fig. 1.
 *
 *     workbench run accuracy --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

enum { BLOCK = 4096 };

static const wb_input inputs_table[] = {
    {.role = "logits",
     .help = "outputs of the classifier (of the linear readout under contrastive objectives)",
     .object = "/activations/test/logits",
     .axes = {"stimulus", "class"},
     .element = WB_F32,
     .rank = 2},
    {.role = "labels",
     .help = "true classes",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1},
};

static const wb_output outputs_table[] = {
    {.name = "top1",
     .title = "test accuracy",
     .help = "share of stimuli whose largest logit is their class",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "balanced",
     .title = "balanced accuracy",
     .help = "mean over classes of the accuracy within the class",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    {.name = "per-class",
     .title = "accuracy",
     .help = "within each class that has stimuli, over its label",
     .higher_means = "better",
     .x_label = "class label",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE},
    {.name = "confusion",
     .title = "share of the true class",
     .help = "row: true class; column: answer; rows sum to 1, a class without stimuli is all zero",
     .x_label = "answer",
     .y_label = "true class",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX},
};

/* Lowest class with the largest of `classes` logits. */
static size_t answer(const float *logits, size_t classes) {
  size_t best = 0;
  for (size_t c = 1; c < classes; c++) {
    if (logits[c] > logits[best]) best = c;
  }
  return best;
}

/* counts (classes, classes): stimuli by true class and answer. */
static wb_status count(const wb_host *host, double *counts, const int32_t *labels, uint64_t n,
                       uint64_t classes) {
  float *logits = WB_ALLOC(host, float, (size_t)BLOCK *classes);
  if (!logits) return WB_NOMEM;
  memset(counts, 0, classes * classes * sizeof *counts);
  for (uint64_t first = 0; first < n; first += BLOCK) {
    const uint64_t rows = n - first < BLOCK ? n - first : BLOCK;
    WB_TRY(host->read(host, "logits", 0, first, rows, logits));
    for (uint64_t s = 0; s < rows; s++) {
      const int32_t label = labels[first + s];
      if (label < 0 || (uint64_t)label >= classes) {
        return wb_host_fail(
            host, WB_INPUT, "%s: label %d of stimulus %llu is not one of the %llu classes of the logits",
            host->run_path(host, 0), label, (unsigned long long)(first + s), (unsigned long long)classes);
      }
      counts[(uint64_t)label * classes + answer(logits + s * classes, classes)]++;
    }
  }
  return WB_OK;
}

static wb_status emit(const wb_host *host, double *counts, uint64_t n, uint64_t classes) {
  double *x = WB_ALLOC(host, double, classes), *y = WB_ALLOC(host, double, classes);
  if (!x || !y) return WB_NOMEM;
  double right = 0, balanced = 0;
  size_t present = 0;
  for (uint64_t c = 0; c < classes; c++) {
    double total = 0;
    for (uint64_t a = 0; a < classes; a++) total += counts[c * classes + a];
    right += counts[c * classes + c];
    if (total == 0) continue;
    for (uint64_t a = 0; a < classes; a++) counts[c * classes + a] /= total;
    x[present] = (double)c;
    y[present] = counts[c * classes + c];
    balanced += y[present++];
  }
  const char *const *names;
  uint32_t named;
  WB_TRY(host->names(host, 0, "class", &names, &named));
  const char *const *labels = named == classes ? names : NULL;
  WB_TRY(host->emit_scalar(host, "top1", right / (double)n));
  WB_TRY(host->emit_scalar(host, "balanced", balanced / (double)present));
  WB_TRY(host->emit_curve(host, "per-class", present, x, y));
  return host->emit_matrix(host, "confusion", classes, classes, counts, labels, labels);
}

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "logits", 0, dims));
  const uint64_t n = dims[0], classes = dims[1];
  if (n == 0 || classes == 0) {
    return wb_host_fail(host, WB_INPUT, "%s has no logits: its data set is empty", host->run_path(host, 0));
  }
  int32_t *labels = WB_ALLOC(host, int32_t, n);
  double *counts = WB_ALLOC(host, double, (size_t)classes *classes);
  if (!labels || !counts) return WB_NOMEM;
  WB_TRY(host->read(host, "labels", 0, 0, n, labels));
  WB_TRY(count(host, counts, labels, n, classes));
  return emit(host, counts, n, classes);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .id = "accuracy",
    .version = "1.0",
    .title = "top-1 accuracy, per class, confusion matrix",
    .summary = "The share of test stimuli that the classifier gets right: 1 is perfect, 1 over the number of "
               "classes is "
               "chance. Under contrastive objectives the classifier is the linear readout.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 1",
    .example = "workbench run accuracy --in runs/*.h5",
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
