/* train_topo.c: what --topo, --rho and --lambda ask for; see train_params.h.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "train_params.h"

/* "as" or "as:0.1"; *weight is NaN where none is written. */
static wb_status read_term(const char *item, wb_topo_kind *kind, double *weight, wb_error *err) {
  const size_t length = strcspn(item, ":");
  size_t k = 0;
  while (k < WB_TOPO_KINDS &&
         (strncmp(wb_topo_kind_names[k], item, length) != 0 || wb_topo_kind_names[k][length]))
    k++;
  if (k == WB_TOPO_KINDS) {
    const char *near = wb_text_nearest(item, wb_topo_kind_names, WB_TOPO_KINDS);
    return wb_fail(err, WB_ARG, "--topo %s: the topographic losses are ws, as and global, or none%s%s%s",
                   item, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  }
  *kind = (wb_topo_kind)k;
  *weight = NAN;
  if (!item[length]) return WB_OK;
  char *end;
  const char *text = item + length + 1;
  *weight = strtod(text, &end);
  if (end == text || *end || !(*weight >= 0 && *weight <= 1e6))
    return wb_fail(err, WB_ARG, "--topo %s: a weight is a number from 0 to 1,000,000, as in %s:0.2", item,
                   wb_topo_kind_names[k]);
  return WB_OK;
}

/* Weights by kind, INFINITY where --topo does not name it. */
static wb_status read_terms(double weights[WB_TOPO_KINDS], const wb_string_list *items, wb_error *err) {
  for (int k = 0; k < WB_TOPO_KINDS; k++) weights[k] = INFINITY;
  if (items->count == 1 && strcmp(items->items[0], "none") == 0) return WB_OK;
  for (size_t i = 0; i < items->count; i++) {
    if (strcmp(items->items[i], "none") == 0)
      return wb_fail(err, WB_ARG, "--topo cannot be none and other losses at once");
    wb_topo_kind kind = WB_TOPO_WS;
    double weight = NAN;
    const wb_status status = read_term(items->items[i], &kind, &weight, err);
    if (status != WB_OK) return status;
    if (!isinf(weights[kind])) return wb_fail(err, WB_ARG, "--topo names %s twice", wb_topo_kind_names[kind]);
    weights[kind] = weight;
  }
  return WB_OK;
}

/* Terms in the order of their kinds, however they were written: the same run has the same factors. */
wb_status wb_train_topo_read(wb_train_topo *out, const wb_train_params *params, wb_error *err) {
  double weights[WB_TOPO_KINDS];
  *out = (wb_train_topo){.matched = isnan(params->lambda)};
  const double common = out->matched ? params->rho : params->lambda;
  const wb_status status = read_terms(weights, &params->topo, err);
  for (int k = 0; k < WB_TOPO_KINDS && status == WB_OK; k++) {
    if (isinf(weights[k])) continue;
    const bool own = !isnan(weights[k]);
    out->own[out->count] = own;
    out->terms[out->count++] = (wb_topo_term){.kind = (wb_topo_kind)k, .weight = own ? weights[k] : common};
  }
  return status;
}

wb_status wb_train_topo_check(const wb_train_params *params, wb_error *err) {
  wb_train_topo topo;
  const wb_string_list *layers = &params->topo_layers;
  wb_status status = wb_train_topo_read(&topo, params, err);
  if (status != WB_OK || layers->count == 0) return status;
  if (topo.count == 0)
    return wb_fail(err, WB_ARG, "--topo-layers says where topographic losses act, and --topo is none");
  return wb_topography_check_layers(wb_train_archs[params->arch], layers->items, layers->count, err);
}

static void append(char *out, size_t size, const char *separator, const char *text) {
  const size_t n = strlen(out);
  snprintf(out + n, size - n, "%s%s", n ? separator : "", text);
}

void wb_train_topo_name(char *out, size_t size, const wb_train_topo *topo) {
  snprintf(out, size, "%s", topo->count ? "" : "none");
  for (int i = 0; i < topo->count; i++) {
    char term[48];
    snprintf(term, sizeof term, "%s-%s%g", wb_topo_kind_names[topo->terms[i].kind],
             topo->matched ? "rho" : "lambda", topo->terms[i].weight);
    append(out, size, "+", term);
  }
}

static const char *joined(char *out, size_t size, const char *const *words, size_t count) {
  *out = '\0';
  for (size_t i = 0; i < count; i++) append(out, size, "+", words[i]);
  return out;
}

/* The weight of the only term, or that of the terms without their own, and those of the others. */
static size_t weight_factors(wb_runfile_factor *f, wb_train_topo_texts *texts, const wb_train_topo *topo,
                             const wb_train_params *p) {
  const char *name = topo->matched ? "rho" : "lambda";
  bool common = topo->count == 1;
  size_t n = 0;
  for (int i = 0; i < topo->count; i++) common |= !topo->own[i];
  if (common)
    f[n++] = (wb_runfile_factor){.name = name,
                                 .type = WB_FACTOR_FLOAT,
                                 .real = topo->count == 1 ? topo->terms[0].weight
                                         : topo->matched  ? p->rho
                                                          : p->lambda};
  for (int i = 0; i < topo->count && topo->count > 1; i++) {
    if (!topo->own[i]) continue;
    snprintf(texts->names[i], sizeof texts->names[i], "%s_%s", name, wb_topo_kind_names[topo->terms[i].kind]);
    f[n++] =
        (wb_runfile_factor){.name = texts->names[i], .type = WB_FACTOR_FLOAT, .real = topo->terms[i].weight};
  }
  return n;
}

size_t wb_train_topo_factors(wb_runfile_factor *f, wb_train_topo_texts *texts, const wb_train_topo *topo,
                             const wb_train_params *p) {
  const char *kinds[WB_TOPO_KINDS];
  bool ws = false;
  size_t n = 0;
  for (int i = 0; i < topo->count; i++) {
    kinds[i] = wb_topo_kind_names[topo->terms[i].kind];
    ws |= topo->terms[i].kind == WB_TOPO_WS;
  }
  joined(texts->topo, sizeof texts->topo, kinds, (size_t)topo->count);
  f[n++] = (wb_runfile_factor){.name = "topo", .text = topo->count ? texts->topo : "none"};
  if (topo->count)
    f[n++] = (wb_runfile_factor){.name = "balance", .text = topo->matched ? "matched" : "fixed"};
  n += weight_factors(f + n, texts, topo, p);
  if (ws && p->topo_distance)
    f[n++] = (wb_runfile_factor){.name = "topo_distance", .text = wb_train_distances[p->topo_distance]};
  if (ws && p->topo_mean)
    f[n++] = (wb_runfile_factor){.name = "topo_mean", .text = wb_train_means[p->topo_mean]};
  if (ws && topo->matched && p->balance_over)
    f[n++] = (wb_runfile_factor){.name = "balance_over", .text = wb_train_balances[p->balance_over]};
  if (p->topo_layers.count) {
    joined(texts->layers, sizeof texts->layers, p->topo_layers.items, p->topo_layers.count);
    f[n++] = (wb_runfile_factor){.name = "topo_layers", .text = texts->layers};
  }
  if (p->norm_penalty > 0)
    f[n++] = (wb_runfile_factor){.name = "norm_penalty", .type = WB_FACTOR_FLOAT, .real = p->norm_penalty};
  return n;
}
