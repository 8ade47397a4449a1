/* task_inspect.c: what a file holds for the session's plugin, with digests of all that the plugin would read.
 *
 * {"do": "inspect", "file", "known": {object: digest}, "objects": {role: object}, "grid": [rows, cols],
 *  "data": spec, "allow_other_data"}
 *  -> {"run": is a run file, "state", "plugin", "config": {name: value}, "factors": [[name, value] ..],
 *      "roles": {role: {"object", "dims", "digest"}}, "grid": [rows, cols], "labels": object,
 *      "names": digest, "data_spec", "stimuli": digest, "digests": {object: digest}}
 *
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "data_file.h"
#include "hdf5/runfile.h"
#include "heap.h"
#include "inspect.h"
#include "json.h"

/* The parameters that made the run, and the plugin that they are of. */
static json_t *read_config(const wb_inspection *in) {
  json_t *config = wb_must(json_object());
  char **names = NULL;
  size_t count = 0;
  if (wb_h5_exists(in->file, "/config")) wb_h5_attribute_names(in->file, "/config", &names, &count, NULL);
  for (size_t i = 0; i < count; i++) {
    char *text = NULL;
    if (wb_h5_get_text(in->file, "/config", names[i], &text, NULL) == WB_OK)
      wb_json_set(config, names[i], wb_json_string(text));
    free(text);
  }
  wb_h5_free_texts(names, count);
  return config;
}

static wb_status inspect_state(wb_inspection *in) {
  bool is_run = false, complete = true;
  wb_status status = wb_runfile_check(in->file, &is_run, in->err);
  if (status == WB_OK && is_run) status = wb_runfile_is_complete(in->file, &complete, in->err);
  char **names = NULL, **values = NULL;
  size_t count = 0;
  if (status == WB_OK) status = wb_runfile_read_factors(in->file, &names, &values, &count, in->err);
  if (status != WB_OK) return status;
  json_t *factors = wb_must(json_array());
  for (size_t i = 0; i < count; i++)
    wb_json_append(factors, wb_json("[oo]", wb_json_string(names[i]), wb_json_string(values[i])));
  wb_h5_free_texts(names, count);
  wb_h5_free_texts(values, count);
  wb_json_set(in->result, "run", json_boolean(is_run));
  wb_json_set(in->result, "state", wb_json_string(complete ? "complete" : "training"));
  wb_json_set(in->result, "factors", factors);
  char *plugin = NULL;
  wb_h5_get_text(in->file, "/", "plugin", &plugin, NULL);
  wb_json_set(in->result, "plugin", wb_json_string(plugin));
  wb_json_set(in->result, "config", read_config(in));
  free(plugin);
  return WB_OK;
}

wb_status wb_inspect_digest(wb_inspection *in, const char *object, char digest[WB_DIGEST_SIZE]) {
  const char *known = wb_json_text(in->digests, object);
  if (!known) known = wb_json_text(json_object_get(in->task, "known"), object);
  wb_status status = WB_OK;
  if (known && strlen(known) == WB_DIGEST_SIZE - 1)
    memcpy(digest, known, WB_DIGEST_SIZE);
  else
    status = wb_h5_digest(in->file, object, digest, in->err);
  if (status == WB_OK) wb_json_set(in->digests, object, wb_json_string(digest));
  return status;
}

static wb_status inspect_array(wb_inspection *in, const wb_input *input, const char *object) {
  wb_h5_shape shape;
  wb_status status = wb_h5_get_shape(in->file, object, &shape, in->err);
  if (status != WB_OK) return status;
  if (!shape.element) return wb_fail(in->err, WB_INPUT, "%s: %s does not hold numbers", in->path, object);
  if (shape.rank != input->rank) {
    char *text = wb_input_axes(input);
    wb_fail(in->err, WB_INPUT, "%s: %s has %u axes; %s reads it as %s %s", in->path, object, shape.rank,
            in->spec->id, input->role, text);
    free(text);
    return WB_INPUT;
  }
  char digest[WB_DIGEST_SIZE];
  status = wb_inspect_digest(in, object, digest);
  if (status != WB_OK) return status;
  json_t *dims = wb_must(json_array());
  for (uint32_t a = 0; a < shape.rank; a++) {
    wb_json_append(dims, json_integer((json_int_t)shape.dims[a]));
    if (strcmp(input->axes[a], "unit") != 0 || in->units) continue;
    in->units = shape.dims[a];
    in->unit_object = object;
  }
  wb_json_set(in->roles, input->role,
              wb_json("{so so ss}", "object", wb_json_string(object), "dims", dims, "digest", digest));
  return WB_OK;
}

