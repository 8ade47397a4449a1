/* embed.c: see embed.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations.h"
#include "hdf5/runfile.h"
#include "model_file.h"

const char *const wb_embed_splits[] = {"test", "train", NULL};
const char *const wb_embed_pools[] = {"none", "mean", NULL};
const char *const wb_embed_norms[] = {"running", "batch", NULL};

static void release_dataset(void *data) {
  wb_dataset_free(data);
}

static char *root_text(const wb_h5 *file, const char *name) {
  char *text = NULL;
  return wb_h5_get_text(file, "/", name, &text, NULL) == WB_OK ? text : NULL;
}

/* --data, or what the model was trained on if that is still there. */
static wb_status open_data(const wb_host *host, const wb_h5 *file, const char *given, wb_dataset **out,
                           wb_error *err) {
  char *spec = given ? strdup(given) : root_text(file, "data_spec");
  if (!spec)
    return wb_fail(err, WB_INPUT, "%s does not say which images it was trained on\n--data names some.",
                   wb_h5_path(file));
  wb_status status = wb_dataset_open(spec, out, err);
  free(spec);
  if (status != WB_OK) return status;
  status = host->defer(host, release_dataset, *out);
  char *digest = given ? NULL : root_text(file, "data_digest");
  if (digest && strcmp(digest, (*out)->digest) != 0)
    status = wb_fail(err, WB_INPUT,
                     "%s was trained on other images than %s holds now\n--data %s uses them all the same.",
                     wb_h5_path(file), (*out)->spec, (*out)->spec);
  free(digest);
  return status;
}

/* The factors of the source and one more: the images that the activations are of. */
static wb_status write_factors(const wb_h5 *source, const wb_dataset *data, const char *split, wb_h5 *file,
                               wb_error *err) {
  char images[512], stimuli[544], **names, **values;
  size_t count;
  wb_data_factor(images, sizeof images, data);
  snprintf(stimuli, sizeof stimuli, "%s %s", images, split);
  wb_status status = wb_runfile_read_factors(source, &names, &values, &count, err);
  if (status != WB_OK) return status;
  const char **all = calloc(count + 1, sizeof *all);
  size_t kept = 0;
  for (size_t i = 0; all && i < count; i++)
    if (strcmp(names[i], "stimuli") != 0) all[kept++] = names[i];
  if (all) {
    all[kept++] = "stimuli";
    status = wb_h5_set_texts(file, "/", "factors", all, kept, err);
  } else {
    status = wb_fail_nomem(err, "the factors", (count + 1) * sizeof *all);
  }
  if (status == WB_OK) status = wb_h5_set_text(file, "/", "stimuli", stimuli, err);
  free(all);
  wb_h5_free_texts(names, count);
  wb_h5_free_texts(values, count);
  return status;
}

/* Everything of the source but its activations. */
static wb_status copy_run(const wb_h5 *source, const wb_target *target, wb_h5 *file, wb_error *err) {
  static const char *const groups[] = {"/config", "/model", "/readout", "/roles", "/history"};
  wb_status status = wb_h5_set_text(file, "/", "identity", target->identity, err);
  if (status == WB_OK) status = wb_h5_copy_attributes(source, "/", file, err);
  for (size_t i = 0; i < sizeof groups / sizeof groups[0] && status == WB_OK; i++)
    if (wb_h5_exists(source, groups[i])) status = wb_h5_copy(source, groups[i], file, err);
  return status;
}

static void name_target(char *out, size_t size, const char *path, const wb_dataset *data, const char *split) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  const int length = (int)(dot ? (size_t)(dot - name) : strlen(name));
  snprintf(out, size, "%.*s_%.40s-%s", length < 120 ? length : 120, name, data->name, split);
}

static wb_status write_run(const wb_host *host, const wb_h5 *source, const wb_embed_params *p,
                           const wb_dataset *data, const wb_target *target, wb_error *err) {
  const char *split = wb_embed_splits[p->split];
  int64_t grid[2] = {0};
  size_t found;
  wb_h5 *file;
  wb_model *model = NULL;
  wb_status status = wb_h5_get_ints(source, "/model", "grid", grid, 2, &found, err);
  if (status == WB_OK)
    status = wb_model_read(host, source, wb_h5_path(source), (uint32_t)p->batch, &model, err);
  if (status != WB_OK) return status;
  const wb_activations_job job = {.data = data,
                                  .split = split,
                                  .layers = p->layers.items,
                                  .layer_count = p->layers.count,
                                  .pooled = p->pool == WB_EMBED_POOL_MEAN,
                                  .batch_statistics = p->batch_norm == WB_EMBED_BATCH,
                                  .rows = (size_t)grid[0],
                                  .cols = (size_t)grid[1]};
  status = wb_runfile_create(target->path, &file, err);
  if (status != WB_OK) return status;
  status = write_factors(source, data, split, file, err);
  if (status == WB_OK) status = copy_run(source, target, file, err);
  if (status == WB_OK) status = wb_activations_write(host, model, &job, file, err);
  if (status == WB_OK) return wb_runfile_commit(file, "complete", err);
  wb_h5_close(file);
  return status;
}

static wb_status embed(const wb_host *host, const wb_embed_params *p, wb_error *err) {
  wb_h5 *source;
  wb_dataset *data = NULL;
  wb_target target;
  char name[256];
  const char *path = host->run_path(host, 0);
  wb_status status = wb_runfile_open(path, &source, err);
  if (status != WB_OK) return status;
  status = open_data(host, source, p->data, &data, err);
  if (status == WB_OK) {
    name_target(name, sizeof name, path, data, wb_embed_splits[p->split]);
    status = host->target(host, name, &target);
  }
  if (status == WB_OK) status = write_run(host, source, p, data, &target, err);
  wb_h5_close(source);
  return status;
}

wb_status wb_embed_run(const wb_host *host, const wb_embed_params *params) {
  wb_error err = {0};
  const wb_status status = embed(host, params, &err);
  return err.status != WB_OK ? host->fail(host, status, err.message) : status;
}
