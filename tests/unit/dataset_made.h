/* dataset_made.h: made files for the data set tests. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DATASET_MADE_H
#define WB_DATASET_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/dataset.h"

enum { MADE_PATH = 512 };

static char made_dir[MADE_PATH]; // of this test program

/* Group set-up and tear-down. */
static inline int make_dir(void **state) {
  (void)state;
  char name[] = "/tmp/wb-dataset-XXXXXX", real[4096];
  if (!mkdtemp(name) || !realpath(name, real)) return -1;
  snprintf(made_dir, sizeof made_dir, "%.256s", real);
  return 0;
}

static inline int remove_dir(void **state) {
  (void)state;
  char command[MADE_PATH + 16];
  snprintf(command, sizeof command, "rm -r '%s'", made_dir);
  return system(command);
}

/* The path of `name` in the made directory, in one of eight static buffers that take turns. */
static inline const char *made(const char *name) {
  static char paths[8][MADE_PATH];
  static unsigned turn;
  char *path = paths[turn++ % 8];
  snprintf(path, MADE_PATH, "%.256s/%.200s", made_dir, name);
  return path;
}

/* "kind:path" and options, likewise static. */
static inline const char *spec_of(const char *kind, const char *path, const char *options) {
  static char specs[8][2 * MADE_PATH];
  static unsigned turn;
  char *spec = specs[turn++ % 8];
  snprintf(spec, 2 * MADE_PATH, "%s:%s%s", kind, path, options);
  return spec;
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static inline wb_dataset *open_ok(const char *spec) {
  wb_error err = {0};
  wb_dataset *data = NULL;
  if (wb_dataset_open(spec, &data, &err)) fail_msg("%s: %s", spec, err.message);
  return data;
}

/* The data set must be refused with `status` and a message that contains each of the strings up to NULL. */
static inline void refused(const char *spec, wb_status status, ...) {
  wb_error err = {0};
  wb_dataset *data = NULL;
  assert_int_equal(wb_dataset_open(spec, &data, &err), status);
  assert_null(data);
  assert_int_equal(err.status, status);
  va_list parts;
  va_start(parts, status);
  for (const char *part; (part = va_arg(parts, const char *));)
    if (!strstr(err.message, part)) fail_msg("\"%s\" is not in the message:\n%s", part, err.message);
  va_end(parts);
}

#endif
