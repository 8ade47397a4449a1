/* runfile.c: see runfile.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5/runfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char schema_name[] = "workbench.run/"; // followed by the major version

/* ---- Writing ---- */

wb_status wb_runfile_create(const char *path, wb_h5 **out, wb_error *err) {
  wb_h5 *file;
  wb_status status = wb_h5_create(path, &file, err);
  if (status != WB_OK) return status;
  char now[32];
  const time_t seconds = time(NULL);
  struct tm utc;
  strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
  status = wb_h5_set_text(file, "/", "schema", WB_RUNFILE_SCHEMA, err);
  if (status == WB_OK) status = wb_h5_set_text(file, "/", "created", now, err);
  if (status == WB_OK)
    *out = file;
  else
    wb_h5_close(file);
  return status;
}

wb_status wb_runfile_write_factors(wb_h5 *file, const wb_runfile_factor *factors, size_t count,
                                   wb_error *err) {
  const char **names = calloc(count + 1, sizeof *names);
  if (!names) return wb_fail_nomem(err, "the factors", (count + 1) * sizeof *names);
  wb_status status = WB_OK;
  for (size_t i = 0; status == WB_OK && i < count; i++) {
    const wb_runfile_factor *f = &factors[i];
    names[i] = f->name;
    switch (f->type) {
    case WB_FACTOR_TEXT:
      status = wb_h5_set_text(file, "/", f->name, f->text, err);
      break;
    case WB_FACTOR_INT:
      status = wb_h5_set_ints(file, "/", f->name, &f->whole, 1, err);
      break;
    case WB_FACTOR_FLOAT:
      status = wb_h5_set_doubles(file, "/", f->name, &f->real, 1, err);
      break;
    }
  }
  if (status == WB_OK) status = wb_h5_set_texts(file, "/", "factors", names, count, err);
  free(names);
  return status;
}

static wb_status write_part(wb_h5 *file, const char *group, const char *name, wb_element element,
                            uint32_t rank, const uint64_t *dims, const void *data, wb_error *err) {
  char object[128];
  snprintf(object, sizeof object, "%s/%s", group, name);
  return data ? wb_h5_write(file, object, element, rank, dims, data, err) : WB_OK;
}

static wb_status describe_activations(wb_h5 *file, const char *group, const wb_runfile_activations *a,
                                      wb_error *err) {
  char object[128];
  const int64_t grid[2] = {(int64_t)a->rows, (int64_t)a->cols};
  wb_status status = WB_OK;
  if (a->data_spec) status = wb_h5_set_text(file, group, "data_spec", a->data_spec, err);
  if (status == WB_OK && a->data_digest)
    status = wb_h5_set_text(file, group, "data_digest", a->data_digest, err);
  snprintf(object, sizeof object, "%s/embedding", group);
  if (status == WB_OK && a->embedding) status = wb_h5_set_ints(file, object, "grid", grid, 2, err);
  snprintf(object, sizeof object, "%s/labels", group);
  if (status == WB_OK && a->labels && a->class_names)
    status = wb_h5_set_texts(file, object, "classes", a->class_names, a->classes, err);
  if (status == WB_OK && a->labels && a->superclass_names)
    status = wb_h5_set_texts(file, object, "superclasses", a->superclass_names, a->classes, err);
  return status;
}

wb_status wb_runfile_write_activations(wb_h5 *file, const wb_runfile_activations *a, wb_error *err) {
  char group[96];
  snprintf(group, sizeof group, "/activations/%s", a->split);
  const uint64_t embedding[] = {a->count, a->units}, logits[] = {a->count, a->classes};
  wb_status status = write_part(file, group, "embedding", WB_F32, 2, embedding, a->embedding, err);
  if (status == WB_OK) status = write_part(file, group, "logits", WB_F32, 2, logits, a->logits, err);
  if (status == WB_OK) status = write_part(file, group, "labels", WB_I32, 1, logits, a->labels, err);
  if (status == WB_OK) status = write_part(file, group, "index", WB_I64, 1, logits, a->index, err);
  if (status == WB_OK) status = write_part(file, group, "stimulus_id", WB_I64, 1, logits, a->ids, err);
  return status == WB_OK ? describe_activations(file, group, a, err) : status;
}

/* ---- Digests ---- */

/* What is digested: the root's and /config's and /model's attributes, and every data set. *objects is
 * freed with wb_h5_free_texts. */
