/* workbench/plugin_util.h: optional sugar over plugin.h. Header-only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef WORKBENCH_PLUGIN_UTIL_H
#define WORKBENCH_PLUGIN_UTIL_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin.h"

/* Returns the status of `call` from the enclosing function unless it is WB_OK. */
#define WB_TRY(call)                                                                                         \
  do {                                                                                                       \
    const wb_status wb_try_status = (call);                                                                  \
    if (wb_try_status != WB_OK) return wb_try_status;                                                        \
  } while (0)

/* host->fail with a printf format. */
__attribute__((format(printf, 3, 4))) static inline wb_status
wb_host_fail(const wb_host *host, wb_status status, const char *format, ...) {
  char text[1536];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return host->fail(host, status, text);
}

/* host->log with a printf format. */
__attribute__((format(printf, 3, 4))) static inline void wb_host_log(const wb_host *host, wb_level level,
                                                                     const char *format, ...) {
  char text[1536];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->log(host, level, text);
}

/* An array of `count` items of `type`; NULL after the failure was recorded (then return WB_NOMEM). */
#define WB_ALLOC(host, type, count) ((type *)(host)->alloc((host), sizeof(type) * (size_t)(count)))

/* A scalar, or, where it is not a number, why there is none. */
static inline wb_status wb_host_emit_or_missing(const wb_host *host, const char *name, double value,
                                                const char *reason) {
  return isnan(value) ? host->emit_missing(host, name, reason) : host->emit_scalar(host, name, value);
}

/* A factor as a number, or `fallback` where it is absent or not a number. */
static inline double wb_host_factor(const wb_host *host, uint32_t run, const char *name, double fallback) {
  const char *text = host->factor(host, run, name);
  char *end = NULL;
  const double value = text ? strtod(text, &end) : fallback;
  return text && end != text && *end == '\0' ? value : fallback;
}

#endif
