/* test_tsne.c: calibration, gradient and the whole of t-SNE. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "neighbours.h"
#include "tsne.h"
#include "tsne_forces.h"

enum { N = 240, D = 12, K = 30, GROUPS = 4 };

static float x[N * D], xy[2 * N], other[2 * N], square[N * K];
static uint32_t neighbour[N * K];

/* Points in well separated groups. */
static void make_points(void) {
  wb_rng rng = wb_rng_make(1, "test-tsne", 0);
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++)
      x[i * D + k] = (float)(wb_rng_normal(&rng) + 10 * (double)(k == i % GROUPS) + 100);
  }
}

static wb_tsne_options quick(void) {
  wb_tsne_options o = wb_tsne_defaults();
  o.perplexity = 10;
  o.iterations = 400;
  o.exaggerated = 100;
  return o;
}

static double entropy(const double *p, size_t k) {
  double h = 0;
  for (size_t j = 0; j < k; j++) h -= p[j] > 0 ? p[j] * log(p[j]) : 0;
  return h;
}

static void test_calibration(void **state) {
  (void)state;
  double p[K], scaled[K];
  float s[K], t[K];
  wb_rng rng = wb_rng_make(2, "test-tsne", 0);
  for (int trial = 0; trial < 40; trial++) {
    s[0] = 5 * wb_rng_uniform(&rng);
    for (size_t j = 1; j < K; j++)
      s[j] = s[j - 1] + powf(wb_rng_uniform(&rng), 6) * powf(10, (float)(trial % 9 - 4));
    wb_tsne_calibrate(p, s, K, 10);
    double sum = 0;
    for (size_t j = 0; j < K; j++) sum += p[j];
    assert_true(fabs(sum - 1) < 1e-12);
    assert_true(fabs(entropy(p, K) - log(10)) < 1e-8);
    const double beta = log(p[0] / p[K - 1]) / ((double)s[K - 1] - (double)s[0]); // one slope for all
    for (size_t j = 1; j < K; j++) {
      if (p[j] > 1e-200) assert_true(fabs(log(p[0] / p[j]) - beta * ((double)s[j] - (double)s[0])) < 1e-6);
    }
    for (size_t j = 0; j < K; j++) t[j] = 1024 * s[j]; // units do not matter
    wb_tsne_calibrate(scaled, t, K, 10);
    for (size_t j = 0; j < K; j++) assert_true(fabs(scaled[j] - p[j]) < 1e-7);
  }
  for (size_t j = 0; j < K; j++) s[j] = 3; // all at one distance
  wb_tsne_calibrate(p, s, K, 10);
  for (size_t j = 0; j < K; j++) assert_true(fabs(p[j] - 1.0 / K) < 1e-15);
  for (size_t j = 0; j < K; j++) s[j] = j < 20 ? 0 : 7; // more duplicates than the perplexity
  wb_tsne_calibrate(p, s, K, 10);
  for (size_t j = 0; j < K; j++) assert_true(fabs(p[j] - (j < 20 ? 0.05 : 0)) < 1e-9);
}

static void make_affinity(wb_tsne_affinity *p) {
  make_points();
  assert_int_equal(wb_neighbours(neighbour, square, x, N, D, K, NULL), WB_OK);
  assert_int_equal(wb_tsne_affinity_new(p, neighbour, square, N, K, 10, NULL), WB_OK);
}

/* The sparse matrix against the definition over all pairs. */
static void test_affinity(void **state) {
  (void)state;
  wb_tsne_affinity a;
  static double dense[N * N], got[N * N];
  make_affinity(&a);
  for (size_t i = 0; i < N; i++) {
    double p[K];
    wb_tsne_calibrate(p, square + i * K, K, 10);
    for (size_t j = 0; j < K; j++) {
      dense[i * N + neighbour[i * K + j]] += p[j] / (2.0 * N);
      dense[neighbour[i * K + j] * N + i] += p[j] / (2.0 * N);
    }
    assert_int_equal(a.start[i] % 8, 0);
    for (uint64_t e = a.start[i]; e < a.start[i + 1]; e++) got[i * N + a.column[e]] += (double)a.value[e];
  }
  for (size_t k = 0; k < N * N; k++) assert_true(fabs(got[k] - dense[k]) < 1e-9);
  wb_tsne_affinity_free(&a);
}

/* 4 (attraction - repulsion / Z) is the gradient of the divergence: central differences. */
static void test_gradient(void **state) {
  (void)state;
  wb_tsne_affinity a;
  make_affinity(&a);
  wb_rng rng = wb_rng_make(3, "test-tsne", 0);
  for (size_t k = 0; k < (size_t)2 * N; k++) xy[k] = (float)(3 * wb_rng_normal(&rng));
  static float attraction[2 * N], repulsion[2 * N];
  float *work = aligned_alloc(64, (wb_tsne_repel_work(N) * sizeof *work + 63) / 64 * 64);
  assert_non_null(work);
  wb_tsne_attract(attraction, xy, &a);
  const double z = wb_tsne_repel(repulsion, work, xy, N);
  for (size_t k = 0; k < (size_t)2 * N; k += 7) {
    const float at = xy[k], h = 0x1p-9F;
    xy[k] = at + h;
    const double above = wb_tsne_divergence(xy, &a), width = (double)xy[k];
    xy[k] = at - h;
    const double slope = (above - wb_tsne_divergence(xy, &a)) / (width - (double)xy[k]);
    xy[k] = at;
    const double gradient = 4 * ((double)attraction[k] - (double)repulsion[k] / z);
    assert_true(fabs(gradient - slope) < 2e-5 * 4 / N * 10 + 1e-4 * fabs(slope));
  }
  free(work);
  wb_tsne_affinity_free(&a);
}

