/* claims_text.c: what a claim's checks found, in words and numbers, see claims_checks.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims_checks.h"
#include "heap.h"
#include "lines.h"

enum { SHOWN = 6, LACKING_SHOWN = 3 };

__attribute__((format(printf, 2, 3))) static void say(char **text, const char *format, ...) {
  char piece[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(piece, sizeof piece, format, args);
  va_end(args);
  char *longer = wb_format("%s%s", *text, piece);
  free(*text);
  *text = longer;
}

/* What is least as claimed goes first. */
static int by_evidence(const void *a, const void *b) {
  const wb_check *x = *(wb_check *const *)a, *y = *(wb_check *const *)b;
  if (x->p_for != y->p_for) return x->p_for < y->p_for ? 1 : -1;
  return (x->p_against > y->p_against) - (x->p_against < y->p_against);
}

/* Two checks of one label are the two sides of one interval. */
static bool told(const wb_check *const *order, size_t until) {
  for (size_t i = 0; i < until; i++)
    if (!strcmp(order[i]->label, order[until]->label)) return true;
  return false;
}

static void say_check(char **text, const wb_check *check) {
  const double scale = check->measure->scale;
  char *estimate = wb_number_text(scale * check->estimate, -1), *low = wb_number_text(scale * check->low, -1),
       *high = wb_number_text(scale * check->high, -1);
  say(text, "%s%s: %s%s [%s, %s]", **text ? "; " : "", check->label, estimate, check->measure->unit, low,
      high);
  free(high);
  free(low);
  free(estimate);
}

static void say_lacking(char **text, const wb_checks *c) {
  if (c->lacking_count) say(text, "%slacking: ", **text ? "; " : "");
  for (size_t i = 0; i < c->lacking_count && i < LACKING_SHOWN; i++)
    say(text, "%s%s", i ? "; " : "", c->lacking[i]);
  if (c->lacking_count > LACKING_SHOWN) say(text, "; and %zu more", c->lacking_count - LACKING_SHOWN);
  if (c->absent_count && c->count) say(text, "; no runs of ");
  for (size_t i = 0; i < c->absent_count && c->count; i++) say(text, "%s%s", i ? ", " : "", c->absent[i]);
}

char *wb_checks_numbers(const wb_checks *c) {
  const wb_check **order = wb_new(const wb_check *, c->count + 1);
  for (size_t i = 0; i < c->count; i++) order[i] = &c->list[i];
  qsort(order, c->count, sizeof *order, by_evidence);
  char *text = wb_copy("");
  size_t shown = 0, rest = 0;
  for (size_t i = 0; i < c->count; i++) {
    if (told(order, i)) continue;
    if (shown++ < SHOWN)
      say_check(&text, order[i]);
    else
      rest++;
  }
  if (rest) say(&text, "; and %zu more that are more as claimed", rest);
  say_lacking(&text, c);
  free(order);
  return text;
}

char *wb_checks_test(const wb_checks *c, size_t family) {
  if (!c->count) return wb_copy("none");
  char *text = wb_copy("");
  if (c->paired) say(&text, "paired");
  if (c->welch) say(&text, "%sWelch", *text ? " and " : "");
  if (c->single) say(&text, "%sone-sample", *text ? " and " : "");
  if (*text) say(&text, " t over %zu", c->least);
  if (c->most != c->least) say(&text, " to %zu", c->most);
  if (*text) say(&text, " seeds");
  if (c->bootstrap) say(&text, "%sbootstrap over images", *text ? ", " : "");
  say(&text, ", Holm over %zu claim%s", family, family == 1 ? "" : "s");
  return text;
}