static wb_status inspect_role(wb_inspection *in, const wb_input *input) {
  if (input->kind == WB_DERIVED) return WB_OK; // the parent's
  if (input->kind == WB_MODEL) return wb_inspect_model(in, input);
  if (input->kind == WB_IMAGES) return wb_inspect_images(in, input);
  const char *bound = wb_json_text(json_object_get(in->task, "objects"), input->role);
  const char *object = bound ? bound : input->object;
  if (!bound && object && !wb_h5_exists(in->file, object)) {
    if (!strcmp(input->role, "positions")) {
      wb_json_set(in->roles, input->role, wb_json("{sb}", "from_grid", 1)); // its lengths follow
      return WB_OK;
    }
    if (input->flags & WB_INPUT_OPTIONAL) return WB_OK;
  }
  if (!object && input->flags & WB_INPUT_OPTIONAL) return WB_OK;
  if (!object || !wb_h5_exists(in->file, object))
    return wb_fail_missing(in->file, in->spec, input, object, in->err);
  return inspect_array(in, input, object);
}

/* Equal axis names within the file have equal lengths. */
static wb_status check_axes(wb_inspection *in) {
  const wb_spec *spec = in->spec;
  struct {
    const char *axis, *role;
    uint64_t length;
  } seen[64];
  size_t count = 0;
  for (size_t i = 0; i < spec->input_count; i++) {
    const wb_input *input = &spec->inputs[i];
    const json_t *dims = json_object_get(json_object_get(in->roles, input->role), "dims");
    for (uint32_t a = 0; a < input->rank && dims; a++) {
      const uint64_t length = (uint64_t)json_integer_value(json_array_get(dims, a));
      size_t k = 0;
      while (k < count && strcmp(seen[k].axis, input->axes[a]) != 0) k++;
      if (k < count && seen[k].length != length)
        return wb_fail(in->err, WB_INPUT,
                       "%s: %s has %llu on its axis %s and %s has %llu; they must be equal", in->path,
                       input->role, (unsigned long long)length, input->axes[a], seen[k].role,
                       (unsigned long long)seen[k].length);
      if (k == count && count < 64) {
        seen[count].axis = input->axes[a];
        seen[count].role = input->role;
        seen[count++].length = length;
      }
    }
  }
  return WB_OK;
}

/* The grid of the units: as asked, as the array says, as the usual embedding says, or nearly square. */
static wb_status inspect_grid(wb_inspection *in) {
  if (!in->units) return WB_OK;
  uint64_t rows = 0, cols = 0;
  const json_t *asked = json_object_get(in->task, "grid");
  if (json_is_array(asked)) {
    rows = (uint64_t)json_integer_value(json_array_get(asked, 0));
    cols = (uint64_t)json_integer_value(json_array_get(asked, 1));
    if (rows * cols != in->units)
      return wb_fail(in->err, WB_INPUT, "%s has %llu units; --grid %llux%llu has %llu", in->path,
                     (unsigned long long)in->units, (unsigned long long)rows, (unsigned long long)cols,
                     (unsigned long long)(rows * cols));
  }
  const char *places[] = {in->unit_object, "/activations/test/embedding"};
  for (size_t i = 0; i < 2 && !rows; i++) {
    int64_t grid[2];
    size_t count;
    if (!places[i] || !wb_h5_exists(in->file, places[i]) || !wb_h5_has_attribute(in->file, places[i], "grid"))
      continue;
    if (wb_h5_get_ints(in->file, places[i], "grid", grid, 2, &count, NULL) != WB_OK || count != 2) continue;
    if (grid[0] < 1 || grid[1] < 1 || (uint64_t)grid[0] * (uint64_t)grid[1] != in->units) continue;
    rows = (uint64_t)grid[0];
    cols = (uint64_t)grid[1];
  }
  if (!rows) {
    rows = wb_grid_rows(in->units);
    cols = in->units / rows;
  }
  wb_json_set(in->result, "grid", wb_json("[II]", (json_int_t)rows, (json_int_t)cols));
  json_t *positions = json_object_get(in->roles, "positions");
  if (wb_json_true(positions, "from_grid"))
    wb_json_set(positions, "dims", wb_json("[II]", (json_int_t)in->units, (json_int_t)2));
  return WB_OK;
}

