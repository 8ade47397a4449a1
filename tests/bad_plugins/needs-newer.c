/* needs-newer.c: needs a later minor version of the ABI. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {.struct_size = (uint32_t)sizeof(wb_plugin),
                                 .abi_major = WB_ABI_MAJOR,
                                 .abi_minor = WB_ABI_MINOR + 9,
                                 .needs_minor = WB_ABI_MINOR + 9,
                                 BAD_FIELDS("needs-newer", run)};
BAD_EXPORT(plugin)
