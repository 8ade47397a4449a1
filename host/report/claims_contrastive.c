/* claims_contrastive.c: the claims of Sander & Hasson, "Similar Accuracy but Different Topographies under
 * Cross-Entropy and Contrastive Learning", A1 to A20.
 *
 * With dropout unless said otherwise. Margins that no claim names are ours. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims_table.h"
#include "files.h"
#include "heap.h"

static const wb_measure accuracy = {"accuracy", "top1", NAN, 100, " points"};
static const wb_measure moran = {"moran", "i", NAN, 1, ""};
static const wb_measure norm = {"weight-norm", "norm", NAN, 1, ""};
static const wb_measure topographic_loss = {"weight-topography", "loss", NAN, 1, ""};
static const wb_measure all_pairs = {"colocalization", "all-pairs", NAN, 1, " grid cells"};
static const wb_measure consistency = {"rdm-consistency", "seeds", NAN, 1, ""};
static const wb_measure within = {"similarity", "within", NAN, 1, ""};
static const wb_measure across = {"similarity", "across", NAN, 1, ""};
static const wb_measure silhouette = {"tsne", "class", NAN, 1, ""};
static const wb_measure border = {"activation-map", "border-energy", NAN, 100, " points"};

static const char *const every[] = {"ce", "supcon", "simclr", "margin", NULL};
static const char *const supervised[] = {"ce", "supcon", "margin", NULL};
static const char *const contrastive[] = {"supcon", "simclr", "margin", NULL};
static const char *const metric_learning[] = {"supcon", "margin", NULL};
enum { OBJECTIVES = 5 }; // and the NULL

/* Mean grid distance of pairs that correlate by at least one of these. */
static const wb_measure distances[] = {{"colocalization", "distance", 0.1, 1, " grid cells"},
                                       {"colocalization", "distance", 0.3, 1, " grid cells"},
                                       {"colocalization", "distance", 0.5, 1, " grid cells"},
                                       {"colocalization", "distance", 0.6, 1, " grid cells"},
                                       {"colocalization", "distance", 0.7, 1, " grid cells"},
                                       {"colocalization", "distance", 0.8, 1, " grid cells"}};
enum { THRESHOLDS = sizeof distances / sizeof distances[0] };

static wb_report_query with_dropout(const char *objective, const char *rho) {
  return (wb_report_query){.objective = objective, .topo = "ws", .strength = rho, .dropout = 1};
}

static wb_report_query without_dropout(const char *objective, const char *rho) {
  return (wb_report_query){.objective = objective, .topo = "ws", .strength = rho, .dropout = 0};
}

static const char *label(char *out, size_t size, const char *objective, const char *rho) {
  snprintf(out, size, "%s, rho %s", objective, rho);
  return out;
}

/* A trend of each of the objectives that the study has. */
static void trends(wb_checks *c, const wb_measure *m, wb_series_source source, const char *const *objectives,
                   double from, double to, int sign) {
  const char *found[OBJECTIVES];
  wb_checks_objectives(c, objectives, found);
  for (size_t i = 0; found[i]; i++)
    wb_check_trend(c, m, source, with_dropout(found[i], NULL), from, to, sign);
}

static void accuracy_is_kept(wb_checks *c) {
  const char *found[OBJECTIVES];
  char **rhos, text[64];
  wb_checks_objectives(c, supervised, found);
  const size_t count = wb_checks_strengths(c, &rhos);
  for (size_t i = 0; found[i]; i++) {
    const wb_series control = wb_series_of(c, &accuracy, with_dropout(found[i], "0"));
    for (size_t k = 0; k < count; k++) {
      const wb_series topographic = wb_series_of(c, &accuracy, with_dropout(found[i], rhos[k]));
      wb_check_add(c, &accuracy, label(text, sizeof text, found[i], rhos[k]), &topographic, &control, -0.015,
                   1);
    }
  }
  wb_free_texts(rhos, count);
}

static void simclr_loses_accuracy(wb_checks *c) {
  trends(c, &accuracy, wb_series_of, (const char *const[]){"simclr", NULL}, -INFINITY, INFINITY, -1);
}

