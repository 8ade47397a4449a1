/* stimuli.h: what the plugins that compare representations share: which stimuli they look at, their
 * embeddings in memory. Header-only; the rest of a call's rules are plugin.h's.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_STIMULI_H
#define WB_STIMULI_H

#include <stdbool.h>
#include <string.h>
#include <workbench/plugin_util.h>

#include "distance.h"
#include "memory.h"

/* Parameters that these plugins declare alike, so that the host passes them on to rdm. */
#define WB_PARAM_DISTANCE(struct_type)                                                                       \
  {                                                                                                          \
    .name = "distance",                                                                                      \
    .help = "between the embeddings of two stimuli: 1 - Pearson r, 1 - Spearman r, 1 - cosine, Euclidean, "  \
            "or Mahalanobis (covariance within classes, Ledoit-Wolf)",                                       \
    .type = WB_CHOICE, .choices = wb_distance_choices, .default_text = "pearson",                            \
    .offset = offsetof(struct_type, distance)                                                                \
  }
#define WB_PARAM_PER_CLASS(struct_type)                                                                      \
  {                                                                                                          \
    .name = "per-class",                                                                                     \
    .help =                                                                                                  \
        "stimuli of each class: the first so many of the file, in class order; 0 for all. Without labels "   \
        "all stimuli are one class",                                                                         \
    .unit = "stimuli", .type = WB_INT, .default_text = "100", .max = 1e9,                                    \
    .offset = offsetof(struct_type, per_class)                                                               \
  }
#define WB_PARAM_AFTER_RELU(struct_type)                                                                     \
  {                                                                                                          \
    .name = "after-relu", .help = "set negative activations to zero first", .type = WB_BOOL,                 \
    .default_text = "no", .offset = offsetof(struct_type, after_relu)                                        \
  }
#define WB_INPUT_EMBEDDING(shared)                                                                           \
  {                                                                                                          \
    .role = "activations", .help = "embedding before ReLU", .object = "/activations/test/embedding",         \
    .axes = {"stimulus", "unit"}, .element = WB_F32, .rank = 2, .shared_axes = (shared)                      \
  }
#define WB_INPUT_CLASSES                                                                                     \
  {                                                                                                          \
    .role = "labels", .help = "classes of the stimuli", .object = "/activations/test/labels",                \
    .axes = {"stimulus"}, .element = WB_I32, .rank = 1, .flags = WB_INPUT_OPTIONAL                           \
  }

/* What a pure function returned, told to the host where it failed. */
static inline wb_status wb_forward(const wb_host *host, wb_status status, const wb_error *err) {
  return status == WB_OK || status == WB_CANCELLED ? status : host->fail(host, status, err->message);
}

/* For pure functions that ask whether to go on; context: the host. */
static inline bool wb_is_stopped(void *context) {
  const wb_host *host = context;
  return host->cancelled(host);
}

enum { WB_STIMULI_BLOCK = 1024 }; // rows of a file that are read at once

static const char *const wb_distance_choices[] = {"pearson",   "spearman",    "cosine",
                                                  "euclidean", "mahalanobis", NULL};

/* The stimuli in class order, and within a class in the order of the file. */
typedef struct wb_stimuli {
  size_t count, classes;
  uint64_t *rows;  // (count): where they are in the file
  int32_t *labels; // (count), ascending
  uint64_t all, units;
} wb_stimuli;

static inline int wb_stimuli_order(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Chooses them for one run. Stimuli with a negative label have no class and are left out. WB_INPUT where
 * fewer than two remain. */
static inline wb_status wb_stimuli_choose(const wb_host *host, uint32_t run, int64_t per_class,
                                          wb_stimuli *out) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", run, dims));
  const uint64_t n = dims[0];
  *out = (wb_stimuli){.all = n, .units = dims[1]};
  int32_t *labels = WB_ALLOC(host, int32_t, n);
  int64_t *keys = WB_ALLOC(host, int64_t, n);
  out->rows = WB_ALLOC(host, uint64_t, n);
  out->labels = WB_ALLOC(host, int32_t, n);
  if (!labels || !keys || !out->rows || !out->labels) return WB_NOMEM;
  memset(labels, 0, n * sizeof *labels);
  if (host->has(host, "labels", run)) WB_TRY(host->read(host, "labels", run, 0, n, labels));
  size_t labelled = 0;
  for (uint64_t s = 0; s < n; s++)
    if (labels[s] >= 0) keys[labelled++] = (int64_t)labels[s] << 32 | (int64_t)s; // class first, then place
  qsort(keys, labelled, sizeof *keys, wb_stimuli_order);
  int64_t taken = 0, fewest = INT64_MAX;
  for (size_t k = 0; k < labelled; k++) {
    const int32_t label = (int32_t)(keys[k] >> 32);
    const bool fresh = k == 0 || label != out->labels[out->count - 1];
    if (fresh && out->classes++ && taken < fewest) fewest = taken;
    if (fresh) taken = 0;
    if (per_class > 0 && taken == per_class) continue;
    taken++;
    out->rows[out->count] = (uint64_t)(keys[k] & UINT32_MAX);
    out->labels[out->count++] = label;
  }
  if (taken < fewest) fewest = taken;
  if (out->count < 2 || out->units < 1)
    return wb_host_fail(host, WB_INPUT,
                        "%s has %zu stimuli of %llu units to compare%s; at least 2 are needed",
                        host->run_path(host, run), out->count, (unsigned long long)out->units,
                        labelled < n ? ", without those whose label is negative" : "");
  if (per_class > 0 && fewest < per_class)
    wb_host_log(host, WB_INFO, "%s: a class has only %lld of the %lld stimuli that --per-class asks for",
                host->run_path(host, run), (long long)fewest, (long long)per_class);
  return WB_OK;
}

