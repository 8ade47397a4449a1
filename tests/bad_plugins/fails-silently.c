/* fails-silently.c: fails without saying why. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)host;
  (void)params;
  return WB_NUMERIC;
}

BAD_PLUGIN("fails-silently", run)