static void smoothness_rises(wb_checks *c) {
  trends(c, &moran, wb_series_of, every, 0.008, 0.2, 1);
}

static void smoothness_falls(wb_checks *c) {
  trends(c, &moran, wb_series_of, contrastive, 0.2, 5, -1);
}

/* Moran's I with dropout less that without, at one rho. */
static wb_series gap(wb_checks *c, const char *objective, const char *rho) {
  const wb_series with = wb_series_of(c, &moran, with_dropout(objective, rho));
  const wb_series without = wb_series_of(c, &moran, without_dropout(objective, rho));
  return wb_series_minus(&with, &without);
}

static void dropout_smooths(wb_checks *c) {
  const char *found[OBJECTIVES];
  char **rhos, text[64];
  wb_checks_objectives(c, (const char *const[]){"ce", "simclr", NULL}, found);
  const size_t count = wb_checks_strengths(c, &rhos);
  for (size_t i = 0; found[i]; i++)
    for (size_t k = 0; k < count; k++) {
      const wb_series with = wb_series_of(c, &moran, with_dropout(found[i], rhos[k]));
      const wb_series without = wb_series_of(c, &moran, without_dropout(found[i], rhos[k]));
      wb_check_add(c, &moran, label(text, sizeof text, found[i], rhos[k]), &without, &with, 0, -1);
      const wb_series wide = gap(c, found[i], rhos[k]), narrow = gap(c, "supcon", rhos[k]);
      snprintf(text, sizeof text, "gap of supcon \u2212 %s, rho %s", found[i], rhos[k]);
      wb_check_add(c, &moran, text, &narrow, &wide, 0, -1);
    }
  wb_free_texts(rhos, count);
}

/* ce beside each other objective, mean over rho > 0. */
static void ce_beside_others(wb_checks *c, int dropout, int sign) {
  static const char *const others[] = {"supcon", "simclr", "margin", NULL};
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, others, found);
  wb_report_query where = {.objective = "ce", .topo = "ws", .dropout = dropout};
  const wb_series ce = wb_series_mean(c, &moran, where);
  for (size_t i = 0; found[i]; i++) {
    where.objective = found[i];
    const wb_series other = wb_series_mean(c, &moran, where);
    snprintf(text, sizeof text, "ce \u2212 %s %s dropout", found[i], dropout ? "with" : "without");
    wb_check_add(c, &moran, text, &ce, &other, 0, sign);
  }
}

static void ce_is_smoothest(wb_checks *c) {
  ce_beside_others(c, 1, 1);
  ce_beside_others(c, 0, -1);
}

static void norm_falls(wb_checks *c) {
  trends(c, &norm, wb_series_of, every, -INFINITY, INFINITY, -1);
}

static void loss_falls(wb_checks *c) {
  trends(c, &topographic_loss, wb_series_of, every, -INFINITY, INFINITY, -1);
}

/* The runs with at least 100 such pairs. */
static wb_series distance_of_many(const wb_checks *c, const wb_measure *distance, wb_report_query where) {
  const wb_measure pairs = {"colocalization", "pairs", distance->at, 1, ""};
  const wb_series d = wb_series_look(c, distance, where), n = wb_series_look(c, &pairs, where);
  wb_series many = {0};
  for (size_t i = 0; i < d.n; i++)
    for (size_t k = 0; k < n.n; k++)
      if (!strcmp(d.seeds[i], n.seeds[k]) && n.values[k] >= 100) {
        many.values[many.n] = d.values[i];
        many.seeds[many.n++] = d.seeds[i];
      }
  return many;
}

static void pairs_lie_anywhere(wb_checks *c) {
  static const wb_measure share = {"colocalization", "distance", NAN, 1, ""};
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, every, found);
  for (size_t i = 0; found[i]; i++) {
    const wb_report_query where = with_dropout(found[i], "0");
    const wb_series baseline = wb_series_of(c, &all_pairs, where);
    for (size_t k = 0; k < THRESHOLDS; k++) {
      const wb_series near = distance_of_many(c, &distances[k], where);
      const wb_series ratio = wb_series_over(&near, &baseline);
      snprintf(text, sizeof text, "%s, r \u2265 %g, share of the all-pairs mean", found[i], distances[k].at);
      wb_check_add(c, &share, text, &ratio, NULL, 0.95, 1);
      wb_check_add(c, &share, text, &ratio, NULL, 1.05, -1);
    }
  }
}

