/* output.c: see output.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wb_output_file {
  FILE *stream;
  char *path, *temporary;
  uint64_t position;
  int failure; // errno of the first write that failed
};

static void release(wb_output_file *file) {
  free(file->path);
  free(file->temporary);
  free(file);
}

wb_status wb_output_create(const char *path, wb_output_file **out, wb_error *err) {
  *out = NULL;
  const size_t length = strlen(path) + 48;
  wb_output_file *file = calloc(1, sizeof *file);
  if (!file || !(file->path = strdup(path)) || !(file->temporary = malloc(length))) {
    if (file) release(file);
    return wb_fail_nomem(err, path, length);
  }
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  snprintf(file->temporary, length, "%.*s.%s.%ld.partial", (int)(name - path), path, name, (long)getpid());
  file->stream = fopen(file->temporary, "wbe");
  if (!file->stream) {
    const wb_status status = wb_fail_errno(err, "cannot write %s", path);
    release(file);
    return status;
  }
  *out = file;
  return WB_OK;
}

void wb_output_write(wb_output_file *file, const void *data, size_t size) {
  if (size && !file->failure && fwrite(data, 1, size, file->stream) != size) file->failure = errno;
  file->position += size;
}

uint64_t wb_output_position(const wb_output_file *file) {
  return file->position;
}

wb_status wb_output_commit(wb_output_file *file, wb_error *err) {
  if (!file->failure && (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0))
    file->failure = errno;
  if (fclose(file->stream) != 0 && !file->failure) file->failure = errno;
  file->stream = NULL;
  if (!file->failure && rename(file->temporary, file->path) != 0) file->failure = errno;
  wb_status status = WB_OK;
  if (file->failure) {
    errno = file->failure;
    status = wb_fail_errno(err, "cannot write %s", file->path);
    unlink(file->temporary);
  }
  release(file);
  return status;
}

void wb_output_abandon(wb_output_file *file) {
  if (!file) return;
  fclose(file->stream);
  unlink(file->temporary);
  release(file);
}
