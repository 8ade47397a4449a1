/* search.c: where plugins are looked for, and from where they are not loaded; see registry.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "heap.h"
#include "library.h"
#include "registry.h"

/* Adds the folder, unless it does not exist or is there already. Takes over `path`. */
static void add(char ***folders, size_t *count, char *path) {
  char *real = realpath(path, NULL);
  free(path);
  bool known = !real;
  for (size_t i = 0; i < *count && !known; i++) known = !strcmp((*folders)[i], real);
  if (known) {
    free(real);
    return;
  }
  wb_grow(*folders, *count);
  (*folders)[(*count)++] = real;
}

char **wb_search_path(size_t *count) {
  char **folders = NULL;
  *count = 0;
  const char *path = getenv("WORKBENCH_PLUGIN_PATH");
  while (path && *path) {
    const size_t length = strcspn(path, ":");
    if (length) add(&folders, count, wb_format("%.*s", (int)length, path));
    path += length + (path[length] == ':');
  }
  char *program = wb_program_path(), *slash = strrchr(program, '/');
  if (slash) *slash = '\0';
  add(&folders, count, wb_format("%s/../plugins", program));
  add(&folders, count, wb_format("%s/../" WORKBENCH_LIBDIR "/workbench/plugins", program));
  free(program);
  return folders;
}

/* The group that has its owner's name, as Debian gives each user one. */
static bool is_private_group(const struct stat *info) {
  const struct passwd *owner = getpwuid(info->st_uid);
  const struct group *group = getgrgid(info->st_gid);
  return owner && group && owner->pw_gid == info->st_gid && !strcmp(owner->pw_name, group->gr_name);
}

char *wb_unsafe_reason(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return NULL; // whoever opens it will say so
  const char *kind = S_ISDIR(info.st_mode) ? "folder" : "file";
  const char *who = NULL;
  if (info.st_mode & S_IWOTH)
    who = "everybody";
  else if ((info.st_mode & S_IWGRP) && !is_private_group(&info))
    who = "a group";
  if (!who) return NULL;
  return wb_format(
      "%s is not loaded: %s may write to this %s\nchmod go-w makes it safe, --trust-dir loads it all the "
      "same.",
      path, who, kind);
}
