/* yaml.c: see yaml.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 32, MAX_BYTES = 4 << 20, MAX_POINTER = 1024 };

typedef struct reader {
  yaml_parser_t parser;
  const char *name;
  json_t *places;            // see wb_yaml_load_placed; NULL: not wanted
  char pointer[MAX_POINTER]; // of the value being read
  wb_error *err;
} reader;

/* Makes the pointer one step longer; returns what to cut it back to. */
static size_t descend(reader *r, const char *step) {
  const size_t length = strlen(r->pointer);
  snprintf(r->pointer + length, sizeof r->pointer - length, "/%s", step);
  return length;
}

static void note_place(const reader *r, const yaml_event_t *event) {
  char place[48];
  snprintf(place, sizeof place, "%zu:%zu", event->start_mark.line + 1, event->start_mark.column + 1);
  if (r->places) json_object_set_new(r->places, r->pointer, json_string(place));
}

static bool refuse(reader *r, const yaml_event_t *event, const char *what) {
  wb_fail(r->err, WB_INPUT, "%s, line %zu: %s", r->name, event->start_mark.line + 1, what);
  return false;
}

static json_t *fail(reader *r, const yaml_event_t *event, const char *what) {
  refuse(r, event, what);
  return NULL;
}

static bool next(reader *r, yaml_event_t *event) {
  if (yaml_parser_parse(&r->parser, event)) return true;
  wb_fail(r->err, WB_INPUT, "%s, line %zu: not valid YAML: %s", r->name, r->parser.problem_mark.line + 1,
          r->parser.problem ? r->parser.problem : "cannot be read");
  return false;
}

static json_t *value(reader *r, const yaml_event_t *event, int depth);

static json_t *scalar(reader *r, const yaml_event_t *event) {
  const char *text = (const char *)event->data.scalar.value;
  const bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (plain && (!*text || !strcmp(text, "~") || !strcmp(text, "null"))) return json_null();
  if (strlen(text) != event->data.scalar.length)
    return fail(r, event, "a value holds a character that text cannot hold");
  json_t *json = json_string(text);
  return json ? json : fail(r, event, "a value is not valid UTF-8");
}

static json_t *sequence(reader *r, int depth) {
  json_t *array = json_array();
  for (;;) {
    yaml_event_t event;
    if (!next(r, &event)) break;
    const bool end = event.type == YAML_SEQUENCE_END_EVENT;
    char step[24];
    snprintf(step, sizeof step, "%zu", json_array_size(array));
    const size_t above = descend(r, step);
    json_t *item = end ? NULL : value(r, &event, depth);
    r->pointer[above] = '\0';
    yaml_event_delete(&event);
    if (end) return array;
    if (!item || json_array_append_new(array, item) != 0) break;
  }
  json_decref(array);
  return NULL;
}

/* Reads the value of `key` and puts it into `object`; false on failure. */
static bool entry(reader *r, json_t *object, const yaml_event_t *key, int depth) {
  if (key->type != YAML_SCALAR_EVENT) return refuse(r, key, "a key must be a single word");
  const char *name = (const char *)key->data.scalar.value;
  if (json_object_get(object, name)) return refuse(r, key, "a key is given twice");
  yaml_event_t event;
  if (!next(r, &event)) return false;
  const size_t above = descend(r, name);
  json_t *item = value(r, &event, depth);
  note_place(r, key); // messages are about "rho: x": they point at its key
  r->pointer[above] = '\0';
  yaml_event_delete(&event);
  return item && (json_object_set_new(object, name, item) == 0 || refuse(r, key, "a key is not valid UTF-8"));
}

static json_t *mapping(reader *r, int depth) {
  json_t *object = json_object();
  for (;;) {
    yaml_event_t key;
    if (!next(r, &key)) break;
    const bool end = key.type == YAML_MAPPING_END_EVENT;
    const bool good = end || entry(r, object, &key, depth);
    yaml_event_delete(&key);
    if (end) return object;
    if (!good) break;
  }
  json_decref(object);
  return NULL;
}

static json_t *value(reader *r, const yaml_event_t *event, int depth) {
  if (depth > MAX_DEPTH) return fail(r, event, "it nests too deeply");
  const yaml_char_t *anchor = NULL;
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    anchor = event->data.scalar.anchor;
    break;
  case YAML_SEQUENCE_START_EVENT:
    anchor = event->data.sequence_start.anchor;
    break;
  case YAML_MAPPING_START_EVENT:
    anchor = event->data.mapping_start.anchor;
    break;
  default:
    return fail(r, event, "anchors and aliases are not supported");
  }
  if (anchor) return fail(r, event, "anchors and aliases are not supported");
  note_place(r, event);
  if (event->type == YAML_SCALAR_EVENT) return scalar(r, event);
  return event->type == YAML_SEQUENCE_START_EVENT ? sequence(r, depth + 1) : mapping(r, depth + 1);
}

static json_t *document(reader *r) {
  yaml_event_t event;
  json_t *json = NULL;
  for (bool end = false; !end;) {
    if (!next(r, &event)) break;
    const yaml_event_type_t type = event.type;
    end = type == YAML_STREAM_END_EVENT;
    if (end && !json) json = json_null();
    const bool inside = type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                        type != YAML_DOCUMENT_END_EVENT && !end;
    if (inside && !json) json = value(r, &event, 0);
    const bool second = type == YAML_DOCUMENT_START_EVENT && json;
    if (second) fail(r, &event, "only one document is expected");
    yaml_event_delete(&event);
    if (second || (inside && !json)) break;
    if (end) return json;
  }
  json_decref(json);
  return NULL;
}

static wb_status parse(const char *text, size_t bytes, const char *name, json_t **out, json_t *places,
                       wb_error *err) {
  reader r = {.name = name, .places = places, .err = err};
  if (!yaml_parser_initialize(&r.parser)) return wb_fail_nomem(err, "a YAML parser", sizeof r.parser);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
  json_t *json = document(&r);
  yaml_parser_delete(&r.parser);
  if (!json) return wb_fail(err, WB_INPUT, "%s: not valid YAML", name); // unless a message is set already
  *out = json;
  return WB_OK;
}

wb_status wb_yaml_parse(const char *text, size_t bytes, const char *name, json_t **out, wb_error *err) {
  return parse(text, bytes, name, out, NULL, err);
}

wb_status wb_yaml_load(const char *path, json_t **out, wb_error *err) {
  return wb_yaml_load_placed(path, out, NULL, err);
}

wb_status wb_yaml_load_placed(const char *path, json_t **out, json_t **places, wb_error *err) {
  json_t *found = places ? json_object() : NULL;
  FILE *file = fopen(path, "rb");
  if (!file)
    return errno == ENOENT ? wb_fail(err, WB_INPUT, "%s: no such file", path)
                           : wb_fail_errno(err, "cannot read %s", path);
  char *text = malloc(MAX_BYTES + 1);
  const size_t bytes = text ? fread(text, 1, MAX_BYTES + 1, file) : 0;
  wb_status status = WB_OK;
  if (!text)
    status = wb_fail_nomem(err, path, MAX_BYTES);
  else if (ferror(file))
    status = wb_fail_errno(err, "cannot read %s", path);
  else if (bytes > MAX_BYTES)
    status = wb_fail(err, WB_INPUT, "%s: larger than 4 MiB", path);
  else
    status = parse(text, bytes, path, out, found, err);
  free(text);
  fclose(file);
  if (status == WB_OK && places)
    *places = found;
  else
    json_decref(found);
  return status;
}
