/* emits-nan.c: emits a value that is not a number. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", NAN);
}

BAD_PLUGIN("emits-nan", run)
