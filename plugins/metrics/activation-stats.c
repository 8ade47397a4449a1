/* activation-stats.c: how much, how variedly and how sparsely units respond.
 *
 * With x a unit's activation before and r = max(x, 0) after ReLU, over n stimuli:
 *
 *     variance            sample variance of x (input sensitivity)
 *     entropy             Shannon entropy in bits of a 32-bin histogram of r between the unit's least and
 *                         largest r: 0 for a constant unit, 5 where all levels are equally frequent
 *     lifetime sparseness (1 - mean(r)^2 / mean(r^2)) / (1 - 1/n) (Treves-Rolls, Vinje & Gallant): 1, one
 *                         stimulus excites the unit; 0, all do alike
 *
 * each averaged over units; population sparseness is the same over the units of one stimulus, averaged over
 * stimuli. A dead unit (r = 0 throughout) has no sparseness and is left out of its mean; neither has a
 * stimulus that excites no unit. Entropy and sparseness are definitions chosen by workbench.
 *
 * Truong & Hasson 2025; Treves & Rolls 1991; Vinje & Gallant 2000; Hoyer 2004.
 *
 *     workbench run activation-stats --in runs/x.h5 --sparseness hoyer
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <string.h>
#include <workbench/plugin_util.h>

#include "unit_stats.h"

static const size_t BLOCK_BYTES = (size_t)16 << 20;

typedef struct stats_params {
  int32_t sparseness; // wb_sparseness
} stats_params;

static const char *const sparseness_choices[] = {"treves-rolls", "hoyer", NULL};

static const wb_param params_table[] = {
    {.name = "sparseness",
     .help = "from the ratio of squared mean and mean square, or of sum and root of squares",
     .type = WB_CHOICE,
     .choices = sparseness_choices,
     .default_text = "treves-rolls",
     .offset = offsetof(stats_params, sparseness)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
};

#define SCALAR(id, label, about, text_unit, higher, most)                                                    \
  {                                                                                                          \
    .name = (id), .title = (label), .help = (about), .unit = (text_unit), .higher_means = (higher),          \
    .low = 0, .high = (most), .reference = NAN, .shape = WB_SCALAR,                                          \
    .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING                                                   \
  }
#define MAP(id, label, about, text_unit, most)                                                               \
  {                                                                                                          \
    .name = (id), .title = (label), .help = (about), .unit = (text_unit), .low = 0, .high = (most),          \
    .reference = NAN, .shape = WB_MATRIX, .plot = WB_PLOT_MAPS, .flags = WB_OUTPUT_NONFINITE_OK              \
  }

static const wb_output outputs_table[] = {
    SCALAR("variance", "activation variance", "variance over stimuli before ReLU, mean over units", NULL,
           "more sensitive to the input", INFINITY),
    SCALAR("entropy", "activation entropy", "entropy of a unit's activity after ReLU, mean over units",
           "bits", "more varied", 5),
    SCALAR("lifetime", "lifetime sparseness", "sparseness over stimuli after ReLU, mean over units", NULL,
           "sparser", 1),
    SCALAR("population", "population sparseness", "sparseness over units after ReLU, mean over stimuli", NULL,
           "sparser", 1),
    {.name = "dead",
     .title = "dead units",
     .help = "share of units that no stimulus excites",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "silent-stimuli",
     .title = "silent stimuli",
     .help = "stimuli that excite no unit; they have no population sparseness",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
    MAP("variance-map", "activation variance", "variance of each unit", NULL, INFINITY),
    MAP("entropy-map", "activation entropy", "entropy of each unit after ReLU", "bits", 5),
    MAP("lifetime-map", "lifetime sparseness", "sparseness of each unit; none for a dead one", NULL, 1),
};

/* Stimuli in a file, and what is gathered from them. */
typedef struct data {
  uint64_t n, units, block;
  float *x;           // (block, units)
  double *each;       // (block): population sparseness
  wb_unit_sums *sums; // (units)
  uint64_t *counts;   // (units, WB_ENTROPY_BINS)
  double population;  // sum over stimuli that excite some unit
  uint64_t silent;    // the other stimuli
} data;

static wb_status gather(const wb_host *host, const stats_params *p, data *d) {
  for (int second = 0; second < 2; second++) {
    for (uint64_t first = 0; first < d->n; first += d->block) {
      const uint64_t rows = d->n - first < d->block ? d->n - first : d->block;
      WB_TRY(host->read(host, "activations", 0, first, rows, d->x));
      if (second) {
        wb_unit_histograms_add(d->counts, d->sums, d->x, rows, d->units);
      } else {
        wb_unit_sums_add(d->sums, d->x, first, rows, d->units);
        wb_population_sparseness(d->each, d->x, rows, d->units, (wb_sparseness)p->sparseness);
        for (uint64_t s = 0; s < rows; s++) {
          d->silent += isnan(d->each[s]);
          d->population += isnan(d->each[s]) ? 0 : d->each[s];
        }
      }
      if (host->cancelled(host)) return WB_CANCELLED;
      host->progress(host, (double)(d->n * (uint64_t)second + first + rows), 2 * (double)d->n, NULL);
    }
  }
  return WB_OK;
}

