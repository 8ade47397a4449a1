/* huge-alloc.c: asks for more memory than there is. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return WB_ALLOC(host, double, (size_t)1 << 45) ? host->emit_scalar(host, "value", 0.5) : WB_NOMEM;
}

BAD_PLUGIN("huge-alloc", run)
