/* claims_table.h: the claims of the two papers, a row each. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CLAIMS_TABLE_H
#define WB_CLAIMS_TABLE_H

#include "claims_checks.h"

typedef struct wb_claim_row {
  const char *id, *statement, *figure;
  void (*check)(wb_checks *c);
} wb_claim_row;

extern const wb_claim_row wb_claims_contrastive[]; // A1.., the last one's id is NULL
extern const wb_claim_row wb_claims_beyond[];      // B1..

/* claims_ensemble.c */
void wb_claim_ensembles_gain(wb_checks *c);
void wb_claim_gain_peaks(wb_checks *c);

#endif
