/* h5_folder.h: a folder of a test's own, and the HDF5 file in it that is written. Header-only.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_TEST_H5_FOLDER_H
#define WB_TEST_H5_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hdf5/h5.h"

static char folder[] = "/tmp/workbench-h5-XXXXXX";
static char path[64];

static inline int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/file.h5", folder);
  return 0;
}

static inline int count_files(void) {
  int count = 0;
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir));) count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  closedir(dir);
  return count;
}

static inline int empty_folder(void **state) {
  (void)state;
  DIR *dir = opendir(folder);
  if (!dir) return -1;
  for (struct dirent *e; (e = readdir(dir));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) unlinkat(dirfd(dir), e->d_name, 0);
  closedir(dir);
  return 0;
}

static inline int remove_folder(void **state) {
  empty_folder(state);
  return rmdir(folder);
}

static inline wb_h5 *created(void) {
  wb_error err = {0};
  wb_h5 *file = NULL;
  assert_int_equal(wb_h5_create(path, &file, &err), WB_OK);
  return file;
}

#endif
