/* outside-struct.c: has a parameter outside of its parameter struct. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "bad.h"

static const wb_param params_table[] = {
    {.name = "count", .help = "how many", .type = WB_INT, .default_text = "3", .offset = 64}};

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD, BAD_FIELDS("outside-struct", run), .params_size = 8,
                                 .params = WB_TABLE(params_table)};
BAD_EXPORT(plugin)
