/* reference.h: stored reference values and finite differences for unit tests.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_REFERENCE_H
#define WB_TEST_REFERENCE_H

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Values of the papers' published code. Where there are none, tests that need them skip(), and the program
 * ends in 77, skipped, unless another test failed. */
#define PUBLISHED SHARED_DIR "/reference/published.h5"

static inline int wb_have_published(void) {
  return access(PUBLISHED, R_OK) == 0;
}

static inline int wb_result(int failed) {
  return failed ? failed : wb_have_published() ? 0 : 77;
}

/* All values of a data set as double, malloc'ed; ends the test program where there is none. */
static inline double *wb_reference(const char *path, const char *object, size_t *count) {
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t data = H5Dopen2(file, object, H5P_DEFAULT);
  const hid_t space = H5Dget_space(data);
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  double *values = points > 0 ? malloc((size_t)points * sizeof *values) : NULL;
  if (!values || H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    fprintf(stderr, "%s: cannot read %s\n", path, object);
    exit(1);
  }
  if (count) *count = (size_t)points;
  H5Sclose(space);
  H5Dclose(data);
  H5Fclose(file);
  return values;
}

static inline double wb_reference_scalar(const char *path, const char *object) {
  double *values = wb_reference(path, object, NULL), value = values[0];
  free(values);
  return value;
}

/* The same as float and as int32. */
static inline float *wb_reference_floats(const char *path, const char *object, size_t *count) {
  size_t n;
  double *values = wb_reference(path, object, &n);
  float *floats = malloc(n * sizeof *floats);
  for (size_t i = 0; i < n; i++) floats[i] = (float)values[i];
  free(values);
  if (count) *count = n;
  return floats;
}

static inline int32_t *wb_reference_ints(const char *path, const char *object, size_t *count) {
  size_t n;
  double *values = wb_reference(path, object, &n);
  int32_t *ints = malloc(n * sizeof *ints);
  for (size_t i = 0; i < n; i++) ints[i] = (int32_t)values[i];
  free(values);
  if (count) *count = n;
  return ints;
}

/* Largest absolute difference over the largest stored magnitude. */
static inline double wb_deviation(const float *ours, const double *stored, size_t count) {
  double worst = 0, scale = 0;
  for (size_t i = 0; i < count; i++) {
    worst = fmax(worst, isfinite(ours[i]) ? fabs((double)ours[i] - stored[i]) : INFINITY);
    scale = fmax(scale, fabs(stored[i]));
  }
  return scale > 0 ? worst / scale : worst;
}

/* Gradient of f at x (count) by central differences in double, malloc'ed. */
typedef double (*wb_function_of)(const double *x, const void *context);

static inline double *wb_differences(wb_function_of f, const void *context, const float *x, size_t count) {
  double *point = calloc(count, sizeof *point), *gradient = calloc(count, sizeof *gradient);
  for (size_t i = 0; i < count; i++) point[i] = (double)x[i];
  for (size_t i = 0; i < count; i++) {
    const double here = point[i], step = 1e-5;
    point[i] = here + step;
    const double above = f(point, context);
    point[i] = here - step;
    gradient[i] = (above - f(point, context)) / (2 * step);
    point[i] = here;
  }
  free(point);
  return gradient;
}

/* f at x, in double. */
static inline double wb_value(wb_function_of f, const void *context, const float *x, size_t count) {
  double *point = calloc(count, sizeof *point);
  for (size_t i = 0; i < count; i++) point[i] = (double)x[i];
  const double value = f(point, context);
  free(point);
  return value;
}

#endif
