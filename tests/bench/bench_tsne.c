/* bench_tsne.c: t-SNE alone, for bench_tsne.py. SPDX-License-Identifier: GPL-3.0-or-later
 *
 *     bench_tsne map X.f32 N D PERPLEXITY ITERATIONS OUT.f32     makes a map and prints the seconds it took
 *     bench_tsne divergence X.f32 N D PERPLEXITY MAP.f32 ..      prints each map's exact divergence, in
 * double over all pairs: every p is computed, none cut off
 */
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsne.h"

static float *read_floats(const char *path, size_t count) {
  float *data = malloc(count * sizeof *data);
  FILE *file = fopen(path, "rb");
  if (!data || !file || fread(data, sizeof *data, count, file) != count) {
    fprintf(stderr, "bench_tsne: cannot read %zu floats from %s\n", count, path);
    exit(1);
  }
  fclose(file);
  return data;
}

static int make_map(const float *x, size_t n, size_t d, double perplexity, size_t iterations,
                    const char *out) {
  wb_tsne_options options = wb_tsne_defaults();
  wb_error err = {0};
  options.perplexity = perplexity;
  options.iterations = iterations;
  float *xy = malloc(2 * n * sizeof *xy);
  const double begin = omp_get_wtime();
  double divergence;
  if (!xy || wb_tsne(xy, &divergence, x, n, d, &options, &err) != WB_OK) {
    fprintf(stderr, "bench_tsne: %s\n", err.message);
    return 1;
  }
  printf("%.4f\n", omp_get_wtime() - begin);
  FILE *file = fopen(out, "wb");
  const int good = file && fwrite(xy, sizeof *xy, 2 * n, file) == 2 * n && fclose(file) == 0;
  free(xy);
  return !good;
}

/* Squared distances of all pairs become the conditional probabilities of each row. */
static void calibrate_rows(double *p, size_t n, double perplexity) {
#pragma omp parallel for schedule(dynamic, 16)
  for (size_t i = 0; i < n; i++) {
    double *row = p + i * n, least = INFINITY, low = 0, high = INFINITY, beta = 1, sum = 0;
    for (size_t j = 0; j < n; j++) least = j == i ? least : fmin(least, row[j]);
    for (int step = 0; step < 100; step++) {
      double moment = 0;
      sum = 0;
      for (size_t j = 0; j < n; j++) {
        const double e = j == i ? 0 : exp(-beta * (row[j] - least));
        sum += e;
        moment += j == i ? 0 : e * (row[j] - least);
      }
      const double excess = log(sum) + beta * moment / sum - log(perplexity);
      if (fabs(excess) < 1e-9) break;
      *(excess > 0 ? &low : &high) = beta;
      beta = isinf(high) ? 2 * beta : (low + high) / 2;
    }
    for (size_t j = 0; j < n; j++) row[j] = j == i ? 0 : exp(-beta * (row[j] - least)) / sum;
  }
}

/* p (n, n): conditional probabilities of all pairs. */
static double *all_probabilities(const float *x, size_t n, size_t d, double perplexity) {
  double *p = malloc(n * n * sizeof *p), *wide = malloc(n * d * sizeof *wide),
         *norms = calloc(n, sizeof *norms);
  if (!p || !wide || !norms) exit(1);
  for (size_t k = 0; k < n * d; k++) {
    wide[k] = (double)x[k];
    norms[k / d] += wide[k] * wide[k];
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)n, (int)d, -2.0, wide, (int)d, wide,
              (int)d, 0.0, p, (int)n);
  for (size_t k = 0; k < n * n; k++) p[k] = fmax(0, p[k] + norms[k / n] + norms[k % n]);
  calibrate_rows(p, n, perplexity);
  free(wide);
  free(norms);
  return p;
}

static double divergence_of(const double *p, const float *xy, size_t n) {
  double z = 0, sum = 0;
#pragma omp parallel for schedule(dynamic, 16) reduction(+ : z, sum)
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      const double dx = (double)xy[2 * i] - (double)xy[2 * j],
                   dy = (double)xy[2 * i + 1] - (double)xy[2 * j + 1];
      const double both = (p[i * n + j] + p[j * n + i]) / (2 * (double)n);
      z += 2 / (1 + dx * dx + dy * dy);
      if (both > 0) sum += 2 * both * (log(both) + log1p(dx * dx + dy * dy));
    }
  }
  return sum + log(z);
}

int main(int argc, char **argv) {
  const int map = argc == 8 && strcmp(argv[1], "map") == 0;
  if (!map && (argc < 7 || strcmp(argv[1], "divergence") != 0)) {
    fprintf(stderr,
            "usage: bench_tsne map X N D PERPLEXITY ITERATIONS OUT | divergence X N D PERPLEXITY MAP..\n");
    return 2;
  }
  const size_t n = strtoul(argv[3], NULL, 10), d = strtoul(argv[4], NULL, 10);
  const double perplexity = strtod(argv[5], NULL);
  float *x = read_floats(argv[2], n * d);
  if (map) return make_map(x, n, d, perplexity, strtoul(argv[6], NULL, 10), argv[7]);
  double *p = all_probabilities(x, n, d, perplexity);
  for (int k = 6; k < argc; k++) {
    float *xy = read_floats(argv[k], 2 * n);
    printf("%.6f\n", divergence_of(p, xy, n));
    free(xy);
  }
  free(p);
  free(x);
  return 0;
}
