/* files.h: folders and lists of paths. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_FILES_H
#define WB_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* The folder and those above it; true when it exists afterwards. errno is set otherwise. */
bool wb_make_folders(const char *path);

/* Paths of a folder's entries whose name ends in `ending` (NULL: all), sorted, without hidden ones; *paths is
 * freed with wb_free_texts. 0 where there is no such folder. */
size_t wb_list_folder(const char *folder, const char *ending, char ***paths);
void wb_free_texts(char **texts, size_t count);

const char *wb_last_part(const char *path); // after the last /
bool wb_ends_with(const char *text, const char *ending);

#endif
