/* dataset.h: labelled images behind one interface.
 *
 *   builtin            procedural shapes, made on the fly           dataset_builtin.c
 *   cifar10:DIR        official binary format                       dataset_cifar.c
 *   cifar100:DIR       official binary format                       dataset_cifar100.c
 *   mnist:DIR          IDX, plain or .gz                            dataset_mnist.c
 *   h5:FILE            uint8 images + labels in HDF5                dataset_h5.c
 *
 * Any spec may end in `,train=N,test=N`: a stratified subset, the first N/classes images of each class in
 * file order (the remainder from the first classes). `builtin,train=N,test=N,seed=N` generates that many
 * instead; `cifar100:DIR,labels=coarse` takes the 20 superclasses as classes. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_DATASET_H
#define WB_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"

/* Images of one split, owned by the data set. Planar: all rows of the first channel, then of the next. */
typedef struct wb_images {
  size_t count;
  uint32_t channels, height, width;
  const uint8_t *pixels; // (count, channels, height, width), 0..255
  const int32_t *labels; // (count), 0..classes-1
  const int64_t *index;  // (count), position in the source's own order, before subsetting
  const int64_t *ids;    // (count) stimulus ids, or NULL where the source has none
} wb_images;

typedef struct wb_dataset {
  char *name; // "builtin", "cifar10", "cifar10-jpeg", "cifar100", "mnist", or the HDF5 file's own name
  char *spec; // as given, made absolute where it names a path
  char digest[WB_DIGEST_SIZE]; // SHA-256 over shapes, pixels, labels, class and superclass names of both
                               // splits
  uint32_t classes;
  char **class_names;      // (classes)
  uint32_t superclasses;   // 0 where none are known
  char **superclass_names; // (superclasses), in alphabetical order
  int32_t *superclass_of;  // (classes), or NULL
  float mean[4], sd[4];    // per channel of images in [0, 1]: published values where there are any, else of
                           // train (of test where there is no train); sd is 1 for a constant channel
  wb_images train, test;
} wb_dataset;

/* The file or folder that `spec` names, absolute; NULL for images that are made. WB_ARG and WB_INPUT as
 * below. malloc'ed. */
wb_status wb_dataset_place(const char *spec, char **place, wb_error *err);

/* Loads the data set that `spec` names. WB_ARG for a malformed spec (with the nearest known form), WB_INPUT
 * for a file that is missing, truncated or of the wrong size, or a label out of range: the message names
 * file, expected and found. The caller frees with wb_dataset_free. Uses the calling thread's OpenMP threads.
 */
wb_status wb_dataset_open(const char *spec, wb_dataset **out, wb_error *err);

/* Frees everything; NULL is fine. */
void wb_dataset_free(wb_dataset *data);

/* Splits `images` into the first `per_class` of each class in file order (validation) and the rest
 * (training). *held and *kept are ascending positions in `images`, malloc'ed, freed by the caller. WB_INPUT
 * if a class has no more than `per_class` images, unless that is 0. */
wb_status wb_images_hold_out(const wb_images *images, uint32_t classes, size_t per_class, uint32_t **held,
                             size_t *held_count, uint32_t **kept, size_t *kept_count, wb_error *err);

#endif
