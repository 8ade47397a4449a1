/* noise_params.h: the parameters and derived inputs that the plugins on noise declare alike, so that the
 * logits of a run under a noise are computed once for all of them. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_NOISE_PARAMS_H
#define WB_NOISE_PARAMS_H

#include <workbench/plugin_util.h>

enum { WB_NOISE_TYPES = 3 };
static const char *const wb_noise_types[WB_NOISE_TYPES] = {"white", "pink", "salt-pepper"};

typedef struct wb_noise_params {
  wb_float_list levels;
  int32_t exponent; // 0: 1, 1: 1/2
  int64_t images;
} wb_noise_params;

static const char *const wb_exponent_choices[] = {"1", "0.5", NULL};

/* Rows of the table of a struct that has the wb_noise_params `noise`. */
#define WB_NOISE_PARAM_ROWS(struct_type)                                                                     \
  {.name = "levels",                                                                                         \
   .help = "of noise: sd of white and pink on images in [0, 1], share of pixels of salt and pepper",         \
   .type = WB_FLOAT_LIST,                                                                                    \
   .default_text = "0.01,0.05,0.1,0.15,0.2",                                                                 \
   .max = 1,                                                                                                 \
   .offset = offsetof(struct_type, noise.levels)},                                                           \
      {.name = "exponent",                                                                                   \
       .help = "pink noise: amplitude falls as 1 / f to this power; 0.5 is 1 / f in power",                  \
       .type = WB_CHOICE,                                                                                    \
       .choices = wb_exponent_choices,                                                                       \
       .default_text = "1",                                                                                  \
       .offset = offsetof(struct_type, noise.exponent)},                                                     \
  {                                                                                                          \
    .name = "images", .help = "the first so many test images; 0 for all", .type = WB_INT,                    \
    .default_text = "0", .max = 1e9, .offset = offsetof(struct_type, noise.images)                           \
  }

#define WB_NOISE_LOGITS(type)                                                                                \
  {                                                                                                          \
    .role = (type), .help = "logits under this noise, level by level", .kind = WB_DERIVED,                   \
    .object = "noise-logits:noise=" type "/logits", .axes = {"level x stimulus", "class"},                   \
    .element = WB_F32, .rank = 2                                                                             \
  }

/* Rows of an input table: logits without noise, labels, logits under each type of noise. */
#define WB_NOISE_INPUT_ROWS                                                                                  \
  WB_NOISE_LOGITS("none"),                                                                                   \
      {.role = "labels",                                                                                     \
       .help = "true classes",                                                                               \
       .kind = WB_DERIVED,                                                                                   \
       .object = "noise-logits:noise=none/labels",                                                           \
       .axes = {"stimulus"},                                                                                 \
       .element = WB_I32,                                                                                    \
       .rank = 1},                                                                                           \
      WB_NOISE_LOGITS("white"), WB_NOISE_LOGITS("pink"), WB_NOISE_LOGITS("salt-pepper")

static inline wb_status wb_noise_params_check(const wb_host *host, const wb_noise_params *p) {
  if (p->levels.count) return WB_OK;
  return host->fail(host, WB_ARG, "--levels is empty; it needs at least one level, such as 0.1");
}

/* "0.05": a level as a label; NULL without memory. */
static inline char *wb_noise_level_label(const wb_host *host, const char *before, double level) {
  char *label = WB_ALLOC(host, char, 64);
  if (label) snprintf(label, 64, "%s%.6g", before, level);
  return label;
}

/* Lowest class with the largest of `classes` logits. */
static inline size_t wb_noise_answer(const float *logits, size_t classes) {
  size_t best = 0;
  for (size_t c = 1; c < classes; c++)
    if (logits[c] > logits[best]) best = c;
  return best;
}

#endif