/* Share of each point's ten nearest in the map that are among its K nearest in the data. */
static double trust(const float *map) {
  static uint32_t near_map[N * 10];
  static float squares[N * 10];
  size_t found = 0;
  assert_int_equal(wb_neighbours(neighbour, square, x, N, D, K, NULL), WB_OK);
  assert_int_equal(wb_neighbours(near_map, squares, map, N, 2, 10, NULL), WB_OK);
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < 10; k++) {
      for (size_t j = 0; j < K; j++) found += near_map[i * 10 + k] == neighbour[i * K + j];
    }
  }
  return (double)found / (N * 10);
}

/* All ways of repulsion make maps that keep the groups together and neighbours near, with like divergence. */
static void test_maps(void **state) {
  (void)state;
  make_points();
  double divergence[4];
  for (int way = 0; way < 4; way++) {
    wb_tsne_options o = quick();
    o.repulsion = way % 2 ? WB_TSNE_GRID : WB_TSNE_ALL_PAIRS;
    o.plain = way > 1;
    o.start = WB_TSNE_PCA;
    assert_int_equal(wb_tsne(xy, &divergence[way], x, N, D, &o, NULL), WB_OK);
    assert_true(trust(xy) > 0.8);
    for (size_t i = 0; i < N; i++) { // the nearest in the map is of the same group
      size_t nearest = i ? 0 : 1;
      for (size_t j = 0; j < N; j++) {
        if (j != i &&
            hypot((double)(xy[2 * i] - xy[2 * j]), (double)(xy[2 * i + 1] - xy[2 * j + 1])) <
                hypot((double)(xy[2 * i] - xy[2 * nearest]), (double)(xy[2 * i + 1] - xy[2 * nearest + 1])))
          nearest = j;
      }
      assert_int_equal(nearest % GROUPS, i % GROUPS);
    }
    assert_true(fabs(divergence[way] - divergence[0]) < 0.03);
  }
  wb_tsne_options o = quick();
  o.start = WB_TSNE_RANDOM;
  assert_int_equal(wb_tsne(xy, &divergence[1], x, N, D, &o, NULL), WB_OK);
  assert_true(trust(xy) > 0.8);
}

static void test_threads(void **state) {
  (void)state;
  make_points();
  const int threads = omp_get_max_threads();
  for (int grid = 0; grid < 2; grid++) {
    wb_tsne_options o = quick();
    o.repulsion = grid ? WB_TSNE_GRID : WB_TSNE_ALL_PAIRS;
    o.iterations = 150;
    o.seed = 7;
    double divergence, first = 0;
    for (int t = 1; t <= 4; t++) {
      omp_set_num_threads(t);
      assert_int_equal(wb_tsne(t == 1 ? other : xy, &divergence, x, N, D, &o, NULL), WB_OK);
      if (t == 1)
        first = divergence;
      else
        assert_memory_equal(xy, other, sizeof xy);
      assert_true(divergence == first);
    }
    omp_set_num_threads(threads);
    o.seed = 8;
    assert_int_equal(wb_tsne(xy, NULL, x, N, D, &o, NULL), WB_OK);
    assert_memory_not_equal(xy, other, sizeof xy);
  }
}

static bool stop_at_five(void *context, size_t iteration) {
  *(size_t *)context = iteration;
  return iteration == 5;
}

static void test_degenerate(void **state) {
  (void)state;
  wb_error err = {0};
  wb_tsne_options o = quick();
  make_points();
  assert_int_equal(wb_tsne(xy, NULL, x, 30, D, &o, &err), WB_ARG); // as many points as neighbours
  assert_non_null(strstr(err.message, "30 neighbours"));
  assert_non_null(strstr(err.message, "30 points"));
  assert_int_equal(wb_tsne(xy, NULL, x, 31, D, &o, NULL), WB_OK);

  for (size_t i = 0; i < N; i++) memcpy(x + i * D, x + i % 8 * D, D * sizeof *x); // 30 of each
  double divergence;
  assert_int_equal(wb_tsne(xy, &divergence, x, N, D, &o, NULL), WB_OK);
  for (size_t k = 0; k < (size_t)2 * N; k++) assert_true(isfinite(xy[k]));
  for (size_t k = 0; k < N * D; k++) x[k] = 0.1F; // all alike
  assert_int_equal(wb_tsne(xy, &divergence, x, N, D, &o, NULL), WB_OK);
  assert_true(isfinite(divergence));
  for (size_t k = 0; k < N; k++) x[k] = (float)k; // one dimension
  assert_int_equal(wb_tsne(xy, &divergence, x, N, 1, &o, NULL), WB_OK);
  assert_true(isfinite(divergence));

  size_t last = 0;
  o.stop = stop_at_five;
  o.context = &last;
  assert_int_equal(wb_tsne(xy, NULL, x, N, 1, &o, NULL), WB_CANCELLED);
  assert_int_equal(last, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_calibration), cmocka_unit_test(test_affinity), cmocka_unit_test(test_gradient),
      cmocka_unit_test(test_maps),        cmocka_unit_test(test_threads),  cmocka_unit_test(test_degenerate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
