/* detection.h: how well one unit's activation tells the members of each class from all other stimuli.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_DETECTION_H
#define WB_DETECTION_H

#include <stddef.h>
#include <stdint.h>

typedef struct wb_scored {
  float x;       // the unit's activation
  int32_t class; // 0 .. classes - 1, or negative: a member of none
} wb_scored;

/* Sorts the n stimuli by falling activation and gives for each class (outputs have `classes` numbers):
 *
 *   ap      average precision: sum over distinct activations, from the highest down, of the gain in recall
 * times the precision there; the class' share of stimuli without selectivity, 1 for a perfect detector auc
 * area under the ROC curve: the chance that a member has a higher activation than another stimulus, ties
 * counting half dprime  (mean of members - mean of others) / sqrt of the mean of their variances (over n)
 *
 * NAN where the class has no member or no other stimulus, and for d' also where both variances are 0. `work`
 * holds WB_DETECT_WORK(classes) numbers, `spare` n stimuli; what is in stimuli and spare afterwards is of no
 * use. */
#define WB_DETECT_WORK(classes) (5 * (classes) + 3)
void wb_detect(double *ap, double *auc, double *dprime, wb_scored *stimuli, wb_scored *spare, size_t n,
               size_t classes, double *work);

#endif
