/* autocorrelation.c: see autocorrelation.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "autocorrelation.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>

#include "base/rng.h"

/* Element of the symmetric gram matrix, whose lower triangle is kept; without a branch, as permuted units
 * come in any order. */
static inline double at(const double *gram, size_t units, size_t a, size_t b) {
  const size_t row = a > b ? a : b, col = a > b ? b : a;
  return gram[row * units + col];
}

/* Centres the map and scales it to unit length; false where it is constant, and then zero. Relative to the
 * first unit, so that equal values leave no rounding. */
static bool normalise(double *map, size_t units) {
  const double first = map[0];
  double mean = 0, square = 0;
#pragma omp simd reduction(+ : mean)
  for (size_t k = 0; k < units; k++) {
    map[k] -= first;
    mean += map[k];
  }
  mean /= (double)units;
#pragma omp simd reduction(+ : square)
  for (size_t k = 0; k < units; k++) {
    map[k] -= mean;
    square += map[k] * map[k];
  }
  const double scale = square > 0 ? 1 / sqrt(square) : 0;
  for (size_t k = 0; k < units; k++) map[k] *= scale;
  return square > 0;
}

size_t wb_maps_centre(double *u, size_t n, size_t units) {
  size_t constant = 0;
#pragma omp parallel for schedule(static) reduction(+ : constant)
  for (size_t s = 0; s < n; s++) constant += !normalise(u + s * units, units);
  return constant;
}

size_t wb_maps_normalise(double *u, const float *x, bool after_relu, size_t n, size_t units) {
  const float least = after_relu ? 0 : -INFINITY;
  size_t constant = 0;
#pragma omp parallel for schedule(static) reduction(+ : constant)
  for (size_t s = 0; s < n; s++) {
    double *row = u + s * units;
    for (size_t k = 0; k < units; k++) row[k] = (double)(x[s * units + k] < least ? least : x[s * units + k]);
    constant += !normalise(row, units);
  }
  return constant;
}

void wb_maps_accumulate(double *gram, const double *u, size_t n, size_t units) {
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)units, (int)n, 1.0, u, (int)units, 1.0, gram,
              (int)units);
}

void wb_moran_each(double *i, const double *u, size_t n, const wb_spatial *spatial) {
  const double scale = (double)spatial->units / spatial->total;
#pragma omp parallel for schedule(static)
  for (size_t s = 0; s < n; s++) {
    const double *row = u + s * spatial->units;
    double sum = 0;
    for (size_t k = 0; k < spatial->count; k++) {
      const wb_pair *p = &spatial->pairs[k];
      sum += p->weight * row[p->i] * row[p->j];
    }
    i[s] = scale * sum;
  }
}

double wb_moran_mean(const double *gram, size_t maps, const wb_spatial *spatial, const uint32_t *order) {
  double sum = 0;
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    const size_t a = order ? order[p->i] : p->i, b = order ? order[p->j] : p->j;
    sum += p->weight * at(gram, spatial->units, a, b);
  }
  return (double)spatial->units / spatial->total * sum / (double)maps;
}

double wb_geary_mean(const double *gram, size_t maps, size_t constant, const wb_spatial *spatial) {
  const size_t units = spatial->units;
  double sum = 0;
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    sum += p->weight *
           (at(gram, units, p->i, p->i) + at(gram, units, p->j, p->j) - 2 * at(gram, units, p->i, p->j));
  }
  return maps > constant ? (double)(units - 1) / (2 * spatial->total) * sum / (double)(maps - constant)
                         : (double)NAN;
}

void wb_moran_local(double *local, const double *gram, size_t maps, const wb_spatial *spatial) {
  const size_t units = spatial->units;
  for (size_t i = 0; i < units; i++) local[i] = 0;
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    const double g = (double)units * at(gram, units, p->i, p->j) / (double)maps;
    local[p->i] += p->forward * g;
    local[p->j] += (p->weight - p->forward) * g;
  }
}

