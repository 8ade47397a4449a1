/* corruption_noise.c: noise in pixels. SPDX-License-Identifier: GPL-3.0-or-later */
#include "corruption_internal.h"

static size_t count(const wb_corruptor *c) {
  return c->area * (size_t)c->channels;
}

void wb_gaussian_noise(wb_corruptor *c, int severity) {
  static const double sd[] = {0.04, 0.06, 0.08, 0.09, 0.10};
  for (size_t i = 0; i < count(c); i++) c->pixels[i] += sd[severity] * wb_rng_normal(&c->rng);
}

/* Inversion, with the outcomes taken from the mode outwards: about sqrt(mean) steps. */
static double poisson(wb_rng *rng, double mean) {
  if (!(mean > 0)) return 0;
  double u = ((double)wb_rng_u32(rng) + ((double)wb_rng_u32(rng) + 0.5) * 0x1p-32) * 0x1p-32;
  const double mode = floor(mean);
  double up = mode, down = mode, p_up = exp(mode * log(mean) - mean - lgamma(mode + 1)), p_down = p_up;
  u -= p_up;
  while (u > 0 && (p_up > 1e-20 || p_down > 1e-20)) {
    p_up *= mean / ++up;
    u -= p_up;
    if (u <= 0) return up;
    p_down = down > 0 ? p_down * down / mean : 0;
    down -= p_down > 0;
    u -= p_down;
    if (u <= 0) return down;
  }
  return mode;
}

void wb_shot_noise(wb_corruptor *c, int severity) {
  static const double photons[] = {500, 250, 100, 75, 50};
  for (size_t i = 0; i < count(c); i++)
    c->pixels[i] = poisson(&c->rng, c->pixels[i] * photons[severity]) / photons[severity];
}

/* Each value of each channel on its own, as the original does. */
void wb_impulse_noise(wb_corruptor *c, int severity) {
  static const double share[] = {0.01, 0.02, 0.03, 0.05, 0.07};
  for (size_t i = 0; i < count(c); i++) {
    const double u = wb_rng_uniform(&c->rng), white = wb_rng_uniform(&c->rng);
    if (u < share[severity]) c->pixels[i] = white < 0.5 ? 1 : 0;
  }
}
