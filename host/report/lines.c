/* lines.c: see lines.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "lines.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "json.h"

static bool is_strength(const char *name) {
  return !strcmp(name, "rho") || !strcmp(name, "lambda") || !strcmp(name, "balance");
}

/* Factors of the line alike. */
static bool same_line(const json_t *a, const json_t *b) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)a, name, value) {
    if (!is_strength(name) && !json_equal(value, json_object_get(b, name))) return false;
  }
  json_object_foreach((json_t *)b, name, value) {
    if (!is_strength(name) && !json_object_get(a, name)) return false;
  }
  return true;
}

static const json_t *factors_of(const json_t *conditions, size_t i) {
  return json_object_get(json_array_get(conditions, i), "factors");
}

static bool varies(const json_t *conditions, const char *name) {
  const json_t *first = json_object_get(factors_of(conditions, 0), name);
  for (size_t i = 1; i < json_array_size(conditions); i++) {
    const json_t *other = json_object_get(factors_of(conditions, i), name);
    if (!first != !other || (first && !json_equal((json_t *)first, (json_t *)other))) return true;
  }
  return false;
}

static bool is_off(const char *dropout) {
  return strtod(dropout, NULL) == 0;
}

/* Of several dropout rates only the absence is worth a word where there is one other rate. */
static bool dropout_on_or_off(const json_t *conditions) {
  const char *rate = NULL;
  for (size_t i = 0; i < json_array_size(conditions); i++) {
    const char *own = wb_json_text(factors_of(conditions, i), "dropout");
    if (!own || is_off(own)) continue;
    if (rate && strcmp(rate, own) != 0) return false;
    rate = own;
  }
  return true;
}

static void put_label(FILE *out, const char *name, const char *value, bool first) {
  static const char *const bare[] = {"objective", "topo", "data", "arch"};
  bool named = true;
  for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) named = named && strcmp(name, bare[i]) != 0;
  if (!first) fputs(", ", out);
  if (!strcmp(name, "dropout") && is_off(value)) {
    fputs("no dropout", out);
    return;
  }
  if (named) fprintf(out, "%s ", name);
  fputs(!strcmp(name, "topo") && !strcmp(value, "none") ? "control" : value, out);
}

static char *make_label(const json_t *conditions, const json_t *factors) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  const char *name;
  json_t *value;
  bool first = true;
  const bool on_or_off = dropout_on_or_off(conditions);
  json_object_foreach((json_t *)factors, name, value) {
    if (is_strength(name) || !json_is_string(value) || !varies(conditions, name)) continue;
    if (!strcmp(name, "dropout") && on_or_off && !is_off(json_string_value(value))) continue;
    put_label(out, name, json_string_value(value), first);
    first = false;
  }
  fclose(out);
  return text;
}

/* Keeps the line's strengths ascending. */
static void add_condition(wb_line *line, size_t condition, const json_t *factors) {
  const char *strength = wb_report_strength(factors);
  size_t count = line->count, at = count;
  wb_grow(line->strengths, count);
  wb_grow(line->conditions, count);
  for (; at && strtod(line->strengths[at - 1], NULL) > strtod(strength, NULL); at--) {
    line->strengths[at] = line->strengths[at - 1];
    line->conditions[at] = line->conditions[at - 1];
  }
  line->strengths[at] = strength;
  line->conditions[at] = condition;
  line->count++;
  const char *topo = wb_json_text(factors, "topo");
  if (topo && !strcmp(topo, "none")) return;
  if (wb_json_text(factors, "rho")) line->strength_name = "rho";
  if (wb_json_text(factors, "lambda")) line->strength_name = "lambda";
}

size_t wb_lines_make(const json_t *summary, wb_line **lines) {
  const json_t *conditions = json_object_get(summary, "conditions");
  size_t count = 0;
  *lines = NULL;
  for (size_t c = 0; c < json_array_size(conditions); c++) {
    const json_t *factors = factors_of(conditions, c);
    size_t l = 0;
    while (l < count && !same_line(factors_of(conditions, (*lines)[l].conditions[0]), factors)) l++;
    if (l == count) {
      const char *dropout = wb_json_text(factors, "dropout");
      wb_grow(*lines, count);
      (*lines)[count++] =
          (wb_line){.label = make_label(conditions, factors), .no_dropout = dropout && is_off(dropout)};
    }
    add_condition(&(*lines)[l], c, factors);
  }
  return count;
}

void wb_lines_free(wb_line *lines, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(lines[i].label);
    free(lines[i].strengths);
    free(lines[i].conditions);
  }
  free(lines);
}

