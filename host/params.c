/* params.c: values of parameters as canonical text, see params.h. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include "params.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "heap.h"

static bool is_number(uint32_t type) {
  return type == WB_INT || type == WB_FLOAT || type == WB_INT_LIST || type == WB_FLOAT_LIST;
}

static bool is_list(uint32_t type) {
  return type == WB_INT_LIST || type == WB_FLOAT_LIST || type == WB_STRING_LIST;
}

static wb_status check_range(const wb_param *p, const char *text, double value, wb_error *err) {
  const bool bounded = p->min != 0 || p->max != 0;
  if (!bounded || (value >= p->min && value <= p->max)) return WB_OK;
  char *range = wb_param_range_text(p);
  wb_fail(err, WB_ARG, "--%s is %s; it must be in %s", p->name, text, range);
  free(range);
  return WB_ARG;
}

static wb_status normalise_int(const wb_param *p, const char *text, char **out, wb_error *err) {
  char *end;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno || value == WB_INT_UNSET)
    return wb_fail(err, WB_ARG, "--%s is %s; it must be a whole number", p->name, text);
  const wb_status status = check_range(p, text, (double)value, err);
  if (status == WB_OK) *out = wb_format("%lld", value);
  return status;
}

static wb_status normalise_float(const wb_param *p, const char *text, char **out, wb_error *err) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value))
    return wb_fail(err, WB_ARG, "--%s is %s; it must be a number", p->name, text);
  const wb_status status = check_range(p, text, value, err);
  if (status != WB_OK) return status;
  for (int digits = 6; digits <= 17; digits++) { // 17 always read back exactly
    char *shorter = wb_format("%.*g", digits, value == 0 ? 0 : value);
    free(*out);
    *out = shorter;
    if (strtod(shorter, NULL) == value) break;
  }
  return WB_OK;
}

static wb_status normalise_bool(const wb_param *p, const char *text, char **out, wb_error *err) {
  static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i], text)) continue;
    *out = wb_copy(words[i % 2]);
    return WB_OK;
  }
  return wb_fail(err, WB_ARG, "--%s is %s; it must be yes or no", p->name, text);
}

static wb_status normalise_choice(const wb_param *p, const char *text, char **out, wb_error *err) {
  size_t count = 0;
  for (; p->choices[count]; count++) {
    if (strcmp(p->choices[count], text)) continue;
    *out = wb_copy(text);
    return WB_OK;
  }
  char *hint = wb_did_you_mean(text, "", p->choices, count), *list = wb_copy(p->choices[0]);
  for (size_t i = 1; i < count; i++) {
    char *longer = wb_format("%s%s%s", list, i + 1 == count ? " or " : ", ", p->choices[i]);
    free(list);
    list = longer;
  }
  wb_fail(err, WB_ARG, "--%s cannot be %s, only %s%s", p->name, text, list, hint);
  free(hint);
  free(list);
  return WB_ARG;
}

static wb_status normalise_path(const wb_param *p, const char *text, char **out, wb_error *err) {
  char *real = realpath(text, NULL);
  if (real || text[0] == '/') {
    *out = real ? real : wb_copy(text);
    return WB_OK;
  }
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here))
    return wb_fail_errno(err, "--%s: cannot tell the working directory", p->name);
  *out = wb_format("%s/%s", here, text);
  return WB_OK;
}

static wb_status normalise_one(const wb_param *p, uint32_t type, const char *text, char **out,
                               wb_error *err) {
  switch (type) {
  case WB_BOOL:
    return normalise_bool(p, text, out, err);
  case WB_CHOICE:
    return normalise_choice(p, text, out, err);
  case WB_INT:
    return normalise_int(p, text, out, err);
  case WB_FLOAT:
    return normalise_float(p, text, out, err);
  case WB_PATH:
    return normalise_path(p, text, out, err);
  default:
    *out = wb_copy(text);
    return WB_OK;
  }
}

static uint32_t item_type(uint32_t list) {
  return list == WB_INT_LIST ? WB_INT : list == WB_FLOAT_LIST ? WB_FLOAT : WB_STRING;
}

static wb_status normalise_list(const wb_param *p, const char *text, char **out, wb_error *err) {
  char *joined = wb_copy("");
  wb_status status = WB_OK;
  for (const char *item = text; status == WB_OK; item++) {
    const size_t length = strcspn(item, ",");
    char *one = wb_format("%.*s", (int)length, item), *canonical = NULL;
    if (!length)
      status = wb_fail(err, WB_ARG, "--%s is %s; it has an empty item", p->name, text);
    else
      status = normalise_one(p, item_type(p->type), one, &canonical, err);
    if (status == WB_OK) {
      char *longer = wb_format("%s%s%s", joined, *joined ? "," : "", canonical);
      free(joined);
      joined = longer;
    }
    free(one);
    free(canonical);
    item += length;
    if (!*item) break;
  }
  if (status == WB_OK)
    *out = joined;
  else
    free(joined);
  return status;
}

wb_status wb_param_normalise(const wb_param *param, const char *text, char **out, wb_error *err) {
  *out = NULL;
  json_t *utf8 = json_string(text);
  if (!utf8) return wb_fail(err, WB_ARG, "--%s is not valid UTF-8", param->name);
  json_decref(utf8);
  const bool may_be_unset = param->type != WB_BOOL && param->type != WB_CHOICE;
  if (!*text && may_be_unset) {
    *out = wb_copy("");
    return WB_OK;
  }
  return is_list(param->type) ? normalise_list(param, text, out, err)
                              : normalise_one(param, param->type, text, out, err);
}

/* A bound with commas between thousands; fractions as they are. */
static char *bound_text(double bound) {
  char digits[WB_GROUPED_SIZE];
  if (isinf(bound)) return wb_copy("");
  if (bound != floor(bound) || fabs(bound) < 1000 || fabs(bound) > 1e18) return wb_format("%g", bound);
  return wb_format("%s%s", bound < 0 ? "-" : "", wb_text_grouped(digits, (unsigned long long)fabs(bound)));
}

