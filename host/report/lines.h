/* lines.h: the conditions of a result, in lines of ascending strength, and what they came to.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_LINES_H
#define WB_LINES_H

#include "report.h"

/* Conditions that differ in nothing but the strength of their topographic loss (rho or lambda). */
typedef struct wb_line {
  char *label; // what tells it from the other lines: "ce", "supcon, no dropout"; "" of a single one
  const char **strengths; // (count) ascending; belong to the summary
  size_t *conditions;     // (count) positions in the summary's conditions
  size_t count;
  const char *strength_name; // "rho" or "lambda"; NULL where there is none
  bool no_dropout;           // trained without
} wb_line;

/* In the order in which the summary has them; freed by wb_lines_free. */
size_t wb_lines_make(const json_t *summary, wb_line **lines);
void wb_lines_free(wb_line *lines, size_t count);

/* "ce at rho 0, 0.2 and 5": those conditions of a line that are marked; malloc'ed. */
char *wb_line_text(const wb_line *line, const bool *marked);

/* A condition's value: the mean over its runs, or what was measured of the condition. */
typedef struct wb_number {
  double mean, sd, low, high; // NAN where there is none
  size_t n;                   // runs
} wb_number;
/* `at`: the place in a curve; NAN for scalars. */
wb_number wb_line_number(const json_t *summary, size_t condition, const char *output, double at);

/* Decimals that show three digits of the largest of the values, 0 to 4; -1: powers of ten suit better. */
int wb_number_decimals(const double *values, size_t count);
/* "0.58", with a real minus sign; a dash for NAN; malloc'ed. */
char *wb_number_text(double value, int decimals);

/* Sentences such as "ce: 0.61 at rho 0, 0.58 at 0.2; supcon: .." as a JSON array of texts and of numbers
 * {"text", "source"}, where source names the entry of the summary: the ends of each line, and between them
 * the value that is farthest outside theirs. Empty where the output has no values. Lines without dropout are
 * left out where there are others. `place` (may be NULL) says where in a curve: "r >= 0.5". */
json_t *wb_lines_sentence(const wb_report_result *result, const char *output, double at, const char *place);

#endif
