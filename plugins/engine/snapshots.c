/* snapshots.c: weights of some epochs kept beside the model, for what changes over training.
 * SPDX-License-Identifier: GPL-3.0-or-later
 */
#include <stdio.h>

#include "model_file.h"
#include "train_internal.h"

static bool wanted(const wb_trainer *t, int64_t epoch) {
  const wb_int_list *list = &t->params->snapshot_epochs;
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i] == epoch) return true;
  return false;
}

bool wb_snapshot_due(const wb_trainer *t) {
  return wanted(t, t->epoch);
}

wb_status wb_snapshots_write(const wb_trainer *t, wb_h5 *file, wb_error *err) {
  wb_h5 *before = NULL;
  wb_status status = WB_OK;
  if (t->params->snapshot_epochs.count && t->written) status = wb_h5_open(t->target.path, &before, err);
  for (int64_t e = 1; e <= t->epoch && status == WB_OK; e++) {
    char group[64];
    snprintf(group, sizeof group, "/checkpoints/%lld", (long long)e);
    if (!wanted(t, e)) continue;
    if (before && e <= t->written)
      status = wb_h5_copy(before, group, file, err);
    else
      status = wb_model_write_tensors(t->net, group, file, err);
  }
  wb_h5_close(before);
  return status;
}
