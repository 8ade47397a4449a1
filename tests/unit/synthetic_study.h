/* synthetic_study.h: made-up studies for tests of what comes out of analyses: every combination of some
 * factors, values from simple formulas and seeded noise. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef SYNTHETIC_STUDY_H
#define SYNTHETIC_STUDY_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "study.h"

/* NULL-terminated lists of values; NULL lists leave the factor out. The control is a further condition of
 * each objective with topo none and no strength. */
typedef struct synthetic {
  const char *const *objectives, *const *topos, *const *rhos, *const *lambdas, *const *dropouts;
  bool control;
  unsigned seeds;
  const wb_spec *spec;
  void (*emit)(wb_values *values, const wb_study *study, const wb_condition *condition, unsigned seed);
} synthetic;

static inline void synthetic_factor(wb_factor *list, size_t *count, const char *name, const char *value) {
  if (value) list[(*count)++] = (wb_factor){strdup(name), strdup(value)};
}

static inline void synthetic_add(wb_values *values, wb_value value) {
  wb_error err = {0};
  if (wb_values_add(values, &value, &err) != WB_OK) {
    fprintf(stderr, "%s\n", err.message);
    abort();
  }
}

static inline void synthetic_condition(wb_study *study, const synthetic *s, const char *objective,
                                       const char *topo, const char *rho, const char *lambda,
                                       const char *dropout) {
  const uint32_t index = (uint32_t)study->condition_count++;
  wb_condition *c = &study->conditions[index];
  *c = (wb_condition){.factors = calloc(9, sizeof(wb_factor)), .runs = calloc(s->seeds, sizeof(uint32_t))};
  synthetic_factor(c->factors, &c->factor_count, "objective", objective);
  synthetic_factor(c->factors, &c->factor_count, "data", "cifar10");
  synthetic_factor(c->factors, &c->factor_count, "arch", "shallowcnn");
  synthetic_factor(c->factors, &c->factor_count, "topo", topo);
  synthetic_factor(c->factors, &c->factor_count, "balance", rho ? "matched" : lambda ? "fixed" : NULL);
  synthetic_factor(c->factors, &c->factor_count, "rho", rho);
  synthetic_factor(c->factors, &c->factor_count, "lambda", lambda);
  synthetic_factor(c->factors, &c->factor_count, "dropout", dropout);
  const bool single = dropout && strcmp(dropout, "0") == 0;
  for (unsigned seed = 1; seed <= (single ? 1 : s->seeds); seed++) {
    char text[256];
    wb_run *run = &study->runs[study->run_count];
    c->runs[c->run_count++] = (uint32_t)study->run_count++;
    *run = (wb_run){.factors = calloc(10, sizeof(wb_factor)), .condition = index};
    for (size_t f = 0; f < c->factor_count; f++)
      synthetic_factor(run->factors, &run->factor_count, c->factors[f].name, c->factors[f].value);
    snprintf(text, sizeof text, "%u", seed);
    synthetic_factor(run->factors, &run->factor_count, "seed", text);
    snprintf(text, sizeof text, "runs/%s_%s_rho%s_do%s_seed%u.h5", objective ? objective : "x",
             topo ? topo : "none", rho ? rho : "-", dropout ? dropout : "-", seed);
    run->path = strdup(text);
    memset(run->digest, 'a' + (int)(index % 6), WB_DIGEST_SIZE - 1);
    if (s->spec->scope == WB_PER_RUN) s->emit(&run->values, study, c, seed);
  }
  if (s->spec->scope == WB_PER_GROUP) s->emit(&c->values, study, c, 0);
}

/* All combinations, in the order in which the lists are given; without dropout one seed only. */
static inline wb_study *synthetic_study(const synthetic *s) {
  static const char *const none[] = {NULL, NULL};
  wb_study *study = calloc(1, sizeof *study);
  const char *const *lists[5] = {s->objectives, s->topos, s->rhos, s->lambdas, s->dropouts};
  size_t lengths[5], product = 1;
  for (int i = 0; i < 5; i++) {
    if (!lists[i]) lists[i] = none;
    for (lengths[i] = 0; lists[i][lengths[i]]; lengths[i]++) continue;
    if (!lengths[i]) lengths[i] = 1;
    product *= lengths[i];
  }
  study->spec = s->spec;
  study->conditions = calloc(product + 16, sizeof(wb_condition));
  study->runs = calloc((product + 16) * s->seeds, sizeof(wb_run));
  study->command = strdup("workbench run example --in runs/*.h5");
  for (size_t o = 0; o < lengths[0]; o++) {
    if (s->control) synthetic_condition(study, s, lists[0][o], "none", NULL, NULL, lists[4][0]);
    for (size_t t = 0; t < lengths[1]; t++)
      for (size_t d = 0; d < lengths[4]; d++)
        for (size_t r = 0; r < lengths[2]; r++)
          for (size_t l = 0; l < lengths[3]; l++)
            synthetic_condition(study, s, lists[0][o], lists[1][t], lists[2][r], lists[3][l], lists[4][d]);
  }
  if (s->spec->scope == WB_PER_STUDY) s->emit(&study->values, study, NULL, 0);
  return study;
}

static inline void synthetic_free(wb_study *study) {
  wb_study_free(study);
  free(study);
}

/* A condition's factor as a number. */
static inline double synthetic_number(const wb_condition *c, const char *name, double otherwise) {
  const char *text = c ? wb_factor_get(c->factors, c->factor_count, name) : NULL;
  return text ? strtod(text, NULL) : otherwise;
}

static const char *const synthetic_objectives[] = {"ce", "supcon", "simclr", "margin", NULL};
static const char *const synthetic_rhos[] = {"0", "0.008", "0.04", "0.2", "1", "5", NULL};

#endif
