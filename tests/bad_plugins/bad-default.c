/* bad-default.c: has a default that its own bounds forbid. SPDX-License-Identifier: GPL-3.0-or-later */
#include "bad.h"

typedef struct bad_params {
  int64_t count;
} bad_params;

static const wb_param params_table[] = {{.name = "count",
                                         .help = "how many",
                                         .type = WB_INT,
                                         .default_text = "-3",
                                         .min = 1,
                                         .max = 10,
                                         .offset = offsetof(bad_params, count)}};

static wb_status run(const wb_host *host, const void *params) {
  (void)params;
  return host->emit_scalar(host, "value", 0.5);
}

static const wb_plugin plugin = {WB_PLUGIN_HEAD, BAD_FIELDS("bad-default", run),
                                 .params_size = sizeof(bad_params), .params = WB_TABLE(params_table)};
BAD_EXPORT(plugin)
