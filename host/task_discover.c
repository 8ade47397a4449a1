/* task_discover.c: which plugins a shared object holds.
 * {"do": "discover", "file"} -> {"plugins": [spec ..], "faults": [{"id", "reason"} ..], "files": [..]}
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdlib.h>

#include "heap.h"
#include "json.h"
#include "session.h"

enum { MAX_PLUGINS = 1000 };

static void add_plugin(const wb_library *library, const wb_plugin *plugin, uint32_t index, json_t *plugins,
                       json_t *faults, wb_code *code) {
  wb_error why = {0};
  wb_spec *spec = NULL;
  wb_code_free(code);
  wb_status status = wb_library_code(library, plugin->flags & WB_NEEDS_ENGINE, code, &why);
  if (status == WB_OK) status = wb_spec_from_plugin(plugin, library->path, index, code->build, &spec, &why);
  if (status == WB_OK)
    wb_json_append(plugins, wb_spec_to_json(spec));
  else
    wb_json_append(
        faults, wb_json("{so so}", "id", wb_json_string(plugin->id), "reason", wb_json_string(why.message)));
  wb_spec_free(spec);
}

wb_status wb_task_discover(wb_session *session, const json_t *task, json_t **result, wb_error *err) {
  (void)session;
  wb_library library;
  wb_status status = wb_library_open(wb_json_text(task, "file"), &library, err);
  if (status != WB_OK) return status;
  json_t *plugins = wb_must(json_array()), *faults = wb_must(json_array()), *files = wb_must(json_array());
  wb_code code = {0};
  for (uint32_t index = 0; index < MAX_PLUGINS; index++) {
    const wb_plugin *plugin;
    status = wb_library_plugin(&library, index, &plugin, err);
    if (status != WB_OK || !plugin) break;
    add_plugin(&library, plugin, index, plugins, faults, &code);
    for (size_t i = 0; i < code.file_count; i++) wb_json_append(files, wb_json_string(code.files[i]));
  }
  wb_code_free(&code);
  free(library.path); // it stays loaded, as in wb_session_close
  *result = wb_json("{so so so}", "plugins", plugins, "faults", faults, "files", files);
  if (status == WB_OK && !json_array_size(plugins) && !json_array_size(faults))
    status = wb_fail(err, WB_UNSUPPORTED, "%s holds no plugin", wb_json_text(task, "file"));
  return status;
}