/* As trends over rho, but over thresholds, of those that enough runs have pairs for. */
static void distance_by_threshold(wb_checks *c, const char *objective, const char *rho) {
  const wb_report_query where = with_dropout(objective, rho);
  char text[64];
  const wb_series first = wb_series_of(c, &distances[0], where);
  wb_series before = first, last = first;
  double last_at = distances[0].at;
  for (size_t k = 1; k < THRESHOLDS; k++) {
    const wb_series now = wb_series_look(c, &distances[k], where);
    if (now.n < WB_CLAIM_LEAST_SEEDS) break;
    snprintf(text, sizeof text, "%s, rho %s, r \u2265 %g to %g", objective, rho, last_at, distances[k].at);
    wb_check_step(c, &distances[k], text, &now, &before, -1);
    before = last = now;
    last_at = distances[k].at;
  }
  snprintf(text, sizeof text, "%s, rho %s, r \u2265 %g to %g over all", objective, rho, distances[0].at,
           last_at);
  if (last_at > distances[0].at)
    wb_check_add(c, &distances[0], text, &last, &first, 0, -1);
  else if (first.n)
    wb_checks_lack(c, "%s, rho %s: no pairs of units above r 0.1", objective, rho);
}

static void distance_falls_with_threshold(wb_checks *c) {
  const char *found[OBJECTIVES];
  wb_checks_objectives(c, every, found);
  for (size_t i = 0; found[i]; i++) {
    distance_by_threshold(c, found[i], "0.04");
    distance_by_threshold(c, found[i], "0.2");
  }
}

/* Which of the values of rho has the smallest (sign -1) or largest mean, of those between first and end that
 * are near to `centre` or (near false) are not; count where none has enough runs. */
static size_t extreme(const wb_series *of, size_t count, size_t centre, bool near, int sign) {
  size_t best = count;
  for (size_t k = 0; k < count; k++) {
    const bool is_near = k + 1 >= centre && k <= centre + 1;
    if (of[k].n < WB_CLAIM_LEAST_SEEDS || (centre < count && is_near != near)) continue;
    if (best == count || sign * wb_series_average(&of[k]) > sign * wb_series_average(&of[best])) best = k;
  }
  return best;
}

/* At the rho of the highest Moran's I or next to it against anywhere else: the smallest distance of each. */
static void closest_of_objective(wb_checks *c, const char *objective, char *const *rhos, size_t count) {
  const wb_measure *strongest = &distances[THRESHOLDS - 1];
  wb_series *smooth = wb_new(wb_series, 2 * count + 1), *close = smooth + count;
  for (size_t k = 0; k < count; k++) {
    smooth[k] = wb_series_of(c, &moran, with_dropout(objective, rhos[k]));
    close[k] = wb_series_look(c, strongest, with_dropout(objective, rhos[k]));
  }
  const size_t peak = extreme(smooth, count, count, true, 1);
  const size_t near = peak < count ? extreme(close, count, peak, true, -1) : count;
  const size_t far = peak < count ? extreme(close, count, peak, false, -1) : count;
  char text[128];
  if (near < count && far < count) {
    snprintf(text, sizeof text, "%s, rho %s \u2212 rho %s (Moran's I highest at %s)", objective, rhos[near],
             rhos[far], rhos[peak]);
    wb_check_add(c, strongest, text, &close[near], &close[far], 0, -1);
  } else {
    wb_checks_lack(c, "%s: pairs at r \u2265 0.8 both near the highest Moran's I and farther off", objective);
  }
  free(smooth);
}

