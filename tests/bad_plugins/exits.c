/* exits.c: ends the process while it runs. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)host;
  (void)params;
  exit(3);
}

BAD_PLUGIN("exits", run)
