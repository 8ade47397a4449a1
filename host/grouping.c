/* grouping.c: see grouping.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "grouping.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figure/figure.h"
#include "heap.h"

static const char *get(const wb_condition *c, const char *name) {
  const char *value = wb_factor_get(c->factors, c->factor_count, name);
  return value && *value ? value : NULL;
}

static bool same(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is(const char *value, const char *text) {
  return value && strcmp(value, text) == 0;
}

static bool is_strength(const char *name) {
  return strcmp(name, "rho") == 0 || strcmp(name, "lambda") == 0;
}

/* Of one of several topographic losses. */
static bool is_own_strength(const char *name) {
  return strncmp(name, "rho_", 4) == 0 || strncmp(name, "lambda_", 7) == 0;
}

/* What a control has in another way, or not at all. */
static bool is_topographic(const char *name) {
  return is_strength(name) || is_own_strength(name) || strncmp(name, "topo", 4) == 0 ||
         strncmp(name, "balance", 7) == 0;
}

double wb_factor_number(const wb_factor *factors, size_t count, const char *name) {
  const char *text = wb_factor_get(factors, count, name);
  char *end = NULL;
  const double value = text ? strtod(text, &end) : NAN;
  return text && end != text && *end == '\0' ? value : NAN;
}

static double number(const wb_condition *c, const char *name) {
  return wb_factor_number(c->factors, c->factor_count, name);
}

static bool is_control(const wb_condition *c) {
  if (is(get(c, "topo"), "none")) return true;
  const double rho = number(c, "rho"), lambda = number(c, "lambda");
  const double common = isnan(rho) || is(get(c, "balance"), "fixed") ? lambda : rho;
  bool zero = common == 0;
  for (size_t f = 0; f < c->factor_count; f++) {
    if (!is_own_strength(c->factors[f].name)) continue;
    if (number(c, c->factors[f].name) != 0) return false;
    zero |= isnan(common) != 0;
  }
  return zero;
}

/* Agreement in every factor except those that `skip` says (and `but`, which may be NULL). */
static bool agree(const wb_condition *a, const wb_condition *b, bool (*skip)(const char *), const char *but) {
  for (int turn = 0; turn < 2; turn++) {
    for (size_t f = 0; f < a->factor_count; f++) {
      const char *name = a->factors[f].name;
      if ((skip && skip(name)) || (but && strcmp(name, but) == 0)) continue;
      if (!same(get(a, name), get(b, name))) return false;
    }
    const wb_condition *swap = a;
    a = b;
    b = swap;
  }
  return true;
}

int32_t wb_condition_baseline(const wb_study *study, const wb_condition *condition) {
  int32_t found = -1;
  if (is_control(condition)) return -1;
  for (size_t i = 0; i < study->condition_count; i++) {
    const wb_condition *c = &study->conditions[i];
    if (!is_control(c) || !agree(c, condition, is_topographic, NULL)) continue;
    if (same(get(c, "topo"), get(condition, "topo"))) return (int32_t)i;
    if (found < 0) found = (int32_t)i;
  }
  return found;
}

/* ---- The axis ---- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The distinct values of a factor over the conditions, sorted, into values (condition_count); how many. A
 * control counts as rho 0, and not at all for lambda. */
static size_t distinct(const wb_study *study, const char *name, double *values) {
  size_t count = 0;
  for (size_t i = 0; i < study->condition_count; i++) {
    const wb_condition *c = &study->conditions[i];
    double value = number(c, name);
    if (is_strength(name) && is_control(c)) value = strcmp(name, "rho") == 0 ? 0 : NAN;
    bool known = isnan(value) != 0;
    for (size_t k = 0; k < count && !known; k++) known = values[k] == value;
    if (!known) values[count++] = value;
  }
  qsort(values, count, sizeof *values, ascending);
  return count;
}

static bool all_numeric(const wb_study *study, const char *name) {
  for (size_t i = 0; i < study->condition_count; i++)
    if (isnan(number(&study->conditions[i], name))) return false;
  return true;
}

/* rho or lambda, whichever has more values; else another number with at least three. */
static const char *choose_axis(const wb_study *study, const char *const *varied, size_t count,
                               double *values) {
  const char *best = NULL;
  size_t most = 1;
  for (size_t i = 0; i < count; i++) {
    if (!is_strength(varied[i])) continue;
    const size_t n = distinct(study, varied[i], values);
    if (n > most) {
      best = varied[i];
      most = n;
    }
  }
  for (size_t i = 0; i < count && !best; i++)
    if (!is_strength(varied[i]) && strcmp(varied[i], "dropout") != 0 && all_numeric(study, varied[i]) &&
        distinct(study, varied[i], values) >= 3)
      best = varied[i];
  return best;
}