static void closest_where_smoothest(wb_checks *c) {
  const char *found[OBJECTIVES];
  char **rhos;
  wb_checks_objectives(c, every, found);
  const size_t count = wb_checks_strengths(c, &rhos);
  if (!wb_report_find(c->report, "colocalization")) wb_checks_lack(c, "no result of colocalization");
  for (size_t i = 0; found[i]; i++) closest_of_objective(c, found[i], rhos, count);
  wb_free_texts(rhos, count);
}

static void distance_drops(wb_checks *c) {
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, (const char *const[]){"ce", "simclr", NULL}, found);
  for (size_t i = 0; found[i]; i++) {
    const wb_series weak = wb_series_of(c, &distances[0], with_dropout(found[i], "0.008"));
    const wb_series strong = wb_series_of(c, &distances[0], with_dropout(found[i], "0.04"));
    snprintf(text, sizeof text, "%s, r \u2265 %g", found[i], distances[0].at);
    wb_check_add(c, &distances[0], text, &strong, &weak, 0, -1);
    for (size_t k = 1; k < THRESHOLDS; k++) {
      const wb_series low = wb_series_look(c, &distances[k], with_dropout(found[i], "0.008"));
      const wb_series high = wb_series_look(c, &distances[k], with_dropout(found[i], "0.04"));
      snprintf(text, sizeof text, "%s, r \u2265 %g", found[i], distances[k].at);
      wb_check_add(c, &distances[k], text, &high, &low, 0, -1);
    }
  }
}

static void consistency_falls(wb_checks *c) {
  trends(c, &consistency, wb_series_of_pairs, supervised, -INFINITY, INFINITY, -1);
  char **rhos;
  const size_t count = wb_checks_strengths(c, &rhos);
  for (size_t k = 1; k < count && wb_checks_has(c, "simclr"); k++) {
    if (strcmp(rhos[k], "1") != 0) continue;
    const wb_series one = wb_series_of_pairs(c, &consistency, with_dropout("simclr", "1"));
    const wb_series before = wb_series_of_pairs(c, &consistency, with_dropout("simclr", rhos[k - 1]));
    wb_check_add(c, &consistency, "simclr rises to rho 1", &one, &before, 0, 1);
  }
  wb_free_texts(rhos, count);
}

static void metric_learning_compacts(wb_checks *c) {
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, metric_learning, found);
  const wb_series ce = wb_series_of(c, &within, with_dropout("ce", "0"));
  for (size_t i = 0; found[i]; i++) {
    const wb_series other = wb_series_of(c, &within, with_dropout(found[i], "0"));
    snprintf(text, sizeof text, "%s \u2212 ce", found[i]);
    wb_check_add(c, &within, text, &other, &ce, 0, 1);
  }
}

static void ce_stays_apart(wb_checks *c) {
  char **rhos, text[64];
  wb_check_trend(c, &within, wb_series_of, with_dropout("ce", NULL), -INFINITY, INFINITY, 1);
  const size_t count = wb_report_levels(c->report, "strength", &rhos);
  for (size_t k = 0; k < count; k++) {
    const wb_series others = wb_series_of(c, &across, with_dropout("ce", rhos[k]));
    snprintf(text, sizeof text, "across classes, rho %s", rhos[k]);
    wb_check_within(c, &across, text, &others, NULL, 0.1);
  }
  wb_free_texts(rhos, count);
}

static void classes_merge(wb_checks *c) {
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, metric_learning, found);
  for (size_t i = 0; found[i]; i++) {
    const wb_series same = wb_series_of(c, &within, with_dropout(found[i], "5"));
    const wb_series others = wb_series_of(c, &across, with_dropout(found[i], "5"));
    snprintf(text, sizeof text, "%s, within \u2212 across", found[i]);
    wb_check_within(c, &within, text, &same, &others, 0.1);
  }
}