char *wb_line_text(const wb_line *line, const bool *marked) {
  if (!line->strength_name) return wb_copy(*line->label ? line->label : "the only condition");
  size_t left = 0;
  for (size_t i = 0; i < line->count; i++) left += marked[i];
  char *text = wb_format("%s%sat %s", line->label, *line->label ? " " : "", line->strength_name);
  const char *separator = " ";
  for (size_t i = 0; i < line->count; i++) {
    if (!marked[i]) continue;
    char *longer = wb_format("%s%s%s", text, separator, line->strengths[i]);
    free(text);
    text = longer;
    separator = --left > 1 ? ", " : " and ";
  }
  return text;
}

/* Where `x` is in the curve of the condition's first run; SIZE_MAX where it is not. */
static size_t place_in_curve(const json_t *summary, const json_t *condition, const char *output, double at) {
  const size_t run = (size_t)json_integer_value(json_array_get(json_object_get(condition, "runs"), 0));
  const json_t *runs = json_object_get(summary, "runs");
  const json_t *value = json_object_get(json_object_get(json_array_get(runs, run), "values"), output);
  if (!value) value = json_object_get(json_object_get(condition, "values"), output);
  const json_t *x = json_object_get(value, "x");
  for (size_t i = 0; i < json_array_size(x); i++)
    if (fabs(json_number_value(json_array_get(x, i)) - at) <= 1e-9 * fmax(1, fabs(at))) return i;
  return SIZE_MAX;
}

static double part(const json_t *value, const char *name, size_t place) {
  const json_t *found = json_object_get(value, name);
  if (json_is_array(found)) found = json_array_get(found, place);
  return json_is_number(found) ? json_number_value(found) : NAN;
}

wb_number wb_line_number(const json_t *summary, size_t condition, const char *output, double at) {
  const json_t *c = json_array_get(json_object_get(summary, "conditions"), condition);
  const json_t *value = json_object_get(json_object_get(c, "values"), output);
  wb_number number = {NAN, NAN, NAN, NAN, (size_t)wb_json_int(c, "n")};
  if (json_is_number(value) && isnan(at)) {
    number.mean = json_number_value(value);
    return number;
  }
  const bool curve = json_is_array(json_object_get(value, "mean")) || json_object_get(value, "y");
  if (!json_is_object(value) || curve == isnan(at)) return number;
  const size_t place = curve ? place_in_curve(summary, c, output, at) : 0;
  if (json_object_get(value, "y")) {
    number.mean = part(value, "y", place);
    return number;
  }
  number.mean = part(value, "mean", place);
  number.sd = part(value, "sd", place);
  number.low = part(value, "low", place);
  number.high = part(value, "high", place);
  if (json_is_integer(json_object_get(value, "n"))) number.n = (size_t)wb_json_int(value, "n");
  return number;
}

int wb_number_decimals(const double *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++)
    if (isfinite(values[i])) most = fmax(most, fabs(values[i]));
  if (most == 0) return 0;
  if (most >= 1e7 || most < 1e-3) return -1;
  const int decimals = 2 - (int)floor(log10(most));
  return decimals < 0 ? 0 : decimals > 4 ? 4 : decimals;
}

char *wb_number_text(double value, int decimals) {
  if (!isfinite(value)) return wb_copy("\u2013");
  char *digits = decimals < 0 ? wb_format("%.3g", fabs(value)) : wb_format("%.*f", decimals, fabs(value));
  const bool negative = value < 0 && strspn(digits, "0.") < strlen(digits);
  char *text = wb_format("%s%s", negative ? "\u2212" : "", digits);
  free(digits);
  return text;
}

/* ---- Sentences ---- */

typedef struct writer {
  const wb_report_result *result;
  const char *output;
  double at;
  int decimals;
  json_t *parts;
} writer;

__attribute__((format(printf, 2, 3))) static void say(const writer *w, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  wb_json_append(w->parts, wb_json_string(text));
}

static double mean_of(const writer *w, const wb_line *line, size_t i) {
  return wb_line_number(w->result->summary, line->conditions[i], w->output, w->at).mean;
}

static void say_number(const writer *w, const wb_line *line, size_t i) {
  char *text = wb_number_text(mean_of(w, line, i), w->decimals);
  char *source = wb_format("%s/summary.json: conditions[%zu].values.%s", wb_last_part(w->result->folder),
                           line->conditions[i], w->output);
  wb_json_append(w->parts,
                 wb_json("{so so}", "text", wb_json_string(text), "source", wb_json_string(source)));
  free(source);
  free(text);
}

