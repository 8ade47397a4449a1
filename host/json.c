/* json.c: see json.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"

const char *wb_json_text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

int64_t wb_json_int(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

double wb_json_number(const json_t *object, const char *key, double absent) {
  const json_t *value = json_object_get(object, key);
  return json_is_number(value) ? json_number_value(value) : absent;
}

bool wb_json_true(const json_t *object, const char *key) {
  return json_is_true(json_object_get(object, key));
}

const char **wb_json_texts(const json_t *object, const char *key, size_t *count) {
  const json_t *array = json_object_get(object, key);
  *count = json_array_size(array);
  if (!json_is_array(array)) return NULL;
  const char **texts = wb_new(const char *, *count);
  for (size_t i = 0; i < *count; i++) {
    const char *text = json_string_value(json_array_get(array, i));
    texts[i] = text ? text : "";
  }
  return texts;
}

json_t *wb_json(const char *format, ...) {
  va_list args;
  va_start(args, format);
  json_t *json = json_vpack_ex(NULL, 0, format, args);
  va_end(args);
  return wb_must(json);
}

void wb_json_set(json_t *object, const char *key, json_t *value) {
  if (json_object_set_new(object, key, value) != 0) wb_must(NULL);
}

void wb_json_append(json_t *array, json_t *value) {
  if (json_array_append_new(array, value) != 0) wb_must(NULL);
}

json_t *wb_json_string(const char *text) {
  if (!text) return json_null();
  json_t *json = json_string(text);
  if (json) return json;
  char *clean = wb_copy(text);
  for (char *c = clean; *c; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  json = wb_must(json_string(clean));
  free(clean);
  return json;
}

json_t *wb_json_real(double value) {
  return isfinite(value) ? wb_must(json_real(value)) : json_null();
}

void wb_json_print(const json_t *json) {
  json_dumpf(json, stdout, JSON_INDENT(2));
  putchar('\n');
}

json_t *wb_json_load(const char *path) {
  return json_load_file(path, 0, NULL);
}

bool wb_json_save(const json_t *json, const char *path) {
  char *temporary = wb_format("%s.%ld", path, (long)getpid());
  const bool saved = json_dump_file(json, temporary, JSON_COMPACT) == 0 && rename(temporary, path) == 0;
  if (!saved) unlink(temporary);
  free(temporary);
  return saved;
}
