/* claims_checks.c: see claims_checks.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "claims_checks.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"

void wb_checks_free(wb_checks *c) {
  for (size_t i = 0; i < c->count; i++) free(c->list[i].label);
  free(c->list);
  wb_free_texts(c->lacking, c->lacking_count);
  wb_free_texts(c->absent, c->absent_count);
}

static void note(char ***list, size_t *count, const char *text) {
  for (size_t i = 0; i < *count; i++)
    if (!strcmp((*list)[i], text)) return;
  wb_grow(*list, *count);
  (*list)[(*count)++] = wb_copy(text);
}

void wb_checks_lack(wb_checks *c, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  note(&c->lacking, &c->lacking_count, text);
}

/* b's values in the order of a's seeds; false unless it has all of them. */
static bool match(double *matched, const wb_series *a, const wb_series *b) {
  for (size_t i = 0; i < a->n; i++) {
    size_t k = 0;
    while (k < b->n && strcmp(a->seeds[i], b->seeds[k]) != 0) k++;
    if (k == b->n) return false;
    matched[i] = b->values[k];
  }
  return true;
}

static wb_contrast compare(wb_checks *c, const wb_series *a, const wb_series *b) {
  double matched[WB_SERIES_SEEDS] = {0}; // stays zero for a single series
  const size_t least = b && b->n < a->n ? b->n : a->n, most = b && b->n > a->n ? b->n : a->n;
  const bool a_in_b = b && match(matched, a, b), b_in_a = b && !a_in_b && match(matched, b, a);
  const size_t used = b && !a_in_b && !b_in_a ? most : least; // of the larger one, in pairs only those
  if (!c->least || least < c->least) c->least = least;
  if (used > c->most) c->most = used;
  c->single = c->single || !b;
  c->paired = c->paired || a_in_b || b_in_a;
  if (!b || a_in_b) return wb_contrast_paired(a->values, matched, a->n);
  if (b_in_a) return wb_contrast_paired(matched, b->values, b->n);
  c->welch = true;
  return wb_contrast_welch(a->values, a->n, b->values, b->n);
}

/* P(T > t) for t = distance / se; without spread, the distance alone decides. */
static double upper_tail(double distance, double se, double df) {
  if (se > 0) return gsl_cdf_tdist_Q(distance / se, df);
  return distance > 0 ? 0 : distance < 0 ? 1 : 0.5;
}

static wb_check *add(wb_checks *c, const wb_measure *m, const char *label, const wb_contrast *t,
                     double margin, int sign) {
  const double distance = sign * (t->difference - margin);
  wb_grow(c->list, c->count);
  wb_check *check = &c->list[c->count++];
  *check = (wb_check){.label = wb_copy(label),
                      .net = true,
                      .estimate = t->difference,
                      .low = t->low,
                      .high = t->high,
                      .p_for = upper_tail(distance, t->se, t->df),
                      .p_against = upper_tail(-distance, t->se, t->df),
                      .measure = m};
  return check;
}

static bool usable(const wb_series *a, const wb_series *b) {
  return a->n >= WB_CLAIM_LEAST_SEEDS && (!b || b->n >= WB_CLAIM_LEAST_SEEDS);
}

void wb_check_add(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                  const wb_series *b, double margin, int sign) {
  if (!usable(a, b)) return;
  const wb_contrast t = compare(c, a, b);
  add(c, m, label, &t, margin, sign);
}

void wb_check_contrast(wb_checks *c, const wb_measure *m, const char *label, const wb_contrast *t,
                       double margin, int sign) {
  c->bootstrap = true;
  add(c, m, label, t, margin, sign);
}

void wb_check_step(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                   const wb_series *b, int sign) {
  if (!usable(a, b)) return;
  const wb_contrast t = compare(c, a, b);
  wb_check *check = add(c, m, label, &t, 0, sign);
  check->net = false;
  check->p_for = sign * t.difference > 0 ? 0 : 1;
}

void wb_check_within(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                     const wb_series *b, double margin) {
  wb_check_add(c, m, label, a, b, margin, -1);
  wb_check_add(c, m, label, a, b, -margin, 1);
}