static wb_status digested(const wb_h5 *file, char ***objects, size_t *count, wb_error *err) {
  static const char *const groups[] = {"/", "/config", "/config/source", "/model", "/resume"};
  enum { GROUPS = sizeof groups / sizeof *groups };
  wb_status status = wb_h5_datasets(file, "/", objects, count, err);
  if (status != WB_OK) return status;
  char **all = realloc(*objects, (*count + GROUPS) * sizeof *all);
  if (!all) {
    status = wb_fail_nomem(err, "the digests", (*count + GROUPS) * sizeof *all);
    goto done;
  }
  *objects = all;
  for (size_t i = 0; i < GROUPS && status == WB_OK; i++) {
    if (!wb_h5_exists(file, groups[i])) continue;
    if ((all[*count] = strdup(groups[i])))
      ++*count;
    else
      status = wb_fail_nomem(err, "the digests", 16);
  }
done:
  if (status != WB_OK) {
    wb_h5_free_texts(*objects, *count);
    *objects = NULL;
    *count = 0;
  }
  return status;
}

static wb_status write_digests(wb_h5 *file, wb_error *err) {
  char **objects, digest[WB_DIGEST_SIZE];
  size_t count;
  wb_status status = digested(file, &objects, &count, err);
  if (status == WB_OK) status = wb_h5_make_group(file, "/digests", err);
  for (size_t i = 0; status == WB_OK && i < count; i++) {
    status = wb_h5_digest(file, objects[i], digest, err);
    if (status == WB_OK) status = wb_h5_set_text(file, "/digests", objects[i], digest, err);
  }
  wb_h5_free_texts(objects, count);
  return status;
}

wb_status wb_runfile_commit(wb_h5 *file, const char *state, wb_error *err) {
  wb_status status = wb_h5_set_text(file, "/", "state", state, err);
  if (status == WB_OK) status = write_digests(file, err);
  if (status == WB_OK) return wb_h5_commit(file, err);
  wb_h5_close(file);
  return status;
}

static bool same_digest(const wb_h5 *file, const char *object) {
  char digest[WB_DIGEST_SIZE], *stored = NULL;
  const bool same = wb_h5_get_text(file, "/digests", object, &stored, NULL) == WB_OK &&
                    wb_h5_digest(file, object, digest, NULL) == WB_OK && strcmp(stored, digest) == 0;
  free(stored);
  return same;
}

wb_status wb_runfile_verify(const wb_h5 *file, char ***changed, size_t *count, wb_error *err) {
  char **objects = NULL, **stored = NULL;
  size_t object_count = 0, stored_count = 0, n = 0;
  *changed = NULL;
  *count = 0;
  wb_status status = digested(file, &objects, &object_count, err);
  if (status == WB_OK) status = wb_h5_attribute_names(file, "/digests", &stored, &stored_count, err);
  char **list = status == WB_OK ? calloc(object_count + stored_count + 1, sizeof *list) : NULL;
  if (status == WB_OK && !list) status = wb_fail_nomem(err, "the digests", object_count * sizeof *list);
  /* Moves what differs from the two lists into the third; an object that is gone is in `stored` only. */
  for (size_t i = 0; list && i < object_count; i++) {
    if (same_digest(file, objects[i])) continue;
    list[n++] = objects[i];
    objects[i] = NULL;
  }
  for (size_t i = 0; list && i < stored_count; i++) {
    if (wb_h5_exists(file, stored[i])) continue;
    list[n++] = stored[i];
    stored[i] = NULL;
  }
  wb_h5_free_texts(objects, object_count);
  wb_h5_free_texts(stored, stored_count);
  *changed = list;
  *count = n;
  return status;
}

/* ---- Reading ---- */

wb_status wb_runfile_check(const wb_h5 *file, bool *is_run, wb_error *err) {
  *is_run = false;
  char *schema = NULL;
  if (wb_h5_get_text(file, "/", "schema", &schema, NULL) != WB_OK) return WB_OK;
  wb_status status = WB_OK;
  if (strncmp(schema, schema_name, sizeof schema_name - 1) == 0) {
    *is_run = true;
    if (strcmp(schema, WB_RUNFILE_SCHEMA) != 0)
      status =
          wb_fail(err, WB_INPUT, "%s has the schema %s; this program reads %s. A newer workbench may read it",
                  wb_h5_path(file), schema, WB_RUNFILE_SCHEMA);
  }
  free(schema);
  return status;
}

