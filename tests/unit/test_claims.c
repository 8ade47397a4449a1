/* test_claims.c: verdicts on made studies, intervals by hand. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_randist.h>

#include "claims.h"
#include "heap.h"
#include "json.h"

/* ---- made studies ---- */

static wb_report_result *result_of(wb_report *report, const char *id) {
  for (size_t i = 0; i < report->count; i++)
    if (!strcmp(report->results[i].id, id)) return &report->results[i];
  wb_grow(report->results, report->count);
  wb_report_result *result = &report->results[report->count++];
  result->folder = wb_format("results/%s", id);
  result->summary = wb_json("{s{ss} s[] s[]}", "plugin", "id", id, "runs", "conditions");
  result->id = wb_json_text(json_object_get(result->summary, "plugin"), "id");
  return result;
}

/* Objective and rho, or topo and lambda: the other pair is NULL. */
typedef struct condition {
  const char *objective, *rho, *topo, *lambda, *dropout;
  size_t first_seed;
} condition;

static json_t *factors_of(const condition *c) {
  json_t *factors = wb_json("{ss ss}", "dropout", c->dropout ? c->dropout : "0.5", "data", "cifar10");
  wb_json_set(factors, "objective", wb_json_string(c->objective ? c->objective : "ce"));
  wb_json_set(factors, "topo", wb_json_string(c->topo ? c->topo : "ws"));
  if (c->rho) wb_json_set(factors, "rho", wb_json_string(c->rho));
  if (c->lambda) wb_json_set(factors, "lambda", wb_json_string(c->lambda));
  return factors;
}

/* A run for each value, seeds in order; a second output of a run joins the first. */
static void put(wb_report *report, const char *id, const char *output, condition c, size_t n,
                const double *values) {
  json_t *runs = json_object_get(result_of(report, id)->summary, "runs");
  for (size_t i = 0; i < n; i++) {
    json_t *factors = factors_of(&c), *run = NULL;
    char *seed = wb_format("%zu", c.first_seed + i);
    wb_json_set(factors, "seed", wb_json_string(seed));
    free(seed);
    for (size_t k = 0; k < json_array_size(runs) && !run; k++)
      if (json_equal(json_object_get(json_array_get(runs, k), "factors"), factors))
        run = json_array_get(runs, k);
    if (!run) {
      run = wb_json("{sO s{}}", "factors", factors, "values");
      wb_json_append(runs, run);
    }
    wb_json_set(json_object_get(run, "values"), output, wb_json_real(values[i]));
    json_decref(factors);
  }
}
#define PUT(report, id, output, c, ...)                                                                      \
  put(report, id, output, c, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})
#define CE(value)    ((condition){.objective = "ce", .rho = (value)})
#define OF(o, value) ((condition){.objective = (o), .rho = (value)})

static void close_report(wb_report *report) {
  wb_report_close(report);
}

static wb_claim *find(wb_claim *claims, size_t count, const char *id) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(claims[i].id, id)) return &claims[i];
  fail_msg("no claim %s", id);
  return NULL;
}

static void assert_verdict(const wb_report *report, const char *id, wb_verdict verdict, const char *numbers,
                           const char *test) {
  size_t count;
  wb_claim *claims = wb_claims_check(report, &count);
  const wb_claim *claim = find(claims, count, id);
  if (claim->verdict != verdict || (numbers && !strstr(claim->numbers, numbers)) ||
      (test && strcmp(claim->test, test) != 0))
    fail_msg("%s: %s, expected %s: %s (%s)", id, wb_verdict_name(claim->verdict), wb_verdict_name(verdict),
             claim->numbers, claim->test);
  wb_claims_free(claims, count);
}

/* ---- verdicts ---- */

/* Differences -0.1, 0.1, -0.05 points: mean -0.01667, sd sqrt(0.0216667 / 2) = 0.104083, se 0.0600925,
 * interval
 * +-4.302653 se = 0.258557. */
