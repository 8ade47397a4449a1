/* wrong-role.c: reads a role that it does not declare. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  uint64_t dims[WB_MAX_RANK];
  WB_TRY(host->shape(host, "logits", 0, dims));
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("wrong-role", run)
