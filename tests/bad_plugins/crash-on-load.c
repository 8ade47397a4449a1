/* crash-on-load.c: crashes while it is loaded. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

__attribute__((constructor)) static void crash(void) {
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
}

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("crash-on-load", run)
