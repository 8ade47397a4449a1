/* files.c: see files.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "heap.h"

bool wb_make_folders(const char *path) {
  char *prefix = wb_copy(path);
  int code = 0;
  for (char *end = prefix; *end;) {
    end += 1 + strcspn(end + 1, "/");
    const char kept = *end;
    *end = '\0';
    code = mkdir(prefix, 0777) == 0 ? 0 : errno; // one above the last may exist and be read-only
    *end = kept;
  }
  free(prefix);
  struct stat info;
  const bool there = stat(path, &info) == 0;
  if (there && !S_ISDIR(info.st_mode)) code = ENOTDIR;
  errno = code;
  return there && S_ISDIR(info.st_mode);
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t wb_list_folder(const char *folder, const char *ending, char ***paths) {
  *paths = NULL;
  DIR *stream = opendir(folder);
  size_t count = 0;
  for (const struct dirent *entry; stream && (entry = readdir(stream));) {
    if (entry->d_name[0] == '.' || (ending && !wb_ends_with(entry->d_name, ending))) continue;
    wb_grow(*paths, count);
    (*paths)[count++] = wb_format("%s/%s", folder, entry->d_name);
  }
  if (stream) closedir(stream);
  if (count) qsort(*paths, count, sizeof **paths, compare);
  return count;
}

void wb_free_texts(char **texts, size_t count) {
  for (size_t i = 0; texts && i < count; i++) free(texts[i]);
  free(texts);
}

const char *wb_last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

bool wb_ends_with(const char *text, const char *ending) {
  const size_t length = strlen(text), tail = strlen(ending);
  return length >= tail && !strcmp(text + length - tail, ending);
}
