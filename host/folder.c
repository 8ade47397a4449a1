/* folder.c: see folder.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "heap.h"
#include "json.h"

bool wb_folder_has_schema(const char *folder, const char *file, const char *schema) {
  char *path = wb_format("%s/%s", folder, file);
  json_t *json = wb_json_load(path);
  const char *found = wb_json_text(json, "schema");
  const bool has = found && strncmp(found, schema, strlen(schema)) == 0;
  json_decref(json);
  free(path);
  return has;
}

static bool is_empty(const char *folder) {
  DIR *stream = opendir(folder);
  bool empty = stream != NULL;
  for (const struct dirent *entry; empty && (entry = readdir(stream));)
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
  if (stream) closedir(stream);
  return empty;
}

/* Refuses to replace what is not ours. */
static wb_status check(const char *folder, const char *what, bool (*is_ours)(const char *path), bool *exists,
                       wb_error *err) {
  struct stat info;
  *exists = stat(folder, &info) == 0;
  if (!*exists) return errno == ENOENT ? WB_OK : wb_fail_errno(err, "cannot write %ss to %s", what, folder);
  if (!S_ISDIR(info.st_mode)) return wb_fail(err, WB_ARG, "%s is a file; %ss need a folder", folder, what);
  if (is_empty(folder) || is_ours(folder)) return WB_OK;
  return wb_fail(
      err, WB_ARG,
      "%s holds other things than a %s, and would be replaced as a whole; give another folder with --out",
      folder, what);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
  (void)info;
  (void)type;
  (void)place;
  return remove(path);
}

/* All of a folder, without following links. */
static void remove_tree(const char *folder) {
  nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Without a moment in which there is none, where the file system can do that. */
static wb_status swap(const char *fresh, const char *folder, bool exists, wb_error *err) {
  if (exists && renameat2(AT_FDCWD, fresh, AT_FDCWD, folder, RENAME_EXCHANGE) == 0) {
    remove_tree(fresh); // now the old one
    return WB_OK;
  }
  char *old = wb_format("%s.old-%ld", folder, (long)getpid());
  wb_status status = WB_OK;
  if (exists && rename(folder, old) != 0)
    status = wb_fail_errno(err, "cannot replace %s", folder);
  else if (rename(fresh, folder) != 0) {
    status = wb_fail_errno(err, "cannot write %s", folder);
    if (exists) rename(old, folder);
  } else if (exists)
    remove_tree(old);
  free(old);
  return status;
}

/* The folder's real name, so that a link to it stays one; without a slash at the end. */
static char *resolve(const char *folder) {
  char *real = realpath(folder, NULL);
  if (real) return real;
  char *copy = wb_copy(*folder ? folder : ".");
  for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = '\0';
  return copy;
}

static wb_status make_parent(const char *folder, wb_error *err) {
  char *parent = wb_copy(folder), *slash = strrchr(parent, '/');
  if (slash) *slash = '\0';
  const bool made = !slash || slash == parent || wb_make_folders(parent);
  const wb_status status = made ? WB_OK : wb_fail_errno(err, "cannot make the folder %s", parent);
  free(parent);
  return status;
}

wb_status wb_folder_begin(const char *path, const char *what, bool (*is_ours)(const char *path),
                          wb_folder *out, wb_error *err) {
  *out = (wb_folder){.real = resolve(path)};
  wb_status status = check(out->real, what, is_ours, &out->exists, err);
  if (status == WB_OK) status = make_parent(out->real, err);
  if (status != WB_OK) return status;
  out->fresh = wb_format("%s.tmp-%ld", out->real, (long)getpid());
  remove_tree(out->fresh); // of a process of that number that was killed
  return mkdir(out->fresh, 0777) == 0 ? WB_OK : wb_fail_errno(err, "cannot make the folder %s", out->fresh);
}

wb_status wb_folder_end(wb_folder *folder, wb_status status, wb_error *err) {
  if (status == WB_OK) status = swap(folder->fresh, folder->real, folder->exists, err);
  if (status != WB_OK && folder->fresh) remove_tree(folder->fresh);
  free(folder->fresh);
  free(folder->real);
  *folder = (wb_folder){0};
  return status;
}
