/* import.h: a run file from the tensors of another program: what plugins/train/import.c runs.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#ifndef WB_IMPORT_H
#define WB_IMPORT_H

#include <workbench/plugin_util.h>

#define WB_IMPORT_VERSION "1.0"

/* What is unset comes from the file's metadata, its tensors, or the data set. */
typedef struct wb_import_params {
  const char *arch, *data, *grid;
  int64_t image_size; // 0: unset
  wb_float_list mean, sd;
  wb_string_list factors; // NAME=VALUE
} wb_import_params;

wb_status wb_import_check(const wb_host *host, const wb_import_params *params);
wb_status wb_import_run(const wb_host *host, const wb_import_params *params);

#endif
