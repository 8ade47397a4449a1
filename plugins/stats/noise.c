/* noise.c: see noise.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "noise.h"

#include <gsl/gsl_fft_complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wb_noise {
  wb_noise_kind kind;
  size_t channels, height, width;
  double *gain;                                 // (height, width), of pink: amplitude at each frequency
  gsl_fft_complex_wavetable *along_y, *along_x; // of pink
};

/* Frequency of place k of n, in cycles per pixel: 0, 1/n, .., then the negative ones. */
static double frequency(size_t k, size_t n) {
  return (k <= (n - 1) / 2 ? (double)k : (double)k - (double)n) / (double)n;
}

static wb_status prepare_filter(wb_noise *noise, double exponent, wb_error *err) {
  const size_t height = noise->height, width = noise->width;
  noise->gain = malloc(height * width * sizeof *noise->gain);
  noise->along_y = gsl_fft_complex_wavetable_alloc(height);
  noise->along_x = gsl_fft_complex_wavetable_alloc(width);
  if (!noise->gain || !noise->along_y || !noise->along_x)
    return wb_fail_nomem(err, "the filter of pink noise", height * width * sizeof *noise->gain);
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      const double f = hypot(frequency(y, height), frequency(x, width));
      noise->gain[y * width + x] = f > 0 ? pow(f, -exponent) : 1;
    }
  return WB_OK;
}

wb_status wb_noise_make(wb_noise **out, wb_noise_kind kind, double exponent, size_t channels, size_t height,
                        size_t width, wb_error *err) {
  *out = NULL;
  if (!channels || !height || !width)
    return wb_fail(err, WB_ARG, "noise was asked for on images of %zu x %zu x %zu", channels, height, width);
  wb_noise *noise = calloc(1, sizeof *noise);
  if (!noise) return wb_fail_nomem(err, "noise", sizeof *noise);
  *noise = (wb_noise){.kind = kind, .channels = channels, .height = height, .width = width};
  const wb_status status = kind == WB_NOISE_PINK ? prepare_filter(noise, exponent, err) : WB_OK;
  if (status == WB_OK)
    *out = noise;
  else
    wb_noise_free(noise);
  return status;
}

void wb_noise_free(wb_noise *noise) {
  if (!noise) return;
  if (noise->along_y) gsl_fft_complex_wavetable_free(noise->along_y);
  if (noise->along_x) gsl_fft_complex_wavetable_free(noise->along_x);
  free(noise->gain);
  free(noise);
}

size_t wb_noise_scratch(const wb_noise *noise) {
  const size_t area = noise->height * noise->width;
  const size_t longest = noise->height > noise->width ? noise->height : noise->width;
  if (noise->kind == WB_NOISE_PINK) return noise->channels * area + 2 * area + 2 * longest;
  return noise->kind == WB_NOISE_WHITE ? noise->channels * area : 1;
}

void wb_noise_normals(double *z, size_t n, wb_rng *rng) {
  const double turn = 6.283185307179586;
  for (size_t i = 0; i < n; i += 2) {
    const double u = ((double)wb_rng_u32(rng) + 0.5) * 0x1p-32, v = (double)wb_rng_u32(rng) * 0x1p-32;
    const double radius = sqrt(-2 * log(u));
    z[i] = radius * cos(turn * v);
    if (i + 1 < n) z[i + 1] = radius * sin(turn * v);
  }
}

/* The filter on a complex image (height, width): the gain is real and even, so that the real and the
 * imaginary part are filtered as two images of their own. */
static void filter_pair(double *pair, const wb_noise *noise, double *work) {
  const size_t height = noise->height, width = noise->width;
  gsl_fft_complex_workspace along_y = {height, work}, along_x = {width, work};
  for (size_t y = 0; y < height; y++)
    gsl_fft_complex_forward(pair + 2 * y * width, 1, width, noise->along_x, &along_x);
  for (size_t x = 0; x < width; x++)
    gsl_fft_complex_forward(pair + 2 * x, width, height, noise->along_y, &along_y);
  for (size_t i = 0; i < height * width; i++) {
    pair[2 * i] *= noise->gain[i];
    pair[2 * i + 1] *= noise->gain[i];
  }
  for (size_t x = 0; x < width; x++)
    gsl_fft_complex_backward(pair + 2 * x, width, height, noise->along_y, &along_y);
  for (size_t y = 0; y < height; y++)
    gsl_fft_complex_backward(pair + 2 * y * width, 1, width, noise->along_x, &along_x);
}

/* Zero mean, unit population sd; zero where there is no spread. */
static void standardise(double *z, size_t n) {
  double mean = 0, square = 0;
  for (size_t i = 0; i < n; i++) mean += z[i] / (double)n;
  for (size_t i = 0; i < n; i++) square += (z[i] - mean) * (z[i] - mean) / (double)n;
  const double scale = square > 0 ? 1 / sqrt(square) : 0;
  for (size_t i = 0; i < n; i++) z[i] = (z[i] - mean) * scale;
}

void wb_noise_filter(double *z, const wb_noise *noise, double *scratch) {
  const size_t area = noise->height * noise->width;
  double *pair = scratch, *work = scratch + 2 * area;
  for (size_t c = 0; c < noise->channels; c += 2) {
    double *first = z + c * area, *second = c + 1 < noise->channels ? first + area : NULL;
    for (size_t i = 0; i < area; i++) {
      pair[2 * i] = first[i];
      pair[2 * i + 1] = second ? second[i] : 0;
    }
    filter_pair(pair, noise, work);
    for (size_t i = 0; i < area; i++) {
      first[i] = pair[2 * i];
      if (second) second[i] = pair[2 * i + 1];
    }
    standardise(first, area);
    if (second) standardise(second, area);
  }
}

static void add(float *out, const float *image, const double *z, double level, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = (float)fmin(fmax((double)image[i] + level * z[i], 0), 1);
}

static void sprinkle(float *out, const wb_noise *noise, double level, wb_rng *rng) {
  const size_t area = noise->height * noise->width;
  const size_t draws = (size_t)(level * (double)noise->height * (double)noise->width);
  for (size_t k = 0; k < draws; k++) {
    const size_t place = wb_rng_below(rng, (uint32_t)area);
    const float value = (float)(wb_rng_u32(rng) & 1);
    for (size_t c = 0; c < noise->channels; c++) out[c * area + place] = value;
  }
}

void wb_noise_apply(float *out, const float *image, const wb_noise *noise, double level, uint64_t seed,
                    uint64_t index, double *scratch) {
  static const char *const names[] = {"none", "white", "pink", "salt-pepper"};
  const size_t n = noise->channels * noise->height * noise->width;
  char stream[64];
  if (noise->kind == WB_NOISE_NONE || noise->kind == WB_NOISE_SALT_PEPPER || !(level > 0))
    memmove(out, image, n * sizeof *out);
  if (noise->kind == WB_NOISE_NONE || !(level > 0)) return;
  snprintf(stream, sizeof stream, "%s %.17g", names[noise->kind], level);
  wb_rng rng = wb_rng_make(seed, stream, index);
  if (noise->kind == WB_NOISE_SALT_PEPPER) {
    sprinkle(out, noise, level, &rng);
    return;
  }
  wb_noise_normals(scratch, n, &rng);
  if (noise->kind == WB_NOISE_PINK) wb_noise_filter(scratch, noise, scratch + n);
  add(out, image, scratch, level, n);
}
