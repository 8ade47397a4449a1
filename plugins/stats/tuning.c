/* tuning.c: see tuning.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "tuning.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

#define PI 3.14159265358979323846

void wb_grating(float *image, size_t channels, size_t height, size_t width, double orientation, double cycles,
                double phase, double contrast) {
  const double step = 2 * PI * cycles / (double)width;
  for (size_t row = 0; row < height; row++) {
    const double y = (double)row - ((double)height - 1) / 2;
    for (size_t col = 0; col < width; col++) {
      const double x = (double)col - ((double)width - 1) / 2;
      // Rows count downwards: bars along (cos, -sin) have (sin, cos) across them.
      const double d = x * sin(orientation) + y * cos(orientation);
      image[row * width + col] = (float)((1 + contrast * cos(step * d + phase)) / 2);
    }
  }
  for (size_t c = 1; c < channels; c++)
    memcpy(image + c * height * width, image, height * width * sizeof *image);
}

void wb_orientation_preference(double *selectivity, double *preferred, const double *r, size_t units,
                               size_t n) {
  for (size_t u = 0; u < units; u++) {
    double x = 0, y = 0, sum = 0;
    for (size_t k = 0; k < n; k++) {
      const double angle = 2 * PI * (double)k / (double)n; // twice the orientation
      x += r[u * n + k] * cos(angle);
      y += r[u * n + k] * sin(angle);
      sum += r[u * n + k];
    }
    selectivity[u] = sum > 0 ? hypot(x, y) / sum : (double)NAN;
    const double degrees = atan2(y, x) * 90 / PI;
    const double turned = degrees < 0 ? degrees + 180 : degrees;
    preferred[u] = selectivity[u] >= 1e-12 ? (turned < 180 ? turned : 0) : (double)NAN;
  }
}

void wb_noise_patch(float *patch, size_t channels, size_t side, uint64_t seed, uint64_t number) {
  wb_rng rng = wb_rng_make(seed, "noise-patch", number);
  for (size_t k = 0; k < channels * side * side; k++) patch[k] = wb_rng_uniform(&rng);
}

void wb_eccentricity_preference(double *slope, double *eccentricity, const double *r, const double *d,
                                size_t units, size_t n) {
  double mean_d = 0, square = 0;
  for (size_t k = 0; k < n; k++) mean_d += d[k] / (double)n;
  for (size_t k = 0; k < n; k++) square += (d[k] - mean_d) * (d[k] - mean_d);
  for (size_t u = 0; u < units; u++) {
    double sum = 0, weighted = 0, cross = 0;
    for (size_t k = 0; k < n; k++) {
      sum += r[u * n + k];
      weighted += r[u * n + k] * d[k];
      cross += r[u * n + k] * (d[k] - mean_d);
    }
    slope[u] = sum > 0 && square > 0 ? cross / square / (sum / (double)n) : (double)NAN;
    eccentricity[u] = sum > 0 ? weighted / sum : (double)NAN;
  }
}

void wb_twins_add(wb_twins *twins, const float *a, const float *b, size_t n) {
  const size_t units = twins->units;
  for (size_t s = 0; s < n; s++) {
    for (size_t u = 0; u < units; u++) {
      double *first = twins->first + 2 * u, *m = twins->moments + 5 * u;
      if (twins->count == 0) {
        first[0] = (double)a[u];
        first[1] = (double)b[u];
        memset(m, 0, 5 * sizeof *m);
      }
      const double x = (double)a[s * units + u] - first[0], y = (double)b[s * units + u] - first[1];
      m[0] += x;
      m[1] += y;
      m[2] += x * x;
      m[3] += y * y;
      m[4] += x * y;
    }
    twins->count++;
  }
}

size_t wb_twins_correlation(double *r, const wb_twins *twins) {
  const double n = (double)twins->count;
  size_t missing = 0;
  for (size_t u = 0; u < twins->units; u++) {
    const double *m = twins->moments + 5 * u;
    const double aa = m[2] - m[0] * m[0] / n, bb = m[3] - m[1] * m[1] / n, ab = m[4] - m[0] * m[1] / n;
    const int known = twins->count > 1 && m[2] > 0 && m[3] > 0 && aa > 0 && bb > 0;
    r[u] = known ? fmin(1, fmax(-1, ab / sqrt(aa * bb))) : (double)NAN;
    missing += !known;
  }
  return missing;
}
