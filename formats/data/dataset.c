/* dataset.c: see dataset.h. What all kinds share: dispatch, subsets, normalisation, digest, hold-out.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset_internal.h"

enum { MOST_CHANNELS = 4 };

wb_status wb_images_alloc(wb_images *images, const char *where, uint64_t count, uint64_t channels,
                          uint64_t height, uint64_t width, uint8_t **pixels, int32_t **labels,
                          wb_error *err) {
  if (channels < 1 || channels > MOST_CHANNELS)
    return wb_fail(err, WB_INPUT, "%s: images of %llu channels; expected 1 to %d, as the last dimension",
                   where, (unsigned long long)channels, MOST_CHANNELS);
  if (!count || !height || !width || height > UINT32_MAX || width > UINT32_MAX)
    return wb_fail(err, WB_INPUT, "%s holds %llu images of %llux%llu pixels; expected at least one of each",
                   where, (unsigned long long)count, (unsigned long long)height, (unsigned long long)width);
  size_t bytes;
  if (count > SIZE_MAX / sizeof(int64_t) ||
      __builtin_mul_overflow(height * width, channels * count, &bytes) ||
      (channels * count) / count != channels)
    return wb_fail_nomem(err, where, SIZE_MAX);
  int64_t *index = malloc(count * sizeof *index);
  *pixels = malloc(bytes);
  *labels = calloc(count, sizeof **labels);
  *images = (wb_images){count, (uint32_t)channels, (uint32_t)height, (uint32_t)width, *pixels, *labels, index,
                        NULL};
  if (!*pixels || !*labels || !index) return wb_fail_nomem(err, where, bytes);
  for (size_t i = 0; i < count; i++) index[i] = (int64_t)i;
  return WB_OK;
}

wb_status wb_images_check_labels(const wb_images *images, uint32_t classes, const char *where,
                                 wb_error *err) {
  for (size_t i = 0; i < images->count; i++)
    if (images->labels[i] < 0 || images->labels[i] >= (int64_t)classes)
      return wb_fail(err, WB_INPUT, "%s: the label of image %zu is %d; expected 0 to %u", where, i,
                     images->labels[i], classes - 1);
  return WB_OK;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Numbers the distinct names of groups (classes) alphabetically. */
static wb_status number_superclasses(wb_dataset *data, const char *const *groups, wb_error *err) {
  const size_t bytes = data->classes * sizeof *groups;
  const char **sorted = malloc(bytes);
  data->superclass_of = calloc(data->classes, sizeof *data->superclass_of);
  data->superclass_names = calloc(data->classes, sizeof *data->superclass_names);
  wb_status status = WB_OK;
  if (!sorted || !data->superclass_of || !data->superclass_names) {
    status = wb_fail_nomem(err, "superclass names", bytes);
    goto done;
  }
  memcpy(sorted, groups, bytes);
  qsort(sorted, data->classes, sizeof *sorted, by_text);
  for (uint32_t i = 0; i < data->classes; i++) {
    if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0) continue;
    const uint32_t id = data->superclasses;
    if (!(data->superclass_names[id] = strdup(sorted[i]))) {
      status = wb_fail_nomem(err, "superclass names", bytes);
      goto done;
    }
    data->superclasses++;
    for (uint32_t c = 0; c < data->classes; c++)
      if (strcmp(groups[c], sorted[i]) == 0) data->superclass_of[c] = (int32_t)id;
  }
done:
  free(sorted);
  return status;
}

wb_status wb_dataset_describe(wb_dataset *data, const char *name, uint32_t classes, const char *const *names,
                              const char *const *groups, wb_error *err) {
  data->name = strdup(name);
  data->class_names = calloc(classes, sizeof *data->class_names);
  data->classes = data->class_names ? classes : 0;
  if (!data->name || !data->class_names) return wb_fail_nomem(err, "class names", classes * sizeof(char *));
  for (uint32_t c = 0; c < classes; c++) {
    char number[16];
    snprintf(number, sizeof number, "%u", c);
    if (!(data->class_names[c] = strdup(names ? names[c] : number)))
      return wb_fail_nomem(err, "class names", classes * sizeof(char *));
  }
  return groups ? number_superclasses(data, groups, err) : WB_OK;
}

