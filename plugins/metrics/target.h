/* target.h: the RDMs that rdm-target compares with, read from a file of the user. Header-only.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TARGET_H
#define WB_TARGET_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "distance.h"
#include "exchange/arrays.h"
#include "hdf5/h5.h"

enum { WB_TARGET_AUTO, WB_TARGET_RDM, WB_TARGET_CONDENSED, WB_TARGET_FEATURES };

static const char *const wb_target_forms[] = {"auto", "rdm", "condensed", "features", NULL};
static const char *const wb_target_distances[] = {"pearson", "spearman", "cosine", "euclidean", NULL};

typedef struct wb_target_options {
  const char *path, *object, *ids; // object may be NULL
  int32_t form, distance;
} wb_target_options;

typedef struct wb_target_rdms {
  size_t subjects, n;
  double *rdms;     // (subjects, pairs of n), condensed; NULL where the target holds features
  double *features; // (n, units), or NULL
  size_t units;
  wb_distance distance; // between features
  int64_t *ids;         // (n)
  bool named;           // the ids are the file's
} wb_target_rdms;

/* One file, by whichever of the two libraries reads it. */
typedef struct wb_target_file {
  wb_h5 *h5;
  wb_arrays *arrays;
} wb_target_file;

static inline void wb_target_free(wb_target_rdms *target) {
  free(target->rdms);
  free(target->features);
  free(target->ids);
}

/* Rank and lengths of an array; false where there is none. A leading '/' may be there or not. */
static inline bool wb_target_shape(const wb_target_file *file, const char *name, uint32_t *rank,
                                   uint64_t dims[8]) {
  while (*name == '/') name++;
  if (file->arrays) {
    const wb_array *array = wb_arrays_find(file->arrays, name);
    if (!array) return false;
    *rank = array->rank;
    memcpy(dims, array->dims, sizeof array->dims);
    return true;
  }
  char path[1024];
  wb_h5_shape shape;
  snprintf(path, sizeof path, "/%s", name);
  if (!wb_h5_exists(file->h5, path) || wb_h5_get_shape(file->h5, path, &shape, NULL) != WB_OK) return false;
  *rank = shape.rank;
  memcpy(dims, shape.dims, sizeof shape.dims);
  return true;
}

static inline wb_status wb_target_load(const wb_target_file *file, const char *name, wb_element element,
                                       uint64_t rows, void *out, wb_error *err) {
  char path[1024];
  while (*name == '/') name++;
  snprintf(path, sizeof path, "/%s", name);
  return file->arrays
             ? wb_arrays_read(file->arrays, wb_arrays_find(file->arrays, name), element, 0, rows, out, err)
             : wb_h5_read(file->h5, path, element, out, err);
}

static inline const char *wb_target_choose(const wb_target_options *o, const wb_target_file *file) {
  static const char *const usual[] = {"rdms", "rdm", "features", "activations/test/embedding", "data"};
  uint32_t rank;
  uint64_t dims[8];
  for (size_t i = 0; !o->object && i < sizeof usual / sizeof *usual; i++)
    if (wb_target_shape(file, usual[i], &rank, dims)) return usual[i];
  return o->object;
}

/* Whether x (n, n) has the diagonal and the symmetry of an RDM, up to rounding. */
static inline bool wb_target_is_rdm(const double *x, size_t n) {
  double largest = 0, worst = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) {
      largest = fmax(largest, fabs(x[i * n + j]));
      worst = fmax(worst, i == j ? fabs(x[i * n + i]) : fabs(x[i * n + j] - x[j * n + i]));
    }
  return worst <= 1e-6 * largest;
}

/* The stimuli of a condensed RDM with so many pairs; 0 where there is no such number. */
static inline size_t wb_target_side(uint64_t pairs) {
  const size_t n = (size_t)((1 + sqrt(1 + 8 * (double)pairs)) / 2 + 0.5);
  return wb_pair_count(n) == pairs ? n : 0;
}

/* x, as read, to condensed RDMs, or to features, which then are x. dims and rank are the array's. */
static inline wb_status wb_target_convert(const wb_target_options *o, const char *name, double *x,
                                          uint32_t rank, const uint64_t *dims, wb_target_rdms *out,
                                          wb_error *err) {
  const size_t rows = dims[rank - 2], cols = dims[rank - 1];
  const bool square = rows == cols && rank <= 3;
  int32_t form = o->form;
  if (form == WB_TARGET_AUTO)
    form = rank == 3 || (square && wb_target_is_rdm(x, rows)) ? WB_TARGET_RDM : WB_TARGET_FEATURES;
  const bool condensed = form == WB_TARGET_CONDENSED;
  out->subjects = condensed ? rows : rank == 3 ? dims[0] : 1;
  out->n = condensed ? wb_target_side(cols) : rows;
  bool good = out->n >= 3 && out->subjects >= 1 && (form == WB_TARGET_RDM ? square : rank == 2);
  for (size_t s = 0; good && form == WB_TARGET_RDM && s < out->subjects; s++)
    good = wb_target_is_rdm(x + s * rows * rows, rows);
  if (!good)
    return wb_fail(err, WB_INPUT,
                   "%s: %s cannot be read as %s: it must be symmetric RDMs [subject, stimulus, stimulus] or "
                   "[stimulus, stimulus] with a zero diagonal, condensed ones [subject, pair], or features "
                   "[stimulus, unit], of at least 3 stimuli; see --target-form",
                   o->path, name, wb_target_forms[form]);
  if (form == WB_TARGET_FEATURES) {
    out->features = x;
    out->units = cols;
    out->distance = (wb_distance)o->distance;
    return WB_OK;
  }
  const size_t pairs = wb_pair_count(out->n);
  out->rdms = malloc(out->subjects * pairs * sizeof *out->rdms);
  if (!out->rdms) return wb_fail_nomem(err, "the target's RDMs", out->subjects * pairs * sizeof *out->rdms);
  if (condensed) memcpy(out->rdms, x, out->subjects * pairs * sizeof *x);
  for (size_t s = 0; !condensed && s < out->subjects; s++)
    for (size_t i = 0; i < rows; i++)
      for (size_t j = i + 1; j < rows; j++)
        out->rdms[s * pairs + wb_pair_place(i, j, rows)] = x[(s * rows + i) * rows + j];
  return WB_OK;
}