void wb_check_differs(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                      const wb_series *b) {
  if (!usable(a, b)) return;
  const wb_contrast t = compare(c, a, b);
  wb_check *check = add(c, m, label, &t, 0, 1);
  check->p_for = fmin(check->p_for, check->p_against); // doubled with every claim's p
  check->p_against = 1;
}

/* "ce, rho 0.2 to 5" */
static void name_step(char *label, size_t size, const wb_checks *c, const wb_report_query *where,
                      const char *from, const char *to) {
  const char *of = where->objective ? where->objective : where->topo ? where->topo : "";
  snprintf(label, size, "%s%s%s %s to %s", of, *of ? ", " : "", c->factor, from, to);
}

void wb_check_trend(wb_checks *c, const wb_measure *m, wb_series_source series, wb_report_query where,
                    double from, double to, int sign) {
  char **levels;
  const size_t count = wb_report_levels(c->report, "strength", &levels);
  size_t first = 0, end = 0;
  char label[256];
  while (first < count && strtod(levels[first], NULL) < from) first++;
  for (end = first; end < count && strtod(levels[end], NULL) <= to;) end++;
  const bool has_first = end > first && (!isfinite(from) || strtod(levels[first], NULL) == from);
  const bool has_last = end > first && (!isfinite(to) || strtod(levels[end - 1], NULL) == to);
  if (!has_first) wb_checks_lack(c, "no runs at %s %g", c->factor, isfinite(from) ? from : 0);
  if (!has_last && isfinite(to)) wb_checks_lack(c, "no runs at %s %g", c->factor, to);
  if (has_first && has_last && end - first < 2) wb_checks_lack(c, "one value of %s only", c->factor);
  if (!has_first || !has_last || end - first < 2) goto done;

  where.strength = levels[first];
  const wb_series start = series(c, m, where);
  wb_series before = start;
  for (size_t k = first + 1; k < end; k++) {
    where.strength = levels[k];
    const wb_series now = series(c, m, where);
    name_step(label, sizeof label, c, &where, levels[k - 1], levels[k]);
    if (end - first > 2) wb_check_step(c, m, label, &now, &before, sign);
    name_step(label, sizeof label, c, &where, levels[first], levels[k]);
    if (k + 1 == end) wb_check_add(c, m, label, &now, &start, 0, sign);
    before = now;
  }
done:
  wb_free_texts(levels, count);
}

bool wb_checks_has(const wb_checks *c, const char *objective) {
  char **levels;
  const size_t count = wb_report_levels(c->report, "objective", &levels);
  bool has = false;
  for (size_t i = 0; i < count; i++) has = has || !strcmp(levels[i], objective);
  wb_free_texts(levels, count);
  return has;
}

void wb_checks_objectives(wb_checks *c, const char *const *wanted, const char **found) {
  size_t kept = 0;
  for (; *wanted; wanted++)
    if (wb_checks_has(c, *wanted))
      found[kept++] = *wanted;
    else
      note(&c->absent, &c->absent_count, *wanted);
  found[kept] = NULL;
  if (!kept) wb_checks_lack(c, "no runs of the objectives that the claim is about");
}

size_t wb_checks_strengths(wb_checks *c, char ***strengths) {
  char **levels;
  size_t count = wb_report_levels(c->report, "strength", &levels), kept = 0;
  for (size_t i = 0; i < count; i++)
    if (strtod(levels[i], NULL) > 0)
      levels[kept++] = levels[i];
    else
      free(levels[i]);
  if (!kept) wb_checks_lack(c, "no runs with %s above 0", c->factor);
  *strengths = levels;
  return kept;
}

double wb_checks_p_for(const wb_checks *c) {
  double p = c->count && !c->lacking_count ? 0 : NAN;
  for (size_t i = 0; i < c->count; i++) p = isnan(p) ? p : fmax(p, c->list[i].p_for);
  return p;
}

double wb_checks_p_against(const wb_checks *c) {
  double p = c->count ? 1 : NAN;
  for (size_t i = 0; i < c->count; i++) p = fmin(p, (double)c->count * c->list[i].p_against);
  return p;
}
