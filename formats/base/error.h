/* error.h: one message per failure, set where the fault is found.
 *
 * Every function that can fail takes a `wb_error *` last and returns a status. A message is one or two
 * sentences: what, where, what was expected, and a hint. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_ERROR_H
#define WB_ERROR_H

#include <workbench/base.h>

typedef struct wb_error {
  wb_status status;
  char message[1536];
} wb_error;

/* Fills *err (which may be NULL) unless it already holds a failure, and returns `status`. Any thread, own
 * *err. */
wb_status wb_fail(wb_error *err, wb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "what: <text of errno>", as WB_NOMEM for ENOMEM and WB_IO otherwise. */
wb_status wb_fail_errno(wb_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* WB_NOMEM with the number of bytes and what they were for. */
wb_status wb_fail_nomem(wb_error *err, const char *what, unsigned long long bytes);

/* Static analysis sees one file at a time: these tell it that failing never returns WB_OK. */
#if defined(__clang_analyzer__) && !defined(WB_ERROR_IMPLEMENTATION)
#define wb_fail(err, status, ...)       (wb_fail(err, status, __VA_ARGS__), (status))
#define wb_fail_errno(err, ...)         (wb_fail_errno(err, __VA_ARGS__), WB_IO)
#define wb_fail_nomem(err, what, bytes) (wb_fail_nomem(err, what, bytes), WB_NOMEM)
#endif

#endif
