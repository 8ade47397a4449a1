/* bench_rdm.c: times what `workbench run rdm` computes of features: float32 to the condensed RDM in double.
 *
 *     bench_rdm FEATURES N D REPEATS OUT       FEATURES: N x D raw float32; writes the RDM to OUT, prints
 * seconds
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "distance.h"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One RDM in fresh memory, as in a worker; the time in *taken. NULL on failure. */
static double *measure(const float *features, size_t n, size_t d, double *taken) {
  const double begin = seconds();
  double *x = malloc(n * d * sizeof *x), *rdm = malloc(wb_pair_count(n) * sizeof *rdm);
  wb_status status = x && rdm ? WB_OK : WB_NOMEM;
  for (size_t i = 0; status == WB_OK && i < n * d; i++) x[i] = (double)features[i];
  if (status == WB_OK) status = wb_rdm(rdm, x, NULL, WB_DISTANCE_PEARSON, n, d, NULL);
  *taken = seconds() - begin;
  free(x);
  if (status == WB_OK) return rdm;
  free(rdm);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  const size_t n = strtoul(argv[2], NULL, 10), d = strtoul(argv[3], NULL, 10);
  const long repeats = strtol(argv[4], NULL, 10);
  float *features = malloc((n * d + 1) * sizeof *features);
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[5], "wb");
  int failed = !features || !in || !out || n < 2 || fread(features, sizeof *features, n * d, in) != n * d;
  for (long r = 0; r < repeats && !failed; r++) {
    double taken, *rdm = measure(features, n, d, &taken);
    failed = !rdm;
    if (!failed && r == 0) failed = fwrite(rdm, sizeof *rdm, wb_pair_count(n), out) != wb_pair_count(n);
    if (!failed) printf("%.6f\n", taken);
    free(rdm);
  }
  if (in) fclose(in);
  if (out && fclose(out) != 0) failed = 1;
  free(features);
  return failed;
}