static void supervision_separates(wb_checks *c) {
  static const char *const rhos[] = {"0", "0.2"}; // of the paper's figure
  const char *found[OBJECTIVES];
  char text[64];
  wb_checks_objectives(c, supervised, found);
  for (size_t k = 0; k < 2; k++) {
    const wb_series simclr = wb_series_of(c, &silhouette, with_dropout("simclr", rhos[k]));
    for (size_t i = 0; found[i]; i++) {
      const wb_series other = wb_series_of(c, &silhouette, with_dropout(found[i], rhos[k]));
      snprintf(text, sizeof text, "%s \u2212 simclr, rho %s", found[i], rhos[k]);
      wb_check_add(c, &silhouette, text, &other, &simclr, 0, 1);
    }
  }
}

static void borders_carry_more(wb_checks *c) {
  const char *found[OBJECTIVES];
  char **rhos, text[64];
  wb_checks_objectives(c, every, found);
  const size_t count = wb_checks_strengths(c, &rhos);
  for (size_t i = 0; found[i]; i++)
    for (size_t k = 0; k < count; k++) {
      const wb_series with = wb_series_of(c, &border, with_dropout(found[i], rhos[k]));
      const wb_series without = wb_series_of(c, &border, without_dropout(found[i], rhos[k]));
      wb_check_add(c, &border, label(text, sizeof text, found[i], rhos[k]), &without, &with, 0, 1);
    }
  wb_free_texts(rhos, count);
}

const wb_claim_row wb_claims_contrastive[] = {
    {"A1", "ce, supcon, margin: accuracy at every rho is at most 1.5 points below that at rho 0.", "accuracy",
     accuracy_is_kept},
    {"A2", "simclr: accuracy falls monotonically with rho.", "accuracy", simclr_loses_accuracy},
    {"A3", "With dropout, Moran's I rises from rho 0.008 to 0.2.", "moran", smoothness_rises},
    {"A4", "supcon, simclr, margin: Moran's I falls from rho 0.2 to 5.", "moran", smoothness_falls},
    {"A5", "ce and simclr: Moran's I is lower without dropout at every rho above 0, by more than supcon's.",
     "moran", dropout_smooths},
    {"A6", "ce is the smoothest objective with dropout, and the least smooth without.", "moran",
     ce_is_smoothest},
    {"A7", "The weight norm falls monotonically with rho, and is largest at rho 0.", "weight-norm",
     norm_falls},
    {"A8", "The final topographic loss falls monotonically with rho.", "weight-topography", loss_falls},
    {"A9",
     "At rho 0 correlated units lie as far apart as any: within 5% of the all-pairs mean at every threshold "
     "with "
     "100 pairs or more.",
     "colocalization", pairs_lie_anywhere},
    {"A10", "At rho 0.04 and 0.2 the distance falls as the threshold of r rises.", "colocalization",
     distance_falls_with_threshold},
    {"A11", "The rho with the smallest distance at r \u2265 0.8 has the highest Moran's I, or is next to it.",
     "colocalization", closest_where_smoothest},
    {"A12", "ce and simclr: distances drop from rho 0.008 to 0.04.", "colocalization", distance_drops},
    {"A13", "RDM consistency falls with rho for ce, supcon, margin; simclr at rho 1 is the exception.",
     "rdm-consistency", consistency_falls},
    {"A14", "At rho 0 supcon and margin are more alike within classes than ce.", "similarity",
     metric_learning_compacts},
    {"A15", "ce: similarity within classes rises with rho; across classes it stays within 0.1 of zero.",
     "similarity", ce_stays_apart},
    {"A16", "supcon, margin at rho 5: similarity across classes is within 0.1 of that within.", "similarity",
     classes_merge},
    {"A17",
     "Ensembles gain on clean input at every rho; the gain of topographic ones is within 0.5 points of that "
     "at "
     "rho 0.",
     "ensemble", wb_claim_ensembles_gain},
    {"A18",
     "The gain of ensembles is largest at an intermediate noise level; at 0.2 accuracy is near chance and "
     "the gain "
     "vanishes.",
     "ensemble", wb_claim_gain_peaks},
    {"A19", "Classes separate better (silhouette) under every supervised objective than under simclr.",
     "tsne", supervision_separates},
    {"A20", "Without dropout a larger share of activation energy sits in border units.", "activation-map",
     borders_carry_more},
    {.id = NULL},
};
