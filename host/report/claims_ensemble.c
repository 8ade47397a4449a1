/* claims_ensemble.c: what Sander & Hasson claim of ensembles, A17 and A18.
 *
 * A condition has one ensemble, hence no spread over seeds: the interval of a gain is the bootstrap's over
 * images that the plugin ensemble gives, its standard error the width over 2 x 1.96. Gains of two conditions
 * are taken as independent; they share images, so that the interval of their difference is rather too wide.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims_table.h"
#include "files.h"
#include "json.h"

static const wb_measure gain = {"ensemble", "gain", NAN, 100, " points"};
static const wb_measure clean = {"input-noise", "clean", NAN, 100, " points"};
static const wb_measure white = {"input-noise", "white", 0.2, 100, " points"};
static const double chance = 0.1; // ten classes
static const double half_point = 0.005;

/* The number that a label holds ("0.05", "white 0.05"); 0 of "clean", "none". */
static double level_of(const char *text) {
  const char *digits = text ? strpbrk(text, "0123456789") : NULL;
  return digits ? strtod(digits, NULL) : 0;
}

/* An entry of a matrix with a row for each noise; without noise, of the first row that has it. */
static double entry(const json_t *matrix, const char *noise, double level) {
  const json_t *rows = json_object_get(matrix, "row_labels"),
               *columns = json_object_get(matrix, "column_labels");
  for (size_t r = 0; r < json_array_size(rows); r++)
    for (size_t k = 0; k < json_array_size(columns); k++) {
      const char *row = json_string_value(json_array_get(rows, r));
      const json_t *value = json_array_get(json_array_get(json_object_get(matrix, "data"), r), k);
      if (level > 0 && (!row || strcmp(row, noise) != 0)) continue;
      if (fabs(level_of(json_string_value(json_array_get(columns, k))) - level) > 1e-9) continue;
      if (json_is_number(value)) return json_number_value(value);
    }
  return NAN;
}

/* The gain of a condition's ensemble under white noise of a level (0: clean), as a contrast with zero. */
static bool find(wb_checks *c, const char *objective, const char *rho, double level, wb_contrast *out) {
  const wb_report_result *result = wb_report_find(c->report, gain.plugin);
  const wb_report_query where = {.objective = objective, .topo = "ws", .strength = rho, .dropout = 1};
  const json_t *conditions = result ? json_object_get(result->summary, "conditions") : NULL, *condition;
  if (!result) wb_checks_lack(c, "no result of %s", gain.plugin);
  size_t i;
  json_array_foreach(conditions, i, condition) {
    if (!wb_report_fits(json_object_get(condition, "factors"), &where)) continue;
    const json_t *values = json_object_get(condition, "values");
    const double low = entry(json_object_get(values, "gain-low"), "white", level);
    const double high = entry(json_object_get(values, "gain-high"), "white", level);
    *out = (wb_contrast){.n_a = (size_t)wb_json_int(condition, "n"),
                         .difference = entry(json_object_get(values, "gain"), "white", level),
                         .se = (high - low) / (2 * 1.959964),
                         .low = low,
                         .high = high,
                         .df = 1e9};
    if (out->n_a >= WB_CLAIM_LEAST_SEEDS && isfinite(out->difference + out->se)) return true;
  }
  if (result)
    wb_checks_lack(c, "%s, rho %s: an ensemble of %d with an interval of its gain at noise %g", objective,
                   rho, WB_CLAIM_LEAST_SEEDS, level);
  return false;
}

static wb_contrast minus(const wb_contrast *a, const wb_contrast *b) {
  wb_contrast d = *a;
  d.difference = a->difference - b->difference;
  d.se = hypot(a->se, b->se);
  d.low = d.difference - 1.959964 * d.se;
  d.high = d.difference + 1.959964 * d.se;
  return d;
}