static const char *title_of(const char *factor) {
  if (strcmp(factor, "rho") == 0) return "topographic weight \u03c1";
  if (strcmp(factor, "lambda") == 0) return "topographic weight \u03bb";
  return factor;
}

/* The factors that vary, as wb_study_varied gives them. */
static const char **varied_factors(const wb_study *study, size_t *count) {
  const char **names = NULL;
  return wb_study_varied(study, &names, count, NULL) == WB_OK ? names : wb_must(NULL);
}

static void make_axis(const wb_study *study, wb_grouping *g) {
  size_t count = 0;
  const char **varied = varied_factors(study, &count);
  double *values = wb_new(double, study->condition_count);
  g->axis = choose_axis(study, varied, count, values);
  free(varied);
  if (!g->axis) {
    free(values);
    return;
  }
  g->axis_title = title_of(g->axis);
  g->positions = values;
  g->position_count = distinct(study, g->axis, values);
  g->position_names = wb_new(char *, g->position_count);
  for (size_t i = 0; i < g->position_count; i++) g->position_names[i] = wb_format("%.6g", values[i]);
}

static int32_t position_of(const wb_grouping *g, double value) {
  for (size_t i = 0; i < g->position_count; i++)
    if (g->positions[i] == value) return (int32_t)i;
  return -1;
}

/* ---- Lines ---- */

static wb_line *add_line(wb_grouping *g, const wb_condition *sample) {
  wb_line *line = &g->lines[g->line_count++];
  *line = (wb_line){.sample = sample, .level = -1, .points = wb_new(int32_t, g->position_count)};
  for (size_t i = 0; i < g->position_count; i++) line->points[i] = -1;
  return line;
}

static void place(const wb_grouping *g, wb_line *line, const wb_condition *c, size_t index, bool control) {
  const bool zero = control && g->axis && strcmp(g->axis, "rho") == 0;
  const bool off = control && g->axis && strcmp(g->axis, "lambda") == 0;
  const int32_t at = !g->axis || off ? -1 : position_of(g, zero ? 0 : number(c, g->axis));
  int32_t *slot = at < 0 ? &line->level : &line->points[at];
  if (*slot < 0 || !control) *slot = (int32_t)index; // a control of the line's own topo came first
}

/* Lines from all conditions but the controls; then the controls into the lines that they belong to. */
static void make_lines(const wb_study *study, wb_grouping *g) {
  const bool joins = g->axis && is_strength(g->axis);
  g->lines = wb_new(wb_line, study->condition_count);
  for (int controls = 0; controls < 2; controls++)
    for (size_t i = 0; i < study->condition_count; i++) {
      const wb_condition *c = &study->conditions[i];
      const bool control = joins && is_control(c);
      bool found = false;
      if (control != (controls == 1)) continue;
      for (size_t k = 0; k < g->line_count && g->axis; k++) {
        if (!agree(c, g->lines[k].sample, control ? is_topographic : NULL, g->axis)) continue;
        const int32_t own = wb_condition_baseline(study, g->lines[k].sample);
        if (!control || own == (int32_t)i || own < 0 || is_control(g->lines[k].sample))
          place(g, &g->lines[k], c, i, control);
        found = true;
        if (!control) break;
      }
      if (!found) place(g, add_line(g, c), c, i, control);
    }
}

/* ---- Labels ---- */

/* How a factor's value reads in a label. */
static void put_factor(FILE *out, const wb_condition *c, const char *name) {
  const char *value = get(c, name);
  const char *comma = ftell(out) > 0 ? ", " : "";
  if (!value || strcmp(name, "balance") == 0) return; // rho is matched, lambda is fixed
  if (is_strength(name))
    fprintf(out, "%s%s\u00a0%s", comma, strcmp(name, "rho") == 0 ? "\u03c1" : "\u03bb", value);
  else if (strcmp(name, "dropout") == 0 && number(c, name) == 0)
    fprintf(out, "%sno dropout", comma);
  else if (strcmp(name, "dropout") == 0)
    fprintf(out, "%sdropout %s", comma, value);
  else if (strcmp(name, "topo") == 0 && is(value, "none"))
    fprintf(out, "%sno topography", comma);
  else if (isnan(number(c, name)))
    fprintf(out, "%s%s", comma, value);
  else
    fprintf(out, "%s%s %s", comma, name, value);
}

