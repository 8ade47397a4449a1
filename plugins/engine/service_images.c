/* service_images.c: the images behind an IMAGES role.
 *
 * A data set is loaded once for all runs that name it and kept when `run` returns, since the next run
 * probably names it too: until another one is opened, or the library is unloaded. A data set in use is never
 * freed. One thread at a time, like all of a host's calls.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "service_internal.h"

typedef struct entry {
  struct entry *next;
  char *spec;
  wb_dataset *data;
  unsigned users;
} entry;

struct wb_imageset {
  const wb_images *images;
};

static entry *cache;

static void free_unused(void) {
  for (entry **at = &cache; *at;) {
    entry *e = *at;
    if (e->users) {
      at = &e->next;
      continue;
    }
    *at = e->next;
    wb_dataset_free(e->data);
    free(e->spec);
    free(e);
  }
}

__attribute__((destructor)) static void free_cache(void) {
  free_unused();
}

static wb_status load(const char *spec, entry **out, wb_error *err) {
  free_unused();
  entry *e = calloc(1, sizeof *e);
  if (!e || !(e->spec = strdup(spec))) {
    free(e);
    return wb_fail_nomem(err, spec, sizeof *e);
  }
  const wb_status status = wb_dataset_open(spec, &e->data, err);
  if (status != WB_OK) {
    free(e->spec);
    free(e);
    return status;
  }
  e->next = cache;
  cache = *out = e;
  return WB_OK;
}

static void release(void *opaque) {
  entry *e = opaque;
  e->users--;
}

/* The data set of a spec, in use until `run` returns. */
static wb_status acquire(const wb_host *host, const char *spec, const wb_dataset **out) {
  wb_error err = {0};
  entry *e = cache;
  while (e && strcmp(e->spec, spec) != 0) e = e->next;
  if (!e && load(spec, &e, &err) != WB_OK) return wb_service_fail(host, &err);
  e->users++;
  *out = e->data;
  return host->defer(host, release, e);
}

wb_status wb_service_images(const wb_host *host, const char *role, uint32_t run, const char *split,
                            wb_imageset **out) {
  const char *spec = host->data_spec(host, run);
  if (!spec)
    return wb_host_fail(host, WB_INPUT, "nothing says where the %s of %s are; name the data set with --data",
                        role, host->run_path(host, run));
  const bool train = strcmp(split, "train") == 0;
  if (!train && strcmp(split, "test") != 0)
    return wb_host_fail(host, WB_INTERNAL,
                        "engine/1 was asked for the images of split \"%s\"; there are train "
                        "and test",
                        split);
  const wb_dataset *data = NULL;
  WB_TRY(acquire(host, spec, &data));
  const wb_images *images = train ? &data->train : &data->test;
  if (images->count == 0) return wb_host_fail(host, WB_INPUT, "%s has no images to %s", spec, split);
  wb_imageset *set = WB_ALLOC(host, wb_imageset, 1);
  if (!set) return WB_NOMEM;
  set->images = images;
  *out = set;
  return WB_OK;
}

void wb_service_images_shape(const wb_imageset *set, uint64_t *count, uint32_t image[3]) {
  *count = set->images->count;
  image[0] = set->images->channels;
  image[1] = set->images->height;
  image[2] = set->images->width;
}

wb_status wb_service_images_read(const wb_host *host, const wb_imageset *set, uint64_t first, uint64_t count,
                                 uint8_t *pixels, int32_t *labels) {
  const wb_images *images = set->images;
  if (first > images->count || count > images->count - first)
    return wb_host_fail(host, WB_INTERNAL, "engine/1 was asked for images %llu to %llu of %zu",
                        (unsigned long long)first, (unsigned long long)(first + count), images->count);
  const size_t size = (size_t)images->channels * images->height * images->width;
  if (pixels) memcpy(pixels, images->pixels + first * size, count * size);
  if (labels) memcpy(labels, images->labels + first, count * sizeof *labels);
  return WB_OK;
}
