/* doubts.h: conditions whose runs are perhaps not what the user takes them for. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_DOUBTS_H
#define WB_DOUBTS_H

#include "study.h"

/* Warns of runs that count as seeds of one condition although they differ in more than the seed, or do not
 * differ in it. The study's trainings are known. */
void wb_doubts_report(const wb_study *study);

#endif
