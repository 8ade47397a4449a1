/* import_write.c: the run file of an imported model; see import_internal.h. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations.h"
#include "base/sha256.h"
#include "hdf5/runfile.h"
#include "import_internal.h"
#include "model_file.h"

/* ---- Factors: of --factors, else of the metadata, else of the network ---- */

enum { MOST_FACTORS = 64, NAME_SIZE = 64, VALUE_SIZE = 512 };

typedef struct factors {
  wb_runfile_factor items[MOST_FACTORS];
  char names[MOST_FACTORS][NAME_SIZE], values[MOST_FACTORS][VALUE_SIZE];
  size_t count;
} factors;

/* A whole number, another number, or a text. */
static void set_value(wb_runfile_factor *f) {
  char *end;
  f->whole = strtoll(f->text, &end, 10);
  f->type = WB_FACTOR_INT;
  if (*f->text && !*end) return;
  f->real = strtod(f->text, &end);
  f->type = *f->text && !*end ? WB_FACTOR_FLOAT : WB_FACTOR_TEXT;
}

static void add(factors *all, const char *name, size_t name_length, const char *value) {
  size_t i = 0;
  while (i < all->count && (strncmp(all->names[i], name, name_length) != 0 || all->names[i][name_length]))
    i++;
  if (i == MOST_FACTORS || name_length >= NAME_SIZE) return;
  if (i == all->count) all->count++;
  snprintf(all->names[i], NAME_SIZE, "%.*s", (int)name_length, name);
  snprintf(all->values[i], VALUE_SIZE, "%s", value);
  all->items[i] = (wb_runfile_factor){.name = all->names[i], .text = all->values[i]};
  set_value(&all->items[i]);
}

/* Unless it is there. */
static void add_default(factors *all, const char *name, const char *value) {
  for (size_t i = 0; i < all->count; i++)
    if (strcmp(all->names[i], name) == 0) return;
  add(all, name, strlen(name), value);
}

static void add_default_number(factors *all, const char *name, double value) {
  char text[40];
  snprintf(text, sizeof text, "%.15g", value);
  add_default(all, name, text);
}

static void add_metadata(factors *all, const wb_import *in) {
  const char *list = wb_import_text(in, "factors");
  json_t *names = list ? json_loads(list, 0, NULL) : NULL, *name;
  size_t i;
  json_array_foreach(names, i, name) {
    const char *text = json_string_value(name), *value = text ? wb_import_text(in, text) : NULL;
    if (value) add(all, text, strlen(text), value);
  }
  json_decref(names);
}

static wb_status write_factors(const wb_import *in, wb_h5 *file, wb_error *err) {
  char data[VALUE_SIZE];
  factors *all = WB_ALLOC(in->host, factors, 1);
  if (!all) return WB_NOMEM;
  all->count = 0;
  const wb_net_config *c = wb_net_get_config(in->net);
  add_metadata(all, in);
  add_default(all, "objective", "imported");
  add_default_number(all, "dropout", in->dropout);
  add_default(all, "arch", c->arch);
  add_default_number(all, "width", c->width);
  add_default_number(all, "units", c->units);
  if (in->data) {
    wb_data_factor(data, sizeof data, in->data);
    add_default(all, "data", data);
  }
  add_default(all, "seed", "0");
  for (size_t i = 0; i < in->params->factors.count; i++) {
    const char *item = in->params->factors.items[i], *equals = strchr(item, '=');
    add(all, item, (size_t)(equals - item), equals + 1);
  }
  return wb_runfile_write_factors(file, all->items, all->count, err);
}

/* ---- Where it is from ---- */

