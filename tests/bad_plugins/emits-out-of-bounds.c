/* emits-out-of-bounds.c: emits a value outside of the bounds that it declares. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 1.5);
}

BAD_PLUGIN("emits-out-of-bounds", run)
