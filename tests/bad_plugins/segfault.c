/* segfault.c: writes through a null pointer while it runs, on runs with seed 2. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <string.h>

#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  const char *seed = host->factor(host, 0, "seed");
  volatile int *volatile nowhere = NULL;
  if (seed && !strcmp(seed, "2")) *nowhere = 1;
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("segfault", run)