static wb_status write_provenance(const wb_import *in, const char *identity, wb_h5 *file, wb_error *err) {
  char digest[WB_DIGEST_SIZE];
  wb_status status = wb_sha256_file(in->path, digest, err);
  const char *spec = wb_import_text(in, "data_spec"), *data_digest = wb_import_text(in, "data_digest");
  if (in->data && (!spec || !data_digest || strcmp(data_digest, in->data->digest) == 0)) {
    spec = in->data->spec; // the same images, or nobody says what the model was trained on
    data_digest = in->data->digest;
  }
  const char *const texts[][2] = {{"workbench_version", WORKBENCH_VERSION},
                                  {"plugin", "import"},
                                  {"plugin_version", WB_IMPORT_VERSION},
                                  {"identity", identity},
                                  {"source", in->path},
                                  {"source_digest", digest},
                                  {"readout_input", wb_net_relu_readout(in->net) ? "relu" : "identity"},
                                  {"data_spec", spec},
                                  {"data_digest", data_digest}};
  for (size_t i = 0; status == WB_OK && i < sizeof texts / sizeof *texts; i++)
    if (texts[i][1]) status = wb_h5_set_text(file, "/", texts[i][0], texts[i][1], err);
  if (status == WB_OK) status = wb_h5_make_group(file, "/config", err);
  const char *name, *value;
  for (uint32_t i = 0; status == WB_OK && (value = in->host->parameter(in->host, i, &name)); i++)
    status = wb_h5_set_text(file, "/config", name, value, err);
  return status;
}

/* ---- The model ---- */

/* Names of the classes, as many as the classifier has outputs: of the metadata, or of the data set. */
static wb_status write_model(const wb_import *in, wb_h5 *file, wb_error *err) {
  const bool linear = in->config.head == WB_HEAD_LINEAR;
  const size_t outputs = linear ? (size_t)in->config.outputs : in->readout_classes;
  const char *list = wb_import_text(in, "classes");
  json_t *names = list ? json_loads(list, 0, NULL) : NULL;
  const char **texts = WB_ALLOC(in->host, const char *, outputs + 1);
  bool known = texts && outputs && json_array_size(names) == outputs;
  for (size_t c = 0; c < outputs && known; c++)
    known = (texts[c] = json_string_value(json_array_get(names, c)));
  if (texts && !known && in->data && in->data->classes == outputs) {
    memcpy(texts, in->data->class_names, outputs * sizeof *texts);
    known = true;
  }
  const wb_model_notes notes = {.rows = in->rows,
                                .cols = in->cols,
                                .dropout = in->dropout,
                                .mean = in->mean,
                                .sd = in->sd,
                                .class_names = known ? texts : NULL,
                                .classes = outputs,
                                .readout_weight = linear ? NULL : in->readout_weight,
                                .readout_bias = linear ? NULL : in->readout_bias};
  const wb_status status = texts ? wb_model_write(in->net, &notes, file, err) : WB_NOMEM;
  json_decref(names);
  return status;
}

static wb_status write_activations(const wb_import *in, wb_h5 *file, wb_error *err) {
  if (!in->data) return WB_OK;
  wb_model *model = NULL;
  const wb_status status = wb_model_read(in->host, file, in->path, 256, &model, err);
  const wb_activations_job job = {.data = in->data, .split = "test", .rows = in->rows, .cols = in->cols};
  return status == WB_OK ? wb_activations_write(in->host, model, &job, file, err) : status;
}

wb_status wb_import_write(wb_import *in, wb_error *err) {
  char name[160];
  const char *slash = strrchr(in->path, '/'), *last = slash ? slash + 1 : in->path;
  const char *dot = strrchr(last, '.');
  snprintf(name, sizeof name, "%.*s", (int)(dot - last < 120 ? dot - last : 120), last);
  wb_target target;
  wb_h5 *file;
  wb_status status = in->host->target(in->host, name, &target);
  if (status == WB_OK) status = wb_runfile_create(target.path, &file, err);
  if (status != WB_OK) return status;
  status = write_factors(in, file, err);
  if (status == WB_OK) status = write_provenance(in, target.identity, file, err);
  if (status == WB_OK) status = write_model(in, file, err);
  if (status == WB_OK) status = write_activations(in, file, err);
  if (status == WB_OK) return wb_runfile_commit(file, "complete", err);
  wb_h5_close(file);
  return status;
}
