/* bench_units.c: correlations of all units, and how far apart the correlated ones lie, for bench_units.py.
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 *     bench_units X.f32 STIMULI ROWS COLS REPEATS     prints the seconds of each repeat and the mean
 * distances, as JSON
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "colocalization.h"
#include "covariance.h"

enum { COUNT = 6 };
static const double THRESHOLDS[COUNT] = {0.1, 0.3, 0.5, 0.6, 0.7, 0.8};

static void *need(void *memory) {
  if (memory) return memory;
  fprintf(stderr, "bench_units: not enough memory\n");
  exit(1);
}

static void measure(double *distance, const float *x, size_t n, const double *positions, size_t units) {
  wb_covariance c;
  wb_error err = {0};
  double *work = need(malloc(wb_covariance_work(units) * sizeof *work)),
         *r = need(malloc(units * units * sizeof *r)), all;
  size_t pairs[COUNT];
  need(wb_covariance_init(&c, units, &err) == WB_OK ? &c : NULL);
  wb_covariance_add(&c, x, NULL, n, false, work);
  wb_correlation_matrix(r, NULL, &c);
  wb_colocalization(distance, pairs, &all, r, positions, units, THRESHOLDS, COUNT);
  wb_covariance_free(&c);
  free(work);
  free(r);
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: bench_units X.f32 STIMULI ROWS COLS REPEATS\n");
    return 2;
  }
  const size_t n = strtoul(argv[2], NULL, 10), cols = strtoul(argv[4], NULL, 10);
  const size_t units = strtoul(argv[3], NULL, 10) * cols, repeats = strtoul(argv[5], NULL, 10);
  float *x = need(malloc(n * units * sizeof *x));
  double *positions = need(malloc(2 * units * sizeof *positions)), distance[COUNT];
  FILE *file = fopen(argv[1], "rb");
  if (!file || fread(x, sizeof *x, n * units, file) != n * units) {
    fprintf(stderr, "bench_units: cannot read %s\n", argv[1]);
    return 1;
  }
  fclose(file);
  for (size_t u = 0; u < units; u++) {
    positions[2 * u] = (double)(u % cols);
    positions[2 * u + 1] = (double)(u / cols);
  }
  printf("{\"seconds\": [");
  for (size_t k = 0; k < repeats; k++) {
    const double begin = omp_get_wtime();
    measure(distance, x, n, positions, units);
    printf("%s%.6f", k ? ", " : "", omp_get_wtime() - begin);
  }
  printf("], \"distance\": [");
  for (int t = 0; t < COUNT; t++) printf("%s%.12g", t ? ", " : "", distance[t]);
  printf("]}\n");
  free(x);
  free(positions);
  return 0;
}
