/* emits-undeclared.c: emits an output that it does not declare, and ignores the refusal.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  host->emit_scalar(host, "surprise", 0.5);
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("emits-undeclared", run)
