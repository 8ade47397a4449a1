/* emits-nothing.c: ends without emitting what it declares. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)host;
  (void)params;
  return WB_OK;
}

BAD_PLUGIN("emits-nothing", run)
