/* call_target.c: where a plugin that makes run files writes. The task's "target": {"out", "folder",
 * "identity", "overwrite", "resume"}. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "heap.h"
#include "json.h"

/* Makes the file's folder and the path absolute. */
static wb_status settle(wb_call *call, char *path) {
  char here[PATH_MAX];
  if (path[0] != '/' && !getcwd(here, sizeof here))
    return wb_fail_errno(&call->err, "cannot tell the working directory");
  char *whole = path[0] == '/' ? wb_copy(path) : wb_format("%s/%s", here, path);
  char *slash = strrchr(whole, '/');
  *slash = '\0';
  const bool made = slash == whole || wb_make_folders(whole);
  if (!made) wb_fail_errno(&call->err, "cannot make the folder %s", whole);
  *slash = '/';
  free(call->target);
  call->target = whole;
  return made ? WB_OK : call->err.status;
}

static wb_status host_target(const wb_host *host, const char *name, wb_target *out) {
  wb_call *call = wb_call_of(host);
  const json_t *wanted = json_object_get(call->task, "target");
  const char *file = wb_json_text(wanted, "out"), *identity = wb_json_text(wanted, "identity");
  if (!identity)
    return wb_call_fail(call, WB_INTERNAL,
                        "%s asked where to write; only plugins of kind train and convert write",
                        call->spec->id);
  char *path =
      file ? wb_copy(file) : wb_format("%s/%s_%.8s.h5", wb_json_text(wanted, "folder"), name, identity);
  const bool overwrite = wb_json_true(wanted, "overwrite"), resume = wb_json_true(wanted, "resume");
  struct stat info;
  const bool exists = stat(path, &info) == 0;
  wb_status status = WB_OK;
  if (exists && !S_ISREG(info.st_mode))
    status = wb_call_fail(call, WB_ARG, "%s is not a file; --out names the file to write", path);
  else if (exists && !overwrite && !resume)
    status = wb_call_fail(call, WB_ARG, "%s exists already\n%s--overwrite replaces it.", path,
                          call->spec->kind == WB_TRAIN ? "--resume continues it, " : "");
  if (status == WB_OK) status = settle(call, path);
  free(path);
  if (status != WB_OK) return status;
  *out = (wb_target){call->target, identity, resume, exists};
  return WB_OK;
}

void wb_call_set_target(wb_host *host) {
  host->target = host_target;
}
