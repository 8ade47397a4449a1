/* preset.c: parameter files of published recipes, see params.h. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "heap.h"
#include "library.h"
#include "params.h"

wb_status wb_preset_path(const char *name, char **out, wb_error *err) {
  char *program = wb_program_path(), *slash = strrchr(program, '/'), **files = NULL;
  if (slash) *slash = '\0';
  static const char *const places[] = {"../../../scripts/presets", "../share/workbench/presets"};
  char **names = NULL;
  size_t name_count = 0;
  *out = NULL;
  for (size_t p = 0; p < 2 && !*out; p++) {
    char *folder = wb_format("%s/%s", program, places[p]);
    const size_t count = wb_list_folder(folder, ".yaml", &files);
    for (size_t i = 0; i < count; i++) {
      const char *last = wb_last_part(files[i]);
      char *preset = wb_format("%.*s", (int)(strlen(last) - strlen(".yaml")), last);
      if (!strcmp(preset, name)) *out = realpath(files[i], NULL);
      wb_grow(names, name_count);
      names[name_count++] = preset;
    }
    wb_free_texts(files, count);
    free(folder);
  }
  if (!*out) {
    char *hint = wb_did_you_mean(name, "", (const char *const *)names, name_count);
    wb_fail(err, WB_ARG, "there is no preset %s%s", name, hint);
    free(hint);
  }
  wb_free_texts(names, name_count);
  free(program);
  return *out ? WB_OK : WB_ARG;
}