static void test_accuracy_that_is_kept_holds(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "accuracy", "top1", CE("0"), 0.8, 0.81, 0.82);
  PUT(&report, "accuracy", "top1", CE("0.2"), 0.799, 0.811, 0.8195);
  assert_verdict(&report, "A1", WB_CLAIM_HOLDS,
                 "ce, rho 0.2: \u22120.0167 points [\u22120.275, 0.242]; no runs of supcon, margin",
                 "paired t over 3 seeds, Holm over 1 claim");
  close_report(&report);
}

static void test_accuracy_that_is_lost_contradicts(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "accuracy", "top1", CE("0"), 0.8, 0.81, 0.82);
  PUT(&report, "accuracy", "top1", CE("0.2"), 0.749, 0.761, 0.7695);
  assert_verdict(&report, "A1", WB_CLAIM_CONTRADICTED,
                 "ce, rho 0.2: \u22125.02 points [\u22125.28, \u22124.76]", NULL);
  close_report(&report);
}

/* Seeds 0 to 3 against 2 to 4: Welch's test. */
static void test_wide_spread_is_inconclusive(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "accuracy", "top1", CE("0"), 0.8, 0.6, 0.7, 0.9);
  PUT(&report, "accuracy", "top1", ((condition){.objective = "ce", .rho = "0.2", .first_seed = 2}), 0.7, 0.65,
      0.85);
  assert_verdict(&report, "A1", WB_CLAIM_INCONCLUSIVE,
                 "ce, rho 0.2: ", "Welch t over 3 to 4 seeds, Holm over 1 claim");
  close_report(&report);
}

static void test_what_is_lacking_is_named(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_PAPERS_BOTH};
  PUT(&report, "accuracy", "top1", CE("0"), 0.8, 0.81, 0.82);
  PUT(&report, "accuracy", "top1", CE("0.2"), 0.8, 0.81);
  assert_verdict(&report, "A1", WB_CLAIM_NOT_ENOUGH_RUNS,
                 "lacking: ce, rho 0.2: 2 of 3 runs with a value of accuracy", "none");
  assert_verdict(&report, "A2", WB_CLAIM_NOT_ENOUGH_RUNS, "no runs of the objectives that the claim is about",
                 NULL);
  assert_verdict(&report, "A7", WB_CLAIM_NOT_ENOUGH_RUNS, "no result of weight-norm", "none");
  assert_verdict(&report, "A3", WB_CLAIM_NOT_ENOUGH_RUNS, "no runs at rho 0.008", NULL);
  assert_verdict(&report, "B9", WB_CLAIM_NOT_ENOUGH_RUNS, "no runs with lambda 2 or more", NULL);
  close_report(&report);
}

static void test_a_seed_twice_is_refused(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "accuracy", "top1", CE("0"), 0.8, 0.81, 0.82);
  PUT(&report, "accuracy", "top1", CE("0.2"), 0.8, 0.81, 0.82);
  PUT(&report, "accuracy", "top1", ((condition){.objective = "ce", .rho = "0.2", .dropout = "0.3"}), 0.8);
  assert_verdict(&report, "A1", WB_CLAIM_NOT_ENOUGH_RUNS, "several runs of one seed (ce, rho 0.2)", NULL);
  close_report(&report);
}

/* ---- trends ---- */

static void test_a_fall_is_monotone_or_not(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "weight-norm", "norm", CE("0"), 3.0, 3.01, 3.02);
  PUT(&report, "weight-norm", "norm", CE("5"), 1.0, 1.02, 1.01);
  assert_verdict(&report, "A7", WB_CLAIM_HOLDS, "ce, rho 0 to 5: \u22122 ", NULL);
  PUT(&report, "weight-norm", "norm", CE("0.2"), 2.0, 1.5, 1.8);
  assert_verdict(&report, "A7", WB_CLAIM_HOLDS, NULL, NULL);
  PUT(&report, "weight-norm", "norm", CE("0.2"), 2.0, 1.5, 8.0); // higher on average, not beyond chance
  assert_verdict(&report, "A7", WB_CLAIM_INCONCLUSIVE, "ce, rho 0 to 0.2: 0.823", NULL);
  PUT(&report, "weight-norm", "norm", CE("0.2"), 4.0, 4.02, 4.01); // higher
  assert_verdict(&report, "A7", WB_CLAIM_CONTRADICTED, "ce, rho 0 to 0.2: 1 ", NULL);
  close_report(&report);
}

