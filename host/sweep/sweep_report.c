/* sweep_report.c: see sweep_report.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include "sweep_report.h"

#include <string.h>

#include "heap.h"
#include "json.h"
#include "papers.h"

static wb_status read_title(const json_t *value, wb_sweep *sweep, wb_error *err) {
  if (!json_is_string(value)) return wb_fail(err, WB_ARG, "title must be a text");
  sweep->title = wb_copy(json_string_value(value));
  return WB_OK;
}

static wb_status read_paper(const json_t *value, wb_sweep *sweep, wb_error *err) {
  const char *keyword = json_is_string(value) ? json_string_value(value) : "";
  wb_report_paper paper;
  if (!wb_paper_parse(keyword, &paper))
    return wb_fail(err, WB_ARG, "paper must be contrastive-topography or beyond-topography");
  sweep->paper = wb_copy(keyword);
  return WB_OK;
}

static wb_status read_changes(const json_t *list, wb_sweep *sweep, char **pointer, wb_error *err) {
  if (!json_is_array(list))
    return wb_fail(err, WB_ARG, "changes must be a list: \"- 10 epochs, not 200\" on lines of their own");
  const json_t *item;
  size_t i;
  json_array_foreach(list, i, item) {
    const char *text = json_is_string(item) ? json_string_value(item) : "";
    if (!*text) {
      *pointer = wb_format("/report/changes/%zu", i);
      return wb_fail(err, WB_ARG, "a change must be a text; one that holds \": \" needs quotes around it");
    }
    wb_grow(sweep->changes, sweep->change_count);
    sweep->changes[sweep->change_count++] = wb_copy(text);
  }
  return WB_OK;
}

static wb_status read_key(const char *key, const json_t *value, wb_sweep *sweep, char **pointer,
                          wb_error *err) {
  if (!strcmp(key, "title")) return read_title(value, sweep, err);
  if (!strcmp(key, "paper")) return read_paper(value, sweep, err);
  if (!strcmp(key, "changes")) return read_changes(value, sweep, pointer, err);
  return wb_fail(err, WB_ARG, "a report has a title, a paper and changes, no %s", key);
}

wb_status wb_sweep_report_read(const json_t *report, wb_sweep *sweep, char **pointer, wb_error *err) {
  const bool unwanted = json_is_string(report) && !strcmp(json_string_value(report), "no");
  sweep->report = !unwanted && (report || sweep->analysis_count);
  if (!report || unwanted) return WB_OK;
  if (!json_is_object(report)) {
    *pointer = wb_copy("/report");
    return wb_fail(err, WB_ARG, "report must be \"no\" or hold lines such as \"title: My study\"");
  }
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)report, key, value) {
    const wb_status status = read_key(key, value, sweep, pointer, err);
    if (status != WB_OK && !*pointer) *pointer = wb_format("/report/%s", key);
    if (status != WB_OK) return status;
  }
  return WB_OK;
}
