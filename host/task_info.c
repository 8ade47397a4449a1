/* task_info.c: what is in a file.
 * {"do": "info", "file"} -> {"run", "state", "schema", "created", "factors": [[name, value] ..], "bytes",
 *  "objects": [{"path", "element", "dims", "digest": "ok" | "changed" | "not recorded"} ..], "missing": [path
 * ..]} SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hdf5/runfile.h"
#include "heap.h"
#include "json.h"
#include "session.h"

static json_t *root_text(const wb_h5 *file, const char *name) {
  char *text = NULL;
  json_t *json = wb_h5_get_text(file, "/", name, &text, NULL) == WB_OK ? wb_json_string(text) : json_null();
  free(text);
  return json;
}

static wb_status read_factors(const wb_h5 *file, json_t *factors, wb_error *err) {
  char **names = NULL, **values = NULL;
  size_t count = 0;
  const wb_status status = wb_runfile_read_factors(file, &names, &values, &count, err);
  for (size_t i = 0; i < count; i++)
    wb_json_append(factors, wb_json("[oo]", wb_json_string(names[i]), wb_json_string(values[i])));
  wb_h5_free_texts(names, count);
  wb_h5_free_texts(values, count);
  return status;
}

static bool contains(char *const *texts, size_t count, const char *text) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(texts[i], text)) return true;
  return false;
}

static json_t *describe(const wb_h5 *file, const char *path) {
  static const char *const elements[] = {"other", "f32", "f64", "i32", "i64", "u8"};
  wb_h5_shape shape;
  json_t *dims = wb_must(json_array());
  if (wb_h5_get_shape(file, path, &shape, NULL) != WB_OK) shape = (wb_h5_shape){0};
  for (uint32_t a = 0; a < shape.rank; a++) wb_json_append(dims, json_integer((json_int_t)shape.dims[a]));
  return wb_json("{so ss so}", "path", wb_json_string(path), "element", elements[shape.element], "dims",
                 dims);
}

/* Every data set, and whether its digest is the one that the file records. */
static wb_status read_objects(const wb_h5 *file, bool is_run, json_t *result, wb_error *err) {
  json_t *objects = wb_must(json_array()), *missing = wb_must(json_array());
  wb_json_set(result, "objects", objects);
  wb_json_set(result, "missing", missing);
  char **paths = NULL, **changed = NULL;
  size_t count = 0, changed_count = 0;
  const bool recorded = is_run && wb_h5_exists(file, "/digests");
  wb_status status = wb_h5_datasets(file, "/", &paths, &count, err);
  if (status == WB_OK && recorded) status = wb_runfile_verify(file, &changed, &changed_count, err);
  for (size_t i = 0; i < count && status == WB_OK; i++) {
    json_t *object = describe(file, paths[i]);
    const bool own = recorded && wb_h5_has_attribute(file, "/digests", paths[i]);
    wb_json_set(object, "digest",
                wb_json_string(!own                                         ? "not recorded"
                               : contains(changed, changed_count, paths[i]) ? "changed"
                                                                            : "ok"));
    wb_json_append(objects, object);
  }
  for (size_t i = 0; i < changed_count; i++) // groups, and what is gone
    if (!contains(paths, count, changed[i])) wb_json_append(missing, wb_json_string(changed[i]));
  wb_json_set(result, "intact", recorded ? json_boolean(changed_count == 0) : json_null());
  wb_h5_free_texts(paths, count);
  wb_h5_free_texts(changed, changed_count);
  return status;
}

wb_status wb_task_info(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  const char *path = wb_json_text(task, "file");
  wb_h5 *file = NULL;
  bool is_run = false;
  wb_status status = wb_h5_open(path, &file, err);
  if (status == WB_OK) status = wb_runfile_check(file, &is_run, err);
  if (status == WB_OK) {
    struct stat info;
    json_t *factors = wb_must(json_array());
    *result = wb_json("{so sb so so so so sI}", "file", wb_json_string(path), "run", (int)is_run, "schema",
                      root_text(file, "schema"), "state", root_text(file, "state"), "created",
                      root_text(file, "created"), "factors", factors, "bytes",
                      (json_int_t)(stat(path, &info) == 0 ? info.st_size : 0));
    status = read_factors(file, factors, err);
  }
  if (status == WB_OK) status = read_objects(file, is_run, *result, err);
  wb_h5_close(file);
  return status;
}
