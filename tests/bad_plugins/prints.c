/* prints.c: prints to stdout and stderr, which is not its to do. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  puts("noise on stdout");
  fputs("noise on stderr\n", stderr);
  return host->emit_scalar(host, "value", 0.5);
}

BAD_PLUGIN("prints", run)
