/* cache.h: what is remembered between calls, in $WORKBENCH_CACHE_DIR or $XDG_CACHE_HOME/workbench or
 * ~/.cache/workbench: plugins (by stat), digests of data (by stat), and results (by content).
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CACHE_H
#define WB_CACHE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/sha256.h"

/* The folder, made if need be; a private one under /tmp where the usual one cannot be written. Owned by the
 * cache, the same for the whole process. */
const char *wb_cache_folder(void);

/* Identity of a file's content without reading it: "device:inode:size:mtime:ctime" in nanoseconds; of a
 * folder a digest of its files' names and identities. NULL where there is neither. malloc'ed. */
char *wb_cache_stat(const char *path);

/* Path of the result with this key (SHA-256); its folder exists. malloc'ed. */
char *wb_cache_result_path(const char key[WB_DIGEST_SIZE]);

/* Digests of what is in a file or folder that are still valid: {object: digest}; a new reference, empty where
 * none are. */
json_t *wb_cache_digests(const char *path);
/* Remembers them, unless it changed within the last second: a change that leaves no trace in its stat
 * could follow. */
void wb_cache_remember_digests(const char *path, const json_t *digests);

/* Files and bytes of the results. */
void wb_cache_size(size_t *files, double *bytes);

#endif
