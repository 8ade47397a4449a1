/* claims_checks.h: what claims are made of: series of values over seeds, and checks of one series, or of two,
 * against a margin.
 *
 * A check has a one-sided p for the claim and one against it, from Student's t. A claim holds as far as all
 * of its checks do (p for it: the largest), and is contradicted where any is (p: the smallest, times their
 * number). SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CLAIMS_CHECKS_H
#define WB_CLAIMS_CHECKS_H

#include "claims.h"
#include "statistics.h"

enum { WB_SERIES_SEEDS = 128, WB_CLAIM_LEAST_SEEDS = 3 };

/* Values over seeds; of more than WB_SERIES_SEEDS the first. */
typedef struct wb_series {
  size_t n;
  double values[WB_SERIES_SEEDS];
  const char *seeds[WB_SERIES_SEEDS]; // belong to the report
} wb_series;

/* A scalar, or a curve's value at x. */
typedef struct wb_measure {
  const char *plugin, *output;
  double at;        // NAN for scalars
  double scale;     // of what is told: 100 for points
  const char *unit; // of what is told: " points"; "" for none
} wb_measure;

typedef struct wb_check {
  char *label; // "ce, rho 5"
  bool net;    // needs p for it; where false, only the sign must be as claimed
  double estimate, low, high, p_for, p_against;
  const wb_measure *measure;
} wb_check;

/* A claim as it is being checked. */
typedef struct wb_checks {
  const wb_report *report;
  const char *factor; // what strength is called: "rho", "lambda"
  wb_check *list;
  size_t count;
  size_t least, most; // seeds of a check; 0: none yet
  bool paired, welch, single, bootstrap;
  char **lacking; // what stands in the way of a verdict, in words
  size_t lacking_count;
  char **absent; // objectives that the study leaves out: the claim is checked on the others
  size_t absent_count;
} wb_checks;

void wb_checks_free(wb_checks *c);

/* Says what is lacking, once. The claim cannot hold then, only be contradicted. */
void wb_checks_lack(wb_checks *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- series ---- */

/* Of the runs that fit. Where there are fewer than three, says so and gives an empty one. */
wb_series wb_series_of(wb_checks *c, const wb_measure *m, wb_report_query where);
/* The same, saying nothing, however few there are. */
wb_series wb_series_look(const wb_checks *c, const wb_measure *m, wb_report_query where);
/* a - b and a / b, where a seed has both. */
wb_series wb_series_minus(const wb_series *a, const wb_series *b);
wb_series wb_series_over(const wb_series *a, const wb_series *b);
/* Mean over all strengths above zero, of the seeds that have them all. */
wb_series wb_series_mean(wb_checks *c, const wb_measure *m, wb_report_query where);
/* Of a comparison of every two seeds (a matrix of a condition): jackknife pseudo-values of its mean over
 * pairs, n mean - (n - 1) mean without the seed. Their mean and standard error are the jackknife's. */
wb_series wb_series_of_pairs(wb_checks *c, const wb_measure *m, wb_report_query where);

double wb_series_average(const wb_series *a); // NAN of an empty one

/* ---- checks ---- */

/* Claims mean(a) - mean(b) > margin (sign 1) or < margin (sign -1); b NULL: of a itself. Paired where
 * the one's seeds are among the other's, else Welch's. Nothing where a series is empty. */
void wb_check_add(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                  const wb_series *b, double margin, int sign);
/* The same of a difference whose standard error and interval are known, over images rather than seeds. */
void wb_check_contrast(wb_checks *c, const wb_measure *m, const char *label, const wb_contrast *t,
                       double margin, int sign);
/* A step on the way of a trend: need only go the claimed way on average, but must not go the other. */
void wb_check_step(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                   const wb_series *b, int sign);
/* |mean(a) - mean(b)| < margin, as two checks; b NULL: of a itself. */
void wb_check_within(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                     const wb_series *b, double margin);
/* mean(a) differs from mean(b), whichever way: can hold, cannot be contradicted. */
void wb_check_differs(wb_checks *c, const wb_measure *m, const char *label, const wb_series *a,
                      const wb_series *b);
/* Rises (sign 1) or falls (-1) with strength between two of its values, both among the study's: last against
 * first, and each step between. `series` is wb_series_of or wb_series_of_pairs. */
typedef wb_series (*wb_series_source)(wb_checks *c, const wb_measure *m, wb_report_query where);
void wb_check_trend(wb_checks *c, const wb_measure *m, wb_series_source series, wb_report_query where,
                    double from, double to, int sign);

/* ---- the study ---- */

bool wb_checks_has(const wb_checks *c, const char *objective);
/* Which of the objectives (NULL-terminated) the study has, in *found (as many, NULL-terminated); the others
 * are noted as left out. */
void wb_checks_objectives(wb_checks *c, const char *const *wanted, const char **found);
/* The strengths above zero as texts, ascending; freed with wb_free_texts. None: says that it lacks them. */
size_t wb_checks_strengths(wb_checks *c, char ***strengths);

/* ---- the verdict ---- */

double wb_checks_p_for(const wb_checks *c);     // NAN without checks, or where something is lacking
double wb_checks_p_against(const wb_checks *c); // NAN without checks
char *wb_checks_numbers(const wb_checks *c);    // malloc'ed
char *wb_checks_test(const wb_checks *c, size_t family);

#endif
