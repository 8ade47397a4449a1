/* output.h: a file that appears under its name only when it is whole. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef WB_OUTPUT_H
#define WB_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wb_output_file wb_output_file;

/* Starts a temporary file in the same folder. */
wb_status wb_output_create(const char *path, wb_output_file **out, wb_error *err);
/* Appends; the first failure is reported by wb_output_commit. */
void wb_output_write(wb_output_file *file, const void *data, size_t size);
uint64_t wb_output_position(const wb_output_file *file);
/* Syncs and renames; frees either way. */
wb_status wb_output_commit(wb_output_file *file, wb_error *err);
/* Removes what was written and frees; NULL is fine. */
void wb_output_abandon(wb_output_file *file);

#endif