/* The names of classes and superclasses, which a plugin may ask for without declaring a role. */
static wb_status inspect_names(wb_inspection *in) {
  const char *object = wb_json_text(json_object_get(in->roles, "labels"), "object");
  if (!object) object = wb_json_text(json_object_get(in->task, "objects"), "labels");
  if (!object) object = "/activations/test/labels";
  if (!wb_h5_exists(in->file, object)) return WB_OK;
  static const char *const attributes[] = {"classes", "superclasses"};
  wb_sha256 *hash = wb_sha256_new();
  for (size_t i = 0; i < 2; i++) {
    char **texts = NULL;
    size_t count = 0;
    if (wb_h5_has_attribute(in->file, object, attributes[i]))
      wb_h5_get_texts(in->file, object, attributes[i], &texts, &count, NULL);
    for (size_t k = 0; k < count; k++) wb_sha256_text(hash, texts[k]);
    wb_sha256_text(hash, "");
    wb_h5_free_texts(texts, count);
  }
  char digest[WB_DIGEST_SIZE];
  const wb_status status = wb_sha256_finish(hash, digest, in->err);
  wb_json_set(in->result, "labels", wb_json_string(object));
  wb_json_set(in->result, "names", wb_json_string(digest));
  return status;
}

/* What tells the stimuli of a shared axis: their index beside the first array that has them, and the data
 * set. */
static wb_status inspect_stimuli(wb_inspection *in) {
  for (size_t i = 0; i < in->spec->input_count; i++) {
    const wb_input *input = &in->spec->inputs[i];
    const char *object = wb_json_text(json_object_get(in->roles, input->role), "object");
    const bool has =
        object && input->rank && !strcmp(input->axes[0], "stimulus") && (input->shared_axes & 1u);
    if (!has) continue;
    const int group = (int)(strrchr(object, '/') - object);
    char *index = wb_format("%.*s/index", group, object), digest[WB_DIGEST_SIZE] = "";
    const bool known = wb_h5_exists(in->file, index);
    const wb_status status = known ? wb_inspect_digest(in, index, digest) : WB_OK;
    char *group_path = wb_format("%.*s", group ? group : 1, object), *data = NULL;
    if (wb_h5_get_text(in->file, group_path, "data_digest", &data, NULL) != WB_OK) // what they were made from
      data = wb_inspect_data_attribute(in, "data_digest");
    free(group_path);
    char *both = wb_format("%s %s", digest, data ? data : "");
    if (known || data) wb_json_set(in->result, "stimuli", wb_json_string(both));
    free(both);
    free(data);
    free(index);
    return status;
  }
  return WB_OK;
}

wb_status wb_task_inspect(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  wb_status status = wb_session_plugin(session, err);
  if (status != WB_OK) return status;
  wb_inspection in = {.session = session,
                      .spec = session->spec,
                      .task = task,
                      .path = wb_json_text(task, "file"),
                      .result = wb_must(json_object()),
                      .roles = wb_must(json_object()),
                      .digests = wb_must(json_object()),
                      .err = err};
  wb_json_set(in.result, "roles", in.roles);
  wb_json_set(in.result, "digests", in.digests);
  status = wb_data_file_open(in.path, &in.file, err);
  if (status == WB_OK) status = inspect_state(&in);
  const bool unfinished = status == WB_OK && !strcmp(wb_json_text(in.result, "state"), "training");
  for (size_t i = 0; i < in.spec->input_count && status == WB_OK && !unfinished; i++)
    status = inspect_role(&in, &in.spec->inputs[i]);
  if (!unfinished) {
    if (status == WB_OK) status = inspect_grid(&in);
    if (status == WB_OK) status = check_axes(&in);
    if (status == WB_OK) status = inspect_names(&in);
    if (status == WB_OK) status = inspect_stimuli(&in);
  }
  wb_h5_close(in.file);
  *result = in.result;
  return status;
}
