/* test_tsne_forces.c: attraction and repulsion, exact and through the grid, against plain sums in double.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
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
#include "tsne_convolve.h"
#include "tsne_forces.h"
#include "tsne_mesh.h"

enum { MOST = 3001 };

static float xy[2 * MOST], force[2 * MOST];
static double right[2 * MOST];

/* Clumps over a region `extent` wide and half as high, not around the origin. */
static void make_points(size_t n, double extent) {
  wb_rng rng = wb_rng_make(1, "test-tsne-forces", n);
  for (size_t i = 0; i < n; i++) {
    const double clump = (double)wb_rng_below(&rng, 7);
    xy[2 * i] = (float)(extent * (0.3 + clump / 8 + 0.04 * wb_rng_normal(&rng)));
    xy[2 * i + 1] = (float)(extent * (0.2 + fmod(clump * 3, 7) / 16 + 0.04 * wb_rng_normal(&rng)));
  }
}

/* By the definition; returns Z. */
static double plain(size_t n) {
  double z = 0;
  for (size_t i = 0; i < n; i++) {
    right[2 * i] = right[2 * i + 1] = 0;
    for (size_t j = 0; j < n; j++) {
      if (j == i) continue;
      const double dx = (double)xy[2 * i] - (double)xy[2 * j],
                   dy = (double)xy[2 * i + 1] - (double)xy[2 * j + 1];
      const double q = 1 / (1 + dx * dx + dy * dy);
      z += q;
      right[2 * i] += q * q * dx;
      right[2 * i + 1] += q * q * dy;
    }
  }
  return z;
}

/* Root mean square error of the forces, relative to that of the forces themselves. */
static double relative_error(size_t n) {
  double error = 0, size = 0;
  for (size_t k = 0; k < 2 * n; k++) {
    error += pow((double)force[k] - right[k], 2);
    size += right[k] * right[k];
  }
  return sqrt(error / size);
}

static void test_exact(void **state) {
  (void)state;
  const size_t sizes[] = {2, 3, 8, 9, 100, 777};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const size_t n = sizes[s];
    make_points(n, 20);
    const double z = plain(n);
    float *work = aligned_alloc(64, (wb_tsne_repel_work(n) * sizeof *work + 63) / 64 * 64);
    assert_non_null(work);
    assert_true(fabs(wb_tsne_repel(force, work, xy, n) / z - 1) < 1e-5);
    assert_true(relative_error(n) < 1e-5);
    assert_true(fabs(wb_tsne_repel_plain(force, xy, n) / z - 1) < 1e-5);
    assert_true(relative_error(n) < 1e-5);
    free(work);
  }
}

/* A small grid (fine spacing), the usual one, and one so wide that it gets coarser; both transforms. */
static void test_mesh(void **state) {
  (void)state;
  const double extents[] = {1e-3, 2, 40, 120}, bounds[] = {1e-4, 1e-4, 2e-3, 2e-3};
  for (int avx2 = 0; avx2 <= wb_stats_has_avx2(); avx2++) {
    for (size_t e = 0; e < 4; e++) {
      const size_t n = e == 3 ? MOST : 1500;
      wb_tsne_mesh *mesh;
      double z;
      make_points(n, extents[e]);
      assert_int_equal(wb_tsne_mesh_new(&mesh, n, avx2, NULL), WB_OK);
      assert_int_equal(wb_tsne_mesh_repel(force, &z, mesh, xy, NULL), WB_OK);
      assert_true(fabs(z / plain(n) - 1) < 1e-4);
      assert_true(relative_error(n) < bounds[e]);
      wb_tsne_mesh_free(mesh);
    }
  }
}

/* One mesh over points that spread out and draw together again: the grid follows. */
static void test_mesh_follows(void **state) {
  (void)state;
  const double extents[] = {1e-4, 0.5, 10, 60, 200, 30, 1};
  wb_tsne_mesh *mesh;
  double z;
  assert_int_equal(wb_tsne_mesh_new(&mesh, 1000, wb_stats_has_avx2(), NULL), WB_OK);
  for (size_t e = 0; e < 7; e++) {
    make_points(1000, extents[e]);
    assert_int_equal(wb_tsne_mesh_repel(force, &z, mesh, xy, NULL), WB_OK);
    assert_true(fabs(z / plain(1000) - 1) < 1e-3);
    assert_true(relative_error(1000) < 1e-2);
  }
  memset(xy, 0, sizeof xy); // all points in one place
  assert_int_equal(wb_tsne_mesh_repel(force, &z, mesh, xy, NULL), WB_OK);
  assert_true(fabs(z / (1000.0 * 999) - 1) < 1e-4);
  for (size_t k = 0; k < 2000; k++) assert_true(fabsf(force[k]) < 10); // of a thousand times 1/2 at most
  wb_tsne_mesh_free(mesh);
}

