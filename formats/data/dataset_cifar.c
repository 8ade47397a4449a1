/* dataset_cifar.c: CIFAR-10 in its official binary format.
 *
 * Five training files and a test file of 10,000 records each: a label byte, then 32 x 32 red, green and blue
 * bytes. A JPEG re-encoding in the same format, with classes interleaved (labels 0, 1, .., 9, 0, 1, ..), is
 * told from the original by that order: the original's data_batch_1.bin is shuffled (it begins 6, 9, 9, 4).
 * Its pixels differ, so it goes by another name, `cifar10-jpeg`. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "data/dataset_internal.h"

enum {
  CLASSES = 10,
  RECORDS = 10000,
  PIXELS = 3 * 32 * 32,
  FILE_BYTES = RECORDS * (1 + PIXELS),
  TRAIN_FILES = 5
};

static const char *const class_names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                 "dog",      "frog",       "horse", "ship", "truck"};
static const char *const superclass_names[CLASSES] = {"inanimate", "inanimate", "animate", "animate",
                                                      "animate",   "animate",   "animate", "animate",
                                                      "inanimate", "inanimate"};
static const float mean[3] = {0.4914f, 0.4822f, 0.4465f}, sd[3] = {0.2023f, 0.1994f, 0.2010f};

static wb_status check_file(const char *path, wb_error *err) {
  struct stat about;
  if (stat(path, &about) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return wb_fail(
        err, WB_INPUT,
        "%s does not exist; CIFAR-10's binary version (not the Python one) is data_batch_1.bin to "
        "data_batch_5.bin and test_batch.bin in one directory. scripts/fetch-data cifar10 DIR fetches it.",
        path);
  if (stat(path, &about) != 0) return wb_fail_errno(err, "cannot read %s", path);
  char found[WB_GROUPED_SIZE];
  if (about.st_size != FILE_BYTES)
    return wb_fail(
        err, WB_INPUT,
        "%s is %s bytes; CIFAR-10's binary format has 30,730,000 (10,000 records of 3,073). The download "
        "is probably incomplete; scripts/fetch-data cifar10 DIR fetches and checks it.",
        path, wb_text_grouped(found, (unsigned long long)about.st_size));
  return WB_OK;
}

/* Reads one file into pixels (RECORDS, PIXELS) and labels (RECORDS). */
static wb_status read_file(const char *path, uint8_t *pixels, int32_t *labels, wb_error *err) {
  const wb_status status = check_file(path, err);
  if (status) return status;
  FILE *file = fopen(path, "rb");
  if (!file) return wb_fail_errno(err, "cannot read %s", path);
  size_t i = 0;
  for (; i < RECORDS; i++) {
    const int label = getc(file);
    if (label == EOF || fread(pixels + i * PIXELS, PIXELS, 1, file) != 1) break;
    labels[i] = label;
  }
  fclose(file);
  if (i < RECORDS) return wb_fail(err, WB_IO, "cannot read %s beyond record %zu", path, i);
  const wb_images view = {.count = RECORDS, .labels = labels};
  return wb_images_check_labels(&view, CLASSES, path, err);
}

/* The official archive unpacks to a folder; its parent will do as well. */
static const char *folder(const char *directory) {
  char direct[PATH_MAX], nested[PATH_MAX];
  snprintf(direct, sizeof direct, "%s/data_batch_1.bin", directory);
  snprintf(nested, sizeof nested, "%s/cifar-10-batches-bin/data_batch_1.bin", directory);
  return access(direct, F_OK) != 0 && access(nested, F_OK) == 0 ? "/cifar-10-batches-bin" : "";
}

static int interleaved(const int32_t *labels) {
  for (int i = 0; i < RECORDS; i++)
    if (labels[i] != i % CLASSES) return 0;
  return 1;
}

wb_status wb_dataset_load_cifar10(const wb_dataset_request *request, wb_dataset *data, wb_error *err) {
  const char *path = request->path;
  uint8_t *train, *test;
  int32_t *train_labels, *test_labels;
  wb_status status;
  if ((status = wb_images_alloc(&data->train, path, TRAIN_FILES * RECORDS, 3, 32, 32, &train, &train_labels,
                                err)) ||
      (status = wb_images_alloc(&data->test, path, RECORDS, 3, 32, 32, &test, &test_labels, err)))
    return status;
  const char *nested = folder(path);
  char file[PATH_MAX];
  for (int i = 0; i < TRAIN_FILES; i++) {
    snprintf(file, sizeof file, "%s%s/data_batch_%d.bin", path, nested, i + 1);
    if ((status = read_file(file, train + (size_t)i * RECORDS * PIXELS, train_labels + i * RECORDS, err)))
      return status;
  }
  snprintf(file, sizeof file, "%s%s/test_batch.bin", path, nested);
  if ((status = read_file(file, test, test_labels, err))) return status;
  memcpy(data->mean, mean, sizeof mean);
  memcpy(data->sd, sd, sizeof sd);
  return wb_dataset_describe(data, interleaved(train_labels) ? "cifar10-jpeg" : "cifar10", CLASSES,
                             class_names, superclass_names, err);
}
