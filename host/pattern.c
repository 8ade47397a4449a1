/* pattern.c: see pattern.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "pattern.h"

#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

wb_status wb_pattern_check(const char *pattern, wb_error *err) {
  bool named = false;
  for (const char *c = pattern; *c; c++) {
    if (*c == '}') return wb_fail(err, WB_ARG, "--pattern %s has a } without a { before it", pattern);
    if (*c != '{') continue;
    const size_t length = strspn(c + 1, letters);
    if (c[1 + length] != '}')
      return wb_fail(err, WB_ARG,
                     "--pattern %s: a name in braces has letters, digits, - and _, such as {rho}", pattern);
    if (c[2 + length] == '{')
      return wb_fail(err, WB_ARG, "--pattern %s: something must stand between two names in braces", pattern);
    named = named || length;
    c += 1 + length;
  }
  return named
             ? WB_OK
             : wb_fail(err, WB_ARG,
                       "--pattern is %s; it must name factors in braces, such as r{rho}_s{seed}.h5", pattern);
}

/* Matches what is left; names are reported, where `found` is given, once all that follows matches. */
static bool match(const char *pattern, const char *text, wb_pattern_found found, void *context) {
  while (*pattern && *pattern != '{') {
    if (*pattern++ != *text++) return false;
  }
  if (!*pattern) return !*text;
  const char *name = pattern + 1, *rest = strchr(pattern, '}') + 1;
  for (int length = 1; text[length - 1] && text[length - 1] != '/'; length++) {
    if (!match(rest, text + length, NULL, NULL)) continue;
    if (found && rest - name > 1) found(context, name, (int)(rest - name - 1), text, length);
    return !found || match(rest, text + length, found, context);
  }
  return false;
}

bool wb_pattern_match(const char *pattern, const char *path, wb_pattern_found found, void *context) {
  size_t parts = 1;
  for (const char *c = pattern; *c; c++) parts += *c == '/';
  const char *start = path + strlen(path);
  while (start > path && (parts -= start[-1] == '/') > 0) start--;
  return match(pattern, start, found, context);
}
