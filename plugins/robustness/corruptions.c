/* corruptions.c: accuracy on test images with the fifteen corruptions of CIFAR-10-C, at five severities.
 *
 * The corruption error is the share of corrupted images that are classified wrongly, its mean over
 * corruptions and severities the mean corruption error (absolute, not divided by another network's). 0: no
 * corruption matters. As high as with guessing: all is lost.
 *
 * The corruptions are made here, for images of any size, with the parameters of the published CIFAR variant;
 * frost is a made texture instead of photographs. --corrupted reads CIFAR-10-C's own files instead.
 *
 * Hendrycks & Dietterich (2019), "Benchmarking neural network robustness to common corruptions and
 * perturbations".
 *
 *     workbench run corruptions --in runs/x.h5 --images 500
 *     workbench run corruptions --in runs/x.h5 --corrupted CIFAR-10-C
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "corruption.h"
#include "exchange/arrays.h"
#include "images.h"

typedef struct corruptions_params {
  wb_string_list only;
  int64_t images;
  const char *corrupted;
} corruptions_params;

static const wb_param params_table[] = {
    {.name = "only",
     .help = "names of corruptions, as in fog,jpeg_compression; otherwise all fifteen",
     .type = WB_STRING_LIST,
     .offset = offsetof(corruptions_params, only)},
    {.name = "images",
     .help = "the first so many test images; 0 for all",
     .type = WB_INT,
     .default_text = "1000",
     .max = 100000000,
     .offset = offsetof(corruptions_params, images)},
    {.name = "corrupted",
     .help = "folder with CIFAR-10-C's files, fog.npy and so on and labels.npy, to use instead of corrupting "
             "here",
     .type = WB_STRING,
     .offset = offsetof(corruptions_params, corrupted)},
};

static const wb_input inputs_table[] = {WB_TESTED_INPUTS};

static const wb_output outputs_table[] = {
    {.name = "accuracy",
     .title = "accuracy",
     .help = "share of images classified rightly, by severity, mean over corruptions; severity 0 is the "
             "clean image",
     .x_label = "severity",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_CURVE,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "mean-error",
     .title = "mean corruption error",
     .help = "share of corrupted images classified wrongly, mean over corruptions and severities",
     .higher_means = "worse",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "clean",
     .title = "clean accuracy",
     .help = "share of the same images classified rightly as they are",
     .higher_means = "better",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "errors",
     .title = "corruption error",
     .help = "share of images classified wrongly, by corruption and severity",
     .x_label = "severity",
     .y_label = "corruption",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX},
};

enum { MOST_THREADS = 256 };

typedef struct session {
  const wb_host *host;
  const corruptions_params *params;
  wb_tested t;
  int types[WB_CORRUPTIONS];
  size_t type_count;
  uint64_t seed;
  wb_corruptor *corruptors[MOST_THREADS]; // one for each of `threads`
  int threads;
  uint8_t *bytes; // (WB_TESTED_BATCH, image): corrupted
  float *images;  // (WB_TESTED_BATCH, image): the same in [0, 1]
  float *logits;  // (WB_TESTED_BATCH, classes)
  double clean_right, right[WB_CORRUPTIONS][WB_SEVERITIES];
  double done; // images through the network
} session;

static void release_corruptor(void *c) {
  wb_corruptor_free(c);
}

static void release_arrays(void *file) {
  wb_arrays_close(file);
}

static wb_status open(session *s) {
  const wb_host *host = s->host;
  wb_error err = {0};
  WB_TRY(wb_tested_open(host, 0, (uint64_t)s->params->images, &s->t));
  s->seed = host->seed(host, "corruptions");
  s->threads = (int)host->threads(host);
  if (s->threads > MOST_THREADS) s->threads = MOST_THREADS;
  for (int k = 0; k < s->threads; k++) {
    if (wb_corruptor_create((int)s->t.channels, (int)s->t.height, (int)s->t.width, &s->corruptors[k], &err) !=
        WB_OK)
      return host->fail(host, err.status == WB_ARG ? WB_INPUT : err.status, err.message);
    WB_TRY(host->defer(host, release_corruptor, s->corruptors[k]));
  }
  s->bytes = WB_ALLOC(host, uint8_t, WB_TESTED_BATCH * s->t.pixels);
  s->images = WB_ALLOC(host, float, WB_TESTED_BATCH * s->t.pixels);
  s->logits = WB_ALLOC(host, float, (size_t)WB_TESTED_BATCH * s->t.classes);
  return s->bytes && s->images && s->logits ? WB_OK : WB_NOMEM;
}

static wb_status classify(session *s, const float *images, uint32_t n, double *right) {
  const wb_host *host = s->host;
  WB_TRY(wb_tested_logits(host, &s->t, images, n, s->logits));
  *right += wb_tested_right(&s->t, s->logits, n);
  s->done += n;
  host->progress(host, s->done, (double)s->t.count * (double)(1 + s->type_count * WB_SEVERITIES), NULL);
  return WB_OK;
}

/* ---- Made here ---- */

