/* dump_dataset.c: writes a data set in the HDF5 layout that `h5:FILE` reads.
 * usage: dump_dataset SPEC OUT.h5
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/dataset.h"

static void write_array(hid_t file, const char *name, hid_t stored, hid_t given, int rank,
                        const hsize_t *dims, const void *values) {
  const hid_t space = H5Screate_simple(rank, dims, NULL);
  const hid_t array = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (array < 0 || H5Dwrite(array, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) exit(1);
  H5Dclose(array);
  H5Sclose(space);
}

/* images, labels and, where there are any, stimulus ids; channels go last. */
static void write_split(hid_t file, const char *split, const wb_images *x) {
  char name[64];
  if (!x->count) return;
  const size_t plane = (size_t)x->height * x->width, size = plane * x->channels;
  uint8_t *interleaved = malloc(x->count * size);
  if (!interleaved) exit(1);
  for (size_t i = 0; i < x->count; i++)
    for (size_t c = 0; c < x->channels; c++)
      for (size_t p = 0; p < plane; p++)
        interleaved[i * size + p * x->channels + c] = x->pixels[i * size + c * plane + p];
  snprintf(name, sizeof name, "/%s", split);
  H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const hsize_t dims[4] = {x->count, x->height, x->width, x->channels};
  snprintf(name, sizeof name, "/%s/images", split);
  write_array(file, name, H5T_STD_U8LE, H5T_NATIVE_UINT8, 4, dims, interleaved);
  snprintf(name, sizeof name, "/%s/labels", split);
  write_array(file, name, H5T_STD_I32LE, H5T_NATIVE_INT32, 1, dims, x->labels);
  snprintf(name, sizeof name, "/%s/stimulus_id", split);
  if (x->ids) write_array(file, name, H5T_STD_I64LE, H5T_NATIVE_INT64, 1, dims, x->ids);
  free(interleaved);
}

static void write_names(hid_t file, const char *name, hsize_t count, const char *const *names) {
  const hid_t space = H5Screate_simple(1, &count, NULL), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, names) < 0) exit(1);
  H5Aclose(attribute);
  H5Tclose(type);
  H5Sclose(space);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: dump_dataset SPEC OUT.h5\n");
    return 2;
  }
  wb_error err = {0};
  wb_dataset *data = NULL;
  if (wb_dataset_open(argv[1], &data, &err)) {
    fprintf(stderr, "dump_dataset: %s\n", err.message);
    return 1;
  }
  const hid_t file = H5Fcreate(argv[2], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (file < 0) return 1;
  write_split(file, "train", &data->train);
  write_split(file, "test", &data->test);
  write_names(file, "classes", data->classes, (const char *const *)data->class_names);
  if (data->superclasses) {
    const char **groups = malloc(data->classes * sizeof *groups);
    if (!groups) return 1;
    for (uint32_t c = 0; c < data->classes; c++) groups[c] = data->superclass_names[data->superclass_of[c]];
    write_names(file, "superclasses", data->classes, groups);
    free(groups);
  }
  printf("%s\n", data->digest);
  wb_dataset_free(data);
  return H5Fclose(file) < 0;
}
