/* corruption_weather.c: snow, frost, fog, brightness. SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "corruption_internal.h"

static double wibbled(wb_corruptor *c, double sum, double wibble) {
  return sum / 4 + wibble * (2 * wb_rng_uniform(&c->rng) - 1) * wibble;
}

/* A cloud of heights in [0, 1] by the diamond-square algorithm, on a torus: c->map. The larger the decay, the
 * smoother. */
static void make_plasma(wb_corruptor *c, double decay) {
  const int n = c->map_side;
  double *map = c->map, wibble = 100;
#define AT(y, x) map[(((y) + n) % n) * n + ((x) + n) % n]
  map[0] = 0;
  for (int step = n; step >= 2; step /= 2, wibble /= decay) {
    const int half = step / 2;
    for (int y = half; y < n; y += step)
      for (int x = half; x < n; x += step)
        AT(y, x) = wibbled(c,
                           AT(y - half, x - half) + AT(y - half, x + half) + AT(y + half, x - half) +
                               AT(y + half, x + half),
                           wibble);
    for (int y = 0; y < n; y += half)
      for (int x = (y + half) % step; x < n; x += step)
        AT(y, x) = wibbled(c, AT(y - half, x) + AT(y + half, x) + AT(y, x - half) + AT(y, x + half), wibble);
  }
#undef AT
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < n * n; i++) low = fmin(low, map[i]), high = fmax(high, map[i]);
  for (int i = 0; i < n * n; i++) map[i] = (map[i] - low) / (high - low);
}

void wb_fog(wb_corruptor *c, int severity) {
  static const double amount[] = {0.2, 0.5, 0.75, 1, 1.5};
  static const double decay[] = {3, 3, 2.5, 2, 1.75};
  const size_t count = c->area * (size_t)c->channels;
  double brightest = 0;
  for (size_t i = 0; i < count; i++) brightest = fmax(brightest, c->pixels[i]);
  make_plasma(c, decay[severity]);
  for (size_t i = 0; i < count; i++) {
    const size_t y = i % c->area / (size_t)c->width, x = i % (size_t)c->width;
    const double fog = amount[severity] * c->map[y * (size_t)c->map_side + x];
    c->pixels[i] = (c->pixels[i] + fog) * brightest / (brightest + amount[severity]);
  }
}

/* Ridges of a cloud for crystals, in an icy tint of random brightness. Mean and spread are about those of the
 * five photographs that the published code uses: 0.30 to 0.79 in red, up to 0.15 more in blue, sd 0.05 to
 * 0.14.
 */
void wb_frost(wb_corruptor *c, int severity) {
  static const double image[] = {1, 1, 0.9, 0.85, 0.75}, frost[] = {0.2, 0.3, 0.4, 0.4, 0.45};
  static const double tint[] = {-0.06, 0.01, 0.05, 0};
  const double level = (double)wb_rng_range(&c->rng, 0.5f, 0.8f);
  make_plasma(c, 2);
  for (int plane = 0; plane < c->channels; plane++)
    for (size_t i = 0; i < c->area; i++) {
      const size_t y = i / (size_t)c->width, x = i % (size_t)c->width;
      const double ridge = 1 - 2 * fabs(2 * c->map[y * (size_t)c->map_side + x] - 1);
      const double texture = level + (c->channels > 1 ? tint[plane] : 0) + 0.18 * ridge;
      double *p = &c->pixels[(size_t)plane * c->area + i];
      *p = image[severity] * *p + frost[severity] * fmin(fmax(texture, 0), 1);
    }
}

typedef struct snowfall {
  double mean, sd, zoom;
  double least; // darker flakes are left out
  int radius;   // of the motion
  double sigma;
  double clear; // the share of the image that is not whitened
} snowfall;

/* Flakes in c->layer, as bytes are. */
static void make_flakes(wb_corruptor *c, const snowfall *s) {
  for (size_t i = 0; i < c->area; i++) c->layer2[i] = s->mean + s->sd * wb_rng_normal(&c->rng);
  wb_zoom_plane(c->layer, c->layer2, c->zoomed, c->height, c->width, s->zoom);
  for (size_t i = 0; i < c->area; i++)
    c->layer2[i] = c->layer[i] < s->least ? 0 : wb_level(c->layer[i]) / 255;
  const double degrees = (double)wb_rng_range(&c->rng, -135, -45);
  wb_motion_plane(c->layer, c->layer2, c->height, c->width, s->radius, s->sigma, degrees);
  for (size_t i = 0; i < c->area; i++) c->layer[i] = round(c->layer[i] * 255) / 255;
}

void wb_snow(wb_corruptor *c, int severity) {
  static const snowfall falls[] = {{0.1, 0.2, 1, 0.6, 8, 3, 0.95},
                                   {0.1, 0.2, 1, 0.5, 10, 4, 0.9},
                                   {0.15, 0.3, 1.75, 0.55, 10, 4, 0.9},
                                   {0.25, 0.3, 2.25, 0.6, 12, 6, 0.85},
                                   {0.3, 0.3, 1.25, 0.65, 14, 12, 0.8}};
  const snowfall *s = &falls[severity];
  make_flakes(c, s);
  for (size_t i = 0; i < c->area; i++) {
    double *p = c->pixels + i;
    const double grey = c->channels == 3 ? 0.299 * p[0] + 0.587 * p[c->area] + 0.114 * p[2 * c->area] : p[0];
    const double flakes = c->layer[i] + c->layer[c->area - 1 - i]; // and the same turned by 180 degrees
    for (int plane = 0; plane < c->channels; plane++, p += c->area)
      *p = s->clear * *p + (1 - s->clear) * fmax(*p, 1.5 * grey + 0.5) + flakes;
  }
}

/* HSV's value, raised; hue and saturation stay, so that all channels are scaled alike. */
void wb_brightness(wb_corruptor *c, int severity) {
  static const double amount[] = {0.05, 0.1, 0.15, 0.2, 0.3};
  for (size_t i = 0; i < c->area; i++) {
    double value = 0;
    for (int plane = 0; plane < c->channels; plane++)
      value = fmax(value, c->pixels[(size_t)plane * c->area + i]);
    const double raised = fmin(value + amount[severity], 1);
    for (int plane = 0; plane < c->channels; plane++) {
      double *p = &c->pixels[(size_t)plane * c->area + i];
      *p = value > 0 ? *p * raised / value : raised;
    }
  }
}
