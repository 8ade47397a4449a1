/* activation-map.c: what single stimuli look like on the unit grid.
 *
 * Row c of `maps` is the embedding (before ReLU) of the first test stimulus of class c, drawn on the grid
 * with colours symmetric about zero; its image stands beside it. `border-energy` is the share of sum of
 * squares after ReLU, over all stimuli, that sits in units on the border of the grid: much above the border's
 * share of units, a few edge units carry the activity (Sander & Hasson's observation without dropout, as a
 * number).
 *
 * Sander & Hasson, Fig. 3.
 *
 *     workbench run activation-map --in runs/x.h5 --class truck
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdbool.h>
#include <string.h>
#include <workbench/plugin_util.h>

enum { BLOCK = 1024, MOST_CLASSES = 10 };

typedef struct map_params {
  wb_string_list classes;
} map_params;

static const wb_param params_table[] = {
    {.name = "class",
     .help = "names of the classes to show, one stimulus each; the first ten where unset",
     .type = WB_STRING_LIST,
     .offset = offsetof(map_params, classes)},
};

static const wb_input inputs_table[] = {
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
    {.role = "labels",
     .help = "classes of the stimuli",
     .object = "/activations/test/labels",
     .axes = {"stimulus"},
     .element = WB_I32,
     .rank = 1},
    {.role = "images", .help = "the stimuli themselves", .kind = WB_IMAGES, .flags = WB_INPUT_OPTIONAL},
};

static const wb_output outputs_table[] = {
    {.name = "maps",
     .title = "activation",
     .help = "embedding of the first test stimulus of each class, on the unit grid",
     .y_label = "class",
     .beside = "stimuli",
     .low = -INFINITY,
     .high = INFINITY,
     .reference = 0,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_MAPS,
     .flags = WB_OUTPUT_DIVERGING | WB_OUTPUT_HEADLINE},
    {.name = "stimuli",
     .title = "image",
     .help = "the stimuli: channels, rows, columns of each, 0 to 255",
     .low = 0,
     .high = 255,
     .reference = NAN,
     .shape = WB_MATRIX,
     .plot = WB_PLOT_IMAGES,
     .flags = WB_OUTPUT_MAY_BE_MISSING},
    {.name = "border-energy",
     .title = "activation energy in border units",
     .help = "share of the sum of squares after ReLU, over all stimuli; the border's share of units if "
             "spread evenly",
     .higher_means = "more on the border",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE | WB_OUTPUT_MAY_BE_MISSING},
    {.name = "border-units",
     .title = "border units",
     .help = "share of units on the border of the grid",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .plot = WB_PLOT_NONE},
};

/* The stimuli to show. */
typedef struct chosen {
  size_t count;
  uint64_t stimulus[MOST_CLASSES];
  const char *name[MOST_CLASSES];
} chosen;

static bool wanted(const map_params *p, const char *name) {
  for (size_t k = 0; k < p->classes.count; k++) {
    if (strcmp(p->classes.items[k], name) == 0) return true;
  }
  return p->classes.count == 0;
}

/* Refuses a class that no stimulus was found for; `example` is the name of one that has some. */
static wb_status check_found(const wb_host *host, const map_params *p, const chosen *found,
                             const char *example) {
  const char *path = host->run_path(host, 0);
  if (!example) return wb_host_fail(host, WB_INPUT, "%s has no class at all: every label is negative", path);
  for (size_t k = 0; k < p->classes.count; k++) {
    bool known = false;
    for (size_t c = 0; c < found->count; c++) known |= strcmp(p->classes.items[k], found->name[c]) == 0;
    if (!known) {
      return wb_host_fail(host, WB_INPUT, "%s has no stimulus of class %s; its first class is %s", path,
                          p->classes.items[k], example);
    }
  }
  return WB_OK;
}

/* The first stimulus of each wanted class, in class order. */
static wb_status choose(const wb_host *host, const map_params *p, const int32_t *labels, uint64_t n,
                        chosen *out) {
  const char *const *names;
  uint32_t named;
  WB_TRY(host->names(host, 0, "class", &names, &named));
  const char *example = NULL;
  int32_t last = -1; // classes up to here are done
  while (out->count < MOST_CLASSES) {
    uint64_t first = n;
    for (uint64_t s = 0; s < n; s++) {
      if (labels[s] > last && (first == n || labels[s] < labels[first])) first = s;
    }
    if (first == n) break;
    last = labels[first];
    char *name = WB_ALLOC(host, char, 16);
    if (!name) return WB_NOMEM;
    snprintf(name, 16, "%d", last);
    const char *shown = (uint32_t)last < named ? names[last] : name;
    if (!example) example = shown;
    if (!wanted(p, shown)) continue;
    out->name[out->count] = shown;
    out->stimulus[out->count++] = first;
  }
  return check_found(host, p, out, example);
}

