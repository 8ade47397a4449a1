/* bench_moran.c: times what `workbench run moran` computes, on maps that lie in memory.
 *
 *     bench_moran MAPS.f32 ROWS COLS --permutations R --repeats N
 *
 * MAPS.f32 holds float32 maps, one after another. Prints one line of JSON: mean Moran's I (rook), mean and sd
 * of the permutations, p, and the seconds of each repeat. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autocorrelation.h"

enum { BLOCK = 1024 };

typedef struct bench {
  float *maps; // (n, units)
  size_t n, units, permutations;
  wb_spatial spatial;
  double *u, *gram, *each, *drawn;
  uint32_t *orders;
  double i;
  wb_permutation test;
} bench;

static void stop(const char *why) {
  fprintf(stderr, "bench_moran: %s\n", why);
  exit(1);
}

static void *room(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!p) stop("not enough memory");
  return p;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void read_maps(bench *b, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) stop("the file of maps cannot be opened");
  b->n = (size_t)ftell(file) / sizeof(float) / b->units;
  rewind(file);
  b->maps = room(b->n * b->units * sizeof(float));
  if (!b->n || fread(b->maps, sizeof(float) * b->units, b->n, file) != b->n)
    stop("the file of maps is short");
  fclose(file);
}

static void compute(bench *b) {
  double sum = 0;
  memset(b->gram, 0, b->units * b->units * sizeof *b->gram);
  for (size_t first = 0; first < b->n; first += BLOCK) {
    const size_t count = b->n - first < BLOCK ? b->n - first : BLOCK;
    wb_maps_normalise(b->u, b->maps + first * b->units, false, count, b->units);
    wb_maps_accumulate(b->gram, b->u, count, b->units);
    wb_moran_each(b->each + first, b->u, count, &b->spatial);
  }
  for (size_t s = 0; s < b->n; s++) sum += b->each[s];
  b->i = sum / (double)b->n;
  wb_moran_permute(b->drawn, b->gram, b->n, &b->spatial, 0, 0, b->permutations, b->orders);
  b->test = wb_moran_test(b->drawn, b->permutations, b->i, b->units);
}

int main(int argc, char **argv) {
  if (argc != 8) stop("usage: bench_moran MAPS.f32 ROWS COLS --permutations R --repeats N");
  const size_t rows = strtoul(argv[2], NULL, 10), cols = strtoul(argv[3], NULL, 10);
  const size_t repeats = strtoul(argv[7], NULL, 10);
  bench b = {.units = rows * cols, .permutations = strtoul(argv[5], NULL, 10)};
  wb_error err = {0};
  if (wb_spatial_grid(&b.spatial, rows, cols, WB_ROOK, false, false, &err) != WB_OK) stop(err.message);
  read_maps(&b, argv[1]);
  b.u = room(BLOCK * b.units * sizeof *b.u);
  b.gram = room(b.units * b.units * sizeof *b.gram);
  b.each = room(b.n * sizeof *b.each);
  b.drawn = room(b.permutations * sizeof *b.drawn);
  b.orders = room((size_t)omp_get_max_threads() * b.units * sizeof *b.orders);
  printf("{\"threads\": %d, \"seconds\": [", omp_get_max_threads());
  for (size_t r = 0; r < repeats; r++) {
    const double start = now();
    compute(&b);
    printf("%s%.6f", r ? ", " : "", now() - start);
  }
  printf("], \"maps\": %zu, \"i\": %.15g, \"mean\": %.15g, \"sd\": %.15g, \"p\": %.15g}\n", b.n, b.i,
         b.test.mean, b.test.sd, b.test.p);
  return 0;
}
