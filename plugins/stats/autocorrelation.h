/* autocorrelation.h: Moran's I, Geary's C and their like over many maps of the same units at once.
 *
 * For one map x with deviations z from its mean, Moran's I = (N / W) sum_ij w_ij z_i z_j / sum_i z_i^2. With
 * u = z / |z| it is (N / W) sum_ij w_ij u_i u_j, so the mean over maps needs only the units x units matrix G
 * = mean over maps of u u'. A permutation of unit positions then costs one look-up a pair, whatever the
 * number of maps. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_AUTOCORRELATION_H
#define WB_AUTOCORRELATION_H

#include "spatial.h"

/* u (n, units) = the maps x (n, units), centred and scaled to unit length each; after_relu clamps x at zero
 * first. A constant map becomes zero. Returns how many are constant. */
size_t wb_maps_normalise(double *u, const float *x, bool after_relu, size_t n, size_t units);

/* The same in place, for maps in double. */
size_t wb_maps_centre(double *u, size_t n, size_t units);

/* gram (units, units) += u' u; only the lower triangle (row >= column) is used. */
void wb_maps_accumulate(double *gram, const double *u, size_t n, size_t units);

/* Moran's I of each of the n normalised maps; 0 for a constant one. */
void wb_moran_each(double *i, const double *u, size_t n, const wb_spatial *spatial);

/* Mean Moran's I from the gram matrix of `maps` normalised maps. order (units): the unit at each position, or
 * NULL for the identity. */
double wb_moran_mean(const double *gram, size_t maps, const wb_spatial *spatial, const uint32_t *order);

/* Mean Geary's C = (N-1)/(2W) sum_ij w_ij (x_i - x_j)^2 / sum z_i^2 over the maps that are not constant. NAN
 * if all are. */
double wb_geary_mean(const double *gram, size_t maps, size_t constant, const wb_spatial *spatial);

/* local (units): local Moran's I_i = N sum_j w_ij u_i u_j, mean over maps; their sum is W times Moran's I. */
void wb_moran_local(double *local, const double *gram, size_t maps, const wb_spatial *spatial);

/* Mean Moran's I of unit pairs at distances d - 1/2 <= distance < d + 1/2 for d = 1 .. lags: correlogram
 * (lags), NAN where there is no such pair; pairs (lags): how many there are. positions (units, 2). */
void wb_moran_correlogram(double *correlogram, size_t *pairs, const double *gram, size_t maps,
                          const double *positions, size_t units, size_t lags);

/* Moran's I of one map x (units, dims) of vectors: products are dot products. Units with a NaN are left out,
 * as if the grid had holes; NAN where the others are all alike or not neighbours. */
double wb_moran_map(const double *x, size_t dims, const wb_spatial *spatial);

typedef struct wb_permutation {
  double mean, sd; // of I over the permutations
  double p;        // two-sided: (1 + number with |I - E| at least the observed) / (1 + permutations)
} wb_permutation;

/* i (count): the mean I with units at random positions, in permutations number first .. first+count-1 of the
 * seed, whatever the number of threads. orders holds omp_get_max_threads() times `units` numbers. */
void wb_moran_permute(double *i, const double *gram, size_t maps, const wb_spatial *spatial, uint64_t seed,
                      size_t first, size_t count, uint32_t *orders);

/* Test of the observed mean I against those i (permutations) at random positions, E = -1/(N-1). */
wb_permutation wb_moran_test(const double *i, size_t permutations, double observed, size_t units);

#endif
