/* runaway.c: takes memory until there is none, and then uses the null pointer. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <string.h>

#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  for (size_t block = 1 << 24; block; block += 1 << 20) memset(malloc(block), 1, block);
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("runaway", run)
