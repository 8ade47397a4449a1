/* made.h: numbers, weights and images that tests/reference/make_evaluation.py makes as well.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_MADE_H
#define WB_TEST_MADE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "net.h"

/* Number `i` of the series `name`, in [-1, 1). */
static inline double wb_made(const char *name, size_t i) {
  static const uint32_t multiplier[] = {0x7FEB352Du, 0x846CA68Bu};
  uint32_t h = wb_rng_stream(name) + (uint32_t)i * 2654435769u;
  for (int k = 0; k < 2; k++) h = (h ^ (h >> 16)) * multiplier[k];
  return (double)(h >> 8) * 0x1p-23 - 1;
}

static inline bool wb_ends(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* A weight or buffer, of a size that keeps activations near one. */
static inline void wb_made_tensor(float *out, const wb_tensor *t) {
  double fan_in = 1;
  for (int a = 1; a < t->rank; a++) fan_in *= t->dims[a];
  for (size_t i = 0; i < t->count; i++) {
    const double u = wb_made(t->name, i);
    if (t->rank > 1)
      out[i] = (float)(sqrt(3 / fan_in) * u);
    else if (wb_ends(t->name, "running_var"))
      out[i] = (float)(1 + 0.5 * u);
    else
      out[i] = (float)(wb_ends(t->name, "weight") ? 1 + 0.25 * u : 0.2 * u);
  }
}

static inline void wb_made_network(wb_net *net) {
  for (int i = 0; i < wb_net_tensor_count(net); i++) {
    const wb_tensor *t = wb_net_tensor(net, i);
    float *plain = malloc(t->count * sizeof *plain);
    wb_made_tensor(plain, t);
    wb_net_set(net, i, plain);
    free(plain);
  }
}

/* Images in [0, 1]. */
static inline void wb_made_images(float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (float)((wb_made("images", i) + 1) / 2);
}

static const float wb_made_mean[] = {0.5f, 0.4f, 0.3f}, wb_made_sd[] = {0.2f, 0.25f, 0.3f};

#endif
