/* input-noise.c: accuracy on noisy test images, and what the noise costs.
 *
 * Images in [0, 1] with noise of level s, clamped, then normalised as in training:
 *
 *     white        x + s N(0, 1) for each pixel and channel
 *     pink         the same filtered by 1/f in each channel, made zero-mean and unit-sd, times s
 *     salt-pepper  int(s height width) pixels, drawn with replacement, become black or white
 *
 * change = accuracy under noise - accuracy without: 0 is unharmed, chance - clean accuracy is all lost. Its
 * SEM is that of the paired difference over images (right - right, -1, 0 or 1). The noise is a function of
 * --seed, type, level and the image's number: the same for every run, so that runs can be compared image by
 * image. The logits come from noise-logits, computed once.
 *
 * Sander & Hasson, Fig. 7; Truong & Hasson.
 *
 *     workbench run input-noise --in runs/x.h5 --levels 0,0.05,0.1
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>

#include "images.h"
#include "noise.h"
#include "noise_params.h"

typedef struct input_noise_params {
  wb_noise_params noise;
} input_noise_params;

static const wb_param params_table[] = {WB_NOISE_PARAM_ROWS(input_noise_params)};

static const wb_input inputs_table[] = {
    WB_NOISE_INPUT_ROWS,
    {.role = "images", .help = "test images, for the examples", .kind = WB_IMAGES},
};

/* All three are one figure, a panel for each type. */
#define CHANGE_CURVE(type, next)                                                                             \
  {                                                                                                          \
    .name = (type), .title = "change of accuracy",                                                           \
    .help = "accuracy under noise of the type minus accuracy without, over the level",                       \
    .higher_means = "more robust", .x_label = "level of " type " noise", .beside = (next), .low = -1,        \
    .high = 1, .reference = 0, .shape = WB_CURVE, .flags = WB_OUTPUT_SEM                                     \
  }

static const wb_output outputs_table[] = {
    {.name = "change",
     .title = "change of accuracy",
     .help = "accuracy under noise minus accuracy without, by type and level",
     .higher_means = "more robust",
     .x_label = "noise level",
     .y_label = "noise",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_PANELS,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_ZERO_LINE},
    {.name = "change-sem",
     .title = "standard error of the change",
     .help = "over images, of the paired difference",
     .x_label = "noise level",
     .y_label = "noise",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "accuracy",
     .title = "test accuracy",
     .help = "without noise, and by type and level; blank where a type has no such level",
     .higher_means = "better",
     .x_label = "noise level",
     .y_label = "noise",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_PANELS,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_ZERO_LINE},
    {.name = "clean",
     .title = "clean accuracy",
     .help = "share of unperturbed images whose largest logit is their class",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "noisy",
     .title = "accuracy under noise",
     .help = "mean over all types and levels",
     .higher_means = "more robust",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    CHANGE_CURVE("white", "pink"),
    CHANGE_CURVE("pink", "salt-pepper"),
    CHANGE_CURVE("salt-pepper", NULL),
    {.name = "examples",
     .title = "noisy images",
     .help = "the first test image without noise and under each type and level",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_IMAGES},
};

/* What is known of one run. */
typedef struct session {
  const wb_host *host;
  const wb_noise_params *params;
  size_t count, classes, levels;
  int32_t *labels;     // (count)
  bool *clean, *right; // (count): whether each image is classified rightly
  float *logits;       // (BLOCK, classes)
  double clean_accuracy;
  double *accuracy, *change, *sem; // (WB_NOISE_TYPES, levels)
} session;

enum { BLOCK = 4096 };

static wb_status open(session *s) {
  const wb_host *host = s->host;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "none", 0, dims));
  s->count = dims[0];
  s->classes = dims[1];
  s->levels = s->params->levels.count;
  s->labels = WB_ALLOC(host, int32_t, s->count);
  s->clean = WB_ALLOC(host, bool, s->count);
  s->right = WB_ALLOC(host, bool, s->count);
  s->logits = WB_ALLOC(host, float, BLOCK * s->classes);
  s->accuracy = WB_ALLOC(host, double, 3 * WB_NOISE_TYPES * s->levels);
  if (!s->labels || !s->clean || !s->right || !s->logits || !s->accuracy) return WB_NOMEM;
  s->change = s->accuracy + WB_NOISE_TYPES * s->levels;
  s->sem = s->change + WB_NOISE_TYPES * s->levels;
  return host->read(host, "labels", 0, 0, s->count, s->labels);
}