/* ---- the jackknife over seeds ---- */

static void put_pairs(wb_report *report, const char *rho, double r01, double r02, double r12) {
  json_t *conditions = json_object_get(result_of(report, "rdm-consistency")->summary, "conditions");
  const condition c = CE(rho);
  wb_json_append(conditions, wb_json("{so si s{s{s[sss] s[[fff][fff][fff]]}}}", "factors", factors_of(&c),
                                     "n", 3, "values", "seeds", "row_labels", "0", "1", "2", "data", 1.0, r01,
                                     r02, r01, 1.0, r12, r02, r12, 1.0));
  PUT(report, "rdm-consistency", "unused", c, 0); // the levels of rho are those of runs
}

/* Mean of pairs 0.8 and pseudo-values 3 x 0.8 - 2 x {0.81, 0.8, 0.79} = 0.78, 0.8, 0.82; at rho 0.2 mean 0.5
 * and 0.46, 0.5, 0.54. Differences -0.32, -0.3, -0.28: mean -0.3, sd 0.02, +-4.302653 x 0.02 / sqrt(3) =
 * 0.0496828. */
static void test_consistency_is_jackknifed(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  put_pairs(&report, "0", 0.79, 0.8, 0.81);
  put_pairs(&report, "0.2", 0.48, 0.5, 0.52);
  assert_verdict(&report, "A13", WB_CLAIM_HOLDS, "ce, rho 0 to 0.2: \u22120.3 [\u22120.35, \u22120.25]",
                 NULL);
  close_report(&report);
}

/* ---- equivalence ---- */

static void test_within_a_margin(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  PUT(&report, "similarity", "within", OF("supcon", "5"), 0.99, 0.98, 0.985);
  PUT(&report, "similarity", "across", OF("supcon", "5"), 0.97, 0.97, 0.969);
  assert_verdict(&report, "A16", WB_CLAIM_HOLDS, "supcon, within \u2212 across: 0.0153 [", NULL);
  PUT(&report, "similarity", "across", OF("supcon", "5"), 0.5, 0.49, 0.494);
  assert_verdict(&report, "A16", WB_CLAIM_CONTRADICTED, "supcon, within \u2212 across: 0.49 [", NULL);
  close_report(&report);
}

/* ---- ensembles ---- */

static void put_gain(wb_report *report, const char *rho, double gain, double reach) {
  json_t *conditions = json_object_get(result_of(report, "ensemble")->summary, "conditions");
  const condition c = CE(rho);
  json_t *values = wb_must(json_object());
  const char *const names[] = {"gain", "gain-low", "gain-high"};
  for (int k = 0; k < 3; k++)
    wb_json_set(values, names[k],
                wb_json("{s[ss] s[ss] s[[fn][nf]]}", "row_labels", "clean", "white", "column_labels", "clean",
                        "level 0.2", "data",
                        gain + (k == 0   ? 0
                                : k == 1 ? -reach
                                         : reach),
                        0.5));
  wb_json_append(conditions, wb_json("{so si so}", "factors", factors_of(&c), "n", 5, "values", values));
  PUT(report, "ensemble", "unused", c, 0);
}

/* Standard errors 0.196 / 1.96 = 0.1 points each, of the difference 0.1414. */
static void test_gain_of_ensembles(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  put_gain(&report, "0", 0.029, 0.00196);
  put_gain(&report, "0.2", 0.03, 0.00196);
  assert_verdict(&report, "A17", WB_CLAIM_HOLDS, "ce, rho 0.2 \u2212 rho 0: 0.1 points [\u22120.177, 0.377]",
                 "bootstrap over images, Holm over 1 claim");
  close_report(&report);
}

/* ---- the other paper ---- */