/* The interior value that is farthest outside what the ends span; 0 where none is. */
static size_t find_extreme(const writer *w, const wb_line *line, bool *highest) {
  const double first = mean_of(w, line, 0), last = mean_of(w, line, line->count - 1);
  double farthest = 0;
  size_t found = 0;
  for (size_t i = 1; i + 1 < line->count; i++) {
    const double value = mean_of(w, line, i), above = value - fmax(first, last),
                 below = fmin(first, last) - value;
    if (isnan(value) || fmax(above, below) <= farthest) continue;
    farthest = fmax(above, below);
    *highest = above > below;
    found = i;
  }
  return found;
}

static void say_line(const writer *w, const wb_line *line, bool first) {
  if (!first) say(w, "; ");
  if (*line->label) say(w, "%s ", line->label);
  say_number(w, line, 0);
  if (!line->strength_name) return;
  say(w, " at %s %s", line->strength_name, line->strengths[0]);
  if (line->count < 2) return;
  bool highest = false;
  const size_t extreme = find_extreme(w, line, &highest);
  if (extreme) {
    say(w, ", %s ", highest ? "at most" : "at least");
    say_number(w, line, extreme);
    say(w, " at %s", line->strengths[extreme]);
  }
  say(w, ", ");
  say_number(w, line, line->count - 1);
  say(w, " at %s", line->strengths[line->count - 1]);
}

static bool has_value(const writer *w, const wb_line *line) {
  for (size_t i = 0; i < line->count; i++)
    if (!isnan(mean_of(w, line, i))) return true;
  return false;
}

static const json_t *find_output(const json_t *summary, const char *name) {
  const json_t *outputs = json_object_get(summary, "outputs"), *output;
  size_t i;
  json_array_foreach(outputs, i, output) {
    const char *own = wb_json_text(output, "name");
    if (own && !strcmp(own, name)) return output;
  }
  return NULL;
}

static void say_head(const writer *w, const char *place) {
  const json_t *output = find_output(w->result->summary, w->output);
  const char *title = wb_json_text(output, "title"), *unit = wb_json_text(output, "unit");
  char *text = wb_copy(title ? title : w->output);
  text[0] = (char)toupper((unsigned char)text[0]);
  say(w, "%s%s%s", text, place ? " at " : "", place ? place : "");
  if (unit) say(w, " in %s", unit);
  say(w, ": ");
  free(text);
}

static void say_seeds(const writer *w, const wb_line *lines, const bool *used, size_t count) {
  size_t least = SIZE_MAX, most = 0;
  const char *which = "";
  for (size_t l = 0; l < count; l++)
    if (!used[l] && has_value(w, &lines[l])) which = ", with dropout"; // the others are left out
  for (size_t l = 0; l < count; l++)
    for (size_t i = 0; i < lines[l].count && used[l]; i++) {
      const size_t n = wb_line_number(w->result->summary, lines[l].conditions[i], w->output, w->at).n;
      least = n < least ? n : least;
      most = n > most ? n : most;
    }
  const char *scope = wb_json_text(json_object_get(w->result->summary, "plugin"), "scope");
  const char *of = scope && !strcmp(scope, "run") ? "means over" : "of";
  if (least == most)
    say(w, " (%s %zu %s%s).", of, most, most == 1 ? "seed" : "seeds", which);
  else
    say(w, " (%s %zu to %zu seeds%s).", of, least, most, which);
}

json_t *wb_lines_sentence(const wb_report_result *result, const char *output, double at, const char *place) {
  writer w = {result, output, at, 0, wb_must(json_array())};
  wb_line *lines;
  const size_t count = wb_lines_make(result->summary, &lines);
  bool *used = wb_new(bool, count ? count : 1), any = false, with_dropout = false;
  double *values = NULL;
  size_t value_count = 0;
  for (size_t l = 0; l < count; l++)
    with_dropout = with_dropout || (has_value(&w, &lines[l]) && !lines[l].no_dropout);
  for (size_t l = 0; l < count; l++) {
    used[l] = has_value(&w, &lines[l]) && !(with_dropout && lines[l].no_dropout);
    for (size_t i = 0; i < lines[l].count && used[l]; i++) {
      wb_grow(values, value_count);
      values[value_count++] = mean_of(&w, &lines[l], i);
    }
  }
  w.decimals = wb_number_decimals(values, value_count);
  for (size_t l = 0; l < count; l++) {
    if (!used[l]) continue;
    if (!any) say_head(&w, place);
    say_line(&w, &lines[l], !any);
    any = true;
  }
  if (any) say_seeds(&w, lines, used, count);
  free(values);
  free(used);
  wb_lines_free(lines, count);
  return w.parts;
}
