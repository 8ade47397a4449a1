/* identity.c: what makes a result what it is, as a digest; see stage.h. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "heap.h"
#include "stage.h"

/* Content of a file, or of all files of a folder (not of those below it). */
static wb_status add_path(wb_sha256 *hash, const char *path, wb_error *err) {
  struct stat info;
  if (stat(path, &info) != 0) return wb_fail(err, WB_INPUT, "there is no file %s", path);
  char digest[WB_DIGEST_SIZE];
  if (!S_ISDIR(info.st_mode)) {
    const wb_status status = wb_sha256_file(path, digest, err);
    if (status == WB_OK) wb_sha256_text(hash, digest);
    return status;
  }
  char **files;
  const size_t count = wb_list_folder(path, NULL, &files);
  wb_status status = WB_OK;
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    if (stat(files[i], &info) != 0 || !S_ISREG(info.st_mode)) continue;
    status = wb_sha256_file(files[i], digest, err);
    wb_sha256_text(hash, wb_last_part(files[i]));
    wb_sha256_text(hash, digest);
  }
  wb_free_texts(files, count);
  return status;
}

wb_status wb_identity(const wb_spec *spec, char *const *settings, uint64_t seed, bool seeded,
                      const char *const *parts, size_t part_count, char key[WB_DIGEST_SIZE], wb_error *err) {
  wb_sha256 *hash = wb_sha256_new();
  wb_status status = WB_OK;
  wb_sha256_text(hash, spec->id);
  for (size_t i = 0; i < spec->param_count && status == WB_OK; i++) {
    const wb_param *p = &spec->params[i];
    if (p->flags & WB_PARAM_NOT_IDENTITY) continue;
    wb_sha256_text(hash, p->name);
    if (p->type == WB_PATH && *settings[i])
      status = add_path(hash, settings[i], err);
    else
      wb_sha256_text(hash, settings[i]);
  }
  char *seed_text = wb_format("%llu", (unsigned long long)seed);
  wb_sha256_text(hash, seeded ? seed_text : "");
  free(seed_text);
  for (size_t i = 0; i < part_count; i++) wb_sha256_text(hash, parts[i] ? parts[i] : "");
  const wb_status finished = wb_sha256_finish(hash, key, err);
  return status == WB_OK ? finished : status;
}
