/* wrong-major.c: was built for another major version of the ABI. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {.struct_size = (uint32_t)sizeof(wb_plugin),
                                 .abi_major = WB_ABI_MAJOR + 7,
                                 .abi_minor = WB_ABI_MINOR,
                                 BAD_FIELDS("wrong-major", run)};
BAD_EXPORT(plugin)