/* right (count): whether each image is classified rightly under a noise; the share in *accuracy. */
static wb_status classify(const session *s, const char *type, size_t level, bool *right, double *accuracy) {
  size_t sum = 0;
  for (size_t first = 0; first < s->count; first += BLOCK) {
    const size_t n = s->count - first < BLOCK ? s->count - first : BLOCK;
    WB_TRY(s->host->read(s->host, type, 0, level * s->count + first, n, s->logits));
    for (size_t i = 0; i < n; i++) {
      right[first + i] =
          (int32_t)wb_noise_answer(s->logits + i * s->classes, s->classes) == s->labels[first + i];
      sum += right[first + i];
    }
  }
  *accuracy = (double)sum / (double)s->count;
  return s->host->cancelled(s->host) ? WB_CANCELLED : WB_OK;
}

/* Standard error of the mean of right - clean over images; NaN for a single image. */
static double paired_sem(const session *s, double mean) {
  double square = 0;
  for (size_t i = 0; i < s->count; i++) {
    const double d = (double)s->right[i] - (double)s->clean[i] - mean;
    square += d * d;
  }
  const double n = (double)s->count;
  return s->count > 1 ? sqrt(square / (n - 1) / n) : NAN;
}

static wb_status measure(session *s) {
  WB_TRY(classify(s, "none", 0, s->clean, &s->clean_accuracy));
  for (size_t type = 0; type < WB_NOISE_TYPES; type++)
    for (size_t level = 0; level < s->levels; level++) {
      const size_t k = type * s->levels + level;
      WB_TRY(classify(s, wb_noise_types[type], level, s->right, &s->accuracy[k]));
      s->change[k] = s->accuracy[k] - s->clean_accuracy;
      s->sem[k] = paired_sem(s, s->change[k]);
    }
  return WB_OK;
}

static wb_status emit_accuracy(const session *s, const char *const *levels) {
  const wb_host *host = s->host;
  const size_t rows = WB_NOISE_TYPES + 1, cols = s->levels + 1;
  const char *names[WB_NOISE_TYPES + 1] = {"clean"};
  const char **columns = WB_ALLOC(host, const char *, cols);
  double *table = WB_ALLOC(host, double, rows *cols), sum = 0;
  if (!columns || !table) return WB_NOMEM;
  columns[0] = "clean";
  memcpy(columns + 1, levels, s->levels * sizeof *columns);
  for (size_t i = 0; i < rows * cols; i++) table[i] = NAN;
  table[0] = s->clean_accuracy;
  for (size_t type = 0; type < WB_NOISE_TYPES; type++) {
    names[type + 1] = wb_noise_types[type];
    for (size_t level = 0; level < s->levels; level++)
      sum += table[(type + 1) * cols + level + 1] = s->accuracy[type * s->levels + level];
  }
  WB_TRY(host->emit_scalar(host, "clean", s->clean_accuracy));
  WB_TRY(host->emit_scalar(host, "noisy", sum / (double)(WB_NOISE_TYPES * s->levels)));
  return host->emit_matrix(host, "accuracy", rows, cols, table, names, columns);
}

static wb_status emit(const session *s) {
  const wb_host *host = s->host;
  const char **levels = WB_ALLOC(host, const char *, s->levels);
  if (!levels) return WB_NOMEM;
  for (size_t level = 0; level < s->levels; level++)
    if (!(levels[level] = wb_noise_level_label(host, "level ", s->params->levels.items[level])))
      return WB_NOMEM;
  WB_TRY(emit_accuracy(s, levels));
  WB_TRY(host->emit_matrix(host, "change", WB_NOISE_TYPES, s->levels, s->change, wb_noise_types, levels));
  for (size_t type = 0; type < WB_NOISE_TYPES; type++)
    WB_TRY(host->emit_curve(host, wb_noise_types[type], s->levels, s->params->levels.items,
                            s->change + type * s->levels));
  return s->count > 1 ? host->emit_matrix(host, "change-sem", WB_NOISE_TYPES, s->levels, s->sem,
                                          wb_noise_types, levels)
                      : host->emit_missing(host, "change-sem", "there is only one image");
}

