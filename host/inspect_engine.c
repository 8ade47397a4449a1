/* inspect_engine.c: the roles behind the service engine/1: the network of a run file, and images; see
 * inspect.h. SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "data/dataset.h"
#include "heap.h"
#include "inspect.h"
#include "json.h"

/* Adds to `hash` all data sets below a group, and the group's attributes. */
static wb_status hash_group(wb_inspection *in, const char *group, wb_sha256 *hash) {
  if (!wb_h5_exists(in->file, group)) return WB_OK;
  char **objects = NULL, digest[WB_DIGEST_SIZE];
  size_t count = 0;
  wb_status status = wb_h5_datasets(in->file, group, &objects, &count, in->err);
  for (size_t i = 0; i <= count && status == WB_OK; i++) {
    const char *object = i < count ? objects[i] : group;
    status = wb_inspect_digest(in, object, digest);
    wb_sha256_text(hash, object);
    wb_sha256_text(hash, digest);
  }
  wb_h5_free_texts(objects, count);
  return status;
}

wb_status wb_inspect_model(wb_inspection *in, const wb_input *input) {
  if (!wb_h5_exists(in->file, "/model"))
    return input->flags & WB_INPUT_OPTIONAL
               ? WB_OK
               : wb_fail(in->err, WB_INPUT,
                         "%s has no /model; %s runs the network itself, so it needs a run file", in->path,
                         in->spec->id);
  static const char *const groups[] = {"/model", "/readout", "/config"};
  wb_sha256 *hash = wb_sha256_new();
  wb_status status = WB_OK;
  for (size_t i = 0; i < 3 && status == WB_OK; i++) status = hash_group(in, groups[i], hash);
  char *readout_input = NULL; // the one root attribute that says how the network runs
  wb_h5_get_text(in->file, "/", "readout_input", &readout_input, NULL);
  wb_sha256_text(hash, readout_input ? readout_input : "");
  free(readout_input);
  char digest[WB_DIGEST_SIZE];
  const wb_status hashed = wb_sha256_finish(hash, digest, in->err);
  if (status == WB_OK) status = hashed;
  if (status == WB_OK) wb_json_set(in->roles, input->role, wb_json("{ss}", "digest", digest));
  return status;
}

char *wb_inspect_data_attribute(const wb_inspection *in, const char *name) {
  char *text = NULL;
  if (wb_h5_get_text(in->file, "/", name, &text, NULL) == WB_OK) return text;
  return wb_h5_get_text(in->file, "/activations/test", name, &text, NULL) == WB_OK ? text : NULL;
}

/* Digest of a data set, which is loaded for that unless its files are as they were when that was done. */
static wb_status find_digest(const char *spec, bool anew, char digest[WB_DIGEST_SIZE], wb_error *err) {
  char *place = NULL;
  wb_status status = wb_dataset_place(spec, &place, err);
  if (status != WB_OK) return status;
  json_t *known = place ? wb_cache_digests(place) : wb_must(json_object());
  const char *remembered = anew ? NULL : wb_json_text(known, spec);
  if (remembered && strlen(remembered) + 1 == WB_DIGEST_SIZE) {
    memcpy(digest, remembered, WB_DIGEST_SIZE);
  } else {
    wb_dataset *data = NULL;
    status = wb_dataset_open(spec, &data, err);
    if (status == WB_OK) {
      memcpy(digest, data->digest, WB_DIGEST_SIZE);
      wb_json_set(known, spec, wb_json_string(digest));
    }
    if (status == WB_OK && place) wb_cache_remember_digests(place, known);
    wb_dataset_free(data);
  }
  json_decref(known);
  free(place);
  return status;
}

/* The same, unless it was the last one. */
static wb_status data_digest(wb_session *session, const char *spec, bool anew, wb_error *err) {
  if (session->data_spec && !strcmp(session->data_spec, spec)) return WB_OK;
  const wb_status status = find_digest(spec, anew, session->data_digest, err);
  free(session->data_spec);
  session->data_spec = status == WB_OK ? wb_copy(spec) : NULL;
  return status;
}

static wb_status bind_images(wb_inspection *in, const wb_input *input, const char *spec, bool given,
                             wb_error *err) {
  wb_error why = {0};
  const wb_status status = data_digest(in->session, spec, wb_json_true(in->task, "recompute"), &why);
  if (status != WB_OK)
    return wb_fail(err, status, "%s%s%s", why.message, given ? "" : "\n--data names other images, for ",
                   given ? "" : in->path);
  char *recorded = wb_inspect_data_attribute(in, "data_digest");
  const bool other = recorded && strcmp(recorded, in->session->data_digest) != 0;
  free(recorded);
  if (other && !wb_json_true(in->task, "allow_other_data"))
    return wb_fail(
        err, WB_INPUT,
        "%s was trained on other images than %s holds%s\n--allow-other-data uses them all the same.",
        in->path, spec, given ? "" : " now");
  wb_json_set(in->roles, input->role, wb_json("{ss}", "digest", in->session->data_digest));
  wb_json_set(in->result, "data_spec", wb_json_string(spec));
  return WB_OK;
}

wb_status wb_inspect_images(wb_inspection *in, const wb_input *input) {
  const char *given = wb_json_text(in->task, "data");
  char *spec = given ? wb_copy(given) : wb_inspect_data_attribute(in, "data_spec");
  const bool optional = input->flags & WB_INPUT_OPTIONAL;
  if (!spec)
    return optional ? WB_OK
                    : wb_fail(in->err, WB_INPUT,
                              "%s does not say which images it was trained on\n--data names them.", in->path);
  wb_error why = {0};
  const wb_status status = bind_images(in, input, spec, given != NULL, &why);
  free(spec);
  return status == WB_OK || optional ? WB_OK : wb_fail(in->err, status, "%s", why.message);
}
