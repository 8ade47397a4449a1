/* loops-forever.c: never returns. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  volatile int forever = 1;
  while (forever) {
  }
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("loops-forever", run)
