/* cautions_training.h: what to know of how a study's runs were trained. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#ifndef WB_CAUTIONS_TRAINING_H
#define WB_CAUTIONS_TRAINING_H

#include "report.h"

/* Appends sentences on conditions that mix runs of different parameters, lines that differ in more than the
 * strength of topography, and (from the results of training-curves) trainings that ended at their limit while
 * validation still improved, or before early stopping could end them. */
void wb_cautions_of_trainings(json_t *list, const wb_report *report);

/* Appends a sentence. */
void wb_caution_add(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
