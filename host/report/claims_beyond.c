/* claims_beyond.c: the claims of Truong & Hasson, arXiv 2508.00043, B1 to B11.
 *
 * ws and as are compared as means over all lambda where a claim names none. Margins that no claim names are
 * ours. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims_table.h"
#include "files.h"
#include "json.h"

static const wb_measure accuracy = {"accuracy", "top1", NAN, 100, " points"};
static const wb_measure moran = {"moran", "i", NAN, 1, ""};
static const wb_measure dip_p = {"unit-correlation", "dip-p", NAN, 1, ""};
static const wb_measure dimension = {"effective-dim", "within", NAN, 1, ""};
static const wb_measure entropy = {"activation-stats", "entropy", NAN, 1, " bits"};
static const wb_measure sparseness = {"activation-stats", "lifetime", NAN, 1, ""};
static const wb_measure variance = {"activation-stats", "variance", NAN, 1, ""};
static const wb_measure distance = {"colocalization", "distance", 0.5, 1, " grid cells"};
static const wb_measure clean = {"input-noise", "clean", NAN, 100, " points"};
static const wb_measure noisy = {"input-noise", "noisy", NAN, 100, " points"};
static const wb_measure drop = {"weight-noise", "drop", NAN, 100, " points"};
static const wb_measure preserved = {"weight-noise", "similarity", 0.5, 1, ""};
static const wb_measure orientation = {"orientation-tuning", "selectivity", NAN, 1, ""};
static const wb_measure mirror = {"symmetry", "left-right", NAN, 1, ""};
static const wb_measure slope = {"eccentricity", "slope", NAN, 1, ""};
static const wb_measure clusters = {"expert-units", "class-i", NAN, 1, ""};

static const char *const kinds[] = {"ws", "as"};

static wb_report_query query(const char *topo, const char *lambda) {
  return (wb_report_query){.topo = topo, .strength = lambda, .dropout = -1};
}

/* Of ws, as, and the control: what most claims compare. */
typedef struct trio {
  wb_series ws, as, control;
} trio;

/* Runs without topography have no lambda that a mean could be over. */
static wb_series of_kind(wb_checks *c, const wb_measure *m, const char *topo) {
  return wb_series_mean(c, m, query(topo, NULL));
}

static trio collect(wb_checks *c, const wb_measure *m) {
  return (trio){of_kind(c, m, "ws"), of_kind(c, m, "as"), wb_series_of(c, m, query(NULL, "0"))};
}

static void ws_is_smooth(wb_checks *c) {
  const wb_series ws = of_kind(c, &moran, "ws"), as = of_kind(c, &moran, "as");
  wb_check_add(c, &moran, "ws above 0.1", &ws, NULL, 0.1, 1);
  wb_check_add(c, &moran, "as below 0.05", &as, NULL, 0.05, -1);
}

static void as_is_bimodal(wb_checks *c) {
  const wb_series ws = of_kind(c, &dip_p, "ws"), as = of_kind(c, &dip_p, "as");
  wb_check_add(c, &dip_p, "p of the dip, as below 0.05", &as, NULL, 0.05, -1);
  wb_check_add(c, &dip_p, "p of the dip, ws above 0.05", &ws, NULL, 0.05, 1);
}

/* ws and as against the control at every lambda from `least` up. */
static void below_control(wb_checks *c, const wb_measure *m, double least) {
  char **lambdas, text[64];
  const size_t count = wb_checks_strengths(c, &lambdas);
  bool any = false;
  const wb_series control = wb_series_of(c, m, query(NULL, "0"));
  for (size_t t = 0; t < 2; t++)
    for (size_t k = 0; k < count; k++) {
      if (strtod(lambdas[k], NULL) < least) continue;
      const wb_series s = wb_series_of(c, m, query(kinds[t], lambdas[k]));
      snprintf(text, sizeof text, "%s, lambda %s", kinds[t], lambdas[k]);
      wb_check_add(c, m, text, &s, &control, 0, -1);
      any = true;
    }
  if (count && !any) wb_checks_lack(c, "no runs with lambda %g or more", least);
  wb_free_texts(lambdas, count);
}

static void dimension_falls(wb_checks *c) {
  below_control(c, &dimension, 0);
}

static void weight_noise_harms_less(wb_checks *c) {
  const trio lost = collect(c, &drop), kept = collect(c, &preserved);
  wb_check_add(c, &drop, "accuracy drop, ws \u2212 control", &lost.ws, &lost.control, 0, -1);
  wb_check_add(c, &drop, "accuracy drop, as \u2212 control", &lost.as, &lost.control, 0, -1);
  wb_check_add(c, &drop, "accuracy drop, ws \u2212 as", &lost.ws, &lost.as, 0, -1);
  wb_check_add(c, &preserved, "RSM similarity at noise 0.5, ws \u2212 as", &kept.ws, &kept.as, 0, 1);
  wb_check_add(c, &preserved, "RSM similarity at noise 0.5, ws \u2212 control", &kept.ws, &kept.control, 0,
               1);
}