char *wb_param_range_text(const wb_param *param) {
  if (!is_number(param->type) || (param->min == 0 && param->max == 0)) return wb_copy("");
  if (isinf(param->min) && isinf(param->max)) return wb_copy("");
  char *low = bound_text(param->min), *high = bound_text(param->max);
  char *range = wb_format("[%s..%s]", low, high);
  free(low);
  free(high);
  return range;
}

char *wb_param_value_text(const wb_param *param) {
  static const char *const texts[] = {[WB_INT] = "<int>",
                                      [WB_FLOAT] = "<number>",
                                      [WB_STRING] = "<text>",
                                      [WB_PATH] = "<path>",
                                      [WB_INT_LIST] = "<int,int,..>",
                                      [WB_FLOAT_LIST] = "<number,number,..>",
                                      [WB_STRING_LIST] = "<text,text,..>"};
  if (param->type == WB_BOOL) return NULL;
  if (param->type != WB_CHOICE) return wb_copy(texts[param->type]);
  char *list = wb_format("<%s", param->choices[0]);
  for (size_t i = 1; param->choices[i]; i++) {
    char *longer = wb_format("%s|%s", list, param->choices[i]);
    free(list);
    list = longer;
  }
  char *closed = wb_format("%s>", list);
  free(list);
  return closed;
}

static char *help_text(const wb_param *p) {
  char *range = wb_param_range_text(p);
  char *default_part;
  if (p->default_text && *p->default_text)
    default_part =
        wb_format(" (default: %s%s%s)", p->default_text, p->unit ? " " : "", p->unit ? p->unit : "");
  else if (p->flags & WB_PARAM_REQUIRED)
    default_part = wb_copy(" (required)");
  else
    default_part = p->unit ? wb_format(" (%s)", p->unit) : wb_copy("");
  char *help = wb_format("%s%s%s%s", p->help, *range ? " " : "", range, default_part);
  free(range);
  free(default_part);
  return help;
}

wb_opt *wb_params_options(const wb_spec *spec) {
  wb_opt *options = wb_new(wb_opt, spec->param_count);
  size_t count = 0;
  for (int advanced = 0; advanced < 2; advanced++)
    for (size_t i = 0; i < spec->param_count; i++) {
      const wb_param *p = &spec->params[i];
      if (advanced != !!(p->flags & WB_PARAM_ADVANCED)) continue;
      options[count++] = (wb_opt){.name = p->name,
                                  .kind = p->type == WB_BOOL ? WB_OPT_SWITCH : WB_OPT_ONE,
                                  .value = wb_param_value_text(p),
                                  .help = help_text(p),
                                  .group = p->group   ? p->group
                                           : advanced ? "advanced options"
                                                      : NULL};
    }
  return options;
}

void wb_params_free_options(wb_opt *options, size_t count) {
  for (size_t i = 0; options && i < count; i++) {
    free((char *)options[i].value);
    free((char *)options[i].help);
  }
  free(options);
}