/* The stimuli of the rows first .. first+count-1, in blocks of the file as chains: head[b], next[stimulus].
 */
static inline wb_status wb_stimuli_read_chains(const wb_host *host, uint32_t run, const wb_stimuli *stimuli,
                                               bool after_relu, double *x, float *rows, size_t *head,
                                               size_t *next) {
  const uint64_t units = stimuli->units, blocks = (stimuli->all + WB_STIMULI_BLOCK - 1) / WB_STIMULI_BLOCK;
  const size_t none = SIZE_MAX;
  for (uint64_t b = 0; b < blocks; b++) head[b] = none;
  for (size_t s = 0; s < stimuli->count; s++) {
    next[s] = head[stimuli->rows[s] / WB_STIMULI_BLOCK];
    head[stimuli->rows[s] / WB_STIMULI_BLOCK] = s;
  }
  for (uint64_t b = 0; b < blocks; b++) {
    const uint64_t first = b * WB_STIMULI_BLOCK, left = stimuli->all - first;
    if (head[b] == none) continue;
    WB_TRY(
        host->read(host, "activations", run, first, left < WB_STIMULI_BLOCK ? left : WB_STIMULI_BLOCK, rows));
    for (size_t s = head[b]; s != none; s = next[s]) {
      const float *from = rows + (stimuli->rows[s] - first) * units;
      for (uint64_t u = 0; u < units; u++) x[s * units + u] = after_relu && from[u] < 0 ? 0 : (double)from[u];
    }
    if (host->cancelled(host)) return WB_CANCELLED;
  }
  return WB_OK;
}

/* x (count, units): the embeddings of the stimuli. Reads the blocks of the file that hold any of them, and
 * keeps nothing: it may be called for many runs. */
static inline wb_status wb_stimuli_read(const wb_host *host, uint32_t run, const wb_stimuli *stimuli,
                                        bool after_relu, double *x) {
  float *rows = malloc(WB_STIMULI_BLOCK * stimuli->units * sizeof *rows);
  size_t *next = malloc(stimuli->count * sizeof *next);
  size_t *head = malloc((stimuli->all / WB_STIMULI_BLOCK + 1) * sizeof *head);
  const wb_status status = rows && next && head
                               ? wb_stimuli_read_chains(host, run, stimuli, after_relu, x, rows, head, next)
                               : host->fail(host, WB_NOMEM, "not enough memory for a block of embeddings");
  free(rows);
  free(next);
  free(head);
  return status;
}

/* means (classes, units): of x (count, units) by class. */
static inline void wb_stimuli_class_means(double *means, const wb_stimuli *stimuli, const double *x) {
  const uint64_t units = stimuli->units;
  memset(means, 0, stimuli->classes * units * sizeof *means);
  for (size_t first = 0, last, c = 0; first < stimuli->count; first = last, c++) {
    for (last = first; last < stimuli->count && stimuli->labels[last] == stimuli->labels[first];) last++;
    for (size_t s = first; s < last; s++)
      for (uint64_t u = 0; u < units; u++) means[c * units + u] += x[s * units + u] / (double)(last - first);
  }
}

/* Bytes that the embeddings of the stimuli take at most, with what their distances need beside them. */
static inline double wb_stimuli_bytes(const wb_stimuli *stimuli, int32_t distance) {
  const double n = (double)stimuli->count, units = (double)stimuli->units;
  const double whitening = distance == WB_DISTANCE_MAHALANOBIS ? (n + units) * units : 0;
  return 8 * (n * units + whitening) + 4 * WB_STIMULI_BLOCK * units;
}

/* Whitens x where the distance is Mahalanobis'; *shrinkage (may be NULL) stays as it is otherwise. */
static inline wb_status wb_stimuli_whiten(const wb_host *host, uint32_t run, const wb_stimuli *stimuli,
                                          int32_t distance, double *x, double *shrinkage) {
  wb_error err = {0};
  double weight;
  if (distance != WB_DISTANCE_MAHALANOBIS) return WB_OK;
  const wb_status status = wb_whiten(x, &weight, stimuli->labels, stimuli->count, stimuli->units, &err);
  if (status != WB_OK) return wb_host_fail(host, status, "%s: %s", host->run_path(host, run), err.message);
  if (shrinkage) *shrinkage = weight;
  return WB_OK;
}

/* rdm (pairs of units): that of the rows of the embedding layer's weight. Keeps nothing. */
static inline wb_status wb_weight_rdm(const wb_host *host, uint32_t run, wb_distance distance, double *rdm) {
  uint64_t dims[WB_MAX_RANK];
  wb_error err = {0};
  WB_TRY(host->shape(host, "embedding_weight", run, dims));
  const size_t size = dims[0] * dims[1];
  float *read = malloc((size + 1) * sizeof *read);
  double *w = malloc((size + 1) * sizeof *w);
  wb_status status = read && w ? host->read(host, "embedding_weight", run, 0, dims[0], read)
                               : host->fail(host, WB_NOMEM, "not enough memory for the weight of a run");
  for (size_t i = 0; status == WB_OK && i < size; i++) w[i] = (double)read[i];
  if (status == WB_OK)
    status = wb_forward(host, wb_rdm(rdm, w, NULL, distance, dims[0], dims[1], &err), &err);
  free(read);
  free(w);
  return status;
}

#endif
