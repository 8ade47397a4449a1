/* contrasts.h: differences between conditions in the scalars of a study. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_CONTRASTS_H
#define WB_CONTRASTS_H

#include "statistics.h"
#include "study.h"

/* Condition minus baseline (see wb_condition_baseline) in one output. */
typedef struct wb_study_contrast {
  const wb_output *output;
  uint32_t condition, baseline;
  wb_contrast test;
  double p_holm; // corrected over all contrasts of the same output
} wb_study_contrast;

/* Every condition against its baseline in every scalar output that both have: paired by seed where all seeds
 * of the smaller condition occur in the other, Welch's test else. malloc'ed; by output, then condition. */
wb_study_contrast *wb_study_contrasts(const wb_study *study, size_t *count);

#endif
