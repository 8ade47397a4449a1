/* grouping.h: how the conditions of a study are laid out in figures and compared: positions along the varied
 * quantity (rho or lambda), lines for everything else that varies, and the control of each line.
 *
 * A condition without topography (topo none, or rho or lambda zero) is the control of all lines that agree
 * with it in the other factors. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_GROUPING_H
#define WB_GROUPING_H

#include "study.h"

typedef struct wb_line {
  char *label;                 // "supcon, no dropout"; "" where nothing but the axis varies
  uint32_t colour, dash, mark; // of the same objective always the same colour and mark; see figure.h
  const wb_condition *sample;  // one of its conditions
  int32_t level;   // condition that has no place on the axis: the control beside lambda, .. ; -1: none
  int32_t *points; // (position_count): condition at each position, -1: none
} wb_line;

typedef struct wb_grouping {
  const char *axis;       // factor, into the study; NULL: no numeric factor varies
  const char *axis_title; // "topographic weight \u03c1"; NULL likewise
  double *positions;      // ascending, zero first
  char **position_names;
  size_t position_count; // 0 without axis
  wb_line *lines;        // without axis: one for each condition, which is its level
  size_t line_count;
} wb_grouping;

/* A study of scope WB_PER_STUDY has one line without a condition. */
void wb_grouping_make(const wb_study *study, wb_grouping *grouping);
void wb_grouping_free(wb_grouping *grouping);

/* "supcon, \u03c1 0.2, no dropout": the factors that vary; malloc'ed, "" where none does. */
char *wb_condition_label(const wb_study *study, const wb_condition *condition);

/* The condition without topography that agrees with `condition` in every factor but those of topography (rho,
 * lambda, topo, balance, rho_as, topo_layers, ..); preferably of the same topo. -1 where there is none or
 * `condition` itself is one. */
int32_t wb_condition_baseline(const wb_study *study, const wb_condition *condition);

/* A factor as a number; NaN where it is absent or not one. */
double wb_factor_number(const wb_factor *factors, size_t count, const char *name);

#endif