static inline wb_status wb_target_read_ids(const wb_target_options *o, const wb_target_file *file,
                                           wb_target_rdms *out, wb_error *err) {
  uint32_t rank;
  uint64_t dims[8];
  out->ids = malloc(out->n * sizeof *out->ids);
  if (!out->ids) return wb_fail_nomem(err, "stimulus ids", out->n * sizeof *out->ids);
  for (size_t i = 0; i < out->n; i++) out->ids[i] = (int64_t)i;
  out->named = wb_target_shape(file, o->ids, &rank, dims);
  if (!out->named) return WB_OK;
  if (rank != 1 || dims[0] != out->n)
    return wb_fail(err, WB_INPUT, "%s: %s must name each of the %zu stimuli once", o->path, o->ids, out->n);
  const wb_status status = wb_target_load(file, o->ids, WB_I64, out->n, out->ids, err);
  for (size_t i = 0; status == WB_OK && i < out->n; i++)
    for (size_t k = 0; k < i; k++)
      if (out->ids[i] == out->ids[k])
        return wb_fail(err, WB_INPUT, "%s: %s names stimulus %lld twice, at %zu and %zu", o->path, o->ids,
                       (long long)out->ids[i], k, i);
  return status;
}

static inline wb_status wb_target_read_open(const wb_target_options *o, const wb_target_file *file,
                                            wb_target_rdms *out, wb_error *err) {
  const char *name = wb_target_choose(o, file);
  uint32_t rank = 0;
  uint64_t dims[8] = {0}, count = 1;
  if (!name || !wb_target_shape(file, name, &rank, dims))
    return wb_fail(err, WB_INPUT, "%s has no %s to compare with; --target-object names the array", o->path,
                   name ? name : "rdms, rdm or features");
  if (rank < 2 || rank > 3)
    return wb_fail(err, WB_INPUT, "%s: %s has %u axes; a target has 2 or 3", o->path, name, rank);
  for (uint32_t a = 0; a < rank; a++) count *= dims[a];
  double *x = malloc((count + 1) * sizeof *x);
  if (!x) return wb_fail_nomem(err, "the target", (count + 1) * sizeof *x);
  wb_status status = wb_target_load(file, name, WB_F64, dims[0], x, err);
  for (uint64_t i = 0; status == WB_OK && i < count; i++)
    if (!isfinite(x[i]))
      status = wb_fail(err, WB_INPUT, "%s: %s holds %s at element %llu (row-major); a target must be finite",
                       o->path, name, isnan(x[i]) ? "NaN" : "infinity", (unsigned long long)i);
  if (status == WB_OK) status = wb_target_convert(o, name, x, rank, dims, out, err);
  if (!out->features) free(x);
  return status == WB_OK ? wb_target_read_ids(o, file, out, err) : status;
}

/* The RDMs of n of the stimuli, by their places in the target: (subjects, pairs of n), condensed. */
static inline wb_status wb_target_take(const wb_target_rdms *target, const size_t *places, size_t n,
                                       double *rdms, wb_error *err) {
  if (target->features) {
    double *x = malloc(n * target->units * sizeof *x);
    if (!x) return wb_fail_nomem(err, "the target's features", n * target->units * sizeof *x);
    for (size_t i = 0; i < n; i++)
      memcpy(x + i * target->units, target->features + places[i] * target->units, target->units * sizeof *x);
    const wb_status status = wb_rdm(rdms, x, NULL, target->distance, n, target->units, err);
    free(x);
    return status;
  }
  for (size_t s = 0; s < target->subjects; s++) {
    const double *from = target->rdms + s * wb_pair_count(target->n);
    for (size_t i = 0; i < n; i++)
      for (size_t j = i + 1; j < n; j++)
        rdms[s * wb_pair_count(n) + wb_pair_place(i, j, n)] =
            from[wb_pair_place(places[i], places[j], target->n)];
  }
  return WB_OK;
}

/* Reads the target into *out, which is freed by wb_target_free in any case. WB_INPUT where it is none. */
static inline wb_status wb_target_read(const wb_target_options *o, wb_target_rdms *out, wb_error *err) {
  wb_target_file file = {0};
  wb_status status = wb_arrays_known(o->path) ? wb_arrays_open(o->path, &file.arrays, err)
                                              : wb_h5_open(o->path, &file.h5, err);
  if (status == WB_OK) status = wb_target_read_open(o, &file, out, err);
  wb_arrays_close(file.arrays);
  wb_h5_close(file.h5);
  return status;
}

#endif
