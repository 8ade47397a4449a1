/* emits-another-shape.c: emits a matrix as a scalar output. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  const double values[4] = {0};
  return host->emit_matrix(host, "value", 2, 2, values, NULL, NULL);
}

BAD_PLUGIN("emits-another-shape", run)