/* The mean over the values that are not NAN. */
static wb_status emit_mean(const wb_host *host, const char *name, const double *values, size_t n,
                           const char *why) {
  double sum = 0;
  size_t count = 0;
  for (size_t k = 0; k < n; k++) {
    count += !isnan(values[k]);
    sum += isnan(values[k]) ? 0 : values[k];
  }
  return count ? host->emit_scalar(host, name, sum / (double)count) : host->emit_missing(host, name, why);
}

static wb_status emit_units(const wb_host *host, const stats_params *p, const data *d) {
  const size_t units = d->units;
  double *variance = WB_ALLOC(host, double, 3 * units), *entropy = variance + units;
  if (!variance) return WB_NOMEM;
  double *lifetime = entropy + units, dead = 0;
  for (size_t u = 0; u < units; u++) {
    const wb_unit_sums *s = &d->sums[u];
    variance[u] = wb_unit_variance(s, d->n);
    entropy[u] = wb_entropy_bits(d->counts + u * WB_ENTROPY_BINS, WB_ENTROPY_BINS);
    lifetime[u] = wb_sparseness_of(s->r_sum, s->r_square, d->n, (wb_sparseness)p->sparseness);
    dead += !(s->r_high > 0);
  }
  const char *why = "every unit is dead: no stimulus excites it";
  WB_TRY(host->emit_scalar(host, "dead", dead / (double)units));
  WB_TRY(emit_mean(host, "variance", variance, units, "there is one stimulus only"));
  WB_TRY(emit_mean(host, "entropy", entropy, units, why));
  WB_TRY(emit_mean(host, "lifetime", lifetime, units, d->n < 2 ? "there is one stimulus only" : why));
  WB_TRY(host->emit_matrix(host, "variance-map", 1, units, variance, NULL, NULL));
  WB_TRY(host->emit_matrix(host, "entropy-map", 1, units, entropy, NULL, NULL));
  return host->emit_matrix(host, "lifetime-map", 1, units, lifetime, NULL, NULL);
}

static wb_status run(const wb_host *host, const void *params) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  data d = {.n = dims[0], .units = dims[1]};
  if (d.n < 1 || d.units < 1)
    return wb_host_fail(host, WB_INPUT, "%s has no activations: its data set is empty",
                        host->run_path(host, 0));
  const uint64_t fit = BLOCK_BYTES / (d.units * sizeof *d.x) + 1;
  d.block = fit < d.n ? fit : d.n;
  d.x = WB_ALLOC(host, float, d.block *d.units);
  d.each = WB_ALLOC(host, double, d.block);
  d.sums = WB_ALLOC(host, wb_unit_sums, d.units);
  d.counts = WB_ALLOC(host, uint64_t, d.units * WB_ENTROPY_BINS);
  if (!d.x || !d.each || !d.sums || !d.counts) return WB_NOMEM;
  memset(d.counts, 0, d.units * WB_ENTROPY_BINS * sizeof *d.counts);
  WB_TRY(gather(host, params, &d));

  WB_TRY(host->emit_scalar(host, "silent-stimuli", (double)d.silent));
  WB_TRY(d.units > 1 && d.n > d.silent
             ? host->emit_scalar(host, "population", d.population / (double)(d.n - d.silent))
             : host->emit_missing(host, "population",
                                  d.units > 1 ? "no stimulus excites any unit" : "there is one unit only"));
  return emit_units(host, params, &d);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_THREADED,
    .params_size = sizeof(stats_params),
    .id = "activation-stats",
    .version = "1.0",
    .title = "variance, entropy and sparseness of units",
    .summary = "How units respond over stimuli. Variance before ReLU: high where units are sensitive to the "
               "input. Entropy after ReLU, from 0 (always the same) to 5 bits (all levels equally often). "
               "Sparseness after ReLU over stimuli (lifetime) and over units (population): 1 where one "
               "carries all, 0 where all are equal. And the share of units that no stimulus excites. Entropy "
               "and sparseness are definitions chosen by workbench.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Truong & Hasson, arXiv 2508.00043; Treves & Rolls 1991; Vinje & Gallant 2000; Hoyer 2004",
    .example = "workbench run activation-stats --in runs/*.h5",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