static wb_status corrupt(session *s, int type, int severity, uint64_t first, uint32_t n) {
  const size_t pixels = s->t.pixels;
  wb_error errors[MOST_THREADS] = {{0}};
#pragma omp parallel for schedule(static) num_threads(s->threads)
  for (uint32_t i = 0; i < n; i++) {
    const int k = omp_get_thread_num();
    wb_corrupt(s->corruptors[k], s->bytes + i * pixels, s->t.bytes + i * pixels, type, severity, s->seed,
               first + i, &errors[k]);
  }
  for (int k = 0; k < s->threads; k++)
    if (errors[k].status != WB_OK) return s->host->fail(s->host, errors[k].status, errors[k].message);
  for (size_t i = 0; i < n * pixels; i++) s->images[i] = (float)s->bytes[i] / 255;
  return WB_OK;
}

static wb_status run_made(session *s) {
  for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
    uint32_t n;
    WB_TRY(wb_tested_read(s->host, &s->t, first, &n));
    WB_TRY(classify(s, s->t.clean, n, &s->clean_right));
    for (size_t k = 0; k < s->type_count; k++)
      for (int severity = 1; severity <= WB_SEVERITIES; severity++) {
        WB_TRY(corrupt(s, s->types[k], severity, first, n));
        WB_TRY(classify(s, s->images, n, &s->right[k][severity - 1]));
      }
  }
  return WB_OK;
}

/* ---- CIFAR-10-C's own files: (5 severities x images, height, width, channels) ---- */

static wb_status open_array(const session *s, const char *name, wb_arrays **file, const wb_array **array) {
  const wb_host *host = s->host;
  wb_error err = {0};
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.npy", s->params->corrupted, name);
  const wb_status opened = wb_arrays_open(path, file, &err);
  if (opened != WB_OK) {
    host->fail(host, opened, err.message);
    return opened;
  }
  WB_TRY(host->defer(host, release_arrays, *file));
  *array = wb_arrays_at(*file, 0);
  const wb_array *a = *array;
  const bool labels = strcmp(name, "labels") == 0;
  const bool fits = labels ? a->rank == 1
                           : a->rank == 4 && a->number == WB_NUMBER_U8 && a->dims[1] == s->t.height &&
                                 a->dims[2] == s->t.width && a->dims[3] == s->t.channels;
  if (fits && a->dims[0] >= WB_SEVERITIES && a->dims[0] % WB_SEVERITIES == 0) return WB_OK;
  wb_host_fail(host, WB_INPUT, "%s is not an array of %s for each of 5 severities", path,
               labels ? "labels" : "8-bit images (height, width, channels) of the network's size");
  return WB_INPUT;
}

static wb_status read_rows(const session *s, wb_arrays *file, const wb_array *array, wb_element element,
                           uint64_t first, uint32_t n, void *out) {
  wb_error err = {0};
  if (wb_arrays_read(file, array, element, first, n, out, &err) == WB_OK) return WB_OK;
  return s->host->fail(s->host, err.status, err.message);
}

static wb_status run_file(session *s, size_t k, wb_arrays *labels, const wb_array *label_array) {
  const size_t pixels = s->t.pixels, channels = s->t.channels, area = pixels / channels;
  wb_arrays *file;
  const wb_array *array;
  WB_TRY(open_array(s, wb_corruption_names[s->types[k]], &file, &array));
  const uint64_t each = array->dims[0] / WB_SEVERITIES;
  if (array->dims[0] != label_array->dims[0] || each < s->t.count)
    return wb_host_fail(
        s->host, WB_INPUT,
        "%s/%s.npy has %llu images a severity, labels.npy %llu labels, and %llu test images are "
        "asked for; see --images",
        s->params->corrupted, wb_corruption_names[s->types[k]], (unsigned long long)each,
        (unsigned long long)label_array->dims[0] / WB_SEVERITIES, (unsigned long long)s->t.count);
  for (uint64_t severity = 0; severity < WB_SEVERITIES; severity++)
    for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
      const uint32_t n =
          s->t.count - first < WB_TESTED_BATCH ? (uint32_t)(s->t.count - first) : WB_TESTED_BATCH;
      const uint64_t row = severity * each + first;
      WB_TRY(read_rows(s, file, array, WB_U8, row, n, s->bytes));
      WB_TRY(read_rows(s, labels, label_array, WB_I32, row, n, s->t.labels));
      for (size_t i = 0; i < n * pixels; i++)
        s->images[i] = (float)s->bytes[i / pixels * pixels + i % area * channels + i % pixels / area] / 255;
      WB_TRY(classify(s, s->images, n, &s->right[k][severity]));
    }
  return WB_OK;
}

