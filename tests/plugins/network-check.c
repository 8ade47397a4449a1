/* network-check.c: runs the network of a run file on its test images through the service engine/1, and
 * compares with the activations that training stored: roles MODEL and IMAGES, without a link to the engine.
 *
 *     workbench run network-check --in runs/x.h5
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <workbench/plugin_util.h>

enum { BATCH = 32 };

static const wb_input inputs_table[] = {
    {.role = "model", .help = "the network", .kind = WB_MODEL},
    {.role = "images", .help = "its test images", .kind = WB_IMAGES},
    {.role = "activations",
     .help = "embedding before ReLU",
     .object = "/activations/test/embedding",
     .axes = {"stimulus", "unit"},
     .element = WB_F32,
     .rank = 2},
};

static const wb_output outputs_table[] = {
    {.name = "difference",
     .title = "largest difference",
     .help = "between stored and recomputed embedding, relative to the largest",
     .low = 0,
     .high = INFINITY,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE},
    {.name = "accuracy",
     .help = "share of images that the network classifies rightly",
     .low = 0,
     .high = 1,
     .reference = NAN,
     .shape = WB_SCALAR,
     .flags = WB_OUTPUT_HEADLINE}};

typedef struct checker {
  const wb_host *host;
  const wb_engine_1 *engine;
  wb_model *model;
  wb_imageset *images;
  const float *stored; // (n, units)
  uint64_t n;
  uint32_t units, classes, pixels; // pixels: channels x height x width
  uint8_t *bytes;
  float *input, *embedding, *logits;
  int32_t *labels;
  double largest, difference, right;
} checker;

static wb_status open_all(checker *c) {
  const wb_host *host = c->host;
  uint64_t dims[WB_MAX_RANK];
  uint32_t shape[3];
  const void *stored;
  WB_TRY(host->shape(host, "activations", 0, dims));
  WB_TRY(host->map(host, "activations", 0, &stored));
  WB_TRY(c->engine->model(host, "model", 0, BATCH, &c->model));
  WB_TRY(c->engine->images(host, "images", 0, "test", &c->images));
  c->engine->model_shape(c->model, shape, &c->units, &c->classes);
  c->engine->images_shape(c->images, &c->n, shape);
  if (c->n != dims[0] || c->units != dims[1])
    return wb_host_fail(host, WB_INPUT, "%s: %llu images for %llu stimuli, %u units for %llu",
                        host->run_path(host, 0), (unsigned long long)c->n, (unsigned long long)dims[0],
                        c->units, (unsigned long long)dims[1]);
  c->stored = stored;
  c->pixels = shape[0] * shape[1] * shape[2];
  c->bytes = WB_ALLOC(host, uint8_t, BATCH * c->pixels);
  c->input = WB_ALLOC(host, float, BATCH * c->pixels);
  c->embedding = WB_ALLOC(host, float, BATCH * c->units);
  c->logits = WB_ALLOC(host, float, BATCH * c->classes);
  c->labels = WB_ALLOC(host, int32_t, BATCH);
  return c->bytes && c->input && c->embedding && c->logits && c->labels ? WB_OK : WB_NOMEM;
}

static void compare(checker *c, uint64_t first, uint32_t count) {
  for (uint32_t i = 0; i < count * c->units; i++) {
    const double stored = (double)c->stored[first * c->units + i];
    c->largest = fmax(c->largest, fabs(stored));
    c->difference = fmax(c->difference, fabs(stored - (double)c->embedding[i]));
  }
  for (uint32_t s = 0; s < count; s++) {
    uint32_t best = 0;
    for (uint32_t k = 1; k < c->classes; k++)
      if (c->logits[s * c->classes + k] > c->logits[s * c->classes + best]) best = k;
    c->right += (int32_t)best == c->labels[s];
  }
}

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  static const char *const layers[] = {"embedding", "logits"};
  checker c = {.host = host, .engine = host->service(host, "engine/1")};
  if (!c.engine) return host->fail(host, WB_UNSUPPORTED, "this host has no service engine/1");
  WB_TRY(open_all(&c));
  for (uint64_t first = 0; first < c.n; first += BATCH) {
    const uint32_t count = c.n - first < BATCH ? (uint32_t)(c.n - first) : BATCH;
    WB_TRY(c.engine->images_read(host, c.images, first, count, c.bytes, c.labels));
    for (uint32_t i = 0; i < count * c.pixels; i++) c.input[i] = (float)c.bytes[i] / 255;
    float *const outs[] = {c.embedding, c.logits};
    WB_TRY(c.engine->forward(host, c.model, c.input, count, 2, layers, outs));
    compare(&c, first, count);
  }
  WB_TRY(host->emit_scalar(host, "difference", c.difference / c.largest));
  return host->emit_scalar(host, "accuracy", c.right / (double)c.n);
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD,
                                 .kind = WB_ROBUSTNESS,
                                 .scope = WB_PER_RUN,
                                 .flags = WB_NEEDS_ENGINE | WB_THREADED,
                                 .id = "network-check",
                                 .version = "1.0",
                                 .title = "stored against recomputed activations",
                                 .inputs = WB_TABLE(inputs_table),
                                 .outputs = WB_TABLE(outputs_table),
                                 .run = run};

WB_EXPORT const wb_plugin *wb_plugin_at(uint32_t host_abi, uint32_t index) {
  (void)host_abi;
  return index == 0 ? &plugin : NULL;
}
