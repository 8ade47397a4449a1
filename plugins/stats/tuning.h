/* tuning.h: made stimuli, and what single units' responses to them say. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_TUNING_H
#define WB_TUNING_H

#include <stddef.h>
#include <stdint.h>

/* image (channels, height, width) = (1 + contrast cos(2 pi cycles d / width + phase)) / 2 in all channels: a
 * grating whose bars run at `orientation` radians, counter-clockwise from horizontal; d is the distance in
 * pixels from the image's centre, across the bars. */
void wb_grating(float *image, size_t channels, size_t height, size_t width, double orientation, double cycles,
                double phase, double contrast);

/* selectivity (units) = |sum_k r_k e^(2i theta_k)| / sum_k r_k and preferred (units), half its argument in
 * degrees in [0, 180), for responses r (units, n) >= 0 to bars at theta_k = pi k / n. NAN for a unit that
 * never responds; preferred is NAN also where selectivity is below 1e-12, rounding. */
void wb_orientation_preference(double *selectivity, double *preferred, const double *r, size_t units,
                               size_t n);

/* patch (channels, side, side) = uniform noise in [0, 1), a function of the seed and the patch's number
 * alone. */
void wb_noise_patch(float *patch, size_t channels, size_t side, uint64_t seed, uint64_t number);

/* Responses r (units, n) >= 0 at distances d (n) from the centre: slope (units), of the least-squares line
 * through r / mean(r) over d; eccentricity (units) = sum_k r_k d_k / sum_k r_k. NAN for a unit that never
 * responds; slope also where all d are equal. */
void wb_eccentricity_preference(double *slope, double *eccentricity, const double *r, const double *d,
                                size_t units, size_t n);

/* Streamed Pearson correlation of two series for each unit. */
typedef struct wb_twins {
  size_t units;
  uint64_t count;
  double *first, *moments; // (units, 2): first values; (units, 5): sums of a, b, aa, bb, ab relative to them
} wb_twins;

/* Adds n more values of both series, a and b (n, units). first and moments are the caller's; count starts at
 * 0. */
void wb_twins_add(wb_twins *twins, const float *a, const float *b, size_t n);

/* r (units); NAN where either series is constant. Returns how many are NAN. */
size_t wb_twins_correlation(double *r, const wb_twins *twins);

#endif
