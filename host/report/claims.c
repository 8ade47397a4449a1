/* claims.c: see claims.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "claims.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "claims_table.h"
#include "files.h"
#include "heap.h"
#include "json.h"
#include "statistics.h"

static const double significant = 0.05;

const char *wb_verdict_name(wb_verdict verdict) {
  static const char *const names[WB_CLAIM_VERDICTS] = {"holds", "contradicted", "inconclusive",
                                                       "not enough runs"};
  return names[verdict];
}

static bool papers_own(const char *data, wb_report_paper paper) {
  return !strcmp(data, "cifar10") || (paper == WB_REPORT_BEYOND_TOPOGRAPHY && !strcmp(data, "mnist"));
}

/* The data sets of the runs that a claim rests on, and whether they are the paper's own images, all of them:
 * "builtin,train=500,test=200, not the paper's own images". */
static char *name_data(const wb_report *report, const char *id, wb_report_paper paper) {
  const wb_report_result *result = wb_report_find(report, id);
  if (!result) result = wb_report_widest(report);
  const json_t *runs = result ? json_object_get(result->summary, "runs") : NULL, *run;
  char *all = wb_copy("");
  bool own = true;
  size_t i;
  json_array_foreach(runs, i, run) {
    const char *data = wb_json_text(json_object_get(run, "factors"), "data");
    if (!data || strstr(all, data)) continue;
    own = own && papers_own(data, paper);
    char *longer = wb_format("%s%s%s", all, *all ? " and " : "", data);
    free(all);
    all = longer;
  }
  char *named = wb_format("%s%s", *all ? all : "data of an unknown name",
                          *all && own ? "" : ", not the paper's own images");
  free(all);
  return named;
}

/* A claim's p, two-sided: what Holm's correction is over. */
static double p_of(const wb_checks *c) {
  if (!c->count) return NAN;
  return fmin(1, 2 * fmin(wb_checks_p_for(c), wb_checks_p_against(c)));
}

static wb_verdict judge(const wb_checks *c, double p) {
  const double p_for = wb_checks_p_for(c), p_against = wb_checks_p_against(c);
  if (p < significant && p_against < fmin(p_for, 1)) return WB_CLAIM_CONTRADICTED;
  if (isnan(p_for)) return WB_CLAIM_NOT_ENOUGH_RUNS;
  return p < significant ? WB_CLAIM_HOLDS : WB_CLAIM_INCONCLUSIVE;
}

/* One paper's claims, being checked. */
typedef struct paper_claims {
  const wb_claim_row *rows;
  wb_report_paper paper;
  const char *factor;
} paper_claims;

static size_t check_all(const wb_report *report, const paper_claims *of, const wb_claim_row **rows,
                        wb_checks *checks, wb_report_paper *papers) {
  size_t count = 0;
  for (; of->rows[count].id; count++) {
    rows[count] = &of->rows[count];
    papers[count] = of->paper;
    checks[count] = (wb_checks){.report = report, .factor = of->factor};
    of->rows[count].check(&checks[count]);
  }
  return count;
}

wb_claim *wb_claims_check(const wb_report *report, size_t *count) {
  static const paper_claims papers[] = {{wb_claims_contrastive, WB_REPORT_CONTRASTIVE_TOPOGRAPHY, "rho"},
                                        {wb_claims_beyond, WB_REPORT_BEYOND_TOPOGRAPHY, "lambda"}};
  enum { MOST = 64 };
  const wb_claim_row *rows[MOST];
  wb_report_paper paper[MOST];
  wb_checks *checks = wb_new(wb_checks, MOST);
  double p[MOST];
  size_t n = 0, family = 0;
  for (size_t k = 0; k < 2; k++)
    if (report->paper == WB_REPORT_PAPERS_BOTH || report->paper == papers[k].paper)
      n += check_all(report, &papers[k], rows + n, checks + n, paper + n);
  for (size_t i = 0; i < n; i++) {
    p[i] = p_of(&checks[i]);
    family += !isnan(p[i]);
  }
  if (!wb_holm(p, p, n)) wb_must(NULL);

  wb_claim *claims = wb_new(wb_claim, n);
  for (size_t i = 0; i < n; i++) {
    claims[i] = (wb_claim){.id = rows[i]->id,
                           .statement = rows[i]->statement,
                           .figure = rows[i]->figure,
                           .verdict = judge(&checks[i], p[i]),
                           .numbers = wb_checks_numbers(&checks[i]),
                           .test = wb_checks_test(&checks[i], family),
                           .data = name_data(report, rows[i]->figure, paper[i])};
    wb_checks_free(&checks[i]);
  }
  free(checks);
  *count = n;
  return claims;
}

void wb_claims_free(wb_claim *claims, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(claims[i].numbers);
    free(claims[i].test);
    free(claims[i].data);
  }
  free(claims);
}
