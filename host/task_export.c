/* task_export.c: the model of a run file, for other programs.
 * {"do": "export", "file", "format": "safetensors" | "npz", "out", "overwrite"} -> {"path", "tensors",
 * "bytes"} SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exchange/arrays_write.h"
#include "hdf5/runfile.h"
#include "heap.h"
#include "json.h"
#include "session.h"

/* ---- Metadata: texts under keys, as safetensors has them ---- */

/* "0.4914,0.4822": numbers as one would type them, that read back as the same. */
static char *number_list(const double *values, size_t count) {
  char *text = wb_copy("");
  for (size_t i = 0; i < count; i++) {
    char number[40];
    for (int digits = 15; digits <= 17; digits++) {
      snprintf(number, sizeof number, "%.*g", digits, values[i]);
      if (strtod(number, NULL) == values[i]) break;
    }
    char *longer = wb_format("%s%s%s", text, i ? "," : "", number);
    free(text);
    text = longer;
  }
  return text;
}

/* An attribute as text: numbers as a list, several texts as a JSON array; NULL where it is neither. */
static char *attribute_text(const wb_h5 *file, const char *object, const char *name) {
  enum { MOST = 64 };
  char *text = NULL, **texts = NULL;
  double values[MOST];
  size_t count = 0;
  if (wb_h5_get_text(file, object, name, &text, NULL) == WB_OK) return text;
  if (wb_h5_get_doubles(file, object, name, values, MOST, &count, NULL) == WB_OK && count <= MOST)
    return number_list(values, count);
  if (wb_h5_get_texts(file, object, name, &texts, &count, NULL) != WB_OK) return NULL;
  json_t *list = wb_must(json_array());
  for (size_t i = 0; i < count; i++) wb_json_append(list, wb_json_string(texts[i]));
  text = wb_must(json_dumps(list, JSON_COMPACT));
  json_decref(list);
  wb_h5_free_texts(texts, count);
  return text;
}

static void add_text(json_t *metadata, const char *key, char *text) {
  if (text) wb_json_set(metadata, key, wb_json_string(text));
  free(text);
}

/* What the model is and how it came about: the attributes of /model, the factors, and what reads them. */
static wb_status describe(const wb_h5 *file, json_t *metadata, wb_error *err) {
  static const char *const roots[] = {"readout_input", "data_spec", "data_digest", "identity", "created"};
  char **names = NULL, **values = NULL;
  size_t count = 0;
  wb_json_set(metadata, "format", json_string("pt")); // what PyTorch's loaders look for
  wb_json_set(metadata, "workbench", json_string("workbench.model/1"));
  wb_status status = wb_h5_attribute_names(file, "/model", &names, &count, err);
  for (size_t i = 0; i < count; i++) add_text(metadata, names[i], attribute_text(file, "/model", names[i]));
  wb_h5_free_texts(names, count);
  for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
    add_text(metadata, roots[i], attribute_text(file, "/", roots[i]));
  if (status == WB_OK) status = wb_runfile_read_factors(file, &names, &values, &count, err);
  if (status != WB_OK) return status;
  json_t *list = wb_must(json_array());
  for (size_t i = 0; i < count; i++) {
    wb_json_append(list, wb_json_string(names[i]));
    wb_json_set(metadata, names[i], wb_json_string(values[i]));
  }
  add_text(metadata, "factors", json_dumps(list, JSON_COMPACT));
  json_decref(list);
  wb_h5_free_texts(names, count);
  wb_h5_free_texts(values, count);
  return WB_OK;
}

/* ---- Tensors ---- */

typedef struct tensors {
  wb_array_data *items; // names and data owned
  size_t count;
  uint64_t bytes;
} tensors;

static void release(tensors *t) {
  for (size_t i = 0; i < t->count; i++) {
    free((char *)t->items[i].name);
    free((void *)t->items[i].data);
  }
  free(t->items);
}

static wb_status read_tensor(const wb_h5 *file, const char *object, char *name, tensors *out, wb_error *err) {
  wb_grow(out->items, out->count);
  wb_array_data *item = &out->items[out->count++];
  *item = (wb_array_data){.name = name};
  wb_h5_shape shape;
  wb_status status = wb_h5_get_shape(file, object, &shape, err);
  if (status != WB_OK) return status;
  uint64_t bytes = shape.element == WB_F64 || shape.element == WB_I64 ? 8 : shape.element == WB_U8 ? 1 : 4;
  for (uint32_t a = 0; a < shape.rank; a++) {
    item->dims[a] = shape.dims[a];
    bytes *= shape.dims[a];
  }
  item->element = shape.element;
  item->rank = shape.rank;
  void *data = malloc(bytes ? bytes : 1);
  item->data = data;
  if (!data) return wb_fail_nomem(err, object, bytes);
  out->bytes += bytes;
  return wb_h5_read(file, object, shape.element, data, err);
}

/* All data sets of a group, named by their path below it, after `prefix`. */
static wb_status read_group(const wb_h5 *file, const char *group, const char *prefix, tensors *out,
                            wb_error *err) {
  char **paths = NULL;
  size_t count = 0;
  if (!wb_h5_exists(file, group)) return WB_OK;
  wb_status status = wb_h5_datasets(file, group, &paths, &count, err);
  for (size_t i = 0; i < count && status == WB_OK; i++)
    status = read_tensor(file, paths[i], wb_format("%s%s", prefix, paths[i] + strlen(group) + 1), out, err);
  wb_h5_free_texts(paths, count);
  return status;
}

static wb_status check(wb_session *session, const wb_h5 *file, wb_error *err) {
  bool complete = true;
  const char *path = wb_h5_path(file);
  const wb_status status = wb_runfile_is_complete(file, &complete, err);
  if (status != WB_OK) return status;
  if (!wb_h5_exists(file, "/model")) return wb_fail(err, WB_INPUT, "%s holds no model to export", path);
  if (!complete) {
    char *text = wb_format("the training of %s has not ended: its best epoch so far is exported", path);
    wb_session_send(session, wb_json("{si so}", "log", (int)WB_WARNING, "text", wb_json_string(text)));
    free(text);
  }
  return WB_OK;
}

wb_status wb_task_export(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  const char *out = wb_json_text(task, "out"), *format = wb_json_text(task, "format");
  struct stat info;
  if (stat(out, &info) == 0 && !wb_json_true(task, "overwrite"))
    return wb_fail(err, WB_ARG, "%s exists already\n--overwrite replaces it.", out);
  wb_h5 *file;
  wb_status status = wb_runfile_open(wb_json_text(task, "file"), &file, err);
  if (status != WB_OK) return status;
  tensors t = {0};
  json_t *metadata = wb_must(json_object());
  status = check(session, file, err);
  if (status == WB_OK) status = describe(file, metadata, err);
  if (status == WB_OK) status = read_group(file, "/model", "", &t, err);
  if (status == WB_OK) status = read_group(file, "/readout", "readout.", &t, err);
  if (status == WB_OK)
    status =
        (strcmp(format, "npz") ? wb_safetensors_write : wb_npz_write)(out, t.items, t.count, metadata, err);
  if (status == WB_OK)
    *result = wb_json("{so sI sI}", "path", wb_json_string(out), "tensors", (json_int_t)t.count, "bytes",
                      (json_int_t)t.bytes);
  json_decref(metadata);
  release(&t);
  wb_h5_close(file);
  return status;
}
