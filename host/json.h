/* json.h: short hands over jansson. Getters never fail: what is absent or of another type gives NULL, 0 or
 * false. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_JSON_H
#define WB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *wb_json_text(const json_t *object, const char *key); // NULL where absent
int64_t wb_json_int(const json_t *object, const char *key);
double wb_json_number(const json_t *object, const char *key, double absent);
bool wb_json_true(const json_t *object, const char *key);
/* An array of texts; NULL where absent. The array is malloc'ed, the texts belong to the JSON value. */
const char **wb_json_texts(const json_t *object, const char *key, size_t *count);

/* json_pack that ends the process where memory is short or the format is wrong. A new reference. */
json_t *wb_json(const char *format, ...);
/* Sets or appends, stealing `value`. */
void wb_json_set(json_t *object, const char *key, json_t *value);
void wb_json_append(json_t *array, json_t *value);
json_t *wb_json_string(const char *text); // null for NULL; bytes that are not UTF-8 are replaced by ?
json_t *wb_json_real(double value);       // null where not finite

/* On stdout, indented, with a final newline. */
void wb_json_print(const json_t *json);
/* NULL where there is no such file or it is not JSON. */
json_t *wb_json_load(const char *path);
/* Written beside and renamed; false where that failed. */
bool wb_json_save(const json_t *json, const char *path);

#endif
