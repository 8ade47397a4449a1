/* similarity-table.c: Table 1 of Sander & Hasson, here and as published.
 *
 * A row for each condition: similarity's mean and sd over pairs within and across classes, averaged over
 * seeds; whether it is set in bold (a topographic condition with within at or above and across at or below
 * that of its objective at rho = 0: at least as specific to classes); and the published values where
 * objective and rho are those of the paper, and the runs had dropout and weight similarity as there. Cells
 * that do not apply are empty.
 *
 *     workbench run similarity-table --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdbool.h>
#include <string.h>
#include <workbench/plugin_util.h>

enum { VALUES = 4, BOLD = VALUES, COLUMNS = 2 * VALUES + 1 };

static const char *const roles[VALUES] = {"within", "within-sd", "across", "across-sd"};

#define DERIVED(output_name)                                                                                 \
  {                                                                                                          \
    .role = (output_name), .help = "of each run", .kind = WB_DERIVED, .object = "similarity/" output_name,   \
    .element = WB_F64                                                                                        \
  }

static const wb_input inputs_table[] = {DERIVED("within"), DERIVED("within-sd"), DERIVED("across"),
                                        DERIVED("across-sd")};

static const wb_output outputs_table[] = {
    {.name = "table",
     .title = "cosine similarity",
     .help = "within and across classes with sd over pairs, mean over seeds; bold (1) where a topographic "
             "condition is at least as specific to classes as rho 0; published values",
     .higher_means = "more alike",
     .x_label = "value",
     .y_label = "condition",
     .low = -1,
     .high = 1,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_NONE,
     .flags = WB_OUTPUT_NONFINITE_OK | WB_OUTPUT_HEADLINE},
};

typedef struct published {
  const char *objective;
  double rho, values[VALUES];
} published;

static const published paper[] = {
    {"margin", 0, {.87, .20, .18, .19}},    {"margin", 0.008, {.85, .21, .15, .19}},
    {"margin", 0.04, {.85, .24, .02, .21}}, {"margin", 0.2, {.87, .24, .00, .29}},
    {"margin", 1, {.93, .11, .51, .21}},    {"margin", 5, {.99, .02, .93, .04}},
    {"ce", 0, {.77, .23, -.01, .21}},       {"ce", 0.008, {.79, .23, .00, .21}},
    {"ce", 0.04, {.80, .24, -.03, .22}},    {"ce", 0.2, {.82, .26, -.05, .32}},
    {"ce", 1, {.85, .27, -.05, .44}},       {"ce", 5, {.89, .25, -.03, .56}},
    {"simclr", 0, {.26, .29, .05, .29}},    {"simclr", 0.008, {.26, .29, .05, .29}},
    {"simclr", 0.04, {.28, .29, .07, .30}}, {"simclr", 0.2, {.78, .16, .71, .18}},
    {"simclr", 1, {.98, .02, .97, .02}},    {"simclr", 5, {1.00, .00, 1.00, .00}},
    {"supcon", 0, {.83, .24, .10, .18}},    {"supcon", 0.008, {.83, .26, .04, .17}},
    {"supcon", 0.04, {.84, .25, .06, .18}}, {"supcon", 0.2, {.84, .27, -.03, .21}},
    {"supcon", 1, {.95, .08, .70, .13}},    {"supcon", 5, {1.00, .00, 1.00, .00}},
};

static bool agree(const wb_host *host, uint32_t a, uint32_t b, const char *factor) {
  const char *x = host->factor(host, a, factor), *y = host->factor(host, b, factor);
  return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Whether the condition of run b is the rho = 0 of that of run a. */
static bool is_baseline(const wb_host *host, uint32_t a, uint32_t b) {
  static const char *const same[] = {"data", "arch", "width", "objective", "dropout"};
  bool all = wb_host_factor(host, b, "rho", NAN) == 0 && wb_host_factor(host, a, "rho", NAN) > 0;
  for (size_t f = 0; f < sizeof same / sizeof *same; f++) all = all && agree(host, a, b, same[f]);
  return all;
}

