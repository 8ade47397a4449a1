/* conditions.h: runs that agree in every factor but the seed. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONDITIONS_H
#define WB_CONDITIONS_H

#include "study.h"

/* Sorts study->runs and makes study->conditions of them: objective, topo, rho and lambda (as numbers) first,
 * then the other factors in their order; within a condition by seed. Earlier conditions are freed, values and
 * all. */
void wb_conditions_make(wb_study *study);

/* "40 runs, 8 conditions of 5 seeds (objective x rho)"; malloc'ed. */
char *wb_conditions_text(const wb_study *study);

/* A condition in words: "ce, rho 0.2" with the factors that vary; malloc'ed. */
char *wb_condition_text(const wb_study *study, const wb_condition *condition);

#endif
