/* chart_caption.c: captions: what is shown, of what, how much of it. See charts.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "charts.h"
#include "heap.h"
#include "params.h"

/* A text as a sentence: capital first, full stop last. */
static void put_sentence(FILE *out, const char *text) {
  if (!text || !*text) return;
  if (ftell(out) > 0) putc(' ', out);
  putc(toupper((unsigned char)text[0]), out);
  fputs(text + 1, out);
  if (!strchr(".!?", text[strlen(text) - 1])) putc('.', out);
}

/* The value that all conditions have; NULL where it varies or is absent. */
static const char *common(const wb_study *study, const char *name) {
  const char *value = NULL;
  for (size_t i = 0; i < study->condition_count; i++) {
    const wb_condition *c = &study->conditions[i];
    const char *own = wb_factor_get(c->factors, c->factor_count, name);
    if (!own || !*own || (value && strcmp(own, value) != 0)) return NULL;
    value = own;
  }
  return value;
}

static void put_data(FILE *out, const wb_study *study) {
  static const char *const names[] = {"data", "arch", "objective", "topo", "rho", "lambda"};
  static const char *const words[] = {"", "", "", "", "\u03c1\u00a0", "\u03bb\u00a0"};
  bool first = true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = common(study, names[i]);
    if (!value) continue;
    fprintf(out, "%s%s%s", first ? " Data and model: " : ", ", words[i], value);
    first = false;
  }
  if (!first) putc('.', out);
}

/* Whether a parameter makes the result another than its default would. */
static bool is_changed(const wb_param *declared, const char *value) {
  char *usual = NULL;
  if (declared->flags & WB_PARAM_NOT_IDENTITY) return false;
  const char *text = declared->default_text ? declared->default_text : "";
  if (*text && wb_param_normalise(declared, text, &usual, NULL) != WB_OK) return false;
  const bool changed = strcmp(usual ? usual : "", value ? value : "") != 0;
  free(usual);
  return changed;
}

static void put_params(FILE *out, const wb_study *study) {
  bool first = true;
  for (size_t i = 0; i < study->param_count; i++) {
    const wb_factor *p = &study->params[i];
    const wb_param *declared = wb_spec_param(study->spec, p->name);
    if (!declared || !is_changed(declared, p->value)) continue;
    fprintf(out, "%s%s %s", first ? " Options: " : ", ", p->name, p->value);
    first = false;
  }
  if (!first) putc('.', out);
}

static void put_missing(FILE *out, const wb_chart *chart) {
  size_t missing = 0, all = 0;
  const wb_value *first = NULL;
  const bool per_run = chart->study->spec->scope == WB_PER_RUN;
  for (size_t i = 0; i < chart->study->condition_count; i++) {
    const size_t expected = per_run ? chart->study->conditions[i].run_count : 1;
    missing +=
        expected - wb_study_values(chart->study, (int32_t)i, chart->output->name, chart->values, &first);
    all += expected;
  }
  if (missing && chart->study->spec->scope != WB_PER_STUDY)
    fprintf(out, " %zu of %zu values are missing%s%s.", missing, all, first ? ": " : "",
            first ? first->missing : "");
}

char *wb_chart_seeds(const wb_chart *chart, wb_figure *figure, size_t *most) {
  size_t low = SIZE_MAX, high = 0;
  for (size_t i = 0; i < chart->study->condition_count; i++) {
    const size_t n = chart->study->conditions[i].run_count;
    low = n < low ? n : low;
    high = n > high ? n : high;
  }
  if (most) *most = high;
  if (low >= high) return wb_figure_text(figure, "%zu seed%s", high, high == 1 ? "" : "s");
  return wb_figure_text(figure, "%zu to %zu seeds", low, high);
}

void wb_chart_caption(const wb_chart *chart, wb_figure *figure, const char *drawn) {
  const wb_output *output = chart->output;
  char *text = NULL;
  size_t size = 0;
  FILE *out = wb_must(open_memstream(&text, &size));
  const char *title = output->title && *output->title ? output->title : output->name;
  const bool helped = output->help && *output->help;
  char *what = helped ? wb_format("%s: %s", title, output->help) : wb_copy(title);
  put_sentence(out, what);
  free(what);
  if (output->higher_means && *output->higher_means) fprintf(out, " Higher is %s.", output->higher_means);
  put_sentence(out, drawn);
  put_data(out, chart->study);
  put_params(out, chart->study);
  put_missing(out, chart);
  if (chart->study->spec->reference && *chart->study->spec->reference) {
    fputs(" Definition: ", out);
    fputs(chart->study->spec->reference, out);
    if (chart->study->spec->reference[strlen(chart->study->spec->reference) - 1] != '.') putc('.', out);
  }
  if (fclose(out) == 0)
    figure->caption = wb_figure_text(figure, "%s", text);
  else
    figure->failed = true;
  free(text);
}