/* ---- Examples ---- */

static void release_noise(void *noise) {
  wb_noise_free(noise);
}

/* Row 0 and the `levels` after it: the image under one type of noise. */
static wb_status noisy_rows(const session *s, size_t type, const float *image, const uint32_t shape[3],
                            double *rows, const char **labels) {
  const wb_host *host = s->host;
  const size_t pixels = (size_t)shape[0] * shape[1] * shape[2];
  wb_noise *noise;
  wb_error err = {0};
  const wb_status status = wb_noise_make(&noise, (wb_noise_kind)(WB_NOISE_WHITE + type),
                                         s->params->exponent ? 0.5 : 1, shape[0], shape[1], shape[2], &err);
  if (status != WB_OK) return host->fail(host, status, err.message);
  WB_TRY(host->defer(host, release_noise, noise));
  float *out = WB_ALLOC(host, float, pixels);
  double *scratch = WB_ALLOC(host, double, wb_noise_scratch(noise));
  char *before = WB_ALLOC(host, char, 32);
  if (!out || !scratch || !before) return WB_NOMEM;
  snprintf(before, 32, "%s ", wb_noise_types[type]);
  for (size_t k = 0; k <= s->levels; k++) {
    const double level = k ? s->params->levels.items[k - 1] : 0;
    wb_noise_apply(out, image, noise, level, host->seed(host, "noise"), 0, scratch);
    for (size_t i = 0; i < pixels; i++) rows[k * pixels + i] = (double)out[i];
    labels[k] = k ? wb_noise_level_label(host, before, level) : "clean";
    if (!labels[k]) return WB_NOMEM;
  }
  return WB_OK;
}

static wb_status emit_examples(const session *s) {
  const wb_host *host = s->host;
  const wb_engine_1 *engine = host->service(host, "engine/1");
  wb_imageset *images;
  uint64_t count;
  uint32_t shape[3];
  if (!engine) return host->fail(host, WB_UNSUPPORTED, "this host has no service engine/1");
  WB_TRY(engine->images(host, "images", 0, "test", &images));
  engine->images_shape(images, &count, shape);
  const size_t pixels = (size_t)shape[0] * shape[1] * shape[2], per_type = s->levels + 1;
  uint8_t *bytes = WB_ALLOC(host, uint8_t, pixels);
  float *image = WB_ALLOC(host, float, pixels);
  double *rows = WB_ALLOC(host, double, WB_NOISE_TYPES *per_type *pixels);
  const char **labels = WB_ALLOC(host, const char *, WB_NOISE_TYPES *per_type);
  if (!bytes || !image || !rows || !labels) return WB_NOMEM;
  WB_TRY(engine->images_read(host, images, 0, 1, bytes, NULL));
  for (size_t i = 0; i < pixels; i++) image[i] = (float)bytes[i] / 255;
  for (size_t type = 0; type < WB_NOISE_TYPES; type++)
    WB_TRY(noisy_rows(s, type, image, shape, rows + type * per_type * pixels, labels + type * per_type));
  return host->emit_matrix(host, "examples", WB_NOISE_TYPES * per_type, pixels, rows, labels, NULL);
}

static wb_status check(const wb_host *host, const void *params) {
  return wb_noise_params_check(host, &((const input_noise_params *)params)->noise);
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = &((const input_noise_params *)params)->noise};
  WB_TRY(open(&s));
  WB_TRY(measure(&s));
  WB_TRY(emit(&s));
  return emit_examples(&s);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(input_noise_params),
    .id = "input-noise",
    .version = "1.0",
    .title = "accuracy on noisy images",
    .summary =
        "Test accuracy under white, pink, and salt-and-pepper noise at several levels, and how much is "
        "lost against clean images: 0 is unharmed, the clean accuracy minus chance is all. Every run "
        "sees the same noise, image by image.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 7; Truong & Hasson (2025)",
    .example = "workbench run input-noise --in runs/*.h5 --levels 0.05,0.1",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