static wb_status check_sizes(const wb_dataset *data, const char *spec, wb_error *err) {
  const wb_images *a = &data->train, *b = &data->test;
  if (!a->count || !b->count ||
      (a->channels == b->channels && a->height == b->height && a->width == b->width))
    return WB_OK;
  return wb_fail(
      err, WB_INPUT,
      "%s: training images are %ux%ux%u, test images %ux%ux%u (height, width, channels); they must agree",
      spec, a->height, a->width, a->channels, b->height, b->width, b->channels);
}

/* How many of each class make `wanted` images: quota (classes). Checks that there are as many. */
static wb_status plan_subset(const wb_dataset *data, const wb_images *images, const char *split,
                             size_t wanted, size_t *quota, wb_error *err) {
  const size_t classes = data->classes;
  if (wanted > images->count)
    return wb_fail(err, WB_ARG, "%s=%zu asks for more images than there are: %s has %zu %s images", split,
                   wanted, data->name, images->count, split);
  for (size_t i = 0; i < images->count; i++) quota[images->labels[i]]++;
  for (size_t c = 0; c < classes; c++) {
    const size_t share = wanted / classes + (c < wanted % classes);
    if (quota[c] < share)
      return wb_fail(err, WB_ARG,
                     "%s=%zu takes %zu images of class %s, but %s has only %zu of them in its %s images",
                     split, wanted, share, data->class_names[c], data->name, quota[c], split);
    quota[c] = share;
  }
  return WB_OK;
}

/* Keeps the first of each class, in file order, `wanted` in all. */
static wb_status take_subset(const wb_dataset *data, wb_images *images, const char *split, long long wanted,
                             wb_error *err) {
  if (wanted == WB_ALL_IMAGES || (size_t)wanted == images->count) return WB_OK;
  size_t *quota = calloc(data->classes, sizeof *quota);
  if (!quota) return wb_fail_nomem(err, "a subset", data->classes * sizeof *quota);
  const wb_status status = plan_subset(data, images, split, (size_t)wanted, quota, err);
  const size_t size = (size_t)images->channels * images->height * images->width;
  uint8_t *pixels = (uint8_t *)images->pixels; // the data set's own arrays, const only to its users
  int32_t *labels = (int32_t *)images->labels;
  int64_t *index = (int64_t *)images->index, *ids = (int64_t *)images->ids;
  size_t kept = 0;
  for (size_t i = 0; i < images->count && !status; i++) {
    if (!quota[labels[i]]) continue;
    quota[labels[i]]--;
    memmove(pixels + kept * size, pixels + i * size, size);
    labels[kept] = labels[i];
    index[kept] = index[i];
    if (ids) ids[kept] = ids[i];
    kept++;
  }
  free(quota);
  if (status) return status;
  images->count = kept;
  pixels = realloc(pixels, kept ? kept * size : 1);
  if (pixels) images->pixels = pixels;
  return WB_OK;
}

/* Mean and population sd of each channel of images in [0, 1], in exact integers up to the last step. A
 * constant channel gets sd 1, so that it can be divided by. */
static void measure(wb_dataset *data) {
  const wb_images *images = data->train.count ? &data->train : &data->test;
  const size_t plane = (size_t)images->height * images->width, stride = plane * images->channels;
  for (uint32_t c = 0; c < images->channels; c++) {
    uint64_t sum = 0, squares = 0;
#pragma omp parallel for reduction(+ : sum, squares)
    for (size_t i = 0; i < images->count; i++) {
      const uint8_t *x = images->pixels + i * stride + c * plane;
      for (size_t p = 0; p < plane; p++) {
        sum += x[p];
        squares += (unsigned)x[p] * x[p];
      }
    }
    const double n = (double)images->count * (double)plane, mean = (double)sum / n;
    const double variance = (double)squares / n - mean * mean;
    data->mean[c] = (float)(mean / 255);
    data->sd[c] = variance > 0 ? (float)(sqrt(variance) / 255) : 1;
  }
}