wb_status wb_runfile_open(const char *path, wb_h5 **out, wb_error *err) {
  bool is_run;
  wb_status status = wb_h5_open(path, out, err);
  if (status != WB_OK) return status;
  status = wb_runfile_check(*out, &is_run, err);
  if (status == WB_OK && !is_run)
    status = wb_fail(err, WB_INPUT, "%s is no run file: it has no attribute schema that says %s", path,
                     WB_RUNFILE_SCHEMA);
  if (status != WB_OK) {
    wb_h5_close(*out);
    *out = NULL;
  }
  return status;
}

wb_status wb_runfile_is_complete(const wb_h5 *file, bool *complete, wb_error *err) {
  char *state;
  const wb_status status = wb_h5_get_text(file, "/", "state", &state, err);
  if (status != WB_OK) return status;
  *complete = strcmp(state, "complete") == 0;
  free(state);
  return WB_OK;
}

/* The shortest decimal that reads back as the same number. */
static void print_number(char *out, size_t size, double value) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, size, "%.*g", digits, value);
    if (strtod(out, NULL) == value) return;
  }
}

static wb_status factor_text(const wb_h5 *file, const char *name, char **out, wb_error *err) {
  char number[40];
  int64_t whole;
  double real;
  size_t count;
  if (wb_h5_get_text(file, "/", name, out, NULL) == WB_OK) return WB_OK;
  if (wb_h5_get_ints(file, "/", name, &whole, 1, &count, NULL) == WB_OK && count == 1) {
    snprintf(number, sizeof number, "%lld", (long long)whole);
  } else {
    const wb_status status = wb_h5_get_doubles(file, "/", name, &real, 1, &count, err);
    if (status != WB_OK) return status;
    if (count != 1) return wb_fail(err, WB_INPUT, "the factor %s of %s has no value", name, wb_h5_path(file));
    print_number(number, sizeof number, real);
  }
  *out = strdup(number);
  return *out ? WB_OK : wb_fail_nomem(err, "a factor", sizeof number);
}

/* Attributes of another program's file that are called like factors, and are a text or one number. */
static wb_status find_factors(const wb_h5 *file, char ***names, char ***values, size_t *count,
                              wb_error *err) {
  static const char *const known[] = {"objective", "topo",  "balance", "rho",  "lambda", "dropout",
                                      "arch",      "width", "units",   "data", "seed"};
  enum { KNOWN = sizeof known / sizeof known[0] };
  *names = calloc(KNOWN + 1, sizeof **names);
  *values = calloc(KNOWN + 1, sizeof **values);
  wb_status status = *names && *values ? WB_OK : wb_fail_nomem(err, "the factors", KNOWN * sizeof **names);
  for (size_t i = 0; i < KNOWN && status == WB_OK; i++) {
    if (!wb_h5_has_attribute(file, "/", known[i]) ||
        factor_text(file, known[i], &(*values)[*count], NULL) != WB_OK)
      continue;
    (*names)[*count] = strdup(known[i]);
    if (!(*names)[(*count)++]) status = wb_fail_nomem(err, "the factors", strlen(known[i]));
  }
  if (status == WB_OK) return WB_OK;
  wb_h5_free_texts(*names, *count);
  wb_h5_free_texts(*values, *count);
  *names = *values = NULL;
  *count = 0;
  return status;
}

wb_status wb_runfile_read_factors(const wb_h5 *file, char ***names, char ***values, size_t *count,
                                  wb_error *err) {
  *names = *values = NULL;
  *count = 0;
  if (!wb_h5_has_attribute(file, "/", "factors")) return find_factors(file, names, values, count, err);
  char **found;
  size_t n;
  wb_status status = wb_h5_get_texts(file, "/", "factors", &found, &n, err);
  if (status != WB_OK) return status;
  char **texts = calloc(n + 1, sizeof *texts);
  if (!texts) status = wb_fail_nomem(err, "the factors", (n + 1) * sizeof *texts);
  for (size_t i = 0; status == WB_OK && i < n; i++) status = factor_text(file, found[i], &texts[i], err);
  if (status != WB_OK) {
    wb_h5_free_texts(found, n);
    wb_h5_free_texts(texts, n);
    return status;
  }
  *names = found;
  *values = texts;
  *count = n;
  return WB_OK;
}
