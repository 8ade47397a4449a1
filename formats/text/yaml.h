/* yaml.h: YAML files as JSON values (libyaml). SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_YAML_H
#define WB_YAML_H

#include <jansson.h>

#include "base/error.h"

/* The one document of a file: mappings become objects in the file's order, sequences arrays, scalars strings;
 * an empty plain scalar, ~ and null become null. An empty file is null. WB_IO where the file cannot be read;
 * WB_INPUT with file and line where it is not YAML, nests deeper than 32, repeats a key, or uses anchors. The
 * caller decrefs *out. */
wb_status wb_yaml_load(const char *path, json_t **out, wb_error *err);

/* The same, and where in the file each value is: *places (unless NULL; the caller decrefs it) maps the JSON
 * pointer of a value ("/grid/rho/2") to "line:column", both from 1. */
wb_status wb_yaml_load_placed(const char *path, json_t **out, json_t **places, wb_error *err);

/* wb_yaml_load of a text; `name` stands for the file in messages. */
wb_status wb_yaml_parse(const char *text, size_t bytes, const char *name, json_t **out, wb_error *err);

#endif