void wb_moran_correlogram(double *correlogram, size_t *pairs, const double *gram, size_t maps,
                          const double *positions, size_t units, size_t lags) {
  for (size_t k = 0; k < lags; k++) {
    correlogram[k] = 0;
    pairs[k] = 0;
  }
  for (size_t i = 0; i < units; i++) {
    for (size_t j = 0; j < i; j++) {
      const double lag = floor(
          hypot(positions[2 * i] - positions[2 * j], positions[2 * i + 1] - positions[2 * j + 1]) + 0.5);
      if (lag < 1 || lag > (double)lags) continue;
      correlogram[(size_t)lag - 1] += gram[i * units + j];
      pairs[(size_t)lag - 1]++;
    }
  }
  for (size_t k = 0; k < lags; k++)
    correlogram[k] =
        pairs[k] ? (double)units * correlogram[k] / (double)pairs[k] / (double)maps : (double)NAN;
}

/* Whether unit k has a value. */
static bool is_known(const double *x, size_t dims, size_t k) {
  for (size_t d = 0; d < dims; d++)
    if (isnan(x[k * dims + d])) return false;
  return true;
}

/* Sums over the units with a value, and over their pairs, of one coordinate's deviations from its mean. */
static void add_coordinate(double *cross, double *square, const double *x, size_t dims, size_t d,
                           const wb_spatial *spatial) {
  double mean = 0, first = NAN;
  size_t n = 0;
  for (size_t k = 0; k < spatial->units; k++) {
    if (!is_known(x, dims, k)) continue;
    if (n++ == 0) first = x[k * dims + d]; // relative to it, so that equal values leave no rounding
    mean += x[k * dims + d] - first;
  }
  mean = first + mean / (double)n;
  for (size_t k = 0; k < spatial->units; k++)
    if (is_known(x, dims, k)) *square += (x[k * dims + d] - mean) * (x[k * dims + d] - mean);
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    if (is_known(x, dims, p->i) && is_known(x, dims, p->j))
      *cross += p->weight * (x[p->i * dims + d] - mean) * (x[p->j * dims + d] - mean);
  }
}

double wb_moran_map(const double *x, size_t dims, const wb_spatial *spatial) {
  double cross = 0, square = 0, total = 0;
  size_t n = 0;
  for (size_t d = 0; d < dims; d++) add_coordinate(&cross, &square, x, dims, d, spatial);
  for (size_t k = 0; k < spatial->units; k++) n += is_known(x, dims, k);
  for (size_t k = 0; k < spatial->count; k++) {
    const wb_pair *p = &spatial->pairs[k];
    if (is_known(x, dims, p->i) && is_known(x, dims, p->j)) total += p->weight;
  }
  return square > 0 && total > 0 ? (double)n / total * cross / square : (double)NAN;
}

void wb_moran_permute(double *i, const double *gram, size_t maps, const wb_spatial *spatial, uint64_t seed,
                      size_t first, size_t count, uint32_t *orders) {
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < count; r++) {
    uint32_t *order = orders + (size_t)omp_get_thread_num() * spatial->units;
    wb_rng rng = wb_rng_make(seed, "moran-permutation", first + r);
    for (size_t k = 0; k < spatial->units; k++) order[k] = (uint32_t)k;
    wb_rng_shuffle(&rng, order, spatial->units);
    i[r] = wb_moran_mean(gram, maps, spatial, order);
  }
}

wb_permutation wb_moran_test(const double *i, size_t permutations, double observed, size_t units) {
  const double expected = -1 / ((double)units - 1), deviation = fabs(observed - expected);
  double sum = 0, square = 0;
  size_t extreme = 0;
  for (size_t r = 0; r < permutations; r++) {
    const double difference = i[r] - expected;
    sum += difference;
    square += difference * difference;
    // A permutation that leaves the map as it is must count, whatever the rounding of the sum.
    extreme += fabs(difference) >= deviation * (1 - 1e-12);
  }
  const double n = (double)permutations, mean = permutations ? sum / n : 0;
  return (wb_permutation){.mean = mean + expected,
                          .sd = permutations > 1 ? sqrt(fmax(0, (square - n * mean * mean) / (n - 1))) : 0,
                          .p = ((double)extreme + 1) / (n + 1)};
}
