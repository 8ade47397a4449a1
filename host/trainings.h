/* trainings.h: how the runs of a study were trained. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TRAININGS_H
#define WB_TRAININGS_H

#include <jansson.h>

#include "registry.h"
#include "study.h"

/* Makes study->trainings, each set of parameters once, and says in each run which is its own. facts[i] is
 * what was found in the file of study->runs[i] (see task_inspect.c). */
void wb_trainings_make(wb_study *study, const json_t *const *facts, const wb_registry *registry);

/* What run `a` was trained with and `b` otherwise: {parameter: [text of a, text of b]}, empty where nothing
 * is known of one of them. A new reference. */
json_t *wb_trainings_difference(const wb_study *study, size_t a, size_t b);

#endif