/* Numbers go into the digest as they lie in memory, little-endian on all machines that we build for. */
static wb_status compute_digest(wb_dataset *data, wb_error *err) {
  wb_sha256 *hash = wb_sha256_new();
  const wb_images *splits[] = {&data->train, &data->test};
  for (int s = 0; s < 2; s++) {
    const wb_images *x = splits[s];
    const uint64_t shape[] = {x->count, x->channels, x->height, x->width};
    wb_sha256_update(hash, shape, sizeof shape);
    wb_sha256_update(hash, x->pixels, x->count * x->channels * x->height * x->width);
    wb_sha256_update(hash, x->labels, x->count * sizeof *x->labels);
  }
  for (uint32_t c = 0; c < data->classes; c++) {
    wb_sha256_text(hash, data->class_names[c]);
    wb_sha256_text(hash, data->superclasses ? data->superclass_names[data->superclass_of[c]] : "");
  }
  return wb_sha256_finish(hash, data->digest, err);
}

wb_status wb_dataset_open(const char *spec, wb_dataset **out, wb_error *err) {
  wb_dataset *data = calloc(1, sizeof *data);
  wb_dataset_request request = {0};
  wb_status status = data ? WB_OK : wb_fail_nomem(err, "a data set", sizeof *data);
  if (!status) status = wb_dataset_parse(spec, &request, err);
  if (!status) status = request.load(&request, data, err);
  if (!status) status = check_sizes(data, spec, err);
  if (!status) status = take_subset(data, &data->train, "train", request.train, err);
  if (!status) status = take_subset(data, &data->test, "test", request.test, err);
  if (!status && data->sd[0] == 0) measure(data);
  if (!status) status = compute_digest(data, err);
  if (!status) {
    data->spec = request.canonical;
    request.canonical = NULL;
    *out = data;
    data = NULL;
  }
  wb_dataset_request_free(&request);
  wb_dataset_free(data);
  return status;
}

static void free_images(wb_images *images) {
  free((void *)images->pixels);
  free((void *)images->labels);
  free((void *)images->index);
  free((void *)images->ids);
}

void wb_dataset_free(wb_dataset *data) {
  if (!data) return;
  free_images(&data->train);
  free_images(&data->test);
  for (uint32_t c = 0; c < data->classes; c++) free(data->class_names[c]);
  for (uint32_t c = 0; c < data->superclasses; c++) free(data->superclass_names[c]);
  free(data->class_names);
  free(data->superclass_names);
  free(data->superclass_of);
  free(data->name);
  free(data->spec);
  free(data);
}

wb_status wb_images_hold_out(const wb_images *images, uint32_t classes, size_t per_class, uint32_t **held,
                             size_t *held_count, uint32_t **kept, size_t *kept_count, wb_error *err) {
  wb_status status = WB_OK;
  const size_t bytes = (images->count + 1) * sizeof(uint32_t);
  uint32_t *positions[2] = {malloc(bytes), malloc(bytes)}; // kept, held
  size_t count[2] = {0, 0}, *seen = calloc(classes, sizeof *seen);
  if (!positions[0] || !positions[1] || !seen) {
    status = wb_fail_nomem(err, "the validation split", 2 * bytes);
    goto done;
  }
  for (size_t i = 0; i < images->count; i++) {
    const int hold = seen[images->labels[i]]++ < per_class;
    positions[hold][count[hold]++] = (uint32_t)i;
  }
  for (uint32_t c = 0; c < classes && !status; c++)
    if (per_class && seen[c] <= per_class)
      status = wb_fail(
          err, WB_INPUT,
          "class %u has %zu training images; holding out %zu of each class for validation leaves none to "
          "train on. Hold out fewer.",
          c, seen[c], per_class);
done:
  free(seen);
  if (status) {
    free(positions[0]);
    free(positions[1]);
    return status;
  }
  *kept = positions[0];
  *kept_count = count[0];
  *held = positions[1];
  *held_count = count[1];
  return WB_OK;
}
