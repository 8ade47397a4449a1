/* claims.h: what the papers claim, checked on a study's own runs (DEFINITIONS.md, "What the papers claim").
 *
 * A claim rests on contrasts between conditions: differences of means over seeds, paired where seeds match,
 * with 95% Student t intervals. It needs three seeds in each condition; p-values are Holm-corrected over all
 * claims of a report. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_CLAIMS_H
#define WB_CLAIMS_H

#include "report.h"

typedef enum wb_verdict {
  WB_CLAIM_HOLDS,
  WB_CLAIM_CONTRADICTED,
  WB_CLAIM_INCONCLUSIVE,
  WB_CLAIM_NOT_ENOUGH_RUNS, // fewer than three seeds in a condition, or conditions that are missing
  WB_CLAIM_VERDICTS
} wb_verdict;

typedef struct wb_claim {
  const char *id;        // "A1"
  const char *statement; // of the paper, one sentence
  const char *figure;    // id of the plugin whose figure shows it
  wb_verdict verdict;
  char *numbers; // what the verdict rests on, in words and numbers: "ce: -0.4 points at rho 5 [-1.2, 0.4]"
  char *test;    // "paired t over 5 seeds, Holm"
  char *data;    // "cifar10", or "builtin, not the paper's own images"
} wb_claim;

const char *wb_verdict_name(wb_verdict verdict); // "holds", "contradicted", "inconclusive", "not enough runs"

/* Every claim of the report's paper (of both where it names none), in their order; freed by wb_claims_free.
 */
wb_claim *wb_claims_check(const wb_report *report, size_t *count);
void wb_claims_free(wb_claim *claims, size_t count);

#endif
