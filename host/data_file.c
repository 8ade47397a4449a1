/* data_file.c: see data_file.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cache.h"
#include "exchange/arrays.h"
#include "exchange/arrays_h5.h"
#include "files.h"
#include "heap.h"

/* The copy of a file: one place for each path; malloc'ed. */
static char *copy_path(const char *path, wb_error *err) {
  char digest[WB_DIGEST_SIZE] = "";
  char *real = realpath(path, NULL);
  wb_sha256 *hash = wb_sha256_new();
  wb_sha256_text(hash, real ? real : path);
  free(real);
  if (wb_sha256_finish(hash, digest, err) != WB_OK) return NULL;
  char *folder = wb_format("%s/arrays", wb_cache_folder());
  wb_make_folders(folder);
  char *copy = wb_format("%s/%.40s.h5", folder, digest);
  free(folder);
  return copy;
}

/* Whether the copy is of the file as it is now. One that was made within two seconds of the file's last
 * change may have missed a later change in the same tick of the clock. */
static bool current(const char *path, const char *copy, const char *stamp) {
  struct stat source, made;
  wb_h5 *file;
  char *of = NULL;
  if (stat(path, &source) != 0 || stat(copy, &made) != 0 || made.st_mtim.tv_sec - source.st_ctim.tv_sec < 2)
    return false;
  if (wb_h5_open(copy, &file, NULL) != WB_OK) return false;
  const bool same = wb_h5_get_text(file, "/", "source_stamp", &of, NULL) == WB_OK && !strcmp(of, stamp);
  free(of);
  wb_h5_close(file);
  return same;
}

wb_status wb_data_file_open(const char *path, wb_h5 **out, wb_error *err) {
  *out = NULL;
  struct stat info;
  if (!wb_arrays_known(path) || stat(path, &info) != 0) return wb_h5_open(path, out, err);
  char *stamp = wb_cache_stat(path), *copy = copy_path(path, err);
  wb_status status = stamp && copy ? WB_OK : wb_fail(err, WB_INPUT, "there is no file %s", path);
  if (status == WB_OK && !current(path, copy, stamp)) status = wb_arrays_to_h5(path, copy, stamp, err);
  if (status == WB_OK) status = wb_h5_open(copy, out, err);
  if (status == WB_OK) status = wb_h5_show_as(*out, path, err);
  if (status != WB_OK && *out) {
    wb_h5_close(*out);
    *out = NULL;
  }
  free(stamp);
  free(copy);
  return status;
}
