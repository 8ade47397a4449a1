/* dataset_spec.c: what `KIND[:PATH][,train=N][,test=N][,seed=N]` asks for.
 *
 * Options are taken off the end as long as the last comma is followed by `word=`, so that a path may hold
 * commas. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset_internal.h"

#define KNOWN_FORMS                                                                                          \
  "the kinds are builtin, cifar10:DIR, cifar100:DIR, mnist:DIR and h5:FILE, each perhaps followed by "       \
  ",train=N,test=N"

static const long long largest_number = 1000000000;

typedef struct kind {
  const char *name, *form;
  wb_status (*load)(const wb_dataset_request *request, wb_dataset *data, wb_error *err);
  int from_path;
} kind;

static const kind kinds[] = {{"builtin", "builtin", wb_dataset_load_builtin, 0},
                             {"cifar10", "cifar10:DIR", wb_dataset_load_cifar10, 1},
                             {"cifar100", "cifar100:DIR", wb_dataset_load_cifar100, 1},
                             {"mnist", "mnist:DIR", wb_dataset_load_mnist, 1},
                             {"h5", "h5:FILE", wb_dataset_load_h5, 1}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static wb_status parse_labels(const char *spec, const char *value, wb_dataset_request *request,
                              wb_error *err) {
  if (request->coarse >= 0) return wb_fail(err, WB_ARG, "%s gives labels twice", spec);
  const bool coarse = strcmp(value, "coarse") == 0;
  if (!coarse && strcmp(value, "fine") != 0)
    return wb_fail(err, WB_ARG, "%s: labels are fine or coarse, not \"%s\"", spec, value);
  request->coarse = coarse;
  return WB_OK;
}

/* Reads one `word=value` into the request. */
static wb_status parse_option(const char *spec, const char *option, wb_dataset_request *request,
                              wb_error *err) {
  static const char *const options[] = {"train", "test", "seed"};
  long long *const values[] = {&request->train, &request->test, &request->seed};
  const size_t length = strcspn(option, "=");
  const char *digits = option + length + 1;
  if (strncmp(option, "labels=", length + 1) == 0) return parse_labels(spec, digits, request, err);
  for (size_t i = 0; i < 3; i++) {
    if (strlen(options[i]) != length || strncmp(option, options[i], length) != 0) continue;
    if (*values[i] >= 0) return wb_fail(err, WB_ARG, "%s gives %s twice", spec, options[i]);
    if (!*digits || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 10 ||
        (*values[i] = atoll(digits)) > largest_number)
      return wb_fail(err, WB_ARG, "%s: %s must be a whole number up to 1,000,000,000; it is \"%s\"", spec,
                     options[i], digits);
    return WB_OK;
  }
  return wb_fail(
      err, WB_ARG,
      "%s: there is no option %.*s; known are train, test, for builtin seed, and for cifar100 labels", spec,
      (int)length, option);
}

/* Cuts the options off the end of `text`, a copy of the spec, and reads them. */
static wb_status parse_options(const char *spec, char *text, wb_dataset_request *request, wb_error *err) {
  request->train = request->test = request->seed = WB_ALL_IMAGES;
  request->coarse = -1;
  for (;;) {
    char *comma = strrchr(text, ',');
    if (!comma) break;
    const size_t word = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz");
    if (word == 0 || comma[1 + word] != '=' || strchr(comma, '/')) break;
    const wb_status status = parse_option(spec, comma + 1, request, err);
    if (status) return status;
    *comma = '\0';
  }
  if (request->train == 0 && request->test == 0)
    return wb_fail(err, WB_ARG, "%s asks for no images at all", spec);
  return WB_OK;
}

static wb_status unknown(const char *spec, const char *name, wb_error *err) {
  const char *names[KINDS], *near;
  for (size_t i = 0; i < KINDS; i++) names[i] = kinds[i].name;
  if (!(near = wb_text_nearest(name, names, KINDS)))
    return wb_fail(err, WB_ARG, "there is no data set \"%s\"; %s", spec, KNOWN_FORMS);
  size_t k = 0;
  while (kinds[k].name != near) k++;
  return wb_fail(err, WB_ARG, "there is no data set \"%s\"; did you mean %s? (%s)", spec, kinds[k].form,
                 KNOWN_FORMS);
}

/* Sets path and canonical from name and path as typed, and the options. */
static wb_status resolve(const char *name, const char *path, const char *options, wb_dataset_request *request,
                         wb_error *err) {
  if (path && !(request->path = realpath(path, NULL)))
    return errno == ENOENT || errno == ENOTDIR
               ? wb_fail(err, WB_INPUT, "%s does not exist; it was to hold the data set %s:%s", path, name,
                         path)
               : wb_fail_errno(err, "cannot read %s", path);
  const char *colon = path ? ":" : "", *resolved = path ? request->path : "";
  const size_t size = strlen(name) + 1 + strlen(resolved) + strlen(options) + 1;
  if (!(request->canonical = malloc(size))) return wb_fail_nomem(err, "a data set's name", size);
  snprintf(request->canonical, size, "%s%s%s%s", name, colon, resolved, options);
  return WB_OK;
}

wb_status wb_dataset_parse(const char *spec, wb_dataset_request *request, wb_error *err) {
  char *text = strdup(spec);
  if (!text) return wb_fail_nomem(err, "a data set's name", strlen(spec));
  wb_status status = parse_options(spec, text, request, err);
  if (status) goto done;
  const char *options = spec + strlen(text);
  char *path = strchr(text, ':');
  if (path) *path++ = '\0';
  const kind *k = kinds;
  while (k < kinds + KINDS && strcmp(text, k->name) != 0) k++;
  if (k == kinds + KINDS)
    status = unknown(spec, text, err);
  else if (!k->from_path && path)
    status = wb_fail(err, WB_ARG, "%s: %s is made, not read, and takes no path", spec, k->name);
  else if (k->from_path && (!path || !*path))
    status = wb_fail(err, WB_ARG, "%s needs a path: %s", text, k->form);
  else if (k->from_path && request->seed >= 0)
    status = wb_fail(err, WB_ARG, "%s: seed is for builtin only; images that are read have none", spec);
  else if (k->load != wb_dataset_load_cifar100 && request->coarse >= 0)
    status =
        wb_fail(err, WB_ARG, "%s: labels is for cifar100 only; %s has one kind of labels", spec, k->name);
  else
    status = resolve(text, path, options, request, err);
  request->load = status ? NULL : k->load;
done:
  free(text);
  return status;
}

wb_status wb_dataset_place(const char *spec, char **place, wb_error *err) {
  wb_dataset_request request = {0};
  const wb_status status = wb_dataset_parse(spec, &request, err);
  *place = status ? NULL : request.path;
  if (!status) request.path = NULL;
  wb_dataset_request_free(&request);
  return status;
}

void wb_dataset_request_free(wb_dataset_request *request) {
  free(request->path);
  free(request->canonical);
}
