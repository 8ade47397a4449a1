/* dataset_internal.h: between dataset.c, dataset_spec.c and the loader of each kind.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DATASET_INTERNAL_H
#define WB_DATASET_INTERNAL_H

#include <stdbool.h>

#include "data/dataset.h"

enum { WB_ALL_IMAGES = -1 };

/* What a spec asks for. */
typedef struct wb_dataset_request {
  /* Fills name, classes and both splits, and mean and sd where published values exist; dataset.c does the
   * rest. What it has put into *data when it fails is freed by dataset.c. */
  wb_status (*load)(const struct wb_dataset_request *request, wb_dataset *data, wb_error *err);
  char *path;            // absolute and existing; NULL for builtin; owned
  char *canonical;       // the spec with that path; owned
  long long train, test; // images wanted, or WB_ALL_IMAGES
  long long seed;        // of builtin
  int coarse;            // of cifar100: 1 with labels=coarse, 0 with labels=fine, -1 without
} wb_dataset_request;

/* dataset_spec.c: parses `spec`. WB_ARG for a malformed one, WB_INPUT for a path that does not exist. */
wb_status wb_dataset_parse(const char *spec, wb_dataset_request *request, wb_error *err);
void wb_dataset_request_free(wb_dataset_request *request); // frees what it owns, not itself

wb_status wb_dataset_load_builtin(const wb_dataset_request *request, wb_dataset *data, wb_error *err);
wb_status wb_dataset_load_cifar10(const wb_dataset_request *request, wb_dataset *data, wb_error *err);
wb_status wb_dataset_load_cifar100(const wb_dataset_request *request, wb_dataset *data, wb_error *err);
wb_status wb_dataset_load_mnist(const wb_dataset_request *request, wb_dataset *data, wb_error *err);
wb_status wb_dataset_load_h5(const wb_dataset_request *request, wb_dataset *data, wb_error *err);

/* Sets `name` (copied) and the classes: `names` (classes, copied; NULL: "0", "1", ..) and `groups` (classes),
 * the name of each class' superclass, or NULL. Superclass ids follow the alphabetical order of their names.
 */
wb_status wb_dataset_describe(wb_dataset *data, const char *name, uint32_t classes, const char *const *names,
                              const char *const *groups, wb_error *err);

/* Gives *images its arrays, index counting from 0, pixels and labels to be filled through the two out
 * parameters. WB_INPUT for an empty array or more than 4 channels, WB_NOMEM; `where` names the source. */
wb_status wb_images_alloc(wb_images *images, const char *where, uint64_t count, uint64_t channels,
                          uint64_t height, uint64_t width, uint8_t **pixels, int32_t **labels, wb_error *err);

/* WB_INPUT for a label outside 0..classes-1, naming `where`. */
wb_status wb_images_check_labels(const wb_images *images, uint32_t classes, const char *where, wb_error *err);

#endif
