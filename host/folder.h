/* folder.h: a folder that the program owns and replaces as a whole, in one step: what it held before stays
 * until all of the new is there. SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_FOLDER_H
#define WB_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

typedef struct wb_folder {
  char *real;  // its name; a link to it stays one
  char *fresh; // a folder beside it, to be filled
  bool exists;
} wb_folder;

/* Makes the folder beside. WB_ARG where `path` is something else than an empty folder or one that `is_ours`
 * knows; `what` names that in messages: "result". Ended with wb_folder_end in any case. */
wb_status wb_folder_begin(const char *path, const char *what, bool (*is_ours)(const char *path),
                          wb_folder *out, wb_error *err);
/* WB_OK: the fresh folder takes the place of the other; otherwise it is removed, and `status` returned. */
wb_status wb_folder_end(wb_folder *folder, wb_status status, wb_error *err);

/* Whether the JSON file in a folder has a schema that begins with `schema`. */
bool wb_folder_has_schema(const char *folder, const char *file, const char *schema);

#endif
