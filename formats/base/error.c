/* error.c: see error.h. SPDX-License-Identifier: GPL-3.0-or-later */
#define WB_ERROR_IMPLEMENTATION
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(wb_error *err, wb_status status, const char *format, va_list args) {
  if (!err || err->status != WB_OK) return;
  err->status = status;
  vsnprintf(err->message, sizeof err->message, format, args);
}

wb_status wb_fail(wb_error *err, wb_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(err, status, format, args);
  va_end(args);
  return status;
}

wb_status wb_fail_errno(wb_error *err, const char *format, ...) {
  const int code = errno;
  char what[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return wb_fail(err, code == ENOMEM ? WB_NOMEM : WB_IO, "%s: %s", what, strerror(code));
}

wb_status wb_fail_nomem(wb_error *err, const char *what, unsigned long long bytes) {
  return wb_fail(err, WB_NOMEM, "not enough memory: %s needs %llu bytes", what, bytes);
}
