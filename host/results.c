/* results.c: the folder of a result, replaced as a whole. See study.h. SPDX-License-Identifier:
 * GPL-3.0-or-later
 */
#include <stdlib.h>

#include "folder.h"
#include "results_internal.h"

static wb_status write_all(const wb_study *study, const char *fresh, const char *earlier, const char *shown,
                           char **warning, wb_error *err) {
  wb_figure_entry *figures = NULL;
  size_t count = 0;
  wb_status status = wb_result_write_h5(study, fresh, err);
  if (status == WB_OK) status = wb_result_write_tables(study, fresh, err);
  if (status == WB_OK)
    status = wb_figures_write(study, fresh, earlier, shown, &figures, &count, warning, err);
  if (status == WB_OK) status = wb_result_write_json(study, figures, count, fresh, err);
  wb_figure_entries_free(figures, count);
  return status;
}

static bool is_ours(const char *folder) {
  return wb_folder_has_schema(folder, "summary.json", "workbench.result/");
}

wb_status wb_results_write(const wb_study *study, const char *folder, char **warning, wb_error *err) {
  wb_folder place;
  *warning = NULL;
  wb_status status = wb_folder_begin(folder, "result", is_ours, &place, err);
  if (status == WB_OK) status = write_all(study, place.fresh, place.real, folder, warning, err);
  status = wb_folder_end(&place, status, err);
  if (status != WB_OK) {
    free(*warning);
    *warning = NULL;
  }
  return status;
}