static void test_regularisers_beside_the_control(void **state) {
  (void)state;
  wb_report report = {.paper = WB_REPORT_BEYOND_TOPOGRAPHY};
  const condition control = {.topo = "none"}, ws = {.topo = "ws", .lambda = "2"},
                  as = {.topo = "as", .lambda = "2"};
  PUT(&report, "activation-stats", "variance", control, 1, 1.1, 1.2, 1.05);
  PUT(&report, "activation-stats", "variance", ws, 2, 2.1, 2.2, 2.06);
  PUT(&report, "activation-stats", "variance", as, 1.01, 1.1, 1.2, 1.02);
  assert_verdict(&report, "B6", WB_CLAIM_HOLDS, "variance, ws \u2212 control: 1", NULL);
  PUT(&report, "accuracy", "top1", control, 0.8, 0.81, 0.8, 0.79);
  PUT(&report, "accuracy", "top1", ws, 0.7, 0.71, 0.7, 0.69);
  PUT(&report, "accuracy", "top1", as, 0.9, 0.91, 0.9, 0.89);
  assert_verdict(&report, "B9", WB_CLAIM_CONTRADICTED, "as, lambda 2: 10 points", NULL);
  close_report(&report);
}

/* ---- chance ---- */

static wb_report chance_study(gsl_rng *rng) {
  static const char *const objectives[] = {"ce", "supcon", "simclr", "margin"};
  static const char *const rhos[] = {"0", "0.008", "0.2", "5"};
  static const char *const outputs[][2] = {{"weight-norm", "norm"},
                                           {"weight-topography", "loss"},
                                           {"moran", "i"},
                                           {"similarity", "within"},
                                           {"tsne", "class"}};
  wb_report report = {.paper = WB_REPORT_CONTRASTIVE_TOPOGRAPHY};
  for (size_t p = 0; p < sizeof outputs / sizeof outputs[0]; p++)
    for (size_t o = 0; o < 4; o++)
      for (size_t r = 0; r < 4; r++) {
        double values[3];
        for (size_t s = 0; s < 3; s++) values[s] = gsl_ran_gaussian(rng, 1);
        put(&report, outputs[p][0], outputs[p][1], OF(objectives[o], rhos[r]), 3, values);
      }
  return report;
}

/* Where nothing has an effect, at most one study in twenty may have any verdict that says so. Of 200 such
 * studies more than 20 are expected once in 700 times at that rate. */
static void test_chance_has_no_verdict(void **state) {
  (void)state;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  size_t wrong = 0, checked = 0;
  for (size_t study = 0; study < 200; study++) {
    wb_report report = chance_study(rng);
    size_t count, verdicts = 0;
    wb_claim *claims = wb_claims_check(&report, &count);
    for (size_t i = 0; i < count; i++) {
      checked += claims[i].verdict == WB_CLAIM_INCONCLUSIVE;
      verdicts += claims[i].verdict == WB_CLAIM_HOLDS || claims[i].verdict == WB_CLAIM_CONTRADICTED;
    }
    wrong += verdicts > 0;
    wb_claims_free(claims, count);
    close_report(&report);
  }
  gsl_rng_free(rng);
  assert_true(checked > 200 * 5);
  if (wrong > 20) fail_msg("%zu of 200 studies without any effect have a verdict", wrong);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accuracy_that_is_kept_holds),
      cmocka_unit_test(test_accuracy_that_is_lost_contradicts),
      cmocka_unit_test(test_wide_spread_is_inconclusive),
      cmocka_unit_test(test_what_is_lacking_is_named),
      cmocka_unit_test(test_a_seed_twice_is_refused),
      cmocka_unit_test(test_a_fall_is_monotone_or_not),
      cmocka_unit_test(test_consistency_is_jackknifed),
      cmocka_unit_test(test_within_a_margin),
      cmocka_unit_test(test_gain_of_ensembles),
      cmocka_unit_test(test_regularisers_beside_the_control),
      cmocka_unit_test(test_chance_has_no_verdict),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