/* A label of the listed factors; a brief one leaves out the usual dropout. */
static char *label(const wb_condition *c, const char *const *names, size_t count, bool brief) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  for (size_t i = 0; i < count; i++) {
    const bool usual = brief && strcmp(names[i], "dropout") == 0 && number(c, names[i]) != 0;
    if (!usual) put_factor(out, c, names[i]);
  }
  fclose(out);
  return wb_must(text);
}

/* Of several dropout rates only the absence is worth a word when there is one other rate. */
static bool dropout_on_or_off(const wb_study *study) {
  const char *rate = NULL;
  for (size_t i = 0; i < study->condition_count; i++) {
    const char *value = get(&study->conditions[i], "dropout");
    if (!value || number(&study->conditions[i], "dropout") == 0) continue;
    if (rate && strcmp(rate, value) != 0) return false;
    rate = value;
  }
  return true;
}

char *wb_condition_label(const wb_study *study, const wb_condition *condition) {
  size_t count = 0;
  const char **varied = varied_factors(study, &count);
  char *text = label(condition, varied, count, dropout_on_or_off(study));
  free(varied);
  return text;
}

static bool varies(const wb_grouping *g, const char *name) {
  for (size_t i = 1; i < g->line_count; i++)
    if (!same(get(g->lines[0].sample, name), get(g->lines[i].sample, name))) return true;
  return false;
}

static void make_labels(const wb_study *study, wb_grouping *g) {
  size_t count = 0, kept = 0;
  const char **varied = varied_factors(study, &count);
  for (size_t i = 0; i < count; i++)
    if (varies(g, varied[i]) && !(g->axis && strcmp(varied[i], g->axis) == 0)) varied[kept++] = varied[i];
  const bool brief = dropout_on_or_off(study);
  for (size_t i = 0; i < g->line_count; i++)
    g->lines[i].label = label(g->lines[i].sample, varied, kept, brief);
  free(varied);
}

/* ---- Looks ---- */

/* The place of a name among those that always look the same; -1: none of them. */
static int known(const char *name) {
  static const char *const names[][2] = {
      {"ce", "as"}, {"supcon", "ws"}, {"simclr", "global"}, {"margin", ""}};
  for (int i = 0; name && i < 4; i++)
    if (strcmp(name, names[i][0]) == 0 || strcmp(name, names[i][1]) == 0) return i;
  return -1;
}

static void make_looks(wb_grouping *g) {
  const char *factor = varies(g, "objective") || g->line_count == 1 ? "objective"
                       : varies(g, "topo")                          ? "topo"
                                                                    : NULL;
  const bool dropout = varies(g, "dropout");
  uint32_t fresh = 4;
  for (size_t i = 0; i < g->line_count; i++) {
    wb_line *line = &g->lines[i];
    const char *value = factor ? get(line->sample, factor) : NULL;
    int look = value ? known(value) : (int)i;
    for (size_t k = 0; k < i && look < 0; k++)
      if (same(get(g->lines[k].sample, factor), value)) look = (int)g->lines[k].mark;
    if (look < 0) look = (int)fresh++;
    line->colour = wb_colour_series((size_t)look);
    line->mark = (uint32_t)look % WB_MARK_COUNT;
    line->dash = dropout && number(line->sample, "dropout") == 0 ? WB_DOTTED : WB_SOLID;
    for (size_t k = 0; k < i; k++) {
      const wb_line *other = &g->lines[k];
      if (other->colour != line->colour || other->dash != line->dash) continue;
      if (line->dash == WB_SOLID)
        line->dash = WB_DASHED;
      else
        line->mark = (line->mark + WB_MARK_COUNT / 2) % WB_MARK_COUNT;
    }
  }
}

void wb_grouping_make(const wb_study *study, wb_grouping *grouping) {
  static const wb_condition everything = {0};
  *grouping = (wb_grouping){0};
  if (study->spec->scope == WB_PER_STUDY) {
    grouping->lines = wb_new(wb_line, 1);
    add_line(grouping, &everything);
  } else {
    make_axis(study, grouping);
    make_lines(study, grouping);
  }
  make_labels(study, grouping);
  make_looks(grouping);
}

void wb_grouping_free(wb_grouping *grouping) {
  if (!grouping) return;
  for (size_t i = 0; i < grouping->line_count; i++) {
    free(grouping->lines[i].label);
    free(grouping->lines[i].points);
  }
  for (size_t i = 0; i < grouping->position_count; i++) free(grouping->position_names[i]);
  free(grouping->lines);
  free(grouping->position_names);
  free(grouping->positions);
  *grouping = (wb_grouping){0};
}
