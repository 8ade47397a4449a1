/* pattern.h: factors from the names of files: r{rho}_s{seed}.h5. Pure functions. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_PATTERN_H
#define WB_PATTERN_H

#include <stdbool.h>

#include "base/error.h"

/* {NAME} stands for one or more characters but /, as few as will do; {} for such that nobody wants to know;
 * everything else for itself. WB_ARG where a brace is left open, a name has other characters than letters,
 * digits, - and _, nothing has a name, or two stand side by side. */
wb_status wb_pattern_check(const char *pattern, wb_error *err);

/* Whether the path's last parts, as many as the pattern has, match it as a whole. `found` is called for each
 * name in turn with what it stands for; neither text is NUL-terminated. */
typedef void (*wb_pattern_found)(void *context, const char *name, int name_length, const char *value,
                                 int value_length);
bool wb_pattern_match(const char *pattern, const char *path, wb_pattern_found found, void *context);

#endif