static void test_threads(void **state) {
  (void)state;
  const int threads = omp_get_max_threads();
  float *work = aligned_alloc(64, (wb_tsne_repel_work(2000) * sizeof *work + 63) / 64 * 64);
  assert_non_null(work);
  make_points(2000, 50);
  double z[2], first[2] = {0};
  static float mesh_force[4000], first_mesh[4000], first_exact[4000];
  for (int t = 1; t <= 4; t++) {
    wb_tsne_mesh *mesh;
    omp_set_num_threads(t);
    assert_int_equal(wb_tsne_mesh_new(&mesh, 2000, wb_stats_has_avx2(), NULL), WB_OK);
    assert_int_equal(wb_tsne_mesh_repel(mesh_force, &z[0], mesh, xy, NULL), WB_OK);
    wb_tsne_mesh_free(mesh);
    z[1] = wb_tsne_repel(force, work, xy, 2000);
    if (t == 1) {
      memcpy(first, z, sizeof z);
      memcpy(first_mesh, mesh_force, sizeof first_mesh);
      memcpy(first_exact, force, sizeof first_exact);
    }
    assert_memory_equal(first, z, sizeof z);
    assert_memory_equal(first_mesh, mesh_force, sizeof first_mesh);
    assert_memory_equal(first_exact, force, sizeof first_exact);
  }
  omp_set_num_threads(threads);
  free(work);
}

static void test_attraction(void **state) {
  (void)state;
  enum { N = 50 };
  uint64_t start[N + 1];
  uint32_t *column = aligned_alloc(64, 4096);
  float *value = aligned_alloc(64, 4096);
  wb_tsne_affinity p = {N, start, column, value};
  wb_rng rng = wb_rng_make(2, "test-tsne-forces", 0);
  assert_true(column && value);
  make_points(N, 10);
  memset(right, 0, sizeof right);
  for (size_t i = 0; i <= N; i++) start[i] = 16 * i;
  for (size_t e = 0; e < (size_t)16 * N; e++) {
    const size_t i = e / 16;
    column[e] = e % 16 < 11 ? wb_rng_below(&rng, N) : (uint32_t)i; // the last five are filling
    value[e] = e % 16 < 11 ? wb_rng_uniform(&rng) : 0;
    const size_t j = column[e];
    const double dx = (double)xy[2 * i] - (double)xy[2 * j],
                 dy = (double)xy[2 * i + 1] - (double)xy[2 * j + 1];
    const double pull = (double)value[e] / (1 + dx * dx + dy * dy);
    right[2 * i] += pull * dx;
    right[2 * i + 1] += pull * dy;
  }
  wb_tsne_attract(force, xy, &p);
  assert_true(relative_error(N) < 1e-6);
  wb_tsne_attract_plain(force, xy, &p);
  assert_true(relative_error(N) < 1e-6);
  free(column);
  free(value);
}

/* The convolution itself, at grid nodes: both transforms against the plain sum over charges, whose potential
 * must be the B-spline-corrected kernel: spread with 1/6, 4/6, 1/6 in both directions it is the kernel again.
 */
static void test_convolution(void **state) {
  (void)state;
  enum { ROWS = 16, COLS = 20, STRIDE = 32, SIDE = 60 };
  assert_int_equal(wb_convolve_side(40), 48);
  assert_int_equal(wb_convolve_side(49), 64);
  for (int avx2 = 0; avx2 <= wb_stats_has_avx2(); avx2++) {
    wb_convolver c = {.avx2 = avx2};
    const int shift = avx2; // either way
    float *grid = aligned_alloc(64, ROWS * STRIDE * sizeof *grid);
    const double w[3] = {1 / 6.0, 4 / 6.0, 1 / 6.0};
    assert_non_null(grid);
    memset(grid, 0, ROWS * STRIDE * sizeof *grid);
    assert_int_equal(
        wb_convolver_prepare(&c, wb_convolve_side(2 * COLS), wb_convolve_side(2 * ROWS), 0.25, shift, NULL),
        WB_OK);
    for (int a = 0; a < 3; a++) {
      for (int b = 0; b < 3; b++) grid[(4 + a) * STRIDE + 7 + b] = (float)(w[a] * w[b]); // a charge at (8, 5)
    }
    assert_int_equal(wb_convolver_apply(&c, grid, ROWS, COLS, STRIDE, NULL), WB_OK);
    for (int i = 2; i < 10; i++) {
      for (int j = 3; j < 14; j++) {
        double potential = 0;
        for (int a = 0; a < 3; a++) {
          for (int b = 0; b < 3; b++)
            potential += w[a] * w[b] * (double)grid[(i + a - 1) * STRIDE + j + b - 1];
        }
        const double square = 0.0625 * ((i - 5) * (i - 5) + (j - 8) * (j - 8));
        assert_true(fabs(potential - (1 / (1 + square) - shift)) < 1e-5);
      }
    }
    free(grid);
    wb_convolver_free(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exact),   cmocka_unit_test(test_mesh),       cmocka_unit_test(test_mesh_follows),
      cmocka_unit_test(test_threads), cmocka_unit_test(test_attraction), cmocka_unit_test(test_convolution),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