static wb_status emit_maps(const wb_host *host, const chosen *c, uint64_t units) {
  float *row = WB_ALLOC(host, float, units);
  double *values = WB_ALLOC(host, double, (size_t)c->count *units);
  if (!row || !values) return WB_NOMEM;
  for (size_t k = 0; k < c->count; k++) {
    WB_TRY(host->read(host, "activations", 0, c->stimulus[k], 1, row));
    for (uint64_t u = 0; u < units; u++) values[k * units + u] = row[u];
  }
  return host->emit_matrix(host, "maps", c->count, units, values, c->name, NULL);
}

static wb_status emit_images(const wb_host *host, const chosen *c, uint64_t stimuli) {
  const wb_engine_1 *engine = host->service(host, "engine/1");
  if (!engine || !host->has(host, "images", 0)) {
    return host->emit_missing(host, "stimuli", "the images of this run's data set are not at hand");
  }
  wb_imageset *images;
  WB_TRY(engine->images(host, "images", 0, "test", &images));
  uint64_t count;
  uint32_t shape[3];
  engine->images_shape(images, &count, shape);
  if (count != stimuli)
    return host->emit_missing(host, "stimuli", "the activations are not of the whole test set");
  const size_t size = (size_t)shape[0] * shape[1] * shape[2];
  uint8_t *pixels = WB_ALLOC(host, uint8_t, size);
  double *values = WB_ALLOC(host, double, (size_t)c->count *size);
  if (!pixels || !values) return WB_NOMEM;
  for (size_t k = 0; k < c->count; k++) {
    WB_TRY(engine->images_read(host, images, c->stimulus[k], 1, pixels, NULL));
    for (size_t i = 0; i < size; i++) values[k * size + i] = pixels[i];
  }
  return host->emit_matrix(host, "stimuli", c->count, size, values, c->name, NULL);
}

static wb_status emit_border(const wb_host *host, uint64_t n, uint64_t units) {
  uint32_t rows, cols;
  WB_TRY(host->grid(host, 0, &rows, &cols));
  float *x = WB_ALLOC(host, float, (size_t)BLOCK *units);
  if (!x) return WB_NOMEM;
  double all = 0, border = 0;
  for (uint64_t first = 0; first < n; first += BLOCK) {
    const uint64_t count = n - first < BLOCK ? n - first : BLOCK;
    WB_TRY(host->read(host, "activations", 0, first, count, x));
    for (uint64_t k = 0; k < count * units; k++) {
      const uint64_t row = k % units / cols, col = k % units % cols;
      const double energy = x[k] > 0 ? (double)x[k] * (double)x[k] : 0;
      all += energy;
      if (row == 0 || col == 0 || row == rows - 1 || col == cols - 1) border += energy;
    }
  }
  const double inner = rows > 2 && cols > 2 ? (double)(rows - 2) * (cols - 2) : 0;
  WB_TRY(host->emit_scalar(host, "border-units", 1 - inner / (double)units));
  return all > 0 ? host->emit_scalar(host, "border-energy", border / all)
                 : host->emit_missing(host, "border-energy", "no unit is ever active after ReLU");
}

static wb_status check(const wb_host *host, const void *params) {
  const map_params *p = params;
  if (p->classes.count <= MOST_CLASSES) return WB_OK;
  return wb_host_fail(host, WB_ARG, "--class names %zu classes; one figure shows up to %d", p->classes.count,
                      MOST_CLASSES);
}

static wb_status run(const wb_host *host, const void *params) {
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "activations", 0, dims));
  if (dims[0] == 0 || dims[1] == 0) {
    return wb_host_fail(host, WB_INPUT, "%s has no activations: its data set is empty",
                        host->run_path(host, 0));
  }
  int32_t *labels = WB_ALLOC(host, int32_t, dims[0]);
  if (!labels) return WB_NOMEM;
  WB_TRY(host->read(host, "labels", 0, 0, dims[0], labels));
  chosen c = {0};
  WB_TRY(choose(host, params, labels, dims[0], &c));
  WB_TRY(emit_maps(host, &c, dims[1]));
  WB_TRY(emit_images(host, &c, dims[0]));
  return emit_border(host, dims[0], dims[1]);
}

static const wb_plugin plugin = {
    WB_PLUGIN_HEAD,
    .kind = WB_METRIC,
    .scope = WB_PER_RUN,
    .flags = WB_NEEDS_ENGINE,
    .params_size = sizeof(map_params),
    .id = "activation-map",
    .version = "1.0",
    .title = "single stimuli's activation on the unit grid",
    .summary = "The embedding of the first test stimulus of each class, drawn on the unit grid beside its "
               "image; and the "
               "share of all activation energy that border units carry: above the border's share of units, "
               "the map's "
               "edge does the work.",
    .author = "the workbench authors",
    .license = "GPL-3.0-or-later",
    .reference = "Sander & Hasson, Fig. 3",
    .example = "workbench run activation-map --in runs/*.h5 --class truck",
    .params = WB_TABLE(params_table),
    .inputs = WB_TABLE(inputs_table),
    .outputs = WB_TABLE(outputs_table),
    .check = check,
    .run = run,
};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