/* ws beyond as and the control. */
static void ws_is_extreme(wb_checks *c, const wb_measure *m, const char *what, int sign) {
  const trio t = collect(c, m);
  char text[64];
  snprintf(text, sizeof text, "%s, ws \u2212 as", what);
  wb_check_add(c, m, text, &t.ws, &t.as, 0, sign);
  snprintf(text, sizeof text, "%s, ws \u2212 control", what);
  wb_check_add(c, m, text, &t.ws, &t.control, 0, sign);
}

static void ws_is_dense(wb_checks *c) {
  ws_is_extreme(c, &entropy, "entropy", 1);
  ws_is_extreme(c, &sparseness, "sparseness", -1);
}

static void ws_varies(wb_checks *c) {
  ws_is_extreme(c, &variance, "variance", 1);
}

static void ws_pairs_are_close(wb_checks *c) {
  ws_is_extreme(c, &distance, "distance at r \u2265 0.5", -1);
}

/* "cifar10", "mnist", .. of the first run; NULL where there is none. */
static const char *data_of(const wb_checks *c, const char *plugin) {
  const wb_report_result *result = wb_report_find(c->report, plugin);
  const json_t *run = result ? json_array_get(json_object_get(result->summary, "runs"), 0) : NULL;
  const char *data = wb_json_text(json_object_get(run, "factors"), "data");
  return data;
}

/* Accuracy under noise, mean over types and levels, less clean accuracy. */
static wb_series change(const wb_series *dirty, const wb_series *pure) {
  return wb_series_minus(dirty, pure);
}

static void input_noise_harms_less(wb_checks *c) {
  const char *data = data_of(c, noisy.plugin);
  const bool cifar = data && !strncmp(data, "cifar10", 7) && strncmp(data, "cifar100", 8) != 0;
  const bool mnist = data && !strncmp(data, "mnist", 5);
  const trio under = collect(c, &noisy), before = collect(c, &clean);
  if (data && !cifar && !mnist)
    wb_checks_lack(c, "the claim is about CIFAR-10 and MNIST, these runs are of %s", data);
  if (!cifar && !mnist) return;
  const wb_series ws = change(&under.ws, &before.ws), as = change(&under.as, &before.as);
  const wb_series control = change(&under.control, &before.control);
  wb_check_add(c, &noisy, cifar ? "as \u2212 ws" : "ws \u2212 as", cifar ? &as : &ws, cifar ? &ws : &as, 0,
               1);
  wb_check_add(c, &noisy, cifar ? "as \u2212 control" : "ws \u2212 control", cifar ? &as : &ws, &control, 0,
               1);
}

static void strong_topography_costs(wb_checks *c) {
  below_control(c, &accuracy, 2);
}

static void tuning_differs(wb_checks *c) {
  static const wb_measure *const profiles[] = {&orientation, &mirror, &slope};
  static const char *const names[] = {"orientation selectivity", "left-right symmetry",
                                      "slope over eccentricity"};
  char text[96];
  for (size_t i = 0; i < 3; i++) {
    const trio t = collect(c, profiles[i]);
    snprintf(text, sizeof text, "%s, ws \u2212 control", names[i]);
    wb_check_differs(c, profiles[i], text, &t.ws, &t.control);
    snprintf(text, sizeof text, "%s, as \u2212 control", names[i]);
    wb_check_differs(c, profiles[i], text, &t.as, &t.control);
  }
}

static void experts_cluster(wb_checks *c) {
  const trio t = collect(c, &clusters);
  wb_check_add(c, &clusters, "Moran's I of class detectors, ws \u2212 control", &t.ws, &t.control, 0, 1);
  wb_check_add(c, &clusters, "Moran's I of class detectors, as \u2212 control", &t.as, &t.control, 0, 1);
}

const wb_claim_row wb_claims_beyond[] = {
    {"B1", "Moran's I is well above zero under ws, and at or below zero under as.", "moran", ws_is_smooth},
    {"B2", "Pair correlations are bimodal under as, and not under ws.", "unit-correlation", as_is_bimodal},
    {"B3", "Effective dimensionality within classes is below the control's under ws and as.", "effective-dim",
     dimension_falls},
    {"B4",
     "Under weight noise ws and as lose less accuracy than the control, ws less than as; ws preserves the "
     "similarities of class weights best.",
     "weight-noise", weight_noise_harms_less},
    {"B5", "Under ws entropy is above, and sparseness below, that of as and control.", "activation-stats",
     ws_is_dense},
    {"B6", "Activations vary more under ws than under as and control.", "activation-stats", ws_varies},
    {"B7", "Correlated units lie closer on the grid under ws than under as and control.", "colocalization",
     ws_pairs_are_close},
    {"B8",
     "Under input noise as keeps more accuracy than control and ws on CIFAR-10, and ws more than control and "
     "as on "
     "MNIST.",
     "input-noise", input_noise_harms_less},
    {"B9", "lambda of 2 and more costs accuracy.", "accuracy", strong_topography_costs},
    {"B10", "Orientation selectivity, symmetry and eccentricity of ws and as differ from the control's.",
     "orientation-tuning", tuning_differs},
    {"B11", "Units that detect the same class cluster on the grid under ws and as.", "expert-units",
     experts_cluster},
    {.id = NULL},
};