static wb_status run_files(session *s) {
  wb_arrays *labels;
  const wb_array *array;
  WB_TRY(open_array(s, "labels", &labels, &array));
  for (uint64_t first = 0; first < s->t.count; first += WB_TESTED_BATCH) {
    uint32_t n;
    WB_TRY(wb_tested_read(s->host, &s->t, first, &n));
    WB_TRY(classify(s, s->t.clean, n, &s->clean_right));
  }
  for (size_t k = 0; k < s->type_count; k++) WB_TRY(run_file(s, k, labels, array));
  return WB_OK;
}

static wb_status emit(const session *s) {
  const wb_host *host = s->host;
  static const char *const severities[WB_SEVERITIES] = {"1", "2", "3", "4", "5"};
  const char *names[WB_CORRUPTIONS];
  double errors[WB_CORRUPTIONS * WB_SEVERITIES], accuracy[1 + WB_SEVERITIES] = {0}, mean = 0;
  const double n = (double)s->t.count, types = (double)s->type_count;
  accuracy[0] = s->clean_right / n;
  for (size_t k = 0; k < s->type_count; k++) {
    names[k] = wb_corruption_names[s->types[k]];
    for (size_t v = 0; v < WB_SEVERITIES; v++) {
      accuracy[1 + v] += s->right[k][v] / n / types;
      errors[k * WB_SEVERITIES + v] = 1 - s->right[k][v] / n;
      mean += errors[k * WB_SEVERITIES + v] / (types * WB_SEVERITIES);
    }
  }
  for (size_t v = 0; v <= WB_SEVERITIES; v++) accuracy[v] = fmin(accuracy[v], 1);
  WB_TRY(host->emit_curve(host, "accuracy", 1 + WB_SEVERITIES, NULL, accuracy));
  WB_TRY(host->emit_scalar(host, "mean-error", fmin(mean, 1)));
  WB_TRY(host->emit_scalar(host, "clean", s->clean_right / n));
  return host->emit_matrix(host, "errors", s->type_count, WB_SEVERITIES, errors, names, severities);
}

/* The number of a corruption, or WB_CORRUPTIONS. */
static int find(const char *name) {
  int type = 0;
  while (type < WB_CORRUPTIONS && strcmp(wb_corruption_names[type], name) != 0) type++;
  return type;
}

static wb_status check(const wb_host *host, const void *params) {
  const wb_string_list *only = &((const corruptions_params *)params)->only;
  if (only->count > WB_CORRUPTIONS)
    return host->fail(host, WB_ARG, "--only names more corruptions than the fifteen");
  for (size_t k = 0; k < only->count; k++)
    if (find(only->items[k]) == WB_CORRUPTIONS)
      return wb_host_fail(
          host, WB_ARG,
          "there is no corruption %s; there are gaussian_noise, shot_noise, impulse_noise, "
          "defocus_blur, glass_blur, motion_blur, zoom_blur, snow, frost, fog, brightness, contrast, "
          "elastic_transform, pixelate and jpeg_compression",
          only->items[k]);
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  session s = {.host = host, .params = params};
  const wb_string_list *only = &s.params->only;
  s.type_count = only->count ? only->count : WB_CORRUPTIONS;
  for (size_t k = 0; k < s.type_count; k++) s.types[k] = only->count ? find(only->items[k]) : (int)k;
  WB_TRY(open(&s));
  WB_TRY(s.params->corrupted ? run_files(&s) : run_made(&s));
  return emit(&s);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_ROBUSTNESS,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE | WB_THREADED | WB_STOCHASTIC,
    .params_size = sizeof(corruptions_params),
    .id = "corruptions",
    .version = "1.0",
    .title = "accuracy under the corruptions of CIFAR-10-C",
    .summary =
        "Corrupts the test images in fifteen ways (noise, blur, weather, digital), each at five severities, "
        "and tells the accuracy by severity and the mean corruption error: 0 when no corruption matters. "
        "Frost is a made texture, not the photographs of the original; with --corrupted the original's "
        "own files are read.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Hendrycks & Dietterich (2019), parameters of its CIFAR variant",
    .example = "workbench run corruptions --in runs/*.h5",
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