/* Whether the condition of run r is one of the published table, but for its data and network. */
static bool is_published(const wb_host *host, uint32_t r, const published *p) {
  const char *objective = host->factor(host, r, "objective"), *topo = host->factor(host, r, "topo");
  const double rho = wb_host_factor(host, r, "rho", NAN);
  if (!objective || strcmp(objective, p->objective) != 0 || rho != p->rho) return false;
  if (rho > 0 && topo && strcmp(topo, "ws") != 0) return false;
  return wb_host_factor(host, r, "dropout", NAN) != 0;
}

static void add_published(const wb_host *host, uint32_t r, double *row) {
  for (int k = 0; k < VALUES; k++) row[BOLD + 1 + k] = NAN;
  for (size_t i = 0; i < sizeof paper / sizeof *paper; i++)
    if (is_published(host, r, &paper[i])) memcpy(row + BOLD + 1, paper[i].values, sizeof paper[i].values);
}

/* Means over the seeds of each condition, the first run of each in first, its name in names. */
static wb_status fill(const wb_host *host, double *table, uint32_t *first, const char **names) {
  const uint32_t runs = host->run_count(host);
  uint32_t count = 0;
  for (uint32_t r = 0; r < runs; r += count) {
    const uint32_t c = host->condition(host, r);
    double *row = table + (size_t)c * COLUMNS, sums[VALUES] = {0};
    for (count = 0; r + count < runs && host->condition(host, r + count) == c; count++)
      for (int k = 0; k < VALUES; k++) {
        double value;
        WB_TRY(host->read(host, roles[k], r + count, 0, 1, &value));
        sums[k] += value;
      }
    for (int k = 0; k < VALUES; k++) row[k] = sums[k] / count;
    const char *objective = host->factor(host, r, "objective"), *dropout = host->factor(host, r, "dropout");
    const char *rho = host->factor(host, r, "rho");
    char *name = WB_ALLOC(host, char, 160);
    if (!name) return WB_NOMEM;
    snprintf(name, 160, "%s%s%s%s%s", objective ? objective : "all runs", rho ? " rho " : "", rho ? rho : "",
             dropout ? " dropout " : "", dropout ? dropout : "");
    names[c] = name;
    first[c] = r;
    add_published(host, r, row);
  }
  return WB_OK;
}

static wb_status run(const wb_host *host, const void *params) {
  static const char *const columns[COLUMNS] = {
      "within",           "within sd",           "across",           "across sd",          "bold",
      "published within", "published within sd", "published across", "published across sd"};
  (void)params;
  const uint32_t conditions = host->condition_count(host);
  double *table = WB_ALLOC(host, double, (size_t)conditions *COLUMNS);
  uint32_t *first = WB_ALLOC(host, uint32_t, conditions);
  const char **names = WB_ALLOC(host, const char *, conditions);
  if (!table || !first || !names) return WB_NOMEM;
  WB_TRY(fill(host, table, first, names));
  for (uint32_t a = 0; a < conditions; a++) {
    double *row = table + (size_t)a * COLUMNS;
    row[BOLD] = NAN;
    for (uint32_t b = 0; b < conditions; b++) {
      const double *base = table + (size_t)b * COLUMNS;
      if (is_baseline(host, first[a], first[b])) row[BOLD] = row[0] >= base[0] && row[2] <= base[2];
    }
  }
  return host->emit_matrix(host, "table", conditions, COLUMNS, table, names, columns);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_STUDY,
    .id = "similarity-table",
    .version = "1.0",
    .title = "similarity within and across classes beside the published table",
    .summary =
        "Mean cosine similarity of embeddings within and across classes for each condition, with the sd "
        "over pairs, beside the published values. Within high and across low: classes stand apart. "
        "Bold 1 marks topographic conditions at least as specific to classes as rho 0.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Table 1",
    .example = "workbench run similarity-table --in runs/*.h5",
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
