/* aborts.c: aborts while it runs. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)host;
  (void)params;
  fputs("the plugin says goodbye\n", stderr);
  abort();
}

BAD_PLUGIN("aborts", run)
