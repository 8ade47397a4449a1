/* wrong-size.c: has a descriptor whose size no ABI has. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {.struct_size = 0xdeadbeef, BAD_FIELDS("wrong-size", run)};
BAD_EXPORT(plugin)
