/* dataset_cifar100.c: CIFAR-100 in its official binary format.
 *
 * train.bin of 50,000 and test.bin of 10,000 records: a byte of the coarse label (20 superclasses), a byte of
 * the fine label (100 classes), then 32 x 32 red, green and blue bytes. Which superclass a class is in is
 * read off the training records. `labels=coarse` takes the 20 superclasses as the classes.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "data/dataset_internal.h"

enum { FINE = 100, COARSE = 20, TRAIN = 50000, TEST = 10000, PIXELS = 3 * 32 * 32, RECORD = 2 + PIXELS };

static const char *const fine_names[FINE] = {
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm"};
static const char *const coarse_names[COARSE] = {"aquatic_mammals",
                                                 "fish",
                                                 "flowers",
                                                 "food_containers",
                                                 "fruit_and_vegetables",
                                                 "household_electrical_devices",
                                                 "household_furniture",
                                                 "insects",
                                                 "large_carnivores",
                                                 "large_man-made_outdoor_things",
                                                 "large_natural_outdoor_scenes",
                                                 "large_omnivores_and_herbivores",
                                                 "medium_mammals",
                                                 "non-insect_invertebrates",
                                                 "people",
                                                 "reptiles",
                                                 "small_mammals",
                                                 "trees",
                                                 "vehicles_1",
                                                 "vehicles_2"};

static wb_status check_file(const char *path, size_t records, wb_error *err) {
  struct stat about;
  if (stat(path, &about) != 0)
    return errno == ENOENT || errno == ENOTDIR
               ? wb_fail(
                     err, WB_INPUT,
                     "%s does not exist; CIFAR-100's binary version (not the Python one) is train.bin and "
                     "test.bin in one directory. scripts/fetch-data cifar100 DIR fetches it.",
                     path)
               : wb_fail_errno(err, "cannot read %s", path);
  char found[WB_GROUPED_SIZE], expected[WB_GROUPED_SIZE], count[WB_GROUPED_SIZE];
  if ((size_t)about.st_size == records * RECORD) return WB_OK;
  return wb_fail(err, WB_INPUT,
                 "%s is %s bytes; CIFAR-100's binary format has %s (%s records of 3,074). The download is "
                 "probably incomplete; scripts/fetch-data cifar100 DIR fetches and checks it.",
                 path, wb_text_grouped(found, (unsigned long long)about.st_size),
                 wb_text_grouped(expected, records * RECORD), wb_text_grouped(count, records));
}

/* superclass_of[fine], -1 where none was seen yet, from one record. */
static wb_status note_superclass(int *superclass_of, const char *path, size_t record, int coarse, int fine,
                                 wb_error *err) {
  if (coarse >= COARSE || fine >= FINE)
    return wb_fail(err, WB_INPUT,
                   "%s: the labels of image %zu are %d (coarse) and %d (fine); expected 0 to 19 and 0 to 99",
                   path, record, coarse, fine);
  if (superclass_of[fine] >= 0 && superclass_of[fine] != coarse)
    return wb_fail(err, WB_INPUT,
                   "%s: image %zu puts %s into %s, images before it into %s; the file is damaged", path,
                   record, fine_names[fine], coarse_names[coarse], coarse_names[superclass_of[fine]]);
  superclass_of[fine] = coarse;
  return WB_OK;
}

static wb_status read_split(const char *path, size_t records, int coarse, wb_images *images,
                            int *superclass_of, wb_error *err) {
  uint8_t *pixels, head[2];
  int32_t *labels;
  wb_status status = check_file(path, records, err);
  if (!status) status = wb_images_alloc(images, path, records, 3, 32, 32, &pixels, &labels, err);
  if (status) return status;
  FILE *file = fopen(path, "rb");
  if (!file) return wb_fail_errno(err, "cannot read %s", path);
  size_t i = 0;
  for (; i < records && !status; i++) {
    if (fread(head, sizeof head, 1, file) != 1 || fread(pixels + i * PIXELS, PIXELS, 1, file) != 1) break;
    status = note_superclass(superclass_of, path, i, head[0], head[1], err);
    labels[i] = head[coarse ? 0 : 1];
  }
  fclose(file);
  if (!status && i < records) status = wb_fail(err, WB_IO, "cannot read %s beyond record %zu", path, i);
  return status;
}

/* The official archive unpacks to a folder; its parent will do as well. */
static const char *folder(const char *directory) {
  char direct[PATH_MAX], nested[PATH_MAX];
  snprintf(direct, sizeof direct, "%s/train.bin", directory);
  snprintf(nested, sizeof nested, "%s/cifar-100-binary/train.bin", directory);
  return access(direct, F_OK) != 0 && access(nested, F_OK) == 0 ? "/cifar-100-binary" : "";
}

wb_status wb_dataset_load_cifar100(const wb_dataset_request *request, wb_dataset *data, wb_error *err) {
  const char *nested = folder(request->path), *groups[FINE];
  const bool coarse = request->coarse == 1;
  char path[PATH_MAX];
  int superclass_of[FINE];
  for (int c = 0; c < FINE; c++) superclass_of[c] = -1;
  snprintf(path, sizeof path, "%s%s/train.bin", request->path, nested);
  wb_status status = read_split(path, TRAIN, coarse, &data->train, superclass_of, err);
  if (status) return status;
  for (int c = 0; c < FINE; c++) {
    if (superclass_of[c] < 0)
      return wb_fail(err, WB_INPUT, "%s has no image of class %s; the file is damaged", path, fine_names[c]);
    groups[c] = coarse_names[superclass_of[c]];
  }
  snprintf(path, sizeof path, "%s%s/test.bin", request->path, nested);
  status = read_split(path, TEST, coarse, &data->test, superclass_of, err);
  if (status) return status;
  return coarse ? wb_dataset_describe(data, "cifar100", COARSE, coarse_names, NULL, err)
                : wb_dataset_describe(data, "cifar100", FINE, fine_names, groups, err);
}
