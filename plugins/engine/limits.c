/* limits.c: see limits.h. Each figure is the best of a few short runs: what is sought is the limit.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "limits.h"

#include <omp.h>
#include <stdlib.h>
#include <time.h>

#include "vec8.h"

enum { RUNS = 5, CHAINS = 12, ROUNDS = 1 << 19, VECTORS = 1 << 20 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Twelve independent chains hide a multiply-add's latency. They begin differently, or the compiler would make
 * one of them; the factor is below one: nothing overflows. */
WB_CLONES static void multiply_add(float *out, int rounds) {
  const v8 *first = (const v8 *)out, factor = first[0];
  v8 a = first[1], b = first[2], c = first[3], d = first[4], e = first[5], f = first[6];
  v8 g = first[7], h = first[8], i = first[9], j = first[10], k = first[11], l = first[12];
  for (int r = 0; r < rounds; r++) {
    a = a * factor + factor, b = b * factor + factor, c = c * factor + factor, d = d * factor + factor;
    e = e * factor + factor, f = f * factor + factor, g = g * factor + factor, h = h * factor + factor;
    i = i * factor + factor, j = j * factor + factor, k = k * factor + factor, l = l * factor + factor;
  }
  *(v8 *)out = ((a + b) + (c + d)) + ((e + f) + (g + h)) + ((i + j) + (k + l));
}

WB_CLONES static void triad(float *a, const float *b, const float *c, float s, size_t vectors) {
  for (size_t i = 0; i < vectors; i++) ((v8 *)a)[i] = ((const v8 *)b)[i] + s * ((const v8 *)c)[i];
}

static double best_flops(void) {
  double best = 0;
  for (int run = 0; run < RUNS; run++) {
    int threads = 1;
    const double start = now();
#pragma omp parallel
    {
      _Alignas(32) float values[8 * (CHAINS + 1)];
      for (int i = 0; i < 8 * (CHAINS + 1); i++) values[i] = 0.5f + (float)i / 1024;
      multiply_add(values, ROUNDS);
      volatile float sink = values[0];
      (void)sink;
#pragma omp single
      threads = omp_get_num_threads();
    }
    const double rate = 2.0 * 8 * CHAINS * ROUNDS * threads / (now() - start);
    if (rate > best) best = rate;
  }
  return best;
}

static double best_memory(void) {
  const size_t each = (size_t)VECTORS * 8, chunk = 4096, chunks = VECTORS / chunk;
  float *a = aligned_alloc(64, 3 * each * sizeof *a);
  if (!a) return 0;
  float *b = a + each, *c = b + each;
  double best = 0;
  for (int run = 0; run <= RUNS; run++) { // the first one writes the pages
    const double start = now();
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < chunks; k++) {
      const size_t at = k * chunk * 8;
      if (run == 0)
        for (size_t i = at; i < at + chunk * 8; i++) a[i] = b[i] = c[i] = 1;
      else
        triad(a + at, b + at, c + at, 0.5f, chunk);
    }
    const double rate = 3.0 * (double)each * sizeof *a / (now() - start);
    if (run > 0 && rate > best) best = rate;
  }
  free(a);
  return best;
}

wb_limits wb_limits_measure(void) {
  return (wb_limits){.threads = omp_get_max_threads(), .flops = best_flops(), .memory = best_memory()};
}
