/* dataset_mnist.c: MNIST in its IDX files, plain or compressed with gzip.
 *
 * train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each
 * perhaps with .gz behind. An IDX file is a magic number (0, 0, type, rank), `rank` sizes, and the data;
 * numbers are 32-bit big-endian, type 8 is unsigned bytes. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/text.h"
#include "data/dataset_internal.h"

enum { CLASSES = 10, IMAGES_RANK = 3, LABELS_RANK = 1, LARGEST_SIDE = 1 << 14, MOST_AT_ONCE = 1 << 24 };

typedef struct idx {
  char path[PATH_MAX];
  uint8_t *bytes; // the whole file, uncompressed; owned
  size_t size;
  uint32_t dims[IMAGES_RANK];
  const uint8_t *data; // in bytes, behind the header
} idx;

static uint32_t big_endian(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Reads all of f->path, which zlib uncompresses if need be. */
static wb_status read_all(idx *f, wb_error *err) {
  gzFile file = gzopen(f->path, "rb");
  if (!file) return wb_fail_errno(err, "cannot read %s", f->path);
  wb_status status = WB_OK;
  size_t room = 0;
  for (int got = 1; got > 0; f->size += got > 0 ? (size_t)got : 0) {
    if (f->size == room) {
      room = room ? 2 * room : 1 << 20;
      uint8_t *grown = realloc(f->bytes, room);
      if (!grown) {
        status = wb_fail_nomem(err, f->path, room);
        goto done;
      }
      f->bytes = grown;
    }
    const size_t want = room - f->size < MOST_AT_ONCE ? room - f->size : MOST_AT_ONCE;
    got = gzread(file, f->bytes + f->size, (unsigned)want);
  }
  int code;
  gzerror(file, &code);
  if (code == Z_ERRNO)
    status = wb_fail_errno(err, "cannot read %s", f->path);
  else if (code == Z_BUF_ERROR)
    status = wb_fail(err, WB_INPUT, "%s ends within its compressed data; the download is probably incomplete",
                     f->path);
  else if (code != Z_OK)
    status = wb_fail(err, WB_INPUT, "%s is damaged within its compressed data; fetch it again", f->path);
done:
  gzclose_r(file);
  return status;
}

/* Checks magic number and sizes against the number of bytes. */
static wb_status parse(idx *f, unsigned rank, wb_error *err) {
  const size_t header = 4 + 4 * (size_t)rank;
  const uint32_t magic = 8u << 8 | rank;
  char expected[WB_GROUPED_SIZE], found[WB_GROUPED_SIZE];
  if (f->size < header)
    return wb_fail(err, WB_INPUT,
                   "%s holds %zu bytes, less than the %zu of an IDX header; it is probably truncated",
                   f->path, f->size, header);
  if (big_endian(f->bytes) != magic)
    return wb_fail(err, WB_INPUT, "%s begins with the magic number 0x%08x; IDX files of %s begin with 0x%08x",
                   f->path, big_endian(f->bytes), rank == IMAGES_RANK ? "images" : "labels", magic);
  uint64_t count = 1;
  for (unsigned i = 0; i < rank; i++) {
    f->dims[i] = big_endian(f->bytes + 4 + 4 * i);
    if (i > 0 && f->dims[i] > LARGEST_SIDE)
      return wb_fail(err, WB_INPUT,
                     "%s says that its images have a side of %u pixels; at most %d are supported", f->path,
                     f->dims[i], LARGEST_SIDE);
    count *= f->dims[i];
  }
  if (f->size != header + count)
    return wb_fail(err, WB_INPUT, "%s holds %s bytes; its header promises %s (%u %s)", f->path,
                   wb_text_grouped(found, f->size), wb_text_grouped(expected, header + count), f->dims[0],
                   rank == IMAGES_RANK ? "images" : "labels");
  f->data = f->bytes + header;
  return WB_OK;
}

static wb_status open_idx(idx *f, const char *directory, const char *name, unsigned rank, wb_error *err) {
  snprintf(f->path, sizeof f->path, "%s/%s", directory, name);
  if (access(f->path, F_OK) != 0) {
    snprintf(f->path, sizeof f->path, "%s/%s.gz", directory, name);
    if (access(f->path, F_OK) != 0)
      return wb_fail(
          err, WB_INPUT,
          "%s holds neither %s nor %s.gz; MNIST is four IDX files in one directory. scripts/fetch-data "
          "mnist DIR fetches them.",
          directory, name, name);
  }
  const wb_status status = read_all(f, err);
  return status ? status : parse(f, rank, err);
}

static wb_status load_split(const char *directory, const char *prefix, wb_images *out, wb_error *err) {
  idx *images = calloc(2, sizeof *images), *labels = images + 1;
  if (!images) return wb_fail_nomem(err, "a pair of IDX files", 2 * sizeof *images);
  char name[64];
  uint8_t *pixels;
  int32_t *classes;
  wb_status status;
  snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
  if ((status = open_idx(images, directory, name, IMAGES_RANK, err))) goto done;
  snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
  if ((status = open_idx(labels, directory, name, LABELS_RANK, err))) goto done;
  if (labels->dims[0] != images->dims[0]) {
    status = wb_fail(err, WB_INPUT, "%s holds %u labels, but %s holds %u images", labels->path,
                     labels->dims[0], images->path, images->dims[0]);
    goto done;
  }
  const uint32_t count = images->dims[0], height = images->dims[1], width = images->dims[2];
  if ((status = wb_images_alloc(out, images->path, count, 1, height, width, &pixels, &classes, err)))
    goto done;
  memcpy(pixels, images->data, (size_t)count * height * width);
  for (uint32_t i = 0; i < count; i++) classes[i] = labels->data[i];
  status = wb_images_check_labels(out, CLASSES, labels->path, err);
done:
  free(images->bytes);
  free(labels->bytes);
  free(images);
  return status;
}

wb_status wb_dataset_load_mnist(const wb_dataset_request *request, wb_dataset *data, wb_error *err) {
  wb_status status;
  if ((status = load_split(request->path, "train", &data->train, err)) ||
      (status = load_split(request->path, "t10k", &data->test, err)))
    return status;
  data->mean[0] = 0.1307f;
  data->sd[0] = 0.3081f;
  return wb_dataset_describe(data, "mnist", CLASSES, NULL, NULL, err);
}
