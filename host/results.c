/* results.c: the folder of a result, replaced as a whole. See study.h. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
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
#include "results_internal.h"

static bool is_empty(const char *folder) {
  DIR *stream = opendir(folder);
  bool empty = stream != NULL;
  for (const struct dirent *entry; empty && (entry = readdir(stream));)
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
  if (stream) closedir(stream);
  return empty;
}

static bool is_ours(const char *folder) {
  char *path = wb_format("%s/summary.json", folder);
  json_t *summary = wb_json_load(path);
  const char *schema = wb_json_text(summary, "schema");
  const bool ours = schema && strncmp(schema, "workbench.result/", strlen("workbench.result/")) == 0;
  json_decref(summary);
  free(path);
  return ours;
}

/* Refuses to replace what is not a result. */
static wb_status check_folder(const char *folder, bool *exists, wb_error *err) {
  struct stat info;
  *exists = stat(folder, &info) == 0;
  if (!*exists) return errno == ENOENT ? WB_OK : wb_fail_errno(err, "cannot write results to %s", folder);
  if (!S_ISDIR(info.st_mode)) return wb_fail(err, WB_ARG, "%s is a file; results need a folder", folder);
  if (is_empty(folder) || is_ours(folder)) return WB_OK;
  return wb_fail(
      err, WB_ARG,
      "%s holds other things than a result, and would be replaced as a whole; give another folder with --out",
      folder);
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

static wb_status write_all(const wb_study *study, const char *fresh, const char *earlier, const char *shown,
                           char **warning, wb_error *err) {
  wb_figure_entry *figures = NULL;
  size_t count = 0;
  wb_status status = wb_result_write_h5(study, fresh, err);
  if (status == WB_OK) status = wb_result_write_tables(study, fresh, err);
  if (status == WB_OK)
    status = wb_figures_write(study, fresh, earlier, shown, &figures, &count, warning, err);
  if (status == WB_OK) status = wb_result_write_json(study, figures, count, fresh, err);
  wb_figure_entries_free(figures, count);
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

wb_status wb_results_write(const wb_study *study, const char *folder, char **warning, wb_error *err) {
  bool exists = false;
  *warning = NULL;
  char *real = resolve(folder), *fresh = wb_format("%s.tmp-%ld", real, (long)getpid());
  wb_status status = check_folder(real, &exists, err);
  if (status == WB_OK) status = make_parent(real, err);
  if (status == WB_OK) {
    remove_tree(fresh); // of a process of that number that was killed
    if (mkdir(fresh, 0777) != 0)
      status = wb_fail_errno(err, "cannot make the folder %s", fresh);
    else {
      status = write_all(study, fresh, real, folder, warning, err);
      if (status == WB_OK) status = swap(fresh, real, exists, err);
      if (status != WB_OK) remove_tree(fresh);
    }
  }
  if (status != WB_OK) {
    free(*warning);
    *warning = NULL;
  }
  free(fresh);
  free(real);
  return status;
}
