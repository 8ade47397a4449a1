/* cache.c: see cache.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "heap.h"
#include "json.h"
#include "say.h"

static char *usual_folder(void) {
  const char *own = getenv("WORKBENCH_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (own && *own) return wb_copy(own);
  if (xdg && *xdg == '/') return wb_format("%s/workbench", xdg);
  return home && *home ? wb_format("%s/.cache/workbench", home) : NULL;
}

static char *private_folder(void) {
  char *folder = wb_format("/tmp/workbench-cache-%lu", (unsigned long)getuid());
  struct stat info;
  mkdir(folder, 0700);
  const bool ours = lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid() &&
                    !(info.st_mode & (S_IWGRP | S_IWOTH));
  if (ours) return folder;
  free(folder);
  char made[] = "/tmp/workbench-cache-XXXXXX"; // somebody else took the name
  return wb_copy(mkdtemp(made) ? made : "/tmp");
}

const char *wb_cache_folder(void) {
  static char *folder;
  if (folder) return folder;
  char *usual = usual_folder();
  if (usual && wb_make_folders(usual) && access(usual, W_OK) == 0) {
    folder = realpath(usual, NULL);
    free(usual);
  }
  if (!folder) folder = private_folder();
  return folder;
}

static char *stat_text(const struct stat *info) {
  return wb_format("%llx:%llu:%lld:%lld.%09ld:%lld.%09ld", (unsigned long long)info->st_dev,
                   (unsigned long long)info->st_ino, (long long)info->st_size,
                   (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec, (long long)info->st_ctim.tv_sec,
                   info->st_ctim.tv_nsec);
}

/* Of the files in a folder, not of those in folders below; *changed becomes the time of the latest change. */
static char *stat_of_folder(const char *folder, time_t *changed) {
  char **files, digest[WB_DIGEST_SIZE];
  const size_t count = wb_list_folder(folder, NULL, &files);
  wb_sha256 *hash = wb_sha256_new();
  for (size_t i = 0; i < count; i++) {
    struct stat info;
    if (stat(files[i], &info) != 0 || S_ISDIR(info.st_mode)) continue;
    char *text = stat_text(&info);
    wb_sha256_text(hash, files[i]);
    wb_sha256_text(hash, text);
    free(text);
    if (info.st_ctim.tv_sec > *changed) *changed = info.st_ctim.tv_sec;
  }
  wb_free_texts(files, count);
  return wb_sha256_finish(hash, digest, NULL) == WB_OK ? wb_copy(digest) : NULL;
}

static char *stat_of(const char *path, time_t *changed) {
  struct stat info;
  if (stat(path, &info) != 0) return NULL;
  if (S_ISDIR(info.st_mode)) return stat_of_folder(path, changed);
  *changed = info.st_ctim.tv_sec;
  return stat_text(&info);
}

char *wb_cache_stat(const char *path) {
  time_t changed = 0;
  return stat_of(path, &changed);
}

char *wb_cache_result_path(const char key[WB_DIGEST_SIZE]) {
  char *folder = wb_format("%s/results/%.2s", wb_cache_folder(), key);
  wb_make_folders(folder);
  char *path = wb_format("%s/%s.h5", folder, key + 2);
  free(folder);
  return path;
}

static char *digests_path(const char *path) {
  char digest[WB_DIGEST_SIZE] = "";
  char *real = realpath(path, NULL);
  wb_sha256 *hash = wb_sha256_new();
  wb_sha256_text(hash, real ? real : path);
  free(real);
  if (wb_sha256_finish(hash, digest, NULL) != WB_OK) return NULL;
  char *folder = wb_format("%s/digests", wb_cache_folder());
  wb_make_folders(folder);
  char *file = wb_format("%s/%.40s.json", folder, digest);
  free(folder);
  return file;
}

json_t *wb_cache_digests(const char *path) {
  char *file = digests_path(path), *now = wb_cache_stat(path);
  json_t *known = file ? wb_json_load(file) : NULL, *digests = NULL;
  const char *then = wb_json_text(known, "stat");
  if (then && now && !strcmp(then, now)) digests = json_incref(json_object_get(known, "digests"));
  json_decref(known);
  free(file);
  free(now);
  return json_is_object(digests) ? digests : wb_must(json_object());
}

void wb_cache_remember_digests(const char *path, const json_t *digests) {
  time_t changed = 0;
  if (!json_object_size(digests)) return;
  char *file = digests_path(path), *now = stat_of(path, &changed);
  if (file && now && time(NULL) - changed >= 2) {
    json_t *record = wb_json("{so sO}", "stat", wb_json_string(now), "digests", digests);
    wb_json_save(record, file);
    json_decref(record);
  }
  free(file);
  free(now);
}

/* Calls `visit` for each file of the results. */
static void each_result(void (*visit)(void *context, const char *path, const struct stat *info),
                        void *context) {
  char *folder = wb_format("%s/results", wb_cache_folder());
  char **parts, **files;
  const size_t part_count = wb_list_folder(folder, NULL, &parts);
  for (size_t i = 0; i < part_count; i++) {
    const size_t count = wb_list_folder(parts[i], NULL, &files);
    for (size_t k = 0; k < count; k++) {
      struct stat info;
      if (stat(files[k], &info) == 0 && S_ISREG(info.st_mode)) visit(context, files[k], &info);
    }
    wb_free_texts(files, count);
  }
  wb_free_texts(parts, part_count);
  free(folder);
}

typedef struct usage {
  size_t files;
  double bytes;
} usage;

static void add_usage(void *context, const char *path, const struct stat *info) {
  (void)path;
  usage *sum = context;
  sum->files++;
  sum->bytes += (double)info->st_size;
}

void wb_cache_size(size_t *files, double *bytes) {
  usage sum = {0};
  each_result(add_usage, &sum);
  *files = sum.files;
  *bytes = sum.bytes;
}