void wb_claim_ensembles_gain(wb_checks *c) {
  const char *found[5];
  char **rhos, text[96];
  wb_checks_objectives(c, (const char *const[]){"ce", "supcon", "simclr", "margin", NULL}, found);
  const size_t count = wb_checks_strengths(c, &rhos);
  for (size_t i = 0; found[i]; i++) {
    wb_contrast control, topographic;
    const bool base = find(c, found[i], "0", 0, &control);
    snprintf(text, sizeof text, "%s, rho 0", found[i]);
    if (base) wb_check_contrast(c, &gain, text, &control, 0, 1);
    for (size_t k = 0; k < count; k++) {
      if (!find(c, found[i], rhos[k], 0, &topographic)) continue;
      snprintf(text, sizeof text, "%s, rho %s", found[i], rhos[k]);
      wb_check_contrast(c, &gain, text, &topographic, 0, 1);
      if (!base) continue;
      const wb_contrast more = minus(&topographic, &control);
      snprintf(text, sizeof text, "%s, rho %s \u2212 rho 0", found[i], rhos[k]);
      wb_check_contrast(c, &gain, text, &more, half_point, -1);
      wb_check_contrast(c, &gain, text, &more, -half_point, 1);
    }
  }
  wb_free_texts(rhos, count);
}

/* The best level between is chosen after the fact: its p counts once for each level. */
static void gain_peaks(wb_checks *c, const char *objective, const char *rho) {
  static const double between[] = {0.01, 0.05, 0.1, 0.15};
  enum { BETWEEN = sizeof between / sizeof between[0] };
  wb_contrast pure, best = {0}, most;
  double at = 0;
  char text[128];
  if (!find(c, objective, rho, 0, &pure) || !find(c, objective, rho, 0.2, &most)) return;
  for (size_t k = 0; k < BETWEEN; k++) {
    wb_contrast t;
    if (!find(c, objective, rho, between[k], &t)) return;
    if (k && t.difference <= best.difference) continue;
    best = t;
    at = between[k];
  }
  const wb_contrast over_clean = minus(&best, &pure), over_most = minus(&best, &most);
  const wb_contrast *const over[] = {&over_clean, &over_most};
  for (size_t k = 0; k < 2; k++) {
    snprintf(text, sizeof text, "%s, rho %s, noise %g \u2212 %s", objective, rho, at, k ? "0.2" : "clean");
    wb_check_contrast(c, &gain, text, over[k], 0, 1);
    wb_check *last = &c->list[c->count - 1];
    last->p_for = fmin(1, BETWEEN * last->p_for);
  }
  snprintf(text, sizeof text, "%s, rho %s, gain at noise 0.2", objective, rho);
  wb_check_contrast(c, &gain, text, &most, half_point, -1);
  wb_check_contrast(c, &gain, text, &most, -half_point, 1);
}

void wb_claim_gain_peaks(wb_checks *c) {
  const char *found[5];
  char **rhos, text[96];
  wb_checks_objectives(c, (const char *const[]){"ce", "supcon", "simclr", "margin", NULL}, found);
  const size_t count = wb_report_levels(c->report, "strength", &rhos);
  for (size_t i = 0; found[i]; i++)
    for (size_t k = 0; k < count; k++) {
      const wb_report_query where = {.objective = found[i], .topo = "ws", .strength = rhos[k], .dropout = 1};
      const wb_series pure = wb_series_of(c, &clean, where), change = wb_series_of(c, &white, where);
      wb_series lost = change; // clean accuracy + change = accuracy
      for (size_t s = 0; s < lost.n; s++) lost.values[s] = -lost.values[s];
      const wb_series accuracy = wb_series_minus(&pure, &lost);
      gain_peaks(c, found[i], rhos[k]);
      snprintf(text, sizeof text, "%s, rho %s, accuracy at noise 0.2", found[i], rhos[k]);
      wb_check_add(c, &clean, text, &accuracy, NULL, chance + 0.1, -1);
    }
  wb_free_texts(rhos, count);
}
